# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Worlds as people have them: names with elements and a seed, and what each element puts there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pytest

from lab.client import ELEMENTS as VARIABLE, Lab, world_name
from lab.worlds import WORLDS, Credentials, build
from lab.worlds.elements import ELEMENTS, EVERYDAY, chosen
from lab.worlds.elements.domains import GOOGLE, ON_PREMISES, PARKED, REGISTRAR
from lab.worlds.elements.gateway import FORMS, STAMP
from tests.lab.conftest import Tenant
from tests.lab.dns_client import ask

NOW = datetime(2026, 11, 29, 6, tzinfo=timezone.utc)
MADE = Credentials("secret" * 4, "token" * 9, "certificate")
SENDER = "news@s001.senders.example"


def made(name: str) -> dict[str, Any]:
    return build(name, MADE, NOW)[0]


@pytest.mark.parametrize("world", sorted(set(WORLDS) - {"many"}))
def test_every_world_takes_every_everyday_element(world: str) -> None:
    state = made(f"{world}+all@3")
    assert [each.partition("=")[0] for each in state["elements"]["names"]] == list(EVERYDAY)
    json.dumps(state)


def test_a_seed_is_one_world_and_another_seed_another() -> None:
    assert made("lived_in@3") == made("lived_in@3")
    assert made("lived_in@3") != made("lived_in@4")
    assert chosen(["some"], 3) == chosen(["some"], 3) != chosen(["some"], 5)
    assert {name for seed in range(40) for name, _argument in chosen(["some"], seed)} == set(
        EVERYDAY
    )


def test_worlds_without_elements_stay_as_they_were() -> None:
    for world in ("fresh", "busy", "former_gateway"):
        state = made(world)
        assert "elements" not in state and state["mail"]["scenery"] == []


@pytest.mark.parametrize(
    "name", ["fresh+nothing", "fresh+idn=latin", "fresh+mailboxes=many", "fresh@x", "nowhere+all"]
)
def test_what_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        made(name)


def test_the_environment_adds_elements_to_worlds_that_name_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "some@7")
    assert world_name("busy") == "busy+some@7"
    assert world_name("busy+odd_rows@2") == "busy+odd_rows@2"


def _statuses(lab: Lab, names: Sequence[str], resolver: int = 0) -> dict[str, Any]:
    return {name: ask(lab, name, "MX", resolver) for name in names}


def test_parked_domains_say_in_many_forms_that_they_take_no_mail(lab: Lab) -> None:
    lab.reset("fresh+parked")
    accepted = {item["DomainName"] for item in lab.state()["tenant"]["accepted_domains"]}
    assert set(PARKED) <= accepted
    assert not set(PARKED) & set(lab.extra_vars["area1_domains"])
    found = _statuses(lab, list(PARKED))
    assert found["parked-null.example"] == ["0 ."]
    assert found["parked-ten.example"] == ["10 ."]
    assert found["parked-beside.example"] == ["0 .", "20 mx.parking.example."]
    assert found["parked-localhost.example"] == ["0 localhost."]
    assert found["parked-web.example"] == []
    assert ask(lab, "parked-web.example", "A") == ["192.0.2.80"]


def test_lame_expired_and_alias_domains(lab: Lab) -> None:
    lab.reset("fresh+lame+alias")
    assert ask(lab, "dropped.example", "MX") == "SERVFAIL"
    assert ask(lab, "expired.example", "MX") == "NXDOMAIN"
    assert ask(lab, "shop.northwind.example", "CNAME") == ["shops.hoster.example."]
    names = {"dropped.example", "expired.example", "shop.northwind.example"}
    assert names <= {item["DomainName"] for item in lab.state()["tenant"]["accepted_domains"]}


def test_nobody_writes_to_domains_without_mail(lab: Lab) -> None:
    lab.reset("fresh+parked+lame+alias")
    tally = lab.traffic(senders=5, mails=200)
    assert tally["delivered"] == tally["sent"] == 200


@pytest.mark.parametrize(
    ("element", "domain", "host"),
    [
        ("sign_in_only", "signin.example", GOOGLE),
        ("forwarded", "brand.example", REGISTRAR),
        ("half_migrated", "lyon.example", ON_PREMISES),
    ],
)
@pytest.mark.parametrize("argument", ["", "=covered"])
def test_mail_of_domains_elsewhere_is_delivered_there_and_bounces_at_microsoft(
    lab: Lab, element: str, domain: str, host: str, argument: str
) -> None:
    lab.reset(f"fresh+{element}{argument}")
    assert (domain in lab.extra_vars["area1_domains"]) == bool(argument)
    assert [each.partition(" ")[2] for each in ask(lab, domain, "MX")] == [f"{host}."]
    tally = lab.traffic(senders=5, mails=40, domains=[domain])
    assert tally["folders"] == {"elsewhere": 40}
    assert len(lab.messages("elsewhere")) == 40
    edge = lab.state()["tenant"]["mail_hosts"][domain]
    lab.send(edge, SENDER, f"user4@{domain}")
    (bounce,) = lab.messages("bounces")
    assert "5.1.10" in bounce["reason"]


def test_half_of_the_migrated_mailboxes_are_in_the_tenant(lab: Lab) -> None:
    lab.reset("fresh+half_migrated")
    edge = lab.state()["tenant"]["mail_hosts"]["lyon.example"]
    lab.send(edge, SENDER, "user5@lyon.example")
    assert lab.messages()[-1]["folder"] == "inbox"


def test_resolvers_have_habits_of_their_own(lab: Lab) -> None:
    lab.reset("fresh+resolver_habits@2")
    assert len(lab.extra_vars["area1_dns_resolvers"]) == 3
    name = "nw-labs.example"
    assert ask(lab, name, "MX", 0, ttl=True)[0] <= 300 < ask(lab, name, "MX", 1, ttl=True)[0]
    (silent,) = lab.state()["dns"]["resolvers"][2]["servfail"]
    assert ask(lab, silent, "MX", 2) == "SERVFAIL" and ask(lab, silent, "MX", 0) != "SERVFAIL"
    lab.reset("fresh")
    assert len(lab.extra_vars["area1_dns_resolvers"]) == 1


def test_forwarding_hosts_have_ipv6_addresses_beside_the_others(lab: Lab) -> None:
    lab.reset("fresh+ipv6")
    for host in lab.state()["tenant"]["mail_hosts"].values():
        assert ask(lab, host, "A") and len(ask(lab, host, "AAAA")) == 2
    assert lab.traffic(senders=5, mails=40)["delivered"] == 40


def test_mail_by_ipv6_matches_no_connector(lab: Lab, tenant: Tenant) -> None:
    lab.reset("locked_year_ago+ipv6=delivers")
    edge = lab.state()["tenant"]["mail_hosts"]["northwind.example"]
    reply = lab.send(edge, SENDER, "user1@northwind.example", source="127.0.3.60")
    assert reply["code"] == 550 and "5.7.51" in reply["text"]


@pytest.mark.parametrize("form", [each for each in FORMS if each not in ("certificate", "bypass")])
def test_a_former_gateways_rule_takes_what_does_not_come_by_it(lab: Lab, form: str) -> None:
    lab.reset(f"former_gateway+gateway_rules={form}")
    lab.mutate(["tenant", "inbound_connectors", "Gateway Inbound Lockdown", "Enabled"], value=False)
    lab.send("mx1.gateway.example", SENDER, "user1@northwind.example")
    lab.settle()
    assert lab.messages()[-1]["folder"] == "inbox", "by the gateway"
    assert [*STAMP] in lab.messages()[-1]["headers"]
    lab.send("northwind-example.mail.protection.outlook.com", SENDER, "user1@northwind.example")
    folder = {
        "address": "rejected",
        "header": "quarantine",
        "received": "deleted",
        "route": "routed",
        "scl9": "junk",
        "moderate": "moderated",
    }
    assert lab.messages()[-1]["folder"] == folder[form], "past it"


def test_what_a_gateway_left_behind_holds_no_mail_back_today(lab: Lab) -> None:
    lab.reset("fresh+gateway_rules")
    names = {item["Name"]: item for item in lab.state()["tenant"]["transport_rules"]}
    assert len(names) == len(FORMS) - 1
    assert names["Gateway: bypass spam filter"]["State"] == "Enabled"
    tally = lab.traffic(senders=5, mails=40)
    assert tally["folders"] == {"inbox": 40}


def test_names_with_odd_characters_cross_the_wire(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+odd_names@1")
    names = [item["Name"] for item in tenant.values("Get-InboundConnector")]
    stored = [item["Name"] for item in lab.state()["tenant"]["inbound_connectors"]]
    assert names == stored and len(names) == 3
    for seed in range(1, 9):
        lab.reset(f"fresh+odd_names@{seed}")
        connectors = tenant.values("Get-InboundConnector")
        if any("\ud83d" in item["Name"] + item["Comment"] for item in connectors):
            return
    raise AssertionError("no seed shows half of a surrogate pair")


def test_domains_come_in_another_case(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+hybrid+other_case")
    names = {item["DomainName"] for item in tenant.values("Get-AcceptedDomain")}
    assert "Northwind.Example" in names
    (outbound,) = tenant.values("Get-OutboundConnector")
    assert outbound["RecipientDomains"] == ["LYON.NORTHWIND.EXAMPLE."]
    reply = tenant.graph("domains/Northwind.Example/serviceConfigurationRecords").json()
    assert any(item.get("mailExchange") for item in reply["value"])
    assert lab.traffic(senders=5, mails=40, attacks=4)["delivered"] == 40


@pytest.mark.parametrize("argument", ["", "=turned"])
def test_the_flag_turns_before_the_cmdlets_work(lab: Lab, tenant: Tenant, argument: str) -> None:
    lab.reset(f"fresh+dehydrated_early{argument}")
    if not argument:
        assert tenant.values("Get-OrganizationConfig")[0]["IsDehydrated"] is True
        tenant.ok("Enable-OrganizationCustomization")
        lab.advance(hours=1, minutes=1)
    connector: dict[str, Any] = {
        "Name": "Partner",
        "SenderDomains": ["*"],
        "ConnectorType": "Partner",
    }
    tenant = Tenant(lab)
    assert tenant.values("Get-OrganizationConfig")[0]["IsDehydrated"] is False
    assert tenant.invoke("New-InboundConnector", **connector).status_code == 400
    tenant.ok("Set-HostedContentFilterPolicy", Identity="Default", BulkThreshold=6)
    lab.advance(hours=9)
    Tenant(lab).ok("New-InboundConnector", **connector)


def test_new_connectors_are_off_with_a_warning_where_the_service_says_so(
    lab: Lab, tenant: Tenant
) -> None:
    lab.reset("fresh+connectors_born_off")
    made = tenant.ok(
        "New-InboundConnector", Name="Partner", SenderDomains=["*"], ConnectorType="Partner"
    )
    assert "disabled state" in made["@adminapi.warnings"][0]
    assert tenant.connector("Partner")["Enabled"] is False
    again = tenant.ok("Set-InboundConnector", Identity="Partner", Enabled=True)
    assert "Support" in again["@adminapi.warnings"][0]
    assert tenant.connector("Partner")["Enabled"] is False


def test_a_parameter_that_the_licence_lacks_is_passed_over_with_a_warning(
    lab: Lab, tenant: Tenant
) -> None:
    lab.setting("ignored_parameters", {"Set-HostedContentFilterPolicy": ["BulkQuarantineTag"]})
    answer = tenant.ok(
        "Set-HostedContentFilterPolicy",
        Identity="Default",
        BulkQuarantineTag="AdminOnlyAccessPolicy",
        BulkThreshold=5,
    )
    assert "BulkQuarantineTag" in answer["@adminapi.warnings"][0]
    (policy,) = tenant.values("Get-HostedContentFilterPolicy")
    assert (policy["BulkThreshold"], policy["BulkQuarantineTag"]) == (5, "DefaultFullAccessPolicy")


def test_everything_is_said_in_the_state(lab: Lab) -> None:
    lab.reset("lived_in@4")
    assert lab.state()["elements"] == {"names": list(EVERYDAY), "seed": 4}
    assert set(EVERYDAY) < set(ELEMENTS)

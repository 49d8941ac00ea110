# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's traffic: senders with caches and MTA-STS, attackers, the customer's own direct senders;
and the worlds that they live in.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import pytest

from lab.client import Lab
from lab.mail.sts import Policy, parse, policy_text
from lab.worlds.mail import EGRESS, EU, NEW_DOMAIN
from tests.lab.conftest import Tenant

DOMAIN = "northwind.example"
AREA1_HOSTS = [host for _priority, host in EU]


def _move(lab: Lab, domain: str = DOMAIN, hosts: Sequence[tuple[int, str]] = EU) -> None:
    """The domain is onboarded, and its MX set replaced in one step."""
    host = lab.state()["tenant"]["mail_hosts"][domain]
    lab.mutate(
        ["cloudflare", "email_security", "domains"],
        append={"domain": domain, "transport": host, "require_tls_outbound": True},
    )
    zone = lab.state()["cloudflare"]["zones"][domain]["records"]
    model = next(record for record in zone if record["type"] == "MX")
    new = [
        {**model, "id": "%032d" % number, "content": name, "priority": priority}
        for number, (priority, name) in enumerate(hosts)
    ]
    lab.mutate(
        ["cloudflare", "zones", domain, "records"],
        value=new + [record for record in zone if record["type"] != "MX"],
    )


def _by_area1(lab: Lab, since: int) -> int:
    public = {
        "52.11.209.211",
        "104.30.32.17",
        "104.30.63.200",
        "134.195.27.5",
        "158.51.64.9",
        "35.157.195.63",
    }
    return sum(message["connecting_ip"] in public for message in lab.messages(since=since))


def test_caches_keep_the_old_mail_hosts_for_their_ttl_and_no_longer(lab: Lab) -> None:
    lab.reset("long_ttl")
    assert lab.traffic(senders=20, mails=200, domains=[DOMAIN])["delivered"] == 200
    _move(lab)
    lab.advance(hours=23)
    last = lab.messages()[-1]["seq"]
    assert lab.traffic(mails=200, domains=[DOMAIN])["delivered"] == 200
    assert _by_area1(lab, last) == 0, "every cache is within its day"
    lab.advance(hours=1, minutes=5)
    last = lab.messages()[-1]["seq"]
    assert lab.traffic(mails=200, domains=[DOMAIN])["delivered"] == 200
    assert _by_area1(lab, last) == 200


@pytest.mark.parametrize("order", [{"rate": 40}, {"rate": 0, "attack_rate": 40}])
def test_no_mail_is_under_way_while_the_clock_jumps(lab: Lab, order: dict[str, int]) -> None:
    """However slow hosts and machine are: a mail arrives by the clock that it set out by."""
    lab.mutate(["mail", "hosts", "*.mail.protection.outlook.com"], value={"greeting_seconds": 2})
    lab.traffic(start=True, domains=[DOMAIN], **order)
    time.sleep(0.5)
    lab.advance(days=1)
    lab.traffic(stop=True)
    taken = lab.messages()
    assert taken
    for message in taken:
        set_out = parsedate_to_datetime(dict(message["headers"])["Date"]).timestamp()
        assert message["time"] - set_out < 3600, message["message_id"]


def test_a_lockdown_loses_the_mail_of_cached_senders_and_the_tally_sees_it(
    lab: Lab, tenant: Tenant
) -> None:
    lab.reset("long_ttl")
    lab.setting("connector_delay_minutes", 0)
    lab.traffic(senders=20, mails=100, domains=[DOMAIN])
    _move(lab)
    tenant.ok(
        "New-InboundConnector",
        Name="Secure O365 Inbound",
        SenderDomains=["*"],
        ConnectorType="Partner",
        SenderIPAddresses=EGRESS,
        RestrictDomainsToIPAddresses=True,
        RequireTls=True,
    )
    tally = lab.traffic(mails=100, attacks=20, domains=[DOMAIN])
    assert tally["lost"] == 100 and tally["delivered"] == 0 and tally["refused_direct"] == 20
    assert next(iter(tally["reasons"])).startswith("550 5.7.51")


def test_senders_that_obey_mta_sts_wait_for_a_policy_that_admits_the_new_hosts(lab: Lab) -> None:
    lab.reset("mta_sts")
    assert lab.traffic(senders=20, mails=200)["delivered"] == 200
    _move(lab)
    lab.advance(hours=2)
    tally = lab.traffic(mails=200, domains=[DOMAIN])
    assert tally["lost"] == 0 and 40 < tally["waiting"] < 110, "one sender in three obeys"
    assert list(tally["reasons"]) == [f"MTA-STS: no mail host is in the policy of {DOMAIN}"]
    # the policy alone is not enough: its id is the signal
    lab.mutate(["mail", "sts", DOMAIN, "body"], value=policy_text("enforce", AREA1_HOSTS))
    assert lab.settle()["waiting"] == tally["waiting"]
    lab.publish_sts(DOMAIN, "enforce", AREA1_HOSTS, "20260101000000")
    lab.advance(hours=1, minutes=5)
    assert lab.settle()["waiting"] == 0
    assert lab.traffic()["lost"] == 0


def test_an_enforced_policy_demands_a_certificate_that_fits(lab: Lab) -> None:
    lab.reset("mta_sts")
    lab.mutate(
        ["mail", "hosts", "*.mail.protection.outlook.com"], value={"mode": "wrong_certificate"}
    )
    tally = lab.traffic(senders=20, mails=100, domains=[DOMAIN])
    assert tally["waiting"] > 20 and tally["waiting"] + tally["delivered"] == 100
    assert any("certificate verify failed" in reason for reason in tally["reasons"])


def test_a_policy_host_that_is_gone_leaves_the_cached_policy_in_force(lab: Lab) -> None:
    lab.reset("mta_sts")
    lab.traffic(senders=20, mails=100, domains=[DOMAIN])
    lab.publish_sts(DOMAIN, "none", [], "20260101000000")
    lab.mutate(["mail", "sts", DOMAIN, "mode"], value="missing")
    _move(lab)
    lab.advance(hours=2)
    assert lab.traffic(mails=100, domains=[DOMAIN])["waiting"] > 0


def test_policies_are_read_by_the_rfc() -> None:
    policy = parse(
        "version: STSv1\r\nmode: enforce\r\nmx: *.mail.protection.outlook.com\r\nmx:"
        " MX.example.\r\nmax_age: 604800\r\n"
    )
    assert policy == Policy("enforce", ("*.mail.protection.outlook.com", "mx.example"), 604800.0)
    assert policy.admits("x.mail.protection.outlook.com") and policy.admits("mx.example")
    assert not policy.admits("a.b.mail.protection.outlook.com") and not policy.admits(
        "mail.protection.outlook.com"
    ), "one label"
    assert parse("mode: enforce\nmx: a.example\nmax_age: 1\n") is None


def test_the_steady_pace_goes_on_until_it_is_told_to_stop(lab: Lab) -> None:
    lab.traffic(start=True, rate=100, attack_rate=20)
    for _ in range(100):
        if lab.traffic()["sent"] >= 30:
            break
        lab.send(
            "northwind-example.mail.protection.outlook.com",
            "a@s001.senders.example",
            "b@northwind.example",
        )
    stopped = lab.traffic(stop=True)
    assert stopped["sent"] == stopped["delivered"] >= 30 and stopped["accepted_direct"] > 0
    assert lab.traffic()["sent"] == stopped["sent"]


# --- worlds ---


def test_a_former_gateway_relays_and_keeps_everyone_else_out(lab: Lab) -> None:
    lab.reset("former_gateway")
    tally = lab.traffic(senders=20, mails=100, attacks=10)
    assert (tally["delivered"], tally["refused_direct"]) == (100, 10)
    assert {message["connecting_ip"] for message in lab.messages()} == {"192.0.2.200"}


def test_direct_senders_deliver_past_the_mx(lab: Lab) -> None:
    lab.reset("direct_senders")
    tally = lab.traffic(senders=20, mails=200)
    assert tally["direct"] == {"scanner": {"delivered": 5}, "saas": {"delivered": 5}}
    scanner = next(
        message
        for message in lab.messages()
        if message["envelope_from"] == "scanner@northwind.example"
    )
    assert (scanner["connecting_ip"], scanner["spf"]) == ("192.0.2.77", "fail")


def test_a_domain_gained_after_the_lockdown_loses_its_mail(lab: Lab) -> None:
    lab.reset("locked_year_ago")
    assert lab.traffic(senders=20, mails=60, domains=[DOMAIN])["delivered"] == 60
    assert lab.traffic(mails=20, domains=[NEW_DOMAIN])["lost"] == 20
    assert NEW_DOMAIN not in lab.extra_vars["area1_domains"]


def test_a_half_finished_deployment_delivers_all_mail_without_enhanced_filtering(lab: Lab) -> None:
    lab.reset("half_finished")
    assert lab.traffic(senders=20, mails=100)["delivered"] == 100
    by_area1 = [
        message for message in lab.messages() if message["connecting_ip"] == "52.11.209.211"
    ]
    assert by_area1 and {message["skip_listed"] for message in by_area1} == {False}


@pytest.mark.parametrize("world", ["laggard", "one_down"])
def test_a_name_server_that_lags_or_is_dead_loses_no_mail(lab: Lab, world: str) -> None:
    lab.reset(world)
    lab.traffic(senders=20, mails=100, domains=[DOMAIN])
    _move(lab)
    lab.advance(hours=1, minutes=5)
    last = lab.messages()[-1]["seq"]
    assert lab.traffic(mails=100, domains=[DOMAIN])["delivered"] == 100
    assert (0 < _by_area1(lab, last) < 100) if world == "laggard" else _by_area1(lab, last) == 100

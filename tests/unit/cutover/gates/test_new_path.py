# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gates on the way that mail will take, and on what Exchange would do with it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import (
    connectors as connector_gates,
    domains as domain_gates,
    foreign,
    new_path as path_gates,
    own_connector,
    tenant as gates,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.worlds import (
    NEW,
    OLD,
    ONE,
    TWO,
    accepted,
    answering,
    changed_view,
    connector,
    details,
    mail_host,
    only,
    records,
    sections,
    sts,
    wanted,
    world,
)

HOSTS = [host for _priority, host in NEW]


def probed(host: str = HOSTS[0], **fields: Any) -> dict[str, Any]:
    """What was seen of the new hosts, with one of them different."""
    return {
        "hosts": {name: answering([ONE, TWO], **(fields if name == host else {})) for name in HOSTS}
    }


def switched(found: World) -> list[str]:
    return [item["name"] for item in phases.evaluate("switch", found).values["domains"]]


def test_new_hosts_that_answer() -> None:
    assert only(path_gates.new_mx_hosts(world())).status == HOLDS
    assert switched(world()) == [ONE, TWO]


def test_a_host_that_could_not_be_asked_is_not_yet_and_a_person_may_decide() -> None:
    smtp = probed(status="unknown", problem="192.0.2.25: no answer in time", recipients={})
    result = only(path_gates.new_mx_hosts(world(smtp=smtp)))
    assert (
        result.status == NOT_YET
        and "no answer in time" in result.message
        and "from runner" in result.message
    )
    assert "area1_probe_host" in result.hint and "new_mx_hosts:%s" % HOSTS[0] in result.hint
    assert switched(world(smtp=smtp)) == []
    assert switched(world(wanted(acknowledge=["new_mx_hosts:%s" % HOSTS[0]]), smtp=smtp)) == [
        ONE,
        TWO,
    ]
    assert switched(world(wanted(acknowledge=["new_mx_hosts:%s" % HOSTS[1]]), smtp=smtp)) == []


def test_a_host_that_answers_wrongly_cannot() -> None:
    found = world(
        smtp=probed(status="wrong", problem="192.0.2.25: it does not offer STARTTLS", recipients={})
    )
    result = only(path_gates.new_mx_hosts(found))
    assert (
        result.status == CANNOT
        and "STARTTLS" in result.message
        and "Cloudflare dashboard" in result.hint
    )
    assert switched(found) == []


def test_hosts_that_were_not_asked_do_not_count_as_good_but_only_stand_before_candidates() -> None:
    found = world(smtp={})
    assert {result.status for result in path_gates.new_mx_hosts(found)} == {NOT_YET}
    evaluation = phases.evaluate("switch", found)
    assert evaluation.values["domains"] == [] and [
        item["name"] for item in evaluation.values["candidates"]
    ] == [ONE, TWO]
    assert evaluation.values["probe"]["names"] == [
        *HOSTS,
        OLD[ONE][0][1],
        OLD[TWO][0][1],
    ] and evaluation.values["probe"]["domains"] == [ONE, TWO]
    unsettled = world(smtp={}, inbound_connectors=[])
    evaluation = phases.evaluate("switch", unsettled)
    assert evaluation.values["candidates"] == [] and evaluation.values["probe"]["names"] == []
    assert "new_mx_hosts" not in {result.gate for result in evaluation.results}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"verdict": "accepted", "code": 250, "text": "ok"}, HOLDS),
        ({"verdict": "refused", "code": 554, "text": "5.7.1 Relay access denied"}, CANNOT),
        ({"verdict": "unknown", "code": 451, "text": "4.3.2 later"}, NOT_YET),
        (None, NOT_YET),
    ],
)
def test_a_domain_at_the_new_hosts(answer: dict[str, Any] | None, status: str) -> None:
    recipients = {
        TWO: {"verdict": "accepted", "code": 250, "text": "ok"},
        **({ONE: answer} if answer else {}),
    }
    found = world(smtp=probed(recipients=recipients))
    assert only([path_gates.new_mx_recipient(found, ONE)]).status == status
    assert switched(found) == ([ONE, TWO] if status == HOLDS else [TWO])


def test_zone_control() -> None:
    def control(delegation: dict[str, Any], provider: list[str] | None) -> Any:
        dns_provider = sections(wanted())["dns_provider"]
        dns_provider[ONE]["name_servers"] = provider
        found = world(dns_details={ONE: details(delegation=delegation)}, dns_provider=dns_provider)
        return only([path_gates.zone_control(found, ONE)])

    both = ["ada.ns.example", "bob.ns.example"]
    assert control({"parent": both, "zone_servers": both}, both).status == HOLDS
    assert control({"parent": None, "zone_servers": ["ADA.ns.example."]}, both).status == HOLDS, (
        "a part of them is no other's"
    )
    elsewhere = control({"parent": ["ns1.old.example"], "zone_servers": both}, both)
    assert (
        elsewhere.status == CANNOT
        and "ns1.old.example" in elsewhere.message
        and "none of them" in elsewhere.message
    )
    assert "zone_control:%s" % ONE in elsewhere.hint
    known = control({"parent": ["ns-512.awsdns-00.net."]}, both)
    assert "ns-512.awsdns-00.net (Amazon Route 53, dns_provider route53)" in known.message
    assert (
        control({"parent": [*both, "ns1.second.example"], "zone_servers": both}, both).status
        == CANNOT
    )
    for known, provider in (
        ({"parent": None, "zone_servers": None}, both),
        ({"parent": both}, None),
    ):
        assert control(known, provider).status == HOLDS, "what nobody told is no contradiction"


def test_odd_shapes_are_told_and_hold_nothing() -> None:
    found = world(
        dns={**changed_view(ONE, implicit_mx=True), "sub.%s" % ONE: {"records": records(OLD[TWO])}},
        accepted_domains=[accepted(ONE), accepted(TWO), accepted("sub.%s" % ONE)],
        dns_details={ONE: details(below=records(OLD[ONE])), TWO: details(below=records(NEW))},
    )
    told = [result.message for result in path_gates.shapes(found, ONE)]
    assert len(told) == 3 and all(
        result.open and result.notice for result in path_gates.shapes(found, ONE)
    )
    assert any(OLD[ONE][0][1] in message for message in told) and any(
        "no MX record" in message for message in told
    )
    assert path_gates.shapes(found, TWO) == [], "a wildcard that leads to Area 1 is fine"


def test_dane_that_would_be_lost_is_told() -> None:
    old = OLD[ONE][0][1]
    bound = {"tlsa": ["3 1 1 abc"], "secure": True}
    hosts = {old: mail_host(old, **bound), **{host: mail_host(host) for host in HOSTS}}
    signed = {ONE: details(secure=True)}
    result = only(path_gates.dane(world(mail_hosts=hosts, dns_details=signed), ONE))
    assert result.open and result.notice and HOSTS[0] in result.message
    assert path_gates.dane(world(mail_hosts=hosts, dns_details={ONE: details()}), ONE) == [], (
        "it was not bound: its MX set is not signed"
    )
    kept = {**hosts, **{host: mail_host(host, **bound) for host in HOSTS}}
    assert path_gates.dane(world(mail_hosts=kept, dns_details=signed), ONE) == []
    loose = {**hosts, HOSTS[0]: mail_host(HOSTS[0], tlsa=["3 1 1 abc"])}
    assert only(path_gates.unsigned_tlsa(world(mail_hosts=loose))).object == HOSTS[0]


def test_reports_are_missed_where_mta_sts_is_published() -> None:
    name = "_smtp._tls." + ONE
    assert path_gates.tlsrpt(world(), ONE) == []
    found = {ONE: sts(records=["v=STSv1; id=1;"])}
    assert only(path_gates.tlsrpt(world(mta_sts=found), ONE)).notice
    assert (
        path_gates.tlsrpt(
            world(
                mta_sts=found,
                dns_texts={ONE: {"texts": {name: ["v=TLSRPTv1; rua=mailto:a@b.example"]}}},
            ),
            ONE,
        )
        == []
    )


def outbound(**fields: Any) -> dict[str, Any]:
    return {
        "Name": "To headquarters",
        "Enabled": True,
        "UseMXRecord": False,
        "SmartHosts": ["192.0.2.10"],
        "RecipientDomains": [ONE],
        "AllAcceptedDomains": False,
        "RouteAllMessagesViaOnPremises": False,
        "TestMode": False,
        "IsTransportRuleScoped": False,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, HOLDS),
        ({"RecipientDomains": ["*"]}, HOLDS),
        ({"RecipientDomains": [], "AllAcceptedDomains": True}, HOLDS),
        ({"RecipientDomains": ["*.example"]}, HOLDS),
        ({"RecipientDomains": ["*.other.example"]}, CANNOT),
        ({"Enabled": False}, CANNOT),
        ({"TestMode": True}, CANNOT),
        ({"IsTransportRuleScoped": True}, CANNOT),
        ({"UseMXRecord": True, "SmartHosts": []}, CANNOT),
        ({"SmartHosts": [HOSTS[0]]}, CANNOT),
    ],
)
def test_a_relay_domain_needs_a_connector_with_a_host_of_its_own(
    fields: dict[str, Any], status: str
) -> None:
    for record in (accepted(ONE, DomainType="InternalRelay"), accepted(ONE, MatchSubDomains=True)):
        found = world(
            accepted_domains=[record, accepted(TWO)], outbound_connectors=[outbound(**fields)]
        )
        result = only([domain_gates.domain_type(found, ONE)])
        assert result.status == status and (
            status == HOLDS or "New-OutboundConnector" in result.hint
        )
        assert phases.evaluate("tenant", found).values["relay"] == [ONE]


SCOPE = "Microsoft.Exchange.MessagingPolicies.Rules.Tasks.FromScopePredicate"


def rule(**fields: Any) -> dict[str, Any]:
    return {
        "Name": "Bypass",
        "State": "Enabled",
        "Mode": "Enforce",
        "SetSCL": "-1",
        "SenderIpRanges": ["104.30.32.0/24"],
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, CANNOT),
        ({"SetSCL": -1}, CANNOT),
        ({"State": "Disabled"}, HOLDS),
        ({"Mode": "Audit"}, HOLDS),
        ({"SetSCL": "5"}, HOLDS),
        ({"SenderIpRanges": ["192.0.2.77"]}, HOLDS),
        # a former gateway's: all that comes from outside
        ({"SenderIpRanges": None}, CANNOT),
        ({"SenderIpRanges": [], "FromScope": "NotInOrganization", "Conditions": [SCOPE]}, CANNOT),
        ({"SenderIpRanges": [], "FromScope": "InOrganization"}, HOLDS),
        ({"SenderIpRanges": [], "ExceptIfSenderIpRanges": ["0.0.0.0/0"]}, HOLDS),
    ],
)
def test_rules_that_take_the_gateway_past_the_filters(fields: dict[str, Any], status: str) -> None:
    result = only(foreign.scl_bypass(world(transport_rules=[rule(**fields)])))
    assert result.status == status and (
        status == HOLDS or 'Disable-TransportRule -Identity "Bypass"' in result.hint
    )


def test_a_rule_for_some_mail_of_any_address_is_told() -> None:
    """A partner's mail or a newsletter's: it was not filtered before either."""
    some = rule(
        SenderIpRanges=None, Conditions=[SCOPE, SCOPE.replace("FromScope", "SenderDomainIs")]
    )
    result = only(foreign.scl_bypass(world(transport_rules=[some])))
    assert result.open and result.notice and result.object == "Bypass"


def test_reject_direct_send() -> None:
    on = [{"IsDehydrated": False, "RejectDirectSend": True}]
    assert not only(connector_gates.reject_direct_send(world())).notice
    told = only(connector_gates.reject_direct_send(world(organization=on)))
    assert told.open and told.notice
    bare = world(organization=on, inbound_connectors=[connector([])])
    assert only(connector_gates.reject_direct_send(bare)).status == NOT_YET
    assert (
        only(
            connector_gates.reject_direct_send(world(organization=on, inbound_connectors=[]))
        ).status
        == NOT_YET
    )


def test_what_was_begun_by_hand_is_named_for_adoption() -> None:
    egress = wanted().egress
    ours = connector(egress)
    half = connector([], Name="Email Security Inbound Connector", Enabled=False)
    renamed = connector(
        [], Name="CF lock", Comment="Only accept inbound email from Email Security", Enabled=False
    )
    results = connector_gates.by_hand(
        world(inbound_connectors=[ours, half, renamed, connector([], Name="Partner", Comment="x")])
    )
    assert [
        (result.object, "area1_lockdown_connector_name" in result.message) for result in results
    ] == [
        ("Email Security Inbound Connector", False),
        ("CF lock", True),
    ]
    adopted = wanted(connector_name="Email Security Inbound Connector")
    assert connector_gates.by_hand(world(adopted, inbound_connectors=[half])) == []


def test_an_old_list_and_another_owner_of_the_allow_list_are_told() -> None:
    assert only(gates.egress_networks(world())).notice is False
    old = only(gates.egress_networks(world(service_date="2028-01-01T00:00:00Z")))
    assert old.open and old.notice and "digest" in old.message
    owned = sections(wanted())["connection_filter"]
    owned[0]["AdminDisplayName"] = "Managed by CIPP"
    assert (
        "Managed by CIPP" in only(gates.allow_list_capacity(world(connection_filter=owned))).message
    )


def caught(**fields: Any) -> dict[str, Any]:
    return {
        **probed(),
        "plain": {
            ONE: {
                "verdict": "needs_tls",
                "without_tls": {"code": 451, "text": "5.7.3 STARTTLS is required"},
                **fields,
            }
        },
    }


def test_our_own_connector_that_catches_other_mail_is_switched_off_and_stays_off() -> None:
    found = world(smtp=caught())
    (result,) = own_connector.catches_others(found)
    assert result.status == CANNOT and "451 5.7.3" in result.message and ONE in result.message
    evaluation = phases.evaluate("switch", found)
    assert (
        evaluation.values["domains"] == []
        and evaluation.values["caught"]["name"] == "Area 1 Inbound Connector"
    )
    comment = evaluation.values["caught"]["comment"]
    assert comment.startswith(
        "Inbound connector for Enhanced Filtering [mailflow.area1: switched off"
        " 2026-11-23T20:00:00Z"
    )
    off = world(inbound_connectors=[connector(wanted().egress, Enabled=False, Comment=comment)])
    refused = phases.evaluate("enhanced_filtering", off)
    assert not refused.go and [result.gate for result in refused.results if not result.open] == [
        "own_connector"
    ]
    again = world(
        wanted(acknowledge=["own_connector"]), inbound_connectors=off.sections["inbound_connectors"]
    )
    assert phases.evaluate("enhanced_filtering", again).go


@pytest.mark.parametrize("smtp", [caught(verdict="accepted"), caught(verdict="unknown"), probed()])
def test_no_evidence_blames_nobody(smtp: dict[str, Any]) -> None:
    found = world(smtp=smtp)
    assert (
        own_connector.catches_others(found) == []
        and phases.evaluate("switch", found).values["caught"] == {}
    )
    assert switched(found) == [ONE, TWO]


def test_where_another_connector_may_be_the_reason_it_is_only_told() -> None:
    egress = wanted().egress
    others = [connector(egress), connector(["192.0.2.1"], Name="Partner with TLS", RequireTls=True)]
    (result,) = own_connector.catches_others(world(smtp=caught(), inbound_connectors=others))
    assert result.open and result.notice and "Partner with TLS" in result.message
    assert (
        phases.evaluate("switch", world(smtp=caught(), inbound_connectors=others)).values["caught"]
        == {}
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each gate in a world where it holds, where it does not yet, and where it cannot; and what each says."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import Conflict
from ansible_collections.mailflow.area1.plugins.module_utils._mail import gates, phases
from ansible_collections.mailflow.area1.plugins.module_utils._mail.gate import (
    ACKNOWLEDGEABLE,
    CANNOT,
    HOLDS,
    NOT_CHECKED,
    NOT_YET,
    GateResult,
    acknowledge,
    cannot,
    not_checked,
    not_yet,
)
from ansible_collections.mailflow.area1.plugins.module_utils._mail.world import World, iso, parse_time
from tests.unit.mail.worlds import (
    LOCKDOWN,
    NEW,
    NOW,
    OLD,
    ONE,
    TWO,
    accepted,
    ago,
    ahead,
    changed_view,
    connector,
    records,
    sections,
    view,
    wanted,
    world,
)

EGRESS = wanted()["egress"]


def only(results: list[GateResult]) -> GateResult:
    (result,) = results
    if not result.open:
        assert result.message and (result.hint or result.until), "what to do, or when, is missing"
    return result


def with_connectors(*more: dict[str, Any], **settings: Any) -> World:
    return world(wanted(**settings), inbound_connectors=[connector(EGRESS), *more])


def test_everything_holds_in_the_made_up_world() -> None:
    for phase in ("tenant", "preflight", "connection_filter", "enhanced_filtering", "area1_domains", "lower_ttl", "switch"):
        evaluation = phases.evaluate(phase, world())
        assert evaluation.go and evaluation.status == HOLDS, (phase, evaluation.results)
    assert [item["name"] for item in phases.evaluate("switch", world()).values["domains"]] == [ONE, TWO]


def test_accepted_domains() -> None:
    assert only(gates.accepted_domains(world())).message == "2 of 4 accepted domains are covered"
    result = only(gates.accepted_domains(world(wanted(domains=[ONE, "typo.example"]))))
    assert result.status == CANNOT and result.object == "typo.example" and ONE in result.hint and "onmicrosoft" not in result.hint


def test_permissions() -> None:
    assert only(gates.permissions(world())).open
    result = only(gates.permissions(world(permissions={"known": True, "missing": ["New-InboundConnector"]})))
    assert result.status == CANNOT and "New-InboundConnector" in result.message and "Exchange Administrator" in result.hint
    assert only(gates.permissions(world(permissions={"known": False, "missing": []}))).open


def test_customization() -> None:
    assert only(gates.customization(world())).open
    assert only(gates.customization(world(organization=[{"IsDehydrated": "True"}]))).status == NOT_YET


def test_egress_networks() -> None:
    assert only(gates.egress_networks(world())).open
    result = only(gates.egress_networks(world(wanted(egress_networks=["52.11.209.211"]))))
    assert result.status == CANNOT and "egress_networks" in result.hint
    assert phases.evaluate("preflight", world(wanted(egress_networks=["52.11.209.211"], acknowledge=["egress_networks"]))).go


def test_allow_list_capacity() -> None:
    def policy(count: int) -> World:
        entries = ["203.0.%d.%d" % divmod(number, 250) for number in range(count)]
        return world(connection_filter=[{"Name": "Default", "IPAllowList": entries}])

    assert only(gates.allow_list_capacity(policy(1273 - 42))).open
    result = only(gates.allow_list_capacity(policy(1273 - 41)))
    assert result.status == CANNOT and "1274 entries" in result.message and "area1_allow_list: skip" in result.hint
    full = [*EGRESS[1:], *("203.0.113.%d" % number for number in range(100)), EGRESS[0] + "/32"]
    assert only(gates.allow_list_capacity(world(connection_filter=[{"Name": "Default", "IPAllowList": full}]))).open
    skipped = World(policy(1273).sections, wanted(allow_list="skip"))
    assert only(gates.allow_list_capacity(skipped)).open


@pytest.mark.parametrize(("fields", "claims"), [
    ({"SenderIPAddresses": ["52.11.209.211"]}, True),
    ({"SenderIPAddresses": ["104.30.40.7"]}, True),
    ({"SenderIPAddresses": ["104.30.0.0/16"]}, True),
    ({"SenderIPAddresses": ["158.51.64.10-158.51.64.20"]}, True),
    ({"SenderIPAddresses": ["192.0.2.1"]}, False),
    ({"SenderIPAddresses": []}, False),
    ({"SenderIPAddresses": ["52.11.209.211"], "Enabled": False}, False),
    ({"SenderIPAddresses": ["52.11.209.211"], "Name": LOCKDOWN.upper()}, False),
    ({"SenderIPAddresses": ["a form nobody knows"]}, False),
])  # fmt: skip
def test_foreign_connector(fields: dict[str, Any], claims: bool) -> None:
    results = gates.foreign_connector(with_connectors(connector([], **{"Name": "Old gateway", **fields})))
    assert only(results).status == (CANNOT if claims else HOLDS)
    if claims:
        assert results[0].object == "Old gateway" and "area1_connector_name: Old gateway" in results[0].hint


def test_a_foreign_lock_down_is_named_for_adoption_as_such() -> None:
    found = with_connectors(connector(EGRESS, Name="Secure M365 Inbound", RestrictDomainsToIPAddresses=True))
    assert "area1_lockdown_connector_name: Secure M365 Inbound" in only(gates.foreign_connector(found)).hint
    adopted = with_connectors(
        connector(EGRESS, Name="Secure M365 Inbound", RestrictDomainsToIPAddresses=True), lockdown_connector_name="Secure M365 Inbound"
    )
    assert only(gates.foreign_connector(adopted)).open


@pytest.mark.parametrize(("fields", "refuses"), [
    ({"RestrictDomainsToIPAddresses": True, "SenderIPAddresses": ["192.0.2.1"]}, True),
    ({"RestrictDomainsToIPAddresses": "True", "SenderIPAddresses": EGRESS[1:]}, True),
    ({"RestrictDomainsToIPAddresses": True, "SenderIPAddresses": [*EGRESS, "192.0.2.1"]}, False),
    ({"RestrictDomainsToCertificate": True, "SenderIPAddresses": EGRESS}, True),
    ({"RestrictDomainsToIPAddresses": True, "SenderDomains": ["smtp:partner.example;1"]}, False),
    ({"RestrictDomainsToIPAddresses": True, "SenderDomains": ["partner.example", "*"]}, True),
    ({"RestrictDomainsToIPAddresses": True, "Enabled": False}, False),
    ({}, False),
])  # fmt: skip
def test_restricting_connector(fields: dict[str, Any], refuses: bool) -> None:
    result = only(gates.restricting_connector(with_connectors(connector([], **{"Name": "Old gateway", **fields}))))
    assert result.status == (CANNOT if refuses else HOLDS)
    assert not refuses or 'Set-InboundConnector -Identity "Old gateway" -Enabled $false' in result.hint


@pytest.mark.parametrize("fields", [
    {"Enabled": False},
    {"SenderIPAddresses": EGRESS[1:]},
    {"EFSkipLastIP": False},
    {"EFUsers": ["a@northwind.example"]},
])  # fmt: skip
def test_settled_needs_a_connector_that_recognises_area_1(fields: dict[str, Any]) -> None:
    result = only(gates.settled(world(inbound_connectors=[connector(EGRESS, **fields)])))
    assert result.status == NOT_YET and "enhanced_filtering" in result.hint


def test_settled_needs_the_connector_and_the_list() -> None:
    assert only(gates.settled(world())).open
    assert "does not exist" in only(gates.settled(world(inbound_connectors=[]))).message
    missing = world(connection_filter=[{"Name": "Default", "IPAllowList": EGRESS[2:], "WhenChangedUTC": ago(days=2)}])
    assert "2 egress networks are missing" in only(gates.settled(missing)).message
    unmanaged = World({**missing.sections}, wanted(allow_list="skip"))
    assert only(gates.settled(unmanaged)).open


@pytest.mark.parametrize("name", ["WhenChangedUTC", "WhenChanged"])
def test_settled_waits_after_each_change(name: str) -> None:
    young = {"WhenChangedUTC": None, name: ago(minutes=59)}
    result = only(gates.settled(world(inbound_connectors=[connector(EGRESS, **young)])))
    assert result.status == NOT_YET and result.until == ahead(minutes=1)
    policy = {"Name": "Default", "IPAllowList": EGRESS, "WhenChangedUTC": ago(minutes=10)}
    result = only(gates.settled(world(connection_filter=[policy])))
    assert (result.object, result.until) == ("connection filter", ahead(minutes=50))
    assert only(gates.settled(World(world(connection_filter=[policy]).sections, wanted(settle_minutes=10)))).open
    assert only(gates.settled(World(world(connection_filter=[policy]).sections, wanted(allow_list="skip")))).open


@pytest.mark.parametrize(("found", "status"), [
    ({"readiness": {"status": "ready"}}, HOLDS),
    ({"readiness": {"status": "not_yet", "message": "Waits for its TXT record."}}, NOT_YET),
    ({"readiness": {"status": "cannot", "message": "Refused."}}, CANNOT),
    ({"readiness": {}}, NOT_YET),
    ({}, NOT_YET),
    (None, NOT_YET),
])  # fmt: skip
def test_domain_ready(found: dict[str, Any] | None, status: str) -> None:
    assert only([gates.domain_ready(world(email_security={} if found is None else {ONE: found}), ONE)]).status == status


@pytest.mark.parametrize(("kind", "status"), [("Authoritative", HOLDS), ("authoritative", HOLDS), ("InternalRelay", CANNOT), ("ExternalRelay", CANNOT)])
def test_domain_type(kind: str, status: str) -> None:
    found = world(accepted_domains=[accepted(ONE, DomainType=kind), accepted(TWO)])
    result = only([gates.domain_type(found, ONE)])
    assert result.status == status
    assert status == HOLDS or ("domain_type:%s" % ONE in result.hint and kind in result.message)


def test_name_servers_must_all_answer_and_agree() -> None:
    assert only([gates.authoritative_agreement(world(), ONE)]).open
    silent = view(OLD[ONE])
    silent["name_servers"][1].update(status="timeout", records=None)
    result = only([gates.authoritative_agreement(world(dns=changed_view(ONE, **silent)), ONE)])
    assert (result.gate, result.status) == ("name_server", NOT_YET) and "ns2.example: timeout" in result.message
    apart = world(dns=changed_view(ONE, agree=False))
    assert only([gates.authoritative_agreement(apart, ONE)]).gate == "name_servers_agree"
    nowhere = world(dns=changed_view(ONE, name_servers=[], error="no zone holds this name"))
    assert "no zone holds this name" in only([gates.authoritative_agreement(nowhere, ONE)]).message
    assert only([gates.authoritative_agreement(world(dns={}), ONE)]).status == NOT_YET


def test_odd_shapes() -> None:
    assert only([gates.odd_shape(world(), ONE)]).open
    assert "CNAME to x.example" in only([gates.odd_shape(world(dns=changed_view(ONE, cname="x.example")), ONE)]).message
    assert "null MX" in only([gates.odd_shape(world(dns=changed_view(ONE, null_mx=True)), ONE)]).message


def test_ttl_must_be_low_at_the_servers() -> None:
    assert only([gates.ttl(world(), ONE)]).open
    high = world(dns=changed_view(ONE, ttl_max=301))
    result = only([gates.ttl(high, ONE)])
    assert (result.gate, result.status) == ("ttl", NOT_YET) and "301 s, not 300 s" in result.message
    for provider in ({"min_ttl": 600}, {"min_ttl": 301}):
        assert only([gates.ttl(World({**high.sections, "dns_provider": {ONE: provider}}, high.settings), ONE)]).open
    tight = World({**high.sections, "dns": changed_view(ONE, ttl_max=300), "dns_provider": {ONE: {"auto_ttl": True}}}, wanted(mx_ttl=60))
    assert only([gates.ttl(tight, ONE)]).open, "Cloudflare's Auto is 300 s and is left"


def test_the_old_ttl_must_be_over_since_it_was_lowered() -> None:
    found = world(timeline=[{"domain": ONE, "event": "ttl_lowered", "at": ago(minutes=59)}])
    result = only([gates.ttl(found, ONE)])
    assert (result.gate, result.until) == ("old_ttl", ahead(minutes=1)) and "TTL 3600 s" in result.message
    by_provider = sections(wanted())["dns_provider"]
    by_provider[ONE]["modified_on"] = ago(minutes=30)
    assert only([gates.ttl(world(dns_provider=by_provider), ONE)]).until == ahead(minutes=30)
    assert only([gates.ttl(world(timeline=[{"domain": TWO, "event": "ttl_lowered", "at": ago(minutes=1)}]), ONE)]).open


def test_a_cache_with_the_old_record_is_waited_for() -> None:
    found = world(dns=changed_view(ONE, **view(OLD[ONE], resolver_ttl=1800)))
    result = only([gates.ttl(found, ONE)])
    assert (result.gate, result.until) == ("old_ttl", ahead(minutes=30))


@pytest.mark.parametrize(("state", "gate", "words"), [
    ({"status": "lost", "traces": ["connector X"], "directory": "/d"}, "baseline", "connector X"),
    ({"status": "throw_away", "runner": "AWX", "directory": "/d"}, "durable_snapshots", "AWX"),
])  # fmt: skip
def test_without_a_baseline_nothing_is_written(state: dict[str, Any], gate: str, words: str) -> None:
    found = world(baseline_state=state)
    evaluation = phases.evaluate("preflight", found)
    (result,) = [result for result in evaluation.results if not result.open]
    assert (result.gate, result.status) == (gate, CANNOT) and words in result.message and "/d" in result.message + result.hint
    assert phases.evaluate("preflight", World(found.sections, wanted(acknowledge=[gate]))).go


def test_only_what_costs_no_mail_can_be_acknowledged() -> None:
    waiting = ("settled", "area1_domain", "name_servers_agree", "ttl", "exposed", "soak", "customization", "forwarding_host")
    hopeless = ("accepted_domains", "permissions", "dns_shape", "allow_list_capacity", "lockdown_exposed", "forwarding_host")
    every = [not_yet(gate, "x", "m") for gate in waiting] + [cannot(gate, "x", "m", "h") for gate in hopeless]
    decided = {result.gate for result in every} | {"%s:x" % result.gate for result in every}
    assert acknowledge(every, decided) == every
    for gate in ACKNOWLEDGEABLE:
        (opened,) = acknowledge([cannot(gate, "x", "m", "h")], {gate})
        assert opened.open and opened.acknowledged and opened.message == "m"
        assert acknowledge([cannot(gate, "x", "m", "h")], {"%s:y" % gate})[0].status == CANNOT
        assert acknowledge([cannot(gate, "x", "m", "h")], {"%s:x" % gate})[0].open


def test_what_was_not_checked_is_shown_and_does_not_stop() -> None:
    unchecked = not_checked("smtp_probe", "m")
    assert unchecked.open and unchecked.status == NOT_CHECKED
    assert not unchecked.acknowledged and unchecked.to_data() == {"gate": "smtp_probe", "status": "not_checked", "message": "m"}


BLOCKERS: dict[str, dict[str, Any]] = {
    "customs": {"inbound_connectors": []},
    "restricting": {"inbound_connectors": [connector(EGRESS), connector(["192.0.2.1"], Name="Old", RestrictDomainsToIPAddresses=True)]},
    "young": {"inbound_connectors": [connector(EGRESS, WhenChangedUTC=ago(minutes=5))]},
    "list": {"connection_filter": [{"Name": "Default", "IPAllowList": []}]},
}


@pytest.mark.parametrize("name", BLOCKERS)
def test_what_concerns_the_tenant_stands_before_every_switch(name: str) -> None:
    evaluation = phases.evaluate("switch", world(**BLOCKERS[name]))
    assert not evaluation.go and evaluation.values["domains"] == []


def test_one_domain_that_is_not_ready_holds_only_itself() -> None:
    found = world(email_security={TWO: {"readiness": {"status": "ready"}}})
    evaluation = phases.evaluate("switch", found)
    assert [item["name"] for item in evaluation.values["domains"]] == [TWO]
    assert [result.object for result in evaluation.results if not result.open] == [ONE]


def test_what_was_not_read_is_an_error_and_no_empty_world() -> None:
    known = world().sections
    for section in ("inbound_connectors", "accepted_domains", "connection_filter", "dns", "organization", "service_date"):
        kept = {name: value for name, value in known.items() if name != section}
        phase = "connection_filter" if section == "organization" else "tenant" if section == "accepted_domains" else "switch"
        with pytest.raises(Conflict, match=section if section != "service_date" else "service"):
            phases.evaluate(phase, World({**kept, **BLOCKERS["young"]} if section == "service_date" else kept, wanted()))


def test_canaries_first_then_the_limit() -> None:
    canary = world(wanted(domains=[ONE, {"name": TWO, "canary": True}]))
    assert [item["name"] for item in phases.evaluate("switch", canary).values["domains"]] == [TWO]
    moved = canary.sections
    moved["dns_provider"][TWO]["records"] = records(NEW)
    assert [item["name"] for item in phases.evaluate("switch", canary).values["domains"]] == [ONE]
    one = phases.evaluate("switch", world(wanted(max_switches=1)))
    assert [item["name"] for item in one.values["domains"]] == [ONE]
    assert [result.object for result in one.results if result.gate == "max_switches"] == [TWO]


def test_all_moved_is_done() -> None:
    evaluation = phases.evaluate("switch", world(moved=True))
    assert evaluation.go and evaluation.values == {"domains": [], "done": True}
    assert phases.evaluate("lower_ttl", world(moved=True)).values["domains"] == []


def test_times_as_services_write_them() -> None:
    expected = datetime.datetime(2026, 11, 23, 20, 0, 1, 123456, tzinfo=datetime.timezone.utc)
    assert parse_time("2026-11-23T20:00:01.1234567Z") == expected
    assert parse_time("2026-11-23T21:00:01.123456+01:00") == expected
    assert parse_time("2026-11-23T20:00:01.123456") == expected
    assert parse_time("soon") is None and parse_time(None) is None
    assert iso(expected) == "2026-11-23T20:00:01Z" and parse_time(iso(NOW)) == NOW

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each gate in a world where it holds, where it does not yet, and where it cannot; and what each
says.
"""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import tenant as gates
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_CHECKED,
    NOT_YET,
    acknowledge,
    cannot,
    not_checked,
    not_yet,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.registry import (
    acknowledgeable,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import Conflict
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import (
    iso,
    parse_time,
)
from tests.unit.cutover.worlds import (
    NEW,
    NOW,
    ONE,
    TWO,
    ago,
    connector,
    only,
    protected,
    records,
    wanted,
    world,
)

EGRESS = wanted().egress


def test_everything_holds_in_the_made_up_world() -> None:
    for phase in (
        "tenant",
        "preflight",
        "connection_filter",
        "enhanced_filtering",
        "area1_domains",
        "lower_ttl",
        "switch",
    ):
        evaluation = phases.evaluate(phase, world())
        assert evaluation.go and evaluation.status == HOLDS, (phase, evaluation.results)
    assert [item["name"] for item in phases.evaluate("switch", world()).values["domains"]] == [
        ONE,
        TWO,
    ]


def test_accepted_domains() -> None:
    assert only(gates.accepted_domains(world())).message == "2 of 4 accepted domains are covered"
    result = only(gates.accepted_domains(world(wanted(domains=[ONE, "typo.example"]))))
    assert (
        result.status == CANNOT
        and result.object == "typo.example"
        and ONE in result.hint
        and "onmicrosoft" not in result.hint
    )


def test_permissions() -> None:
    assert only(gates.permissions(world())).open
    result = only(
        gates.permissions(world(permissions={"known": True, "missing": ["New-InboundConnector"]}))
    )
    assert (
        result.status == CANNOT
        and "New-InboundConnector" in result.message
        and "Exchange Administrator" in result.hint
    )
    assert only(gates.permissions(world(permissions={"known": False, "missing": []}))).open


def test_rights_to_take_away_are_needed_where_something_goes() -> None:
    denied: dict[str, Any] = {
        "permissions": {
            "known": True,
            "missing": [],
            "removals": ["Remove-TransportRule", "Remove-QuarantinePolicy"],
        }
    }
    told = [
        result
        for result in phases.evaluate("tenant", world(**denied)).results
        if result.gate == "permissions"
    ]
    assert (
        all(result.open for result in told)
        and told[1].notice
        and "Remove-TransportRule, Remove-QuarantinePolicy, which a rollback" in told[1].message
    )
    before = world(wanted(use_case=2))
    kept = {
        name: before.sections[name]
        for name in ("transport_rules", "quarantine_policies", "content_filter")
    }
    answer = phases.evaluate("tenant", world(wanted(use_case=5), **kept, **denied))
    refused = only([result for result in answer.results if result.status == CANNOT])
    assert (
        "may not run Remove-TransportRule, Remove-QuarantinePolicy" in refused.message
        and "Exchange Administrator" in refused.hint
    )
    rules_only = world(
        wanted(use_case=1), **kept, permissions={"removals": ["Remove-InboundConnector"]}
    )
    assert phases.evaluate("tenant", rules_only).go


def test_customization() -> None:
    assert only(gates.customization(world())).open
    assert (
        only(gates.customization(world(organization=[{"IsDehydrated": "True"}]))).status == NOT_YET
    )


def test_egress_networks() -> None:
    assert only(gates.egress_networks(world())).open
    result = only(gates.egress_networks(world(wanted(egress_networks=["52.11.209.211"]))))
    assert result.status == CANNOT and "egress_networks" in result.hint
    assert phases.evaluate(
        "preflight",
        world(wanted(egress_networks=["52.11.209.211"], acknowledge=["egress_networks"])),
    ).go


def test_allow_list_capacity() -> None:
    def policy(count: int) -> World:
        entries = ["203.0.%d.%d" % divmod(number, 250) for number in range(count)]
        return world(connection_filter=[{"Name": "Default", "IPAllowList": entries}])

    assert only(gates.allow_list_capacity(policy(1273 - 42))).open
    result = only(gates.allow_list_capacity(policy(1273 - 41)))
    assert (
        result.status == CANNOT
        and "1274 entries" in result.message
        and "area1_allow_list: skip" in result.hint
    )
    full = [*EGRESS[1:], *("203.0.113.%d" % number for number in range(100)), EGRESS[0] + "/32"]
    assert only(
        gates.allow_list_capacity(
            world(connection_filter=[{"Name": "Default", "IPAllowList": full}])
        )
    ).open
    skipped = World(policy(1273).sections, wanted(allow_list="skip"))
    assert only(gates.allow_list_capacity(skipped)).open


@pytest.mark.parametrize(
    ("state", "gate", "words"),
    [
        (
            {"status": "lost", "traces": ["connector X"], "directory": "/d"},
            "baseline",
            "connector X",
        ),
        ({"status": "throw_away", "runner": "AWX", "directory": "/d"}, "durable_snapshots", "AWX"),
    ],
)
def test_without_a_baseline_nothing_is_written(
    state: dict[str, Any], gate: str, words: str
) -> None:
    found = world(baseline_state=state)
    evaluation = phases.evaluate("preflight", found)
    (result,) = [result for result in evaluation.results if not result.open]
    assert (
        (result.gate, result.status) == (gate, CANNOT)
        and words in result.message
        and "/d" in result.message + result.hint
    )
    assert phases.evaluate("preflight", World(found.sections, wanted(acknowledge=[gate]))).go


def test_only_what_costs_no_mail_can_be_acknowledged() -> None:
    waiting = (
        "settled",
        "area1_domain",
        "name_servers_agree",
        "ttl",
        "exposed",
        "soak",
        "customization",
        "forwarding_host",
        "dns_silent",
    )
    hopeless = (
        "accepted_domains",
        "permissions",
        "dns_shape",
        "allow_list_capacity",
        "forwarding_host",
        "adopted_connector",
    )
    every = [not_yet(gate, "x", "m") for gate in waiting] + [
        cannot(gate, "x", "m", "h") for gate in hopeless
    ]
    assert "restricting_connector" in acknowledgeable() and not acknowledgeable() & {
        result.gate for result in every
    }
    decided = {result.gate for result in every} | {"%s:x" % result.gate for result in every}
    assert acknowledge(every, decided) == every
    for gate in acknowledgeable():
        (opened,) = acknowledge([cannot(gate, "x", "m", "h")], {gate})
        assert opened.open and opened.acknowledged and opened.message == "m"
        assert acknowledge([cannot(gate, "x", "m", "h")], {"%s:y" % gate})[0].status == CANNOT
        assert acknowledge([cannot(gate, "x", "m", "h")], {"%s:x" % gate})[0].open


def test_what_was_not_checked_is_shown_and_does_not_stop() -> None:
    unchecked = not_checked("smtp_probe", "m")
    assert unchecked.open and unchecked.status == NOT_CHECKED
    assert not unchecked.acknowledged and unchecked.to_data() == {
        "gate": "smtp_probe",
        "status": "not_checked",
        "message": "m",
    }


BLOCKERS: dict[str, dict[str, Any]] = {
    "customs": {"inbound_connectors": []},
    "restricting": {
        "inbound_connectors": [
            connector(EGRESS),
            connector(["192.0.2.1"], Name="Old", RestrictDomainsToIPAddresses=True),
        ]
    },
    "partner": {
        "inbound_connectors": [
            connector(EGRESS),
            connector(
                ["192.0.2.1"],
                Name="P",
                SenderDomains=["smtp:p.example;1"],
                RestrictDomainsToIPAddresses=True,
            ),
        ]
    },
    "adopted": {"inbound_connectors": [connector(EGRESS, RestrictDomainsToIPAddresses=True)]},
    "rule": {
        "transport_rules": [
            {"Name": "Gateway only", "ExceptIfSenderIpRanges": ["192.0.2.1"], "DeleteMessage": True}
        ]
    },
    "spf": {"content_filter": [{"Name": "Default", "MarkAsSpamSpfRecordHardFail": "On"}]},
    "test mode": {"inbound_connectors": [connector(EGRESS, EFTestMode=True)]},
    "young": {"inbound_connectors": [connector(EGRESS, WhenChangedUTC=ago(minutes=5))]},
    "list": {"connection_filter": [{"Name": "Default", "IPAllowList": []}]},
}


@pytest.mark.parametrize("name", BLOCKERS)
def test_what_concerns_the_tenant_stands_before_every_switch(name: str) -> None:
    evaluation = phases.evaluate("switch", world(**BLOCKERS[name]))
    assert not evaluation.go and evaluation.values["domains"] == []


def test_one_domain_that_is_not_ready_holds_only_itself() -> None:
    found = world(email_security={TWO: protected(TWO)})
    evaluation = phases.evaluate("switch", found)
    assert [item["name"] for item in evaluation.values["domains"]] == [TWO]
    assert [result.object for result in evaluation.results if not result.open] == [ONE]


def test_what_was_not_read_is_an_error_and_no_empty_world() -> None:
    known = world().sections
    for section in (
        "inbound_connectors",
        "accepted_domains",
        "connection_filter",
        "dns",
        "organization",
        "service_date",
    ):
        kept = {name: value for name, value in known.items() if name != section}
        phase = (
            "connection_filter"
            if section == "organization"
            else "tenant"
            if section == "accepted_domains"
            else "switch"
        )
        with pytest.raises(Conflict, match=section if section != "service_date" else "service"):
            phases.evaluate(
                phase,
                World(
                    {**kept, **BLOCKERS["young"]} if section == "service_date" else kept, wanted()
                ),
            )


def test_canaries_first_then_the_limit() -> None:
    canary = world(wanted(domains=[ONE, {"name": TWO, "canary": True}]))
    assert [item["name"] for item in phases.evaluate("switch", canary).values["domains"]] == [TWO]
    moved = {
        **canary.sections,
        "area1_trace": {
            "messages": [
                {
                    "domains": [TWO],
                    "outbound": [{"at": ago(hours=1), "message": "status=sent (250 2.0.0)"}],
                }
            ]
        },
    }
    moved["dns_provider"][TWO]["records"] = records(NEW)
    assert [
        item["name"]
        for item in phases.evaluate("switch", World(moved, canary.settings)).values["domains"]
    ] == [ONE]
    one = phases.evaluate("switch", world(wanted(max_switches=1)))
    assert [item["name"] for item in one.values["domains"]] == [ONE]
    assert [result.object for result in one.results if result.gate == "max_switches"] == [TWO]


def test_the_limit_is_one_of_the_run_however_often_it_looks() -> None:
    spent = phases.evaluate(
        "switch", world(wanted(max_switches=1), switched_here=["moved.example"])
    )
    held = [result for result in spent.results if result.gate == "max_switches"]
    assert (
        spent.values["domains"] == []
        and [result.object for result in held] == [ONE, TWO]
        and "has switched 1" in held[0].message
    )
    left = phases.evaluate("switch", world(wanted(max_switches=2), switched_here=["moved.example"]))
    assert [item["name"] for item in left.values["domains"]] == [ONE]
    assert (
        len(phases.evaluate("switch", world(switched_here=["moved.example"])).values["domains"])
        == 2
    ), "no limit"


def test_a_spent_limit_is_said_of_domains_that_are_held_by_something_else_too() -> None:
    """Their time is not worth waiting for: this run switches them in no case."""
    blocked = {name: protected(name, readiness={"status": "not_yet"}) for name in (ONE, TWO)}
    evaluation = phases.evaluate(
        "switch",
        world(wanted(max_switches=1), switched_here=["moved.example"], email_security=blocked),
    )
    assert {result.object for result in evaluation.results if result.gate == "max_switches"} == {
        ONE,
        TWO,
    }


def test_all_moved_is_done() -> None:
    evaluation = phases.evaluate("switch", world(moved=True))
    assert (
        evaluation.go and evaluation.values["domains"] == [] and evaluation.values["done"] is True
    )
    assert evaluation.values["candidates"] == evaluation.values["probe"]["names"] == [], (
        "nobody is asked by SMTP for nothing"
    )
    assert phases.evaluate("lower_ttl", world(moved=True)).values["domains"] == []


def test_times_as_services_write_them() -> None:
    expected = datetime.datetime(2026, 11, 23, 20, 0, 1, 123456, tzinfo=datetime.timezone.utc)
    assert parse_time("2026-11-23T20:00:01.1234567Z") == expected
    assert parse_time("2026-11-23T21:00:01.123456+01:00") == expected
    assert parse_time("2026-11-23T20:00:01.123456") == expected
    assert parse_time("soon") is None and parse_time(None) is None
    assert iso(expected) == "2026-11-23T20:00:01Z" and parse_time(iso(NOW)) == NOW

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tenants that are not fresh: a customer's own set-up, one that was never customised, one with a
domain that stays outside.
"""

from __future__ import annotations

import contextlib
import copy
import datetime
import ipaddress
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.by_hand import LOCKDOWN, beside, exchange_writes, low_ttl, moment, run_when_due
from tests.playbook.end_state import (
    EGRESS,
    assert_connectors,
    assert_domains,
    assert_finished,
    assert_switched,
)
from tests.playbook.flow import LOOKED_AT, assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import Deployment, Outcome

CONNECTOR = "Area 1 Inbound Connector"
ENABLE = "Enable-OrganizationCustomization"
# Without soak the floor is the old TTL; what settles is another test's matter.
SOON = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}


def enabled_customization(deployment: Deployment) -> int:
    """How often Enable-OrganizationCustomization was on the wire."""
    return [cmdlet for cmdlet, _parameters in exchange_writes(deployment)].count(ENABLE)


# --- busy ---


def test_nothing_of_a_busy_customer_changes_but_what_the_tutorial_says(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("busy")
    _furnish_zones(deployment)
    before = deployment.lab.state()
    variables = {**SOON, "area1_settle_minutes": 6, "area1_acknowledge": LOOKED_AT}
    with flowing(deployment):
        outcomes = run_when_due(deployment, variables=variables)
        deployment.lab.advance(minutes=10)
    after = deployment.lab.state()
    assert_nothing_lost(deployment)
    assert_closed(deployment)

    assert len(outcomes) == 5, "TTL lowered; switched; staged; locked; proven"
    _assert_soaked_for_the_old_ttl(deployment)
    _assert_tenant_kept(before["tenant"], after["tenant"])
    _assert_zones_kept(before["cloudflare"]["zones"], after["cloudflare"]["zones"])
    _assert_only_ours_on_the_wire(deployment)
    assert_connectors(deployment)
    assert_switched(deployment)
    assert_domains(deployment)
    _assert_snapshotted(deployment)

    since = deployment.lab.mark()
    again = deployment.run(variables=variables)
    assert again.rc == 0 and again.stats["changed"] == 0 and again.report["done"] is True, (
        again.stdout
    )
    assert deployment.lab.writes(since) == []


def _furnish_zones(deployment: Deployment) -> None:
    """The customer's notes on records, and mail hosts of a name below the domain, which is not ours
    to move.
    """
    for name, zone in deployment.lab.state()["cloudflare"]["zones"].items():
        for record in zone["records"]:
            path = ["cloudflare", "zones", name, "records", record["id"]]
            deployment.lab.mutate(
                [*path, "comment"], value="%s of %s, asked for by finance" % (record["type"], name)
            )
            deployment.lab.mutate([*path, "tags"], value=["owner:finance"])
        below = {
            **zone["records"][0],
            "id": "%032x" % len(name),
            "name": "lists.%s" % name,
            "content": "lists.northwind.example",
            "ttl": 7200,
        }
        deployment.lab.mutate(["cloudflare", "zones", name, "records"], append=below)


# [CF-4.2]: what use case 1 makes of the Default policy
FIRST_USE_CASE = {
    "SpamAction": "MoveToJmf",
    "HighConfidenceSpamAction": "Quarantine",
    "HighConfidenceSpamQuarantineTag": "UserNotifyAdminRelease",
    "PhishSpamAction": "Quarantine",
    "PhishQuarantineTag": "UserNotifyAdminRelease",
    "HighConfidencePhishAction": "Quarantine",
    "HighConfidencePhishQuarantineTag": "UserNotifyAdminRelease",
}
RULE, RELEASE = "Email Security Deliver to Junk Email folder", "UserNotifyAdminRelease"


def _assert_tenant_kept(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Object by object, dates included: what was not to change was not even touched."""
    expected, found = copy.deepcopy(before), copy.deepcopy(after)
    for tenant in (expected, found):
        tenant.pop("serial", None)  # the lab's counter of new objects
        changing = [
            tenant["connection_filter"],
            *(
                item
                for item in tenant["content_filter_policies"]
                if item["Name"] in ("Default", "Finance strict")
            ),
        ]
        for item in changing:
            for key in ("WhenChanged", "WhenChangedUTC"):
                item.pop(key)
    for policy in expected["content_filter_policies"]:
        if policy["Name"] in ("Default", "Finance strict"):
            assert policy["MarkAsSpamSpfRecordHardFail"] == "On"
            policy["MarkAsSpamSpfRecordHardFail"] = "Off"
        if policy["Name"] == "Default":
            policy.update(FIRST_USE_CASE)
    for section, made in (("transport_rules", RULE), ("quarantine_policies", RELEASE)):
        *kept, last = found[section]
        assert last["Name"] == made
        found[section] = kept
    _assert_allow_list_grew(
        expected["connection_filter"].pop("IPAllowList"),
        found["connection_filter"].pop("IPAllowList"),
    )
    ours = [item for item in found["inbound_connectors"] if item["Name"] in (CONNECTOR, LOCKDOWN)]
    assert len(ours) == 2
    found["inbound_connectors"] = [item for item in found["inbound_connectors"] if item not in ours]
    assert sorted(found) == sorted(expected)
    for name in expected:
        assert found[name] == expected[name], name
    assert [rule["Priority"] for rule in after["transport_rules"]] == [0, 1, 2, 3]


def _assert_allow_list_grew(before: list[str], after: list[str]) -> None:
    """The customer's entries are there as they were spelled, and every address of Area 1 is,
    once.
    """
    assert after[: len(before)] == before
    networks = [ipaddress.ip_network(value, strict=False) for value in after if "-" not in value]
    assert len(set(networks)) == len(networks)
    assert {ipaddress.ip_network(value) for value in EGRESS} <= set(networks)
    assert len(after) == len(before) + 41, "one of the 42 was there already"


def _assert_zones_kept(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert sorted(before) == sorted(after)
    for name, zone in before.items():
        moved = [
            record for record in zone["records"] if (record["type"], record["name"]) == ("MX", name)
        ]
        others = [record for record in zone["records"] if record not in moved]
        kept = [
            record
            for record in after[name]["records"]
            if (record["type"], record["name"]) != ("MX", name)
        ]
        assert kept == others, "not even their dates"
        in_place = [record for record in after[name]["records"] if record["id"] == moved[0]["id"]]
        assert len(moved) == len(in_place) == 1, "the customer's record is changed in place"
        assert (in_place[0]["comment"], in_place[0]["tags"]) == (
            moved[0]["comment"],
            moved[0]["tags"],
        )


def _assert_only_ours_on_the_wire(deployment: Deployment) -> None:
    """What was written, from the log: a change and its undoing would not show in the state."""
    touched = {
        (cmdlet, parameters.get("Identity") or parameters.get("Name"))
        for cmdlet, parameters in exchange_writes(deployment)
    }
    assert touched == {
        ("Set-HostedConnectionFilterPolicy", "Default"),
        ("Set-HostedContentFilterPolicy", "Default"),
        ("Set-HostedContentFilterPolicy", "Finance strict"),
        *(
            (verb, name)
            for verb in ("New-InboundConnector", "Set-InboundConnector")
            for name in (CONNECTOR, LOCKDOWN)
        ),
        ("New-QuarantinePolicy", RELEASE),
        ("New-TransportRule", RULE),
        ("Enable-TransportRule", RULE),
    }
    for cmdlet, parameters in exchange_writes(deployment):
        if cmdlet == "Set-HostedContentFilterPolicy":
            allowed = {
                "MarkAsSpamSpfRecordHardFail",
                *(FIRST_USE_CASE if parameters["Identity"] == "Default" else ()),
            }
            assert set(parameters) - {"Identity", "Confirm"} <= allowed
        if cmdlet == "Set-HostedConnectionFilterPolicy":
            assert set(parameters) - {"Identity", "Confirm"} == {"IPAllowList"}


def _assert_soaked_for_the_old_ttl(deployment: Deployment) -> None:
    """Soak 0 is not 0: caches hold the old records for a day."""
    history = [
        entry
        for entry in deployment.lab.state()["dns"]["history"]
        if entry["zone"] == "northwind.example" and len(entry["mx"]) == 4
    ]
    enabling = [
        entry
        for entry in deployment.lab.writes()
        if entry.get("cmdlet") == "Set-InboundConnector"
        and entry["parameters"].get("Enabled") is True
    ]
    assert len(enabling) == 1
    assert moment(enabling[0]["time"]) - moment(history[0]["at"]) >= datetime.timedelta(days=1)


def _assert_snapshotted(deployment: Deployment) -> None:
    sections = json.loads(
        (deployment.state_directory / "baseline.json").read_text(encoding="utf-8")
    )["sections"]
    hard_fail = {
        policy["Name"]: policy["MarkAsSpamSpfRecordHardFail"]
        for policy in sections["content_filter"]
    }
    assert hard_fail["Default"] == hard_fail["Finance strict"] == "On", "what a rollback needs"
    assert {item["Name"] for item in sections["inbound_connectors"]} == {
        "Inbound from headquarters",
        "Contoso with TLS",
    }
    assert {
        sections["dns_provider"][name]["ttl"] for name in deployment.lab.extra_vars["area1_domains"]
    } == {86400}


# --- dehydrated ---


@pytest.mark.long
def test_a_dehydrated_tenant_is_enabled_once_waited_for_and_deployed(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("dehydrated")
    low_ttl(deployment)
    # It may throw and yet succeed ([EXO-2.7]).
    deployment.lab.setting("enable_throws", True)
    deployment.lab.setting("hydration_minutes", 60)
    # Caches take five minutes of the lab's clock, which nobody moves meanwhile: that is left to the
    # next run.
    with _hydrating(deployment, 17.0):
        outcomes = run_when_due(
            deployment, variables={**SOON, "area1_wait": True, "area1_wait_timeout": 3}
        )
    assert enabled_customization(deployment) == 1
    first = outcomes[0]
    (result,) = first.results("Enable organization customization where the tenant is dehydrated")
    assert (
        result["changed"] is True
        and result["pending"] is False
        and result["is_dehydrated"] is False
    )
    assert len(outcomes) == 3, "the run that waited went on to the switch"
    assert_finished(deployment)


def _hydrating(deployment: Deployment, seconds: float) -> contextlib.AbstractContextManager[None]:
    """Some time after the request, longer than a run without area1_wait looks, the tenant's
    customization is over.
    """

    def let_it_end(over: threading.Event) -> None:
        while not enabled_customization(deployment):
            if over.wait(0.5):
                return
        if not over.wait(seconds):
            deployment.lab.advance(hours=1)

    return beside(let_it_end)


def test_without_waiting_the_run_ends_well_and_says_what_is_due(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("dehydrated")
    first = deployment.run()
    assert first.rc == 0, first.stdout
    assert enabled_customization(deployment) == 1
    assert {cmdlet for cmdlet, _parameters in exchange_writes(deployment)} == {ENABLE}, (
        "the rest waits for the tenant"
    )
    due = {(entry["section"], entry["object"]) for entry in first.report["due"]}
    assert ("organization", "organization") in due
    assert first.report["done"] is False
    assert "24 hours" in first.stdout

    deployment.lab.advance(hours=1, minutes=5)
    # The tenant is ready, but the directory still answers what was: the cmdlet then says that there
    # is nothing to do.
    deployment.lab.faults(
        [{"service": "exchange", "match": "Get-OrganizationConfig", "kind": "stale", "times": 1}]
    )
    second = deployment.run()
    assert second.rc == 0, second.stdout
    assert enabled_customization(deployment) == 2, "the stale answer was not met"
    (result,) = second.results("Enable organization customization where the tenant is dehydrated")
    assert result["changed"] is False and result["pending"] is False
    assert set(deployment.tenant()["connection_filter"]["IPAllowList"]) == EGRESS
    assert deployment.connector(CONNECTOR) is not None
    assert not [entry for entry in second.report["due"] if entry["section"] == "organization"]


# --- a domain outside ---


def test_a_domain_outside_holds_back_the_lockdown_and_nothing_else(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("foreign_domain")
    low_ttl(deployment)
    foreign = copy.deepcopy(deployment.lab.state()["dns"]["zones"]["legacy.example"])
    first = deployment.run(variables=SOON)
    assert first.rc == 0, first.stdout
    deployment.lab.advance(minutes=6)
    since = deployment.lab.mark()
    second = deployment.run(variables=SOON)
    assert second.rc == 0, second.stdout
    assert deployment.lab.writes(since) == [], (
        "all else is done, and the lock-down is not even staged"
    )
    assert deployment.connector(LOCKDOWN) is None
    assert_switched(deployment)
    assert_domains(deployment)
    connector = deployment.connector(CONNECTOR)
    assert connector is not None and connector["EFSkipLastIP"] is True
    assert set(deployment.tenant()["connection_filter"]["IPAllowList"]) == EGRESS
    _assert_says_why_not(second)

    _lock_down_the_covered(deployment)
    assert deployment.lab.state()["dns"]["zones"]["legacy.example"] == foreign


def _assert_says_why_not(outcome: Outcome) -> None:
    held = [entry for entry in outcome.report["due"] if entry["section"] == "lockdown"]
    assert [entry["object"] for entry in held] == ["legacy.example"], (
        "only that domain is in the way"
    )
    assert "legacy-example.mail.protection.outlook.com" in held[0]["message"]
    assert "area1_lockdown_exempt_domains" in held[0]["hint"]
    text = " ".join(outcome.stdout.split())
    assert "legacy.example: mail for it still reaches Microsoft past Area 1" in text
    assert outcome.report["done"] is False and outcome.report["locked"] is False


def _lock_down_the_covered(deployment: Deployment) -> None:
    covered = {
        **SOON,
        "area1_lockdown_scope": "covered",
        "area1_lockdown_exempt_domains": ["legacy.example"],
    }
    outcomes = run_when_due(deployment, variables=covered)
    assert len(outcomes) == 2, "staged, then enabled"
    lockdown = deployment.connector(LOCKDOWN)
    assert lockdown is not None
    assert lockdown["Enabled"] is True and lockdown["RestrictDomainsToIPAddresses"] is True
    assert set(lockdown["AssociatedAcceptedDomains"]) == set(
        deployment.lab.extra_vars["area1_domains"]
    )
    assert_connectors(deployment)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each property of each wanted object, turned away: verify, audit and way back notice it."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.handling import (
    objects as handling,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.handling.differences import (
    differences,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model import (
    wanted as model,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    Evaluation,
    GateResult,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import audit_checks
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.audit import (
    EVALUATORS as AUDIT,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.deploy import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.lockdown import (
    lockdown_step,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.rollback import (
    plan as rollback,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domain_options import (
    Wish,
    plan_domain,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.plan import (
    ListIntent,
    plan_object,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.exchange_objects import (
    CONNECTOR as CONNECTOR_TYPE,
    ENHANCED_FILTERING,
)
from tests.unit.cutover.past_worlds import before, undone
from tests.unit.cutover.worlds import (
    CONNECTOR,
    LOCKDOWN,
    NOW,
    ONE,
    ago,
    connector,
    protected,
    sections,
    stamped,
    wanted,
)

Turn = tuple[str, Any]
MINE = "192.0.2.1"
DAY = datetime.timedelta(days=1)
FILTERING: dict[str, Any] = {
    "EFSkipLastIP": False,
    "EFTestMode": True,
    "EFUsers": ["ceo@northwind.example"],
}
OWN: dict[str, Any] = {
    "ConnectorType": "OnPremises",
    "Enabled": False,
    "SenderIPAddresses": [MINE],
    "SenderDomains": ["smtp:contoso.example;1"],
    "RequireTls": False,
    "RestrictDomainsToIPAddresses": True,
    "RestrictDomainsToCertificate": True,
    **FILTERING,
}
LOCK: dict[str, Any] = {
    "ConnectorType": "OnPremises",
    "Enabled": False,
    "SenderIPAddresses": [MINE],
    "SenderDomains": ["smtp:contoso.example;1"],
    "RequireTls": False,
    "RestrictDomainsToIPAddresses": False,
    "AssociatedAcceptedDomains": [ONE],
    **FILTERING,
}
DOMAIN: dict[str, Any] = {
    "transport": "elsewhere.mail.protection.outlook.com",
    "regions": ["IN"],
    "drop_dispositions": ["BULK"],
    "require_tls_outbound": False,
    "lookback_hops": 3,
    "ip_restrictions": ["192.0.2.0/24"],
    "allowed_delivery_modes": ["API"],
}
RULE: dict[str, Any] = {
    "Comments": "",  # text before the stamp, see below
    "Mode": "Audit",
    "HeaderContainsMessageHeader": "X-Other",
    "HeaderContainsWords": ["OTHER"],
    "SenderIpRanges": [MINE],
    "SetSCL": 1,
    "Quarantine": None,  # the other one
    "PrependSubject": "Changed: ",
    "State": "Disabled",
}
#: Neither is written, so neither has an option or a way back.
ONLY_LOOKED_AT = {"RestrictDomainsToCertificate", "EFTestMode"}


def finished(use_case: int | None = None) -> dict[str, Any]:
    """Return a tenant with all in place and the lock-down on."""
    chosen = wanted(**({} if use_case is None else {"use_case": use_case}))
    found = sections(chosen, moved=True)
    comment = "Only accept inbound email from Area 1"
    lock = stamped(chosen, NOW - 5 * DAY, NOW - 2 * DAY, Enabled=True, Comment=comment)
    found["inbound_connectors"].append(lock)
    for entry in found["dns_provider"].values():
        entry["modified_on"] = ago(days=10)
    return found


def turned(section: str, name: str, turn: Turn) -> dict[str, Any]:
    found = finished()
    (record,) = [item for item in found[section] if item["Name"] == name]
    record[turn[0]] = turn[1]
    return found


def turned_domain(turn: Turn) -> dict[str, Any]:
    found = finished()
    found["email_security"][ONE][turn[0]] = turn[1]
    return found


def world(found: dict[str, Any]) -> World:
    return World(found, wanted())


def verified(found: World) -> Evaluation:
    return evaluate("verify", found)


def findings(results: Sequence[GateResult], name: str) -> list[str]:
    """Return the gates that do not hold for an object, or that report it."""
    return [item.gate for item in results if item.object == name and (item.notice or not item.open)]


def planned(options: dict[str, Any], observed: dict[str, Any]) -> set[str]:
    """Return what the modules of connectors would change in check mode, which the audit reports."""
    rows = (*CONNECTOR_TYPE.properties, *ENHANCED_FILTERING.properties)
    given = {
        row.name: ListIntent.of(options[row.option]) if row.kind.is_list else options[row.option]
        for row in rows
        if row.option in options
    }
    return {change.name for change in plan_object("", "", rows, observed, given).changes}


def names(parts: Sequence[model.Part]) -> set[str]:
    return {part.prop.name for part in parts}


def test_each_property_is_turned_below() -> None:
    chosen, filtering = wanted(), model.filtering().parts
    assert names((*model.own_connector(chosen).parts, *filtering)) == set(OWN)
    assert names((*model.lockdown_connector(chosen).parts, *filtering)) == set(LOCK)
    domain = model.email_security_domain(chosen, chosen.domain(ONE), "host.example")
    assert names(domain.parts) == set(DOMAIN)
    assert {row.name for row in handling.RULE} == set(RULE)


def test_a_finished_tenant_differs_nowhere() -> None:
    found = world(finished())
    evaluation = verified(found)
    assert evaluation.values["done"] is True and evaluation.results == []
    assert [item for item in audit_checks.checks(found) if not item.open] == []


@pytest.mark.parametrize("turn", OWN.items(), ids=str)
def test_our_connector(turn: Turn) -> None:
    found = turned("inbound_connectors", CONNECTOR, turn)
    evaluation = verified(world(found))
    assert evaluation.values["done"] is False
    assert "settled" in findings(evaluation.results, CONNECTOR)
    assert CONNECTOR not in [
        item["name"] for item in evaluate("switch", world(found)).values["domains"]
    ]

    (record,) = [item for item in found["inbound_connectors"] if item["Name"] == CONNECTOR]
    gate = evaluate("enhanced_filtering", world(found))
    options = {**gate.values["connector"], **gate.values["filtering"]}
    if turn[0] in ONLY_LOOKED_AT:
        audited = [*audit_checks.checks(world(found)), *gate.results]
        assert {"orca_233", "adopted_connector"} & set(findings(audited, CONNECTOR))
    else:
        assert planned(options, record) == {turn[0]}

    past = before()
    past["inbound_connectors"] = [connector([], Comment="Gateway")]
    assert way_back(found, past, "connector %s" % CONNECTOR, CONNECTOR, turn)


@pytest.mark.parametrize("turn", LOCK.items(), ids=str)
def test_the_lockdown_connector(turn: Turn) -> None:
    found = turned("inbound_connectors", LOCKDOWN, turn)
    evaluation = verified(world(found))
    stays = turn[0] in model.ASKED_OF_SENDERS
    assert evaluation.values["done"] is stays, "what somebody decided about a lock-down stays"
    if turn[0] in ("Enabled", "RestrictDomainsToIPAddresses"):
        assert evaluation.values["locked"] is False
    elif turn[0] == "AssociatedAcceptedDomains":
        assert "soak" in findings(lockdown_step(world(found)).results, LOCKDOWN)
    else:
        assert findings(evaluation.results, LOCKDOWN)

    (record,) = [item for item in found["inbound_connectors"] if item["Name"] == LOCKDOWN]
    audited = findings(audit_checks.checks(world(found)), LOCKDOWN)
    step = lockdown_step(world(found)).values
    would_change = planned({**step["connector"], **step["filtering"]}, record)
    if turn[0] == "Enabled":
        assert AUDIT["audit"](world(found)).values["locked"] is False
    else:
        assert audited or turn[0] in would_change

    past = before()
    past["inbound_connectors"] = [
        stamped(wanted(), NOW - 9 * DAY, NOW, Enabled=True, SenderIPAddresses=[], Comment="G")
    ]
    assert way_back(found, past, "connector %s" % LOCKDOWN, LOCKDOWN, turn)


def way_back(
    found: dict[str, Any], past: dict[str, Any], label: str, name: str, turn: Turn
) -> bool:
    """Return whether the way back leaves a value that is somebody else's, and says so."""
    plan = rollback.plan(undone(copy.deepcopy(found), past))
    entries = [item for item in plan.connectors if item["name"] == name]
    given = [{**item["connector"], **item["filtering"]} for item in entries]
    if turn[0] == "SenderIPAddresses":  # networks of others are never taken out
        return all(
            MINE not in item.get("sender_ip_addresses", {}).get("remove", ()) for item in given
        )
    if turn[0] in ONLY_LOOKED_AT:
        options = {"restrict_domains_to_certificate", "test_mode"}
        return not any(options & set(item) for item in given)
    return any(item.object == label and turn[0] in item.message for item in plan.left)


@pytest.mark.parametrize("turn", DOMAIN.items(), ids=str)
def test_an_email_security_domain(turn: Turn) -> None:
    found = turned_domain(turn)
    evaluation = verified(world(found))
    assert evaluation.values["done"] is False
    gates = {"area1_domain", "held_back", "forwarding_host"}
    assert gates & set(findings(evaluation.results, ONE))

    gate = evaluate("area1_domains", world(found))
    mine = [item for item in gate.values["domains"] if item["name"] == ONE]
    if not mine:
        assert turn[0] == "transport" and "forwarding_host" in findings(gate.results, ONE)
    for item in mine:
        given = {**gate.values, **item}
        wish = Wish(
            ONE,
            forward_to=given["forward_to"],
            regions=tuple(given["regions"]),
            drop_dispositions=tuple(given["drop_dispositions"]),
            require_tls_outbound=given["require_tls_outbound"],
            lookback_hops=given["lookback_hops"],
            ip_restrictions=tuple(given["ip_restrictions"]),
        )
        plan = plan_domain(wish, found["email_security"][ONE], lambda host: False)
        assert {change.name for change in plan.changes} == {turn[0]}

    past = before()
    past["email_security"] = {ONE: protected(ONE)}
    left = rollback.plan(undone(copy.deepcopy(found), past)).left
    assert any(item.object == ONE and turn[0] in item.message for item in left)


@pytest.mark.parametrize("turn", RULE.items(), ids=str)
def test_a_rule_of_the_use_case(turn: Turn) -> None:
    found, chosen = finished(use_case=2), wanted(use_case=2)
    rule = found["transport_rules"][0]
    name, value = rule["Name"], turn[1]
    value = "Other text. " + rule["Comments"] if turn[0] == "Comments" else value
    rule[turn[0]] = not rule["Quarantine"] if turn[0] == "Quarantine" else value
    there = World(found, chosen)
    assert verified(there).values["done"] is False
    assert ("rule %s" % name, "differs: %s" % turn[0]) in differences(there)
    written = evaluate("message_handling", there).values["rules"]
    assert name in [item["name"] for item in written], "the audit sees that it would change"

    past = before()
    past["transport_rules"] = []
    plan = rollback.plan(undone(copy.deepcopy(found), past, use_case=2))
    # The networks follow the published list, and text and state change no effect: it is still ours.
    if turn[0] in ("Comments", "SenderIpRanges", "State"):
        assert name in plan.rules
    else:
        assert name not in plan.rules
        assert any(
            item.object == "rule %s" % name and turn[0] in item.message for item in plan.left
        )


def test_what_a_lock_down_that_is_on_asks_of_senders_is_not_written() -> None:
    found = world(turned("inbound_connectors", LOCKDOWN, ("RequireTls", False)))
    step = lockdown_step(found).values
    assert step["action"] == "keep" and set(step["connector"]) == {
        "sender_ip_addresses",
        "restrict_domains_to_ip_addresses",
        "associated_accepted_domains",
    }


def test_wider_networks_and_further_senders_are_no_difference() -> None:
    chosen = wanted()
    record = connector([*chosen.egress, "192.0.2.0/24"], SenderDomains=["smtp:*;1", "a.example"])
    assert model.own_connector(chosen).differences(record) == []


def test_what_the_service_does_not_tell_is_no_difference() -> None:
    chosen, found = wanted(), protected(ONE)
    for name in ("lookback_hops", "require_tls_outbound"):
        found.pop(name)
    domain = model.email_security_domain(chosen, chosen.domain(ONE), str(found["transport"]))
    assert domain.without({"drop_dispositions"}).differences(found) == []

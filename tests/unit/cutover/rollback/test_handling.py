# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Message handling on the way back: ours by name and stamp, values by three ways, nothing that is
still in use.
"""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.handling import (
    objects as handling,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.rollback import (
    plan as rollback,
)
from tests.unit.cutover.past_worlds import before, undone

UNTOUCHED = {
    "SpamAction": "MoveToJmf",
    "HighConfidenceSpamAction": "MoveToJmf",
    "PhishSpamAction": "Quarantine",
    "HighConfidencePhishAction": "Quarantine",
    "BulkSpamAction": "MoveToJmf",
    "SpamQuarantineTag": "DefaultFullAccessPolicy",
    "HighConfidenceSpamQuarantineTag": "DefaultFullAccessPolicy",
    "PhishQuarantineTag": "DefaultFullAccessPolicy",
    "HighConfidencePhishQuarantineTag": "AdminOnlyAccessPolicy",
    "BulkQuarantineTag": "DefaultFullAccessPolicy",
    "QuarantineRetentionPeriod": 30,
    "MarkAsSpamSpfRecordHardFail": "Off",
}


def past() -> dict[str, Any]:
    found = before()
    found.update(
        content_filter=[{"Name": "Default", "IsDefault": True, **UNTOUCHED}],
        transport_rules=[
            {"Name": "Theirs", "Comments": "", "State": "Enabled", "Mode": "Enforce", "Priority": 0}
        ],
        quarantine_policies=[
            {"Name": "AdminOnlyAccessPolicy", "EndUserQuarantinePermissionsValue": 0}
        ],
    )
    return found


def handled(**options: Any) -> dict[str, Any]:
    """The same after the section message_handling."""
    found = copy.deepcopy(past())
    world = World({**found, "baseline": {"sections": past()}}, undone(**options).settings)
    for number, rule in enumerate(handling.wanted_rules(world), 1):
        found["transport_rules"].append({"Name": rule.name, "Priority": number, **rule.properties})
    for entry in handling.policy_options(world):
        found["quarantine_policies"].append(
            {"Name": entry["name"], "AdminDisplayName": entry["admin_display_name"]}
        )
    given = handling.filter_options(world, "Default")
    found["content_filter"][0].update(
        {handling.FILTER[option]: value for option, value in given.items()}
    )
    return found


def plan(found: dict[str, Any], **options: Any) -> rollback.Rollback:
    return rollback.plan(undone(found, past(), **options))


def test_each_use_case_is_undone_whole_whatever_is_wanted_today() -> None:
    for made in (1, 2, 3, 4, 5):
        found = handled(use_case=made)
        for today in (1, 5):
            undoing = plan(found, use_case=today)
            assert sorted(undoing.rules) == sorted(
                rule["Name"] for rule in found["transport_rules"] if rule["Name"] != "Theirs"
            ), made
            assert undoing.left == [], (made, today, undoing.left)
            (policy,) = undoing.policies or [{"identity": "Default"}]
            restored = {
                **found["content_filter"][0],
                **{
                    handling.FILTER[option]: policy[option]
                    for option in policy
                    if option != "identity"
                },
            }
            assert restored == past()["content_filter"][0], (made, today)
            assert len(undoing.quarantine_policies) == len(found["quarantine_policies"]) - 1


def test_what_is_not_ours_by_name_and_stamp_stays() -> None:
    found = handled(use_case=2)
    rule = next(rule for rule in found["transport_rules"] if rule["Name"] != "Theirs")
    copied = {**rule, "Name": "A copy under another name"}
    found["transport_rules"].append(copied)
    assert copied["Name"] not in plan(found, use_case=2).rules
    rule["HeaderContainsWords"] = ["BULK", "NONE"]
    undoing = plan(found, use_case=2)
    assert rule["Name"] not in undoing.rules and any(
        "HeaderContainsWords" in item.message for item in undoing.left
    )
    rule.update(
        HeaderContainsWords=handled(use_case=2)["transport_rules"][1]["HeaderContainsWords"],
        ExceptIfFrom=["ceo@northwind.example"],
    )
    undoing = plan(found, use_case=2)
    assert rule["Name"] not in undoing.rules and any(
        "ExceptIfFrom" in item.message for item in undoing.left
    )
    rule.update(
        State="Disabled",
        ExceptIfFrom=None,
        HeaderContainsWords=handled(use_case=2)["transport_rules"][1]["HeaderContainsWords"],
    )
    assert rule["Name"] in plan(found, use_case=2).rules, "one that is switched off is still ours"


def test_a_value_that_somebody_chose_since_is_his() -> None:
    found = handled(use_case=1)
    found["content_filter"][0].update(
        SpamAction="Delete", HighConfidenceSpamQuarantineTag="Legal hold"
    )
    undoing = plan(found, use_case=1)
    assert all(
        "spam_action" not in item and "high_confidence_spam_quarantine_tag" not in item
        for item in undoing.policies
    )
    (left,) = undoing.left
    assert "SpamAction" in left.message and "HighConfidenceSpamQuarantineTag" in left.message


def test_a_quarantine_policy_that_somebody_uses_stays() -> None:
    found = handled(use_case=1)
    ours = next(
        item["Name"]
        for item in found["quarantine_policies"]
        if item["Name"] != "AdminOnlyAccessPolicy"
    )
    found["content_filter"].append({"Name": "Made since", **UNTOUCHED, "SpamQuarantineTag": ours})
    undoing = plan(found, use_case=1)
    assert ours not in undoing.quarantine_policies and any(
        "Made since" in item.message for item in undoing.left
    )

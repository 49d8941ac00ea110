# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Microsoft 365 puts an accepted message, on the lab's evaluator alone: rules, verdicts,
policies, who may release.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from lab.exchange.nouns import (
    CONTENT_FILTER,
    CONTENT_FILTER_RULE,
    EOP_RULE,
    QUARANTINE_POLICY,
    build,
)
from lab.exchange.rules import transport_rule
from lab.mail.filtering import applying_policy, place
from lab.mail.message import DISPOSITION_HEADER, Message
from lab.mail.predicates import NotInTheLab
from lab.worlds import Credentials, build as build_world

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
GATEWAY, SENDER, ATTACKER = "52.11.209.211", "198.51.100.7", "203.0.113.66"
BOSS, ANN = "ceo@northwind.example", "ann@northwind.example"


def fresh(name: str = "fresh") -> dict[str, Any]:
    return build_world(name, Credentials("secret", "token", ""), NOW)[0]


def message(disposition: str = "", **fields: Any) -> Message:
    headers = [("From", "Bob <bob@sender.example>"), ("Subject", "Your =?utf-8?q?invoice?=")]
    headers += [(DISPOSITION_HEADER, disposition)] if disposition else []
    given: dict[str, Any] = {
        "id": "1",
        "message_id": "<1@sender.example>",
        "envelope_from": "bounce@sender.example",
        "recipient": ANN,
        "headers": headers,
        "body": b"",
        "connecting_ip": GATEWAY,
        "source_ip": SENDER,
        "received": NOW,
    }
    return Message(**{**given, **fields})


def rule(world: dict[str, Any], name: str, **fields: Any) -> None:
    rules = world["tenant"]["transport_rules"]
    rules.append(
        transport_rule(name, "northwind.onmicrosoft.com", NOW, Priority=len(rules), **fields)
    )


def disposed(word: str = "BULK") -> dict[str, Any]:
    return {
        "HeaderContainsMessageHeader": DISPOSITION_HEADER.lower(),
        "HeaderContainsWords": [word.lower()],
        "SenderIpRanges": [GATEWAY + "/32"],
    }


def default(world: dict[str, Any], **fields: Any) -> None:
    world["tenant"]["content_filter_policies"][0] |= fields


def test_clean_mail_comes_in() -> None:
    found = place(fresh(), message())
    assert (found.folder, found.verdict, found.scl, found.rules) == ("inbox", "", None, [])


@pytest.mark.parametrize(
    ("scl", "verdict", "folder"),
    [
        ("-1", "", "inbox"),
        ("0", "", "inbox"),
        ("4", "", "inbox"),
        ("5", "spam", "junk"),
        ("6", "spam", "junk"),
        ("9", "high_confidence_spam", "quarantine"),
    ],
)
def test_the_level_that_a_rule_sets_becomes_a_verdict(scl: str, verdict: str, folder: str) -> None:
    world = fresh()
    default(
        world,
        HighConfidenceSpamAction="Quarantine",
        HighConfidenceSpamQuarantineTag="AdminOnlyAccessPolicy",
        QuarantineRetentionPeriod=20,
    )
    rule(world, "SCL", **disposed(), SetSCL=scl)
    found = place(world, message("BULK"))
    assert (found.verdict, found.folder, found.rules) == (verdict, folder, ["SCL"])
    if folder == "quarantine":
        assert (found.policy, found.release, found.retention_days) == (
            "AdminOnlyAccessPolicy",
            "admin",
            20,
        )


def test_conditions_are_all_asked_for_and_exceptions_keep_out() -> None:
    world = fresh()
    rule(world, "SCL", **disposed(), SetSCL="5", ExceptIfSubjectContainsWords=["newsletter"])
    assert place(world, message("BULK")).folder == "junk"
    assert place(world, message("BULKY")).folder == "inbox", "words are matched whole"
    assert place(world, message("BULK", connecting_ip=ATTACKER)).folder == "inbox", (
        "a forged header from elsewhere is not believed"
    )
    letter = message("BULK")
    letter.headers[1] = ("Subject", "Our Newsletter 12")
    assert place(world, letter).folder == "inbox"


def test_order_state_mode_and_the_end_of_processing() -> None:
    world = fresh()
    rule(world, "Off", **disposed(), SetSCL="9", State="Disabled")
    rule(world, "Audit", **disposed(), SetSCL="9", Mode="Audit")
    rule(world, "Later", **disposed(), SetSCL="9", ActivationDate="2026-11-26T00:00:00Z")
    rule(world, "First", **disposed(), SetSCL="5", SetHeaderName="X-Seen", SetHeaderValue="yes")
    rule(
        world,
        "Sees it",
        HeaderMatchesMessageHeader="x-seen",
        HeaderMatchesPatterns=["^y"],
        SetSCL="6",
        StopRuleProcessing=True,
    )
    rule(world, "Too late", SetSCL="9")
    found = place(world, message("BULK"))
    assert (found.rules, found.scl) == (["First", "Sees it"], 6)
    assert place(world, message()).rules == ["Too late"]


def test_a_rule_that_quarantines_ends_the_others_and_only_administrators_release() -> None:
    world = fresh()
    rule(world, "Host", **disposed("MALICIOUS"), Quarantine=True)
    rule(world, "After", SetSCL="-1")
    found = place(world, message("MALICIOUS"))
    assert (found.folder, found.verdict, found.release, found.rules) == (
        "quarantine",
        "transport_rule",
        "admin",
        ["Host"],
    )


@pytest.mark.parametrize(
    ("action", "folder"),
    [
        ({"DeleteMessage": True}, "deleted"),
        ({"RedirectMessageTo": [BOSS]}, "redirected"),
        ({"RejectMessageReasonText": "no"}, "rejected"),
    ],
)
def test_other_ends(action: dict[str, Any], folder: str) -> None:
    world = fresh()
    rule(world, "End", SubjectContainsWords=["INVOICE"], **action)
    assert place(world, message()).folder == folder


@pytest.mark.parametrize(("seen", "folder"), [("last_hop", "junk"), ("original", "inbox")])
def test_what_address_rules_see_under_enhanced_filtering_is_the_world_s_to_say(
    seen: str, folder: str
) -> None:
    world = fresh()
    world["settings"]["rules_see"] = seen
    rule(world, "SCL", **disposed(), SetSCL="5")
    assert place(world, message("BULK", skip_listed=True)).folder == folder
    assert place(world, message("BULK")).folder == "junk"


def test_presets_win_over_custom_policies_and_these_over_default() -> None:
    world = fresh("busy")
    assert applying_policy(world, BOSS)["RecommendedPolicyType"] == "Standard"
    assert applying_policy(world, "x@northwind-group.example")["Name"] == "Finance strict"
    assert applying_policy(world, "x@nw-labs.example")["Name"] == "Default", (
        "the rule of its policy is switched off"
    )
    assert applying_policy(world, ANN)["Name"] == "Default"
    tenant = world["tenant"]
    tenant["content_filter_policies"].append(
        build(
            CONTENT_FILTER,
            "Strict one",
            "northwind.onmicrosoft.com",
            NOW,
            RecommendedPolicyType="Strict",
        )
    )
    tenant["eop_protection_rules"].append(
        build(
            EOP_RULE,
            "Strict",
            "northwind.onmicrosoft.com",
            NOW,
            HostedContentFilterPolicy="Strict one",
            Priority=1,
        )
    )
    assert applying_policy(world, BOSS)["Name"] == "Strict one"
    tenant["content_filter_rules"].append(
        build(
            CONTENT_FILTER_RULE,
            "Early",
            "northwind.onmicrosoft.com",
            NOW,
            HostedContentFilterPolicy="Retired 2022",
            SentTo=[ANN],
            Priority=0,
        )
    )
    tenant["eop_protection_rules"].pop()
    assert applying_policy(world, ANN)["Name"] == "Retired 2022"


@pytest.mark.parametrize(
    ("permissions", "release"), [(39, "user"), (43, "request"), (0, "admin"), (3, "admin")]
)
def test_who_may_release_is_the_policy_s_to_say(permissions: int, release: str) -> None:
    world = fresh()
    policy = build(
        QUARANTINE_POLICY,
        "Own",
        "northwind.onmicrosoft.com",
        NOW,
        EndUserQuarantinePermissionsValue=permissions,
    )
    world["tenant"]["quarantine_policies"].append(policy)
    default(
        world,
        SpamAction="Quarantine",
        SpamQuarantineTag="Own",
        HighConfidencePhishQuarantineTag="Own",
    )
    world["settings"]["verdicts"] = {"<1@sender.example>": "spam"}
    assert place(world, message()).release == release
    world["settings"]["verdicts"] = {"<1@sender.example>": "high_confidence_phish"}
    rule(world, "Trusts all", SetSCL="-1")
    found = place(world, message())
    assert found.folder == "quarantine" and found.release == (
        "request" if release == "user" else release
    ), "users never release it by themselves"


def test_spf_hard_fail_and_the_allow_list() -> None:
    world = fresh()
    default(world, MarkAsSpamSpfRecordHardFail="On")
    assert place(world, message(spf="fail")).verdict == "high_confidence_spam"
    assert place(world, message(spf="softfail")).verdict == ""
    assert place(world, message(spf="fail", allow_listed=True)).verdict == ""
    rule(world, "SCL", **disposed(), SetSCL="5")
    assert place(world, message("BULK", allow_listed=True)).folder == "junk"
    world["settings"]["allow_list_beats_rules"] = True
    assert place(world, message("BULK", allow_listed=True)).folder == "inbox"


def test_a_condition_that_the_lab_lacks_is_said() -> None:
    world = fresh()
    rule(world, "Big", MessageSizeOver="10 MB", SetSCL="5")
    with pytest.raises(NotInTheLab, match="MessageSizeOver"):
        place(world, message())

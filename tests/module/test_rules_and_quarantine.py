# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transport rules, quarantine policies and verdict actions on a tenant with rules of its own: by
the lab's state and the wire.

The modules' functions are called as their doors call them, without a process for each task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import (
    content_filter,
    quarantine_policy,
    transport_rules,
)
from lab.client import Lab
from tests.module.plays import exchange_defaults, psrp_defaults, written

HEADER = "X-CFEmailSecurity-Disposition"
JUNK: dict[str, Any] = {
    "name": "To junk",
    "header_contains": {"header": HEADER, "words": ["SUSPICIOUS", "BULK"]},
    "comments": 'Ours, "Grüße"',
    "sender_ip_ranges": ["52.11.209.211", "158.51.64.0/26"],
    "set_scl": 5,
}
POLICY: dict[str, Any] = {
    "name": "Ask first",
    "permissions": ["request_release", "preview", "delete"],
    "notifications": True,
}
#: A refusal of the service itself, which reaches every transport.
REFUSAL = {"kind": "cmdlet_error", "type": "System.UnauthorizedAccessException", "message": "No."}
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="busy", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.reset("busy")
    return running


@pytest.fixture(params=["rest", "psrp"])
def transport(request: pytest.FixtureRequest) -> str:
    """Over both: what comes of a task does not depend on how its cmdlets reach the service."""
    return str(request.param)


@pytest.fixture
def run(lab: Lab, transport: str) -> Run:
    """One task: its result, which must say by itself whether it failed."""
    made = psrp_defaults(lab) if transport == "psrp" else exchange_defaults(lab, signed_in=True)
    given = {
        **made,
        "timeout": 30,
        "state": "present",
        "scope": "identity",
        "identity": "Default",
    }

    def task(logic: Any, check: bool = False, **options: Any) -> dict[str, Any]:
        context = Context(
            check_mode=check, diff=True, sleep=lambda seconds: lab.advance(seconds=seconds)
        )
        failed, result = evaluate(logic, {**given, **options}, context)
        assert "exception" not in result, result
        return {**result, "failed": failed}

    return task


def order(lab: Lab) -> list[str]:
    rules = lab.state()["tenant"]["transport_rules"]
    assert sorted(rule["Priority"] for rule in rules) == list(range(len(rules)))
    return [rule["Name"] for rule in sorted(rules, key=lambda rule: rule["Priority"])]


def rule(lab: Lab, name: str) -> dict[str, Any]:
    return next(item for item in lab.state()["tenant"]["transport_rules"] if item["Name"] == name)


THEIRS = ["Disclaimer", "Scanner in Lyon", "Invoices"]


def test_a_rule_is_made_switched_off_and_switched_on_when_it_reads_back(lab: Lab, run: Run) -> None:
    before = lab.state()["tenant"]
    checked = run(transport_rules.run_transport_rule, check=True, **JUNK)
    assert (
        checked["changed"]
        and checked["rule"]["priority"] == 3
        and checked["diff"]
        and lab.state()["tenant"] == before
    )
    since = lab.mark()
    made = run(transport_rules.run_transport_rule, **JUNK)
    assert (
        made["changed"]
        and made["plan"][0]["action"] == "create"
        and made["rule"]["enabled"] is True
    )
    assert written(lab, since) == [
        ("New-TransportRule", "To junk"),
        ("Enable-TransportRule", "To junk"),
    ]
    sent = lab.writes(since)[0]["parameters"]
    assert (
        sent["Enabled"] is False
        and sent["HeaderContainsMessageHeader"] == HEADER
        and "Priority" not in sent
    )
    assert order(lab) == [*THEIRS, "To junk"]
    assert [
        item for item in lab.state()["tenant"]["transport_rules"] if item["Name"] in THEIRS
    ] == before["transport_rules"]

    since = lab.mark()
    same = {**JUNK, "sender_ip_ranges": ["158.51.64.0/26", "52.11.209.211/32"]}
    same["header_contains"] = {"header": HEADER.lower(), "words": ["bulk", "suspicious"]}
    assert (
        run(transport_rules.run_transport_rule, **same)["changed"] is False
        and lab.writes(since) == []
    )


def test_only_what_differs_is_sent_and_a_condition_is_cleared_by_null(lab: Lab, run: Run) -> None:
    run(transport_rules.run_transport_rule, **JUNK)
    since = lab.mark()
    changed = run(
        transport_rules.run_transport_rule,
        name="To junk",
        sender_ip_ranges=[],
        parameters={"exceptiffromscope": "inorganization"},
    )
    assert changed["changed"] and [entry["parameters"] for entry in lab.writes(since)] == [
        {
            "Identity": "To junk",
            "SenderIpRanges": None,
            "ExceptIfFromScope": "InOrganization",
            "Confirm": False,
        }
    ]
    assert not rule(lab, "To junk")["SenderIpRanges"] and rule(lab, "To junk")["SetSCL"] == "5"
    cleared = run(
        transport_rules.run_transport_rule, name="To junk", parameters={"ExceptIfFromScope": None}
    )
    assert cleared["changed"] and rule(lab, "To junk")["ExceptIfFromScope"] is None

    since = lab.mark()
    fewer = run(
        transport_rules.run_transport_rule,
        name="To junk",
        header_contains={"header": HEADER, "words": ["BULK"]},
        set_scl=6,
    )
    assert fewer["changed"] and [entry["parameters"] for entry in lab.writes(since)] == [
        {
            "Identity": "To junk",
            "HeaderContainsMessageHeader": HEADER,
            "HeaderContainsWords": ["BULK"],
            "SetSCL": 6,
            "Confirm": False,
        }
    ], "a pair is sent whole"

    lab.setting("null_clears_predicate", False)
    kept = run(
        transport_rules.run_transport_rule,
        name="To junk",
        header_contains={"header": "", "words": []},
    )
    assert kept["failed"] and kept["error"]["kind"] == "not_verified", (
        "that the service kept it is said, not hidden"
    )


def test_order_is_kept_relative_and_nobody_else_s_rule_is_written_to(lab: Lab, run: Run) -> None:
    since = lab.mark()
    run(transport_rules.run_transport_rule, **JUNK, position="before", relative_to="Invoices")
    assert order(lab) == ["Disclaimer", "Scanner in Lyon", "To junk", "Invoices"]
    assert not run(
        transport_rules.run_transport_rule, **JUNK, position="after", relative_to="disclaimer"
    )["changed"], "anywhere behind it is good"
    assert run(transport_rules.run_transport_rule, **JUNK, position="last")["changed"]
    assert (
        run(transport_rules.run_transport_rule, **JUNK, position="first")["changed"]
        and order(lab)[0] == "To junk"
    )
    assert run(
        transport_rules.run_transport_rule, **JUNK, position="after", relative_to="Scanner in Lyon"
    )["changed"]
    assert order(lab) == ["Disclaimer", "Scanner in Lyon", "To junk", "Invoices"]
    assert {name for _, name in written(lab, since)} == {"To junk"}
    run(transport_rules.run_transport_rule, name="to JUNK", state="absent")
    assert order(lab) == THEIRS


def test_a_rule_left_switched_off_by_a_crash_is_switched_on(
    lab: Lab, run: Run, transport: str
) -> None:
    broken_way = {"kind": "status", "status": 403} if transport == "rest" else REFUSAL
    lab.faults([{"service": "exchange", "match": "Enable-TransportRule", "times": 9, **broken_way}])
    broken = run(transport_rules.run_transport_rule, **JUNK, enabled=True)
    assert broken["failed"] and rule(lab, "To junk")["State"] == "Disabled"
    lab.faults([])
    since = lab.mark()
    assert run(transport_rules.run_transport_rule, **JUNK, enabled=True)["changed"]
    assert written(lab, since) == [("Enable-TransportRule", "To junk")]
    run(transport_rules.run_transport_rule, name="To junk", enabled=False)
    assert rule(lab, "To junk")["State"] == "Disabled"


def test_an_answer_that_is_lost_or_late_makes_no_second_rule(
    lab: Lab, run: Run, transport: str
) -> None:
    service = {"rest": "exchange", "psrp": "psrp"}[transport]
    lab.faults([{"service": service, "match": "New-TransportRule", "kind": "drop_after_commit"}])
    lab.setting("read_lag_seconds", 5)
    made = run(transport_rules.run_transport_rule, **JUNK)
    assert (
        made["changed"]
        and order(lab).count("To junk") == 1
        and rule(lab, "To junk")["State"] == "Enabled"
    )


@pytest.mark.parametrize("identity", ["name", "tenant_name"])
def test_a_quarantine_policy_is_made_changed_used_and_removed(
    lab: Lab, run: Run, identity: str
) -> None:
    lab.setting("quarantine_identity", identity)
    before = lab.state()["tenant"]["quarantine_policies"]
    since = lab.mark()
    assert (
        run(quarantine_policy.run_quarantine_policy, check=True, **POLICY)["changed"]
        and lab.writes(since) == []
    )
    made = run(quarantine_policy.run_quarantine_policy, **POLICY, admin_display_name="Ours")
    assert (
        made["policy"]["permissions_value"] == 11 and made["policy"]["admin_display_name"] == "Ours"
    )
    assert not run(quarantine_policy.run_quarantine_policy, **{**POLICY, "name": "ASK first"})[
        "changed"
    ]
    assert run(quarantine_policy.run_quarantine_policy, name="Ask first", access="full")["policy"][
        "permissions"
    ] == [
        "allow_sender",
        "release",
        "preview",
        "delete",
    ]
    used = run(
        content_filter.run_content_filter, spam_action="Quarantine", spam_quarantine_tag="ask FIRST"
    )
    assert used["changed"] and used["policies"][0]["spam_quarantine_tag"] == "Ask first"
    assert run(quarantine_policy.run_quarantine_policy, name="Ask first", state="absent")[
        "failed"
    ], "it is in use"
    run(
        content_filter.run_content_filter,
        spam_action="MoveToJmf",
        spam_quarantine_tag="DefaultFullAccessPolicy",
    )
    assert run(quarantine_policy.run_quarantine_policy, name="Ask first", state="absent")["changed"]
    assert lab.state()["tenant"]["quarantine_policies"] == before


WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "65 characters": (
        transport_rules.run_transport_rule,
        {"name": "x" * 65, "quarantine": True},
        "64",
    ),
    "SCL 10": (
        transport_rules.run_transport_rule,
        {"name": "x", "set_scl": 10},
        "-1 (bypass spam filtering) and 0 to 9",
    ),
    "a long comment": (
        transport_rules.run_transport_rule,
        {"name": "x", "set_scl": 5, "comments": "c" * 1025},
        "takes 1024",
    ),
    "an unknown parameter": (
        transport_rules.run_transport_rule,
        {"name": "x", "parameters": {"SenderIpRange": ["192.0.2.1"]}},
        "SenderIpRanges",
    ),
    "a reserved parameter": (
        transport_rules.run_transport_rule,
        {"name": "x", "parameters": {"SenderInRecipientList": ["a"]}},
        "not a condition",
    ),
    "the beginning of a value": (
        transport_rules.run_transport_rule,
        {"name": "x", "set_scl": 1, "parameters": {"FromScope": "NotIn"}},
        "NotInOrganization",
    ),
    "a flag that is none": (
        transport_rules.run_transport_rule,
        {"name": "x", "parameters": {"Quarantine": "perhaps"}},
        "yes or no",
    ),
    "no address": (
        transport_rules.run_transport_rule,
        {"name": "x", "set_scl": 5, "sender_ip_ranges": ["mail.example"]},
        "is not an IP address",
    ),
    "half a header condition": (
        transport_rules.run_transport_rule,
        {"name": "x", "set_scl": 5, "header_contains": {"header": HEADER}},
        "go together",
    ),
    "no action": (
        transport_rules.run_transport_rule,
        {"name": "x", "subject_contains_words": ["x"]},
        "without any action",
    ),
    "a neighbour that is not there": (
        transport_rules.run_transport_rule,
        {**JUNK, "position": "after", "relative_to": "Nobody"},
        "Rules are: Disclaimer",
    ),
    "twice": (
        transport_rules.run_transport_rule,
        {"name": "x", "set_scl": 5, "parameters": {"setscl": 5}},
        "given twice",
    ),
    "the mode cleared": (
        transport_rules.run_transport_rule,
        {"name": "Disclaimer", "parameters": {"Mode": None}},
        "cannot be cleared",
    ),
    "both releases": (
        quarantine_policy.run_quarantine_policy,
        {"name": "x", "permissions": ["release", "request_release"]},
        "exclude each other",
    ),
    "an unknown permission": (
        quarantine_policy.run_quarantine_policy,
        {"name": "x", "permissions": ["read"]},
        "Valid ones are view_header",
    ),
    "a built-in": (
        quarantine_policy.run_quarantine_policy,
        {"name": "adminOnlyAccessPolicy", "access": "full"},
        "built-in",
    ),
    "a built-in removed": (
        quarantine_policy.run_quarantine_policy,
        {"name": "DefaultFullAccessPolicy", "state": "absent"},
        "built-in",
    ),
    "an unknown tag": (
        content_filter.run_content_filter,
        {"spam_quarantine_tag": "Nobody's"},
        "There are AdminOnlyAccessPolicy",
    ),
    "retention": (
        content_filter.run_content_filter,
        {"quarantine_retention_period": 31},
        "from 1 to 30",
    ),
    "threshold": (content_filter.run_content_filter, {"bulk_threshold": 0}, "from 1 to 9"),
    "a header name": (
        content_filter.run_content_filter,
        {"add_x_header_value": "X: y"},
        "without spaces and colons",
    ),
    "redirect to nobody": (
        content_filter.run_content_filter,
        {"spam_action": "Redirect"},
        "needs redirect_to_recipients",
    ),
}


def test_refused_before_anything_is_written(lab: Lab, run: Run) -> None:
    since = lab.mark()
    for name, (logic, options, words) in WRONG.items():
        result = run(logic, **options)
        assert result["failed"] and words in result["msg"], (name, result)
    assert lab.writes(since) == []

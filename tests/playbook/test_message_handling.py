# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role message_handling as the playbook runs it: one use case, then another.

Every use case and choice is in tests/module.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.playbook.by_hand import exchange_writes
from tests.playbook.harness import Deployment

THEIRS = ["Disclaimer", "Scanner in Lyon", "Invoices"]
FIRST, SECOND = (
    "Email Security User Quarantine Message",
    "Email Security User Quarantine Message Admin Release",
)
JUNK = "Email Security Deliver to Junk Email folder"


def test_one_use_case_and_then_another(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("busy")
    deployment.lab.setting("rule_dates", False)
    theirs = deployment.tenant()["transport_rules"]
    run = deployment.run("--tags", "message_handling", variables={"area1_use_case": "4"})
    assert run.rc == 0, run.stdout
    assert [
        (cmdlet, given.get("Name") or given.get("Identity"))
        for cmdlet, given in exchange_writes(deployment)
    ] == [
        ("New-QuarantinePolicy", "UserNotifyUserRelease"),
        ("New-QuarantinePolicy", "UserNotifyAdminRelease"),
        ("Set-HostedContentFilterPolicy", "Default"),
        ("New-TransportRule", FIRST),
        ("Enable-TransportRule", FIRST),
        ("New-TransportRule", SECOND),
        ("Enable-TransportRule", SECOND),
    ]
    assert "Message handling" in run.stdout and "set in the Cloudflare dashboard" in run.stdout
    assert "Finance strict: wins over Default" in " ".join(run.stdout.split())

    assert set(in_place(deployment)) == {
        "rule %s" % FIRST,
        "rule %s" % SECOND,
    }, "no rule says when it was made"

    since = deployment.lab.mark()
    run = deployment.run("--tags", "message_handling", variables={"area1_use_case": 1})
    assert run.rc == 0, run.stdout
    rules = sorted(deployment.tenant()["transport_rules"], key=lambda rule: int(rule["Priority"]))
    assert [rule["Name"] for rule in rules] == [*THEIRS, JUNK] and rules[:3] == theirs
    assert [
        (cmdlet, given.get("Identity")) for cmdlet, given in exchange_writes(deployment, since)
    ][-3:] == [
        ("Remove-TransportRule", FIRST),
        ("Remove-TransportRule", SECOND),
        ("Remove-QuarantinePolicy", "UserNotifyUserRelease"),
    ]
    default = next(
        policy for policy in deployment.tenant()["content_filter_policies"] if policy["IsDefault"]
    )
    assert (default["SpamAction"], default["SpamQuarantineTag"]) == (
        "MoveToJmf",
        "DefaultFullAccessPolicy",
    )
    assert {name for name, state in in_place(deployment).items() if state} == {"rule %s" % JUNK}


def in_place(deployment: Deployment) -> dict[str, str]:
    """What the time line says last of each object's state."""
    events = json.loads((deployment.state_directory / "timeline.json").read_text(encoding="utf-8"))
    return {
        event["domain"]: event.get("subject", "")
        for event in events
        if event["event"] == "in_place"
    }

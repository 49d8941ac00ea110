# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit only looks, and sees: a finished tenant is clean, what was changed by hand is drift,
lost mail is its first line.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable

from tests.playbook.by_hand import LOCKDOWN, low_ttl, replace_mx
from tests.playbook.harness import HOST, ROOT, Deployment, Outcome

AUDIT = ROOT / "playbooks" / "audit.yml"
DOMAIN = "northwind.example"


def audited(deployment: Deployment, *arguments: str) -> Outcome:
    """One audit. Whatever it finds, nothing is written anywhere but its own result."""
    since, before = deployment.lab.mark(), _files(deployment)
    outcome = deployment.run(*arguments)
    assert deployment.lab.writes(since) == [], "an audit wrote"
    assert {name for name, text in _files(deployment).items() if before.get(name) != text} <= {
        "audit.json"
    }
    return outcome


def _files(deployment: Deployment) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8") for path in deployment.state_directory.glob("*")
    }


def test_an_audit_sees_what_a_deployment_would_change_and_more(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    deployment.variables.update(area1_settle_minutes=0, area1_lockdown_soak_hours=0)
    deployment.until_done()
    deployment.playbook = AUDIT

    clean = audited(deployment, "-e", "area1_audit_fail_on_drift=true")
    assert (
        clean.rc == 0 and clean.report["done"] is True and clean.report["audit"]["clean"] is True
    ), clean.stdout
    assert "CLEAN" in clean.stdout and clean.report["locked"] is True
    kept = deployment.state_directory / "audit.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["audit"]["clean"] is True
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    connector = deployment.connector(LOCKDOWN)
    assert connector is not None
    deployment.lab.mutate(
        ["tenant", "inbound_connectors", "Area 1 Inbound Connector", "EFSkipLastIP"], value=False
    )
    deployment.lab.mutate(["tenant", "inbound_connectors", LOCKDOWN, "EFTestMode"], value=True)
    deployment.lab.mutate(
        ["tenant", "blocked_connectors"], value=[{"ConnectorId": connector["Guid"]}]
    )
    drifted = audited(deployment, "-e", "area1_audit_fail_on_drift=true")
    assert drifted.rc != 0 and "DRIFT: 1 would change" in drifted.stdout, drifted.stdout
    (change,) = drifted.report["audit"]["drift"]
    assert (
        change["object"] == "InboundConnector Area 1 Inbound Connector"
        and "EFSkipLastIP" in change["message"]
    )
    found = {(item["gate"], item["object"]) for item in drifted.report["audit"]["findings"]}
    assert {
        ("orca_233", LOCKDOWN),
        ("orca_233", "Area 1 Inbound Connector"),
        ("blocked_connectors", LOCKDOWN),
    } <= found
    assert drifted.report["locked"] is True, "as it is, not as it would be"
    stats = next(
        event["event_data"] for event in drifted.events if event["event"] == "playbook_on_stats"
    )
    assert stats["artifact_data"]["area1_audit"][HOST]["clean"] is False, (
        "what AWX hands to the next job"
    )

    replace_mx(deployment, DOMAIN, [(0, "northwind-example.mail.protection.outlook.com")])
    losing = audited(deployment)
    assert losing.rc != 0, "lost mail is an error whatever was asked for"
    summary = losing.stdout.partition("=====\n")[2]
    assert summary.startswith("! %s: THE LOCK-DOWN IS ON" % DOMAIN), losing.stdout
    assert [item["object"] for item in losing.report["audit"]["alarms"]][:1] == [DOMAIN]

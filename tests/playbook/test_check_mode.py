# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`--check --diff` is the plan of the next run: it writes nothing, and the run that follows does
just what it said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.harness import Deployment, Outcome


def checked_then_run(deployment: Deployment) -> tuple[Outcome, Outcome]:
    """A plan and the run that follows; the plan left no trace, neither on the wire nor on the
    controller.
    """
    since, files = deployment.lab.mark(), kept(deployment)
    before = objects(deployment)
    plan = deployment.run(check=True)
    assert plan.rc == 0, plan.stdout
    assert deployment.lab.writes(since) == []
    assert objects(deployment) == before
    assert kept(deployment) == files
    outcome = deployment.run("--diff")
    assert outcome.rc == 0, outcome.stdout
    assert deployment.lab.writes(since), (
        "the run had nothing to do, so the comparison shows nothing"
    )
    return plan, outcome


def objects(deployment: Deployment) -> dict[str, Any]:
    state = deployment.lab.state()
    return {
        "tenant": state["tenant"],
        "zones": state["cloudflare"]["zones"],
        "email_security": state["cloudflare"]["email_security"],
    }


def kept(deployment: Deployment) -> dict[str, bytes]:
    """Every file of the state directory."""
    root = deployment.directory / "state"
    return (
        {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
        if root.exists()
        else {}
    )


def due_sections(outcome: Outcome) -> set[str]:
    return {entry["section"] for entry in outcome.report["due"]}


@pytest.mark.matrix
def test_the_plan_of_each_day_is_what_the_run_of_that_day_does(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")

    plan, first = checked_then_run(deployment)
    assert plan.diffs() == first.diffs()
    assert set(plan.diffs()) == {
        "HostedConnectionFilterPolicy Default",
        "InboundConnector Area 1 Inbound Connector",
        *("email_security_domain %s" % name for name in deployment.lab.extra_vars["area1_domains"]),
        "MX record set northwind.example",
        "MX record set northwind-group.example",
    }, "nw-labs.example has Cloudflare's Auto: low enough"
    assert len(plan.diffs()["InboundConnector Area 1 Inbound Connector"]) == 2, (
        "the connector, and enhanced filtering on it"
    )
    assert due_sections(plan) == {"mx", "lockdown"}, "what this run cannot do yet"
    assert plan.report["check_mode"] is True and plan.report["done"] is False
    assert plan.report["changed"] == first.report["changed"]
    assert "nothing was written" in plan.stdout

    deployment.lab.advance(hours=1, minutes=5)
    plan, second = checked_then_run(deployment)
    assert plan.diffs() == second.diffs()
    assert set(plan.diffs()) == {
        "MX record set %s" % name for name in deployment.lab.extra_vars["area1_domains"]
    }
    assert due_sections(plan) == {"lockdown"}

    deployment.lab.advance(minutes=6)
    plan, third = checked_then_run(deployment)
    staged, ran = plan.diffs(), third.diffs()
    assert set(staged) == set(ran) == {"InboundConnector Secure O365 Inbound"}
    assert [without_stamp(pair) for pair in staged["InboundConnector Secure O365 Inbound"]] == [
        without_stamp(pair) for pair in ran["InboundConnector Secure O365 Inbound"]
    ]
    assert len(ran["InboundConnector Secure O365 Inbound"]) == 2, (
        "staged, and enhanced filtering on a connector that is not there yet"
    )


def without_stamp(pair: tuple[Any, Any]) -> list[dict[str, Any]]:
    """The stamp holds the time of the run that sets it."""
    return [{key: value for key, value in side.items() if key != "Comment"} for side in pair]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail flows through the whole deployment: not one legitimate mail is lost, and afterwards none gets in past Area 1."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.playbook.by_hand import low_ttl, run_when_due
from tests.playbook.end_state import EGRESS, assert_finished
from tests.playbook.flow import assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import EU_RECORDS, ROOT, Deployment

SOON = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 6}


@pytest.mark.parametrize("world", ["fresh", "busy", "laggard", "one_down"])
def test_no_mail_is_lost_at_any_moment(deploy: Callable[..., Deployment], world: str) -> None:
    deployment = deploy(world)
    if world in ("laggard", "one_down"):
        low_ttl(deployment)
    with flowing(deployment):
        run_when_due(deployment, limit=8, variables=SOON)
        deployment.lab.advance(minutes=10)
    assert_nothing_lost(deployment)
    assert_closed(deployment)
    if world == "fresh":
        assert_finished(deployment)


def test_the_tutorials_literal_order_loses_mail_under_the_same_traffic(deploy: Callable[..., Deployment]) -> None:
    """What the test above guards against can happen, and would be seen."""
    deployment = deploy("fresh")
    deployment.playbook = ROOT / "tests" / "playbook" / "literal_order.yml"
    hosts = deployment.tenant()["mail_hosts"]
    given = {
        "egress": sorted(EGRESS),
        "forwarding": [{"name": name, "forward_to": hosts[name]} for name in deployment.lab.extra_vars["area1_domains"]],
        "records": [{"priority": priority, "host": host} for priority, host in EU_RECORDS],
    }
    with flowing(deployment):
        outcome = deployment.run(variables=given)
        assert outcome.rc == 0, outcome.stdout
        deployment.lab.advance(minutes=6)
        tally = deployment.lab.traffic(mails=300)
    assert tally["lost"] > 0, tally
    assert any("5.7.51" in reason for reason in tally["reasons"]), tally
    assert deployment.mx()["northwind.example"][0][1] == EU_RECORDS[0][1]

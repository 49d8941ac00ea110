# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every single write is the last thing that its run does; the next run goes on from there, to the
same end, and no mail is lost.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.playbook.by_hand import LOCKDOWN
from tests.playbook.end_state import assert_finished
from tests.playbook.flow import LOOKED_AT, assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import Deployment
from tests.playbook.killing import run_until_a_write

SOAK = {"area1_lockdown_soak_hours": 1, "area1_settle_minutes": 5, "area1_acknowledge": LOOKED_AT}
MOST_RUNS = 60


@pytest.mark.long
def test_a_deployment_survives_a_kill_after_every_write(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    with flowing(deployment):
        kills = _kill_after_every_write(deployment)
    assert kills >= 10, "the kills were to come after every write"
    assert_finished(deployment)
    assert_nothing_lost(deployment)
    deployment.lab.advance(minutes=10)
    assert_closed(deployment)

    since = deployment.lab.mark()
    last = deployment.run(variables=SOAK)
    assert last.rc == 0 and last.report["done"] is True and last.stats["changed"] == 0, last.stdout
    assert deployment.lab.writes(since) == []


def _kill_after_every_write(deployment: Deployment) -> int:
    """How often it was killed until it was done."""
    kills = 0
    for _ in range(MOST_RUNS):
        if run_until_a_write(deployment, SOAK):
            kills += 1
            assert all(deployment.mx().values()), "no MX set is ever empty"
            continue
        if (deployment.connector(LOCKDOWN) or {}).get("Enabled"):
            return kills
        deployment.lab.advance(hours=1, minutes=5)
    raise AssertionError("not done after %d runs" % MOST_RUNS)

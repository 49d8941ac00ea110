# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fresh tenant goes behind Area 1, run by run, under mail; from the lab's state and its log, not
from the playbook's word.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.playbook.end_state import assert_finished
from tests.playbook.flow import LOOKED_AT, assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import Deployment


@pytest.mark.matrix
def test_a_fresh_tenant_is_deployed_and_a_finished_one_is_left_alone(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    soak = {"area1_lockdown_soak_hours": 0, "area1_acknowledge": LOOKED_AT}
    with flowing(deployment):
        deployment.until_done(variables=soak)
        deployment.lab.advance(minutes=10)
    assert_finished(deployment)
    assert_nothing_lost(deployment)
    assert_closed(deployment)

    since = deployment.lab.mark()
    again = deployment.run(variables=soak)
    assert again.rc == 0 and again.stats["changed"] == 0, again.stdout
    assert deployment.lab.writes(since) == []
    assert len(deployment.lab.requests("exchange", since)) <= 13, (
        "one for each kind of object, what the role may do, the trace"
    )
    tokens = [
        entry
        for entry in deployment.lab.requests("entra", since)
        if entry["path"].endswith("/token")
    ]
    assert len(tokens) == 2, "one for Exchange and one for Graph"
    assert again.report["done"] is True

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fresh tenant goes behind Area 1, run by run, under mail; from the lab's state and its log, not
from the playbook's word.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.playbook.end_state import assert_finished
from tests.playbook.flow import LOOKED_AT, assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import ROOT, Deployment, Outcome
from tests.support.request_log import requests

#: What each run of this story asked the services for in the version that the rooms were built
#: from (tests/support/record_version.py).
BEFORE = ROOT / "tests" / "data" / "story-requests-3707bae.json"
#: Kinds of calls that the story did not have then, each with the reason why it has them now.
NEW_CALLS: dict[str, str] = {}


@pytest.mark.matrix
def test_a_fresh_tenant_is_deployed_and_a_finished_one_is_left_alone(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    soak = {"area1_lockdown_soak_hours": 0, "area1_acknowledge": LOOKED_AT}
    with flowing(deployment):
        outcomes = deployment.until_done(variables=soak)
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
    assert_no_more_requests(deployment, [*outcomes, again])


def assert_no_more_requests(deployment: Deployment, outcomes: list[Outcome]) -> None:
    """No run asks a service more often than before, call by call."""
    log = deployment.lab.log()
    before = json.loads(BEFORE.read_text(encoding="utf-8"))
    assert len(outcomes) == len(before), "as many runs as before"
    more = {}
    for number, (outcome, then) in enumerate(zip(outcomes, before, strict=True), 1):
        first, last = outcome.logged
        now = requests(entry for entry in log if first < entry["seq"] <= last)
        assert now, "the log holds the whole story"
        for call, count in now.items():
            if count > then.get(call, 0) and call not in NEW_CALLS:
                more["run %d: %s" % (number, call)] = "%d times, was %d" % (
                    count,
                    then.get(call, 0),
                )
    assert more == {}

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""area1_wait: one run of ansible-playbook from a fresh tenant to done.

It waits for what is due, and says so.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.by_hand import LOCKDOWN, beside, low_ttl, moment
from tests.playbook.end_state import assert_finished
from tests.playbook.flow import assert_nothing_lost, flowing
from tests.playbook.harness import EU_RECORDS, Deployment

CONNECTOR = "Area 1 Inbound Connector"
# What mail_flow_wait asks the service for: its clock.
POLL = "Get-OrganizationConfig"
HOUR = datetime.timedelta(hours=1)
LINE = re.compile(
    r"\[northwind\] Waiting \(until (?P<until>\S+Z), (?P<left>\d+ h \d\d min|\d+ min) left; this"
    r" run waits (?P<most>\d.*?) at most\): (?P<what>.+)"
)


def time_flies(deployment: Deployment) -> contextlib.AbstractContextManager[None]:
    """While the run waits, and only then, six minutes of the lab's pass in a second: at work its
    own clock is the service's.
    """

    def advance(over: threading.Event) -> None:
        seen, last, quiet = deployment.lab.mark(), "", 0
        while not over.wait(0.5):
            asked = deployment.lab.requests("exchange", seen)
            quiet = 0 if asked else quiet + 1
            if asked:
                seen, last = asked[-1]["seq"], str(asked[-1].get("cmdlet"))
            elif last == POLL and quiet >= 3:
                deployment.lab.advance(minutes=3)

    return beside(advance)


@pytest.mark.long
def test_one_run_waits_from_the_first_change_to_the_proof(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    # Caches forget by themselves while the run works: each wait costs a poll, a quarter of a
    # minute.
    low_ttl(deployment, 10)
    deployment.variables |= {
        "area1_wait": True,
        "area1_lockdown_soak_hours": 1,
        "area1_settle_minutes": 60,
    }
    with flowing(deployment, rate=2, attack_rate=0), time_flies(deployment):
        outcome = deployment.run()
    assert outcome.rc == 0 and outcome.report["done"] is True, outcome.stdout
    assert len(outcome.results("Check what is wanted")) >= 4, (
        "it looks at everything anew after each wait"
    )
    assert_finished(deployment)
    _assert_said(outcome.stdout)
    _assert_in_order(deployment)
    assert_nothing_lost(deployment, 300)

    since = deployment.lab.mark()
    again = deployment.run()
    assert again.rc == 0 and again.stats["changed"] == 0 and again.report["done"] is True, (
        again.stdout
    )
    assert deployment.lab.writes(since) == [] and not LINE.search(again.stdout)


def _assert_said(terminal: str) -> None:
    """What is awaited, until when, and how long that still takes."""
    lines = [match.groupdict() for match in LINE.finditer(terminal)]
    awaited = " ".join(line["what"] for line in lines)
    for what in (
        "Exchange is given 60 minutes to act on it",
        "the soak ends",
        "%s: switched on" % LOCKDOWN,
    ):
        assert what in awaited, terminal
    assert all(line["left"] != "0 min" and line["most"] for line in lines), lines
    assert [line["until"] for line in lines] == sorted(line["until"] for line in lines)


def _assert_in_order(deployment: Deployment) -> None:
    """From the wire: the switch came after settling, the staging after the switch, the lock-down
    after the soak.
    """
    ours = ("New-InboundConnector %s" % CONNECTOR, "Set-InboundConnector %s" % CONNECTOR)
    prepared = max(_times(deployment, "Set-HostedConnectionFilterPolicy", *ours))
    switched = [
        moment(entry["at"])
        for entry in deployment.lab.state()["dns"]["history"]
        if len(entry["mx"]) == len(EU_RECORDS)
    ]
    (staged,) = _times(deployment, "New-InboundConnector %s" % LOCKDOWN)
    (enabled,) = [
        moment(entry["time"])
        for entry in deployment.lab.writes()
        if _name(entry) == "Set-InboundConnector %s" % LOCKDOWN
        and entry["parameters"].get("Enabled") is True
    ]
    assert len(switched) == 3, "each zone once"
    assert prepared + HOUR <= min(switched) <= max(switched) < staged
    assert staged + HOUR <= enabled


def _times(deployment: Deployment, *names: str) -> list[datetime.datetime]:
    return [moment(entry["time"]) for entry in deployment.lab.writes() if _name(entry) in names]


def _name(entry: dict[str, Any]) -> str:
    """The cmdlet, and of a connector which one."""
    cmdlet, parameters = str(entry.get("cmdlet")), entry.get("parameters") or {}
    return (
        "%s %s" % (cmdlet, parameters.get("Name") or parameters.get("Identity"))
        if "Connector" in cmdlet
        else cmdlet
    )

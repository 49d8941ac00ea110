# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The soak before the lock-down: 72 hours in which every domain stayed behind Area 1, and no way to
shorten them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

import pytest

from tests.playbook.by_hand import (
    LOCKDOWN,
    advance_to,
    exchange_writes,
    low_ttl,
    moment,
    now,
    replace_mx,
)
from tests.playbook.end_state import assert_finished, assert_switched
from tests.playbook.harness import EU_RECORDS, Deployment, Outcome

HOUR = datetime.timedelta(hours=1)
DOMAIN = "northwind.example"
BEFORE = [(0, "northwind-example.mail.protection.outlook.com")]
AREA1 = EU_RECORDS
STAMPED = re.compile(
    r"Only accept inbound email from Area 1\. "
    r"\[mailflow\.area1: staged (?P<staged>\S+Z), due (?P<due>\S+Z), 3 domains,"
    r" (?P<digest>[0-9a-f]{12})\. Disabled on purpose\]"
)


def comment(deployment: Deployment) -> str:
    connector = deployment.connector(LOCKDOWN)
    assert connector is not None
    assert connector["Enabled"] is False, "the lock-down is on before the soak is over"
    return str(connector["Comment"])


def assert_staged(
    deployment: Deployment, outcome: Outcome
) -> tuple[datetime.datetime, datetime.datetime]:
    """Staged by this run, switched off, the whole soak before it; (staged, due)."""
    assert outcome.rc == 0, outcome.stdout
    match = STAMPED.fullmatch(comment(deployment))
    assert match, comment(deployment)
    connector = deployment.connector(LOCKDOWN)
    assert connector is not None
    assert connector["RestrictDomainsToIPAddresses"] is True and connector["RequireTls"] is True
    assert (
        connector["EFSkipLastIP"] is True
        and not connector["EFSkipIPs"]
        and not connector["EFUsers"]
    )
    assert len(connector["SenderIPAddresses"]) == 42 and connector["SenderDomains"] == ["smtp:*;1"]
    staged, due = moment(match["staged"]), moment(match["due"])
    assert due - staged == 72 * HOUR
    assert datetime.timedelta() <= now(deployment) - staged < datetime.timedelta(minutes=5), (
        "not staged by this run"
    )
    assert outcome.report["done"] is False and outcome.report["next"] == match["due"]
    assert match["due"] in summary(outcome)
    return staged, due


def summary(outcome: Outcome) -> str:
    """What a person reads, without the line breaks."""
    return " ".join(
        outcome.stdout.partition("Area 1 for ")[2].partition("TASK [Summary]")[0].split()
    )


def assert_waits(deployment: Deployment, due: datetime.datetime) -> None:
    """A run in the soak: nothing is written, and it says until when it waits."""
    known, since = comment(deployment), deployment.lab.mark()
    outcome = deployment.run()
    assert outcome.rc == 0 and outcome.stats["changed"] == 0, outcome.stdout
    assert deployment.lab.writes(since) == []
    assert comment(deployment) == known
    assert moment(outcome.report["next"]) == due and due.strftime("%Y-%m-%dT%H:%M:%SZ") in summary(
        outcome
    )


@pytest.mark.long
def test_the_soak_is_waited_for_and_starts_anew_when_a_domain_falls_back(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    deployment.variables["area1_settle_minutes"] = 0

    switched = deployment.run()
    assert switched.rc == 0, switched.stdout
    assert_switched(deployment)
    assert deployment.connector(LOCKDOWN) is None, (
        "resolvers still hold the old records: too early to stage"
    )

    deployment.lab.advance(minutes=6)
    _staged, due = assert_staged(deployment, deployment.run())
    deployment.lab.advance(hours=24)
    assert_waits(deployment, due)

    second = _fall_back(deployment, due)
    third = _touch_the_stamp(deployment, second)
    last = _fall_back_and_return(deployment, third)

    advance_to(deployment, last + datetime.timedelta(seconds=5))
    finished = deployment.run()
    assert finished.rc == 0 and finished.report["done"] is True, finished.stdout
    assert_finished(deployment)
    _assert_enabled_once(deployment, last)


def _fall_back(deployment: Deployment, due: datetime.datetime) -> datetime.datetime:
    """Found by the run after the due time: it switches again, does not enable, and the next one
    stages anew.
    """
    replace_mx(deployment, DOMAIN, BEFORE)
    advance_to(deployment, due + HOUR)
    outcome = deployment.run()
    assert outcome.rc == 0, outcome.stdout
    assert_switched(deployment)
    assert not STAMPED.search(comment(deployment)) and DOMAIN in comment(deployment), (
        "an interrupted soak leaves no stamp"
    )
    assert DOMAIN in summary(outcome)

    deployment.lab.advance(minutes=6)
    staged, new_due = assert_staged(deployment, deployment.run())
    assert staged > due
    return new_due


def _touch_the_stamp(deployment: Deployment, due: datetime.datetime) -> datetime.datetime:
    """Someone writes an earlier time into the comment: older than the connector, so it counts for
    nothing.
    """
    deployment.lab.advance(hours=2)
    match = STAMPED.fullmatch(comment(deployment))
    assert match
    forged = comment(deployment)
    for key in ("staged", "due"):
        forged = forged.replace(
            match[key], (moment(match[key]) - 200 * HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
        )
    deployment.lab.mutate(["tenant", "inbound_connectors", LOCKDOWN, "Comment"], value=forged)
    outcome = deployment.run()
    _staged, new_due = assert_staged(deployment, outcome)
    assert new_due > due
    assert "its stamp was edited" in summary(outcome)
    return new_due


def _fall_back_and_return(deployment: Deployment, due: datetime.datetime) -> datetime.datetime:
    """Between two runs, so that no run ever saw it: only the date of the records tells."""
    deployment.lab.advance(hours=30)
    replace_mx(deployment, DOMAIN, BEFORE)
    deployment.lab.advance(hours=2)
    replace_mx(deployment, DOMAIN, AREA1)
    deployment.lab.advance(hours=1)
    outcome = deployment.run()
    _staged, new_due = assert_staged(deployment, outcome)
    assert new_due >= due + 33 * HOUR
    assert "the MX records of %s were changed after it was staged" % DOMAIN in summary(outcome)

    advance_to(deployment, due + HOUR)
    assert_waits(deployment, new_due)
    return new_due


def _assert_enabled_once(deployment: Deployment, due: datetime.datetime) -> None:
    """Of all that ever crossed the wire one request switched the lock-down on, and it was after the
    last due time.
    """
    enabling = [
        entry
        for entry in deployment.lab.writes()
        if entry.get("cmdlet") in ("New-InboundConnector", "Set-InboundConnector")
        and LOCKDOWN in (entry["parameters"].get("Name"), entry["parameters"].get("Identity"))
        and entry["parameters"].get("Enabled") is not False
        and (entry["cmdlet"] == "New-InboundConnector" or "Enabled" in entry["parameters"])
    ]
    assert len(enabling) == 1
    assert moment(enabling[0]["time"]) >= due
    assert exchange_writes(deployment)[-1][0] == "Set-InboundConnector"

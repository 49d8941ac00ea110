# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting: until when, by whose clock, what a person sees, and when it is not worth it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.report import waiting
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import ReadError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso

NOW = datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)


def due(phase: str, minutes: float | None = None, **fields: Any) -> dict[str, Any]:
    until = "" if minutes is None else iso(NOW + minutes * MINUTE)
    return {
        "status": "due",
        "phase": phase,
        "object": "o",
        "message": "%s waits" % phase,
        "until": until,
        **fields,
    }


class Time:
    """This machine's clock and the service's, which runs ``ahead`` minutes further for each minute
    here.
    """

    def __init__(self, ahead: float = 0, fails: int = 0) -> None:
        self.here, self.ahead, self.fails, self.asked = 0.0, ahead, fails, 0
        self.lines: list[str] = []
        self.context = Context(now=lambda: self.here, sleep=self.sleep, say=self.lines.append)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.here += seconds

    def service(self) -> datetime.datetime:
        self.asked += 1
        if 1 < self.asked <= 1 + self.fails:
            raise ReadError("timed out")
        return NOW + datetime.timedelta(seconds=self.here * (1 + self.ahead))


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        ([], None),
        (
            [
                {"status": "changed", "section": "mx"},
                {"status": "found", "section": "mx", "until": iso(NOW)},
            ],
            None,
        ),
        ([due("switch", 30)], (30, "switch")),
        (
            [due("switch", 30), due("switch", 50)],
            (50, "switch"),
        ),  # all gates of a phase have to hold
        ([due("switch", 30), due("lockdown", 20)], (20, "lockdown")),
        (
            [due("switch", 30), due("lockdown")],
            (30, "switch"),
        ),  # the later one waits for the earlier one
        (
            [due("lower_ttl"), due("switch", 30)],
            (10, "lower_ttl"),
        ),  # a name server that lags is asked again
        ([due("switch")], (10, "switch")),
        ([due("switch", 30), due("switch", status="cannot")], None),  # time mends nothing
        (
            [due("switch", 30), due("switch", status="cannot"), due("lockdown", 40)],
            (40, "lockdown"),
        ),
        ([due("switch", -5)], (0, "switch")),
        ([due("proof", 5), due("verify")], (5, "proof")),
        ([due("switch", gate="max_switches")], None),  # another run's, however long this one waits
        (
            [
                due("switch", 30, gate="old_ttl"),
                due("switch", gate="max_switches"),
                due("lockdown"),
            ],
            None,
        ),
        (
            [due("switch", gate="max_switches"), due("message_handling", 20), due("lockdown")],
            (20, "message_handling"),
        ),
        ([due("switch", gate="max_switches"), due("lockdown", 40)], (40, "lockdown")),
    ],
)
def test_what_is_awaited(journal: list[dict[str, Any]], expected: tuple[float, str] | None) -> None:
    found = waiting.awaited(journal, NOW)
    assert (found and (found.until - NOW, found.what)) == (
        expected and (expected[0] * MINUTE, "o: %s waits" % expected[1])
    )


def what(minutes: float) -> waiting.Awaited:
    return waiting.Awaited(NOW + minutes * MINUTE, "the soak", True)


def test_it_waits_until_the_service_says_so_and_shows_a_line_a_minute() -> None:
    time = Time()
    assert waiting.wait(what(10), time.service, time.context, 15, 3600) == (True, NOW + 10 * MINUTE)
    assert 9 <= len(time.lines) <= 11
    assert (
        "the soak" in time.lines[0]
        and "10 min left" in time.lines[0]
        and iso(NOW + 10 * MINUTE) in time.lines[0]
    )
    assert "1 min left" in time.lines[-1]


def test_the_clock_that_counts_is_the_services() -> None:
    fast = Time(ahead=59)
    assert waiting.wait(what(60), fast.service, fast.context, 15, 3600)[0] is True
    assert 60 <= fast.here < 90, "an hour over there is a minute here"


def test_it_gives_up_when_its_time_is_over() -> None:
    slow = Time(ahead=-1)
    again, now = waiting.wait(what(10), slow.service, slow.context, 15, 120)
    assert (again, now) == (False, NOW) and slow.here == pytest.approx(120, abs=1)


def test_a_poll_that_fails_is_shown_and_goes_on() -> None:
    time = Time(fails=3)
    assert waiting.wait(what(5), time.service, time.context, 15, 3600)[0] is True
    assert len([line for line in time.lines if "cannot be asked just now: timed out" in line]) == 3


def test_the_time_is_given_once_for_all_waits_of_a_run(tmp_path: Path) -> None:
    observation = Observation(str(tmp_path / "run" / "o.json"))
    assert waiting.budget(observation, 10, 1000.0) == 600.0
    assert waiting.budget(observation, 10, 1300.0) == 300.0
    assert waiting.budget(observation, 10, 9000.0) == 0.0


def test_what_was_changed_stays_for_the_summary(tmp_path: Path) -> None:
    observation = Observation(str(tmp_path / "run" / "o.json"))
    observation.note(status="changed", section="mx")
    observation.note(**due("switch", 5))
    observation.note(status="found", section="mx")
    waiting.start_anew(observation)
    assert [entry["status"] for entry in observation.journal] == ["changed"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 min"),
        (1, "1 min"),
        (60, "1 min"),
        (61, "2 min"),
        (3600, "1 h 00 min"),
        (9000, "2 h 30 min"),
    ],
)
def test_spans_are_readable(seconds: float, text: str) -> None:
    assert waiting.span(seconds) == text

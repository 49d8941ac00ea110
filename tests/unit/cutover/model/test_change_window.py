# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model import (
    change_window as window,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    HOLDS,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import (
    iso,
    parse_time,
)
from tests.unit.cutover.worlds import NOW, ONE, TWO, only, wanted, world


def at(text: str) -> datetime.datetime:
    moment = parse_time(text)
    assert moment is not None
    return moment


def answer(given: Any, now: str) -> tuple[bool, str]:
    parsed = window.parse(given)
    assert parsed is not None
    is_open, until = window.opening(parsed, at(now))
    return is_open, iso(until)


NIGHTS = {"days": ["mon-thu"], "hours": "22:00-04:00", "zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("given", "now", "expected"),
    [
        (NIGHTS, "2026-11-23T21:30:00Z", (True, "2026-11-24T03:00:00Z")),  # Monday 22:30 in Berlin
        # past midnight it is still Monday's
        (NIGHTS, "2026-11-24T02:59:59Z", (True, "2026-11-24T03:00:00Z")),
        (NIGHTS, "2026-11-24T03:00:00Z", (False, "2026-11-24T21:00:00Z")),
        # Friday morning, Thursday's night
        (NIGHTS, "2026-11-27T02:00:00Z", (True, "2026-11-27T03:00:00Z")),
        (NIGHTS, "2026-11-27T21:30:00Z", (False, "2026-11-30T21:00:00Z")),  # Friday night is none
        # over the weekend
        ({**NIGHTS, "days": "thu-mon"}, "2026-11-28T22:00:00Z", (True, "2026-11-29T03:00:00Z")),
        (
            {**NIGHTS, "days": ["Saturday", "sun"]},
            "2026-11-23T12:00:00Z",
            (False, "2026-11-28T21:00:00Z"),
        ),
        ({"days": ["sat"], "zone": "UTC"}, "2026-11-28T00:00:00Z", (True, "2026-11-29T00:00:00Z")),
        (
            {"hours": ["01:00-02:00", "20:00-24:00"], "zone": "UTC"},
            "2026-11-23T19:59:59Z",
            (False, "2026-11-23T20:00:00Z"),
        ),
        (
            {"hours": ["01:00-02:00", "20:00-24:00"], "zone": "UTC"},
            "2026-11-23T23:59:59Z",
            (True, "2026-11-24T00:00:00Z"),
        ),
        (
            "mon-thu 22:00-04:00 Europe/Berlin",
            "2026-11-23T21:30:00Z",
            (True, "2026-11-24T03:00:00Z"),
        ),
        ("Mon, Wed  22:00 - 04:00 UTC", "2026-11-24T22:30:00Z", (False, "2026-11-25T22:00:00Z")),
        ("sun UTC", "2026-11-23T20:00:00Z", (False, "2026-11-29T00:00:00Z")),
        # Clocks go forward at 02:00 on that Sunday: 02:00-02:30 does not exist, the next one does.
        (
            {"days": "sun", "hours": "02:00-02:30", "zone": "Europe/Berlin"},
            "2026-03-28T12:00:00Z",
            (False, "2026-03-29T01:00:00Z"),
        ),
        (
            {"days": "sun", "hours": "01:00-03:30", "zone": "Europe/Berlin"},
            "2026-03-29T00:30:00Z",
            (True, "2026-03-29T01:30:00Z"),
        ),
        # Clocks go back at 03:00: the window is an hour longer.
        (
            {"days": "sun", "hours": "01:00-04:00", "zone": "Europe/Berlin"},
            "2026-10-25T01:30:00Z",
            (True, "2026-10-25T03:00:00Z"),
        ),
    ],
)
def test_when_it_is_open(given: Any, now: str, expected: tuple[bool, str]) -> None:
    assert answer(given, now) == expected


@pytest.mark.parametrize("given", [None, "", {}])
def test_no_window_is_any_time(given: Any) -> None:
    assert window.parse(given) is None
    assert only(window.gate(None, NOW)).status == HOLDS


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"days": ["mon"], "hours": "22:00-04:00"}, "no zone is given"),
        ({"zone": "UTC"}, "neither days nor hours"),
        ({**NIGHTS, "zone": "Europe/Nowhere"}, "'Europe/Nowhere' is not known"),
        ({**NIGHTS, "zone": "../../etc/passwd"}, "is not known"),
        ({**NIGHTS, "hours": "22-04"}, "'22-04' are not like"),
        ({**NIGHTS, "hours": "25:00-26:00"}, "are not like"),
        ({**NIGHTS, "hours": "22:00-22:00"}, "begin and end at the same time"),
        ({**NIGHTS, "days": ["mon", "funday"]}, "'funday' is no day"),
        ({**NIGHTS, "day": "mon"}, "unknown keys day"),
        ("any time", "is no day"),
        ("UTC", "is not days, hours and zone"),
        (["mon"], "neither a map nor a text"),
        (True, "neither a map nor a text"),
    ],
)
def test_a_wrong_window_is_refused_and_says_what_would_be_right(given: Any, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        wanted(change_window=given)
    assert problem in caught.value.message and caught.value.message.startswith(
        "area1_change_window: "
    )
    assert "Europe/Berlin" in caught.value.hint


def test_nothing_is_switched_outside_of_it() -> None:
    """NOW is a Monday, 20:00 UTC."""
    inside = phases.evaluate("switch", world(wanted(change_window="mon 19:00-21:00 UTC")))
    assert [item["name"] for item in inside.values["domains"]] == [ONE, TWO]
    outside = phases.evaluate("switch", world(wanted(change_window="mon 20:30-21:00 UTC")))
    assert outside.values["domains"] == []
    (result,) = [item for item in outside.results if item.gate == "change_window"]
    assert (result.status, result.until) == (NOT_YET, "2026-11-23T20:30:00Z")
    assert "opens 2026-11-23T20:30:00Z" in result.message

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The change window: on which days and hours, in which zone, mail may be switched.

Pure but for the zone's own table.
"""

from __future__ import annotations

import datetime
import re
import typing as t
import zoneinfo

from ..._engine.errors import InputError
from ..._engine.timestamps import UTC, iso
from ..._engine.values import as_list
from .gate import GateResult, holds, not_yet
from .registry import Asked, register

register(
    "change_window",
    Asked(
        "switch",
        looks_at="the time is inside `area1_change_window`",
        otherwise="not yet, until the next window opens",
    ),
    Asked(
        "lockdown",
        looks_at=(
            "the time is inside `area1_change_window` (for enabling; staging may happen at any "
            "time)"
        ),
        otherwise="not yet, until the next window opens",
    ),
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOURS = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$")
EXAMPLE = (
    "Give it like {days: [mon-thu], hours: '22:00-04:00', zone: Europe/Berlin}, or as text: mon-thu"
    " 22:00-04:00 Europe/Berlin."
)
DAY = 24 * 60

Window = t.Mapping[str, t.Any]


def parse(given: t.Any) -> dict[str, t.Any] | None:
    """Return {days, hours: minutes from and to, zone}, or None where no window is given.

    A wrong window is refused, and never read as any time.
    """
    if given in (None, "", {}):
        return None
    value = _from_text(given) if isinstance(given, str) else given
    if not isinstance(value, t.Mapping):
        raise _wrong("%r is neither a map nor a text" % (given,))
    unknown = sorted(set(value) - {"days", "hours", "zone"})
    if unknown:
        raise _wrong("unknown keys %s" % ", ".join(map(str, unknown)))
    if not value.get("zone"):
        raise _wrong("no zone is given")
    if not as_list(value.get("days")) and not as_list(value.get("hours")):
        raise _wrong("neither days nor hours are given")
    return {
        "days": _days(value.get("days")),
        "hours": _hours(value.get("hours")),
        "zone": _zone(str(value["zone"]).strip()).key,
    }


def _from_text(text: str) -> dict[str, t.Any]:
    """Return the parts of a text such as ``mon-fri, sun 22:00-04:00 Europe/Berlin``.

    A part with a colon is the hours, the last word is the zone.
    """
    words = re.sub(r"\s*([-,])\s*", r"\1", text.strip()).split()
    if len(words) < 2:
        raise _wrong("%r is not days, hours and zone" % text)
    hours = [word for word in words[:-1] if ":" in word]
    days = [word for word in words[:-1] if ":" not in word]
    return {"days": ",".join(days), "hours": ",".join(hours), "zone": words[-1]}


def _days(given: t.Any) -> list[int]:
    found: set[int] = set()
    for item in as_list(given) or ["mon-sun"]:
        first, dash, last = str(item).strip().lower().partition("-")
        begin = _day(first.strip(), item)
        end = _day(last.strip(), item) if dash else begin
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return sorted(found)


def _day(name: str, item: t.Any) -> int:
    for names in (DAYS, FULL):
        if name in names:
            return names.index(name)
    raise _wrong("%r is no day" % (item,))


def _hours(given: t.Any) -> list[list[int]]:
    found = []
    for item in as_list(given) or ["00:00-24:00"]:
        match = HOURS.match(str(item).strip())
        if not match:
            raise _wrong("the hours %r are not like 22:00-04:00" % (item,))
        begin = int(match[1]) * 60 + int(match[2])
        end = int(match[3]) * 60 + int(match[4]) if match[3] else DAY
        if begin == end:
            raise _wrong("the hours %r begin and end at the same time" % (item,))
        # Past midnight it belongs to the day on which it begins.
        found.append([begin, end if end > begin else end + DAY])
    return found


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = "" if name == "UTC" else " (or this machine has no time zone data: install tzdata)"
        raise _wrong("the zone %r is not known%s" % (name, hint)) from None


def _wrong(problem: str) -> InputError:
    return InputError("area1_change_window: %s." % problem, EXAMPLE)


def opening(window: Window, now: datetime.datetime) -> tuple[bool, datetime.datetime]:
    """Return (whether it is open, until when): its end, or the start of the next window."""
    spans = _spans(window, now)
    running = [end for begin, end in spans if begin <= now < end]
    if running:
        return True, max(running)
    return False, min(begin for begin, _end in spans if begin > now)


def _spans(
    window: Window, now: datetime.datetime
) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """Return the windows of yesterday and the next eight days, in UTC.

    A change of clocks may swallow one.
    """
    zone = _zone(str(window["zone"]))
    today = now.astimezone(zone).date()
    found = []
    for offset in range(-2, 16):
        day = today + datetime.timedelta(days=offset)
        if day.weekday() not in window["days"]:
            continue
        for first, last in window["hours"]:
            begin, end = _moment(day, first, zone), _moment(day, last, zone)
            if begin < end:
                found.append((begin, end))
    return found


def _moment(day: datetime.date, minutes: int, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    date = day + datetime.timedelta(days=minutes // DAY)
    local = datetime.datetime.combine(date, datetime.time(minutes % DAY // 60, minutes % 60), zone)
    return local.astimezone(UTC)


def gate(window: Window | None, now: datetime.datetime) -> list[GateResult]:
    """Check that the time is inside the change window, for switch, enabling and rollback alike."""
    if window is None:
        return [holds("change_window", "", "any time")]
    is_open, until = opening(window, now)
    if is_open:
        return [holds("change_window", "", "open until %s" % iso(until))]
    return [
        not_yet(
            "change_window",
            "",
            "outside of area1_change_window, which opens %s" % iso(until),
            iso(until),
            "Run again in the window.",
        )
    ]

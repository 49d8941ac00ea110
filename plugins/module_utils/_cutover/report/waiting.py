# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Waiting for what is due: until when, whether that is worth it, and the line that it prints."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine.context import Context
from ..._engine.errors import MailflowError
from ..._engine.observation import Observation
from ..._engine.timestamps import iso, parse_time

SECTION = "waiting"
#: What has no known time (a name server that lags, a verification) is looked at again so often.
LOOK_AGAIN = datetime.timedelta(minutes=10)
#: The phases in the order of the run.
ORDER = (
    "organization",
    "connection_filter",
    "enhanced_filtering",
    "area1_domains",
    "message_handling",
    "lower_ttl",
    "switch",
    "lockdown",
    "proof",
)
#: What another run does, however long this one waits.
NEXT_RUN = frozenset({"max_switches"})
#: A person sees a line so often at most.
LINE_EVERY = 60.0
#: What stays in the journal for the summary when the run looks at everything anew.
KEPT = frozenset({"changed", "would change"})

Clock = t.Callable[[], datetime.datetime]


@dataclasses.dataclass(frozen=True)
class Awaited:
    """What is awaited. ``until`` is by the service's clock.

    ``known`` is false if it is only the time of the next look.
    """

    until: datetime.datetime
    what: str
    known: bool


def awaited(journal: t.Iterable[t.Mapping[str, t.Any]], now: datetime.datetime) -> Awaited | None:
    """Return what can go on first, or None where time alone helps nothing.

    Of each phase the latest known time counts, because all its gates have to hold.
    """
    phases: dict[str, list[t.Mapping[str, t.Any]]] = {}
    for entry in journal:
        if entry.get("status") in ("due", "pending", "cannot", "failed"):
            phases.setdefault(str(entry.get("phase") or entry.get("section")), []).append(entry)
    dated: list[tuple[int, Awaited]] = []
    undated: list[tuple[int, Awaited]] = []
    spent = min(
        (
            _turn(phase)
            for phase, entries in phases.items()
            if any(entry.get("gate") in NEXT_RUN for entry in entries)
        ),
        default=None,
    )
    for phase, entries in phases.items():
        turn = _turn(phase)
        if turn == spent or any(entry["status"] in ("cannot", "failed") for entry in entries):
            continue
        entry = max(entries, key=lambda item: str(item.get("until") or ""))
        moment = parse_time(entry.get("until"))
        if moment is not None:
            dated.append((turn, Awaited(max(moment, now), _text(entry), True)))
        elif spent is None or turn < spent:
            undated.append((turn, Awaited(now + LOOK_AGAIN, _text(entry), False)))
    first = min(dated, key=lambda item: item[1].until, default=None)
    # What has no time usually waits for an earlier phase that has one.
    earlier = [item for item in undated if first is None or item[0] < first[0]]
    found = [item for _turn, item in [*([first] if first else []), *earlier]]
    return min(found, key=lambda item: item.until, default=None)


def _turn(phase: str) -> int:
    return ORDER.index(phase) if phase in ORDER else len(ORDER)


def _text(entry: t.Mapping[str, t.Any]) -> str:
    return ": ".join(
        part for part in (str(entry.get("object") or ""), str(entry.get("message") or "")) if part
    )


def budget(observation: Observation, minutes: int, now: float) -> float:
    """Return the seconds that this run may still wait.

    They count from the first wait, by this machine's own clock.
    """
    began = float((observation.any_age(SECTION) or {}).get("began") or now)
    observation.put(SECTION, {"began": began})
    return max(began + minutes * 60 - now, 0.0)


def wait(
    what: Awaited, clock: Clock, context: Context, poll: float, seconds: float
) -> tuple[bool, datetime.datetime]:
    """Wait, and return (whether the time has come, the service's clock).

    The service's clock is read all the time, not only at the end.
    """
    end, shown = context.now() + seconds, float("-inf")
    now = clock()
    while now < what.until:
        left = end - context.now()
        if left <= 0:
            return False, now
        if context.now() - shown >= LINE_EVERY:
            shown = context.now()
            context.say(line(what, now, left))
        context.sleep(max(min(poll, left, (what.until - now).total_seconds() + 1), 0.1))
        try:
            now = clock()
        except MailflowError as exc:  # a poll may fail; what it waits for goes on
            context.say("  (the service cannot be asked just now: %s)" % exc.message)
    return True, now


def line(what: Awaited, now: datetime.datetime, left: float) -> str:
    until = "until %s, %s left" % (iso(what.until), span((what.until - now).total_seconds()))
    text = what.what if len(what.what) <= 200 else what.what[:197] + "..."
    return "Waiting (%s; this run waits %s at most): %s" % (
        until if what.known else "looks again at %s" % iso(what.until),
        span(left),
        text,
    )


def span(seconds: float) -> str:
    minutes = max(int(seconds + 59) // 60, 0)
    return "%d h %02d min" % divmod(minutes, 60) if minutes >= 60 else "%d min" % minutes


def start_anew(observation: Observation) -> None:
    """Clear what was due or found, which the gates report again; what was changed stays."""
    observation.journal[:] = [entry for entry in observation.journal if entry.get("status") in KEPT]

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Since when a rule or a domain's dispositions are as they are.

The service's own date counts, else the first run that saw them so, by the time line. Neither date
is promised: the known answers of Get-TransportRule name none [EXO-2.5], and most fields of an Email
Security domain are optional [CF-6.1].
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import typing as t

from ..._engine.plan import Property
from ..._engine.timeline import IN_PLACE
from ..._engine.timestamps import parse_time
from ..model.world import World, changed_at
from . import objects as handling

GONE = ""


@dataclasses.dataclass(frozen=True)
class Thing:
    """An object in a state.

    ``state`` tells one state from the next; ``told`` is the service's date.
    """

    name: str
    state: str
    told: datetime.datetime | None


def rule(record: handling.Record) -> Thing:
    effect = {
        prop.name: _said(prop, record.get(prop.name))
        for prop in handling.RULE
        if prop.name != "Comments"
    }
    told = changed_at(record)
    return Thing(
        "rule %s" % record.get("Name"),
        hashlib.sha256(json.dumps(effect, sort_keys=True).encode()).hexdigest()[:12],
        told,
    )


def _said(prop: Property, value: t.Any) -> t.Any:
    return (
        sorted(map(str, prop.kind.index(value)))
        if prop.kind.is_list
        else str(prop.kind.canonical(value))
    )


def dispositions(name: str, domain: t.Mapping[str, t.Any]) -> Thing:
    told = parse_time(domain.get("modified_at") or domain.get("last_modified"))
    return Thing(
        "dispositions of %s" % name,
        ", ".join(sorted(map(str, domain.get("drop_dispositions") or []))),
        told,
    )


def since(world: World, thing: Thing) -> datetime.datetime:
    """Return since when a thing is in its state; the present time if that is unknown.

    Then the time counts from this look, which the role records.
    """
    last = world.timeline.last(IN_PLACE, domain=thing.name)
    seen = last.moment if last is not None and last.subject == thing.state else None
    return thing.told or seen or world.now


def unseen(world: World, things: t.Iterable[Thing]) -> list[dict[str, str]]:
    """Return the events to record in the time line.

    They are objects without a service date that are seen for the first time, and objects that
    disappeared, so that their time starts anew if they come back.
    """
    known = {thing.name: thing for thing in things}
    states = {thing.name: thing.state for thing in known.values() if thing.told is None}
    before = {event.domain: event.subject for event in world.timeline.of(IN_PLACE)}
    states.update({name: GONE for name in before if name not in known})
    return [
        {"event": IN_PLACE, "name": name, "subject": state}
        for name, state in states.items()
        if before.get(name, GONE) != state
    ]


def hint(things: t.Iterable[Thing]) -> str:
    if all(thing.told for thing in things):
        return "Run again."
    return (
        "Run again. The service does not say when it was changed: the time counts from the first"
        " run that saw it, which area1_snapshot_dir keeps."
    )

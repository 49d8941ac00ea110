# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The order of transport rules: where one should stand among those that others made.

No I/O. The service numbers rules from 0 without gaps; a rule that is put somewhere shifts the rules
after it. The priority of no other rule is ever set here.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.errors import InputError
from .store import Records, find

POSITIONS = ("first", "last", "before", "after")


@dataclasses.dataclass(frozen=True)
class Place:
    """C(first) or C(last) of all, or somewhere C(before) or C(after) ``neighbour``."""

    position: str
    neighbour: str = ""

    @classmethod
    def of(cls, position: str | None, neighbour: str | None) -> Place | None:
        if not position:
            if neighbour:
                raise InputError(
                    "relative_to is given without position.", "Give position: before or after."
                )
            return None
        if (position in ("before", "after")) != bool(neighbour):
            raise InputError(
                "position %s %s relative_to."
                % (position, "needs" if not neighbour else "takes no"),
                "Name the other rule with before and after, and no rule with first and last.",
            )
        return cls(position, str(neighbour or "").strip())


def ordered(rules: Records) -> Records:
    return sorted(rules, key=_priority)


def _priority(record: t.Mapping[str, t.Any]) -> int:
    return int(record.get("Priority") or 0)


def index_for(rules: Records, name: str, place: Place | None) -> int | None:
    """Return the priority to set, or None where the rule stands well already.

    None also stands for the end of the list, where a new rule goes anyway.
    """
    if place is None:
        return None
    record = find(rules, name)
    others = [item for item in ordered(rules) if item is not record]
    here = (
        len(others)
        if record is None
        else sum(1 for item in others if _priority(item) < _priority(record))
    )
    wanted = _index(others, place)
    if place.position == "before" and here <= wanted and record is not None:
        return None
    if place.position == "after" and here >= wanted and record is not None:
        return None
    return None if here == wanted else wanted


def _index(others: Records, place: Place) -> int:
    """Return the place among the other rules."""
    if place.position == "first":
        return 0
    neighbour = find(others, place.neighbour) if place.neighbour else None
    if place.position == "last" or neighbour is None:
        return len(others)
    return next(index for index, item in enumerate(others) if item is neighbour) + (
        place.position == "after"
    )


def insert(others: Records, record: dict[str, t.Any], index: int) -> Records:
    """Return all rules with ``record`` put at ``index``, numbered as the service does."""
    rules = list(others)
    rules.insert(index, record)
    return [{**item, "Priority": number} for number, item in enumerate(rules)]

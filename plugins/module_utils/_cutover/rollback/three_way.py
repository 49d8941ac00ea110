# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Three ways meet: what was there before us, what we write, and what is there now.

Only what we changed is undone. Pure.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.address_ranges import spans
from ..._engine.values import Kind, as_list

SAME, OURS, FOREIGN = "same", "ours", "foreign"


@dataclasses.dataclass(frozen=True)
class Written:
    """One property that the deployment writes: the module's option, the service's name, and the
    values that can be ours.
    """

    option: str
    name: str
    kind: Kind
    values: tuple[t.Any, ...] = ()


@dataclasses.dataclass(frozen=True)
class Undoing:
    """Of one object: options that bring our changes back, and properties that somebody else changed
    since.
    """

    restore: dict[str, t.Any]
    foreign: tuple[str, ...] = ()


def verdict(kind: Kind, before: t.Any, written: t.Iterable[t.Any], now: t.Any) -> str:
    """As before, or as we wrote it, or neither: then somebody changed it since, and it is his."""
    if kind.same(plain(kind, before), plain(kind, now)):
        return SAME
    return OURS if any(kind.same(value, now) for value in written) else FOREIGN


def undo(
    rows: t.Iterable[Written], before: t.Mapping[str, t.Any], now: t.Mapping[str, t.Any]
) -> Undoing:
    restore: dict[str, t.Any] = {}
    foreign = []
    for row in rows:
        found = verdict(row.kind, before.get(row.name), row.values, now.get(row.name))
        if found == OURS:
            restore[row.option] = plain(row.kind, before.get(row.name))
        elif found == FOREIGN:
            foreign.append(row.name)
    return Undoing(restore, tuple(foreign))


def plain(kind: Kind, value: t.Any) -> t.Any:
    """A value that was null before is given as what the service means by it: an empty text or list,
    false.
    """
    if kind.is_list:
        return as_list(value)
    if value is None:
        return False if kind.name == "bool" else ""
    return value


def surplus(before: t.Any, written: t.Iterable[t.Any], now: t.Any) -> list[str]:
    """Entries of an address list that are there now, are ours, and were not there before.

    Everybody else's stay.
    """
    kept, ours = spans(before), spans(list(written))
    return [str(entry) for entry in as_list(now) if spans([entry]) <= ours - kept]

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Three-way comparison: the baseline, what the deployment writes, and the present.

Only what the deployment changed is undone.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.address_ranges import spans
from ..._engine.values import Kind, as_list
from ..model.wanted import Written

SAME, OURS, FOREIGN = "same", "ours", "foreign"


@dataclasses.dataclass(frozen=True)
class Undoing:
    """The undoing of one object: options that restore it, and properties that others changed."""

    restore: dict[str, t.Any]
    foreign: tuple[str, ...] = ()


def verdict(kind: Kind, before: t.Any, written: t.Iterable[t.Any], now: t.Any) -> str:
    """Return whether a value is as before, as we wrote it, or changed by somebody else since."""
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
    """Return a value for writing; null becomes what the service means by it.

    That is an empty text, an empty list, or false.
    """
    if kind.is_list:
        return as_list(value)
    if value is None:
        return False if kind.name == "bool" else ""
    return value


def surplus(before: t.Any, written: t.Iterable[t.Any], now: t.Any) -> list[str]:
    """Return entries of an address list that are ours and were not there before."""
    kept, ours = spans(before), spans(list(written))
    return [str(entry) for entry in as_list(now) if spans([entry]) <= ours - kept]

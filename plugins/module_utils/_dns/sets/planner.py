# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The planner of record sets.

Pure: what is there and what is wanted become a target that is never empty, and a plan.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.errors import Conflict, InputError
from ..._engine.plan import Change, Plan
from ..drivers.contract import Capabilities
from .rrset import RecordSet

NEW_SET_TTL = 300
CLOUDFLARE_AUTO = 1


@dataclasses.dataclass(frozen=True)
class WantedSet:
    """What one record set is to become.

    None leaves a thing as it is.

    ``ttl`` is exact, ``max_ttl`` only lowers; neither touches a TTL that the provider chooses
    (Auto). ``expect`` are the values that may be replaced. ``values`` and ``add`` are canonical;
    ``add`` joins what is there.
    """

    values: tuple[str, ...] | None = None
    ttl: int | None = None
    max_ttl: int | None = None
    expect: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()


def target_of(
    name: str, rdtype: str, observed: RecordSet | None, wanted: WantedSet, can: Capabilities
) -> RecordSet | None:
    """Return the set as it should be; None if nothing is there and nothing is wanted."""
    values = (
        set(observed.values if observed else ()) if wanted.values is None else set(wanted.values)
    )
    values |= set(wanted.add)
    if not values:
        if wanted.values is not None or observed is not None:
            raise InputError(
                "%s: the %s set would become empty." % (name, rdtype), "Give at least one record."
            )
        return None
    ttl, auto = _ttl_of(observed, wanted, can)
    return RecordSet.of(name, rdtype, values, ttl, auto)


def plan_set(
    observed: RecordSet | None, target: RecordSet | None, name: str, rdtype: str = "MX"
) -> Plan:
    """Return the change from one set to the other, as data."""
    object_type = "%s record set" % rdtype
    if target is None:
        return Plan(object_type, name)
    if observed is None:
        changes = (
            Change("records", [], list(target.values)),
            Change("ttl", None, target.shown_ttl),
        )
        return Plan(object_type, name, "create", changes)
    found: list[Change] = []
    if set(observed.values) != set(target.values):
        gained = tuple(value for value in target.values if value not in observed.values)
        lost = tuple(value for value in observed.values if value not in target.values)
        found.append(Change("records", list(observed.values), list(target.values), gained, lost))
    if observed.shown_ttl != target.shown_ttl:
        found.append(Change("ttl", observed.shown_ttl, target.shown_ttl))
    return Plan(object_type, name, "update" if found else "none", tuple(found))


def check_expected(
    name: str, observed: RecordSet | None, target: RecordSet | None, wanted: WantedSet
) -> None:
    """Raise Conflict, unless the set is what the caller saw or what is wanted already."""
    if wanted.expect is None:
        return
    present = set(observed.values) if observed else set()
    if present == set(wanted.expect) or (target is not None and present == set(target.values)):
        return
    raise Conflict(
        "%s: the MX set in place is %s, not the expected %s."
        % (name, _listed(present), _listed(wanted.expect)),
        "Somebody changed it meanwhile. Look at it, then run again.",
    )


def _ttl_of(
    observed: RecordSet | None, wanted: WantedSet, can: Capabilities
) -> tuple[int | None, bool]:
    if observed is not None and observed.auto_ttl:
        return observed.ttl, True
    if wanted.ttl == CLOUDFLARE_AUTO and can.auto_ttl:
        return can.auto_seconds, True
    ttl = observed.ttl if observed is not None else None
    if wanted.ttl is not None:
        ttl = _within(wanted.ttl, can)
    elif observed is None:
        ttl = _within(NEW_SET_TTL, can)
    if wanted.max_ttl is not None and (ttl is None or ttl > _within(wanted.max_ttl, can)):
        ttl = _within(wanted.max_ttl, can)
    return ttl, False


def _within(ttl: int, can: Capabilities) -> int:
    return min(max(ttl, can.lowest_ttl), can.highest_ttl)


def _listed(values: t.Iterable[str]) -> str:
    return ", ".join(sorted(values)) or "empty"

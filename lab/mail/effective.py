# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the tenant's configuration that acts on mail at a moment.

Changes of connectors and lists take minutes to an hour to act. [EXO-5] lists this as open;
[CUT-4.1] has "about 30 minutes, at times hours", and an hour for the allow list.
"""

from __future__ import annotations

import copy
from typing import Any

_DELAYED = {
    "inbound_connectors": "connector_delay_minutes",
    "connection_filter": "connector_delay_minutes",
    "transport_rules": "rule_delay_minutes",
    "organization": "",
}
_KEPT_BY_HAND = 200


def acting_world(world: dict[str, Any], now: float) -> dict[str, Any]:
    """Return the world with the tenant as the mail path sees it at a moment, now or in the past.

    What was changed by hand (POST /mutate) acts at once, and not before.
    """
    tenant = dict(world["tenant"])
    for collection in _DELAYED:
        first = [
            _first(world.get("_versions", []), collection, now - _delay(world, collection)),
            _first(world.get("_by_hand", []), collection, now),
        ]
        changes = [change for change in first if change is not None]
        if changes:
            before = min(changes, key=lambda change: float(change[0]))[1]
            tenant[collection] = (
                _overtaking(before, tenant[collection], world["settings"]["rules_act"])
                if collection == "transport_rules"
                else before
            )
    return {**world, "tenant": tenant}


def _first(
    entries: list[tuple[float, str, Any]], collection: str, after: float
) -> tuple[float, Any] | None:
    """Return time and former state of the first change after a moment."""
    return next(
        ((at, state) for at, name, state in entries if name == collection and at > after), None
    )


def _delay(world: dict[str, Any], collection: str) -> float:
    setting = _DELAYED[collection]
    return 60 * float(world["settings"][setting]) if setting else 0.0


def keep_by_hand(world: dict[str, Any], path: list[Any], now: float) -> None:
    """Remember how a part of the tenant is, before somebody changes it past the cmdlets."""
    if len(path) > 1 and path[0] == "tenant" and path[1] in _DELAYED:
        kept: list[tuple[float, str, Any]] = world.setdefault("_by_hand", [])
        kept.append((now, path[1], copy.deepcopy(world["tenant"][path[1]])))
        del kept[:-_KEPT_BY_HAND]


def turning_points(world: dict[str, Any]) -> list[float]:
    """Return the moments at which something else began to act, in order."""
    by_cmdlet = {
        at + _delay(world, name)
        for at, name, _state in world.get("_versions", [])
        if name in _DELAYED
    }
    return sorted(by_cmdlet | {at for at, _name, _state in world.get("_by_hand", [])})


def _overtaking(
    before: list[dict[str, Any]], now: list[dict[str, Any]], way: str
) -> list[dict[str, Any]]:
    """Return rules in an order in which changes may begin to act.

    "Up to about 30 minutes" promises no order [EXO-2.5]: a changed rule may act before a new one,
    or after a deleted one.
    """
    known, left = ({rule["Guid"] for rule in rules} for rules in (before, now))
    if way == "new_last":
        return [rule for rule in now if rule["Guid"] in known]
    return [rule for rule in before if rule["Guid"] in left] if way == "removed_first" else before

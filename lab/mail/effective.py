# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of the tenant's configuration acts on mail by now: changes of connectors and lists take
minutes to an hour to act.

[EXO-5] lists this as open; [CUT-4.1] has "about 30 minutes, at times
hours", and an hour for the allow list.
"""

from __future__ import annotations

from typing import Any

_DELAYED = {
    "inbound_connectors": "connector_delay_minutes",
    "connection_filter": "connector_delay_minutes",
    "transport_rules": "rule_delay_minutes",
}


def acting_world(world: dict[str, Any], now: float) -> dict[str, Any]:
    """The world with the tenant as the mail path sees it.

    What was changed by hand (POST /mutate) acts at once.
    """
    tenant = dict(world["tenant"])
    versions = world.get("_versions", [])
    for collection, setting in _DELAYED.items():
        shown_at = now - 60 * float(world["settings"][setting])
        before = next(
            (state for at, name, state in versions if name == collection and at > shown_at), None
        )
        if before is not None:
            tenant[collection] = (
                _overtaking(before, tenant[collection], world["settings"]["rules_act"])
                if collection == "transport_rules"
                else before
            )
    return {**world, "tenant": tenant}


def _overtaking(
    before: list[dict[str, Any]], now: list[dict[str, Any]], way: str
) -> list[dict[str, Any]]:
    """ "Up to about 30 min" ([EXO-2.5]) promises no order: what is changed may act
    before what is new, or after what goes.
    """
    known, left = ({rule["Guid"] for rule in rules} for rules in (before, now))
    if way == "new_last":
        return [rule for rule in now if rule["Guid"] in known]
    return [rule for rule in before if rule["Guid"] in left] if way == "removed_first" else before

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a world left out of its Cloudflare account: ids, dates, whole Email Security domains."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lab.cloudflare.lifecycle import adopt_domain
from lab.cloudflare.settings import empty_state, new_id, timestamp

_KEYS = frozenset(empty_state())


def complete(world: dict[str, Any], now: datetime) -> None:
    """Fill in what a world left out of its zones and domains; doing it again changes nothing."""
    state = world["cloudflare"]
    if not state.keys() >= _KEYS:
        for key, value in empty_state().items():
            state.setdefault(key, value)
    for zone in state["zones"].values():
        _complete_zone(state, zone, now)
    domains = state["email_security"].setdefault("domains", [])
    for index, domain in enumerate(domains):
        if "lab" not in domain:
            domains[index] = adopt_domain(world, domain, now)


def _complete_zone(state: dict[str, Any], zone: dict[str, Any], now: datetime) -> None:
    zone.setdefault("status", "active")
    if "id" not in zone:
        zone["id"] = new_id(state, "zone")
    for record in zone["records"]:
        if "id" not in record:
            record["id"] = new_id(state, "record")
        if "modified_on" not in record:
            record.setdefault("created_on", timestamp(now))
            record["modified_on"] = record["created_on"]
            record.setdefault("tags", [])

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The baseline seen as a world: how each object was before the deployment."""

from __future__ import annotations

import typing as t

from ..._engine.values import host_name
from .world import World, record_set

Records = list[dict[str, t.Any]]


def past_of(world: World) -> World:
    """Return the baseline as a world; a domain that joined later is as it was first seen."""
    baseline = world.baseline
    sections = dict(baseline["sections"])
    first = world.history.get("domains") or {}
    for section in ("dns", "dns_provider", "dns_texts"):
        seen = {name: found[section] for name, found in first.items() if section in found}
        sections[section] = {**seen, **(sections.get(section) or {})}
    return World(sections, world.settings)


def egress_written(world: World) -> list[str]:
    """Return all networks that some run was to enter, of today's list and of earlier ones."""
    history = world.history
    return list(dict.fromkeys([*world.settings.egress, *(history.get("egress") or ())]))


def sets_written(world: World) -> list[set[tuple[int, str]]]:
    history = world.history
    return [
        record_set(records)
        for records in [world.settings.mx_options, *(history.get("mx_sets") or ())]
    ]


def mx_of(world: World, name: str) -> dict[str, t.Any] | None:
    """Return {records, ttl, auto_ttl} at the provider, else at the name servers, else None."""
    held = world.dns_provider.get(name)
    if held is not None and held.get("records") is not None:
        return {
            "records": held["records"],
            "ttl": held.get("ttl"),
            "auto_ttl": bool(held.get("auto_ttl")),
        }
    view = world.if_read.dns.get(name) or {}
    if view.get("records") is None:
        return None
    return {"records": view["records"], "ttl": view.get("ttl_max"), "auto_ttl": False}


def at_gateway(world: World, records: t.Any) -> bool:
    return any(world.is_gateway(host_name(item["host"])) for item in records or [])

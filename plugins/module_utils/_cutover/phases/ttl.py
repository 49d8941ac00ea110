# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Decide whose TTL goes down before the switch and up after the proof."""

from __future__ import annotations

import typing as t

from ..gates import (
    domains as domain_gates,
)
from ..lockdown.soak import is_on
from ..model.gate import HOLDS, Evaluation, decided
from ..model.world import World
from . import verify as verify_phase


def module_options(world: World, names: t.Collection[str]) -> list[dict[str, t.Any]]:
    """Return the domains as the MX module takes them."""
    return [entry.dns_options for entry in world.settings.domains if entry.name in names]


def expecting(world: World, entry: dict[str, t.Any]) -> dict[str, t.Any]:
    """Add the records that the gates decided on, so that a set changed since is not overwritten."""
    provider = world.dns_provider.get(entry["name"]) or {}
    return {**entry, "expect": provider["records"] or []} if "records" in provider else entry


def lower_ttl(world: World) -> Evaluation:
    results, ready = [], []
    for name in world.covered():
        if world.is_switched(name):
            continue
        found = decided(
            world,
            [
                domain_gates.odd_shape(world, name),
                domain_gates.authoritative_agreement(world, name),
            ],
        )
        results += [result for result in found if not result.open]
        if all(result.open for result in found):
            ready.append(name)
    return Evaluation(
        results, {"domains": module_options(world, ready), "max_ttl": world.settings.mx_ttl}
    )


def final_ttl(world: World) -> Evaluation:
    """Raise the TTL once the lock-down is proven, or a person decided about its proof.

    From then on no rollback by DNS alone is left to be quick for.
    """
    connector = world.connector(world.settings.lockdown_connector_name)
    wanted = int(world.settings.mx_final_ttl)
    ready = []
    if wanted and connector is not None and is_on(connector):
        result = verify_phase.proven(world, connector)
        if result.status == HOLDS:
            ready = [name for name in world.covered() if _has_other_ttl(world, name, wanted)]
    return Evaluation(
        [],
        {
            "domains": [expecting(world, entry) for entry in module_options(world, ready)],
            "records": world.settings.mx_options,
            "ttl": wanted,
        },
    )


def _has_other_ttl(world: World, name: str, wanted: int) -> bool:
    provider = world.dns_provider.get(name) or {}
    present = (world.dns.get(name) or {}).get("ttl_max")
    return (
        world.is_switched(name)
        and not provider.get("auto_ttl")
        and present is not None
        and int(present) != wanted
    )

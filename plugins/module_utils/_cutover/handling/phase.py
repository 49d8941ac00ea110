# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The phase of message handling: its gates, and what its role does with them."""

from __future__ import annotations

import typing as t

from ..model.gate import GateResult
from ..model.world import World
from . import (
    differences,
    gates as handling_gates,
    handover as hands,
    notices as beside,
    objects as handling,
    release,
    rule_matches as rules_seen,
)


def before_any_write(world: World) -> list[GateResult]:
    """Return what no later phase can put right; only what stops is reported here."""
    found = [
        *release.user_release(world),
        *release.quarantine_tags(world),
        *handling_gates.made_by_hand(world),
    ]
    return [result for result in found if not result.open]


def gates(world: World) -> list[GateResult]:
    return [*before_any_write(world), *handling_gates.taken_over(world)]


def notices(world: World) -> list[GateResult]:
    return [
        *beside.shadows(world),
        *beside.other_rules(world),
        *beside.kept_policies(world),
        *beside.dashboard(world),
    ]


def todo(world: World, ready: bool = True) -> dict[str, t.Any]:
    """Return all objects of the use case if anything differs, otherwise nothing.

    So a second run has nothing to ask.
    """
    kept = {"undated": handling_gates.undated(world)}
    if not ready or not differences.differences(world):
        return {
            "policies": [],
            "filters": [],
            "rules": [],
            "obsolete_rules": [],
            "obsolete_policies": [],
            **kept,
        }
    return {
        "policies": handling.policy_options(world),
        "filters": [
            {"identity": name, **handling.filter_options(world, name)}
            for name in handling.filter_names(world)
        ],
        "rules": handling.rule_options(world, hands.rules_now(world)),
        "obsolete_rules": hands.obsolete_rules(world),
        "obsolete_policies": handling.obsolete_policies(world),
        **kept,
    }


def missing(world: World) -> list[GateResult]:
    """Return what the end state lacks."""
    found = handling_gates.in_place(world)
    waiting = not world.settings.rule_match_sender_ip and world.settings.lockdown
    return [
        *found,
        *rules_seen.rules_match(world),
        *(handling_gates.sender_ip(world) if waiting else []),
    ]


def removals(world: World) -> list[str]:
    """Return the cmdlets that a change from another use case needs in addition."""
    found = ["Remove-TransportRule"] if handling.obsolete_rules(world) else []
    return [*found, *(["Remove-QuarantinePolicy"] if handling.obsolete_policies(world) else [])]


def mail_to_look_at(world: World, since: str = "") -> dict[str, t.Any]:
    """Return the arguments of the tasks that check whether our rules matched.

    These are the start time, unless the proof has one, and the Message-IDs.
    """
    begin = since or rules_seen.rules_since(world)
    return {"outbound_since": begin, "message_ids": rules_seen.to_look_at(world) if begin else []}


def domain_dispositions(world: World, name: str) -> tuple[list[str] | None, GateResult | None]:
    """Return the dispositions that a domain keeps until the rules that take over act, and why."""
    leaving, result = handling_gates.handed_over(world, name)
    return (sorted({*handling.to_hold(world, name), *leaving}) if leaving else None), result

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a rollback undoes, object by object: the baseline merged with what others changed since. Pure.

When each part may happen is asked by the gates (rollback_gates.py); nothing here decides about time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._engine.values import as_list, boolean
from . import rollback_connectors, rollback_domains
from .gate import GateResult, noticed
from .past import egress_written, past_of
from .rollback_domains import MxState
from .undo import surplus
from .world import World

HARD_FAIL = "MarkAsSpamSpfRecordHardFail"


@dataclasses.dataclass
class Rollback:
    """``left`` are things that are somebody else's by now, ``one_way`` those that cannot be undone: both are only named."""

    mx: list[MxState]
    connectors: list[dict[str, t.Any]]
    allow_list: list[str]
    policies: list[dict[str, t.Any]]
    domains: list[dict[str, t.Any]]
    left: list[GateResult]
    one_way: list[GateResult]

    def away(self) -> list[MxState]:
        """Domains whose mail goes to Area 1 by our hand."""
        return [state for state in self.mx if state.state == "away"]

    def ttls(self) -> list[MxState]:
        return [state for state in self.mx if state.state == "back" and state.ttl is not None]

    @property
    def empty(self) -> bool:
        return not (self.away() or self.ttls() or self.connectors or self.allow_list or self.policies or self.domains)


def plan(world: World) -> Rollback:
    past = past_of(world)
    left: list[GateResult] = []
    mx = rollback_domains.mx_states(world, past, left)
    connectors = rollback_connectors.undoings(world, past, left)
    domains, one_way = rollback_domains.email_security(world, past, left)
    return Rollback(
        mx, connectors, _allow_list(world, past, left), _policies(world, past), domains, left,
        [*_organization(world, past), *one_way],
    )  # fmt: skip


def _allow_list(world: World, past: World, left: list[GateResult]) -> list[str]:
    ours = surplus(
        past.connection_filter().get("IPAllowList"),
        egress_written(world),
        world.connection_filter().get("IPAllowList"),
    )
    if ours and world.settings["allow_list"] == "skip":
        message = "%d egress networks are in the IP allow list; it is not managed (area1_allow_list: skip)" % len(ours)
        left.append(noticed("left", "connection filter", message))
        return []
    return ours


def _policies(world: World, past: World) -> list[dict[str, t.Any]]:
    """Policies whose SPF hard fail was On and is Off now, where that is what a deployment does: in those that apply to somebody."""
    before = {str(item.get("Name")).lower(): item for item in past.section("content_filter")}
    applying = {
        str(name).lower()
        for source in (world, past)
        for name in source.section("applying_policies", {}) or [item.get("Name") for item in world.section("content_filter")]
    }
    found = []
    for policy in world.section("content_filter"):
        name = str(policy.get("Name"))
        was = before.get(name.lower())
        if was is None or name.lower() not in applying:
            continue
        if str(was.get(HARD_FAIL) or "").lower() == "on" and str(policy.get(HARD_FAIL) or "").lower() == "off":
            found.append({"identity": name, "mark_as_spam_spf_record_hard_fail": True})
    return found


def _organization(world: World, past: World) -> list[GateResult]:
    was = any(boolean(item.get("IsDehydrated")) for item in as_list(past.section("organization", {})))
    now = any(boolean(item.get("IsDehydrated")) for item in as_list(world.section("organization")))
    if was and not now:
        return [noticed("one_way", "organization", "customization was enabled; there is no way back, and it does no harm")]
    return []

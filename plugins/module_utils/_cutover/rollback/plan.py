# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a rollback undoes, object by object: the baseline merged with what others changed since.

When each part may happen is asked by the gates; nothing here decides about time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.values import as_list, boolean
from ..model.baseline_view import egress_written, past_of
from ..model.gate import GateResult, noticed
from ..model.registry import Asked, register
from ..model.world import World
from . import (
    connectors as rollback_connectors,
    domains as rollback_domains,
    handling as rollback_handling,
)
from .domains import MxState
from .three_way import surplus

register(
    "left",
    Asked(
        "rollback",
        looks_at="what is somebody's by now, and what has no way back",
        otherwise="never holds a step; named in each run",
    ),
    needs=("connection_filter",),
)

register(
    "one_way",
    Asked(
        "rollback",
        looks_at="what is somebody's by now, and what has no way back",
        otherwise="never holds a step; named in each run",
    ),
    needs=("organization",),
)


@dataclasses.dataclass
class Rollback:
    """The plan of a rollback.

    ``left`` are things that are somebody else's by now, ``one_way`` those that cannot be undone:
    both are only reported.
    """

    mx: list[MxState]
    connectors: list[dict[str, t.Any]]
    allow_list: list[str]
    rules: list[str]
    policies: list[dict[str, t.Any]]
    quarantine_policies: list[str]
    domains: list[dict[str, t.Any]]
    left: list[GateResult]
    one_way: list[GateResult]

    def away(self) -> list[MxState]:
        """Return the domains whose mail goes to Area 1 because of us."""
        return [state for state in self.mx if state.state == "away"]

    def ttls(self) -> list[MxState]:
        return [state for state in self.mx if state.state == "back" and state.ttl is not None]

    @property
    def empty(self) -> bool:
        handling = self.rules or self.policies or self.quarantine_policies
        return not (
            self.away()
            or self.ttls()
            or self.connectors
            or self.allow_list
            or handling
            or self.domains
        )

    @property
    def removals(self) -> list[str]:
        """The cmdlets that it takes away with."""
        absent = any(entry["absent"] for entry in self.connectors)
        needed = {
            "Remove-TransportRule": self.rules,
            "Remove-QuarantinePolicy": self.quarantine_policies,
            "Remove-InboundConnector": absent,
        }
        return [name for name, need in needed.items() if need]


def plan(world: World) -> Rollback:
    past = past_of(world)
    left: list[GateResult] = []
    mx = rollback_domains.mx_states(world, past, left)
    connectors = rollback_connectors.undoings(world, past, left)
    policies = rollback_handling.filters(world, past, left)
    domains, one_way = rollback_domains.email_security(world, past, left)
    return Rollback(
        mx=mx,
        connectors=connectors,
        allow_list=_allow_list(world, past, left),
        rules=rollback_handling.rules(world, past, left),
        policies=policies,
        quarantine_policies=rollback_handling.quarantine_policies(world, past, policies, left),
        domains=domains,
        left=left,
        one_way=[*_organization(world, past), *one_way],
    )


def _allow_list(world: World, past: World, left: list[GateResult]) -> list[str]:
    ours = surplus(
        past.default_connection_filter().get("IPAllowList"),
        egress_written(world),
        world.default_connection_filter().get("IPAllowList"),
    )
    if ours and world.settings.allow_list == "skip":
        message = (
            "%d egress networks are in the IP allow list; it is not managed (area1_allow_list:"
            " skip)" % len(ours)
        )
        left.append(noticed("left", "connection filter", message))
        return []
    return ours


def _organization(world: World, past: World) -> list[GateResult]:
    was = any(boolean(item.get("IsDehydrated")) for item in as_list(past.if_read.organization))
    now = any(boolean(item.get("IsDehydrated")) for item in as_list(world.organization))
    if was and not now:
        return [
            noticed(
                "one_way",
                "organization",
                "customization was enabled; there is no way back, and it does no harm",
            )
        ]
    return []

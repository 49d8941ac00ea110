# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What to do with the lock-down connector: stage it, wait, enable it, or leave it.

The stamp in its comment is the soak's clock, which survives any runner. Order and conditions:
[CUT-2.1] and [CUT-2.5].
"""

from __future__ import annotations

import typing as t

from ..model.gate import GateResult, cannot, holds
from ..model.registry import Asked, register
from ..model.world import DomainState, World
from .enabled import decide_enabled
from .exposure import exposure_results, initial_domains
from .soak import Acknowledged, Decision, is_on, let_in, off_comment, soak
from .stamp import SWITCHED_OFF, parse_stamp

register(
    "soak",
    Asked(
        "lockdown",
        looks_at="the time between staging and enabling is over",
        otherwise="not yet, until that time",
    ),
    needs=("tenant",),
)


register(
    "lockdown_refused",
    Asked(
        "lockdown",
        looks_at="an earlier run did not have to switch it off again",
        otherwise="cannot: find the cause",
        acknowledge="yes; the soak starts anew",
    ),
)

register(
    "lockdown",
    Asked(
        "lockdown",
        looks_at="the lock-down is wanted (`area1_lockdown`)",
        otherwise="never: it says that it is not",
    ),
    needs=(
        "accepted_domains",
        "dns",
        "inbound_connectors",
        "tenant",
    ),
)


def decide(world: World, blocked: t.Sequence[GateResult], acknowledged: Acknowledged) -> Decision:
    """Decide what to do with the lock-down connector now.

    ``blocked`` are the other gates that must hold before it is enabled.
    """
    name = world.settings.lockdown_connector_name
    connector = world.connector(name)
    if connector is not None and is_on(connector):
        return decide_enabled(world, connector, blocked, acknowledged)
    if not world.settings.lockdown:
        return Decision("none", (holds("lockdown", name, "not wanted (area1_lockdown is false)"),))
    exposure, exposed = exposure_results(world)
    # As enabling sets it.
    allowed = let_in(world, {**connector, "RequireTls": True}) if connector else []
    results = [
        *acknowledged([*exposure, *blocked, *_switched_off(connector)]),
        *allowed,
        *initial_domains(world),
    ]
    waiting = [result for result in results if not result.open]
    if waiting:
        held = {result.object for result in waiting}
        return _hold_back(
            world, connector, waiting, [state for state in exposed if state.name in held]
        )
    scope = tuple(world.covered()) if world.settings.lockdown_scope == "covered" else ()
    return soak(
        world,
        connector,
        scope,
        [result for result in results if result.acknowledged or result.notice],
        acknowledged,
    )


def _switched_off(connector: t.Mapping[str, t.Any] | None) -> list[GateResult]:
    """Check that no earlier run had to switch the lock-down off because it refused Area 1's mail.

    It is not tried again before somebody has looked.
    """
    found = SWITCHED_OFF.search(str((connector or {}).get("Comment") or ""))
    if connector is None or found is None:
        return []
    message = (
        "it was switched off %s because mail through Area 1 was refused (see its comment)"
        % found["at"]
    )
    hint = (
        "Find the cause, then put lockdown_refused into area1_acknowledge for one run; the soak"
        " starts anew."
    )
    return [cannot("lockdown_refused", str(connector.get("Name")), message, hint)]


def _hold_back(
    world: World,
    connector: dict[str, t.Any] | None,
    waiting: list[GateResult],
    exposed: list[DomainState],
) -> Decision:
    """Decide not to enable now.

    If a domain fell back, a staged connector loses its stamp: the soak starts anew once all have
    moved.
    """
    if connector is not None and exposed and parse_stamp(connector.get("Comment")) is not None:
        return Decision("unstage", tuple(waiting), off_comment(world, "soak interrupted", exposed))
    return Decision("none", tuple(waiting))

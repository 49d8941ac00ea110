# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The end state: what it lacks, and what a lock-down that is on does to mail right now."""

from __future__ import annotations

import typing as t

from ..._engine.values import boolean
from ..gates import connectors as connector_gates, domains as domain_gates, foreign
from ..handling import gates as handling_gates, phase as handling_phase
from ..lockdown import decision as lockdown, proof
from ..lockdown.soak import is_on
from ..model import wanted
from ..model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
    Evaluation,
    GateResult,
    decided,
    not_yet,
    noticed,
)
from ..model.world import DomainState, World


def verify(world: World) -> Evaluation:
    """Return the answers on the end state; what is missing is due, whoever took it away."""
    decision = lockdown.decide(world, (), lambda results: decided(world, results))
    connector = world.connector(world.settings.lockdown_connector_name)
    switched = [name for name in world.covered() if world.is_switched(name)]
    states = {state.name: state for state in world.domain_states()}
    missing = [
        result
        for result in [*_missing(world), *_unseen(world, switched, states)]
        if not result.open
    ]
    # Answers that are not open are a widening that waits, or mail that is being lost.
    locked = (
        decision.action == "keep"
        and decision.enabled
        and all(result.open for result in decision.results)
    )
    found = proven(world, connector) if connector is not None and is_on(connector) else None
    # What nobody could see stays unproven, which is said; what is seen not to act yet is not done.
    acts = found is not None and found.open
    values = {
        "domains": {
            name: {
                "switched": name in switched,
                "exposed": list(states[name].exposed) if name in states else [],
            }
            for name in world.covered()
        },
        "locked": connector is not None and is_on(connector),
        "proof": found.to_data() if found else {},
        "proven": found is not None and found.status == HOLDS and not found.acknowledged,
        "done": (
            len(switched) == len(world.covered())
            and not missing
            and ((locked and acts) or not world.settings.lockdown)
        ),
    }
    # What holds a lock-down back was said by its own phase.
    return Evaluation([*missing, *_left_as_decided(world, connector), *losing_now(world)], values)


def _left_as_decided(world: World, connector: t.Mapping[str, t.Any] | None) -> list[GateResult]:
    """Report what a lock-down that is on asks of senders: it is somebody's decision, and stays."""
    if connector is None or boolean(connector.get("Enabled")) is not True:
        return []
    found = wanted.lockdown_connector(world.settings).differences(connector)
    problems = [item.message for item in found if item.name in wanted.ASKED_OF_SENDERS]
    message = "%s; the deployment leaves that as it is" % "; ".join(problems)
    return [noticed("connector_scope", str(connector.get("Name")), message)] if problems else []


def losing_now(world: World) -> list[GateResult]:
    """Return answers on mail that the lock-down refuses while this is read.

    Everything else that a run reports comes after it. This includes what a person has decided to
    end: until the connector is off, mail is being refused.
    """
    decision = lockdown.decide(world, (), lambda results: results)
    return [
        result
        for result in decision.results
        if result.gate == "lockdown_exposed" and result.status == CANNOT
    ]


def proven(world: World, connector: dict[str, t.Any]) -> GateResult:
    return decided(world, [proof.result(world, connector)])[0]


def _unseen(
    world: World, switched: list[str], states: t.Mapping[str, DomainState]
) -> list[GateResult]:
    """Return domains that have moved, but not for every server that was asked.

    While the lock-down is off, its own gate reports the same.
    """
    found = []
    for state in (states[name] for name in switched if name in states):
        if state.exposed and not world.settings.lockdown:
            found.append(
                not_yet("exposed", state.name, "; ".join(state.exposed), hint="Caches run out.")
            )
        if state.unknown:
            found.append(
                not_yet(
                    "name_server",
                    state.name,
                    "; ".join(state.unknown),
                    hint="It is asked again by the next run.",
                )
            )
    return decided(world, found)


def _missing(world: World) -> list[GateResult]:
    names = [name for name in world.covered() if world.is_switched(name)]
    found = [*connector_gates.in_place(world), *connector_gates.spf_hard_fail(world)]
    # Our own lock-down without one of the networks; another's connector is the switch's matter.
    found += [result for result in foreign.restricting_connector(world) if result.status == NOT_YET]
    found += _lockdown_filtering(world)
    found += handling_phase.missing(world)
    found += [domain_gates.domain_settings(world, name) for name in names]
    found += [handling_gates.held_back(world, name) for name in names]
    found += [domain_gates.domain_ready(world, name) for name in names]
    return decided(world, found)


def _lockdown_filtering(world: World) -> list[GateResult]:
    """Check the enhanced filtering of a lock-down that is on: mail may be attributed to it, too."""
    connector = world.connector(world.settings.lockdown_connector_name)
    if connector is None or not is_on(connector):
        return []
    problems = [item.message for item in wanted.filtering().differences(connector)]
    name, hint = str(connector.get("Name")), "The section lockdown sets this."
    return [not_yet("lockdown", name, "; ".join(problems), hint=hint)] if problems else []

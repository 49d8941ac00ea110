# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Name the gates that stand before each phase, and decide what the phase may do."""

from __future__ import annotations

import typing as t

from ..._engine.timeline import Event
from ..gates import (
    connectors as connector_gates,
    domains as domain_gates,
    forwarding,
    own_connector,
    tenant as gates,
)
from ..handling import handover as hands, phase as handling_phase
from ..model import wanted
from ..model.gate import Evaluation, decided
from ..model.settings import DomainSettings
from ..model.world import World
from . import lockdown, mx, ttl, verify as verify_phase


def evaluate(phase: str, world: World) -> Evaluation:
    return EVALUATORS[phase](world)


def _tenant(world: World) -> Evaluation:
    """Decide what the tenant's own answer settles, before the domains are asked for elsewhere.

    C(relay) lists what outbound connectors decide about.
    """
    results = [
        *gates.permissions(world, handling_phase.removals(world)),
        *gates.accepted_domains(world),
        *connector_gates.by_hand(world),
    ]
    return Evaluation(
        decided(world, results),
        {"relay": [name for name in world.covered() if domain_gates.is_relay(world, name)]},
    )


def _preflight(world: World) -> Evaluation:
    results = decided(
        world,
        [
            *gates.baseline(world),
            *gates.egress_networks(world),
            *(result for result in gates.allow_list_capacity(world) if not result.open),
            *handling_phase.before_any_write(world),
        ],
    )
    # The run ends here and its own phase never speaks: that mail is being refused must not wait
    # until this is mended.
    stops = any(not result.open for result in results)
    return Evaluation([*(verify_phase.losing_now(world) if stops else ()), *results])


def _connection_filter(world: World) -> Evaluation:
    results = decided(
        world,
        [
            *gates.customization(world),
            *gates.egress_networks(world),
            *gates.allow_list_capacity(world),
        ],
    )
    return Evaluation(
        results,
        {"entries": list(world.settings.egress), "manage": world.settings.allow_list == "manage"},
    )


def _enhanced_filtering(world: World) -> Evaluation:
    results = decided(
        world,
        [
            *gates.customization(world),
            *gates.egress_networks(world),
            *connector_gates.foreign_connector(world),
            *own_connector.caught_before(world),
        ],
    )
    return Evaluation(
        results,
        {
            "entries": list(world.settings.egress),
            "name": world.settings.connector_name,
            "comment": _own_comment(world),
            "connector": wanted.own_connector(world.settings).options(),
            "filtering": wanted.filtering().options(),
        },
    )


def _area1_domains(world: World) -> Evaluation:
    common = wanted.email_security_domain(world.settings, DomainSettings("")).options()
    results, domains = [], []
    for entry in world.settings.domains:
        host, result = forwarding.choose(world, entry)
        results.append(result)
        held, waiting = handling_phase.domain_dispositions(world, entry.name)
        results += [waiting] if waiting else []
        if host:
            domain = wanted.email_security_domain(world.settings, entry, host, held)
            own = {
                key: value for key, value in domain.options().items() if value != common.get(key)
            }
            keys = _own_keys(entry, held)
            own = {key: value for key, value in domain.options().items() if key in keys}
            domains.append({**entry.dns_options, **own})
    mx_hosts = [item.host for item in world.settings.mx_records]
    values = {**common, "domains": domains, "mx_hosts": mx_hosts}
    return Evaluation(decided(world, results), values)


def _own_keys(entry: DomainSettings, held: list[str] | None) -> set[str]:
    """Return the options that a domain has for itself, and not in common with the others."""
    keys = {"forward_to"}
    keys |= {"regions"} if entry.regions else set()
    return keys | ({"drop_dispositions"} if held or entry.drop_dispositions is not None else set())


def _message_handling(world: World) -> Evaluation:
    results = decided(
        world,
        [*gates.customization(world), *gates.egress_networks(world), *handling_phase.gates(world)],
    )
    # What one rule passes on to another waits without holding the rest.
    values = handling_phase.todo(world, all(result.open for result in results))
    return Evaluation([*results, *hands.passed_on(world), *handling_phase.notices(world)], values)


def _message_handling_verify(world: World) -> Evaluation:
    """Look at what is in place after the writes, and note since when, where no service says it."""
    found = _message_handling(world)
    seen = [
        Event(item["event"], item["name"], subject=item["subject"])
        for item in found.values["undated"]
    ]
    return Evaluation(found.results, found.values, events=seen)


def _verify(world: World) -> Evaluation:
    found = verify_phase.verify(world)
    return Evaluation(found.results, found.values, world.written())


def _own_comment(world: World) -> str:
    """Return the tutorial's comment, but never over one that somebody else wrote.

    An empty comment leaves what is there.
    """
    present = str((world.connector(world.settings.connector_name) or {}).get("Comment") or "")
    return (
        ""
        if present and "[mailflow.area1:" not in present
        else str(world.settings.connector_comment)
    )


EVALUATORS: dict[str, t.Callable[[World], Evaluation]] = {
    "tenant": _tenant,
    "preflight": _preflight,
    "connection_filter": _connection_filter,
    "enhanced_filtering": _enhanced_filtering,
    "area1_domains": _area1_domains,
    "message_handling": _message_handling,
    "message_handling_verify": _message_handling_verify,
    "lower_ttl": ttl.lower_ttl,
    "switch_plan": mx.switch_plan,
    "switch": mx.switch,
    "lockdown": lockdown.lockdown_step,
    "proof_plan": lockdown.proof_plan,
    "proof": lockdown.proof,
    "final_ttl": ttl.final_ttl,
    "verify": _verify,
}

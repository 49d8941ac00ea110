# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Which gates stand before which phase, and what the phase may then do. Pure."""

from __future__ import annotations

import typing as t

from ..._engine.timestamps import iso
from ..evidence import test_mail as followed
from ..evidence.caught_mail import acts_since
from ..gates import (
    connectors as connector_gates,
)
from ..gates import (
    domains as domain_gates,
)
from ..gates import (
    forwarding,
)
from ..gates import (
    mta_sts as sts_gate,
)
from ..gates import (
    new_path as path_gates,
)
from ..gates import (
    tenant as gates,
)
from ..handling import gates as handling_gates
from ..handling import handover as hands
from ..handling import phase as handling_phase
from ..lockdown import decision as lockdown
from ..lockdown import moved_domains as watch
from ..lockdown import proof
from ..model import change_window as window
from ..model.gate import CANNOT, HOLDS, Evaluation, GateResult, decided, holds, not_yet
from ..model.settings import DomainSettings
from ..model.world import World
from . import verify as verify_phase


def evaluate(phase: str, world: World) -> Evaluation:
    return EVALUATORS[phase](world)


def _tenant(world: World) -> Evaluation:
    """What the tenant's own answer settles, before the domains are asked for elsewhere.

    C(relay): what outbound connectors decide about.
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
            *connector_gates.caught_before(world),
        ],
    )
    return Evaluation(
        results,
        {
            "entries": list(world.settings.egress),
            "name": world.settings.connector_name,
            "comment": _own_comment(world),
        },
    )


def _area1_domains(world: World) -> Evaluation:
    results, wanted = [], []
    for entry in world.settings.domains:
        host, result = forwarding.choose(world, entry)
        results.append(result)
        held, waiting = handling_phase.domain_dispositions(world, entry.name)
        results += [waiting] if waiting else []
        if host:
            wanted.append(_email_security_domain(entry, host, held))
    values = {
        "domains": wanted,
        "regions": list(world.settings.regions),
        "drop_dispositions": list(world.settings.dispositions),
        "mx_hosts": [item.host for item in world.settings.mx_records],
    }
    return Evaluation(decided(world, results), values)


def _email_security_domain(
    entry: DomainSettings, host: str, held: list[str] | None
) -> dict[str, t.Any]:
    """Return the domain as the module area1_domain takes it; ``held`` wins over its own."""
    options: dict[str, t.Any] = {**entry.dns_options, "forward_to": host}
    if entry.regions:
        options["regions"] = list(entry.regions)
    if held or entry.drop_dispositions is not None:
        options["drop_dispositions"] = held or list(entry.drop_dispositions or ())
    return options


def _message_handling(world: World) -> Evaluation:
    results = decided(
        world,
        [*gates.customization(world), *gates.egress_networks(world), *handling_phase.gates(world)],
    )
    # What one rule passes on to another waits without holding the rest.
    values = handling_phase.todo(world, all(result.open for result in results))
    return Evaluation([*results, *hands.passed_on(world), *handling_phase.notices(world)], values)


def _names(world: World, names: t.Collection[str]) -> list[dict[str, t.Any]]:
    """The domains as the MX module takes them."""
    return [entry.dns_options for entry in world.settings.domains if entry.name in names]


def _expecting(world: World, entry: dict[str, t.Any]) -> dict[str, t.Any]:
    """With the records that the gates decided on: a set that somebody changed since is not
    overwritten.
    """
    provider = world.dns_provider.get(entry["name"]) or {}
    return {**entry, "expect": provider["records"] or []} if "records" in provider else entry


def _lower_ttl(world: World) -> Evaluation:
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
    return Evaluation(results, {"domains": _names(world, ready), "max_ttl": world.settings.mx_ttl})


def _switch(world: World) -> Evaluation:
    """Per domain.

    What concerns the tenant as a whole (connectors, settling) stands before every domain.
    """
    todo = [name for name in world.covered() if not world.is_switched(name)]
    refused = decided(world, watch.refused(world))
    if not todo:
        return _all_moved(world, refused)
    results = decided(world, _before_every_switch(world))
    open_tenant = all(result.open for result in results)
    turn = _canaries_first(world, todo)
    locked_out = {result.object for result in verify_phase.losing_now(world)}
    candidates = []
    for name in turn:
        found = decided(world, _domain_gates(world, name, name in locked_out))
        if open_tenant and all(result.open for result in found):
            candidates.append(name)
        results += found
    # What the new hosts answer is asked when all else holds, and only then stands in the way.
    caught = connector_gates.catches_others(world)
    asked = (
        [*path_gates.new_mx_hosts(world), *followed.gate(world), *watch.canaries(world)]
        if candidates
        else []
    )
    hosts = [*refused, *decided(world, [*asked, *caught])]
    ready = []
    for name in candidates:
        found = decided(world, [path_gates.new_mx_recipient(world, name)])
        if all(result.open for result in [*hosts, *found]):
            ready.append(name)
        results += found
    results += [*hosts, *(path_gates.unsigned_tlsa(world) if candidates else ())]
    results += _canary_waits(todo, turn, candidates, hosts)
    limit, held = _limit(world, turn, ready)
    results += held
    values = {
        "domains": [_expecting(world, entry) for entry in _names(world, ready[:limit])],
        "records": world.settings.mx_options,
        "ttl": world.settings.mx_ttl,
        "done": False,
        "candidates": _names(world, candidates),
        "low_seen": domain_gates.low_since_now(world),
        "sts_seen": sts_gate.first_seen(world),
        "sts_ids": sts_gate.to_publish(world),
        "probe": _probe(world, candidates, candidates or (todo if acts_since(world) else [])),
        "watch": watch.to_read(world),
        "caught": _switch_off(world, caught),
    }
    shown = [
        result
        for result in results
        if result.status != HOLDS or result.acknowledged or result.notice
    ]
    return Evaluation(shown, values)


def _all_moved(world: World, refused: list[GateResult]) -> Evaluation:
    nothing: dict[str, t.Any] = {
        "domains": [],
        "candidates": [],
        "low_seen": [],
        "sts_ids": [],
        "caught": {},
    }
    return Evaluation(
        [
            *refused,
            holds(
                "switched", "", "all %d domains have the wanted MX records" % len(world.covered())
            ),
        ],
        {
            **nothing,
            "done": True,
            "sts_seen": sts_gate.first_seen(world),
            "probe": _probe(world, [], []),
            "watch": watch.to_read(world),
        },
    )


def _before_every_switch(world: World) -> list[GateResult]:
    return [
        *gates.egress_networks(world),
        *connector_gates.foreign_connector(world),
        *connector_gates.restricting_connector(world),
        *connector_gates.transport_rules(world),
        *connector_gates.spf_hard_fail(world),
        *connector_gates.scl_bypass(world),
        *connector_gates.reject_direct_send(world),
        *connector_gates.settled(world),
        *window.gate(world.settings.change_window, world.now),
    ]


def _canary_waits(
    todo: list[str], turn: list[str], candidates: list[str], found: list[GateResult]
) -> list[GateResult]:
    """Who waits for a canary: until it has moved, and then until its mail was seen."""
    unseen = ", ".join(
        result.object for result in found if result.gate == watch.CANARY and not result.open
    )
    waits = {name: "the canary domains" for name in todo if name not in turn}
    waits.update({name: "mail of %s" % unseen for name in candidates if unseen})
    return [
        not_yet("canary", name, "it waits for %s" % what, hint="Run again.")
        for name, what in waits.items()
    ]


def _limit(world: World, turn: list[str], ready: list[str]) -> tuple[int, list[GateResult]]:
    """(how many may move now, who is held back by that).

    The limit is one of the run, which may look at the world more than once.
    """
    wanted, before = (
        int(world.settings.max_switches),
        len(world.switched_here),
    )
    if not wanted:
        return len(ready), []
    left = max(wanted - before, 0)
    message = "held back: a run switches at most %d (area1_max_switches)" % wanted
    if before:
        message = "held back: this run has switched %d (area1_max_switches: %d)" % (before, wanted)
    # With nothing left, what else a domain waits for is no matter of this run.
    return left, [
        not_yet("max_switches", name, message, hint="Run again.")
        for name in (ready[left:] if left else turn)
    ]


# Each costs two conversations, and one is evidence enough.
PLAIN_DOMAINS = 2


def _probe(world: World, candidates: list[str], caught: list[str]) -> dict[str, t.Any]:
    """What mail_flow_probe is to ask: the new hosts for C(candidates), and whether our connector
    catches mail of C(caught). C(names) are the hosts whose addresses are needed for it, C(look) the
    domains that are read with them.
    """
    hosts = path_gates.new_hosts(world) if candidates else []
    plain = []
    asked = [item for item in world.settings.domains if item.name in caught]
    for entry in asked[:PLAIN_DOMAINS]:
        host, _result = forwarding.choose(world, entry)
        plain += [{"name": entry.name, "host": host}] if host else []
    return {
        "look": _names(world, candidates or [item["name"] for item in plain]),
        "names": list(dict.fromkeys([*hosts, *(item["host"] for item in plain)])),
        "hosts": [{"name": host} for host in hosts],
        "domains": candidates,
        "plain": plain,
        "internal_domains": sorted(world.accepted()),
        "sent": followed.sent(world),
    }


def _switch_off(world: World, caught: list[GateResult]) -> dict[str, str]:
    """Our own connector, if it harms, unless a person has decided otherwise."""
    if not any(result.status == CANNOT for result in decided(world, caught)):
        return {}
    return {
        "name": world.settings.connector_name,
        "comment": connector_gates.caught_comment(world),
    }


def _domain_gates(world: World, name: str, refused: bool) -> list[GateResult]:
    return [
        domain_gates.odd_shape(world, name),
        domain_gates.domain_ready(world, name),
        domain_gates.domain_settings(world, name),
        handling_gates.held_back(world, name),
        domain_gates.domain_type(world, name),
        domain_gates.answered(world, name),
        domain_gates.authoritative_agreement(world, name),
        # A low TTL is for the way back. Where a lock-down refuses the mail that comes the old way,
        # there is none, and each hour costs mail.
        *(() if refused else (domain_gates.ttl(world, name),)),
        path_gates.zone_control(world, name),
        sts_gate.mta_sts(world, name),
        *path_gates.shapes(world, name),
        *path_gates.dane(world, name),
        *path_gates.tlsrpt(world, name),
    ]


def _canaries_first(world: World, names: list[str]) -> list[str]:
    """While a canary has not moved, only canaries move."""
    canaries = {entry.name for entry in world.settings.domains if entry.canary}
    waiting = [name for name in names if name in canaries]
    return waiting or names


def _lockdown(world: World) -> Evaluation:
    blocked = [
        *gates.customization(world),
        *gates.egress_networks(world),
        *connector_gates.foreign_connector(world),
        *connector_gates.transport_rules(world),
        *connector_gates.spf_hard_fail(world),
        *connector_gates.in_place(world),
    ]
    decision = lockdown.decide(world, blocked, lambda results: decided(world, results))
    values = {
        **decision.to_data(),
        "name": world.settings.lockdown_connector_name,
        "entries": list(world.settings.egress),
    }
    return Evaluation(list(decision.results), values)


def _proof(world: World) -> Evaluation:
    """Of a lock-down that is on: does it act, and does it let Area 1 in?

    Only mail of Area 1 that it refuses switches it off.

    The same traces tell whether the rules of the use case act, lock-down or not.
    """
    name = world.settings.lockdown_connector_name
    connector = world.connector(name)
    if connector is None or not lockdown.is_on(connector):
        values = {
            "look": False,
            "action": "none",
            "verdict": "",
            "proven": False,
            **handling_phase.mail_to_look_at(world),
        }
        return Evaluation([], values)
    found = proof.prove(world, connector)
    result = decided(world, [proof.result(world, connector, found)])[0]
    changed = proof.enabled_at(connector)
    values = {
        "look": True,
        "name": name,
        "entries": list(world.settings.egress),
        "action": "disable" if found.verdict == proof.REFUSED else "none",
        "comment": (
            proof.switched_off_comment(world, found.why) if found.verdict == proof.REFUSED else ""
        ),
        "verdict": found.verdict,
        "proven": found.verdict == proof.PROVEN,
        "until": found.until,
        "changed": iso(changed) if changed else "",
        "events": proof.new_events(world, found, changed),
        **proof.where_to_look(world, connector),
    }
    return Evaluation(
        [result], {**values, **handling_phase.mail_to_look_at(world, values["outbound_since"])}
    )


def _final_ttl(world: World) -> Evaluation:
    """Once the lock-down is proven, or a person decided about its proof, no rollback by DNS alone
    is left to be quick for.
    """
    connector = world.connector(world.settings.lockdown_connector_name)
    wanted = int(world.settings.mx_final_ttl)
    ready = []
    if wanted and connector is not None and lockdown.is_on(connector):
        result = verify_phase.proven(world, connector)
        if result.status == HOLDS:
            ready = [name for name in world.covered() if _has_other_ttl(world, name, wanted)]
    return Evaluation(
        [],
        {
            "domains": [_expecting(world, entry) for entry in _names(world, ready)],
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


def _own_comment(world: World) -> str:
    """The tutorial's comment, but never over one that somebody else wrote; empty leaves what is
    there.
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
    "lower_ttl": _lower_ttl,
    "switch": _switch,
    "lockdown": _lockdown,
    "proof": _proof,
    "final_ttl": _final_ttl,
    "verify": verify_phase.verify,
}

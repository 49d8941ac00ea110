# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Decide which MX records may change: TTL down, switch, TTL up again."""

from __future__ import annotations

import typing as t

from ..._engine.timeline import TTL_LOWERED, Event
from ..evidence import test_mail as followed
from ..evidence.caught_mail import acts_since
from ..gates import (
    connectors as connector_gates,
    domain_ttl,
    domains as domain_gates,
    foreign,
    forwarding,
    mta_sts as sts_gate,
    new_path as path_gates,
    own_connector,
    tenant as gates,
)
from ..handling import gates as handling_gates
from ..lockdown import moved_domains as watch
from ..model import change_window as window
from ..model.gate import (
    CANNOT,
    HOLDS,
    Evaluation,
    GateResult,
    decided,
    holds,
    not_looked_at,
    not_yet,
)
from ..model.looks import Need, area1_log, email_security, mx, tenant
from ..model.registry import Asked, register
from ..model.world import World
from . import verify as verify_phase
from .ttl import expecting, module_options

register(
    "looked_again",
    Asked(
        "switch",
        looks_at="what the step relies on was looked at again right before it",
        otherwise="not yet: give `mail_flow_gate` the option `read: stale`, or run again",
    ),
    Asked("lockdown"),
    Asked("rollback"),
)

register(
    "canary",
    Asked(
        "switch",
        looks_at="the domains marked `canary` have moved, and mail of theirs was seen",
        otherwise="not yet: run again",
    ),
)

register(
    "max_switches",
    Asked(
        "switch",
        looks_at="the run has not switched `area1_max_switches` domains yet",
        otherwise="not yet: the next run goes on",
    ),
    needs=("switched_here",),
)

register(
    "switched",
    Asked(
        "switch",
        looks_at="all domains have the wanted MX records",
        otherwise="never: it says that nothing is left to do",
    ),
    needs=("accepted_domains",),
)

NOT_AGAIN = "it was not looked at again right before the switch"


#: What a switch relies on, of the tenant.
TENANT = (
    "accepted_domains",
    "connection_filter",
    "content_filter",
    "content_filter_rules",
    "inbound_connectors",
    "organization",
    "transport_rules",
)
#: For a look at domains that moved: messages of Area 1's log, trace queries and details.
LOG_MESSAGES, TRACE_QUERIES, TRACE_DETAILS = 10, 2, 5


def switch_plan(world: World) -> Evaluation:
    """Look at everything that a switch relies on, and say what is to be probed before it."""
    found = _switch(world)
    events = [
        *(Event(TTL_LOWERED, name) for name in domain_ttl.low_since_now(world)),
        *sts_gate.to_note(world),
    ]
    values = {**found.values, "targets": _targets(world, found.values["probe"])}
    return Evaluation(found.results, values, _before_the_switch(world, found), events)


def _targets(world: World, probe: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the targets for mail_flow_probe; empty where nothing is to be asked."""
    if not probe["look"]:
        return {}
    mailbox = world.settings.canary_recipient
    return {
        **{key: probe[key] for key in ("hosts", "domains", "plain", "internal_domains")},
        **({"canary_recipient": mailbox} if mailbox else {}),
    }


def switch(world: World) -> Evaluation:
    """Decide which domains move now: only those that were looked at again."""
    found = _switch(world)
    needs = [*_before_the_switch(world, found), *_what_moved(world, found)]
    ready = found.values["domains"]
    again = [entry for entry in ready if _looked_again(world, entry["name"])]
    late = [not_looked_at(entry["name"], NOT_AGAIN) for entry in ready if entry not in again]
    values = {**found.values, "domains": again}
    return Evaluation([*found.results, *late], values, needs, followed.to_note(world))


def _before_the_switch(world: World, found: Evaluation) -> list[Need]:
    """Return what has to be looked at again: everything, where a domain could move."""
    probe, needs = found.values["probe"], world.written()
    if found.values["candidates"]:
        needs += [tenant(*TENANT), email_security(world.covered())]
    if probe["look"]:
        needs += mx(probe["look"], provider=True, details=True, mail_hosts=probe["names"])
    return needs


def _what_moved(world: World, found: Evaluation) -> list[Need]:
    """Return the needs to see how Microsoft 365 answers, and where the test mail is."""
    seen, needs = found.values["watch"], list[Need]()
    if seen["trace"]:
        needs.append(
            tenant(
                "message_trace",
                trace_since=seen["since"],
                trace_queries=TRACE_QUERIES,
                trace_details=TRACE_DETAILS,
                trace_known=seen["entries"],
            )
        )
    if seen["moved"]:
        needs.append(area1_log(seen["since"], seen["moved"], LOG_MESSAGES))
    if found.values["candidates"] and followed.offered(world) and followed.sent(world):
        needs.append(tenant("followed_messages", follow=followed.sent(world)))
    return needs


def _looked_again(world: World, name: str) -> bool:
    looks = world.looks
    return (
        all(looks.again(section) for section in (*TENANT, "email_security"))
        and all(looks.again(section, name) for section in ("dns", "dns_details", "mta_sts"))
        and (name not in world.dns_provider or looks.again("dns_provider", name))
    )


def _switch(world: World) -> Evaluation:
    """Ask the gates of each domain; those of the tenant stand before every domain."""
    todo = [name for name in world.covered() if not world.is_switched(name)]
    refused = decided(world, watch.refused(world))
    if not todo:
        return _all_moved(world, refused)
    turn = _canaries_first(world, todo)
    results, candidates = _candidates(world, turn)
    caught = own_connector.catches_others(world)
    hosts = [*refused, *decided(world, [*_new_path(world, candidates), *caught])]
    ready = []
    for name in candidates:
        found = decided(world, [path_gates.new_mx_recipient(world, name)])
        if all(result.open for result in [*hosts, *found]):
            ready.append(name)
        results += found
    results += [*hosts, *(path_gates.unsigned_tlsa(world) if candidates else ())]
    results += _canary_waits(todo, turn, candidates, hosts)
    limit, held = _limit(world, turn, ready)
    values = {
        "domains": [expecting(world, entry) for entry in module_options(world, ready[:limit])],
        "records": world.settings.mx_options,
        "ttl": world.settings.mx_ttl,
        "done": False,
        "candidates": module_options(world, candidates),
        "low_seen": domain_ttl.low_since_now(world),
        "sts_seen": sts_gate.first_seen(world),
        "sts_ids": sts_gate.to_publish(world),
        "probe": _probe(world, candidates, candidates or (todo if acts_since(world) else [])),
        "watch": watch.to_read(world),
        "caught": _switch_off(world, caught),
    }
    shown = [
        result
        for result in [*results, *held]
        if result.status != HOLDS or result.acknowledged or result.notice
    ]
    return Evaluation(shown, values)


def _candidates(world: World, turn: list[str]) -> tuple[list[GateResult], list[str]]:
    """Return what the gates of tenant and domains answer, and whom all of them let go."""
    results = decided(world, _before_every_switch(world))
    open_tenant = all(result.open for result in results)
    locked_out = {result.object for result in verify_phase.losing_now(world)}
    candidates = []
    for name in turn:
        found = decided(world, _domain_gates(world, name, name in locked_out))
        if open_tenant and all(result.open for result in found):
            candidates.append(name)
        results += found
    return results, candidates


def _new_path(world: World, candidates: list[str]) -> list[GateResult]:
    """Ask about the new hosts when all else holds: only then do they stand in the way."""
    if not candidates:
        return []
    return [*path_gates.new_mx_hosts(world), *followed.gate(world), *watch.canaries(world)]


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
        *foreign.restricting_connector(world),
        *foreign.transport_rules(world),
        *connector_gates.spf_hard_fail(world),
        *foreign.scl_bypass(world),
        *connector_gates.reject_direct_send(world),
        *connector_gates.settled(world),
        *window.gate(world.settings.change_window, world.now),
    ]


def _canary_waits(
    todo: list[str], turn: list[str], candidates: list[str], found: list[GateResult]
) -> list[GateResult]:
    """Hold back who waits for a canary: until it has moved, and then until its mail was seen."""
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
    """Return how many may move now, and who is held back by that.

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
    """Return what mail_flow_probe is to ask.

    It asks the new hosts of C(candidates), and whether our connector catches mail of C(caught).
    C(names) are the hosts whose addresses are needed for it, C(look) the domains that are read with
    them.
    """
    hosts = path_gates.new_hosts(world) if candidates else []
    plain = []
    asked = [item for item in world.settings.domains if item.name in caught]
    for entry in asked[:PLAIN_DOMAINS]:
        host, _result = forwarding.choose(world, entry)
        plain += [{"name": entry.name, "host": host}] if host else []
    return {
        "look": module_options(world, candidates or [item["name"] for item in plain]),
        "names": list(dict.fromkeys([*hosts, *(item["host"] for item in plain)])),
        "hosts": [{"name": host} for host in hosts],
        "domains": candidates,
        "plain": plain,
        "internal_domains": sorted(world.accepted()),
        "sent": followed.sent(world),
    }


def _switch_off(world: World, caught: list[GateResult]) -> dict[str, str]:
    """Switch off our own connector if it harms, unless a person has decided otherwise."""
    if not any(result.status == CANNOT for result in decided(world, caught)):
        return {}
    return {
        "name": world.settings.connector_name,
        "comment": own_connector.caught_comment(world),
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
        *(() if refused else (domain_ttl.ttl(world, name),)),
        path_gates.zone_control(world, name),
        sts_gate.mta_sts(world, name),
        *path_gates.shapes(world, name),
        *path_gates.dane(world, name),
        *path_gates.tlsrpt(world, name),
    ]


def _canaries_first(world: World, names: list[str]) -> list[str]:
    """Let only canaries move while one of them has not moved."""
    canaries = {entry.name for entry in world.settings.domains if entry.canary}
    waiting = [name for name in names if name in canaries]
    return waiting or names

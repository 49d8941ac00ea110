# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Name the gates that stand before each step back, and decide what the step may do."""

from __future__ import annotations

import typing as t

from ..._engine.timeline import LOCKDOWN_OFF, MX_RESTORED, Event
from ..._engine.timestamps import iso
from ..._engine.values import host_name
from ..._facts import mail_hosts
from ..gates import forwarding, mta_sts as sts_gate
from ..lockdown import proof, soak
from ..model import change_window as window, looks
from ..model.baseline_view import past_of
from ..model.gate import Evaluation, GateResult, decided, holds, not_looked_at
from ..model.looks import Need
from ..model.registry import Asked, register
from ..model.settings import DomainSettings
from ..model.world import World
from ..rollback import (
    connectors as rollback_connectors,
    gates as rollback_gates,
    path,
    plan as rollback,
)
from ..rollback.domains import MxState

register(
    "rollback",
    Asked(
        "rollback",
        looks_at="something is to be taken back",
        otherwise="never: it says that nothing is",
    ),
    needs=(
        "accepted_domains",
        "email_security",
        "inbound_connectors",
        "mail_hosts",
    ),
)

#: What a way back of MX records relies on, of the tenant.
TENANT = ("accepted_domains", "inbound_connectors")

NOT_AGAIN = "it was not looked at again right before its MX records go back"


def _shown(results: t.Iterable[GateResult]) -> list[GateResult]:
    return [result for result in results if not result.open or result.acknowledged or result.notice]


def _preflight(world: World) -> Evaluation:
    return Evaluation(rollback_gates.baseline(world))


def _window(world: World) -> list[GateResult]:
    return window.gate(world.settings.change_window, world.now)


def _lockdown(world: World) -> Evaluation:
    """Switch the lock-down off first: one that is off refuses nobody, so only the window holds."""
    past = past_of(world)
    step = rollback_connectors.switch_off(world, past)
    results = _window(world) if step["action"] != "none" else [holds("rollback")]
    if not all(result.open for result in results):
        step = {**step, "action": "none"}
    changed = proof.enabled_at(world.connector(step["name"]) or {})
    subject = iso(changed) if changed else ""
    missed = rollback_gates.missed(world, past)
    kept = {"subject": subject, "missed": missed}
    values = {"comment": "", "associated_accepted_domains": [], **kept, **step}
    if step["action"] == "disable":
        values.update(enabled=False, event=LOCKDOWN_OFF)
    elif step["action"] == "narrow":
        values.update(comment="", narrowed={"set": values["associated_accepted_domains"]})
    events = [Event(LOCKDOWN_OFF, step["name"], subject=subject)] if missed else []
    return Evaluation(_shown(results), values, events=events)


def _mx_plan(world: World) -> Evaluation:
    """Look at everything that the way back of the MX records relies on, and say whom to ask."""
    found = _mx(world)
    returned = [Event(MX_RESTORED, name) for name in found.values["returned"]]
    events = [*returned, *sts_gate.to_note(world)]
    probe = found.values["probe"]
    asked = {key: probe[key] for key in ("direct", "internal_domains")} if probe["names"] else {}
    values = {**found.values, "targets": asked}
    return Evaluation(found.results, values, _before_the_way_back(world, found), events)


def _before_the_way_back(world: World, found: Evaluation) -> list[Need]:
    """Return what has to be looked at again: everything, where a domain could go back."""
    needs = world.written()
    if found.values["candidates"]:
        hosts = found.values["probe"]["names"]
        needs += [
            looks.tenant(*TENANT),
            *looks.mx(found.values["candidates"], provider=True, details=True, mail_hosts=hosts),
        ]
    return needs


def _mx_back(world: World) -> Evaluation:
    """Decide whose MX records go back now: only of domains that were looked at again."""
    found = _mx(world)
    ready = found.values["domains"]
    tenant_seen = all(world.looks.again(section) for section in TENANT)
    again = [
        entry
        for entry in ready
        if tenant_seen
        and all(world.looks.again(section, entry["name"]) for section in ("dns", "mta_sts"))
    ]
    late = [not_looked_at(entry["name"], NOT_AGAIN) for entry in ready if entry not in again]
    needs = _before_the_way_back(world, found)
    return Evaluation([*found.results, *late], {**found.values, "domains": again}, needs)


def _mx(world: World) -> Evaluation:
    """Ask what stands before the way back of each domain's MX records.

    C(candidates) are looked at once more before any of them goes back; C(probe) says whom to ask
    whether direct mail is taken. C(returned) went back without a note of the time.
    """
    past, plan = past_of(world), rollback.plan(world)
    away = plan.away()
    kept = {
        "returned": [state.name for state in plan.mx if path.unseen_return(world, state)],
        "sts_seen": sts_gate.first_seen(world),
    }
    if not away:
        nothing = holds("rollback", "", "no MX records are to go back")
        return Evaluation(
            [nothing],
            {"domains": [], "candidates": [], **kept, "probe": {"names": [], "direct": []}},
        )
    asked = [
        *rollback_gates.lockdown_off(world, past),
        *rollback_gates.others_refuse(world, past),
        *_window(world),
    ]
    tenant = decided(world, asked)
    results, ready = list(tenant), []
    for state in away:
        found = decided(
            world, [sts_gate.mta_sts(world, state.name, [item["host"] for item in state.records])]
        )
        results += found
        if all(result.open for result in [*tenant, *found]):
            ready.append(state.wish(records=list(state.records), ttl=state.ttl))
    values = {
        "domains": ready,
        "candidates": [state.wish() for state in away],
        **kept,
        "probe": _probe(world, away),
    }
    return Evaluation(_shown(results), values)


def _probe(world: World, away: list[MxState]) -> dict[str, t.Any]:
    """Plan a delivery to where mail arrives, while a lock-down that is off may still act.

    It goes by the resolvers' addresses, and not to the host of the old MX records: a former gateway
    takes any mail, and hands it to a tenant that may still refuse it.
    """
    connector = world.connector(world.settings.lockdown_connector_name)
    if connector is None or soak.is_on(connector):
        return {"names": [], "direct": [], "internal_domains": []}
    known = world.mail_hosts
    hosts = {state.name: _arrival(world, world.settings.domain(state.name)) for state in away}
    direct = [
        {"name": name, "host": host, "addresses": (known.get(host) or {}).get("addresses") or []}
        for name, host in hosts.items()
        if host
    ]
    return {
        "names": sorted({item["host"] for item in direct}),
        "direct": direct,
        "internal_domains": sorted(world.accepted()),
    }


def _arrival(world: World, entry: DomainSettings) -> str:
    """Return where Area 1 hands the domain's mail on; empty where that is not Microsoft's."""
    transport = host_name(
        (world.if_read.email_security.get(entry.name) or {}).get("transport") or ""
    )
    host = transport or forwarding.choose(world, entry)[0]
    return host if mail_hosts.is_microsoft_host(host) else ""


def _rest(world: World) -> Evaluation:
    """Keep all that Area 1's path needs until no mail can come by it; raise TTLs last."""
    past, plan = past_of(world), rollback.plan(world)
    asked = (
        []
        if plan.empty
        else [
            *path.path_closed(world, past, plan.mx),
            *rollback_gates.may_remove(world, plan.removals),
            *_window(world),
        ]
    )
    results = decided(world, asked)
    go = all(result.open for result in results)
    values = {
        "connectors": plan.connectors if go else [],
        "allow_list": plan.allow_list if go else [],
        "rules": plan.rules if go else [],
        "policies": plan.policies if go else [],
        "quarantine_policies": plan.quarantine_policies if go else [],
        "domains": plan.domains if go else [],
        "ttls": [state.wish(ttl=state.ttl) for state in plan.ttls()] if go else [],
    }
    return Evaluation(_shown(results), values, world.written())


def _verify(world: World) -> Evaluation:
    """Decide whether the plan is empty, which is the end.

    What is left alone and what has no way back is named each time.
    """
    plan = rollback.plan(world)
    connector = world.connector(world.settings.lockdown_connector_name)
    away = {state.name for state in plan.away()}
    values = {
        "domains": {
            state.name: {"switched": state.name in away, "exposed": []} for state in plan.mx
        },
        "locked": connector is not None and soak.is_on(connector),
        "done": plan.empty,
    }
    return Evaluation([*plan.left, *plan.one_way], values, world.written())


EVALUATORS: dict[str, t.Callable[[World], Evaluation]] = {
    "rollback_preflight": _preflight,
    "rollback_lockdown": _lockdown,
    "rollback_mx_plan": _mx_plan,
    "rollback_mx": _mx_back,
    "rollback_rest": _rest,
    "rollback_verify": _verify,
}

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Check which accepted domains still receive mail past Area 1."""

from __future__ import annotations

import datetime

from ..._engine.timestamps import iso
from ..gates.domains import answered
from ..model.gate import GateResult, cannot, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import DomainState, World

register(
    "exposed",
    Asked(
        "lockdown",
        looks_at=(
            "no covered or other accepted domain has, at any name server or resolver, an MX host "
            "that is not Area 1's"
        ),
        otherwise=(
            "not yet; for another domain: cover it or exempt it. Also said of a lock-down that is"
            " on and lets in further addresses, where the domain's mail comes by another gateway:"
            " it may be refused"
        ),
    ),
    needs=(
        "accepted_domains",
        "dns",
    ),
)

register(
    "sub_domains",
    Asked(
        "lockdown",
        looks_at=(
            "no accepted domain takes mail for all its sub-domains (MatchSubDomains) that a "
            "wildcard MX sends past Area 1"
        ),
        otherwise="cannot: remove the wildcard or point it at Area 1, or take MatchSubDomains off",
        acknowledge="yes: that mail may be refused",
    ),
)

register(
    "initial_domains",
    Asked(
        "lockdown",
        looks_at="mail straight to the tenant's initial domains",
        otherwise="a notice: it is refused too",
    ),
    needs=(
        "accepted_domains",
        "dns",
    ),
)


def exposure_results(world: World) -> tuple[list[GateResult], list[DomainState]]:
    """Return an answer for each domain that may not be behind Area 1, and the exposed domains."""
    results, exposed = [], []
    scope_all = world.settings.lockdown_scope == "all"
    for state in world.domain_states():
        if (
            state.kind == "initial"
            or (state.kind == "exempt" and not scope_all)
            or (state.kind == "other" and not scope_all)
        ):
            continue
        silent = answered(world, state.name)
        if not silent.open and not state.no_mail:
            results.append(silent)
        if state.exposed:
            exposed.append(state)
            hint = (
                "It moves with the MX phase, or its caches have not run out."
                if state.kind == "covered"
                else (
                    "Add it to area1_domains, or exempt it with area1_lockdown_scope: covered and"
                    " area1_lockdown_exempt_domains."
                )
            )
            message = "mail for it still reaches Microsoft past Area 1: %s" % "; ".join(
                state.exposed
            )
            results.append(
                not_yet(
                    "exposed", state.name, message, until=_caches_run_out(world, state), hint=hint
                )
            )
        elif state.unknown and not state.no_mail:
            results.append(
                not_yet(
                    "name_server",
                    state.name,
                    "not every server could be asked: %s" % "; ".join(state.unknown),
                    hint="It is asked again by the next run.",
                )
            )
        elif state.no_mail and state.kind == "covered":
            results.append(
                not_yet(
                    "exposed",
                    state.name,
                    "it has no MX records at all",
                    hint="Finish the MX phase first.",
                )
            )
        if state.below:
            exposed += [] if state.exposed else [state]
            results.append(_sub_domains(state))
    return results, exposed


def _sub_domains(state: DomainState) -> GateResult:
    """Return the names of odd shape, which a person decides about [CUT-17]."""
    message = (
        "it takes mail for all its sub-domains (MatchSubDomains), and a wildcard sends theirs past"
        " Area 1, to %s" % ", ".join(state.below)
    )
    hint = (
        "The lock-down refuses that mail. Remove the wildcard MX *.%s, or point it at Area 1 and"
        " add those names to Email Security; or take MatchSubDomains off the domain; or put"
        " sub_domains:%s into area1_acknowledge." % (state.name, state.name)
    )
    return cannot("sub_domains", state.name, message, hint)


def _caches_run_out(world: World, state: DomainState) -> str:
    """Return when the last resolver forgets the old records, if only resolvers still have them."""
    if state.kind != "covered" or not world.is_switched(state.name):
        return ""
    view = world.dns.get(state.name) or {}
    left = [
        int(item.get("ttl") or 0)
        for item in view.get("resolvers") or []
        if item.get("status") == "ok"
    ]
    return iso(world.now + datetime.timedelta(seconds=max(left, default=0)))


def initial_domains(world: World) -> list[GateResult]:
    """Report the initial domains, to which direct mail is refused, too, with the scope all.

    Every tenant has them, and they never block.
    """
    names = [state.name for state in world.domain_states() if state.kind == "initial"]
    if world.settings.lockdown_scope != "all" or not names:
        return []
    return [
        noticed(
            "initial_domains",
            ", ".join(names),
            "direct mail to addresses of these is refused too under the lock-down",
        )
    ]

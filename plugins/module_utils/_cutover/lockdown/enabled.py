# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Decide what to do with a lock-down that is on."""

from __future__ import annotations

import typing as t

from ..._engine.address_ranges import outside
from ..._engine.values import as_list, host_name, sender_domain
from ..._facts import mail_hosts
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import DomainState, World
from .exposure import _sub_domains, exposure_results, initial_domains
from .soak import Acknowledged, Decision, let_in, off_comment, soak
from .stamp import parse_stamp

register(
    "lockdown_exposed",
    Asked(
        "lockdown",
        looks_at="the lock-down is not on while a domain is exposed",
        otherwise="cannot, as the first line of the summary: mail is being refused now",
        acknowledge=(
            "yes, for one run: it switches the lock-down off, with the reason in the comment; the"
            " soak starts anew once no domain is exposed"
        ),
    ),
    needs=(
        "accepted_domains",
        "dns",
        "tenant",
    ),
)


def decide_enabled(
    world: World,
    connector: dict[str, t.Any],
    blocked: t.Sequence[GateResult],
    acknowledged: Acknowledged,
) -> Decision:
    """Decide about a lock-down that is on.

    It is judged by the domains to which it is limited, not by the wanted ones, and never widened
    without a soak.
    """
    name = str(connector.get("Name"))
    inside = {host_name(item) for item in as_list(connector.get("AssociatedAcceptedDomains"))}
    present = tuple(sorted(inside))
    locked = [
        state
        for state in world.domain_states()
        if state.kind != "initial" and (not inside or state.name in inside)
    ]
    past = [state for state in locked if state.exposed]
    below = [_sub_domains(state) for state in locked if state.below]
    found = tuple(
        acknowledged([*(_losing_mail(world, connector, state) for state in past), *below])
    )
    given_up = tuple(
        result for result in found if result.gate == "lockdown_exposed" and result.acknowledged
    )
    if given_up:
        return Decision(
            "unstage",
            given_up,
            off_comment(world, "switched off as decided", past),
            associated=present,
        )
    losing = any(result.gate == "lockdown_exposed" for result in found)
    if losing or not world.settings.lockdown:
        left = noticed(
            "lockdown", name, "it is on although area1_lockdown is false; it is left as it is"
        )
        action = "keep" if world.settings.lockdown else "none"
        comment = _without_stamp(world, connector) if losing and action == "keep" else ""
        return Decision(action, found or (left,), comment, enabled=True, associated=present)
    notices = (*_extra_senders(world, connector), *initial_domains(world))
    wanted = tuple(world.covered()) if world.settings.lockdown_scope == "covered" else ()
    if not inside or (wanted and set(wanted) <= inside):
        return Decision(
            "keep",
            (holds("lockdown", name, "is on"), *found, *notices),
            _final_comment(world, connector),
            True,
            associated=wanted,
        )
    exposure, exposed = exposure_results(world)
    waiting = [result for result in acknowledged([*exposure, *blocked]) if not result.open]
    if waiting:
        comment = _without_stamp(world, connector) if exposed else ""
        return Decision("keep", (*waiting, *notices), comment, enabled=True, associated=present)
    return soak(world, connector, wanted, list(notices), acknowledged, present)


def _final_comment(world: World, connector: t.Mapping[str, t.Any]) -> str:
    """Return the tutorial's comment in place of ours or of none; somebody else's comment stays."""
    present = str(connector.get("Comment") or "")
    return (
        str(world.settings.lockdown_comment) if not present or "[mailflow.area1:" in present else ""
    )


def _without_stamp(world: World, connector: t.Mapping[str, t.Any]) -> str:
    """Return the comment without its stamp, so that the soak of a widening starts anew.

    This is for a domain that fell back meanwhile.
    """
    stamped = parse_stamp(connector.get("Comment")) is not None
    return str(world.settings.lockdown_comment) if stamped else ""


def _extra_senders(world: World, connector: t.Mapping[str, t.Any]) -> list[GateResult]:
    domains = sorted({sender_domain(value) for value in as_list(connector.get("SenderDomains"))})
    if "*" not in domains:
        message = (
            "it is for the sender domains %s only; all others may still deliver directly"
            % ", ".join(domains)
        )
        return [noticed("lockdown", str(connector.get("Name")), message)]
    return let_in(world, connector)


def _losing_mail(world: World, connector: t.Mapping[str, t.Any], state: DomainState) -> GateResult:
    """Report a domain whose mail the lock-down refuses, or may refuse.

    An adopted lock-down may also serve an earlier gateway, whose sending addresses its MX records
    do not tell.
    """
    name = str(connector.get("Name"))
    others = outside(as_list(connector.get("SenderIPAddresses")), world.settings.egress)
    if others and not any(mail_hosts.is_microsoft_host(host) for host in state.hosts):
        message = (
            "mail for it comes by way of %s; the lock-down refuses it unless that sends from %s"
            % ("; ".join(state.exposed), ", ".join(others))
        )
        hint = (
            "Move its MX records to Area 1. If its mail is refused meanwhile, add the addresses"
            " that it is sent from to the connector %r." % name
        )
        return not_yet("exposed", state.name, message, hint=hint)
    return cannot(
        "lockdown_exposed",
        state.name,
        "THE LOCK-DOWN IS ON AND MAIL FOR THIS DOMAIN IS BEING REFUSED: %s"
        % "; ".join(state.exposed),
        "Disable the connector %r now, or move the domain's MX records to Area 1. With"
        " lockdown_exposed:%s in area1_acknowledge the next run switches it off."
        % (name, state.name),
    )

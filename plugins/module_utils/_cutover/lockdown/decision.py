# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What to do with the lock-down connector: stage it, wait, enable it, or leave it.

The stamp in its comment is the soak's clock, which survives any runner. Order and conditions:
[CUT-2.1] and [CUT-2.5].
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.address_ranges import outside
from ..._engine.timestamps import iso
from ..._engine.values import as_list, boolean, host_name, sender_domain
from ..._facts import area1_hosts as presets
from ..gates import direct_senders
from ..gates.connectors import restricts_by_address
from ..model import change_window as window
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.world import DomainState, World
from .exposure import _sub_domains, exposure_results, initial_domains
from .stamp import SWITCHED_OFF, Stamp, digest, due_time, parse_stamp, stamp_problem

#: Opens the gates that a person decided about.
Acknowledged = t.Callable[[t.Iterable[GateResult]], t.Iterable[GateResult]]


@dataclasses.dataclass(frozen=True)
class Decision:
    """A decision about the lock-down connector.

    ``action`` is none, stage, unstage, enable or keep. ``comment`` "" keeps the present comment.
    ``enabled`` is the wanted state, ``associated`` the accepted domains to which the connector is
    to be limited (none: all).
    """

    action: str
    results: tuple[GateResult, ...]
    comment: str = ""
    enabled: bool = False
    due: str = ""
    associated: tuple[str, ...] = ()
    #: Whether only the message trace and the change window are left to check, and the start of the
    #: trace for each domain.
    ready: bool = False
    trace_since: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_data(self) -> dict[str, t.Any]:
        return {
            "action": self.action,
            "comment": self.comment,
            "enabled": self.enabled,
            "due": self.due,
            "associated_accepted_domains": list(self.associated),
            "ready": self.ready,
            "trace_since": dict(self.trace_since),
        }


def decide(world: World, blocked: t.Sequence[GateResult], acknowledged: Acknowledged) -> Decision:
    """Decide what to do with the lock-down connector now.

    ``blocked`` are the other gates that must hold before it is enabled.
    """
    name = world.settings.lockdown_connector_name
    connector = world.connector(name)
    if connector is not None and is_on(connector):
        return _enabled(world, connector, blocked, acknowledged)
    if not world.settings.lockdown:
        return Decision("none", (holds("lockdown", name, "not wanted (area1_lockdown is false)"),))
    exposure, exposed = exposure_results(world)
    let_in = (
        _let_in(world, {**connector, "RequireTls": True}) if connector else []
    )  # as enabling sets it
    results = [
        *acknowledged([*exposure, *blocked, *_switched_off(connector)]),
        *let_in,
        *initial_domains(world),
    ]
    waiting = [result for result in results if not result.open]
    if waiting:
        held = {result.object for result in waiting}
        return _hold_back(
            world, connector, waiting, [state for state in exposed if state.name in held]
        )
    scope = tuple(world.covered()) if world.settings.lockdown_scope == "covered" else ()
    return _soak(
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


def is_on(connector: t.Mapping[str, t.Any]) -> bool:
    return boolean(connector.get("Enabled")) is True and restricts_by_address(connector)


def _enabled(
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
            _off_comment(world, "switched off as decided", past),
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
    return _soak(world, connector, wanted, list(notices), acknowledged, present)


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
    return _let_in(world, connector)


def _let_in(world: World, connector: t.Mapping[str, t.Any]) -> list[GateResult]:
    """Report senders that an administrator let in besides Area 1.

    It is not known whether they send with TLS, and without it they are refused.
    """
    extra = outside(as_list(connector.get("SenderIPAddresses")), world.settings.egress)
    message = "it also lets in %s, which are not of Area 1" % ", ".join(extra)
    if boolean(connector.get("RequireTls")) is True:
        message += (
            ", with TLS only: what sends from there without TLS is refused, and needs a connector"
            " of its own or a way by Area 1"
        )
    return [noticed("lockdown", str(connector.get("Name")), message)] if extra else []


def _losing_mail(world: World, connector: t.Mapping[str, t.Any], state: DomainState) -> GateResult:
    """Report a domain whose mail the lock-down refuses, or may refuse.

    An adopted lock-down may also serve an earlier gateway, whose sending addresses its MX records
    do not tell.
    """
    name = str(connector.get("Name"))
    others = outside(as_list(connector.get("SenderIPAddresses")), world.settings.egress)
    if others and not any(presets.is_microsoft_host(host) for host in state.hosts):
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
        return Decision("unstage", tuple(waiting), _off_comment(world, "soak interrupted", exposed))
    return Decision("none", tuple(waiting))


def _off_comment(world: World, what: str, exposed: t.Sequence[DomainState]) -> str:
    """Return a comment that tells an administrator why the connector is off.

    It has no stamp, so that the soak starts anew.
    """
    names = ", ".join(state.name for state in exposed[:3]) + (
        " and others" if len(exposed) > 3 else ""
    )
    base = world.settings.lockdown_comment
    return "%s. [mailflow.area1: %s %s, exposed: %s. Disabled on purpose]" % (
        base,
        what,
        iso(world.now),
        names,
    )


def _soak(
    world: World,
    connector: dict[str, t.Any] | None,
    wanted: tuple[str, ...],
    results: list[GateResult],
    acknowledged: Acknowledged,
    present: tuple[str, ...] = (),
) -> Decision:
    """Stage, wait, enable.

    With ``present`` the connector is on for these domains and is to be widened to ``wanted``.
    """
    name, base = world.settings.lockdown_connector_name, world.settings.lockdown_comment
    stamp = parse_stamp(connector.get("Comment")) if connector else None
    problem = stamp_problem(stamp, connector, world) if connector else "it does not exist yet"
    if stamp is None or problem:
        due = due_time(world, world.now, None)
        fresh = Stamp(
            world.now,
            due,
            len(world.covered()),
            digest(world.tenant["id"], world.covered(), world.now),
        )
        anew = " anew (%s)" % problem if connector and not present else ""
        what = (
            "to be widened to further domains"
            if present
            else "staged%s, switched off on purpose" % anew
        )
        waits = not_yet(
            "soak",
            name,
            "%s; the soak ends %s" % (what, iso(due)),
            iso(due),
            hint="Run again after that time.",
        )
        comment = fresh.comment(base, "Widening waits") if present else fresh.comment(base)
        action = "keep" if present else "stage"
        return Decision(
            action, (*results, waits), comment, bool(present), iso(due), present or wanted
        )
    due = due_time(world, stamp.staged, stamp.due)
    if world.now < due:
        message = "staged since %s; the soak ends %s" % (iso(stamp.staged), iso(due))
        waits = not_yet("soak", name, message, iso(due), hint="Run again after that time.")
        return Decision("keep", (*results, waits), "", bool(present), iso(due), present or wanted)
    over = holds("soak", name, "over since %s" % iso(due))
    since = direct_senders.since(world, stamp.staged)
    last = [
        *acknowledged(direct_senders.gate(world, since)),
        *window.gate(world.settings.change_window, world.now),
    ]
    shown = [result for result in last if not result.open or result.acknowledged or result.notice]
    if any(not result.open for result in last):
        return Decision(
            "keep",
            (*results, over, *shown),
            "",
            bool(present),
            iso(due),
            present or wanted,
            ready=True,
            trace_since=since,
        )
    return Decision(
        "enable",
        (*results, over, *shown),
        base,
        True,
        iso(due),
        wanted,
        ready=True,
        trace_since=since,
    )

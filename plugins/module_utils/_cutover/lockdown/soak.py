# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The lock-down's next step: stage, wait for the soak, enable."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.address_ranges import outside
from ..._engine.timestamps import iso
from ..._engine.values import as_list, boolean
from ..gates import direct_senders
from ..gates.foreign import restricts_by_address
from ..model import change_window as window
from ..model.gate import GateResult, holds, not_yet, noticed
from ..model.world import DomainState, World
from .stamp import Stamp, digest, due_time, parse_stamp, stamp_problem

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


def is_on(connector: t.Mapping[str, t.Any]) -> bool:
    return boolean(connector.get("Enabled")) is True and restricts_by_address(connector)


def let_in(world: World, connector: t.Mapping[str, t.Any]) -> list[GateResult]:
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


def off_comment(world: World, what: str, exposed: t.Sequence[DomainState]) -> str:
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


def soak(
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

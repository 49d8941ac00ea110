# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What Microsoft 365 answers to Area 1 for domains that have moved.

It is looked at before others follow, and until the lock-down. Sources: [CUT-33] and [CUT-34] (halt
the wave); [EXO-2.7] (RejectDirectSend).
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ..._engine.timeline import SWITCHED
from ..._engine.timestamps import iso, parse_time
from ..evidence import message_trace
from ..evidence.area1_log import LOCKED, LOOK_BACK, TAKEN, handed_on, messages
from ..evidence.caught_mail import acts_since
from ..model.gate import NOT_CHECKED, GateResult, cannot, not_yet
from ..model.registry import Asked, register
from ..model.world import World
from . import soak, stamp

register(
    "delivery_refused",
    Asked(
        "switch",
        looks_at=(
            "Area 1's log of the last day shows no mail of it that Microsoft 365 refused for "
            "good. What every domain gets (a mailbox that does not exist or is full, a message "
            "too large) does not count. Looked at in every run from the first switch to the "
            "lock-down, also where all domains have moved"
        ),
        otherwise="cannot: no other domain moves; names the answer, and until when it counts",
        acknowledge="yes, `delivery_refused:DOMAIN`, once it is explained or mended",
        object="a domain that has moved",
    ),
)

register(
    "canary_mail",
    Asked(
        "switch",
        looks_at=(
            "before the first of the other domains moves, Area 1's log or the message trace shows"
            " mail of each canary that Microsoft 365 took from Area 1"
        ),
        otherwise=(
            "not yet: send it a mail from outside. Not checked where Area 1's log cannot be read"
        ),
        acknowledge="yes, `canary_mail:DOMAIN`",
        object="a canary domain",
    ),
)

REFUSED, CANARY = "delivery_refused", "canary_mail"
#: A refusal holds the others for so long: nobody can tell from the log alone that its cause is
#: gone.
COUNTS = datetime.timedelta(days=1)
#: Mail given up for good, with the enhanced code where the server named one.
PERMANENT = re.compile(
    r"(?<![\w.])(5\.\d{1,3}\.\d{1,3})(?![\d.])|(?:^|\(|said: ?)5\d\d[ -]|status=bounced",
    re.IGNORECASE,
)
#: Of one mailbox or one message, as every domain gets them; 5.4.1 is Microsoft's word for a
#: recipient that does not exist, too.
ORDINARY = re.compile(r"5\.(?:1\.(?:1|10)|2\.\d{1,3}|3\.4|4\.1|6\.\d{1,3})$")

Message = t.Mapping[str, t.Any]


def to_read(world: World) -> dict[str, t.Any]:
    """Return since when each trace is to be read.

    Area 1's is read for domains that moved, until the proof of the lock-down reads it; Exchange's
    while others have not moved.
    """
    names = world.covered()
    moved = [name for name in names if world.is_switched(name)]
    acts = acts_since(world)
    connector = world.connector(world.settings.lockdown_connector_name)
    locked = connector is not None and soak.is_on(connector)
    since = iso(max(acts or world.now - LOOK_BACK, world.now - LOOK_BACK))
    return {
        "since": since,
        "moved": moved if len(moved) < len(names) or not locked else [],
        "trace": len(moved) < len(names) and (bool(moved) or acts is not None),
        "entries": list(world.settings.egress),
    }


def refused(world: World) -> list[GateResult]:
    """Check that Microsoft 365 does not refuse mail of a moved domain for good.

    Otherwise no other domain follows.
    """
    moved = [name for name in world.covered() if world.is_switched(name)]
    off = _switched_off(world)
    found: dict[str, list[tuple[datetime.datetime, str]]] = {}
    for message in messages(world):
        lines = [
            (at, text)
            for at, text in handed_on(message)
            if at > world.now - COUNTS and _is_refusal(text)
        ]
        lines = [
            (at, text) for at, text in lines if off is None or at > off or not LOCKED.search(text)
        ]
        for name in [name for name in message.get("domains") or [] if name in moved]:
            found.setdefault(name, []).extend(lines)
    return [_refusal(name, max(lines), len(lines)) for name, lines in found.items() if lines]


def _switched_off(world: World) -> datetime.datetime | None:
    """Return when the proof switched our lock-down off; its refusals have a gate of their own."""
    connector = world.connector(world.settings.lockdown_connector_name) or {}
    found = stamp.SWITCHED_OFF.search(str(connector.get("Comment") or ""))
    return parse_time(found["at"]) if found else None


def _is_refusal(text: str) -> bool:
    found = PERMANENT.findall(text)
    codes = [code for code in found if code]
    return bool(found) and not (codes and all(ORDINARY.match(code) for code in codes))


def _refusal(name: str, last: tuple[datetime.datetime, str], count: int) -> GateResult:
    at, text = last
    return cannot(
        REFUSED,
        name,
        "Microsoft 365 refuses mail of it that Area 1 brings (%d of the latest ones; %s: %s)"
        % (count, iso(at), text[:200]),
        "No other domain moves. Find the cause by the code in the answer, or take its MX records"
        " back with rollback.yml. What was refused counts until %s; once it is explained or mended,"
        " %s:%s in area1_acknowledge goes on." % (iso(at + COUNTS), REFUSED, name),
    )


def canaries(world: World) -> list[GateResult]:
    """Check that Microsoft 365 took mail of each canary from Area 1, before the others move."""
    marked = [entry.name for entry in world.settings.domains if entry.canary]
    others = [name for name in world.covered() if name not in marked]
    if not all(world.is_switched(name) for name in marked) or any(
        world.is_switched(name) for name in others
    ):
        return []
    return [_canary(world, name) for name in marked if not _taken(world, name)]


def _canary(world: World, name: str) -> GateResult:
    since = iso(_since(world, name))
    ask = "Send it a mail from outside and run again, or put %s:%s into area1_acknowledge" % (
        CANARY,
        name,
    )
    trace = world.area1_trace
    if trace.get("error"):
        message = (
            "whether Microsoft 365 takes its mail from Area 1 is not known, Area 1's log could not"
            " be read (%s)" % trace["error"]
        )
        return GateResult(CANARY, NOT_CHECKED, name, message)
    message = (
        "it is the canary, and no mail of it that Microsoft 365 took from Area 1 since %s was seen"
        " yet: the other domains wait for one" % since
    )
    return not_yet(CANARY, name, message, hint="%s." % ask)


def _taken(world: World, name: str) -> bool:
    since = _since(world, name)
    for message in [item for item in messages(world) if name in (item.get("domains") or [])]:
        if any(
            at >= since and TAKEN.search(text) and not PERMANENT.search(text)
            for at, text in handed_on(message)
        ):
            return True
    groups = world.message_trace.get("groups") or []
    return (
        message_trace.through(
            world, [group for group in groups if group.get("domain") == name], since
        )
        > 0
    )


def _since(world: World, name: str) -> datetime.datetime:
    """Return when the domain moved, as far as that is known and can still be read."""
    moments = world.timeline.moments(SWITCHED, domain=name)
    return max([*moments[-1:], world.now - LOOK_BACK])

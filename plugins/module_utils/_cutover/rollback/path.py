# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on Area 1's path: whether mail may still come by it after the MX records went back."""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.timeline import (
    MX_RESTORED,
    SWITCHED,
    TTL_LOWERED,
    Event,
)
from ..._engine.timestamps import iso, parse_time
from ..lockdown.stamp import TOLERANCE
from ..model.baseline_view import at_gateway
from ..model.gate import GateResult, holds, not_yet
from ..model.registry import Asked, register
from ..model.world import World
from .domains import MxState

register(
    "area1_path",
    Asked(
        "rollback",
        looks_at=(
            "no domain's mail goes to Area 1, and no server or cache answers its hosts. Domains "
            "that pointed there before us do not count"
        ),
        otherwise="not yet, until the cache forgets",
    ),
    needs=(
        "dns",
        "dns_provider",
        "history",
        "timeline",
    ),
)


def path_closed(world: World, past: World, states: t.Sequence[MxState]) -> list[GateResult]:
    """Check that no mail comes through Area 1 any more.

    Nobody answers its hosts, and the caches of its sets have expired.
    """
    # While some domain's mail is still sent there, what caches hold is no question yet.
    results = _away(world, states) or [*_answers(world, past), *_caches(world, states)]
    return results or [holds("area1_path", "", "no mail comes through Area 1 any more")]


def _away(world: World, states: t.Sequence[MxState]) -> list[GateResult]:
    hint = "It goes back once its own gates hold."
    found = [
        not_yet("area1_path", state.name, "its mail still goes to Area 1", hint=hint)
        for state in states
        if state.state == "away"
    ]
    for state in states:
        if state.state == "left" and not state.gateway and at_gateway(world, state.expect):
            message = (
                "its MX records point at Area 1, and are not ours: what its mail needs stays in"
                " place"
            )
            found.append(
                not_yet(
                    "area1_path", state.name, message, hint="Move its MX records, then run again."
                )
            )
    return found


def _answers(world: World, past: World) -> list[GateResult]:
    results = []
    for name, view in sorted(world.dns.items()):
        if at_gateway(past, (past.if_read.dns.get(name) or {}).get("records")):
            continue
        servers = [*(view.get("name_servers") or []), *(view.get("resolvers") or [])]
        late = [item for item in servers if at_gateway(world, item.get("records"))]
        silent = [
            item for item in servers if item.get("status") not in ("ok", "nodata", "nxdomain")
        ]
        if late:
            labels = ", ".join(str(item.get("name") or item.get("address")) for item in late)
            left = max(
                (int(item.get("ttl") or 0) for item in view.get("resolvers") or [] if item in late),
                default=0,
            )
            until = iso(world.now + datetime.timedelta(seconds=left)) if left else ""
            results.append(
                not_yet(
                    "area1_path",
                    name,
                    "still answered with hosts of Area 1: %s" % labels,
                    until,
                    "Caches run out.",
                )
            )
        elif silent and name in world.covered():
            labels = ", ".join(
                "%s: %s" % (item.get("name") or item.get("address"), item.get("status"))
                for item in silent
            )
            results.append(
                not_yet(
                    "name_server",
                    name,
                    "not every server answers: %s" % labels,
                    hint="It is asked again by the next run.",
                )
            )
    return results


def _caches(world: World, states: t.Sequence[MxState]) -> list[GateResult]:
    results = []
    for state in states:
        until = caches_until(world, state)
        if until is not None and until > world.now:
            message = "caches may hold the records of Area 1 until %s" % iso(until)
            results.append(
                not_yet("old_ttl", state.name, message, iso(until), "Run again after that time.")
            )
    return results


def caches_until(world: World, state: MxState) -> datetime.datetime | None:
    """Return when the last cache forgets Area 1's set: its TTL after the old set came back.

    The time line counts, else the record's own date.
    """
    if state.state != "back" or state.gateway:
        return None
    moves, held = _moves(world, state), world.dns_provider.get(state.name) or {}
    modified = parse_time(held.get("modified_on"))
    lowered = world.timeline.moments(TTL_LOWERED, domain=state.name)
    explained = not moves and any(
        modified and abs(modified - moment) <= TOLERANCE for moment in lowered
    )
    known = [moves[-1].moment] if moves else []
    known += [] if explained else [modified]
    known += [world.now] if unseen_return(world, state) else []
    moments = [moment for moment in known if moment is not None]
    if not moments:
        return None
    ttls = [event.ttl for event in moves if event.ttl]
    ttls.append(int(_at_area1(world, state).get("ttl") or 0))
    longest = max(
        [
            int(world.settings.mx_ttl),
            int(world.settings.mx_final_ttl or 0),
            int(held.get("min_ttl") or 0),
            *ttls,
        ]
    )
    return max(moments) + datetime.timedelta(seconds=longest)


def unseen_return(world: World, state: MxState) -> bool:
    """Return whether a domain is back, and nothing says since when.

    It was put back by hand, or by a run that died before it recorded the time.
    """
    held = world.dns_provider.get(state.name) or {}
    if state.state != "back" or state.gateway or parse_time(held.get("modified_on")):
        return False
    moves, left = _moves(world, state), parse_time(_at_area1(world, state).get("last"))
    if not moves:
        return left is not None
    moved = moves[-1].moment
    return moves[-1].event == SWITCHED or (left is not None and (moved is None or moved < left))


def _moves(world: World, state: MxState) -> list[Event]:
    return world.timeline.of(SWITCHED, MX_RESTORED, domain=state.name)


def _at_area1(world: World, state: MxState) -> dict[str, t.Any]:
    """Return when a snapshot last showed the domain at Area 1, and its longest TTL then."""
    return dict((world.history.get("at_area1") or {}).get(state.name) or {})

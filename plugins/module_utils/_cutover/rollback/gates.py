# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What must hold before each step back, in the order of risk [CUT-3.2]."""

from __future__ import annotations

import datetime
import re
import typing as t

from ..._engine.timeline import (
    DIRECT_REFUSED,
    LOCKDOWN_OFF,
    MX_RESTORED,
    PROVEN,
    SWITCHED,
    TTL_LOWERED,
    Event,
)
from ..._engine.timestamps import iso, parse_time
from ..._engine.values import as_list, boolean, host_name
from ..._facts import area1_hosts as presets
from ..gates import connectors as connector_gates, tenant as gates
from ..lockdown import decision as lockdown
from ..model.baseline_view import at_gateway
from ..model.gate import GateResult, cannot, holds, not_yet
from ..model.world import World, changed_at
from .domains import MxState, mx_states

OFF = re.compile(r"\[mailflow\.area1: rollback, switched off (?P<at>[0-9TZ:-]+)\]")
TOLERANCE = datetime.timedelta(minutes=2)
#: In the time line: our switch-off, and the first look that missed a lock-down which somebody
#: deleted.
#: The probe's verdicts that say something.
LOCKED, OPEN = "locked", "open"


def baseline(world: World) -> list[GateResult]:
    state = world.baseline_state
    if state.get("status") in ("found", "given"):
        return [holds("rollback_baseline", "", str(state.get("message") or ""))]
    hint = (
        "Give the directory in area1_snapshot_dir, or the baseline in area1_baseline as the"
        " deployment's job returned it."
    )
    message = (
        "there is no baseline in %s: what was there before is not known, and nothing is undone by"
        " guessing"
    )
    return [cannot("rollback_baseline", "", message % state.get("directory"), hint)]


def may_remove(world: World, removals: t.Iterable[str]) -> list[GateResult]:
    """Check the permissions to remove objects.

    Switching the lock-down off and restoring MX records needs none of them.
    """
    denied = world.permissions.get("removals") or []
    missing = [name for name in removals if name in denied]
    if not missing:
        return []
    return [
        cannot(
            "permissions",
            "Exchange Online",
            "the application may not run %s" % ", ".join(missing),
            gates.ROLE_HINT,
        )
    ]


def lockdown_off(world: World, past: World) -> list[GateResult]:
    """Check that direct mail is accepted again: Exchange takes up to an hour [CUT-4.1]."""
    name, minutes = world.settings.lockdown_connector_name, world.settings.settle_minutes
    connector = world.connector(name)
    was_on = lockdown.is_on(past.connector(name) or {})
    if connector is None:
        return [_gone(world, past, name)]
    if lockdown.is_on(connector) and not was_on:
        return [
            not_yet(
                "lockdown_off",
                name,
                "it is on and would refuse direct mail",
                hint="It is switched off first.",
            )
        ]
    since = _since(world, connector)
    until = None if since is None else since + datetime.timedelta(minutes=minutes)
    verdict, domains = _probed(world, past)
    if verdict == LOCKED:
        return [_still_refused(name, domains, until, world.now)]
    if verdict == OPEN and since is not None and _was_acting(world, name, since):
        return [holds("lockdown_off", name, "direct mail is accepted (probe)")]
    if until is None or since is None:
        if "lockdown" in world.changed_here():
            message = (
                "switched off by this run; Exchange is given %d minutes to act on it" % minutes
            )
            return [
                not_yet("lockdown_off", name, message, hint="Run again in %d minutes." % minutes)
            ]
        return [holds("lockdown_off", name, "it is off")]
    if until > world.now:
        message = "changed %s; Exchange is given %d minutes to act on it" % (iso(since), minutes)
        if verdict == OPEN:
            message += (
                ". The probe's mail is accepted, but this lock-down was not seen to refuse any"
                " before: it may still begin to"
            )
        return [not_yet("lockdown_off", name, message, iso(until), "Run again after that time.")]
    return [holds("lockdown_off", name, "off since %s" % iso(since))]


def _gone(world: World, past: World, name: str) -> GateResult:
    """Return the answer for a lock-down that somebody deleted.

    A deletion takes as long to act as a switch-off. Nobody says when it was: the wait counts from
    the first look that missed it.
    """
    if _last_there(world, past, name) is None:
        return holds("lockdown_off", name, "it does not exist")
    minutes = world.settings.settle_minutes
    since = world.now if missed(world, past) else _last_off(world, name) or world.now
    until = since + datetime.timedelta(minutes=minutes)
    if until <= world.now:
        return holds("lockdown_off", name, "gone since %s" % iso(since))
    message = (
        "somebody deleted it; Exchange is given %d minutes to act on it, counted from when a run"
        " first missed it" % minutes
    )
    return not_yet(
        "lockdown_off",
        name,
        message,
        iso(until),
        "Run again after that time, with the same area1_snapshot_dir: it holds when that was.",
    )


def missed(world: World, past: World) -> bool:
    """Return whether this is the first run that misses a lock-down that may have been on.

    It matters while MX records are to go back.
    """
    name = world.settings.lockdown_connector_name
    there, off = _last_there(world, past, name), _last_off(world, name)
    return (
        world.connector(name) is None
        and there is not None
        and (off is None or off < there)
        and bool(_names_away(world, past))
    )


def _last_there(world: World, past: World, name: str) -> datetime.datetime | None:
    """Return when it was last seen on or to be switched on, by snapshot, proof or baseline."""
    moments = [parse_time((world.history.get("restricting") or {}).get(name.lower()))]
    moments += world.timeline.moments(DIRECT_REFUSED, PROVEN, domain=name)
    if lockdown.is_on(past.connector(name) or {}):
        moments.append(parse_time(world.baseline.get("taken")))
    return max((moment for moment in moments if moment is not None), default=None)


def _last_off(world: World, name: str) -> datetime.datetime | None:
    return max(world.timeline.moments(LOCKDOWN_OFF, domain=name), default=None)


def _was_acting(world: World, name: str, since: datetime.datetime) -> bool:
    """Return whether it was seen to refuse mail in the state that the switch-off ended.

    Without that, accepted mail may only mean that Exchange has not acted on the switch-on yet.
    """
    ended = world.timeline.last(LOCKDOWN_OFF, domain=name) or Event(LOCKDOWN_OFF, name)
    untouched = ended.moment is not None and since <= ended.moment + TOLERANCE
    if not untouched or not ended.subject:
        return False
    return bool(world.timeline.of(DIRECT_REFUSED, domain=name, subject=ended.subject))


def _since(world: World, connector: t.Mapping[str, t.Any]) -> datetime.datetime | None:
    """Return the service's own date of the switch-off, else that of our stamp.

    Whoever touches the connector makes the wait longer, never shorter.
    """
    match = OFF.search(str(connector.get("Comment") or ""))
    stamped = parse_time(match["at"]) if match else None
    changed = changed_at(connector)
    known = [
        moment
        for moment in (stamped, changed)
        if moment is not None and moment <= world.now + TOLERANCE
    ]
    return max(known) if known else None


def _probed(world: World, past: World) -> tuple[str, list[str]]:
    """Return (verdict, domains) of this run's probe.

    Only a message that Microsoft 365 took, or a connector's refusal, is evidence.
    """
    seen = world.smtp.get("direct") or {}
    verdicts = {
        domain: str(row.get("verdict"))
        for domain, row in seen.items()
        if presets.is_microsoft_host(row.get("host"))
    }
    locked, away = (
        sorted(name for name in world.covered() if verdicts.get(name) == LOCKED),
        _names_away(world, past),
    )
    if locked:
        return LOCKED, locked
    return (OPEN, away) if away and all(verdicts.get(name) == OPEN for name in away) else ("", [])


def _names_away(world: World, past: World) -> list[str]:
    return [state.name for state in mx_states(world, past, []) if state.state == "away"]


def _still_refused(
    name: str, domains: t.Sequence[str], until: datetime.datetime | None, now: datetime.datetime
) -> GateResult:
    message = "direct mail for %s is still refused (5.7.51)" % ", ".join(domains)
    if until is not None and until > now:
        return not_yet(
            "lockdown_off",
            name,
            message,
            iso(until),
            "Exchange takes up to an hour; run again later.",
        )
    return not_yet(
        "lockdown_off", name, message, hint="Its time is over: does another connector refuse it?"
    )


def others_refuse(world: World, past: World) -> list[GateResult]:
    """Check that no new connector of somebody else would refuse direct mail."""
    ours = {
        world.settings.connector_name.lower(),
        world.settings.lockdown_connector_name.lower(),
    }
    results = []
    for item in world.inbound_connectors:
        name = str(item.get("Name"))
        restricts = (
            connector_gates.restricts_by_address(item)
            or boolean(item.get("RestrictDomainsToCertificate")) is True
        )
        if name.lower() in ours or not restricts or boolean(item.get("Enabled")) is False:
            continue
        inside = {host_name(domain) for domain in as_list(item.get("AssociatedAcceptedDomains"))}
        if inside and not inside & set(world.covered()):
            continue
        before = past.connector(name)
        if (
            before is not None
            and boolean(before.get("Enabled")) is not False
            and _same_restriction(before, item)
        ):
            continue
        message = (
            "this connector came or was changed since the baseline, and refuses mail that does not"
            " come from its own servers"
        )
        hint = (
            'Disable it (Set-InboundConnector -Identity "%s" -Enabled $false), or put'
            " restricting_connector:%s into area1_acknowledge."
        )
        results.append(cannot("restricting_connector", name, message, hint % (name, name)))
    return results or [holds("restricting_connector")]


def _same_restriction(before: t.Mapping[str, t.Any], now: t.Mapping[str, t.Any]) -> bool:
    names = ("RestrictDomainsToIPAddresses", "RestrictDomainsToCertificate")
    return all(boolean(before.get(name)) is boolean(now.get(name)) for name in names)


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

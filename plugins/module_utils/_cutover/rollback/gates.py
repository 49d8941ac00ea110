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
    PROVEN,
    Event,
)
from ..._engine.timestamps import iso, parse_time
from ..._engine.values import as_list, boolean, host_name
from ..._facts import mail_hosts
from ..gates import foreign, tenant as gates
from ..lockdown.soak import is_on
from ..lockdown.stamp import TOLERANCE
from ..model.gate import GateResult, cannot, holds, not_yet
from ..model.registry import Asked, register
from ..model.world import World, changed_at
from .domains import mx_states

register(
    "rollback_baseline",
    Asked(
        "rollback",
        looks_at="there is a baseline, whole and of this tenant",
        otherwise="cannot: give the directory or the baseline",
    ),
    needs=("baseline_state",),
)

register(
    "lockdown_off",
    Asked(
        "rollback",
        looks_at=(
            "the lock-down is off, and `area1_settle_minutes` have passed since its last change; "
            "or, sooner, the probe sees a message taken at Microsoft's own hosts for every domain"
            " that is to go back, and this lock-down was seen to refuse direct mail before. One "
            "that somebody deleted counts from the first run that missed it"
        ),
        otherwise="not yet, until then. A probe that sees 5.7.51 holds it beyond",
    ),
    needs=(
        "baseline",
        "history",
        "inbound_connectors",
        "smtp",
        "timeline",
    ),
)


OFF = re.compile(r"\[mailflow\.area1: rollback, switched off (?P<at>[0-9TZ:-]+)\]")
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
    was_on = is_on(past.connector(name) or {})
    if connector is None:
        return [_gone(world, past, name)]
    if is_on(connector) and not was_on:
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
    if is_on(past.connector(name) or {}):
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
        if mail_hosts.is_microsoft_host(row.get("host"))
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
            foreign.restricts_by_address(item)
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

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on the TTL of the old MX set, and on the caches that may hold it."""

from __future__ import annotations

import datetime

from ..._engine.timeline import MX_RESTORED, TTL_LOWERED
from ..._engine.timestamps import iso, parse_time
from ..model.gate import GateResult, holds, not_yet
from ..model.registry import Asked, register
from ..model.world import World

register(
    "ttl",
    Asked(
        "switch_domain",
        looks_at=(
            "the TTL of the old set is low, at every name server. Not asked, nor is `old_ttl`, "
            "where a lock-down refuses the domain's mail now (`lockdown_exposed`)"
        ),
        otherwise="not yet",
    ),
    needs=(
        "baseline",
        "dns",
        "dns_provider",
        "timeline",
    ),
)


register(
    "old_ttl",
    Asked(
        "switch_domain",
        looks_at=(
            "caches that took the old set with its old TTL have run out. Where nobody knows since"
            " when the TTL is low (lowered by hand, or by a run that was killed), it counts from "
            "the first run that sees it low"
        ),
        otherwise="not yet, until that time",
        acknowledge="yes",
    ),
    Asked(
        "rollback",
        looks_at=(
            "the TTL of Area 1's set has passed since the old set came back, or since a run first"
            " saw it back where nothing says when that was"
        ),
        otherwise="not yet, until then",
        acknowledge="yes",
    ),
    needs=(
        "baseline",
        "dns",
        "dns_provider",
        "timeline",
    ),
)


def ttl(world: World, name: str) -> GateResult:
    """Check that the TTL is low at every name server, and that caches of the old one expired."""
    view = world.dns.get(name) or {}
    low = _low(world, name)
    present = int(view.get("ttl_max") or 0)
    if present > low:
        return not_yet(
            "ttl",
            name,
            "the TTL of its MX records is %d s, not %d s yet" % (present, low),
            hint="It is lowered by the MX section.",
        )
    old = world.old_ttl(name)
    lowered = _lowered_at(world, name)
    if (
        old is not None
        and old > low
        and (lowered or world.now) + datetime.timedelta(seconds=old) > world.now
    ):
        until = iso((lowered or world.now) + datetime.timedelta(seconds=old))
        message = "caches may hold the old records (TTL %d s) until %s" % (old, until)
        if lowered:
            return not_yet("old_ttl", name, message, until)
        hint = (
            "If you know that it has been low for that long, put old_ttl:%s into area1_acknowledge."
            % name
        )
        return not_yet(
            "old_ttl",
            name,
            "%s: since when the TTL is low is not known, so it counts from now on" % message,
            until,
            hint,
        )
    left = max(
        (
            int(item.get("ttl") or 0)
            for item in view.get("resolvers") or []
            if item.get("status") == "ok"
        ),
        default=0,
    )
    if left > low:
        until = iso(world.now + datetime.timedelta(seconds=left))
        return not_yet(
            "old_ttl", name, "a resolver holds the old records for another %d s" % left, until
        )
    return holds("ttl", name)


def low_since_now(world: World) -> list[str]:
    """Return domains with a low TTL of unknown age, which counts from this look.

    It was lowered by hand, or by a run that was killed.
    """
    fresh = []
    for name in world.covered():
        present, old, low = (
            int((world.dns.get(name) or {}).get("ttl_max") or 0),
            world.old_ttl(name) or 0,
            _low(world, name),
        )
        if (
            0 < present <= low < old
            and _lowered_at(world, name) is None
            and not world.is_switched(name)
        ):
            fresh.append(name)
    return fresh


def _low(world: World, name: str) -> int:
    provider = world.dns_provider.get(name) or {}
    return max(
        int(world.settings.mx_ttl),
        int(provider.get("min_ttl") or 0),
        300 if provider.get("auto_ttl") else 0,
    )


def _lowered_at(world: World, name: str) -> datetime.datetime | None:
    """Return when the set got its low TTL, by the time line or the provider's date."""
    provider = world.dns_provider.get(name) or {}
    events = world.timeline.of(domain=name)
    # A way back has raised it again: what was lowered before that says nothing.
    restored = max(
        (place for place, event in enumerate(events) if event.event == MX_RESTORED),
        default=-1,
    )
    moments = [event.moment for event in events[restored + 1 :] if event.event == TTL_LOWERED]
    known = [
        moment
        for moment in [*moments, parse_time(provider.get("modified_on"))]
        if moment is not None
    ]
    return max(known) if known else None

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Domains on the way back: their MX sets, TTLs, and what Email Security keeps of them."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.values import as_list, host_name
from ..gates import forwarding
from ..model import wanted
from ..model.baseline_view import at_gateway, mx_of, sets_written
from ..model.gate import GateResult, noticed
from ..model.settings import DomainSettings
from ..model.world import World, record_set
from .three_way import undo


@dataclasses.dataclass(frozen=True)
class MxState:
    """One domain.

    ``state``: C(back) as before us, C(away) as we wrote it, C(left) somebody else's or without a
    way back.

    ``records`` are the baseline's; ``expect`` is what is there now. ``ttl`` of C(back) is the
    baseline's where it differs now. ``gateway``: it pointed at Area 1 before us.
    """

    name: str
    state: str
    records: tuple[dict[str, t.Any], ...] = ()
    expect: tuple[dict[str, t.Any], ...] = ()
    ttl: int | None = None
    gateway: bool = False
    place: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    def wish(self, **more: t.Any) -> dict[str, t.Any]:
        """Return the domain as area1_mx takes it."""
        return {"name": self.name, **self.place, "expect": list(self.expect), **more}


def mx_states(world: World, past: World, left: list[GateResult]) -> list[MxState]:
    return [_mx_state(world, past, entry, left) for entry in world.settings.domains]


def _mx_state(world: World, past: World, entry: DomainSettings, left: list[GateResult]) -> MxState:
    name, place = entry.name, entry.dns_place
    before, now = mx_of(past, name), mx_of(world, name)
    if now is None or before is None:
        known = "neither baseline nor snapshot knows" if before is None else "no server says"
        left.append(
            noticed(
                "left",
                name,
                "%s what its MX records are: they are left as they are"
                % known.replace("are", "were", 0),
            )
        )
        return MxState(name, "left", place=place)
    records, expect = tuple(before["records"]), tuple(now["records"])
    gateway = at_gateway(world, records)
    if record_set(expect) == record_set(records):
        return MxState(name, "back", records, expect, _ttl_back(world, before, now), gateway, place)
    if record_set(expect) not in sets_written(world):
        shown = ", ".join("%s %s" % (item["priority"], item["host"]) for item in expect) or "none"
        left.append(
            noticed(
                "left", name, "somebody changed its MX records since (%s): left as they are" % shown
            )
        )
        return MxState(name, "left", records, expect, None, gateway, place)
    if not records or any(not host_name(item["host"]) for item in records):
        left.append(
            noticed(
                "left",
                name,
                "it took no mail by MX before us; a set is never emptied: left at Area 1",
            )
        )
        return MxState(name, "left", records, expect, None, gateway, place)
    return MxState(name, "away", records, expect, _low_ttl(world, before), gateway, place)


def _low_ttl(world: World, before: t.Mapping[str, t.Any]) -> int:
    known = [int(world.settings.mx_ttl)] + ([int(before["ttl"])] if before.get("ttl") else [])
    return min(known)


def _ttl_back(
    world: World, before: t.Mapping[str, t.Any], now: t.Mapping[str, t.Any]
) -> int | None:
    """Return the old TTL if we lowered it, or None.

    Then the present one is at most ours; another one is somebody's. Auto was never touched.
    """
    if now["auto_ttl"] or before["auto_ttl"] or not before.get("ttl") or not now.get("ttl"):
        return None
    lowered = int(now["ttl"]) < int(before["ttl"]) and int(now["ttl"]) <= _floor(world)
    return int(before["ttl"]) if lowered else None


def _floor(world: World) -> int:
    """Return the TTL that we wrote; a provider's higher minimum counts as low enough."""
    held = world.dns_provider.values()
    return max([int(world.settings.mx_ttl), *(int(item.get("min_ttl") or 0) for item in held)])


def email_security(
    world: World, past: World, left: list[GateResult]
) -> tuple[list[dict[str, t.Any]], list[GateResult]]:
    """Return (domains to restore by PATCH, domains that we made and that stay).

    A deletion would end a domain's protection and cannot be undone [CF-6.1].
    """
    restore, one_way = [], []
    now, before = world.email_security, past.if_read.email_security
    for entry in world.settings.domains:
        name = entry.name
        if name not in now:
            continue
        if name not in before:
            message = (
                "its Email Security domain stays: deleting it cannot be undone, and without mail it"
                " does nothing"
            )
            one_way.append(noticed("one_way", name, message))
            continue
        rows = _rows(world, entry)
        found = undo(rows, before[name], now[name])
        untold = [
            row.option
            for row in rows
            if before[name].get(row.name) is None and not row.kind.is_list
        ]
        for option in untold:
            found.restore.pop(option, None)
        if found.foreign:
            message = (
                "somebody changed %s of its Email Security domain since: left as it is"
                % ", ".join(found.foreign)
            )
            left.append(noticed("left", name, message))
        if "forward_to" in untold and now[name].get("transport"):
            left.append(
                noticed(
                    "left",
                    name,
                    "Email Security had no forwarding host for it before us; it keeps today's",
                )
            )
        if found.restore:
            restore.append({"name": name, **_whole(now[name]), **found.restore})
    return restore, one_way


def _rows(world: World, entry: DomainSettings) -> tuple[wanted.Written, ...]:
    """Return what the section area1_domains writes."""
    host, _result = forwarding.choose(world, entry)
    now = world.email_security[entry.name]
    return wanted.email_security_domain(world.settings, entry, host, observed=now).rows()


def _whole(now: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the fields that the module would otherwise set to a deployment's values."""
    return {
        "require_tls_outbound": now.get("require_tls_outbound"),
        "lookback_hops": now.get("lookback_hops"),
        "ip_restrictions": as_list(now.get("ip_restrictions")),
        "delivery_modes": as_list(now.get("allowed_delivery_modes")),
    }

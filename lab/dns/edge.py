# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the edge of the DNS shows of a zone, and showed before.

Batches spread change by change, and servers lag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

from lab.dns.hosted import zones_at_providers
from lab.dns.hosts import infrastructure_zones

Record = dict[str, Any]
_SEEN = ("type", "name", "content", "priority", "ttl")
MAX_VERSIONS = 60
MAX_HISTORY = 20_000


def find_zone(world: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return the zone that answers for a name: the customers' longest match, else scenery.

    A name server's own name is scenery even below a customer's zone, so that worlds need no glue.
    """
    name = name.lower().rstrip(".")
    if name not in world["dns"].get("servers", {}):
        for candidate in _suffixes(name):
            zone = _customer_zone(world, candidate)
            if zone is not None:
                return zone
    scenery = infrastructure_zones(world["dns"])
    return next((scenery[candidate] for candidate in _suffixes(name) if candidate in scenery), None)


def _customer_zone(world: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return the zone of this name that its delegation names, else the first that is public.

    ``world["dns"]["delegations"]`` says for a name which servers its registry names; without an
    entry any zone counts as delegated.
    """
    hosted = world.get("cloudflare", {}).get("zones", {})
    found: list[dict[str, Any]] = []
    if name in world["dns"].get("zones", {}):
        found.append(world["dns"]["zones"][name])
    if name in hosted and _is_open(hosted[name]):
        found.append(hosted[name])
    found += zones_at_providers(world, name)
    delegation = set(world["dns"].get("delegations", {}).get(name, ()))
    if delegation:
        found = [zone for zone in found if delegation & set(zone["name_servers"])]
    return found[0] if found else None


def is_public(world: dict[str, Any], zone: dict[str, Any]) -> bool:
    """Tell whether the public DNS answers from a zone of the account.

    A zone that is pending, for internal DNS, or of the same name in another account is not asked;
    nor is one that is served elsewhere.
    """
    return _is_open(zone) and zone["name"] not in world["dns"].get("zones", {})


def _is_open(zone: dict[str, Any]) -> bool:
    return zone.get("status", "active") == "active" and not zone.get("private")


def _suffixes(name: str) -> Iterator[str]:
    """Yield the name, its parent, and so on."""
    while name:
        yield name
        name = name.partition(".")[2]


def all_zones(world: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every zone of a customer, by name."""
    names = [
        *world.get("cloudflare", {}).get("zones", {}),
        *world["dns"].get("zones", {}),
        *(zone["name"] for zone in zones_at_providers(world)),
    ]
    zones = {name: _customer_zone(world, name) for name in dict.fromkeys(names)}
    return {name: zone for name, zone in zones.items() if zone is not None}


def note(world: dict[str, Any], zone: dict[str, Any], now: float) -> list[dict[str, Any]]:
    """Return the versions of a zone, the last one being its present records.

    The first call keeps the start of a zone; a difference found later came past the API (a test's
    mutation).
    """
    versions: list[dict[str, Any]] = (
        world["dns"].setdefault("versions", {}).setdefault(zone["name"], [])
    )
    if not versions:
        _add(world, zone["name"], zone["records"], 0.0, "start", shown_at=now)
    elif versions[-1]["records"] != [_seen(record) for record in zone["records"]]:
        _add(world, zone["name"], zone["records"], max(now, versions[-1]["at"]), "outside the API")
    return versions


def commit(
    world: dict[str, Any],
    zone: dict[str, Any],
    steps: list[tuple[str, list[Record]]],
    now: float,
    gap: float,
) -> float:
    """Show the steps of a change one after another, and return when the last is out.

    They are ``gap`` seconds apart. Each step is what was done and all records of the zone after it.
    The caller has not yet replaced the zone's records.
    """
    moment: float = max(now, note(world, zone, now)[-1]["at"] + gap)
    for change, records in steps:
        _add(world, zone["name"], records, moment, change)
        moment += gap
    return moment - gap


def change_at_provider(
    world: dict[str, Any],
    name: str,
    change: str,
    apply: Callable[[], None],
    now: float,
    delay: float = 0.0,
) -> None:
    """Carry out a change at Azure DNS, Route 53 or GoDaddy.

    The edge shows it ``delay`` seconds later, as one step. A change of a zone that is not the
    delegated one is not seen.
    """
    before = _customer_zone(world, name)
    if before is not None:
        note(world, before, now)
    apply()
    after = _customer_zone(world, name)
    if before is None or after is None:
        return
    last = world["dns"]["versions"][name][-1]
    if last["records"] != [_seen(record) for record in after["records"]]:
        _add(world, name, after["records"], max(now + delay, last["at"]), change)


def view(world: dict[str, Any], zone: dict[str, Any], at: float, now: float) -> dict[str, Any]:
    """Return the version of a zone that was shown at a time."""
    if not zone["name_servers"]:
        return {"at": 0.0, "serial": 1, "records": zone["records"]}
    versions = note(world, zone, now)
    return next((version for version in reversed(versions) if version["at"] <= at), versions[0])


def last_period(
    world: dict[str, Any], zone: dict[str, Any], now: float, holds: Callable[[list[Record]], bool]
) -> tuple[float, float] | None:
    """Return from when to when a condition last held without a break.

    It ends ``now`` if the condition still holds.
    """
    period: tuple[float, float] | None = None
    start: float | None = None
    for version in note(world, zone, now):
        if version["at"] > now:
            break
        if holds(version["records"]):
            start = version["at"] if start is None else start
        elif start is not None:
            period, start = (start, version["at"]), None
    return (start, now) if start is not None else period


def mx_sets(records: list[Record]) -> dict[str, list[Record]]:
    """Return MX records by owner name, in the order that a reader expects."""
    sets: dict[str, list[Record]] = {}
    for record in sorted(
        (r for r in records if r["type"] == "MX"), key=lambda r: (r["priority"], r["content"])
    ):
        sets.setdefault(record["name"].lower(), []).append(record)
    return sets


def _add(
    world: dict[str, Any],
    zone: str,
    records: list[Record],
    at: float,
    change: str,
    shown_at: float | None = None,
) -> None:
    versions = world["dns"].setdefault("versions", {}).setdefault(zone, [])
    before = mx_sets(versions[-1]["records"]) if versions else {}
    serial = versions[-1]["serial"] + 1 if versions else 2_026_000_001
    versions.append({"at": at, "serial": serial, "records": [_seen(record) for record in records]})
    del versions[:-MAX_VERSIONS]
    _record_history(
        world, zone, before, mx_sets(records), at if shown_at is None else shown_at, change
    )


def _record_history(
    world: dict[str, Any],
    zone: str,
    before: dict[str, list[Record]],
    after: dict[str, list[Record]],
    at: float,
    change: str,
) -> None:
    history: list[dict[str, Any]] = world["dns"].setdefault("history", [])
    for name in sorted(before.keys() | after.keys()):
        old, new = _plain(before.get(name, [])), _plain(after.get(name, []))
        if old == new:
            continue
        history.append(
            {
                "seq": history[-1]["seq"] + 1 if history else 1,
                "at": datetime.fromtimestamp(at, timezone.utc).isoformat(),
                "zone": zone,
                "name": name,
                "mx": [[priority, host] for priority, host, _ttl in new],
                "ttl": min((ttl for _priority, _host, ttl in new), default=None),
                "change": change,
            }
        )
    del history[:-MAX_HISTORY]


def _seen(record: Record) -> Record:
    """Return what the DNS shows of a record."""
    return {key: record[key] for key in _SEEN if key in record}


def _plain(records: list[Record]) -> list[tuple[int, str, int]]:
    return [
        (record["priority"], record["content"].rstrip(".").lower(), record.get("ttl", 1))
        for record in records
    ]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones and their records: the paths under /zones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lab.cloudflare.auth import Caller
from lab.cloudflare.envelope import (
    ApiError,
    Query,
    first,
    mapping,
    no_method,
    no_route,
    page,
    success,
)
from lab.cloudflare.record import Record, show
from lab.cloudflare.spelling import spellings, zone_name
from lab.cloudflare.transaction import Transaction, run_batch

_ZONE_PAGE = (20, 5, 50)
_RECORD_PAGE = (100, 1, 5000)
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "": lambda value, wanted: value == wanted,
    ".exact": lambda value, wanted: value == wanted,
    ".contains": lambda value, wanted: wanted in value,
    ".startswith": lambda value, wanted: value.startswith(wanted),
    ".endswith": lambda value, wanted: value.endswith(wanted),
}


class Zones:
    """One request about zones; the caller holds the hub's lock."""

    def __init__(self, world: dict[str, Any], caller: Caller, now: datetime) -> None:
        self._world = world
        self._state = world["cloudflare"]
        self._caller = caller
        self._now = now

    def handle(self, method: str, path: list[str], query: Query, body: Any) -> dict[str, Any]:
        """Answer a request; ``path`` is what follows /zones."""
        if not path:
            if method != "GET":
                raise no_method(method)
            return self._list(query)
        zone = self._zone(path[0])
        if len(path) == 1:
            if method != "GET":
                raise no_method(method)
            self._caller.need("Zone Read")
            return success(self._show(zone))
        if path[1] != "dns_records" or len(path) > 3:
            raise no_route("/zones/" + "/".join(path))
        self._caller.need("DNS Read" if method == "GET" else "DNS Write")
        if path[2:] == ["batch"]:
            if method != "POST":
                raise no_method(method)
            return success(run_batch(self._world, zone, mapping(body), self._now))
        if len(path) == 2:
            return self._records(method, zone, query, body)
        return self._record(method, zone, path[2], body)

    def _list(self, query: Query) -> dict[str, Any]:
        self._caller.need("Zone Read")
        name, status, account = (
            first(query, "name").lower(),
            first(query, "status"),
            first(query, "account.id"),
        )
        # A token that is bound to single zones may ask for one by its name and not list them all
        # (TimothyYe/godns pull 83, troglobit/inadyn pull 285: status, code and text).
        if not name and not self._caller.lists:
            actor = f"Actor 'com.cloudflare.api.token.{self._caller.token_id}'"
            needed = "requires permission 'com.cloudflare.api.account.zone.list' to list zones"
            raise ApiError(403, 0, f"{actor} {needed}")
        zones = [
            zone
            for zone in sorted(self._state["zones"].values(), key=lambda each: str(each["name"]))
            if self._caller.sees(zone["name"])
            and name in ("", zone["name"], zone_name(zone))
            and status in ("", zone["status"])
            and account in ("", self._account(zone))
        ]
        shown, info = page(zones, query, *_ZONE_PAGE)
        return success([self._show(zone) for zone in shown], info)

    def _zone(self, identifier: str) -> dict[str, Any]:
        for zone in self._state["zones"].values():
            if zone["id"] == identifier:
                if not self._caller.sees(zone["name"]):
                    raise ApiError(403, 9109, "Unauthorized to access requested resource")
                found: dict[str, Any] = zone
                return found
        raise no_route(f"/zones/{identifier}")

    def _show(self, zone: dict[str, Any]) -> dict[str, Any]:
        rights = {
            "Zone Read": "#zone:read",
            "DNS Read": "#dns_records:read",
            "DNS Write": "#dns_records:edit",
        }
        return {
            "id": zone["id"],
            "name": zone_name(zone),
            "status": zone["status"],
            "paused": False,
            "type": zone.get("type", "full"),
            "name_servers": zone["name_servers"],
            "account": {"id": self._account(zone), "name": "lab"},
            "permissions": [
                right for permission, right in rights.items() if self._caller.may(permission)
            ],
            "plan": {"name": "Free Website", "legacy_id": "free"},
        }

    def _account(self, zone: dict[str, Any]) -> str:
        """Return whose zone it is: a token may reach zones of several accounts."""
        return str(zone.get("account_id", self._state["account_id"]))

    def _records(
        self, method: str, zone: dict[str, Any], query: Query, body: Any
    ) -> dict[str, Any]:
        if method == "GET":
            shown, info = page(
                [r for r in zone["records"] if _fits(r, zone, query)], query, *_RECORD_PAGE
            )
            return success([show(record, zone) for record in shown], info)
        if method != "POST":
            raise no_method(method)
        transaction = Transaction(self._world, zone, self._now)
        record = transaction.post(mapping(body))
        transaction.commit()
        return success(show(record, zone))

    def _record(
        self, method: str, zone: dict[str, Any], identifier: str, body: Any
    ) -> dict[str, Any]:
        if method == "GET":
            for record in zone["records"]:
                if record["id"] == identifier:
                    return success(show(record, zone))
            raise ApiError(404, 81044, "Record does not exist.")
        transaction = Transaction(self._world, zone, self._now)
        if method == "DELETE":
            transaction.delete({"id": identifier})
            transaction.commit()
            return success({"id": identifier})
        actions = {"PATCH": transaction.patch, "PUT": transaction.put}
        if method not in actions:
            raise no_method(method)
        record = actions[method]({**mapping(body), "id": identifier})
        transaction.commit()
        return success(show(record, zone))


def _fits(record: Record, zone: dict[str, Any], query: Query) -> bool:
    """Return whether a record meets the list's filters; ``match=any`` makes one enough [CF-6.5]."""
    results = []
    for field in ("type", "name", "content", "comment"):
        for suffix, test in _TEXT_TESTS.items():
            wanted = first(query, field + suffix)
            if wanted:
                values = {str(record.get(field) or "").lower()}
                if field == "name":
                    values = spellings(zone, record)
                results.append(any(test(value, wanted.lower()) for value in values))
    if not results:
        return True
    return any(results) if first(query, "match") == "any" else all(results)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Email Security domains: /accounts/{id}/email-security/settings/domains and below ([CF-6.1])."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Any

from lab.cloudflare.auth import Caller
from lab.cloudflare.envelope import (
    ApiError,
    Query,
    first,
    items_of,
    mapping,
    no_method,
    no_route,
    page,
    success,
)
from lab.cloudflare.lifecycle import Lifecycle, Lookup, adopt_domain, kept_dispositions
from lab.cloudflare.schema import DEFAULTS, check
from lab.cloudflare.settings import setting, timestamp

_PAGE = (20, 1, 50)
BATCH = ("deletes", "patches", "puts", "posts")


class Domains:
    """One request about domains; the caller holds the hub's lock."""

    def __init__(
        self, world: dict[str, Any], caller: Caller, now: datetime, lookup: Lookup | None
    ) -> None:
        self._world = world
        self._state = world["cloudflare"]
        self._caller = caller
        self._now = now
        self._life = Lifecycle(world, now, lookup)
        # A copy: a batch that fails half-way leaves no trace
        self._domains: list[dict[str, Any]] = deepcopy(self._state["email_security"]["domains"])

    def handle(
        self, method: str, path: list[str], query: Query, body: Any
    ) -> tuple[int, dict[str, Any]]:
        """Return status and envelope; ``path`` is what follows settings/domains."""
        self._caller.need(
            "Cloud Email Security: Read" if method == "GET" else "Cloud Email Security: Write"
        )
        if not setting(self._state, "entitled"):
            raise ApiError(
                403, 10403, "Email Security is not available in the current subscription"
            )
        status, answer = self._route(method, path, query, body)
        self._state["email_security"]["domains"] = self._domains
        return status, answer

    def _route(
        self, method: str, path: list[str], query: Query, body: Any
    ) -> tuple[int, dict[str, Any]]:
        if not path:
            if method == "GET":
                return 200, self._list(query)
            if method == "POST" and setting(self._state, "can_create"):
                return 201, success(self._post(mapping(body)))
        elif path == ["batch"]:
            if method == "POST" and setting(self._state, "can_create"):
                return 200, success(self._batch(mapping(body)))
        elif len(path) == 1:
            return 200, success(self._one(method, path[0], body))
        elif len(path) == 2 and path[1] == "verification":
            if method == "GET":
                return 200, success(self._life.verification(self._find(path[0])))
        else:
            raise no_route("/email-security/settings/domains/" + "/".join(path))
        raise no_method(method)

    def _one(self, method: str, identifier: str, body: Any) -> dict[str, Any]:
        if method == "GET":
            return self._life.show(self._find(identifier))
        if method == "PATCH":
            return self._patch(identifier, mapping(body))
        if method == "PUT" and setting(self._state, "can_create"):
            return self._put(identifier, mapping(body))
        if method == "DELETE":
            return self._delete(identifier)
        raise no_method(method)

    def _list(self, query: Query) -> dict[str, Any]:
        names = {name.lower() for key in ("domain", "domain[]") for name in query.get(key, [])}
        search, mode = first(query, "search").lower(), first(query, "allowed_delivery_mode")
        status, integration = first(query, "status").lower(), first(query, "integration_id")
        order = first(query, "order", "domain")
        if order not in ("domain", "created_at"):
            raise ApiError(400, 1001, "order must be one of domain, created_at")
        found = []
        for domain in self._domains:
            shown = self._life.show(domain)
            if (
                (not names or shown["domain"] in names)
                and search in shown["domain"]
                and (not mode or mode in shown["allowed_delivery_modes"])
                and status in ("", shown["status"].lower())
                and integration in ("", str(shown["integration_id"]))
            ):
                found.append(shown)
        found.sort(key=lambda each: str(each[order]), reverse=first(query, "direction") == "desc")
        shown_page, info = page(found, query, *_PAGE, clamp=True)
        return success(shown_page, info)

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        fields = check("POST", body, self._state)
        name = fields["domain"].lower().rstrip(".")
        if any(domain["domain"] == name for domain in self._domains):
            raise ApiError(409, 1003, f"the domain {name} already exists", pointer="/domain")
        domain = adopt_domain(self._world, fields, self._now)
        self._domains.append(domain)
        return self._life.show(domain)

    def _patch(self, identifier: Any, body: dict[str, Any]) -> dict[str, Any]:
        domain = self._find(identifier)
        return self._write(domain, check("PATCH", body, self._state))

    def _put(self, identifier: Any, body: dict[str, Any]) -> dict[str, Any]:
        domain = self._find(identifier)
        return self._write(domain, {**DEFAULTS, **check("PUT", body, self._state)})

    def _write(self, domain: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        domain.update(fields)
        domain["drop_dispositions"] = kept_dispositions(self._state, domain["drop_dispositions"])
        domain["modified_at"] = timestamp(self._now)
        return self._life.show(domain)

    def _delete(self, identifier: Any) -> dict[str, Any]:
        domain = self._find(identifier)
        self._domains.remove(domain)
        return {"id": domain["id"]}

    def _batch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out a batch: all four lists are required, empty or not, in this order [CF-6.1]."""
        for key in sorted(set(body) ^ set(BATCH)):
            raise ApiError(
                400,
                1001,
                f"{key} {'is required' if key in BATCH else 'is not a field of this request'}",
                pointer=f"/{key}",
            )
        result: dict[str, Any] = {key: [] for key in BATCH}
        for item in items_of(body, "deletes"):
            result["deletes"].append(self._delete(item.get("id")))
        for key, action in (("patches", self._patch), ("puts", self._put)):
            for item in items_of(body, key):
                result[key].append(
                    action(
                        item.get("id"),
                        {name: value for name, value in item.items() if name != "id"},
                    )
                )
        for item in items_of(body, "posts"):
            result["posts"].append(self._post(item))
        return result

    def _find(self, identifier: Any) -> dict[str, Any]:
        for domain in self._domains:
            if str(domain["id"]) == str(identifier):
                return domain
        raise ApiError(404, 1002, "domain not found")

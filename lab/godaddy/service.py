# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of the lab's GoDaddy: records of v1, and the record calls of v3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab.dns.edge import change_at_provider
from lab.godaddy.records import (
    TYPES,
    GoDaddyError,
    Record,
    checked_records,
    invalid,
    refuse_conflicts,
    too_many,
    unknown_domain,
)
from lab.godaddy.state import setting
from lab.server import BadRequest, Hub, Request, Response

_V1 = re.compile(
    r"/v1/domains/(?P<domain>[^/]+)(?:/records(?:/(?P<kind>[A-Z]+)(?:/(?P<name>[^/]+))?)?)?"
)
_V3 = re.compile(r"/v3/domains/zones/(?P<domain>[^/]+)/dns-records(?:/(?P<record>[^/]+))?")
_FAULTS = ("too_many", "busy", "quota")
_READ, _UPDATE = "domains.domain:read", "domains.dns:update"
_MONTH = 30 * 86400


class GoDaddyService:
    """The lab's api.godaddy.com."""

    name = "godaddy"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def handle(self, request: Request) -> Response:
        """Answer one request; each refusal has a code and a message."""
        state = self._hub.world["godaddy"]
        with self._hub.lock:
            try:
                status, body = self._answer(request, state)
            except GoDaddyError as error:
                return Response(error.status, error.body, error.headers)
        return Response(status, body)

    def _answer(self, request: Request, state: dict[str, Any]) -> tuple[int, Any]:
        scopes = _scopes(request.headers, state)
        self._count(request, state)
        if not state.get("eligible", True):
            # lego's documentation of April 2024, Posh-ACME#547
            raise GoDaddyError(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
        needed = _READ if request.method == "GET" else _UPDATE
        if needed not in scopes:
            raise GoDaddyError(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
        fault = self._hub.faults.take(self.name, request.names, _FAULTS)
        if fault is not None:
            raise self._fault(fault.kind, fault.seconds, state)
        found = _V1.fullmatch(request.path)
        if found:
            return self._v1(request, state, found)
        found = _V3.fullmatch(request.path)
        if found:
            return self._v3(request, state, found)
        raise GoDaddyError(404, "NOT_FOUND", "Not Found")

    def _fault(self, kind: str, seconds: float, state: dict[str, Any]) -> GoDaddyError:
        if kind == "busy":
            return _busy()
        if kind == "quota":
            return _quota()
        return too_many(seconds, setting(state, "says_when"))

    def _count(self, request: Request, state: dict[str, Any]) -> None:
        """Count the call: per minute for one endpoint, per month for all."""
        now = self._hub.clock.time()
        calls = state.setdefault("_calls", {})
        endpoint = f"{request.method} {_endpoint(request.path)}"
        minute = calls.setdefault(endpoint, [])
        minute[:] = [moment for moment in minute if now - 60 < moment <= now]
        month = calls.setdefault("month", [])
        month[:] = [moment for moment in month if now - _MONTH < moment <= now]
        monthly = int(setting(state, "calls_per_month"))
        if monthly and len(month) >= monthly:
            raise _quota()
        limit = int(setting(state, "calls_per_minute"))
        if limit and len(minute) >= limit:
            raise too_many(minute[0] + 60 - now + 1, setting(state, "says_when"))
        minute.append(now)
        month.append(now)

    def _v1(self, request: Request, state: dict[str, Any], found: re.Match[str]) -> tuple[int, Any]:
        name, kind, owner = found["domain"].lower(), found["kind"], found["name"]
        if "/records" not in request.path:
            return self._details(request, state, name)
        zone = self._zone(state, name)
        if kind is not None and kind not in TYPES:
            raise GoDaddyError(404, "NOT_FOUND", f"No records of type {kind}")
        if request.method == "GET":
            return 200, [
                _shown(state, each) for each in zone["records"] if _fits(each, kind, owner)
            ]
        if request.method == "PUT":
            self._replace(request, state, zone, name, kind, owner)
            return 200, None
        if request.method == "DELETE" and kind and owner:
            if not any(_fits(each, kind, owner) for each in zone["records"]):
                raise GoDaddyError(404, "UNKNOWN_RECORD", "No such records")
            left = [each for each in zone["records"] if not _fits(each, kind, owner)]
            self._change(state, zone, name, f"delete {kind} {owner}", left)
            return 204, None
        if request.method == "PATCH" and kind is None:
            added = checked_records(state, _json(request), None, None)
            self._change(state, zone, name, "add", [*zone["records"], *added])
            return 200, None
        raise GoDaddyError(405, "METHOD_NOT_ALLOWED", f"{request.method} is not allowed")

    def _replace(
        self,
        request: Request,
        state: dict[str, Any],
        zone: dict[str, Any],
        name: str,
        kind: str | None,
        owner: str | None,
    ) -> None:
        """Replace records: with type and name that set, with the type alone all of that type.

        With neither it is the whole zone (published description, recordReplace...).
        """
        body = _json(request)
        if body == [] and kind:
            return  # an empty list is passed over (dns-lexicon 3.25.2)
        new = checked_records(state, body, kind, owner)
        kept = [each for each in zone["records"] if not _fits(each, kind, owner)]
        self._change(state, zone, name, f"put {kind or 'zone'} {owner or ''}".strip(), kept + new)

    def _details(self, request: Request, state: dict[str, Any], name: str) -> tuple[int, Any]:
        if request.method != "GET":
            raise GoDaddyError(405, "METHOD_NOT_ALLOWED", f"{request.method} is not allowed")
        if not setting(state, "domain_details"):
            raise GoDaddyError(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
        zone = state["domains"].get(name)
        if zone is None:
            raise unknown_domain(name)
        return 200, {
            "domain": name,
            "status": zone["status"],
            "nameServers": zone["name_servers"],
        }

    def _v3(self, request: Request, state: dict[str, Any], found: re.Match[str]) -> tuple[int, Any]:
        name = found["domain"].lower()
        zone = self._zone(state, name)
        if request.method == "GET" and found["record"] is None:
            items = [
                {"recordId": f"r{index}", **_shown(state, each)}
                for index, each in enumerate(zone["records"])
            ]
            return 200, {"items": items, "links": []}
        if request.method == "PUT" and found["record"]:
            # godaddy/cli#136 (21 July 2026): 200, and the whole zone is this one record.
            new = checked_records(state, [_json(request)], None, None)
            self._change(state, zone, name, "v3 put wiped the zone", new)
            return 200, {"recordId": found["record"]}
        raise GoDaddyError(405, "METHOD_NOT_ALLOWED", f"{request.method} is not allowed")

    def _zone(self, state: dict[str, Any], name: str) -> dict[str, Any]:
        zone: dict[str, Any] | None = state["domains"].get(name)
        if zone is None or zone.get("elsewhere"):
            raise unknown_domain(name)
        return zone

    def _change(
        self,
        state: dict[str, Any],
        zone: dict[str, Any],
        name: str,
        text: str,
        records: list[Record],
    ) -> None:
        now = self._hub.clock.time()
        if zone["status"] != "ACTIVE" or zone.get("protected"):
            raise GoDaddyError(
                409,
                "DOMAIN_NOT_ELIGIBLE",
                "The domain is not eligible to have its records changed",
            )
        if 0 <= now - zone.get("_changed", 0.0) < float(setting(state, "busy_seconds")):
            raise _busy()
        refuse_conflicts(records)
        zone["_changed"] = now
        change_at_provider(self._hub.world, name, text, lambda: zone.update(records=records), now)


def _scopes(headers: Mapping[str, str], state: dict[str, Any]) -> frozenset[str]:
    """Return what the caller may do: a personal access token's scopes, or all for a key pair."""
    scheme, _space, credential = (headers.get("Authorization") or "").partition(" ")
    if scheme == "Bearer":
        token = state["tokens"].get(credential)
        if token is not None and token.get("status", "active") == "active":
            return frozenset(token["scopes"])
    if scheme == "sso-key":
        key, _colon, secret = credential.partition(":")
        known = state["keys"].get(key)
        own = known is not None and known.get("environment", "production") == "production"
        if own and known["secret"] == secret:
            return frozenset({_READ, _UPDATE})
    # Also a key of the other environment.
    raise GoDaddyError(
        401, "UNABLE_TO_AUTHENTICATE", "Unauthorized : Could not authenticate API key/secret"
    )


def _fits(record: Record, kind: str | None, owner: str | None) -> bool:
    return kind in (None, record["type"]) and (
        owner is None or record["name"].lower() == owner.lower()
    )


def _shown(state: dict[str, Any], record: Record) -> Record:
    spelling = setting(state, "host_spelling")
    if record["type"] not in ("MX", "CNAME", "NS") or spelling == "as_sent":
        return dict(record)
    bare = record["data"].rstrip(".")
    return {**record, "data": bare + "." if spelling == "dotted" else bare}


def _busy() -> GoDaddyError:
    """Return a 409, for seconds after an edit (dns-lexicon#240); the code is the lab's."""
    return GoDaddyError(409, "CONFLICT", "The zone is being processed, please try again later")


def _quota() -> GoDaddyError:
    """Return the refusal when the month's calls are used up; its form is not documented."""
    return GoDaddyError(429, "QUOTA_EXCEEDED", "The monthly quota of API calls is used up")


def _endpoint(path: str) -> str:
    """Return what counts as one endpoint: the route without the domain and the record's name."""
    return re.sub(r"(/domains/)(zones/)?[^/]+", r"\1", path).split("/records/")[0]


def _json(request: Request) -> Any:
    try:
        return request.json()
    except BadRequest:
        raise invalid("", "MALFORMED", "is not JSON") from None

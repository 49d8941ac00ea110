# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of the lab's Resource Manager: zones and their record sets."""

from __future__ import annotations

import re
from typing import Any

from lab.azure_dns.access import Caller, authenticate
from lab.azure_dns.errors import ArmError, pending, too_many, unauthenticated
from lab.azure_dns.sets import KINDS, RecordSets
from lab.azure_dns.state import setting
from lab.dns.edge import change_at_provider
from lab.server import BadRequest, Hub, Request, Response
from lab.tokens import Tokens

_API_VERSION = "2018-05-01"
_PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"(?:/resourceGroups/(?P<group>[^/]+))?"
    r"/providers/Microsoft\.Network/dnszones"
    r"(?:/(?P<zone>[^/]+)(?:/(?P<kind>[A-Za-z]+)(?:/(?P<relative>[^/]+))?)?)?",
    re.IGNORECASE,
)
_FAULTS = ("pending", "too_many", "token_expired")
_MINUTE = 60


class AzureDnsService:
    """Azure Resource Manager with nothing but Azure DNS."""

    name = "azure_dns"

    def __init__(self, hub: Hub, tokens: Tokens) -> None:
        self._hub = hub
        self._tokens = tokens

    def handle(self, request: Request) -> Response:
        """Answer one request; each refusal has one of Resource Manager's shapes."""
        state = self._hub.world["azure_dns"]
        with self._hub.lock:
            try:
                status, body = self._answer(request, state)
            except ArmError as error:
                return Response(error.status, error.body(state), error.headers)
        return Response(status, body)

    def _answer(self, request: Request, state: dict[str, Any]) -> tuple[int, Any]:
        caller = authenticate(self._tokens, request.headers, state)
        fault = self._hub.faults.take(self.name, request.names, _FAULTS)
        if fault is not None and fault.kind == "token_expired":
            raise unauthenticated(
                "ExpiredAuthenticationToken", "The access token expiry has passed."
            )
        if fault is not None and fault.kind == "too_many":
            raise too_many(fault.seconds if setting(state, "says_when") else None)
        if fault is not None:
            raise pending("record set")
        found = _PATH.fullmatch(request.path.rstrip("/"))
        if found is None:
            raise ArmError(404, "InvalidResourceType", f"No resource type for {request.path}.")
        _check_version(request.query)
        if found["subscription"].lower() not in [each.lower() for each in state["subscriptions"]]:
            raise ArmError(
                404,
                "SubscriptionNotFound",
                f"The subscription '{found['subscription']}' could not be found.",
            )
        if found["zone"] is None:
            return self._zones(request, state, caller, found)
        return self._in_zone(request, state, caller, found)

    def _zones(
        self, request: Request, state: dict[str, Any], caller: Caller, found: re.Match[str]
    ) -> tuple[int, Any]:
        """List zones that the caller may read, in pages with nextLink; in a group only its own."""
        if request.method != "GET":
            raise _no_method(request.method)
        self._count(state, f"list {found['subscription']}", "lists_per_minute")
        zones = [
            zone
            for zone in state["zones"]
            if zone["subscription"].lower() == found["subscription"].lower()
            and (not found["group"] or zone["resource_group"].lower() == found["group"].lower())
            and caller.may("Microsoft.Network/dnsZones/read", zone_id(zone))
        ]
        if not caller.roles:
            scope = f"/subscriptions/{found['subscription']}"
            caller.need("Microsoft.Network/dnsZones/read", scope)
        size = min(_number(request, "$top", 100), int(setting(state, "longest_page")))
        start = _number(request, "$skipToken", 0)
        body: dict[str, Any] = {
            "value": [self._show(zone, state) for zone in zones[start : start + size]]
        }
        if start + size < len(zones):
            base = self._hub.urls["arm"] + request.path
            body["nextLink"] = (
                f"{base}?api-version={_API_VERSION}&%24top={size}&%24skipToken={start + size}"
            )
        return 200, body

    def _in_zone(
        self, request: Request, state: dict[str, Any], caller: Caller, found: re.Match[str]
    ) -> tuple[int, Any]:
        zone = self._zone(state, found)
        base = zone_id(zone) if zone else request.path
        kind, relative = (found["kind"] or "").upper(), found["relative"]
        verb = {"GET": "read", "PUT": "write", "DELETE": "delete"}.get(request.method)
        if verb is None:
            raise _no_method(request.method)
        scope = base if not kind or zone is None else f"{base}/{kind}/{relative or ''}".rstrip("/")
        action = (
            f"Microsoft.Network/dnsZones/{kind}/{verb}"
            if kind
            else (f"Microsoft.Network/dnsZones/{verb}")
        )
        # Rights are looked at before the object is: who may not look does not learn what is there.
        caller.need(action, scope)
        if zone is None:
            raise _no_zone(found, bool(kind))
        self._count(state, base, "reads_per_minute" if verb == "read" else "writes_per_minute")
        if not kind:
            if request.method != "GET":
                raise _no_method(request.method)
            return 200, self._show(zone, state)
        if kind not in KINDS:
            raise ArmError(400, "BadRequest", f"The record type '{kind}' is not supported.")
        sets = RecordSets(state, zone, base)
        if relative is None:
            return 200, {"value": sets.of_kind(kind)}
        if request.method == "GET":
            return 200, sets.get(kind, relative)
        _check_locks(zone, scope, verb)
        return self._write(request, zone, sets, kind, relative)

    def _write(
        self, request: Request, zone: dict[str, Any], sets: RecordSets, kind: str, relative: str
    ) -> tuple[int, Any]:
        now = self._hub.clock.time()
        if request.method == "DELETE":
            gone = sets.checked_delete(kind, relative, request.headers)
            if gone is None:
                return 204, None
            self._change(zone, f"delete {gone}", lambda: zone["sets"].pop(gone), now)
            return 200, None
        status, key, new = sets.checked_put(kind, relative, _json(request), request.headers)
        self._change(zone, f"put {key}", lambda: zone["sets"].update({key: new}), now)
        return status, sets.shown(key)

    def _change(self, zone: dict[str, Any], text: str, apply: Any, now: float) -> None:
        change_at_provider(self._hub.world, zone["name"].lower(), text, apply, now)

    def _zone(self, state: dict[str, Any], found: re.Match[str]) -> dict[str, Any] | None:
        for zone in state["zones"]:
            if (
                zone["subscription"].lower() == found["subscription"].lower()
                and zone["resource_group"].lower() == (found["group"] or "").lower()
                and zone["name"].lower() == found["zone"].lower()
            ):
                each: dict[str, Any] = zone
                return each
        return None

    def _show(self, zone: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": zone_id(zone),
            "name": zone["name"],
            "type": "Microsoft.Network/dnszones",
            "location": "global",
            "tags": zone.get("tags", {}),
            "etag": "00000002-0000-0000-0000-000000000000",
            "properties": {
                "maxNumberOfRecordSets": 10000,
                "numberOfRecordSets": len(zone["sets"]) + 2,
                "nameServers": zone["name_servers"],
                "zoneType": zone.get("zone_type", "Public"),
            },
        }

    def _count(self, state: dict[str, Any], what: str, name: str) -> None:
        """Hold the limits per zone and minute, by the lab's clock."""
        limit = int(setting(state, name))
        now = self._hub.clock.time()
        calls = state.setdefault("_calls", {}).setdefault(f"{name} {what}", [])
        calls[:] = [moment for moment in calls if now - _MINUTE < moment <= now]
        if limit and len(calls) >= limit:
            raise too_many(calls[0] + _MINUTE - now + 1 if setting(state, "says_when") else None)
        calls.append(now)


def zone_id(zone: dict[str, Any]) -> str:
    """Return the resource id; the service writes the type in lower case in it."""
    return (
        f"/subscriptions/{zone['subscription']}/resourceGroups/{zone['resource_group']}"
        f"/providers/Microsoft.Network/dnszones/{zone['name']}"
    )


def _check_version(query: dict[str, list[str]]) -> None:
    version = (query.get("api-version") or [""])[-1]
    if not version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if version != _API_VERSION:
        raise ArmError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for API version '{version}'. The supported"
            f" api-versions are '2015-05-04-preview, 2016-04-01, 2017-09-01, 2017-10-01,"
            f" {_API_VERSION}, 2023-07-01-preview'.",
        )


def _check_locks(zone: dict[str, Any], scope: str, verb: str) -> None:
    """Refuse what a lock stops (Azure docs, "Protecting DNS zones and records").

    ReadOnly stops every change at its scope and below, CanNotDelete stops deletes only.
    """
    for lock in zone.get("locks", []):
        holds = (scope.lower() + "/").startswith(lock["scope"].lower().rstrip("/") + "/")
        if holds and (lock["level"] == "ReadOnly" or verb == "delete"):
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{scope}' cannot perform {verb} operation because following scope(s)"
                f" are locked: '{lock['scope']}'. Please remove the lock and try again.",
            )


def _no_zone(found: re.Match[str], child: bool) -> ArmError:
    """Return the error for a zone that does not exist.

    The zone itself is a resource that was not found; for a set its parent was not found.
    """
    name = f"Microsoft.Network/dnszones/{found['zone']}"
    if child:
        return ArmError(
            404,
            "ParentResourceNotFound",
            f"Can not perform requested operation on nested resource. Parent resource"
            f" '{found['zone']}' not found.",
        )
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{name}' under resource group '{found['group']}' was not found.",
    )


def _no_method(method: str) -> ArmError:
    return ArmError(405, "MethodNotAllowed", f"The method {method} is not allowed here.")


def _number(request: Request, name: str, default: int) -> int:
    text = (request.query.get(name) or [str(default)])[-1]
    if not text.isdigit():
        raise ArmError(400, "BadRequest", f"The value of {name} is not a number.")
    return int(text)


def _json(request: Request) -> Any:
    try:
        return request.json()
    except BadRequest as error:
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid.") from error

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of the lab's Route 53."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from lab.dns.edge import change_at_provider
from lab.route53.access import Caller, authenticate
from lab.route53.batch import apply_batch, canonical_name
from lab.route53.state import identifier, setting
from lab.route53.xml import Route53Error, add, add_set, answer, element, parse, read_set
from lab.server import Hub, Request, Response

_PREFIX = "/2013-04-01/"
_FAULTS = ("throttling", "prior_request")
_ZONE = re.compile(r"hostedzone/(?P<zone>[^/]+)(?:/(?P<rest>rrset|rrsetprotection))?/?")
_CHANGE = re.compile(r"change/(?P<change>[^/]+)")


class Route53Service:
    """Amazon Route 53: hosted zones, record sets, changes."""

    name = "route53"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._requests = 0

    def handle(self, request: Request) -> Response:
        """Answer one request; each refusal is Route 53's XML."""
        state = self._hub.world["route53"]
        with self._hub.lock:
            self._requests += 1
            try:
                return self._answer(request, state)
            except Route53Error as error:
                as_list = setting(state, "batch_error_shape") == "list"
                return error.response(as_list, f"00000000-0000-4000-8000-{self._requests:012}")

    def _answer(self, request: Request, state: dict[str, Any]) -> Response:
        self._count(state)
        caller = authenticate(request, state, time.time())
        fault = self._hub.faults.take(self.name, request.names, _FAULTS)
        if fault is not None:
            raise _throttled() if fault.kind == "throttling" else _prior()
        if not request.path.startswith(_PREFIX):
            raise Route53Error(404, "UnknownOperationException", "")
        path = request.path.removeprefix(_PREFIX)
        if path == "hostedzonesbyname":
            return self._by_name(request, state, caller)
        found = _CHANGE.fullmatch(path)
        if found:
            return self._change(request, state, caller, found["change"])
        found = _ZONE.fullmatch(path)
        if not found:
            raise Route53Error(404, "UnknownOperationException", "")
        actions: dict[tuple[str, str | None], Callable[..., Response]] = {
            ("GET", None): self._zone,
            ("GET", "rrset"): self._list,
            ("POST", "rrset"): self._batch,
            ("GET", "rrsetprotection"): self._protections,
        }
        action = actions.get((request.method, found["rest"]))
        if action is None or (
            found["rest"] == "rrsetprotection" and not setting(state, "protections")
        ):
            raise Route53Error(404, "UnknownOperationException", "")
        return action(request, state, caller, found["zone"])

    def _count(self, state: dict[str, Any]) -> None:
        """Count a request: five per second and account, all callers together, by the real clock.

        Requests beyond the limit count, too.
        """
        limit = int(setting(state, "requests_per_second"))
        now = time.monotonic()
        calls: list[float] = state.setdefault("_calls", [])
        calls[:] = [moment for moment in calls if now - moment < 1]
        calls.append(now)
        if limit and len(calls) > limit:
            raise _throttled()

    def _by_name(self, request: Request, state: dict[str, Any], caller: Caller) -> Response:
        """List zones sorted by reversed labels, from a name onwards, later names too.

        Zones of one name are sorted by their id (API Reference, "ListHostedZonesByName").
        """
        caller.need("route53:ListHostedZonesByName")
        wanted = _one(request, "dnsname")
        start = (_reversed(canonical_name(wanted)) if wanted else "", _one(request, "hostedzoneid"))
        zones = sorted(
            ((_reversed(zone["name"]), key) for key, zone in state["zones"].items()),
        )
        later = [entry for entry in zones if entry >= start]
        size = min(_limit(request, "maxitems", 100), int(setting(state, "zones_on_page")))
        root = element("ListHostedZonesByNameResponse")
        listed = add(root, "HostedZones", "")
        for _name, key in later[:size]:
            _add_zone(listed, key, state["zones"][key])
        if wanted:
            add(root, "DNSName", canonical_name(wanted))
        add(root, "IsTruncated", len(later) > size)
        if len(later) > size:
            add(root, "NextDNSName", state["zones"][later[size][1]]["name"])
            add(root, "NextHostedZoneId", later[size][1])
        add(root, "MaxItems", size)
        return answer(root)

    def _zone(self, _request: Request, state: dict[str, Any], caller: Caller, key: str) -> Response:
        caller.need("route53:GetHostedZone", key)
        zone = _found(state, key)
        root = element("GetHostedZoneResponse")
        _add_zone(root, key, zone)
        if zone.get("private"):
            vpcs = add(root, "VPCs", "")
            add(vpcs, "VPC", {"VPCRegion": "eu-central-1", "VPCId": "vpc-0123456789abcdef0"})
        else:
            servers = add(add(root, "DelegationSet", ""), "NameServers", "")
            for server in zone["name_servers"]:
                add(servers, "NameServer", server)
        return answer(root)

    def _list(self, request: Request, state: dict[str, Any], caller: Caller, key: str) -> Response:
        """List sets from a name and type onwards, pending changes included.

        The order is that of reversed labels, then type, then identifier (API Reference,
        "ListResourceRecordSets").
        """
        caller.need("route53:ListResourceRecordSets", key)
        zone = _found(state, key)
        name, kind = _one(request, "name"), _one(request, "type")
        if kind and not name:
            raise Route53Error(400, "InvalidInput", "The type needs a name")
        start = (_reversed(canonical_name(name)) if name else "", kind, _one(request, "identifier"))
        sets = sorted(zone["sets"], key=_order)
        later = [each for each in sets if _order(each) >= start]
        size = min(_limit(request, "maxitems", 300), int(setting(state, "sets_on_page")))
        root = element("ListResourceRecordSetsResponse")
        listed = add(root, "ResourceRecordSets", "")
        for each in later[:size]:
            add_set(listed, {**each, "Name": canonical_name(each["Name"])})
        add(root, "IsTruncated", len(later) > size)
        if len(later) > size:
            add(root, "NextRecordName", canonical_name(later[size]["Name"]))
            add(root, "NextRecordType", later[size]["Type"])
            if later[size].get("SetIdentifier"):
                add(root, "NextRecordIdentifier", later[size]["SetIdentifier"])
        add(root, "MaxItems", size)
        return answer(root)

    def _batch(self, request: Request, state: dict[str, Any], caller: Caller, key: str) -> Response:
        root = parse(request.body, "ChangeResourceRecordSetsRequest")
        changes = [
            (change.findtext("Action") or "", read_set(node))
            for change in root.iterfind("ChangeBatch/Changes/Change")
            for node in change.findall("ResourceRecordSet")
        ]
        allowed = caller.policy.get("change_actions", ("CREATE", "DELETE", "UPSERT"))
        caller.need(
            "route53:ChangeResourceRecordSets",
            key,
            all(action in allowed for action, _set in changes),
        )
        zone = _found(state, key)
        now = self._hub.clock.time()
        self._one_at_a_time(state, zone)
        sets = apply_batch(state, zone, changes)
        sync = float(setting(state, "sync_seconds"))
        text = "batch " + ", ".join(
            f"{action} {each['Type']} {each['Name']}" for action, each in changes
        )
        request.notes["changes"] = [{"action": action, **each} for action, each in changes]
        change_at_provider(
            self._hub.world,
            zone["name"].rstrip(".").lower(),
            text,
            lambda: zone.update(sets=sets),
            now,
            sync,
        )
        change = identifier("C", f"{key} {len(state['changes'])}")
        state["changes"][change] = {"zone": key, "submitted": now, "in_sync_at": now + sync}
        made = element("ChangeResourceRecordSetsResponse")
        _add_change(made, change, state["changes"][change], now)
        return answer(made)

    def _one_at_a_time(self, state: dict[str, Any], zone: dict[str, Any]) -> None:
        last = zone.get("_last_change", 0.0)
        now = time.monotonic()
        if now - last < float(setting(state, "processing_seconds")):
            raise _prior()
        zone["_last_change"] = now

    def _change(
        self, request: Request, state: dict[str, Any], caller: Caller, key: str
    ) -> Response:
        if request.method != "GET":
            raise Route53Error(404, "UnknownOperationException", "")
        caller.need("route53:GetChange")
        found = state["changes"].get(key)
        if found is None:
            raise Route53Error(404, "NoSuchChange", f"A change with the ID {key} does not exist.")
        root = element("GetChangeResponse")
        _add_change(root, key, found, self._hub.clock.time())
        return answer(root)

    def _protections(
        self, request: Request, state: dict[str, Any], caller: Caller, key: str
    ) -> Response:
        caller.need("route53:ListResourceRecordSetProtections", key)
        zone = _found(state, key)
        name, kind = _one(request, "name"), _one(request, "type")
        start = (_reversed(canonical_name(name)) if name else "", kind)
        listing = element("ListResourceRecordSetProtectionsResponse")
        listed = add(listing, "ResourceRecordSetProtections", "")
        for each in sorted(zone.get("protections", []), key=_protection_order):
            if _protection_order(each) < start:
                continue
            shown = {"RecordName": canonical_name(each["name"]), "RecordType": each["type"]}
            if each.get("comment"):
                shown["Comment"] = each["comment"]
            add(listed, "ResourceRecordSetProtection", shown)
        return answer(listing)


def _throttled() -> Route53Error:
    """Return the refusal of a throttled request: HTTP 400, not 429 (Developer Guide, "Quotas")."""
    return Route53Error(400, "Throttling", "Rate exceeded")


def _prior() -> Route53Error:
    return Route53Error(
        400,
        "PriorRequestNotComplete",
        "The request was rejected because Route 53 was still processing a prior request.",
    )


def _found(state: dict[str, Any], key: str) -> dict[str, Any]:
    zone: dict[str, Any] | None = state["zones"].get(key)
    if zone is None:
        raise Route53Error(404, "NoSuchHostedZone", f"No hosted zone found with ID: {key}")
    return zone


def _add_zone(parent: Any, key: str, zone: dict[str, Any]) -> None:
    config: dict[str, Any] = {"PrivateZone": bool(zone.get("private"))}
    if zone.get("comment"):
        config["Comment"] = zone["comment"]
    add(
        parent,
        "HostedZone",
        {
            "Id": f"/hostedzone/{key}",
            "Name": canonical_name(zone["name"]),
            "CallerReference": f"lab-{key}",
            "Config": config,
            "ResourceRecordSetCount": len(zone["sets"]),
        },
    )


def _add_change(parent: Any, key: str, change: dict[str, Any], now: float) -> None:
    submitted = datetime.fromtimestamp(change["submitted"], timezone.utc)
    add(
        parent,
        "ChangeInfo",
        {
            "Id": f"/change/{key}",
            "Status": "INSYNC" if now >= change["in_sync_at"] else "PENDING",
            "SubmittedAt": submitted.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
    )


def _reversed(name: str) -> str:
    """Return the labels in reverse, joined so that a parent sorts before its children."""
    return "\0".join(reversed(canonical_name(name).rstrip(".").split(".")))


def _order(each: dict[str, Any]) -> tuple[str, str, str]:
    return _reversed(each["Name"]), each["Type"], str(each.get("SetIdentifier", ""))


def _protection_order(each: dict[str, Any]) -> tuple[str, str]:
    return _reversed(each["name"]), each["type"]


def _one(request: Request, name: str) -> str:
    return (request.query.get(name) or [""])[-1]


def _limit(request: Request, name: str, default: int) -> int:
    text = _one(request, name) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise Route53Error(400, "InvalidInput", f"Invalid value for {name}: {text}")
    return min(int(text), default)

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Azure DNS: one PUT per record set, on condition of its etag, by Azure Resource Manager."""

from __future__ import annotations

import threading
import typing as t
import urllib.parse

from ..._azure_token import AzureTokens
from ..._engine.errors import Conflict, InputError, MailflowError, PermissionDenied, ReadError
from ..._engine.values import host_name
from ..sets.rrset import RecordSet, ancestors
from .azure_arm import ArmApi, error_of
from .azure_options import OPTIONS, identity_from
from .contract import Capabilities, Driver, DriverOptions, Surroundings
from .zones import ZoneCandidate, choose_zone

# From so many names on a list takes fewer calls than asking for each zone.
LIST_FROM = 3
TXT_BYTES = 255


class AzureDriver(Driver):
    """Record sets of the zones that one identity sees in its subscriptions."""

    PROVIDER = "azure"
    TITLE = "Azure DNS"
    SUMMARY = (
        "V(azure) replaces a record set at Azure DNS by one call, if it still has the etag that was"
        " read; metadata of the set stays."
    )
    CAPABILITIES = Capabilities(
        atomic=True, compare_and_swap=True, lowest_ttl=1, keeps_comments=True
    )
    OPTIONS = OPTIONS
    REQUIREMENTS = ("requests", "msal")

    def __init__(
        self,
        api: ArmApi,
        subscriptions: t.Sequence[str],
        group: str | None,
        surroundings: Surroundings,
    ) -> None:
        self._api = api
        self._subscriptions = tuple(subscriptions)
        self._group = group
        self._surroundings = surroundings
        self._listed: list[ZoneCandidate] | None = None
        self._not_listed: MailflowError | None = None
        self._named: dict[str, list[ZoneCandidate]] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> AzureDriver:
        identity, authority, cloud = identity_from(options)
        (subscription,) = options.require("dns_azure_subscription")
        tokens = AzureTokens(
            identity,
            authority,
            cloud.resource,
            surroundings.context,
            surroundings.ca_path,
            surroundings.timeout,
        )
        api = ArmApi(options.text("dns_azure_api_url") or cloud.endpoint, tokens, surroundings)
        subscriptions = subscription.replace(",", " ").split()
        return cls(api, subscriptions, options.text("dns_azure_resource_group"), surroundings)

    def prepare(self, names: t.Sequence[str]) -> None:
        """List the zones once; with a resource group, only where that saves calls."""
        if self._group and len(names) < LIST_FROM:
            return
        try:
            self._list()
        except MailflowError:
            return

    def check(self, name: str) -> None:
        self.read(name, "MX")

    def name_servers(self, name: str) -> tuple[str, ...] | None:
        return self._zone(name).name_servers or None

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        zone = self._zone(name)
        found = self._get(name, zone, rdtype)
        if found is None and name != zone.name and self._alias(name, zone):
            raise InputError(
                f"{name} is an alias (CNAME record): it can have no {rdtype} set.",
                "Remove the CNAME record first.",
            )
        # A set without records can exist; nobody sees it.
        return found if found and found.values else None

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        zone = self._zone(name)
        present = expected
        if expected is None or expected.token is None:
            # Also finds a set without records, which has an etag and metadata.
            present = self._get(name, zone, rdtype)
            if (present if present and present.values else None) != expected:
                raise Conflict(
                    f"{name}: the {rdtype} set at Azure DNS is not the one that was read.",
                    "Run again: it starts from what is there now.",
                )
        condition, metadata = {"If-None-Match": "*"}, {}
        if present is not None:
            condition = {"If-Match": present.token["etag"]}
            metadata = present.token["metadata"]
        body = {"properties": {"TTL": wanted.ttl, "metadata": metadata, **_records(wanted)}}
        self._api.put(name, _path(zone, name, rdtype), body, condition)

    def _get(self, name: str, zone: ZoneCandidate, rdtype: str) -> RecordSet | None:
        """Return the set with its etag and metadata, also one without records."""
        reply = self._api.get(name, _path(zone, name, rdtype))
        if reply.status == 404:
            if self._api.get(name, zone.raw["id"]).status == 404:
                raise ReadError(
                    f"{name}: the {zone.label} is gone ({error_of(reply).code}).", "Run again."
                )
            return None
        date = reply.date.isoformat() if reply.date else None
        return record_set(name, rdtype, reply.json(), date)

    def _alias(self, name: str, zone: ZoneCandidate) -> bool:
        """Return whether a CNAME is at the name; False where the identity may not read such."""
        try:
            return self._api.get(name, _path(zone, name, "CNAME")).status == 200
        except PermissionDenied:
            return False

    def _zone(self, name: str) -> ZoneCandidate:
        candidates: list[ZoneCandidate]
        if self._group and self._listed is None:
            candidates = [zone for parent in ancestors(name) for zone in self._by_name(parent)]
        else:
            candidates = self._list()
        return choose_zone(name, candidates, self._surroundings, self.TITLE)

    def _by_name(self, zone: str) -> list[ZoneCandidate]:
        """Return the zones of exactly this name in the resource group."""
        with self._lock:
            if zone in self._named:
                return self._named[zone]
        found = []
        for subscription in self._subscriptions:
            path = f"{_zones_path(subscription, self._group)}/{urllib.parse.quote(zone)}"
            reply = self._api.get(zone, path)
            if reply.status == 200:
                found.append(_candidate(reply.json()))
        with self._lock:
            self._named[zone] = found
        return found

    def _list(self) -> list[ZoneCandidate]:
        """Return all zones that the identity may read.

        They are listed once; what went wrong then goes wrong for every domain, without a new try.
        """
        with self._lock:
            if self._not_listed is not None:
                found = self._not_listed
                raise type(found)(found.message, found.hint, **found.details)
            if self._listed is None:
                try:
                    self._listed = list(self._zones())
                except MailflowError as exc:
                    self._not_listed = exc
                    raise
            return self._listed

    def _zones(self) -> t.Iterator[ZoneCandidate]:
        for subscription in self._subscriptions:
            what = f"Zones of the subscription {subscription}"
            for zone in self._api.pages(what, _zones_path(subscription, self._group)):
                yield _candidate(zone)


def record_set(name: str, rdtype: str, body: t.Any, date: str | None) -> RecordSet:
    """Return a set of the API as a value; InputError for an alias set, which has no records."""
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict) or not body.get("etag"):
        raise ReadError(f"{name}: Azure answered without the properties or etag of the set.")
    target = (properties.get("targetResource") or {}).get("id")
    if target:
        raise InputError(
            f"{name}: the {rdtype} set at Azure DNS is an alias of {target}.",
            "Replace the alias set by an ordinary one first.",
        )
    try:
        if rdtype == "MX":
            values = [
                f"{record['preference']} {record['exchange']}"
                for record in properties.get("MXRecords") or []
            ]
        else:
            values = ["".join(record["value"]) for record in properties.get("TXTRecords") or []]
        ttl = int(properties["TTL"])
    except (KeyError, TypeError, ValueError):
        raise ReadError(
            f"{name}: Azure answered with a record set that has no TTL or value."
        ) from None
    token = {"etag": str(body["etag"]), "metadata": properties.get("metadata") or {}}
    return RecordSet.of(name, rdtype, values, ttl, date=date, token=token)


def _records(wanted: RecordSet) -> dict[str, t.Any]:
    if wanted.type == "MX":
        pairs = [value.split(" ", 1) for value in wanted.values]
        return {
            "MXRecords": [{"preference": int(number), "exchange": host} for number, host in pairs]
        }
    return {"TXTRecords": [{"value": _strings(value)} for value in wanted.values]}


def _strings(text: str) -> list[str]:
    """Return the text in character strings of at most 255 bytes."""
    parts = [""]
    for char in text:
        if len((parts[-1] + char).encode("utf-8")) > TXT_BYTES:
            parts.append("")
        parts[-1] += char
    return parts


def _candidate(zone: t.Any) -> ZoneCandidate:
    try:
        properties = zone.get("properties") or {}
        group = str(zone["id"]).split("/")[4]
        private = str(properties.get("zoneType") or "Public").lower() == "private"
        return ZoneCandidate(
            host_name(zone["name"]),
            f"zone {zone['name']} in the resource group {group}",
            tuple(sorted(host_name(server) for server in properties.get("nameServers") or [])),
            "it is private" if private else "",
            raw={"id": str(zone["id"])},
        )
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ReadError("Azure answered with a zone that has no id or name.") from None


def _zones_path(subscription: str, group: str | None) -> str:
    path = f"subscriptions/{urllib.parse.quote(subscription, safe='')}"
    if group:
        path += f"/resourceGroups/{urllib.parse.quote(group, safe='')}"
    return f"{path}/providers/Microsoft.Network/dnsZones"


def _path(zone: ZoneCandidate, name: str, rdtype: str) -> str:
    relative = "@" if name == zone.name else name.removesuffix(f".{zone.name}")
    return f"{zone.raw['id']}/{rdtype}/{urllib.parse.quote(relative, safe='@*')}"

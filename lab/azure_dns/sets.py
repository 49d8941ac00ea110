# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record sets of one zone: read, put, delete, with the conditions of If-Match and If-None-Match."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from lab.azure_dns.errors import ArmError, cname_in_the_way
from lab.azure_dns.state import new_etag, setting

_PROPERTIES = {"ttl", "metadata", "targetresource"}
_RECORDS = {"mxrecords": "MX", "txtrecords": "TXT", "cnamerecord": "CNAME", "arecords": "A"}
_SHOWN = {"MX": "MXRecords", "TXT": "TXTRecords", "CNAME": "CNAMERecord", "A": "ARecords"}
KINDS = frozenset({"A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"})
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_HIGHEST_TTL = 2147483647


class RecordSets:
    """The sets of one zone; changes are made in place by ``put`` and ``delete``."""

    def __init__(self, state: dict[str, Any], zone: dict[str, Any], base: str) -> None:
        self._state = state
        self._zone = zone
        self._base = base

    def key(self, kind: str, relative: str) -> str:
        """Return the key under which a set is kept; names are compared without case."""
        wanted = f"{kind}/{relative}".lower()
        return next(
            (key for key in self._zone["sets"] if key.lower() == wanted), wanted_key(wanted)
        )

    def get(self, kind: str, relative: str) -> dict[str, Any]:
        """Return a set as the API shows it."""
        key = self.key(kind, relative)
        found = self._zone["sets"].get(key)
        if found is None:
            raise ArmError(
                404,
                "NotFound",
                f"The resource record '{relative}' does not exist in resource group"
                f" '{self._zone['resource_group']}' of subscription"
                f" '{self._zone['subscription']}'.",
            )
        return self._show(key, found)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Return the sets of one type."""
        return [
            self._show(key, found)
            for key, found in sorted(self._zone["sets"].items())
            if key.startswith(kind + "/")
        ]

    def checked_put(
        self, kind: str, relative: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, str, dict[str, Any]]:
        """Return (status, key, the new set) without keeping it; raise what the service refuses."""
        key = self.key(kind, relative)
        self._conditions(self._zone["sets"].get(key), headers)
        properties = _properties(body)
        for other in self._zone["sets"]:
            other_kind, other_relative = other.split("/", 1)
            if other_relative.lower() == relative.lower() and other != key:
                if "CNAME" in (other_kind, kind):
                    raise cname_in_the_way(relative)
        target = (properties.get("targetresource") or {}).get("id")
        found = {
            "etag": new_etag(self._state),
            "ttl": _ttl(properties.get("ttl"), bool(target)),
            "records": self._records(kind, properties),
            "metadata": _metadata(properties.get("metadata")),
            "target": target,
        }
        return (200 if key in self._zone["sets"] else 201), key, found

    def checked_delete(self, kind: str, relative: str, headers: Mapping[str, str]) -> str | None:
        """Return the key of the set to delete, None where there is none (204)."""
        key = self.key(kind, relative)
        found = self._zone["sets"].get(key)
        if found is not None:
            self._conditions(found, headers)
        return key if found is not None else None

    def shown(self, key: str) -> dict[str, Any]:
        """Return a set by its key, as the API shows it."""
        return self._show(key, self._zone["sets"][key])

    def _conditions(self, found: dict[str, Any] | None, headers: Mapping[str, str]) -> None:
        """Check the conditions of a request (REST reference, "Record Sets - Create Or Update").

        ``If-None-Match: *`` is for sets that must not exist; other values of it are ignored
        (azure-docs dns-zones-records.md).
        """
        match, none_match = headers.get("If-Match"), headers.get("If-None-Match")
        if none_match == "*" and found is not None:
            # azure-xplat-cli, pull request 170 (2015): the wording.
            raise ArmError(
                412,
                "PreconditionFailed",
                "The condition '*' in the If-None-Match header was satisfied.",
            )
        if match == "*" and found is None:
            raise ArmError(
                412, "PreconditionFailed", "The condition '*' in the If-Match header was not met."
            )
        if match and match != "*" and (found is None or match.strip('"') != found["etag"]):
            shown = found["etag"] if found else ""
            raise ArmError(
                412,
                "PreconditionFailed",
                f"The condition '{match}' in the If-Match header was not satisfied. The current"
                f" was '{shown}'.",
            )

    def _show(self, key: str, found: dict[str, Any]) -> dict[str, Any]:
        kind, relative = key.split("/", 1)
        owner = self._zone["name"] if relative == "@" else f"{relative}.{self._zone['name']}"
        properties: dict[str, Any] = {
            "fqdn": owner + ".",
            "TTL": found["ttl"],
            "provisioningState": "Succeeded",
            "targetResource": {"id": found["target"]} if found.get("target") else {},
        }
        if found.get("metadata") or setting(self._state, "shows_empty_metadata"):
            properties["metadata"] = dict(found.get("metadata") or {})
        name = _SHOWN.get(kind, f"{kind}Records")
        if kind == "CNAME":
            properties[name] = found["records"][0] if found["records"] else None
        elif not found.get("target"):
            properties[name] = [dict(record) for record in found["records"]]
        return {
            "id": f"{self._base}/{kind}/{relative}",
            "name": relative,
            "type": f"Microsoft.Network/dnszones/{kind}",
            "etag": found["etag"],
            "properties": properties,
        }

    def _records(self, kind: str, properties: dict[str, Any]) -> list[dict[str, Any]]:
        named = {name: properties[name] for name in _RECORDS if name in properties}
        foreign = [name for name in named if _RECORDS[name] != kind]
        if foreign:
            raise _bad(f"The record set of type {kind} cannot hold {foreign[0]}.")
        value = next(iter(named.values()), None)
        items = [value] if kind == "CNAME" and value else list(value or [])
        # Azure DNS limits: 20 records per record set.
        limit = int(setting(self._state, "records_in_set"))
        if len(items) > limit:
            raise ArmError(
                400,
                "RecordSetLimitReached",
                f"The record set has {len(items)} records; the limit is {limit}.",
            )
        checks = {"MX": _mx, "TXT": _txt, "CNAME": _cname, "A": _address}
        if kind not in checks:
            raise _bad(f"The lab does not keep sets of type {kind}.")
        records = [checks[kind](item) for item in items]
        if len({repr(sorted(record.items())) for record in records}) < len(records):
            raise _bad("The record set contains duplicate records.")
        return records


def wanted_key(text: str) -> str:
    """Return the key of a new set: the type in capitals, the name in lower case."""
    kind, relative = text.split("/", 1)
    return f"{kind.upper()}/{relative}"


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def _properties(body: Any) -> dict[str, Any]:
    """Return the properties, by lower-case name: Resource Manager does not look at case.

    A name that the specification does not have is refused [INF: the service may pass it over].
    """
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict):
        raise _bad("The request content was invalid and could not be deserialized.")
    properties = {str(name).lower(): value for name, value in body["properties"].items()}
    unknown = sorted(set(properties) - _PROPERTIES - set(_RECORDS))
    if unknown:
        raise _bad(f"Could not find member '{unknown[0]}' on object of type 'RecordSetProperties'.")
    return properties


def _ttl(value: Any, alias: bool) -> int:
    """Return a TTL from 1 to 2147483647 (Azure DNS FAQ); an alias set needs none."""
    if value is None and alias:
        return 60
    if type(value) is not int or not 1 <= value <= _HIGHEST_TTL:
        raise _bad(f"The TTL must be between 1 and {_HIGHEST_TTL}.")
    return value


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value or {}, dict):
        raise _bad("The metadata must be an object.")
    return {str(name): str(text) for name, text in (value or {}).items()}


def _mx(item: Any) -> dict[str, Any]:
    """Return an MX record; the host is kept as it was sent, with or without its final dot."""
    if not isinstance(item, dict) or set(item) != {"preference", "exchange"}:
        raise _bad("An MX record has exactly preference and exchange.")
    preference, host = item["preference"], item["exchange"]
    if type(preference) is not int or not 0 <= preference <= 65535:
        raise _bad("The preference must be between 0 and 65535.")
    if not isinstance(host, str) or not _is_host(host):
        raise _bad(f"The exchange '{host}' is not a valid host name.")
    return {"preference": preference, "exchange": host}


def _txt(item: Any) -> dict[str, Any]:
    parts = item.get("value") if isinstance(item, dict) else None
    if not isinstance(parts, list) or not parts or not all(isinstance(p, str) for p in parts):
        raise _bad("A TXT record has a value, which is a list of strings.")
    if any(len(part.encode()) > 255 for part in parts):
        raise _bad("Each string of a TXT record has at most 255 characters.")
    return {"value": list(parts)}


def _cname(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or not _is_host(str(item.get("cname", ""))):
        raise _bad("The CNAME record is not valid.")
    return {"cname": item["cname"]}


def _address(item: Any) -> dict[str, Any]:
    try:
        return {"ipv4Address": str(ipaddress.IPv4Address(item["ipv4Address"]))}
    except (KeyError, TypeError, ValueError):
        raise _bad("The A record is not valid.") from None


def _is_host(text: str) -> bool:
    if text == ".":
        return True
    labels = text.rstrip(".").split(".")
    return len(text) <= 254 and all(_LABEL.fullmatch(label) for label in labels)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One DNS record: what the API accepts and how it shows it ([CF-6.5])."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import idna

from lab.cloudflare.envelope import ApiError
from lab.cloudflare.settings import setting
from lab.cloudflare.spelling import record_name

Record = dict[str, Any]

_FIELDS = frozenset(
    {"type", "name", "content", "priority", "ttl", "comment", "tags", "proxied", "settings"}
)
_TYPES = frozenset({"A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "TLSA", "TXT"})
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_MAX_TTL = 86400


def show(record: Record, zone: dict[str, Any]) -> Record:
    """Return a record as the API shows it."""
    shown = {
        "id": record["id"],
        "name": record_name(zone, record),
        "type": record["type"],
        "content": record["content"],
        "proxiable": record["type"] in ("A", "AAAA", "CNAME"),
        "proxied": False,
        "ttl": record.get("ttl", 1),
        "settings": {},
        "meta": {},
        "comment": record.get("comment"),
        "tags": record.get("tags", []),
        "created_on": record["created_on"],
        "modified_on": record["modified_on"],
    }
    if "priority" in record:
        shown["priority"] = record["priority"]
    return shown


def checked(
    fields: dict[str, Any], zone: str, state: dict[str, Any], old: Record | None = None
) -> Record:
    """Return the record that a body asks for: a whole one, or ``old`` with some fields replaced.

    Ids and dates are set elsewhere.
    """
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        raise ApiError(
            400,
            9207,
            f"Request body is invalid: unknown field {unknown[0]}",
            pointer=f"/{unknown[0]}",
        )
    record = {key: value for key, value in (old or {}).items() if key in _FIELDS}
    record.update(fields)
    for key in ("type", "name", "content"):
        if not isinstance(record.get(key), str) or not record[key]:
            raise ApiError(
                400, 9207, f"Request body is invalid: {key} is required", pointer=f"/{key}"
            )
    kind = record["type"]
    if kind not in _TYPES:
        raise ApiError(400, 9001, f"Invalid DNS record type: {kind}")
    result: Record = {
        "type": kind,
        # What is there may be in Unicode (DNSControl issue 2341), and stays so.
        "name": record["name"] if old and "name" not in fields else _name(record["name"], zone),
        "content": _content(kind, record["content"]),
    }
    if kind in ("MX", "SRV"):
        result["priority"] = _priority(record.get("priority"))
    result["ttl"] = _ttl(record.get("ttl", 1), int(setting(state, "min_ttl")))
    if record.get("proxied") and kind not in ("A", "AAAA", "CNAME"):
        raise ApiError(400, 9004, "This record type cannot be proxied.")
    if record.get("comment") is not None:
        result["comment"] = str(record["comment"])
    result["tags"] = [str(tag) for tag in record.get("tags") or []]
    return result


def refuse_conflict(record: Record, others: list[Record]) -> None:
    """Refuse a second identical record, and an alias beside anything else."""
    for other in others:
        if ascii_name(other["name"].lower()) != ascii_name(record["name"].lower()):
            continue
        same = other["type"] == record["type"] and other.get("priority") == record.get("priority")
        if same and other["content"].rstrip(".").lower() == record["content"].lower():
            raise ApiError(400, 81058, "An identical record already exists.")
        if "CNAME" in (other["type"], record["type"]):
            raise ApiError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")


def is_host(text: str) -> bool:
    """Return whether a text is a host name: at least two labels, and no address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.rstrip(".").split(".")
        return (
            len(text) <= 254
            and len(labels) >= 2
            and all(_LABEL.fullmatch(label) for label in labels)
        )
    return False


def _name(name: str, zone: str) -> str:
    """Return the full name of a name, which may be relative to the zone; ``@`` is the zone itself.

    A zone may have its name in Unicode (cloudflare-go issue 347), a name that is sent has A-labels.
    """
    name = name.rstrip(".").lower()
    if name == "@":
        return zone
    zone = ascii_name(zone)
    full = name if name == zone or name.endswith("." + zone) else f"{name}.{zone}"
    labels = full.removeprefix("*.").split(".")
    if len(full) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ApiError(400, 9000, "DNS name is invalid.")
    return full


def ascii_name(name: str) -> str:
    """Return a name in A-labels; one that cannot be converted stays."""
    try:
        return ".".join(
            label if label.isascii() else idna.encode(label, uts46=True).decode()
            for label in name.split(".")
        )
    except idna.IDNAError:
        return name


def _content(kind: str, content: str) -> str:
    if kind == "A" and not _is_address(content, 4):
        raise ApiError(400, 9005, "Content for A record must be a valid IPv4 address.")
    if kind == "AAAA" and not _is_address(content, 6):
        raise ApiError(400, 9006, "Content for AAAA record must be a valid IPv6 address.")
    if kind == "MX":
        if content != "." and not is_host(content):
            raise ApiError(400, 9009, "Content for MX record must be a hostname.")
        return content if content == "." else content.rstrip(".")
    if kind in ("CNAME", "NS", "PTR"):
        if not is_host(content):
            raise ApiError(400, 9007, f"Content for {kind} record is invalid.")
        return content.rstrip(".")
    return content


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _priority(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 65535:
        raise ApiError(
            400,
            9100,
            "priority is a required field and must be between 0 and 65535",
            pointer="/priority",
        )
    return value


def _ttl(value: Any, low: int) -> int:
    if type(value) is not int or not (value == 1 or low <= value <= _MAX_TTL):
        raise ApiError(
            400,
            9021,
            f"Invalid TTL. Must be between {low} and {_MAX_TTL} seconds, or 1 for Automatic.",
        )
    return value

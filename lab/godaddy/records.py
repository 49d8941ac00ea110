# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GoDaddy's errors, and what a record may be."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from lab.godaddy.state import setting

Record = dict[str, Any]
_FIELDS = frozenset({"type", "name", "data", "ttl", "priority", "weight", "port", "protocol"}) | {
    "service"
}
TYPES = frozenset({"A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"})
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


class GoDaddyError(Exception):
    """A refusal: ``{code, message, fields}``, as the published description has it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: list[dict[str, Any]] | None = None,
        more: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body: dict[str, Any] = {"code": code, "message": message, **(more or {})}
        if fields is not None:
            self.body["fields"] = fields


def invalid(path: str, code: str, message: str) -> GoDaddyError:
    """Return a 422 with the field at fault (win-acme#1947)."""
    return GoDaddyError(
        422,
        "INVALID_BODY",
        "Request body doesn't fulfill schema, see details in `fields`",
        [{"code": code, "message": message, "path": path}],
    )


def too_many(seconds: float, says: str) -> GoDaddyError:
    """Return a 429 (ErrorLimit in the description)."""
    wait = max(0, round(seconds))
    return GoDaddyError(
        429,
        "TOO_MANY_REQUESTS",
        "Too many requests received within interval",
        more={"retryAfterSec": wait} if says in ("both", "body") else None,
        headers={"Retry-After": str(wait)} if says in ("both", "header") else None,
    )


def unknown_domain(name: str) -> GoDaddyError:
    """Return a 404, also for a domain of one's own on foreign name servers (lego#519)."""
    return GoDaddyError(
        404,
        "UNKNOWN_DOMAIN",
        f"The given domain is not registered, or does not have a zone file: {name}",
    )


def checked_records(
    state: dict[str, Any], body: Any, kind: str | None, name: str | None
) -> list[Record]:
    """Return the records that a PUT or PATCH asks for; the path's type and name count for them."""
    if not isinstance(body, list):
        # docker-godaddy-ddns#2
        raise invalid("records", "UNEXPECTED_TYPE", "is not a array")
    return [_checked(state, item, kind, name, index) for index, item in enumerate(body)]


def _checked(
    state: dict[str, Any], item: Any, kind: str | None, name: str | None, index: int
) -> Record:
    path = f"records[{index}]"
    if not isinstance(item, dict):
        raise invalid(path, "UNEXPECTED_TYPE", "is not a object")
    unknown = sorted(set(item) - _FIELDS)
    if unknown:
        raise invalid(f"{path}.{unknown[0]}", "UNKNOWN_PROPERTY", "is not known")
    record = {**item, "type": kind or item.get("type"), "name": name or item.get("name")}
    if record["type"] not in TYPES:
        raise invalid(f"{path}.type", "MISMATCH_ENUM", "is not a valid type")
    if not isinstance(record["name"], str) or not record["name"]:
        raise invalid(f"{path}.name", "MISSING", "is required")
    if not isinstance(record.get("data"), str) or not record["data"]:
        raise invalid(f"{path}.data", "MISSING", "is required")
    ttl = record.setdefault("ttl", 3600)
    low, high = int(setting(state, "lowest_ttl")), int(setting(state, "highest_ttl"))
    if type(ttl) is not int or not low <= ttl <= high:
        raise invalid(
            f"{path}.ttl",
            "UNKNOWN_RESTRICTION",
            f"must be between {low} and {high}",
        )
    if record["type"] == "MX":
        priority = record.get("priority")
        if type(priority) is not int or not 0 <= priority <= 65535:
            raise invalid(f"{path}.priority", "MISSING", "is required")
        if not _is_host(record["data"]):
            raise invalid(f"{path}.data", "INVALID_VALUE", "is not a valid host name")
    if record["type"] == "A":
        try:
            ipaddress.IPv4Address(record["data"])
        except ValueError:
            raise invalid(f"{path}.data", "INVALID_VALUE", "is not an address") from None
    return {key: value for key, value in record.items() if value is not None}


def refuse_conflicts(records: list[Record]) -> None:
    """Refuse a record that is there twice (422 DUPLICATE_RECORD), or an alias beside another."""
    seen: set[tuple[Any, ...]] = set()
    for index, record in enumerate(records):
        key = (
            record["type"],
            record["name"].lower(),
            record["data"].rstrip(".").lower(),
            record.get("priority"),
        )
        if key in seen:
            raise GoDaddyError(
                422,
                "DUPLICATE_RECORD",
                "Another record with the same attributes already exists",
                [{"code": "DUPLICATE_RECORD", "message": "exists", "path": f"records[{index}]"}],
            )
        seen.add(key)
    aliases = {record["name"].lower() for record in records if record["type"] == "CNAME"}
    for index, record in enumerate(records):
        if record["type"] != "CNAME" and record["name"].lower() in aliases:
            raise invalid(
                f"records[{index}].name", "INVALID_VALUE", "conflicts with a CNAME record"
            )


def _is_host(text: str) -> bool:
    """Return whether a text is a host; ``@`` means the domain itself."""
    if text == "@":
        return True
    labels = text.rstrip(".").split(".")
    return len(text) <= 254 and all(_LABEL.fullmatch(label) for label in labels)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The empty state of the lab's Route 53, what a world may set in it, and zones to start with."""

from __future__ import annotations

import hashlib
from typing import Any

ACCOUNT = "123456789012"

DEFAULT_SETTINGS: dict[str, Any] = {
    # Requests per second and account, by the real clock; 0 is no limit (Developer Guide, "Quotas").
    "requests_per_second": 5,
    # Lab seconds until a change is INSYNC and the name servers show it: normally within 60 (API
    # Reference, "GetChange"); short here, so that tests do not wait.
    "sync_seconds": 0.6,
    # Real seconds during which a zone's change is processed and a second one is refused with
    # PriorRequestNotComplete (Developer Guide, "Quotas").
    "processing_seconds": 0.0,
    # What a DELETE compares: the listed "text", or the "data" that it means. Not documented.
    "compares": "data",
    # Faults of a change batch: "one" message (what botocore reads, so what is sent), or a "list" of
    # them as in the sample of the API Reference and in botocore's model.
    "batch_error_shape": "one",
    # Longest pages: 300 record sets, 100 zones (API Reference).
    "sets_on_page": 300,
    "zones_on_page": 100,
    # Seconds that a request's date may differ from now (AWS Signature Version 4: 5 minutes).
    "clock_skew": 300,
    # False: the API has no ListResourceRecordSetProtections, as before 2026.
    "protections": True,
}


def empty_state() -> dict[str, Any]:
    """Return the state of an account without zones and keys."""
    return {
        "account": ACCOUNT,
        "keys": {},
        "zones": {},
        "changes": {},
        "settings": dict(DEFAULT_SETTINGS),
    }


def setting(state: dict[str, Any], name: str) -> Any:
    """Return a setting of the world, or its default."""
    return state.get("settings", {}).get(name, DEFAULT_SETTINGS[name])


def identifier(kind: str, text: str) -> str:
    """Return an id as Route 53 makes them, the same for the same text.

    It is a letter, then capitals and digits.
    """
    digest = hashlib.sha256(f"{kind} {text}".encode()).hexdigest().upper()
    return kind + digest[:20]


def zone(name: str, mail: list[tuple[int, str]], ttl: int, number: int = 1) -> dict[str, Any]:
    """Return a public zone with SOA and NS sets, mail hosts, SPF, a web server and an alias."""
    servers = [
        f"ns-{number + 512 * index}.awsdns-{number:02}.{suffix}"
        for index, suffix in enumerate(("com", "net", "org", "co.uk"))
    ]
    soa = f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
    rows: list[tuple[str, str, int, list[str]]] = [
        (name, "NS", 172800, [server + "." for server in servers]),
        (name, "SOA", 900, [soa]),
        (name, "MX", ttl, [f"{priority} {host}." for priority, host in mail]),
        (name, "TXT", 3600, ['"v=spf1 include:spf.protection.outlook.com -all"']),
        (f"www.{name}", "A", 300, ["192.0.2.80"]),
        (f"autodiscover.{name}", "CNAME", 3600, ["autodiscover.outlook.com"]),
    ]
    return {
        "name": name + ".",
        "private": False,
        "comment": "",
        "name_servers": servers,
        "sets": [
            {"Name": owner + ".", "Type": kind, "TTL": life, "ResourceRecords": values}
            for owner, kind, life, values in rows
        ],
        "protections": [],
    }

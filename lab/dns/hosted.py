# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones at Azure DNS, Route 53 and GoDaddy, in the shape that the lab's name servers read.

Each provider keeps its zones in its own form (``world["azure_dns"]``, ``world["route53"]``,
``world["godaddy"]``); a change by hand in that form is what the DNS shows at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Record = dict[str, Any]
Zone = dict[str, Any]
# The host in the rdata of a record type that names one, as the records of lab.dns have it.
_HOSTS = ("CNAME", "NS", "PTR")
_OCTAL = re.compile(r"\\([0-7]{3})")


def zones_at_providers(world: dict[str, Any], name: str | None = None) -> Iterator[Zone]:
    """Yield the public zones of these three providers; only those called ``name``, where given."""
    for source in (_azure, _route53, _godaddy):
        yield from source(world, name)


def _azure(world: dict[str, Any], name: str | None) -> Iterator[Zone]:
    for zone in world.get("azure_dns", {}).get("zones", []):
        if name in (None, zone["name"].lower()) and zone.get("zone_type", "Public") == "Public":
            yield _zone(zone["name"], zone["name_servers"], list(_azure_records(zone)))


def _azure_records(zone: Zone) -> Iterator[Record]:
    for key, found in zone["sets"].items():
        kind, relative = key.split("/", 1)
        owner = zone["name"] if relative == "@" else f"{relative}.{zone['name']}"
        for record in found["records"]:
            yield from _shown(owner, kind, _azure_text(kind, record), int(found["ttl"]))


def _azure_text(kind: str, record: Any) -> str:
    texts: dict[str, Callable[[], str]] = {
        "MX": lambda: f"{record['preference']} {record['exchange']}",
        "TXT": lambda: " ".join(f'"{part}"' for part in record["value"]),
        "CNAME": lambda: str(record["cname"]),
        "A": lambda: str(record["ipv4Address"]),
    }
    return texts[kind]()


def _route53(world: dict[str, Any], name: str | None) -> Iterator[Zone]:
    for zone in world.get("route53", {}).get("zones", {}).values():
        own = zone["name"].rstrip(".").lower()
        if name not in (None, own) or zone.get("private"):
            continue
        # The lab's name servers show the first of several routed sets.
        seen: dict[tuple[str, str], Any] = {}
        for each in zone["sets"]:
            seen.setdefault((each["Name"].lower(), each["Type"]), each)
        records = [
            record
            for each in seen.values()
            for value in each.get("ResourceRecords", [])
            for record in _shown(
                _OCTAL.sub(lambda found: chr(int(found[1], 8)), each["Name"]).rstrip("."),
                each["Type"],
                value,
                int(each["TTL"]),
            )
        ]
        yield _zone(own, zone["name_servers"], records)


def _godaddy(world: dict[str, Any], name: str | None) -> Iterator[Zone]:
    for domain, zone in world.get("godaddy", {}).get("domains", {}).items():
        if name not in (None, domain) or zone.get("elsewhere"):
            continue
        records = []
        for each in zone["records"]:
            owner = domain if each["name"] == "@" else f"{each['name']}.{domain}"
            text = f"{each['priority']} {each['data']}" if each["type"] == "MX" else each["data"]
            records += _shown(owner, each["type"], text, int(each["ttl"]))
        yield _zone(domain, zone["name_servers"], records)


def _zone(name: str, servers: list[str], records: list[Record]) -> Zone:
    apex_only = ("NS", "SOA")
    return {
        "name": name.lower(),
        "name_servers": [server.rstrip(".").lower() for server in servers],
        "records": [
            record
            for record in records
            if record["type"] not in apex_only or record["name"] != name.lower()
        ],
    }


def _shown(owner: str, kind: str, text: str, ttl: int) -> list[Record]:
    """Return one record in the shape of lab.dns, from its zone-file text.

    A TTL of 1 is a TTL of 1 here, not Cloudflare's Auto; the lab's answers know no such TTL, so 2
    stands for it.
    """
    record: Record = {"type": kind, "name": owner.lower(), "ttl": 2 if ttl == 1 else ttl}
    if kind == "MX":
        priority, host = text.split(" ", 1)
        return [{**record, "priority": int(priority), "content": host.strip().rstrip(".") or "."}]
    if kind in _HOSTS:
        text = text.rstrip(".")
    return [{**record, "content": text}]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a zone's records to the answer of an authoritative server: a pure function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from lab.dns.edge import Record

# [CF-6.5]: "Auto" is 300 s for records that are DNS only
AUTO_TTL = 300
NS_TTL = 86400
SOA_TTL = 1800
_CHAIN = 8


@dataclass
class Answer:
    """The sections of an answer."""

    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    answer: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)


def seconds(record: Record) -> int:
    """Return the TTL that the world sees."""
    ttl = int(record.get("ttl", 1))
    return AUTO_TTL if ttl == 1 else ttl


def txt_value(content: str) -> str:
    """Return the text of a TXT record, which the API takes and shows with or without quotes."""
    if len(content) >= 2 and content.startswith('"') and content.endswith('"'):
        return "".join(part for index, part in enumerate(content.split('"')) if index % 2)
    return content


def rdata_text(record: Record) -> str:
    """Return the presentation form of a record's data."""
    content = str(record["content"])
    if record["type"] == "MX":
        return f"{record['priority']} {content.rstrip('.')}."
    if record["type"] in ("CNAME", "NS", "PTR"):
        return content.rstrip(".") + "."
    if record["type"] == "TXT":
        text = txt_value(content)
        escaped = (part.replace("\\", "\\\\").replace('"', '\\"') for part in _chunks(text))
        return " ".join(f'"{part}"' for part in escaped)
    return content


def _chunks(text: str) -> list[str]:
    return [text[start : start + 255] for start in range(0, len(text), 255)] or [""]


def rrset(owner: str, kind: str, records: list[Record]) -> dns.rrset.RRset:
    """Return a record set; its members share the lowest TTL (RFC 2181, 5.2)."""
    return dns.rrset.from_text_list(
        owner.rstrip(".") + ".",
        min(seconds(r) for r in records),
        "IN",
        kind,
        [rdata_text(r) for r in records],
    )


class ZoneData:
    """One version of a zone."""

    def __init__(self, zone: dict[str, Any], version: dict[str, Any]) -> None:
        self.origin = zone["name"].lower()
        self.serial = int(version["serial"])
        servers = zone["name_servers"] or ["ns.lab.example"]
        self.nodes: dict[str, dict[str, list[Record]]] = {self.origin: {}}
        for record in version["records"]:
            self.nodes.setdefault(record["name"].lower().rstrip("."), {}).setdefault(
                record["type"], []
            ).append(record)
        apex = self.nodes[self.origin]
        apex.setdefault(
            "NS", [{"type": "NS", "content": server, "ttl": NS_TTL} for server in servers]
        )
        self._primary = servers[0]

    @property
    def soa(self) -> dns.rrset.RRset:
        """The start of authority; its last figure is how long a negative answer is kept."""
        soa = f"{self._primary}. dns.{self._primary}. {self.serial} 10000 2400 604800 {SOA_TTL}"
        return dns.rrset.from_text(self.origin + ".", SOA_TTL, "IN", "SOA", soa)

    def lookup(self, name: str, kind: str) -> Answer:
        """Return the answer for a name of this zone."""
        answer = Answer()
        for _hop in range(_CHAIN):
            node = self._node(name)
            if node is None:
                answer.rcode = dns.rcode.NXDOMAIN
                answer.authority = [self.soa]
                return answer
            if name == self.origin and kind in ("SOA", "ANY"):
                answer.answer.append(self.soa)
            found = [kind] if kind in node else sorted(node) if kind == "ANY" else []
            answer.answer += [rrset(name, each, node[each]) for each in found]
            if found or "CNAME" not in node:
                break
            answer.answer.append(rrset(name, "CNAME", node["CNAME"][:1]))
            name = str(node["CNAME"][0]["content"]).lower().rstrip(".")
            if not self._holds(name):
                return answer
        if not any(
            dns.rdatatype.to_text(each.rdtype) in (kind, "CNAME") or kind == "ANY"
            for each in answer.answer
        ):
            answer.authority = [self.soa]
        return answer

    def _holds(self, name: str) -> bool:
        return name == self.origin or name.endswith("." + self.origin)

    def _node(self, name: str) -> dict[str, list[Record]] | None:
        """Return the record sets at a name, {} for an empty one, a wildcard's, or None."""
        if name in self.nodes:
            return self.nodes[name]
        if any(other.endswith("." + name) for other in self.nodes):
            return {}
        while name != self.origin and "." in name:
            name = name.partition(".")[2]
            if "*." + name in self.nodes:
                return self.nodes["*." + name]
            if name in self.nodes:
                return None
        return None

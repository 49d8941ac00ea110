# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The caching resolver: what the world still believes, by the lab's clock."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

from lab.dns.authoritative import PAYLOAD, server_at, text_name, zone_answer
from lab.dns.edge import all_zones, find_zone
from lab.dns.zonedata import Answer
from lab.server import Hub

_CHAIN = 8
_UNKNOWN_TTL = 300
_FORWARD_TIMEOUT = 3.0
_WORKING = ("ok", "lag")


@dataclass
class _Entry:
    answer: Answer
    stored: float
    expires: float


class Resolver:
    """Recursive answers from a cache that honours TTLs, negative ones too (RFC 2308).

    A world gives the resolver of a ``place`` habits (``world["dns"]["resolvers"]``)::

        {"min_ttl": 3600}  # TTLs are raised to this, as cache-min-ttl does
        {"servfail": ["northwind.example"]}  # what it answers for these names and those below
    """

    def __init__(self, hub: Hub, place: int = 0) -> None:
        self._hub, self._place = hub, place
        self._cache: dict[tuple[str, str], _Entry] = {}
        self._lock = threading.Lock()

    def flush(self) -> None:
        """Forget everything."""
        with self._lock:
            self._cache.clear()

    def warm(self) -> None:
        """Put today's MX of every zone into the cache."""
        with self._hub.lock:
            names = [*all_zones(self._hub.world), *self._hub.world["dns"].get("forward", {})]
        for name in names:
            self._cached(name, "MX")

    def remember(self, answers: list[dict[str, Any]]) -> None:
        """Keep answers of a recording, each with name, type, ttl, data, stored and expires.

        Times are the lab's.
        """
        for each in answers:
            owner, kind = str(each["name"]), str(each["type"])
            found = dns.rrset.from_text_list(owner + ".", each["ttl"], "IN", kind, each["data"])
            entry = _Entry(Answer(answer=[found]), each["stored"], each["expires"])
            with self._lock:
                self._cache[(owner, kind)] = entry

    def respond(self, query: dns.message.Message) -> dns.message.Message:
        """Return the response to a stub's query."""
        response = dns.message.make_response(query, recursion_available=True, our_payload=PAYLOAD)
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        if not query.flags & dns.flags.RD:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        found = self.resolve(*text_name(query))
        response.set_rcode(found.rcode)
        response.answer = found.answer
        response.authority = found.authority
        return response

    def _habits(self) -> dict[str, Any]:
        with self._hub.lock:
            known: list[dict[str, Any]] = self._hub.world["dns"].get("resolvers", [])
            return known[self._place] if self._place < len(known) else {}

    def resolve(self, name: str, kind: str) -> Answer:
        """Return the answer with the TTLs that are left, aliases followed."""
        refused = self._habits().get("servfail", [])
        if any(name == each or name.endswith("." + each) for each in refused):
            return Answer(rcode=dns.rcode.SERVFAIL)
        result = Answer()
        for _hop in range(_CHAIN):
            found = self._cached(name, kind)
            result.rcode = found.rcode
            result.answer += [each for each in found.answer if each not in result.answer]
            result.authority = found.authority
            last = found.answer[-1] if found.answer else None
            if last is None or last.rdtype != dns.rdatatype.CNAME or kind in ("CNAME", "ANY"):
                return result
            name = str(last[0].target).lower().rstrip(".")
        result.rcode = dns.rcode.SERVFAIL
        return result

    def fresh(self, name: str, kind: str) -> Answer:
        """Return the authoritative answer, past the cache and without following aliases."""
        return self._ask(name, kind, self._hub.clock.time())

    def _cached(self, name: str, kind: str) -> Answer:
        now = self._hub.clock.time()
        with self._lock:
            entry = self._cache.get((name, kind))
        if entry is not None and entry.expires > now:
            return _aged(entry, now)
        answer = _raised(self._ask(name, kind, now), int(self._habits().get("min_ttl", 0)))
        if answer.rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            entry = _Entry(answer, now, now + _lifetime(answer))
            with self._lock:
                self._cache[(name, kind)] = entry
        return answer

    def _ask(self, name: str, kind: str, now: float) -> Answer:
        with self._hub.lock:
            target = forwarder(self._hub.world, name)
            if target is None:
                return _ask_lab(self._hub.world, name, kind, now)
        return _ask_server(target, name, kind)


def _raised(answer: Answer, least: int) -> Answer:
    """Return an answer whose TTLs are at least so many seconds."""
    if least:
        answer.answer = [
            dns.rrset.from_rdata_list(each.name, max(each.ttl, least), list(each))
            for each in answer.answer
        ]
    return answer


def forwarder(world: dict[str, Any], name: str) -> str | None:
    """Return the real server that is asked for a name: the longest zone counts."""
    zones = world["dns"].get("forward", {})
    fitting = [zone for zone in zones if name == zone or name.endswith("." + zone)]
    return str(zones[max(fitting, key=len)]) if fitting else None


def _ask_lab(world: dict[str, Any], name: str, kind: str, now: float) -> Answer:
    """Ask a working server of the zone; a server that lags counts if there is no better one."""
    zone = find_zone(world, name)
    if zone is None:
        return Answer(rcode=dns.rcode.NXDOMAIN)
    if not zone["name_servers"]:
        return zone_answer(world, zone, {}, name, kind, now)
    addresses = [each["address"] for each in world["dns"].get("servers", {}).values()]
    servers = [
        server for server in (server_at(world, zone, address) for address in addresses) if server
    ]
    working = [
        server for mode in _WORKING for server in servers if server.get("mode", "ok") == mode
    ]
    if not working:
        return Answer(rcode=dns.rcode.SERVFAIL)
    return zone_answer(world, zone, working[0], name, kind, now)


def _ask_server(target: str, name: str, kind: str) -> Answer:
    """Ask a real server, over TCP where the answer does not fit a datagram."""
    query = dns.message.make_query(name + ".", kind, use_edns=0, payload=PAYLOAD)
    query.flags &= ~dns.flags.RD
    response = relay(target, query)
    if response is None:
        return Answer(rcode=dns.rcode.SERVFAIL)
    authority = [each for each in response.authority if each.rdtype == dns.rdatatype.SOA]
    return Answer(response.rcode(), list(response.answer), [] if response.answer else authority)


def relay(target: str, query: dns.message.Message) -> dns.message.Message | None:
    """Return the response of a real server, or None where it does not answer."""
    address, _colon, port = target.rpartition(":")
    try:
        response, _tcp = dns.query.udp_with_fallback(
            query, address, timeout=_FORWARD_TIMEOUT, port=int(port)
        )
    except (OSError, dns.exception.DNSException):
        return None
    return response


def _lifetime(answer: Answer) -> int:
    """Return for how long an answer is kept: its lowest TTL, or the SOA's minimum (RFC 2308, 5)."""
    if answer.answer:
        return min(each.ttl for each in answer.answer)
    for each in answer.authority:
        if each.rdtype == dns.rdatatype.SOA:
            return int(min(each.ttl, each[0].minimum))
    return _UNKNOWN_TTL


def _aged(entry: _Entry, now: float) -> Answer:
    """Return a copy whose TTLs have counted down."""
    age = math.floor(now - entry.stored)

    def copies(sets: list[dns.rrset.RRset]) -> list[dns.rrset.RRset]:
        result = []
        for each in sets:
            result.append(dns.rrset.from_rdata_list(each.name, max(0, each.ttl - age), list(each)))
        return result

    return Answer(entry.answer.rcode, copies(entry.answer.answer), copies(entry.answer.authority))

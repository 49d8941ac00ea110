# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authoritative servers: what the one at an address answers."""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from lab.dns.edge import find_zone, view
from lab.dns.zonedata import Answer, ZoneData

PAYLOAD = 1232


def text_name(message: dns.message.Message) -> tuple[str, str]:
    """Return the question, in lower case without the trailing dot, and its type."""
    question = message.question[0]
    return question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(
        question.rdtype
    )


def server_at(world: dict[str, Any], zone: dict[str, Any], address: str) -> dict[str, Any] | None:
    """Return the server of a zone that listens at an address; scenery is served everywhere."""
    servers = world["dns"].get("servers", {})
    if not zone["name_servers"]:
        return {"mode": "ok"}
    for name in zone["name_servers"]:
        server: dict[str, Any] | None = servers.get(name)
        if server and server["address"] == address:
            return server
    return None


def zone_answer(
    world: dict[str, Any],
    zone: dict[str, Any],
    server: dict[str, Any],
    name: str,
    kind: str,
    now: float,
) -> Answer:
    """Return what a server that is neither down nor broken knows of a name."""
    lag = float(server.get("lag_seconds", 0)) if server.get("mode") == "lag" else 0.0
    return ZoneData(zone, view(world, zone, now - lag, now)).lookup(name, kind)


def respond(
    world: dict[str, Any], address: str, query: dns.message.Message, now: float
) -> dns.message.Message | None:
    """Return the response of the server at an address; None is no response at all."""
    response = dns.message.make_response(query, our_payload=PAYLOAD)
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
        return response
    name, kind = text_name(query)
    zone = find_zone(world, name)
    server = server_at(world, zone, address) if zone else None
    mode = server.get("mode", "ok") if server else "lame"
    if mode == "down":
        return None
    if mode in ("servfail", "lame") or zone is None or server is None:
        response.set_rcode(dns.rcode.SERVFAIL if mode == "servfail" else dns.rcode.REFUSED)
        return response
    found = zone_answer(world, zone, server, name, kind, now)
    response.flags |= dns.flags.AA
    response.set_rcode(found.rcode)
    response.answer = found.answer
    response.authority = found.authority
    return response

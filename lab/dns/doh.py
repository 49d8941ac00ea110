# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS over HTTPS (RFC 8484) in front of the resolver, HTTP/1.1."""

from __future__ import annotations

import base64
import binascii

import dns.message

from lab.dns.wire import respond_bytes
from lab.server import Hub, Request, Response

MEDIA_TYPE = "application/dns-message"
PATH = "/dns-query"


class DohService:
    """POST with the message as body, or GET with ``?dns=`` in base64url without padding."""

    name = "doh"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def handle(self, request: Request) -> Response:
        """Answer one query."""
        request.notes["write"] = False
        if request.path != PATH:
            return Response(404, b"not found")
        if request.method == "POST":
            if request.headers.get("Content-Type", "").split(";")[0].strip().lower() != MEDIA_TYPE:
                return Response(415, b"unsupported media type")
            data: bytes | None = request.body
        elif request.method == "GET":
            data = _decode(request.query.get("dns", [""])[0])
        else:
            return Response(405, b"method not allowed")
        wire = respond_bytes(data, self._hub.dns.answer_recursive, 0) if data else None
        if wire is None:
            return Response(400, b"not a DNS query")
        return Response(
            200, wire, {"Content-Type": MEDIA_TYPE, "Cache-Control": f"max-age={_freshness(wire)}"}
        )


def _decode(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None


def _freshness(wire: bytes) -> int:
    """Return for how long an answer may be kept: its lowest TTL at most (RFC 8484, 5.1)."""
    message = dns.message.from_wire(wire)
    return min((each.ttl for each in message.answer), default=0)

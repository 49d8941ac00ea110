# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's api.cloudflare.com: routes, authentication and rate limit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dns.rdatatype

from lab.cloudflare.auth import Caller, authenticate, bearer, count, identify, throttled
from lab.cloudflare.completion import complete
from lab.cloudflare.domains import Domains
from lab.cloudflare.envelope import ApiError, no_method, no_route, success
from lab.cloudflare.investigate import Investigate, Released
from lab.cloudflare.zones import Zones
from lab.server import BadRequest, Hub, Request, Response

PREFIX = "/client/v4/"
_DOMAINS = ["email-security", "settings", "domains"]
_INVESTIGATE = ["email-security", "investigate"]
_WITH_BODY = ("POST", "PUT", "PATCH")


class CloudflareService:
    """The service, with one more fault: a 429 of its own.

    The fault is ``{"service": "cloudflare", "kind": "rate_limited", "seconds": N}``.
    """

    name = "cloudflare"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def handle(self, request: Request) -> Response:
        """Answer one request; every refusal is in Cloudflare's envelope."""
        headers: dict[str, str] = {}
        released: list[Released] = []
        try:
            with self._hub.lock:
                status, body = self._answer(request, headers, released)
        except ApiError as error:
            return Response(error.status, error.body(), {**headers, **error.headers})
        self._deliver(released)
        return Response(status, body, headers)

    def _deliver(self, released: list[Released]) -> None:
        """Deliver what was released, if there is a mail path.

        ``hub.mail.release(id)`` says whether the next hop took it.
        """
        mail: Any = getattr(self._hub, "mail", None)
        for identifier, entry in released if mail is not None else ():
            if not mail.release(identifier):
                entry["undelivered"].extend(entry["delivered"])
                entry["delivered"].clear()

    def _answer(
        self, request: Request, headers: dict[str, str], released: list[Released]
    ) -> tuple[int, dict[str, Any]]:
        world, now = self._hub.world, self._hub.clock.now()
        complete(world, now)
        state = world["cloudflare"]
        if not request.path.startswith(PREFIX):
            raise no_route(request.path)
        path = request.path.removeprefix(PREFIX).rstrip("/").split("/")
        if path[-2:] == ["tokens", "verify"]:
            return 200, self._verify(request, path[:-2], state)
        caller = authenticate(request.headers, state)
        fault = self._hub.faults.take(self.name, request.names, ("rate_limited",))
        if fault is not None:
            raise throttled(max(0, round(fault.seconds)))
        headers.update(count(caller, state, now.timestamp()))
        body = _body(request)
        if path[0] == "zones":
            return 200, Zones(world, caller, now).handle(
                request.method, path[1:], request.query, body
            )
        if path[0] == "accounts" and path[2:5] == _DOMAINS:
            return self._domains(request, path, body, caller, now)
        if path[0] == "accounts" and path[2:4] == _INVESTIGATE:
            self._own_account(path[1])
            if path[4:] == ["preview"]:
                request.notes["write"] = False
            return Investigate(world, caller, now, released).handle(
                request.method, path[4:], request.query, body
            )
        raise no_route(request.path)

    def _domains(
        self, request: Request, path: list[str], body: Any, caller: Caller, now: datetime
    ) -> tuple[int, dict[str, Any]]:
        self._own_account(path[1])
        lookup = self._lookup if self._hub.dns is not None else None
        return Domains(self._hub.world, caller, now, lookup).handle(
            request.method, path[5:], request.query, body
        )

    def _own_account(self, account: str) -> None:
        if account != self._hub.world["cloudflare"]["account_id"]:
            # An account that the token does not know looks like a missing permission
            raise ApiError(403, 10000, "Authentication error")

    def _lookup(self, name: str, kind: str) -> list[str]:
        """Return the contents of a name's records, from the authoritative side."""
        wanted = dns.rdatatype.from_text(kind)
        sets = [each for each in self._hub.dns.lookup(name, kind).answer if each.rdtype == wanted]
        return [
            str(item.exchange) if kind == "MX" else item.to_text() for each in sets for item in each
        ]

    def _verify(self, request: Request, owner: list[str], state: dict[str, Any]) -> dict[str, Any]:
        """Verify a token: each of both addresses knows only tokens of its own kind.

        They are /user/tokens/verify and /accounts/{id}/tokens/verify.
        """
        kind = (
            "user"
            if owner == ["user"]
            else "account"
            if owner == ["accounts", state["account_id"]]
            else None
        )
        if kind is None:
            raise no_route(request.path)
        if request.method != "GET":
            raise no_method(request.method)
        caller = identify(bearer(request.headers, state), state)
        if caller is None or caller.kind != kind:
            raise ApiError(401, 1000, "Invalid API Token")
        messages = [{"code": 10000, "message": "This API Token is valid and active", "type": None}]
        return success(
            {"id": caller.token_id, "status": caller.status},
            messages=messages if caller.status == "active" else [],
        )


def _body(request: Request) -> Any:
    """Return the JSON of a request that has a body."""
    if request.method not in _WITH_BODY or not request.body:
        return None
    try:
        return request.json()
    except BadRequest as error:
        raise ApiError(400, 6007, "Malformed JSON in request body") from error

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asks, and what the token may do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.cloudflare.envelope import ApiError
from lab.cloudflare.settings import setting

# A token is at least 40 characters of these; anything else is refused for its form, before it is
# looked up.
_FORM = re.compile(r"[A-Za-z0-9_-]{40,}")
_WINDOW = 300


@dataclass(frozen=True)
class Caller:
    """A token that the account knows."""

    token_id: str
    kind: str
    status: str
    permissions: frozenset[str]
    zones: frozenset[str] | None
    lists: bool = True

    def may(self, permission: str) -> bool:
        """Write includes Read."""
        wanted = _plain(permission)
        return wanted in self.permissions or wanted.replace(" read", " write") in self.permissions

    def sees(self, zone: str) -> bool:
        """Return whether the token's resources include a zone."""
        return self.zones is None or zone in self.zones

    def need(self, permission: str) -> None:
        """Refuse, as Cloudflare does: with a code that does not say which permission is missing."""
        if not self.may(permission):
            raise ApiError(403, 10000, "Authentication error")


def _plain(permission: str) -> str:
    """Return a permission in one spelling: pages differ ("DNS:Edit", "DNS Write")."""
    return re.sub(r"[\s:]+", " ", permission).strip().lower().replace(" edit", " write")


def bearer(headers: Mapping[str, str], state: dict[str, Any]) -> str:
    """Return the token of a request, whether it is known or not."""
    header = headers.get("Authorization")
    if header is None:
        raise ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    scheme, _space, token = header.partition(" ")
    if scheme.lower() != "bearer" or (token not in state["tokens"] and not _FORM.fullmatch(token)):
        chain = [{"code": 6111, "message": "Invalid format for Authorization header"}]
        raise ApiError(400, 6003, "Invalid request headers", chain=chain)
    return token


def identify(token: str, state: dict[str, Any]) -> Caller | None:
    """Return the caller of a token, or None where the account does not know it."""
    known = state["tokens"].get(token)
    if known is None:
        return None
    zones = known.get("zones", "*")
    return Caller(
        token_id=hashlib.sha256(token.encode()).hexdigest()[:32],
        kind=known.get("kind", "user"),
        status=known.get("status", "active"),
        permissions=frozenset(_plain(each) for each in known.get("permissions", [])),
        zones=None if zones == "*" else frozenset(zones),
        lists=bool(known.get("lists", True)),
    )


def authenticate(headers: Mapping[str, str], state: dict[str, Any]) -> Caller:
    """Return the caller, or raise Cloudflare's refusal."""
    caller = identify(bearer(headers, state), state)
    if caller is None or caller.status != "active":
        raise ApiError(setting(state, "auth_error_status"), 10000, "Authentication error")
    return caller


def count(caller: Caller, state: dict[str, Any], now: float) -> dict[str, str]:
    """Count a request against the token's limit; the headers of the answer ([CF-6.4]).

    Over it: 429 for five minutes.
    """
    limit = int(setting(state, "rate_limit"))
    if limit == 0:
        return {}
    window = state.setdefault("rate", {}).setdefault(
        caller.token_id, {"start": now, "used": 0, "blocked_until": 0.0}
    )
    if now < window["start"] or now - window["start"] >= _WINDOW:
        window.update(start=now, used=0)
    window["used"] += 1
    if window["used"] > limit and window["blocked_until"] <= now:
        window["blocked_until"] = now + _WINDOW
    left = max(0, round(window["start"] + _WINDOW - now))
    headers = {
        "Ratelimit": f'"default";r={max(0, limit - window["used"])};t={left}',
        "Ratelimit-Policy": f'"default";q={limit};w={_WINDOW}',
    }
    if window["blocked_until"] > now:
        raise throttled(max(1, round(window["blocked_until"] - now)), headers)
    return headers


def throttled(seconds: int, headers: dict[str, str] | None = None) -> ApiError:
    """Return a 429 with the wait that it asks for."""
    error = ApiError(429, 971, "Please wait and consider throttling your request speed")
    error.headers = {**(headers or {}), "retry-after": str(seconds)}
    return error

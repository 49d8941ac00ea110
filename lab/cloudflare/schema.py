# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of an Email Security domain, and which call takes or demands them [CF-6.1]."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable
from typing import Any

from lab.cloudflare.envelope import ApiError
from lab.cloudflare.record import is_host
from lab.cloudflare.settings import setting

DELIVERY_MODES = ("DIRECT", "BCC", "JOURNAL", "API", "RETRO_SCAN")
DISPOSITIONS = (
    "MALICIOUS",
    "MALICIOUS-BEC",
    "SUSPICIOUS",
    "SPOOF",
    "SPAM",
    "BULK",
    "ENCRYPTED",
    "EXTERNAL",
    "UNKNOWN",
    "NONE",
)
REGIONS = ("GLOBAL", "AU", "DE", "IN", "US")
FOLDERS = ("AllItems", "Inbox")

_REQUIRED = ("allowed_delivery_modes", "drop_dispositions", "ip_restrictions", "regions")


def _list_of(value: Any, allowed: tuple[str, ...]) -> str | None:
    if not isinstance(value, list):
        return "must be a list"
    wrong = [item for item in value if item not in allowed]
    return f"holds {wrong[0]!r}, which is none of {', '.join(allowed)}" if wrong else None


def _networks(value: Any) -> str | None:
    if not isinstance(value, list):
        return "must be a list"
    for item in value:
        try:
            if not isinstance(item, str) or "/" not in item:
                return f"holds {item!r}, which is not in CIDR form"
            ipaddress.ip_network(item)
        except ValueError:
            return f"holds {item!r}, which is not in CIDR form"
    return None


def _hops(value: Any) -> str | None:
    return (
        None if type(value) is int and 1 <= value <= 20 else "must be an integer between 1 and 20"
    )


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be a boolean"


def _host(value: Any) -> str | None:
    return None if isinstance(value, str) and is_host(value) else "must be a host name"


def _folder(value: Any) -> str | None:
    return (
        None
        if value is None or value in FOLDERS
        else f"must be null or one of {', '.join(FOLDERS)}"
    )


def _uuid(value: Any) -> str | None:
    if value is None:
        return None
    try:
        uuid.UUID(str(value))
    except ValueError:
        return "must be null or a UUID"
    return None


CHECKS: dict[str, Callable[[Any], str | None]] = {
    "domain": _host,
    "allowed_delivery_modes": lambda value: _list_of(value, DELIVERY_MODES),
    "drop_dispositions": lambda value: _list_of(value, DISPOSITIONS),
    "ip_restrictions": _networks,
    "regions": lambda value: _list_of(value, REGIONS),
    "lookback_hops": _hops,
    "transport": _host,
    "require_tls_inbound": _boolean,
    "require_tls_outbound": _boolean,
    "folder": _folder,
    "integration_id": _uuid,
}

# What a domain has when the caller does not say. One hop is "sit first", the way of an MX [CF-1];
# the rest is not documented.
DEFAULTS: dict[str, Any] = {
    "lookback_hops": 1,
    "transport": None,
    "require_tls_inbound": False,
    "require_tls_outbound": False,
    "folder": None,
    "integration_id": None,
}


def required(verb: str, state: dict[str, Any]) -> tuple[str, ...]:
    """Return the fields that a call must carry."""
    if verb == "POST":
        return ("domain", *_REQUIRED)
    if verb == "PUT":
        return (
            (*_REQUIRED, "lookback_hops")
            if setting(state, "put_needs_lookback_hops")
            else _REQUIRED
        )
    return ("ip_restrictions",) if setting(state, "patch_needs_ip_restrictions") else ()


def check(verb: str, fields: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Return the fields, or refuse the first wrong one.

    A domain's name is given at its creation only.
    """
    known = set(CHECKS) - (set() if verb == "POST" else {"domain"})
    for name in sorted(set(fields) - known):
        raise _refusal(name, "is not a field of this request")
    for name in required(verb, state):
        if name not in fields:
            raise _refusal(name, "is required")
    for name, value in fields.items():
        complaint = CHECKS[name](value)
        if complaint:
            raise _refusal(name, complaint)
    return dict(fields)


def _refusal(name: str, complaint: str) -> ApiError:
    return ApiError(400, 1001, f"{name} {complaint}", pointer=f"/{name}")

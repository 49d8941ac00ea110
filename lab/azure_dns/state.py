# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The empty state of the lab's Azure DNS, what a world may set in it, and zones to start with."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

SUBSCRIPTION = "5c2f7a10-0000-4000-8000-00000000d451"
RESOURCE_GROUP = "dns"

# Built-in roles (Azure built-in roles for networking, "DNS Zone Contributor"; and "Reader").
DNS_ZONE_CONTRIBUTOR = ["Microsoft.Network/dnsZones/*"]
READER = ["*/read"]

DEFAULT_SETTINGS: dict[str, Any] = {
    # The error under "error", bare at the top level, or one after the other: both occur
    # (the specification's CloudError wraps; kubernetes-sigs/external-dns#5358 and
    # StackExchange/dnscontrol#4363 show bare ones).
    "error_shape": "rotate",
    # Requests per zone and minute (azure-docs, includes/dns-limits.md); 0 is no limit.
    "writes_per_minute": 200,
    "reads_per_minute": 2000,
    "lists_per_minute": 60,
    # Seconds in Retry-After of a 429.
    "retry_after": 1,
    # False: a 429 does not say when to come back.
    "says_when": True,
    # Longest page of a zone list ($top is 100 at most).
    "longest_page": 100,
    # Whether the set's body names metadata that is empty: the specification calls it optional.
    "shows_empty_metadata": True,
    # Record sets in a zone, records in a set (azure-docs, includes/dns-limits.md).
    "records_in_set": 20,
}


def empty_state(tenant_id: str = "") -> dict[str, Any]:
    """Return the state of a subscription without zones, which nobody may see."""
    return {
        "tenant_id": tenant_id,
        "subscriptions": [SUBSCRIPTION],
        "zones": [],
        "roles": {},
        "settings": dict(DEFAULT_SETTINGS),
    }


def setting(state: dict[str, Any], name: str) -> Any:
    """Return a setting of the world, or its default."""
    return state.get("settings", {}).get(name, DEFAULT_SETTINGS[name])


def zone(
    name: str,
    mail: list[tuple[int, str]],
    ttl: int,
    *,
    subscription: str = SUBSCRIPTION,
    group: str = RESOURCE_GROUP,
    number: int = 7,
) -> dict[str, Any]:
    """Return a zone: mail hosts, SPF, a web server, an alias name.

    ``number`` is in its servers' names, as Azure spreads its zones over name servers ns1-01 to
    ns4-09 and beyond.
    """
    made: dict[str, Any] = {
        "subscription": subscription,
        "resource_group": group,
        "name": name,
        "zone_type": "Public",
        "name_servers": [
            f"ns{index}-{number:02}.azure-dns.{suffix}."
            for index, suffix in enumerate(("com", "net", "org", "info"), 1)
        ],
        "tags": {},
        "sets": {},
        "locks": [],
    }
    rows = {
        "MX/@": (ttl, [{"preference": priority, "exchange": host} for priority, host in mail]),
        "TXT/@": (3600, [{"value": ["v=spf1 include:spf.protection.outlook.com -all"]}]),
        "A/www": (300, [{"ipv4Address": "192.0.2.80"}]),
        "CNAME/autodiscover": (3600, [{"cname": "autodiscover.outlook.com"}]),
    }
    for key, (life, records) in rows.items():
        made["sets"][key] = {
            "etag": etag(f"{subscription} {group} {name} {key}"),
            "ttl": life,
            "records": records,
            "metadata": {},
            "target": None,
        }
    return made


def etag(text: str) -> str:
    """Return a GUID in the form in which Azure DNS writes etags, the same for the same text."""
    return str(uuid.UUID(hashlib.sha256(text.encode()).hexdigest()[:32]))


def new_etag(state: dict[str, Any]) -> str:
    """Return an etag that no set had before."""
    state["counter"] = int(state.get("counter", 0)) + 1
    return etag(f"etag {state['counter']}")

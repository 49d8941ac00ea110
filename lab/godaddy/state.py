# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The empty state of the lab's GoDaddy, what a world may set in it, and domains to start with."""

from __future__ import annotations

from typing import Any

DEFAULT_SETTINGS: dict[str, Any] = {
    # Calls per minute and endpoint, by the lab's clock; 0 is no limit (developer.godaddy.com, "Get
    # started": 60).
    "calls_per_minute": 60,
    # Calls per month; 0 is no limit (help page 42424: 20,000).
    "calls_per_month": 0,
    # Where a 429 says when to come back: "both", "body" (retryAfterSec), "header" (Retry-After),
    # "none". The description has the body's field; which of them is sent is not documented.
    "says_when": "both",
    # Final dot of a host in what is read: "as_sent", "bare" or "dotted" (not documented; the
    # examples of v3 have one).
    "host_spelling": "as_sent",
    # Lab seconds after a change in which another one is refused with 409 (dns-lexicon 3.25.2).
    "busy_seconds": 0,
    # TTLs (v3 schema: 600 to 86400; v1 refuses less: win-acme#1947).
    "lowest_ttl": 600,
    "highest_ttl": 86400,
    # False: GET /v1/domains/{domain} is refused though records can be read and written, as for
    # accounts with fewer than ten domains since July 2026 (acme.sh#6849).
    "domain_details": False,
}


def empty_state() -> dict[str, Any]:
    """Return the state of an account without domains."""
    return {
        "tokens": {},
        "keys": {},
        "eligible": True,
        "domains": {},
        "settings": dict(DEFAULT_SETTINGS),
    }


def setting(state: dict[str, Any], name: str) -> Any:
    """Return a setting of the world, or its default."""
    return state.get("settings", {}).get(name, DEFAULT_SETTINGS[name])


def domain(mail: list[tuple[int, str]], ttl: int, number: int = 7) -> dict[str, Any]:
    """Return a domain with mail hosts, SPF, a web server and an alias name."""
    rows: list[tuple[str, str, str, int, int | None]] = [
        ("MX", "@", host, ttl, priority) for priority, host in mail
    ]
    rows += [
        ("TXT", "@", "v=spf1 include:spf.protection.outlook.com -all", 3600, None),
        ("A", "www", "192.0.2.80", 600, None),
        ("CNAME", "autodiscover", "autodiscover.outlook.com", 3600, None),
    ]
    records = []
    for kind, owner, data, life, priority in rows:
        record: dict[str, Any] = {"type": kind, "name": owner, "data": data, "ttl": life}
        records.append(record if priority is None else {**record, "priority": priority})
    return {
        "status": "ACTIVE",
        "elsewhere": False,
        "name_servers": [
            f"ns{number:02}.domaincontrol.com",
            f"ns{number + 1:02}.domaincontrol.com",
        ],
        "records": records,
        "protected": False,
    }

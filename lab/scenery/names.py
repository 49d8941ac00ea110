# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""People, addresses and subjects that rows of scenery are made from."""

from __future__ import annotations

import ipaddress
import random
from functools import lru_cache

_FIRST = ("anna", "bjorn", "chiara", "dora", "emil", "farid", "gesa", "hugo", "ines", "jonas")
_LAST = ("keller", "rossi", "novak", "hansen", "dubois", "weber", "costa")
SUBJECTS = (
    "Minutes of Tuesday",
    "Re: offer 2026-118",
    "WG: Rechnung",
    "Réunion de jeudi",
    "Lunch?",
    "Q4 forecast",
    "=?utf-8?Q?=C3=9Cbergabe?=",
    "",
)
SPAM_SUBJECTS = ("Your parcel waits", "Invoice overdue", "You won", "Password expires today")

# Microsoft's own machines, as they show in FromIP of mail that never left the service
# (rafaelpfister.ch 2026-08; MicrosoftDocs/office-docs-powershell#9305)
NOWHERE = "255.255.255.255"
_SERVICE = (
    "2603:10a6:102:",
    "2603:10a6:208:",
    "2603:10b6:a03:",
    "2a01:111:f403:",
    "2a01:111:f400:",
)
# what a made-up stranger must not be: Area 1 [CF-3], Microsoft's ranges
_TAKEN = tuple(
    ipaddress.ip_network(text)
    for text in (
        "52.0.0.0/10",
        "54.173.50.0/24",
        "104.30.0.0/16",
        "158.51.64.0/22",
        "134.195.26.0/23",
        "35.157.195.0/24",
        "40.64.0.0/10",
        "104.40.0.0/13",
        "104.47.0.0/16",
    )
)


def person(number: int, domains: list[str]) -> str:
    """Return the address of one of a tenant's people; ``domains`` are dealt out in turn."""
    first, last = _FIRST[number % len(_FIRST)], _LAST[(number // len(_FIRST)) % len(_LAST)]
    return f"{first}.{last}{number}@{domains[number % len(domains)]}"


@lru_cache(maxsize=64)
def service_addresses(seed: int, count: int = 12) -> tuple[str, ...]:
    """Return addresses of the service's own machines, IPv6."""
    chance = random.Random(f"service {seed}")
    return tuple(
        f"{chance.choice(_SERVICE)}{chance.randrange(0x10, 0xFFFF):x}::{chance.randrange(1, 99):x}"
        for _ in range(count)
    )


@lru_cache(maxsize=64)
def outside_addresses(seed: int, count: int, ipv6_share: float = 0.0) -> tuple[str, ...]:
    """Return addresses on the Internet that are neither Area 1's nor Microsoft's."""
    chance = random.Random(f"outside {seed}")
    found: list[str] = []
    while len(found) < count:
        if chance.random() < ipv6_share:
            found.append(f"2001:16b8:{chance.randrange(0xFFFF):x}::{chance.randrange(1, 0xFFFF):x}")
            continue
        address = ipaddress.IPv4Address(chance.randrange(0x01000000, 0xDF000000))
        if address.is_global and not any(address in network for network in _TAKEN):
            found.append(str(address))
    return tuple(found)


def outside_person(chance: random.Random) -> str:
    """Return a correspondent of the tenant's people."""
    return f"{chance.choice(_FIRST)}@partner{chance.randrange(40)}.example"

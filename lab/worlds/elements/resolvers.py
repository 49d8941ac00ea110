# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolvers with habits of their own, and mail hosts with IPv6 addresses."""

from __future__ import annotations

import random

from lab.dns.hosts import MICROSOFT_HOSTS
from lab.worlds.builder import Builder


def habits(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add a resolver that raises TTLs, and one that answers SERVFAIL for a name.

    The first is as cache-min-ttl 3600 makes it (qdm12/dns#94, opnsense/core#10032).
    """
    builder.world["dns"]["resolvers"] = [
        {},
        {"min_ttl": chance.choice((1800, 3600))},
        {"servfail": [chance.choice(["northwind.example", "nw-labs.example"])]},
    ]


def ipv6(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add AAAA beside A at each host that mail is forwarded to (MC835648).

    "delivers": Area 1 uses them, from the network that Cloudflare publishes [CF-3]; whether it does
    is not public.
    """
    world = builder.world
    scenery = world["dns"].setdefault("scenery", [])
    known = {(item["type"], item["name"]) for item in scenery}
    for host in sorted(set(world["tenant"]["mail_hosts"].values())):
        name = host.lower()
        if ("A", name) not in known:
            pattern = "*." + name.partition(".")[2]
            address = MICROSOFT_HOSTS.get(pattern, MICROSOFT_HOSTS["*.mx.microsoft"])
            scenery.append({"type": "A", "name": name, "content": address, "ttl": 300})
        scenery += [
            {"type": "AAAA", "name": name, "content": f"2a01:111:f403:{part:x}::10", "ttl": 300}
            for part in (0xC905, 0xC932)
        ]
    if argument == "delivers":
        world["mail"]["addresses"]["127.0.3.60"] = "2405:8100:c400::25"
        world["mail"]["egress"].append("127.0.3.60")

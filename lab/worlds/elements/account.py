# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else lies in a Cloudflare account: other customers, and zones that cannot serve."""

from __future__ import annotations

import copy
import hashlib
import random
from typing import Any

from lab.worlds.builder import Builder, records

_OTHER_ACCOUNT = hashlib.sha256(b"another account").hexdigest()[:32]
_OTHER_SERVERS = ["kip.ns.cloudflare.example", "lea.ns.cloudflare.example"]
OTHER_CUSTOMER = "other-customer.example"


def other_customers(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add domains, zones and messages of somebody else in the same account.

    A group or a service provider has several tenants behind one Cloudflare account.
    """
    cloudflare = builder.world["cloudflare"]
    for number, name in enumerate((OTHER_CUSTOMER, "second-customer.example")):
        builder.zone(name, "mailstream-eu1.mxrecord.io", 300)
        cloudflare["email_security"]["domains"].append(
            {
                "domain": name,
                "allowed_delivery_modes": ["DIRECT"],
                "transport": "aspmx.l.google.com" if number == 0 else f"mail.{name}",
                "lookback_hops": 1,
                "drop_dispositions": [],
                "regions": ["GLOBAL"],
                "ip_restrictions": [],
            }
        )
    cloudflare["others"] = {"seed": chance.randrange(1 << 30), "every_minutes": 30, "days": 3}


def _zone(name: str, key: str, born: Any, **fields: Any) -> dict[str, Any]:
    """Return a zone that others serve."""
    return {
        "id": hashlib.sha256(f"zone {key}".encode()).hexdigest()[:32],
        "name": name,
        "status": "active",
        "name_servers": list(_OTHER_SERVERS),
        "records": records(name, [(0, "mx.elsewhere.example")], 300, born),
        **fields,
    }


def odd_zones(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add a pending child zone, a zone for internal DNS, and one of the same name elsewhere.

    The last one is in another account that the token reaches (cloudflare-docs#12023). None of them
    answers in the public DNS. The API lists them before the real one or behind it.
    """
    name = "northwind.example"
    odd = {
        f"mail.{name}": _zone(f"mail.{name}", "child", builder.born, status="pending"),
        f"{name}#internal": _zone(name, "internal", builder.born, type="internal", private=True),
        f"{name}#other": _zone(
            name,
            "other",
            builder.born,
            private=True,
            status=chance.choice(("pending", "moved", "active")),
            account_id=_OTHER_ACCOUNT,
        ),
    }
    zones = builder.world["cloudflare"]["zones"]
    before, after = (odd, zones) if chance.random() < 0.5 else (zones, odd)
    builder.world["cloudflare"]["zones"] = copy.copy(before) | copy.copy(after)

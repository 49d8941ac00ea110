# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loopback addresses of the lab: name servers and mail hosts, and the zones that hold them."""

from __future__ import annotations

from typing import Any

# The authoritative servers listen here, on one port. Linux binds any address of 127/8.
ADDRESSES = ("127.0.0.1", "127.0.0.2")

# [CF-2.1] (the nine of the tutorial) and [CF-2.2] (today's pair). One address
# each, so that a mail server can stand for one host alone.
AREA1_HOSTS = {
    "mailstream-central.mxrecord.mx": "127.0.1.1",
    "mailstream-east.mxrecord.io": "127.0.1.2",
    "mailstream-west.mxrecord.io": "127.0.1.3",
    "mailstream-eu1.mxrecord.io": "127.0.1.4",
    "mailstream-bom.mxrecord.mx": "127.0.1.5",
    "mailstream-india-primary.mxrecord.mx": "127.0.1.6",
    "mailstream-asia.mxrecord.mx": "127.0.1.7",
    "mailstream-syd.area1.cloudflare.net": "127.0.1.8",
    "mailstream-australia-primary.area1.cloudflare.net": "127.0.1.9",
    "mxa.global.inbound.cf-emailsecurity.net": "127.0.1.10",
    "mxb.global.inbound.cf-emailsecurity.net": "127.0.1.11",
}

# [CF-2.2]: how "points to Area 1" is recognised
AREA1_SUFFIXES = (
    ".mxrecord.io",
    ".mxrecord.mx",
    ".area1.cloudflare.net",
    ".inbound.cf-emailsecurity.net",
)

MICROSOFT_HOSTS = {
    "*.mail.protection.outlook.com": "127.0.2.1",
    "*.mx.microsoft": "127.0.2.2",
}

_HOME_ZONES = (
    "mxrecord.io",
    "mxrecord.mx",
    "area1.cloudflare.net",
    "inbound.cf-emailsecurity.net",
    "mail.protection.outlook.com",
    "mx.microsoft",
)


def empty_state() -> dict[str, Any]:
    """Return a DNS without customer zones, with the two name servers of the lab's Cloudflare."""
    return {
        "zones": {},
        "delegations": {},
        "servers": {
            "ada.ns.cloudflare.example": {"address": ADDRESSES[0], "mode": "ok", "lag_seconds": 0},
            "bob.ns.cloudflare.example": {"address": ADDRESSES[1], "mode": "ok", "lag_seconds": 0},
        },
        "hosts": {},
        "forward": {},
        "warm": False,
        "history": [],
        "versions": {},
    }


def _home(name: str) -> str:
    """Return the zone of a mail host or name server.

    It is one of the built-in zones, else the name less its first label.
    """
    for zone in _HOME_ZONES:
        if name.endswith("." + zone):
            return zone
    return name.partition(".")[2]


def infrastructure_zones(dns: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the zones of everything that is neither the customer's nor Cloudflare's.

    Every server of the lab answers them (``name_servers`` is empty), because they are scenery, not
    under test.
    """
    addresses = {**AREA1_HOSTS, **MICROSOFT_HOSTS}
    addresses.update({name: server["address"] for name, server in dns.get("servers", {}).items()})
    addresses.update(dns.get("hosts", {}))
    zones: dict[str, dict[str, Any]] = {}
    for name, address in addresses.items():
        zone = zones.setdefault(
            _home(name), {"name": _home(name), "name_servers": [], "records": []}
        )
        if address:
            zone["records"].append({"type": "A", "name": name, "content": address, "ttl": 300})
    for record in dns.get("scenery", ()):
        zones.setdefault(
            _home(record["name"]),
            {"name": _home(record["name"]), "name_servers": [], "records": []},
        )["records"].append(record)
    return zones

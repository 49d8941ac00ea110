# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail part of a world (`world["mail"]`): addresses, broken hosts, and who sends from where."""

from __future__ import annotations

from typing import Any

# [CF-3]: an address out of each kind of egress network
_EGRESS = (
    "52.11.209.211",
    "104.30.32.17",
    "104.30.63.200",
    "134.195.27.5",
    "158.51.64.9",
    "35.157.195.63",
)
EGRESS = {"127.0.3.%d" % number: public for number, public in enumerate(_EGRESS, 1)}
# RFC 5737 addresses that no world lists anywhere
SENDERS = {"127.0.4.%d" % number: "203.0.113.%d" % (40 + number) for number in range(1, 61)}
ATTACKERS = {"127.0.5.%d" % number: "198.51.100.%d" % (200 + number) for number in range(1, 6)}
CONTROLLER = "198.51.100.250"
SENDER_ZONE = "senders.example"


def empty_state() -> dict[str, Any]:
    """Return the mail part of a world in which nothing is wrong.

    ``hosts``: by host name, or "*" for all of them, what is wrong with a mail host::

        {"mode": "ok" | "down" (refuses the connection) | "silent" (no banner) | "no_starttls" |
         "wrong_certificate" | "defer" (4xx at RCPT), "banner": "554 5.7.1 ...",
         "greeting_seconds": 1, "refuse_domains": ["northwind.example"]}

    ``spf``: SPF texts of domains that have no zone in the lab; a name stands for the names below it
    too. ``sts``: MTA-STS policies, {"northwind.example": {"body": text, "mode": "ok" | "missing" |
    "down" | "wrong_certificate"}}. ``gateway``: {"host", "source", "stamp"}: a former gateway that
    relays what it gets, and writes its stamp (header, value) on it. ``direct``: senders that
    deliver past the MX. ``elsewhere``: addresses or domains that have no mailbox in the tenant.
    ``quiet``: domains that nobody writes to. ``scenery``: streams of the message trace
    (lab/scenery).
    """
    return {
        "addresses": {**EGRESS, **SENDERS, **ATTACKERS, "127.0.0.1": CONTROLLER},
        "egress": list(EGRESS),
        "hosts": {},
        "spf": {SENDER_ZONE: "v=spf1 ip4:203.0.113.0/24 -all"},
        "sts": {},
        "gateway": None,
        "direct": [],
        "elsewhere": [],
        "quiet": [],
        "scenery": [],
    }


def public(world: dict[str, Any], address: str) -> str:
    """Return the public address that a loopback one stands for.

    One that nobody named is somewhere on the Internet.
    """
    return str(world["mail"]["addresses"].get(address, CONTROLLER))


def trouble(world: dict[str, Any], host: str) -> dict[str, Any]:
    """Return what is wrong with a mail host."""
    hosts = world["mail"]["hosts"]
    return {**hosts.get("*", {}), **hosts.get(host, {})}

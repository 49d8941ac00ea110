# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepted domains of all kinds.

Parked, lame, aliases, forwarded by a registrar, for sign-in only, half migrated, internationalized.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from typing import Any

from lab.dns.hosts import ADDRESSES
from lab.worlds.builder import Builder, records

Mail = list[tuple[int, str]]
_HOSTER = ["ns1.hoster.example", "ns2.hoster.example"]
#: hosts of somebody else's that take mail: name -> loopback address (lab/mail/elsewhere.py)
GOOGLE, REGISTRAR, ON_PREMISES = (
    "smtp.google.com",
    "eforward1.registrar.example",
    "mx.on-premises.example",
)
_HOSTS = {GOOGLE: "127.0.9.1", REGISTRAR: "127.0.9.2", ON_PREMISES: "127.0.9.3"}
#: RFC 7505: one MX, preference 0, host "."; the others are sloppy and mean the same, or nearly
#: so. None: no MX but an A record, which RFC 5321 §5.1 takes for the host.
PARKED: dict[str, Mail | None] = {
    "parked-null.example": [(0, ".")],
    "parked-ten.example": [(10, ".")],
    "parked-two.example": [(0, "."), (10, ".")],
    "parked-beside.example": [(0, "."), (20, "mx.parking.example")],
    "parked-localhost.example": [(0, "localhost")],
    "parked-web.example": None,
}


def _host(domain: str) -> str:
    return domain.replace(".", "-") + ".mail.protection.outlook.com"


def _outside_zone(builder: Builder, domain: str, mail: Mail, servers: Iterable[str] = ()) -> None:
    """Add a zone at another provider."""
    known = builder.world["dns"]["servers"]
    names = list(servers) or _HOSTER
    for name, address in zip(names, ADDRESSES, strict=False):
        known.setdefault(name, {"address": address, "mode": "ok", "lag_seconds": 0})
    builder.world["dns"]["zones"][domain] = {
        "name": domain,
        "name_servers": names,
        "records": records(domain, mail, 3600, builder.born),
    }


def _quiet(builder: Builder, *domains: str) -> None:
    """Note domains that nobody writes to."""
    builder.world["mail"].setdefault("quiet", []).extend(domains)


def parked(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add domains without mail, each in another form."""
    for domain, mail in PARKED.items():
        builder.accept(domain, _host(domain))
        _outside_zone(builder, domain, mail or [])
    _quiet(builder, *PARKED)


def lame(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add a domain whose hoster dropped it (its servers refuse), and one that ran out."""
    servers = ["ns1.gone.example", "ns2.gone.example"]
    for name, address in zip(servers, ADDRESSES, strict=True):
        builder.world["dns"]["servers"][name] = {
            "address": address,
            "mode": "lame",
            "lag_seconds": 0,
        }
    builder.accept("dropped.example", _host("dropped.example"))
    _outside_zone(builder, "dropped.example", [(10, "mx.gone.example")], servers)
    builder.accept("expired.example", _host("expired.example"))
    _quiet(builder, "dropped.example", "expired.example")


def alias(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add a sub-domain that is an alias of a shop at a hoster, and accepted all the same.

    It is below northwind.example where that zone is at Cloudflare, else below a zone at the hoster.
    """
    _outside_zone(builder, "hoster.example", [(10, "mx.hoster.example")])
    hosted = builder.world["cloudflare"]["zones"].get("northwind.example")
    if hosted is None:
        _outside_zone(builder, "outside.example", [])
        hosted = builder.world["dns"]["zones"]["outside.example"]
    name = f"shop.{hosted['name']}"
    model = next(record for record in hosted["records"] if record["type"] == "CNAME")
    hosted["records"].append(
        {
            **model,
            "id": hashlib.sha256(f"CNAME {name}".encode()).hexdigest()[:32],
            "name": name,
            "content": "shops.hoster.example",
        }
    )
    builder.accept(name, _host(name))
    _quiet(builder, name)


def _own_zone(builder: Builder, domain: str, host: str) -> None:
    """Add a zone where the world's own zones are."""
    provider = builder.world.get("dns_provider", "cloudflare")
    if provider == "cloudflare":
        builder.zone(domain, host, 3600)
    else:
        builder.host_zone(domain, provider, [(0, host)], 3600)


def _elsewhere(
    builder: Builder, domain: str, host: str, mailboxes: list[str], argument: str
) -> None:
    """Add an accepted domain whose MX leads to somebody else's host.

    ``mailboxes`` (addresses, or the domain itself) are not in the tenant: what reaches Microsoft
    for them bounces. With "covered" it is in area1_domains, its zone beside the others.
    """
    world = builder.world
    builder.accept(domain, _host(domain))
    world["dns"]["hosts"][host] = _HOSTS[host]
    world["mail"].setdefault("others", {})[host] = {"address": _HOSTS[host]}
    world["mail"]["elsewhere"] += mailboxes
    if argument == "covered":
        _own_zone(builder, domain, host)
        builder.domains.append(domain)
    else:
        _outside_zone(builder, domain, [(10, host)])


def forwarded(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add a brand whose mail its registrar forwards."""
    _elsewhere(builder, "brand.example", REGISTRAR, ["brand.example"], argument)


def sign_in_only(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add a domain that people sign in with; their mailboxes are at Google."""
    _elsewhere(builder, "signin.example", GOOGLE, ["signin.example"], argument)


def half_migrated(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add a domain with its MX on premises; every other mailbox is in the tenant."""
    left = [f"user{number}@lyon.example" for number in range(0, 50, 2)]
    _elsewhere(builder, "lyon.example", ON_PREMISES, left, argument)


def idn(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add covered domains with letters beyond ASCII (cloudflare-go#347, DNSControl#2341).

    One of them has a letter that IDNA 2003 folds. The API shows the zone's name in Unicode; the
    records' names in ``argument``: ascii (default), unicode, or both.
    """
    for shown, domain in (
        ("müller.example", "xn--mller-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
    ):
        host = _host(domain)
        builder.accept(domain, host)
        _own_zone(builder, domain, host)
        zone: dict[str, Any] | None = builder.world["cloudflare"]["zones"].get(domain)
        if zone is not None:
            zone["shown_name"], zone["shown_records"] = shown, argument or "ascii"
        builder.domains.append(shown)
    # what IDNA 2003 makes of the second one is somebody else's domain, in the same account
    builder.zone("strasse.example", "mail.strasse.example", 3600)

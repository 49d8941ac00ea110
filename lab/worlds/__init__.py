# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worlds that a lab can start from.

`build(name, ...)` makes the whole mutable state as plain data. A name is a world, with a number
where it takes one, elements and a seed: `busy`, `many:20`, `fresh+strangers+idn=unicode@7`
(lab/worlds/elements).

fresh            three domains at Microsoft, nothing else
lived_in         the same as a real tenant has it: every everyday element
dehydrated       IsDehydrated true until Enable-OrganizationCustomization is due
busy             a customer's own allow list, connectors, policies and rules; MX TTL 86400
foreign_domain   one more accepted domain, legacy.example, at Microsoft and not in area1_domains
many             a hundred domains, for benchmarks (many:20 has twenty)
former_gateway   mail comes by another gateway, which locked the tenant down for itself
direct_senders   a scanner and a service deliver straight to Microsoft
locked_year_ago  deployed and locked down; gained a domain since, whose mail goes to Microsoft
half_finished    begun by hand under today's names, and left
mta_sts          enforced policies that admit Microsoft's hosts alone
laggard          one name server is half an hour late
one_down         one name server is dead
long_ttl         MX TTL 86400
at_azure         the zones are at Azure DNS; at_route53, at_godaddy likewise
five_providers   a hundred domains: twenty each at Cloudflare, Azure DNS, Route 53 and GoDaddy, and
                 twenty of which only the names are known, for a server that a test starts

``recorded:PATH`` is none of them: lab/recording.py reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lab import dns
from lab.worlds.builder import (
    ACCOUNT_ID,
    CLIENT_ID,
    DOMAINS,
    ORGANIZATION,
    OTHER_TENANT,
    TENANT_ID,
    Builder,
    Credentials,
    records,
)
from lab.worlds.busy import furnish
from lab.worlds.elements import add
from lab.worlds.mail import (
    direct_senders,
    former_gateway,
    half_finished,
    laggard,
    locked_year_ago,
    long_ttl,
    mta_sts,
    one_down,
)

__all__ = [
    "ACCOUNT_ID",
    "CLIENT_ID",
    "Credentials",
    "ORGANIZATION",
    "OTHER_TENANT",
    "TENANT_ID",
    "WORLDS",
    "build",
]


def _dehydrated(builder: Builder) -> None:
    builder.world["tenant"]["organization"]["IsDehydrated"] = True


def _foreign_domain(builder: Builder) -> None:
    """Add a domain whose zone is at another provider, with name servers of its own."""
    host = "legacy-example.mail.protection.outlook.com"
    builder.accept("legacy.example", host)
    servers = ["ns1.hoster.example", "ns2.hoster.example"]
    for name, address in zip(servers, dns.ADDRESSES, strict=True):
        builder.world["dns"]["servers"][name] = {"address": address, "mode": "ok", "lag_seconds": 0}
    builder.world["dns"]["zones"]["legacy.example"] = {
        "name": "legacy.example",
        "name_servers": servers,
        "records": records("legacy.example", [(0, host)], 3600, builder.born),
    }


def _many(builder: Builder, count: int) -> None:
    for number in range(len(DOMAINS), count):
        domain = f"nw-{number:03}.example"
        host = f"nw{number:03}-example.mail.protection.outlook.com"
        builder.accept(domain, host)
        builder.zone(domain, host, 3600)
        builder.domains.append(domain)


def _at(builder: Builder, provider: str) -> None:
    """Put all zones at one other provider, which area1_dns_provider and its options then name."""
    for domain in DOMAINS:
        builder.move_zone(domain, provider)
    builder.world["dns_provider"] = provider


def _five_providers(builder: Builder) -> None:
    """Add domains nw-<provider>-NN.example; those of rfc2136 have no zone here."""
    builder.domains.clear()
    for provider in ("cloudflare", "azure", "route53", "godaddy", "rfc2136"):
        for number in range(20):
            domain = f"nw-{provider}-{number:02}.example"
            host = f"nw-{provider}-{number:02}-example.mail.protection.outlook.com"
            builder.accept(domain, host)
            builder.domains.append(domain)
            if provider == "cloudflare":
                builder.zone(domain, host, 3600)
            elif provider != "rfc2136":
                builder.host_zone(domain, provider, [(0, host)], 3600)


WORLDS: dict[str, Callable[[Builder], None]] = {
    "fresh": lambda builder: None,
    "lived_in": lambda builder: None,
    "dehydrated": _dehydrated,
    "busy": furnish,
    "foreign_domain": _foreign_domain,
    "many": lambda builder: _many(builder, 100),
    "former_gateway": former_gateway,
    "direct_senders": direct_senders,
    "locked_year_ago": locked_year_ago,
    "half_finished": half_finished,
    "mta_sts": mta_sts,
    "laggard": laggard,
    "one_down": one_down,
    "long_ttl": long_ttl,
    "at_azure": lambda builder: _at(builder, "azure"),
    "at_route53": lambda builder: _at(builder, "route53"),
    "at_godaddy": lambda builder: _at(builder, "godaddy"),
    "five_providers": _five_providers,
}


def build(name: str, credentials: Credentials, now: datetime) -> tuple[dict[str, Any], list[str]]:
    """Return the state of a world, and the names for area1_domains."""
    base, elements, seed = _parts(name)
    kind, _, argument = base.partition(":")
    if kind not in WORLDS or (argument and (kind != "many" or not argument.isdigit())):
        raise ValueError(f"unknown world {name!r}; there are {', '.join(WORLDS)}")
    builder = Builder(name, credentials, now)
    if argument:
        _many(builder, int(argument))
    else:
        WORLDS[kind](builder)
    if elements or kind == "lived_in":
        add(builder, [*elements, *(["all"] if kind == "lived_in" else [])], seed)
    return builder.world, builder.domains


def _parts(name: str) -> tuple[str, list[str], int]:
    """Split `world+element+element@seed`."""
    rest, _, seed = name.partition("@")
    if seed and not seed.isdigit():
        raise ValueError(f"the seed of {name!r} is not a number")
    base, *elements = rest.split("+")
    return base, elements, int(seed or 1)

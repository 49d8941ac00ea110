# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a switch depends on besides the MX sets.

That is delegation, wildcards, MTA-STS, TLS reporting, and the mail hosts themselves.
"""

from __future__ import annotations

import concurrent.futures
import secrets
import typing as t

from ..._engine.errors import MailflowError
from ..sets.rrset import mx_record
from .mta_sts_policy import read_sts
from .public_dns import THREADS, PublicDns, Server
from .wire import referred

# Parent zones are served by many; the first few that answer are enough, and all say the same.
PARENT_TRIES = 4

View = dict[str, t.Any]


def domain_details(
    world: PublicDns,
    views: t.Mapping[str, View],
    sts_port: int,
    ca_path: str | None,
    tlsa_port: int = 25,
) -> tuple[dict[str, View], dict[str, View]]:
    """Return ({domain: details}, {mail host in place: view}).

    A read that fails is reported where it belongs, and stops no other.
    """
    hosts = sorted(
        {
            str(record["host"])
            for view in views.values()
            for record in view.get("records") or []
            if record["host"] != "."
        }
    )
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        mail = {host: pool.submit(mail_host, world, host, tlsa_port) for host in hosts}
        found = {
            domain: pool.submit(_details, world, domain, view, sts_port, ca_path)
            for domain, view in views.items()
        }
        return {domain: future.result() for domain, future in found.items()}, {
            host: future.result() for host, future in mail.items()
        }


def mail_hosts(world: PublicDns, hosts: t.Iterable[str], tlsa_port: int = 25) -> dict[str, View]:
    """Return addresses and TLSA records of many hosts."""
    names = list(dict.fromkeys(hosts))
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        return dict(
            zip(names, pool.map(lambda name: mail_host(world, name, tlsa_port), names), strict=True)
        )


def mail_host(world: PublicDns, host: str, tlsa_port: int = 25) -> View:
    """Return addresses and TLSA records of a host.

    ``tlsa`` None means that it could not be asked; ``secure`` that the resolver vouches (AD) for
    the addresses and the TLSA records.
    """
    view: View = {"name": host, "addresses": [], "error": "", "tlsa": None, "secure": False}
    try:
        view["addresses"] = world.resolvers.addresses(host)
        if not view["addresses"]:
            view["error"] = "the name has no address"
    except MailflowError as exc:
        view["error"] = exc.message
    try:
        answer = world.resolvers.lookup("_%d._tcp.%s" % (tlsa_port, host), "TLSA")
        view["tlsa"] = sorted(answer.values)
        view["secure"] = answer.secure
    except MailflowError:
        pass
    return view


def _details(world: PublicDns, domain: str, view: View, sts_port: int, ca_path: str | None) -> View:
    return {
        "delegation": _delegation(world, view),
        "below": _below(world, domain, view),
        "mta_sts": read_sts(world, domain, view, sts_port, ca_path),
        "texts": {
            name: _texts(world, name)
            for name in (domain, "_dmarc." + domain, "_smtp._tls." + domain)
        },
        "secure": _secure(world, domain),
    }


def _delegation(world: PublicDns, view: View) -> View:
    """Return the name servers by the parent's word and by the zone's own; None if not known."""
    zone = view.get("zone")
    found: View = {"zone": zone, "parent": None, "zone_servers": None, "error": ""}
    if not zone:
        found["error"] = str(view.get("error") or "its zone is not known")
        return found
    try:
        found["zone_servers"] = sorted(world.resolvers.lookup(zone, "NS").values)
    except MailflowError as exc:
        found["error"] = exc.message
    try:
        found["parent"] = _parents_word(world, zone)
    except MailflowError as exc:
        found["error"] = exc.message
    return found


def _parents_word(world: PublicDns, zone: str) -> list[str] | None:
    """Return the NS set of the zone to which the servers of the zone above refer."""
    above = zone.partition(".")[2]
    if not above:
        return None
    owner = world.resolvers.lookup(above, "SOA").soa_owner
    if not owner or (owner != above and not above.endswith("." + owner)):
        return None
    tries = 0
    for host in sorted(world.resolvers.lookup(owner, "NS").values):
        for address in world.resolvers.addresses(host)[:1]:
            tries += 1
            names = referred(world.exchange(Server(host, address)), zone)
            if names:
                return sorted(names)
        if tries >= PARENT_TRIES:
            break
    return None


def _below(world: PublicDns, domain: str, view: View) -> list[dict[str, t.Any]] | None:
    """Return the MX set that a wildcard gives to names below the domain; None if not known."""
    server = next(
        (
            Server(item["name"], item["address"])
            for item in view.get("name_servers") or []
            if item.get("status") in ("ok", "nodata")
        ),
        None,
    )
    if server is None:
        return None
    answer = world.ask(server, "%s.%s" % (secrets.token_hex(8), domain), "MX")
    return [mx_record(value) for value in answer.values] if answer.answered else None


def _texts(world: PublicDns, name: str) -> list[str] | None:
    try:
        return sorted(world.resolvers.lookup(name, "TXT").values)
    except MailflowError:
        return None


def _secure(world: PublicDns, domain: str) -> bool:
    try:
        return world.resolvers.lookup(domain, "MX").secure
    except MailflowError:
        return False

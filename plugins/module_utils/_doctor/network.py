# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What this machine can reach: resolvers, the servers of the domains, and port 25."""

from __future__ import annotations

import contextlib
import time
import typing as t

from .._dns.drivers.accounts import Drivers
from .._dns.options import AUTO, domain_maps, given
from .._dns.public.public_dns import PublicDns
from .._engine.context import Context
from .._engine.errors import InputError, MailflowError
from .._facts.dns_hosts import dns_hosts
from .._smtp.conversation import Broken, Conversation
from .findings import Findings

RESOLVERS, DOMAINS, SMTP = "resolvers", "domains", "smtp"
PORT_SECONDS = 10.0
# A name that every resolver knows, should no domain be given.
KNOWN_NAME = "cloudflare.com"
_FOREIGN = frozenset({"records", "ttl", "max_ttl", "expect", "dns_account"})


def look(found: Findings, params: t.Mapping[str, t.Any], context: Context) -> None:
    """Ask every resolver, look each domain's provider up, and try port 25."""
    with found.caught(RESOLVERS):
        domains = params.get("domains")
        names = list(domain_maps(domains, _FOREIGN)) if domains else []
        world = Drivers(params, context).world
        _resolvers(found, world, names[0] if names else KNOWN_NAME)
        found.note(DOMAINS, **{name: _domain(found, world, name) for name in names})
        if params.get("smtp"):
            _port_25(found, world, params, names)


def missing(params: t.Mapping[str, t.Any], context: Context) -> list[str]:
    """Return what the DNS providers that are named still need."""
    domains = params.get("domains")
    settings = domain_maps(domains, _FOREIGN) if domains else {}
    if given(params, "dns_provider"):
        settings = {**settings, "area1_dns_provider": {}}
    drivers = Drivers(params, context)
    lacking: dict[str, None] = {}
    for name, own in settings.items():
        named = own.get("dns_provider") or own.get("dns_account") or given(params, "dns_provider")
        if not named:
            lacking["area1_dns_provider, or dns_provider of the domain %s" % name] = None
            continue
        account = drivers.account_of(name, own)
        if account.provider == AUTO:
            continue
        try:
            drivers.get(account)
        except InputError as exc:
            lacking["%s (DNS provider %s)" % (exc.message.rstrip("."), account)] = None
    return list(lacking)


def _resolvers(found: Findings, world: PublicDns, name: str) -> None:
    for resolver in world.resolvers.all:
        began = time.monotonic()
        answer = world.resolvers.ask(resolver, name, "NS")
        taken = round(time.monotonic() - began, 2)
        found.note(RESOLVERS, **{resolver.text: {"answer": answer.status, "seconds": taken}})
        if not answer.answered:
            found.problem(
                RESOLVERS,
                "The resolver %s does not answer (%s)." % (resolver.text, answer.status),
                "May this machine send DNS queries to it? Name others in area1_dns_resolvers.",
            )


def _domain(found: Findings, world: PublicDns, name: str) -> dict[str, t.Any]:
    try:
        delegation = world.delegation(name)
    except MailflowError as exc:
        found.problem(DOMAINS, exc.message, exc.hint)
        return {"zone": "", "name_servers": [], "dns_provider": ""}
    hosts = sorted({server.name.rstrip(".").lower() for server in delegation.servers})
    return {"zone": delegation.zone, "name_servers": hosts, "dns_provider": provider_of(hosts)}


def provider_of(hosts: t.Iterable[str]) -> str:
    """Return whose name servers these are, "" where that is not known or they differ."""
    names = {host.driver or host.title if host else "" for _server, host in dns_hosts(hosts)}
    return names.pop() if len(names) == 1 else ""


def _port_25(
    found: Findings, world: PublicDns, params: t.Mapping[str, t.Any], names: t.Sequence[str]
) -> None:
    """Connect to a mail host, read its greeting, and leave."""
    port = int(params.get("smtp_port") or 25)
    host = _mail_host(world, names)
    if not host:
        found.note(SMTP, skipped="no domain with a mail host is given")
        return
    with found.caught(SMTP):
        for address in world.resolvers.addresses(host)[:1]:
            conversation = Conversation(address, port, PORT_SECONDS)
            try:
                code = conversation.open().code
                found.note(SMTP, host=host, port=port, greeting=code)
            except Broken as exc:
                found.note(SMTP, host=host, port=port, greeting=0)
                found.problem(
                    SMTP,
                    "Port %d of %s cannot be reached: %s." % (port, host, exc),
                    "Clouds close port 25 outwards: name another host in area1_probe_host.",
                )
            finally:
                with contextlib.suppress(Broken, OSError):
                    conversation.close()


def _mail_host(world: PublicDns, names: t.Sequence[str]) -> str:
    for name in names:
        with contextlib.suppress(MailflowError):
            values = world.resolvers.lookup(name, "MX").values
            hosts = [value.split()[-1].rstrip(".") for value in values]
            if any(hosts):
                return next(host for host in hosts if host)
    return ""

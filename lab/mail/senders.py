# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A legitimate sender: its own DNS cache, its own memory of MTA-STS policies, its way to hosts."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dns.rcode
import dns.rdatatype

from lab.dns.authoritative import server_at, zone_answer
from lab.dns.edge import find_zone
from lab.dns.resolver import forwarder
from lab.dns.zonedata import Answer
from lab.mail.client import Line
from lab.mail.relay import Later
from lab.mail.sts import PATH, PREFIX, Policy, parse
from lab.server import Hub

_NEGATIVE = 300.0
_WORKING = ("ok", "lag")
Ports = Callable[[], tuple[int, int]]


@dataclass
class _Known:
    answer: Answer
    until: float


class Names:
    """What one sender believes.

    Each of a zone's name servers is as likely to be asked as another; one that is down is passed
    over.
    """

    def __init__(self, hub: Hub, chance: random.Random) -> None:
        self._hub, self._chance = hub, chance
        self._known: dict[tuple[str, str], _Known] = {}

    def ask(self, name: str, kind: str) -> Answer:
        now = self._hub.clock.time()
        known = self._known.get((name, kind))
        if known is not None and known.until > now:
            return known.answer
        answer = self._fresh(name, kind, now)
        if answer.rcode == dns.rcode.SERVFAIL:
            raise Later("no name server answers for %s" % name)
        life = min((each.ttl for each in answer.answer), default=_NEGATIVE)
        self._known[(name, kind)] = _Known(answer, now + life)
        return answer

    def _fresh(self, name: str, kind: str, now: float) -> Answer:
        with self._hub.lock:
            world = self._hub.world
            zone = find_zone(world, name)
            if forwarder(world, name) is None and zone is not None and zone["name_servers"]:
                addresses = {each["address"] for each in world["dns"].get("servers", {}).values()}
                servers = [
                    server
                    for server in (server_at(world, zone, address) for address in sorted(addresses))
                    if server
                ]
                working = [server for server in servers if server.get("mode", "ok") in _WORKING]
                if not working:
                    return Answer(rcode=dns.rcode.SERVFAIL)
                return zone_answer(world, zone, self._chance.choice(working), name, kind, now)
        found: Answer = self._hub.dns.lookup(name, kind)
        return found

    def mail_hosts(self, domain: str) -> list[str]:
        """Return mail hosts by priority, equal ones in any order (RFC 5321, 5.1)."""
        answer = self.ask(domain, "MX")
        hosts = [
            (item.preference, self._chance.random(), str(item.exchange).lower().rstrip("."))
            for each in answer.answer
            if each.rdtype == dns.rdatatype.MX
            for item in each
        ]
        if not hosts:
            raise Later("%s has no MX" % domain)
        return [host for _preference, _chance, host in sorted(hosts)]

    def addresses(self, host: str) -> list[str]:
        return [
            item.address
            for each in self.ask(host, "A").answer
            if each.rdtype == dns.rdatatype.A
            for item in each
        ]

    def text(self, name: str, prefix: str) -> str:
        """Return the one TXT record that begins so, or "" for none."""
        texts = [
            b"".join(item.strings).decode("ascii", "replace")
            for each in self.ask(name, "TXT").answer
            if each.rdtype == dns.rdatatype.TXT
            for item in each
        ]
        return next((each for each in texts if each.lower().startswith(prefix)), "")


@dataclass
class _Cached:
    identifier: str
    policy: Policy
    until: float


@dataclass
class Sender:
    """A sender. ``obeys_sts`` and ``tls`` differ from sender to sender, as they do in the world."""

    number: int
    source: str
    names: Names
    obeys_sts: bool
    tls: str
    policies: dict[str, _Cached] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        return "s%03d.senders.example" % self.number

    async def lines(
        self, recipient_domain: str, ports: Ports, strict: ssl.SSLContext
    ) -> list[Line]:
        """Return the hosts to try, one after another."""
        hosts = self.names.mail_hosts(recipient_domain)
        policy = (
            await self._policy(recipient_domain, ports()[1], strict) if self.obeys_sts else None
        )
        enforced = policy is not None and policy.mode == "enforce"
        if enforced:
            # RFC 8461 §5: a host that the policy does not name must not be used; all failing is
            # transient
            hosts = [host for host in hosts if policy is not None and policy.admits(host)]
            if not hosts:
                raise Later("MTA-STS: no mail host is in the policy of %s" % recipient_domain)
        found = []
        for host in hosts:
            for address in self.names.addresses(host):
                tls = "required" if enforced else self.tls
                found.append(
                    Line(
                        self.source,
                        address,
                        ports()[0],
                        "mail.%s" % self.domain,
                        tls,
                        host if enforced else "",
                    )
                )
        if not found:
            raise Later("no mail host of %s has an address" % recipient_domain)
        return found

    async def _policy(self, domain: str, port: int, strict: ssl.SSLContext) -> Policy | None:
        """Return the cached policy while its id is the published one, else the published policy.

        The id is looked for at each mail, as far as the DNS cache lets (RFC 8461, 3.1).
        """
        now = self.names._hub.clock.time()
        cached = self.policies.get(domain)
        record = self.names.text("_mta-sts.%s" % domain, "v=stsv1")
        identifier = dict(part.strip().partition("=")[::2] for part in record.split(";")).get(
            "id", ""
        )
        if identifier and (
            cached is None or cached.identifier != identifier or cached.until <= now
        ):
            policy = await fetch(
                self.names.addresses(PREFIX + domain), port, PREFIX + domain, strict
            )
            if policy is not None:
                self.policies[domain] = cached = _Cached(identifier, policy, now + policy.max_age)
        return cached.policy if cached is not None and cached.until > now else None


async def fetch(
    addresses: list[str], port: int, host: str, strict: ssl.SSLContext
) -> Policy | None:
    """Return the published policy, or None where it cannot be had.

    Then a cached one still counts (RFC 8461, 3.3).
    """
    for address in addresses:
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(address, port, ssl=strict, server_hostname=host), 10
            )
            writer.write(
                ("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (PATH, host)).encode()
            )
            answer = await asyncio.wait_for(reader.read(65536), 10)
            writer.close()
        except (OSError, asyncio.TimeoutError):
            continue
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " in head.partition(b"\r\n")[0] + b" ":
            return parse(body.decode("utf-8", "replace"))
    return None


def population(hub: Hub, count: int, sources: list[str], seed: int = 8461) -> list[Sender]:
    """Return a mixture of senders, the same for every run of a world.

    One in three obeys MTA-STS, one in ten has no TLS.
    """
    chance = random.Random(seed)
    made: list[Any] = []
    for number in range(count):
        tls = "none" if number % 10 == 9 else "opportunistic"
        made.append(
            Sender(
                number,
                sources[number % len(sources)],
                Names(hub, random.Random(chance.random())),
                number % 3 == 0,
                tls,
            )
        )
    return made

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The recursive view: the resolvers that the operator names, never the system's own."""

from __future__ import annotations

import dataclasses
import ipaddress
import threading
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError, MailflowError, ReadError
from ..._engine.module import need
from ..._http import HttpClient, check_url
from .wire import QUERY_SECONDS, DnsAnswer, Exchange, Patience, udp

DEFAULT_RESOLVERS = ("1.1.1.1", "8.8.8.8", "9.9.9.9", "208.67.222.222")


@dataclasses.dataclass(frozen=True)
class Resolver:
    """One resolver: C(text) as the operator wrote it, and how to send it a message."""

    text: str
    exchange: Exchange


class Resolvers:
    """All of them; look-ups go to the first that answers, views ask each."""

    def __init__(
        self,
        given: t.Sequence[str] | None,
        ca_path: str | None = None,
        context: Context | None = None,
    ) -> None:
        texts = [str(text).strip() for text in given or () if str(text).strip()] or list(
            DEFAULT_RESOLVERS
        )
        self.all = [make_resolver(text, ca_path, context) for text in dict.fromkeys(texts)]
        self._patience = Patience()
        self._first = 0
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], DnsAnswer] = {}

    def ask(self, resolver: Resolver, name: str, rdtype: str) -> DnsAnswer:
        return self._patience.ask(resolver.text, resolver.exchange, name, rdtype, True)

    def lookup(self, name: str, rdtype: str) -> DnsAnswer:
        """Return the answer of the first resolver that answers, once per object; else ReadError."""
        key = (name, rdtype)
        with self._lock:
            if key in self._known:
                return self._known[key]
            start = self._first
        problems = []
        for step in range(len(self.all)):
            index = (start + step) % len(self.all)
            answer = self.ask(self.all[index], name, rdtype)
            if answer.answered:
                with self._lock:
                    self._first = index
                    self._known[key] = answer
                return answer
            problems.append("%s: %s" % (self.all[index].text, answer.status))
        raise ReadError(
            "No resolver answered the question for %s %s (%s)."
            % (name, rdtype, ", ".join(problems)),
            "Check dns_resolvers (area1_dns_resolvers), and that this machine may send DNS queries"
            " to them.",
        )

    def addresses(self, host: str) -> list[str]:
        """Return a host's IPv4 addresses, or IPv6 ones if it has no other; [] if it has none."""
        try:
            return [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            pass
        for rdtype in ("A", "AAAA"):
            answer = self.lookup(host, rdtype)
            if answer.values:
                return list(answer.values)
        return []


def make_resolver(
    text: str, ca_path: str | None = None, context: Context | None = None
) -> Resolver:
    """Make a resolver of "address", "address:port", "[v6]:port" or a DoH address."""
    if text.lower().startswith("https://"):
        return Resolver(text, _doh(text, ca_path, context))
    address, port = split_address(text)
    return Resolver(text, udp(address, port))


def split_address(text: str, default_port: int = 53) -> tuple[str, int]:
    host, port = text, str(default_port)
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else port
    elif text.count(":") == 1:
        host, port = text.split(":")
    try:
        number = int(port)
        address = str(ipaddress.ip_address(host))
        if not 0 < number < 65536:
            raise ValueError(port)
    except ValueError:
        raise InputError(
            "%r is not the address of a resolver." % text,
            "Give an IP address, address:port, [IPv6]:port or the https:// address of a DoH"
            " resolver.",
        ) from None
    return address, number


def _doh(url: str, ca_path: str | None, context: Context | None) -> Exchange:
    """Send a query by POST (RFC 8484) with our HTTP client, so that ca_path and deadline hold."""
    client = HttpClient(
        check_url(url),
        headers={"Accept": "application/dns-message", "Content-Type": "application/dns-message"},
        ca_path=ca_path or None,
        deadline=QUERY_SECONDS,
        timeout=QUERY_SECONDS,
        sleep=(context or Context()).sleep,
    )
    message = need("dns.message", "dnspython")

    def exchange(query: t.Any, seconds: float) -> t.Any:
        query.id = 0  # RFC 8484, 4.1: lets caches work
        try:
            reply = client.request("POST", "", data=query.to_wire(), write=False)
        except MailflowError as exc:
            raise OSError(exc.message) from exc
        if not reply.ok:
            raise OSError("%s answered %d" % (reply.where, reply.status))
        response = message.from_wire(reply.body)
        if not query.is_response(response):
            raise OSError("%s answered another question" % reply.where)
        return response

    return exchange

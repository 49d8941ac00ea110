# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the world sees of a domain's MX: each authoritative server of its zone, each resolver."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import secrets
import typing as t

from ..._engine.context import Context
from ..._engine.errors import MailflowError, ReadError
from ..sets.rrset import NULL_HOST, ancestors, mx_record
from .resolvers import Resolvers
from .wire import DnsAnswer, Exchange, Patience, udp

THREADS = 16


@dataclasses.dataclass(frozen=True)
class Server:
    """One address of one name server; C(address) is empty where its name has none."""

    name: str
    address: str


@dataclasses.dataclass(frozen=True)
class Delegation:
    zone: str
    servers: tuple[Server, ...]


class PublicDns:
    """Looks at domains through resolvers and authoritative servers.

    Used by several threads at once.
    """

    def __init__(
        self,
        resolvers: Resolvers,
        authoritative_port: int,
        context: Context,
        threads: int = THREADS,
    ) -> None:
        self.resolvers = resolvers
        self.port = authoritative_port
        self.context = context
        self.threads = threads
        self._patience = Patience()

    def views(self, domains: t.Sequence[str], rdtype: str = "MX") -> dict[str, dict[str, t.Any]]:
        """Return the view of each domain in order; a failed look-up has its ``error``."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=self.threads) as pool:
            found = dict(zip(domains, pool.map(self._delegation_or_error, domains), strict=True))
            questions: dict[tuple[str, int, int], concurrent.futures.Future[t.Any]] = {}
            for domain, delegation in found.items():
                if isinstance(delegation, Delegation):
                    for index, server in enumerate(delegation.servers):
                        questions[domain, 0, index] = pool.submit(
                            self._ask_server, server, domain, delegation, rdtype
                        )
                for index, resolver in enumerate(self.resolvers.all):
                    questions[domain, 1, index] = pool.submit(
                        self.resolvers.ask, resolver, domain, rdtype
                    )
            answers = {key: future.result() for key, future in questions.items()}
            views = {
                domain: self._view(domain, delegation, answers)
                for domain, delegation in found.items()
            }
            extras = {
                domain: pool.submit(self._extras, domain, view) for domain, view in views.items()
            }
            for domain, extra in extras.items():
                views[domain].update(extra.result())
        return views

    def delegation(self, name: str) -> Delegation:
        """Return the zone that holds the name, and the servers that its delegation names."""
        zone = self._zone_of(name)
        hosts = self.resolvers.lookup(zone, "NS").values
        if not hosts:
            raise ReadError(
                "%s: no name servers are known for the zone %s." % (name, zone or "."),
                "Is the delegation right?",
            )
        servers: list[Server] = []
        for host in hosts:
            try:
                addresses = self.resolvers.addresses(host)
            except ReadError:
                addresses = []
            servers.extend(Server(host, address) for address in addresses or [""])
        return Delegation(zone, tuple(servers))

    def _zone_of(self, name: str) -> str:
        for candidate in ancestors(name):
            owner = self.resolvers.lookup(candidate, "SOA").soa_owner
            if owner is not None and (owner in ("", candidate) or name.endswith("." + owner)):
                return owner
        # Some resolvers give no SOA, neither as an answer nor with a negative one.
        for candidate in ancestors(name):
            answer = self.resolvers.lookup(candidate, "NS")
            if answer.values and answer.cname is None:
                return candidate
        raise ReadError(
            "%s: no zone holds this name." % name, "Is the domain registered and delegated?"
        )

    def _delegation_or_error(self, domain: str) -> Delegation | MailflowError:
        try:
            return self.delegation(domain)
        except MailflowError as exc:
            return exc

    def ask(self, server: Server, name: str, rdtype: str) -> DnsAnswer:
        """Ask one name server itself; one without an address counts as silent."""
        if not server.address:
            return DnsAnswer("timeout")
        return self._patience.ask(server.address, self.exchange(server), name, rdtype, False)

    def exchange(self, server: Server) -> Exchange:
        return udp(server.address, self.port)

    def _ask_server(
        self, server: Server, name: str, delegation: Delegation, rdtype: str
    ) -> tuple[DnsAnswer, int | None]:
        """Return the answer and the zone's serial at one server."""
        answer = self.ask(server, name, rdtype)
        if answer.status == "timeout" or answer.serial is not None:
            return answer, answer.serial
        return answer, self.ask(server, delegation.zone, "SOA").serial

    def _view(
        self,
        domain: str,
        delegation: Delegation | MailflowError,
        answers: t.Mapping[tuple[str, int, int], t.Any],
    ) -> dict[str, t.Any]:
        servers = delegation.servers if isinstance(delegation, Delegation) else ()
        asked = [answers[domain, 0, index] for index in range(len(servers))]
        view: dict[str, t.Any] = {
            "domain": domain,
            "zone": delegation.zone if isinstance(delegation, Delegation) else None,
            "name_servers": [
                {
                    "name": server.name,
                    "address": server.address,
                    "status": answer.status,
                    "ttl": answer.ttl,
                    "serial": serial,
                    **_records(answer),
                }
                for server, (answer, serial) in zip(servers, asked, strict=True)
            ],
            "resolvers": [
                {
                    "address": resolver.text,
                    "status": answer.status,
                    "ttl": answer.ttl,
                    **_records(answer),
                }
                for resolver, answer in (
                    (resolver, answers[domain, 1, index])
                    for index, resolver in enumerate(self.resolvers.all)
                )
            ],
        }
        view.update(summary([answer for answer, _serial in asked]))
        view["error"] = str(delegation) if isinstance(delegation, MailflowError) else None
        return view

    def _extras(self, domain: str, view: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return shapes that need further questions: mail to a bare address record, wildcard MX."""
        extras: dict[str, t.Any] = {"implicit_mx": False, "wildcard": False}
        try:
            if view["records"] == [] and view["cname"] is None:
                extras["implicit_mx"] = bool(self.resolvers.addresses(domain))
            server = next(
                (
                    Server(entry["name"], entry["address"])
                    for entry in view["name_servers"]
                    if entry["status"] == "ok"
                ),
                None,
            )
            if server and view["records"] and domain != view["zone"]:
                sibling = "%s.%s" % (secrets.token_hex(8), domain.split(".", 1)[1])
                answer = self.ask(server, sibling, "MX")
                extras["wildcard"] = (
                    answer.status == "ok"
                    and [mx_record(value) for value in answer.values] == view["records"]
                )
        except MailflowError:
            extras["implicit_mx"] = None
        return extras


def summary(answers: t.Sequence[DnsAnswer]) -> dict[str, t.Any]:
    """Return what the authoritative answers say together.

    ``records`` is every record that any server gave, None if none answered: a failure is never "no
    records". A name that is an alias is not ``complete``: where its mail goes is decided elsewhere.
    """
    told = [answer for answer in answers if answer.answered]
    values = sorted(
        {value for answer in told for value in answer.values},
        key=lambda value: (int(value.split(" ", 1)[0]), value),
    )
    ttls = [answer.ttl for answer in told if answer.ttl is not None]
    cnames = sorted({answer.cname for answer in told if answer.cname})
    return {
        "agree": (
            bool(told) and len({(frozenset(answer.values), answer.cname) for answer in told}) == 1
        ),
        "complete": bool(answers) and len(told) == len(answers) and not cnames,
        "records": [mx_record(value) for value in values] if told else None,
        "ttl_max": max(ttls) if ttls else None,
        "cname": cnames[0] if cnames else None,
        "null_mx": bool(told) and values == ["0 " + NULL_HOST],
    }


def _records(answer: DnsAnswer) -> dict[str, t.Any]:
    return {"records": [mx_record(value) for value in answer.values] if answer.answered else None}

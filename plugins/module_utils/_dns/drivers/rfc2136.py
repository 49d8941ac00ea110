# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Dynamic updates (RFC 2136), with a prerequisite on the exact old set.

That makes every replacement a true compare-and-swap [DNS-20].
"""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.errors import (
    AmbiguousWrite,
    Conflict,
    InputError,
    MailflowError,
    PermissionDenied,
    ReadError,
    Refused,
)
from ..._engine.module import need
from ..public.resolvers import Resolvers
from ..public.wire import QUERY_SECONDS, TRIES, interpret
from ..sets.rrset import RecordSet, ancestors, txt_strings
from .contract import Capabilities, Driver, DriverOptions, Option, Surroundings
from .signed_exchange import ALGORITHMS, Broken, SignedExchange

UPDATE_SECONDS = 10.0


class Rfc2136Driver(Driver):
    """Record sets of the zones whose primary is one server, over TCP, signed if a key is given."""

    PROVIDER = "rfc2136"
    TITLE = "dynamic updates (RFC 2136)"
    SUMMARY = (
        "V(rfc2136) sends signed dynamic updates to the zone's primary server, on condition that"
        " the set still is the one that was read."
    )
    CAPABILITIES = Capabilities(atomic=True, compare_and_swap=True)
    OPTIONS = (
        Option(
            "dns_server",
            (
                "Primary server of the zones for V(rfc2136). A name is resolved through"
                " O(dns_resolvers).",
            ),
            "the primary",
        ),
        Option("dns_port", ("TCP port of O(dns_server).",), "its port", type="int", default=53),
        Option(
            "dns_key_name",
            (
                "Name of the TSIG key for V(rfc2136). Without key name and secret the updates are"
                " not signed.",
            ),
            "name of the TSIG key",
        ),
        Option(
            "dns_key_secret",
            ("Secret of the TSIG key, base64 as in the server's configuration.",),
            "secret of the TSIG key",
            environment=("AREA1_DNS_KEY_SECRET",),
            secret=True,
        ),
        Option(
            "dns_key_algorithm",
            ("Algorithm of the TSIG key.",),
            "algorithm of the TSIG key",
            choices=ALGORITHMS,
            default="hmac-sha256",
        ),
    )
    REQUIREMENTS = ("dnspython",)
    IGNORED_WRITE = (
        "A server whose update policy leaves a record out may answer NOERROR all the same (PowerDNS"
        " does): see what its policy lets this key change."
    )

    def __init__(
        self,
        server: str | None,
        port: int,
        resolvers: Resolvers,
        key_name: str | None = None,
        key_secret: str | None = None,
        key_algorithm: str = "hmac-sha256",
    ) -> None:
        if not server:
            raise InputError(
                "dns_server is not given.",
                "The provider rfc2136 needs the address of the zone's primary server.",
            )
        self._exchange = SignedExchange(
            server, int(port), resolvers, key_name, key_secret, key_algorithm
        )
        self._zones: dict[str, str] = {}

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> Rfc2136Driver:
        (server,) = options.require("dns_server")
        return cls(
            server,
            options.get("dns_port"),
            surroundings.public_dns.resolvers,
            options.text("dns_key_name"),
            options.text("dns_key_secret"),
            options.get("dns_key_algorithm"),
        )

    def check(self, name: str) -> None:
        """Send a signed update with a prerequisite and no change.

        It proves the key and writes nothing.
        """
        zone = self.zone_of(name)
        update = self._update(zone)
        update.present(need("dns.name", "dnspython").from_text(zone + "."), "SOA")
        self._send_update(update, zone)

    def zone_of(self, name: str) -> str:
        """Return the zone by the SOA at the primary: the longest suffix with authority."""
        if name in self._zones:
            return self._zones[name]
        for candidate in ancestors(name):
            answer = interpret(self._query(candidate, "SOA"), candidate, "SOA", recursive=False)
            if answer.status == "servfail":
                raise ReadError(
                    "%s: the server %s answers SERVFAIL." % (name, self._exchange.where),
                    "Look at that server's log.",
                )
            owner = answer.soa_owner
            if answer.authoritative and owner and (name == owner or name.endswith("." + owner)):
                self._zones[name] = owner
                return owner
        raise InputError(
            "%s: the server %s is not the authority for a zone that holds this name."
            % (name, self._exchange.where),
            "dns_server must be the zone's primary, and let this machine (or key) query it; or"
            " choose another dns_provider.",
        )

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        self.zone_of(name)
        answer = interpret(self._query(name, rdtype), name, rdtype, recursive=False)
        if answer.status == "cname":
            raise InputError(
                "%s is an alias of %s: it can have no %s set." % (name, answer.cname, rdtype),
                "Remove the CNAME record first.",
            )
        if answer.status == "lame":
            raise ReadError(
                "%s: the server %s has no authority for this name." % (name, self._exchange.where),
                "The name is delegated to other servers, or the server does not let this key query"
                " it.",
            )
        if not answer.answered:
            raise ReadError(
                "%s: the server %s did not tell the %s set (%s)."
                % (name, self._exchange.where, rdtype, answer.status)
            )
        if answer.status != "ok":
            return None
        return RecordSet.of(
            name,
            rdtype,
            answer.values,
            answer.ttl,
            date=datetime.datetime.now(datetime.timezone.utc).isoformat(),
        )

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        zone = self.zone_of(name)
        update = self._update(zone)
        owner = need("dns.name", "dnspython").from_text(name + ".")
        if expected is None:
            update.absent(owner, rdtype)
        else:
            for value in expected.values:
                update.present(owner, _rdata(rdtype, value))
        update.replace(owner, _rdataset(rdtype, wanted))
        self._send_update(update, "%s %s" % (name, rdtype))

    def _update(self, zone: str) -> t.Any:
        module = need("dns.update", "dnspython")
        key = self._exchange.key
        return module.UpdateMessage(zone + ".", keyring=key, keyname=key.name if key else None)

    def _query(self, name: str, rdtype: str) -> t.Any:
        """Ask without recursion, signed: the server may show a key's view only to the key."""
        message = need("dns.message", "dnspython")
        flags = need("dns.flags", "dnspython")
        rcode = need("dns.rcode", "dnspython")
        problem = "no try"
        for _unused in range(TRIES):
            query = message.make_query(name + ".", rdtype)
            query.flags &= ~flags.RD
            if self._exchange.key:
                query.use_tsig(self._exchange.key)
            try:
                response = self._exchange.send(query, QUERY_SECONDS)
            except Broken as exc:
                problem = exc.problem
                continue
            if self._exchange.key and response.rcode() == rcode.NOTAUTH:
                raise self._exchange.unknown_key()
            return response
        raise ReadError(
            "%s: the server %s did not answer (%s)." % (name, self._exchange.where, problem),
            "Check dns_server, dns_port and the network.",
        )

    def _send_update(self, update: t.Any, what: str) -> None:
        rcode = need("dns.rcode", "dnspython")
        where = self._exchange.where
        try:
            response = self._exchange.send(update, UPDATE_SECONDS)
        except Broken as exc:
            if exc.sent:
                raise AmbiguousWrite(
                    "The update of %s at %s broke off (%s)." % (what, where, exc.problem)
                ) from exc
            raise ReadError(
                "%s: the server %s cannot be reached (%s)." % (what, where, exc.problem),
                "Check dns_server, dns_port and the network; nothing was sent.",
            ) from exc
        if response.rcode() != rcode.NOERROR:
            raise self._refused(response, what)

    def _refused(self, response: t.Any, what: str) -> MailflowError:
        """Return the error for an answer that is no success, by its code."""
        rcode = need("dns.rcode", "dnspython")
        code, where = response.rcode(), self._exchange.where
        text = rcode.to_text(code)
        if code in (rcode.NXRRSET, rcode.YXRRSET, rcode.NXDOMAIN, rcode.YXDOMAIN):
            return Conflict(
                "%s: the set at %s is not the one that was read (%s)." % (what, where, text),
                "Run again: it starts from what is there now.",
            )
        if code == rcode.NOTAUTH and self._exchange.key and not response.had_tsig:
            return self._exchange.unknown_key()
        if code in (rcode.REFUSED, rcode.NOTAUTH):
            return PermissionDenied(
                "%s: the server %s answers %s to the update." % (what, where, text),
                "Let the key %s update these names and types there (update-policy or allow-update)."
                " BIND also refuses an MX host of the same zone that has no address."
                % (self._exchange.key_name or "(none is given)"),
            )
        if code == rcode.SERVFAIL:
            return AmbiguousWrite(
                "%s: the server %s answers SERVFAIL to the update." % (what, where)
            )
        return Refused(
            "%s: the server %s answers %s to the update." % (what, where, text),
            "Look at that server's log.",
        )


def _rdata(rdtype: str, value: str) -> t.Any:
    module = need("dns.rdata", "dnspython")
    if rdtype == "MX":
        priority, host = value.split(" ", 1)
        text = "%s %s." % (priority, host.rstrip("."))
    else:
        text = txt_strings(value)
    return module.from_text("IN", rdtype, text)


def _rdataset(rdtype: str, wanted: RecordSet) -> t.Any:
    module = need("dns.rdataset", "dnspython")
    return module.from_rdata_list(
        wanted.ttl if wanted.ttl is not None else 300,
        [_rdata(rdtype, value) for value in wanted.values],
    )

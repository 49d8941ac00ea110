# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""RFC 2136 dynamic updates: a prerequisite on the exact old set makes every replacement a true
compare-and-swap.
"""

from __future__ import annotations

import datetime
import socket
import typing as t

from ..._engine.errors import (
    AmbiguousWrite,
    Conflict,
    InputError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ..._engine.module import need
from ..public.resolvers import Resolvers
from ..public.wire import QUERY_SECONDS, TRIES, interpret
from ..sets.rrset import RecordSet, ancestors, txt_strings
from .contract import Capabilities, Driver, DriverOptions, Option, Surroundings

ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
UPDATE_SECONDS = 10.0


class Rfc2136Driver(Driver):
    """Record sets of the zones whose primary is one server, over TCP, signed by TSIG where a key is
    given.
    """

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
        self._server = server
        self._port = int(port)
        self._resolvers = resolvers
        self._key_name = key_name or ""
        self._algorithm = key_algorithm
        self._key = _tsig_key(key_name, key_secret, key_algorithm)
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
        """A signed update that carries a prerequisite and no change: proves the key, writes
        nothing.
        """
        zone = self.zone_of(name)
        update = self._update(zone)
        update.present(need("dns.name", "dnspython").from_text(zone + "."), "SOA")
        self._send_update(update, zone)

    def zone_of(self, name: str) -> str:
        """By the SOA at the primary; the longest suffix that it is authoritative for."""
        if name in self._zones:
            return self._zones[name]
        for candidate in ancestors(name):
            answer = interpret(self._query(candidate, "SOA"), candidate, "SOA", recursive=False)
            if answer.status == "servfail":
                raise ReadError(
                    "%s: the server %s answers SERVFAIL." % (name, self._where()),
                    "Look at that server's log.",
                )
            owner = answer.soa_owner
            if answer.authoritative and owner and (name == owner or name.endswith("." + owner)):
                self._zones[name] = owner
                return owner
        raise InputError(
            "%s: the server %s is not the authority for a zone that holds this name."
            % (name, self._where()),
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
        if not answer.answered:
            raise ReadError(
                "%s: the server %s did not tell the %s set (%s)."
                % (name, self._where(), rdtype, answer.status)
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
        return module.UpdateMessage(
            zone + ".", keyring=self._key, keyname=self._key.name if self._key else None
        )

    def _query(self, name: str, rdtype: str) -> t.Any:
        """A signed question without recursion: the server may show a key's view only to the key."""
        message = need("dns.message", "dnspython")
        flags = need("dns.flags", "dnspython")
        problem = "no try"
        for _unused in range(TRIES):
            query = message.make_query(name + ".", rdtype)
            query.flags &= ~flags.RD
            if self._key:
                query.use_tsig(self._key)
            try:
                return self._exchange(query, QUERY_SECONDS)
            except _Broken as exc:
                problem = exc.problem
        raise ReadError(
            "%s: the server %s did not answer (%s)." % (name, self._where(), problem),
            "Check dns_server, dns_port and the network.",
        )

    def _send_update(self, update: t.Any, what: str) -> None:
        rcode = need("dns.rcode", "dnspython")
        try:
            response = self._exchange(update, UPDATE_SECONDS)
        except _Broken as exc:
            if exc.sent:
                raise AmbiguousWrite(
                    "The update of %s at %s broke off (%s)." % (what, self._where(), exc.problem)
                ) from exc
            hint = "Check dns_server, dns_port and the network; nothing was sent."
            raise ReadError(
                "%s: the server %s cannot be reached (%s)." % (what, self._where(), exc.problem),
                hint,
            ) from exc
        code = response.rcode()
        text = rcode.to_text(code)
        if code == rcode.NOERROR:
            return
        if code in (rcode.NXRRSET, rcode.YXRRSET, rcode.NXDOMAIN, rcode.YXDOMAIN):
            raise Conflict(
                "%s: the set at %s is not the one that was read (%s)."
                % (what, self._where(), text),
                "Run again: it starts from what is there now.",
            )
        if code in (rcode.REFUSED, rcode.NOTAUTH):
            raise PermissionDenied(
                "%s: the server %s answers %s to the update." % (what, self._where(), text),
                "Let the key %s update these names and types there (update-policy or allow-update)."
                " BIND also refuses an MX host of the same zone that has no address."
                % (self._key_name or "(none is given)"),
            )
        if code == rcode.SERVFAIL:
            raise AmbiguousWrite(
                "%s: the server %s answers SERVFAIL to the update." % (what, self._where())
            )
        raise Refused("%s: the server %s answers %s to the update." % (what, self._where(), text))

    def _exchange(self, query: t.Any, seconds: float) -> t.Any:
        """One message over one connection.

        Raises _Broken, or SignInError where a signature is not taken.
        """
        queries = need("dns.query", "dnspython")
        exception = need("dns.exception", "dnspython")
        tsig = need("dns.tsig", "dnspython")
        try:
            connection = self._connect(seconds)
        except OSError as exc:
            raise _Broken(_reason(exc), sent=False) from exc
        with connection:
            try:
                response = queries.tcp(query, "", timeout=seconds, sock=connection)
            except (
                tsig.PeerError,
                tsig.BadTime,
                tsig.BadSignature,
                tsig.BadKey,
                tsig.BadAlgorithm,
            ) as exc:
                raise self._key_error(exc) from exc
            except (exception.DNSException, OSError, EOFError) as exc:
                raise _Broken(_reason(exc), sent=True) from exc
        if self._key and not response.had_tsig and response.rcode() in (0, 3):
            raise _Broken("the answer is not signed", sent=True)
        return response

    def _connect(self, seconds: float) -> socket.socket:
        addresses = self._resolvers.addresses(self._server)
        problem = OSError("its name has no address")
        for address in addresses:
            try:
                connection = socket.create_connection((address, self._port), timeout=seconds)
            except OSError as exc:
                problem = exc
                continue
            connection.setblocking(False)  # dnspython waits by itself
            return connection
        raise problem

    def _key_error(self, exc: Exception) -> SignInError:
        kind = type(exc).__name__
        what = {
            "PeerBadKey": "does not know the key",
            "PeerBadSignature": "does not take the signature of the key",
            "PeerBadTime": "says that the clocks differ by too much for the key",
            "BadTime": "signs with a clock that differs by too much for the key",
            "PeerBadTruncation": "does not take the length of the signature of the key",
        }.get(kind, "signs wrongly (%s) for the key" % kind)
        hint = "Check dns_key_secret: it is not the server's."
        if "Time" in kind:
            hint = "Set the clock of this machine or of the server (at most 5 minutes apart)."
        elif kind == "PeerBadKey":
            hint = (
                "Check dns_key_name and dns_key_algorithm: they must be as in the server's"
                " configuration."
            )
        return SignInError(
            "The server %s %s %s (%s)." % (self._where(), what, self._key_name, self._algorithm),
            hint,
        )

    def _where(self) -> str:
        return "%s port %d" % (self._server, self._port)


class _Broken(Exception):
    def __init__(self, problem: str, sent: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.sent = sent


def _tsig_key(name: str | None, secret: str | None, algorithm: str) -> t.Any:
    if not name and not secret:
        return None
    if not name or not secret:
        raise InputError(
            "Only one of dns_key_name and dns_key_secret is given.",
            "A TSIG key has both; omit both where the server asks for none.",
        )
    tsig = need("dns.tsig", "dnspython")
    dns_name = need("dns.name", "dnspython")
    if algorithm not in ALGORITHMS:
        raise InputError(
            "The TSIG algorithm %s is not supported." % algorithm,
            "Choose one of %s." % ", ".join(ALGORITHMS),
        )
    try:
        return tsig.Key(
            dns_name.from_text(name.rstrip(".") + "."), "".join(secret.split()), algorithm + "."
        )
    except ValueError:
        raise InputError(
            "dns_key_secret is not base64.", "Give the secret as the server's key file has it."
        ) from None


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


def _reason(exc: BaseException) -> str:
    text = str(exc).strip().rstrip(".")
    return "%s: %s" % (type(exc).__name__, text) if text else type(exc).__name__

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""DNS messages over TCP to one server, signed by TSIG where a key is given.

A refusal counts by its code, signed or not: a server that does not know the key cannot sign, and
PowerDNS, dnsdist and Knot send most of their refusals unsigned (RFC 8945, 5.3.2, allows both).
Whatever is good news has to be signed.
"""

from __future__ import annotations

import socket
import struct
import time
import typing as t

from ..._engine.errors import InputError, SignInError
from ..._engine.libraries import need
from ..public.resolvers import Resolvers

ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
HEADER_BYTES = 12
_ANSWER_BIT, _RCODE_BITS = 0x8000, 0x000F
# What a server says of a key, and what to do about it, by the error of dnspython.
_KEY_TROUBLE = {
    "PeerBadKey": "does not know the key",
    "PeerBadSignature": "does not take the signature of the key",
    "PeerBadTime": "says that the clocks differ by too much for the key",
    "BadTime": "signs with a clock that differs by too much for the key",
    "PeerBadTruncation": "does not take the length of the signature of the key",
}
_CHECK_SECRET = "Check dns_key_secret: it is not the server's."
_CHECK_NAME = (
    "Check dns_key_name and dns_key_algorithm: they must be as in the server's configuration."
)
_CHECK_CLOCK = "Set the clock of this machine or of the server (at most 5 minutes apart)."


class Broken(Exception):
    """An exchange that gave no answer; ``sent`` says whether the message may have arrived."""

    def __init__(self, problem: str, sent: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.sent = sent


class SignedExchange:
    """One server and one key; several threads may use it."""

    def __init__(
        self,
        server: str,
        port: int,
        resolvers: Resolvers,
        key_name: str | None,
        key_secret: str | None,
        algorithm: str,
    ) -> None:
        self._server = server
        self._port = port
        self._resolvers = resolvers
        self._algorithm = algorithm
        self.key = _tsig_key(key_name, key_secret, algorithm)
        self.key_name = key_name or ""

    @property
    def where(self) -> str:
        """Return the server for messages to people."""
        return "%s port %d" % (self._server, self._port)

    def send(self, query: t.Any, seconds: float) -> t.Any:
        """Send one message over one connection and return the answer.

        Raise Broken where there is none, and SignInError where the server does not take the key.
        """
        end = time.monotonic() + seconds
        try:
            connection = self._connect(seconds)
        except OSError as exc:
            raise Broken(_reason(exc), sent=False) from exc
        with connection:
            try:
                wire = query.to_wire()
                connection.sendall(struct.pack("!H", len(wire)) + wire)
                (length,) = struct.unpack("!H", _received(connection, 2, end))
                answer = _received(connection, length, end)
            except (OSError, EOFError) as exc:
                raise Broken(_reason(exc), sent=True) from exc
        return self._parsed(query, answer)

    def unknown_key(self) -> SignInError:
        """Return the error for a server that refuses a signed message without saying why."""
        return SignInError(
            "The server %s does not take the key %s (%s), or signs for no such zone."
            % (self.where, self.key_name, self._algorithm),
            f"{_CHECK_NAME} {_CHECK_SECRET}",
        )

    def _connect(self, seconds: float) -> socket.socket:
        problem = OSError("its name has no address")
        for address in self._resolvers.addresses(self._server):
            try:
                return socket.create_connection((address, self._port), timeout=seconds)
            except OSError as exc:
                problem = exc
        raise problem

    def _parsed(self, query: t.Any, wire: bytes) -> t.Any:
        exception = need("dns.exception", "dnspython")
        message = need("dns.message", "dnspython")
        tsig = need("dns.tsig", "dnspython")
        refusal = _refusal(query, wire)
        try:
            response = message.from_wire(wire, keyring=query.keyring, request_mac=query.mac)
        except (
            tsig.PeerError,
            tsig.BadTime,
            tsig.BadSignature,
            tsig.BadKey,
            tsig.BadAlgorithm,
        ) as exc:
            raise self._key_error(exc) from exc
        except exception.DNSException as exc:
            if refusal is None:
                raise Broken(_reason(exc), sent=True) from exc
            return refusal
        if not query.is_response(response):
            if refusal is None:
                raise Broken("the answer is not to this question", sent=True)
            return refusal
        if self.key and not response.had_tsig and refusal is None:
            raise Broken("the answer is not signed", sent=True)
        return response

    def _key_error(self, exc: Exception) -> SignInError:
        kind = type(exc).__name__
        what = _KEY_TROUBLE.get(kind, "signs wrongly (%s) for the key" % kind)
        hint = _CHECK_SECRET
        if "Time" in kind:
            hint = _CHECK_CLOCK
        elif kind == "PeerBadKey":
            hint = _CHECK_NAME
        return SignInError(
            "The server %s %s %s (%s)." % (self.where, what, self.key_name, self._algorithm), hint
        )


def _refusal(query: t.Any, wire: bytes) -> t.Any:
    """Return an answer that is only its header, if that refuses the query; else None."""
    message = need("dns.message", "dnspython")
    rcode = need("dns.rcode", "dnspython")
    if len(wire) < HEADER_BYTES:
        return None
    identifier, flags = struct.unpack("!HH", wire[:4])
    good = (rcode.NOERROR, rcode.NXDOMAIN)
    if identifier != query.id or not flags & _ANSWER_BIT or flags & _RCODE_BITS in good:
        return None
    refusal = message.Message(identifier)
    refusal.flags = flags
    return refusal


def _received(connection: socket.socket, count: int, end: float) -> bytes:
    """Read exactly ``count`` bytes before ``end`` (monotonic)."""
    found = b""
    while len(found) < count:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left)
        part = connection.recv(count - len(found))
        if not part:
            raise EOFError("the server closed the connection")
        found += part
    return found


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


def _reason(exc: BaseException) -> str:
    text = str(exc).strip().rstrip(".")
    return "%s: %s" % (type(exc).__name__, text) if text else type(exc).__name__

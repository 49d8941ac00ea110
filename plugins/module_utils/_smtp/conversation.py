# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One SMTP conversation with one address: every read is bounded, one deadline holds for all of it.

Standard library only. :mod:`smtplib` has no deadline for a whole conversation and gives up on
replies that are slightly wrong; a probe needs both.
"""

from __future__ import annotations

import dataclasses
import re
import socket
import ssl
import time
import typing as t

from .._engine.errors import InputError
from .._engine.outside_text import clean

MAX_LINE = 4096
MAX_LINES = 100
MAX_TEXT = 500
CONNECT_SECONDS = 20.0

_LINE = re.compile(rb"^([2-5][0-9]{2})(?:([ -])(.*))?$", re.DOTALL)
_ENHANCED = re.compile(r"^([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.]*[0-9])")
_ADDRESS = re.compile(
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?=.{1,253}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$"
)
_HELO = re.compile(
    r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]|\[IPv6:[0-9A-Fa-f:.]+\])$"
)


@dataclasses.dataclass(frozen=True)
class SmtpReply:
    """One reply. ``code`` 0 means that what came was no reply at all.

    ``enhanced`` is set only where the text begins with it (RFC 2034).
    """

    code: int = 0
    enhanced: str = ""
    text: str = ""
    lines: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.code // 100 in (2, 3)

    @property
    def transient(self) -> bool:
        return self.code // 100 == 4

    @property
    def permanent(self) -> bool:
        return self.code // 100 == 5

    def __str__(self) -> str:
        return (
            " ".join(part for part in (str(self.code) if self.code else "", self.text) if part)
            or "an empty answer"
        )


class Broken(Exception):
    """The conversation ended without the reply that was waited for.

    ``connected`` is false where there was no connection at all.
    """

    def __init__(self, reason: str, connected: bool = True, certificate: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.connected = connected
        self.certificate = certificate


def parse_reply(raw: t.Sequence[bytes]) -> SmtpReply:
    """Return the lines of one reply as a value.

    Tolerates a missing text, a missing enhanced code and differing codes. What is no reply has the
    code 0.
    """
    code, texts = 0, []
    for line in raw:
        match = _LINE.match(line.rstrip(b"\r\n"))
        if match is None:
            texts.append(_printable(line))
            continue
        code = int(match.group(1))
        texts.append(_printable(match.group(3) or b""))
    if raw and _LINE.match(raw[-1].rstrip(b"\r\n")) is None:
        code = 0
    enhanced = next((found.group(0) for found in map(_ENHANCED.match, texts) if found), "")
    if enhanced and int(enhanced[0]) != code // 100:
        enhanced = ""
    return SmtpReply(
        code, enhanced, clean(" ".join(text for text in texts if text), (), MAX_TEXT), tuple(texts)
    )


def is_last(line: bytes) -> bool:
    """Return whether a reply ends with this line: ``250-`` goes on, everything else does not."""
    match = _LINE.match(line.rstrip(b"\r\n"))
    return match is None or match.group(2) != b"-"


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return clean("".join(char if char.isprintable() else " " for char in text), (), MAX_TEXT)


def check_address(value: t.Any, what: str) -> str:
    """Return a plain mailbox address; refuse whatever could end an SMTP command."""
    text = str(value or "").strip()
    if not _ADDRESS.match(text):
        raise InputError(
            "%s: %r is not a mail address." % (what, value), "Give one like postmaster@example.com."
        )
    local, _at, domain = text.rpartition("@")
    return "%s@%s" % (local, domain.lower())


def check_helo(value: t.Any) -> str:
    text = str(value or "").strip()
    if not _HELO.match(text) or len(text) > 253:
        raise InputError(
            "helo: %r is neither a host name nor an address in brackets." % (value,),
            "Give the name of the host that probes.",
        )
    return text


class Conversation:
    """One conversation, used by one thread.

    Every method raises Broken where the other side is silent, gone or talks without end.
    """

    def __init__(
        self, address: str, port: int, seconds: float, clock: t.Callable[[], float] = time.monotonic
    ) -> None:
        self.address, self.port = address, port
        self.source = ""
        self.extensions: frozenset[str] = frozenset()
        self._clock = clock
        self._end = clock() + seconds
        self._socket: t.Any = None
        self._buffer = b""

    def open(self) -> SmtpReply:
        """Connect and return the greeting."""
        try:
            self._socket = socket.create_connection(
                (self.address, self.port), min(self._left(), CONNECT_SECONDS)
            )
            self.source = str(self._socket.getsockname()[0])
        except (OSError, ValueError) as exc:
            raise Broken(_reason(exc), connected=False) from exc
        return self.read()

    def hello(self, helo: str) -> SmtpReply:
        reply = self.command("EHLO %s" % helo)
        self.extensions = (
            frozenset(line.split(" ", 1)[0].upper() for line in reply.lines[1:] if line)
            if reply.good
            else frozenset()
        )
        return reply

    def start_tls(self, context: ssl.SSLContext, host: str) -> SmtpReply:
        """Ask for STARTTLS and do the handshake.

        Whatever came in clear after the reply is thrown away: anybody could have sent it.
        """
        reply = self.command("STARTTLS")
        if reply.code != 220:
            return reply
        self._buffer = b""
        try:
            self._socket.settimeout(self._left())
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError as exc:
            raise Broken(
                "its certificate is not valid for %s: %s"
                % (host, exc.verify_message or _reason(exc)),
                certificate=True,
            ) from exc
        except (ssl.SSLError, OSError, ValueError) as exc:
            raise Broken("TLS failed: %s" % _reason(exc)) from exc
        return reply

    @property
    def tls_version(self) -> str:
        return str(self._socket.version() or "") if isinstance(self._socket, ssl.SSLSocket) else ""

    def command(self, text: str) -> SmtpReply:
        if "\r" in text or "\n" in text or len(text) > 1000:
            raise InputError(
                "An SMTP command would not be one line.", "Check the addresses that are probed."
            )
        return self._send(text.encode("ascii", "replace") + b"\r\n")

    def message(self, data: bytes) -> SmtpReply:
        """Send the message after a 354, with dots doubled and line ends as SMTP wants them."""
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").split(b"\n")
        body = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
        return self._send(body + b"\r\n.\r\n")

    def close(self) -> None:
        """Say QUIT, but never wait for the reply."""
        if self._socket is None:
            return
        try:
            self._socket.settimeout(1.0)
            self._socket.sendall(b"QUIT\r\n")
        except (OSError, ValueError):
            pass
        finally:
            self._socket.close()

    def _send(self, data: bytes) -> SmtpReply:
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(data)
        except (OSError, ValueError) as exc:
            raise Broken(_reason(exc)) from exc
        return self.read()

    def read(self) -> SmtpReply:
        lines: list[bytes] = []
        while len(lines) < MAX_LINES:
            lines.append(self._line())
            if is_last(lines[-1]):
                return parse_reply(lines)
        raise Broken("its reply has more than %d lines" % MAX_LINES)

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE:
                raise Broken("a line of its reply is longer than %d bytes" % MAX_LINE)
            try:
                self._socket.settimeout(self._left())
                part = self._socket.recv(4096)
            except (OSError, ValueError) as exc:
                raise Broken(_reason(exc)) from exc
            if not part:
                raise Broken("it closed the connection")
            self._buffer += part
        line, _newline, self._buffer = self._buffer.partition(b"\n")
        return line[:MAX_LINE]

    def _left(self) -> float:
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def _reason(exc: BaseException) -> str:
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, ConnectionRefusedError):
        return "connection refused"
    if isinstance(exc, ConnectionError):
        return "the connection broke off"
    if isinstance(exc, ssl.SSLError):
        return str(exc.reason or exc.__class__.__name__)
    return str(getattr(exc, "strerror", None) or exc.__class__.__name__)

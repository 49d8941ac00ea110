# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SMTP client on asyncio that keeps its connections, for relays and the traffic's senders."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import defaultdict
from dataclasses import dataclass

_TIMEOUT = 15.0
_IDLE = 120.0


class Unreachable(Exception):
    """The host cannot be used now: no connection, no TLS, or a certificate that does not fit.

    Try another host, or later.
    """


@dataclass(frozen=True)
class Reply:
    code: int
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    def __str__(self) -> str:
        return "%d %s" % (self.code, self.text)


@dataclass(frozen=True)
class Line:
    """Where to and how: one connection serves all mails of the same line.

    ``verify``: the name that the certificate must have.
    """

    source: str
    address: str
    port: int
    helo: str
    tls: str = "opportunistic"  # none, opportunistic, required
    verify: str = ""


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.used = 0.0

    @classmethod
    async def open(cls, line: Line, context: ssl.SSLContext) -> Connection:
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(line.address, line.port, local_addr=(line.source, 0)),
                _TIMEOUT,
            )
        except (OSError, asyncio.TimeoutError) as error:
            raise Unreachable("no connection: %s" % error) from error
        connection = cls(reader, writer)
        try:
            await connection._greet(line, context)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            connection.close()
            raise Unreachable("%s: %s" % (type(error).__name__, error)) from error
        except Unreachable:
            connection.close()
            raise
        return connection

    async def _greet(self, line: Line, context: ssl.SSLContext) -> None:
        banner = await self._reply()
        if not banner.ok:
            # RFC 5321 §3.1: a 554 greeting is a host that takes no mail; the others may
            raise Unreachable("greeting: %s" % banner)
        offered = await self._command("EHLO %s" % line.helo)
        if line.tls == "none":
            return
        if "STARTTLS" not in offered.text.upper():
            if line.tls == "required":
                raise Unreachable("no STARTTLS")
            return
        if not (await self._command("STARTTLS")).ok:
            raise Unreachable("STARTTLS refused")
        await asyncio.wait_for(
            self._writer.start_tls(context, server_hostname=line.verify or None), _TIMEOUT
        )
        await self._command("EHLO %s" % line.helo)

    async def send(self, sender: str, recipient: str, data: bytes) -> Reply:
        """Send one mail, pipelined, as EHLO offered it (RFC 2920)."""
        envelope = "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (sender, recipient)
        self._writer.write(envelope.encode())
        replies = [await self._reply(), await self._reply(), await self._reply()]
        if replies[2].code != 354:
            self._writer.write(b"RSET\r\n")
            await self._reply()
            return next(reply for reply in replies if not reply.ok)
        self._writer.write(data.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
        return await self._reply()

    async def _command(self, text: str) -> Reply:
        self._writer.write(text.encode() + b"\r\n")
        return await self._reply()

    async def _reply(self) -> Reply:
        lines = []
        while True:
            line = (
                (await asyncio.wait_for(self._reader.readline(), _TIMEOUT))
                .decode("utf-8", "replace")
                .rstrip()
            )
            if not line:
                raise ConnectionResetError("the connection was closed")
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), " ".join(lines))

    def close(self) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.transport.abort()


class Pool:
    """Connections that wait for the next mail of their line."""

    def __init__(self, plain: ssl.SSLContext, strict: ssl.SSLContext) -> None:
        self._plain, self._strict = plain, strict
        self._idle: dict[Line, list[Connection]] = defaultdict(list)

    async def deliver(self, line: Line, sender: str, recipient: str, data: bytes) -> Reply:
        """Deliver a mail and return the host's last reply.

        A connection that had been idle and is gone by now is replaced once.
        """
        now = asyncio.get_running_loop().time()
        while self._idle[line]:
            connection = self._idle[line].pop()
            if now - connection.used > _IDLE:
                connection.close()
                continue
            with contextlib.suppress(Unreachable):
                return await self._over(connection, line, sender, recipient, data)
        connection = await Connection.open(line, self._strict if line.verify else self._plain)
        return await self._over(connection, line, sender, recipient, data)

    async def _over(
        self, connection: Connection, line: Line, sender: str, recipient: str, data: bytes
    ) -> Reply:
        try:
            reply = await connection.send(sender, recipient, data)
        except (
            OSError,
            asyncio.TimeoutError,
            asyncio.IncompleteReadError,
            ValueError,
            StopIteration,
        ) as error:
            connection.close()
            raise Unreachable("%s: %s" % (type(error).__name__, error)) from error
        if reply.code == 421:
            connection.close()
        else:
            connection.used = asyncio.get_running_loop().time()
            self._idle[line].append(connection)
        return reply

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

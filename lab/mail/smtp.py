# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SMTP server on one address that stands for one mail host, or for all below a name."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

logging.getLogger("mail.log").setLevel(logging.CRITICAL)
_SILENCE = 3600.0


@dataclass(frozen=True)
class Client:
    """Who is connected: the loopback address, whether TLS is on, names in its certificate."""

    address: str
    helo: str
    tls: bool
    certificates: tuple[str, ...]


class Desk(Protocol):
    """What stands behind a host. Both return the reply; "" is a plain 250."""

    def rcpt(self, host: str, client: Client, sender: str, recipient: str) -> str: ...

    def data(
        self, host: str, client: Client, sender: str, recipients: list[str], content: bytes
    ) -> str: ...


class _Handler:
    def __init__(self, host: str, desk: Desk) -> None:
        self._host = host
        self._desk = desk

    async def handle_EHLO(
        self, server: Any, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        kept = [line for line in responses if line[4:8] not in ("AUTH", "HELP")]
        return [
            *kept[:-1],
            kept[-1][:3] + "-" + kept[-1][4:],
            "250-ENHANCEDSTATUSCODES",
            "250 PIPELINING",
        ]

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._desk.rcpt(self._host, _client(server, session), _sender(envelope), address)
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        reply = self._desk.data(
            self._host,
            _client(server, session),
            _sender(envelope),
            list(envelope.rcpt_tos),
            content,
        )
        return reply or "250 2.6.0 Queued mail for delivery"


def _sender(envelope: Envelope) -> str:
    """Return the envelope sender; aiosmtpd hands the null sender on as it was written.

    Source: RFC 5321, section 4.5.5.
    """
    return "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)


def _client(server: Any, session: Session) -> Client:
    certificate = server.transport.get_extra_info("peercert") if session.ssl else None
    names = [
        value for kind, value in (certificate or {}).get("subjectAltName", ()) if kind == "DNS"
    ]
    return Client(session.peer[0], session.host_name or "", session.ssl is not None, tuple(names))


class _Server(SMTP):
    """One connection; it can be slow to greet, greet with a refusal, or say nothing at all."""

    def __init__(self, handler: Any, greeting: str, seconds: float, **options: Any) -> None:
        super().__init__(handler, **options)
        self._greeting, self._greeting_seconds = greeting, seconds

    async def _handle_client(self) -> None:
        if self._greeting_seconds:
            await asyncio.sleep(self._greeting_seconds)
        if self._greeting:
            await self.push(self._greeting)
            if self.transport is not None:
                self.transport.close()
            return
        await super()._handle_client()


class Host:
    """Listens while its host is not down; made and used on the mail loop only."""

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        desk: Desk,
        trouble: Callable[[], dict[str, Any]],
        context: Callable[[str], ssl.SSLContext | None],
    ) -> None:
        self.name, self.address, self.port = name, address, port
        self._desk, self._trouble, self._context = desk, trouble, context
        self._server: asyncio.Server | None = None
        self._connections: list[Any] = []

    async def refresh(self) -> None:
        """Open or close the port, as the world says."""
        down = self._trouble().get("mode") == "down"
        if down and self._server is not None:
            await self.close()
        elif not down and self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                self._connection, self.address, self.port, reuse_address=True, backlog=512
            )

    async def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.abort()
        self._connections = []
        await asyncio.sleep(0)  # their tasks see it

    def _connection(self) -> Any:
        trouble = self._trouble()
        mode = trouble.get("mode", "ok")
        seconds = _SILENCE if mode == "silent" else float(trouble.get("greeting_seconds", 0))
        context = (
            None
            if mode == "no_starttls"
            else self._context("wrong.example" if mode == "wrong_certificate" else self.name)
        )
        name = self.name.removeprefix("*.")
        server = _Server(
            _Handler(self.name, self._desk),
            str(trouble.get("banner", "")),
            seconds,
            hostname=name,
            ident="Mail service ready",
            tls_context=context,
        )
        self._connections = [
            each
            for each in self._connections
            if each.transport is not None and not each.transport.is_closing()
        ]
        self._connections.append(server)
        return server

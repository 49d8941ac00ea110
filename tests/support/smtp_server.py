# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small SMTP server on loopback that answers what a test tells it to, and keeps what it was
sent.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import trustme

Answer = bytes | Callable[[bytes], bytes]
EHLO = b"250-mx.example.test at your service\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
EHLO_TLS = b"250-mx.example.test at your service\r\n250 PIPELINING\r\n"


class Authority:
    """A CA of the test's own."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.ca_path = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_path))

    def context(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context


class SmtpServer:
    """``answers`` by command word (GREETING, EHLO, EHLO_TLS, STARTTLS, MAIL, RCPT, DATA, MESSAGE,
    ...); empty bytes close.
    """

    def __init__(
        self, context: ssl.SSLContext | None = None, address: str = "127.0.0.1", **answers: Answer
    ) -> None:
        self.answers: dict[str, Answer] = {
            "GREETING": b"220 mx.example.test ESMTP\r\n",
            "EHLO": EHLO if context else EHLO_TLS,
            "EHLO_TLS": EHLO_TLS,
            "HELO": b"250 hello\r\n",
            "STARTTLS": b"220 go ahead\r\n",
            "MAIL": b"250 2.1.0 ok\r\n",
            "RCPT": b"250 2.1.5 ok\r\n",
            "RSET": b"250 ok\r\n",
            "DATA": b"354 go on\r\n",
            "MESSAGE": b"250 2.6.0 taken\r\n",
            "QUIT": b"221 bye\r\n",
            **answers,
        }
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self._context = context
        self._socket = socket.create_server((address, 0))
        self.address, self.port = self._socket.getsockname()[:2]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with contextlib.suppress(OSError, ValueError), connection:
            self._session(connection)

    def _session(self, connection: socket.socket) -> None:
        stream = connection.makefile("rwb")
        tls = False
        if not self._say(stream, "GREETING", b""):
            return
        while line := stream.readline():
            word = line.split(b" ", 1)[0].strip().upper().decode()
            self.commands.append(line.decode().strip())
            if not self._say(stream, "EHLO_TLS" if tls and word == "EHLO" else word, line):
                return
            if (
                word == "STARTTLS"
                and self._context is not None
                and self._reply("STARTTLS", line).startswith(b"220")
            ):
                connection = self._context.wrap_socket(connection, server_side=True)
                stream, tls = connection.makefile("rwb"), True
            if word == "DATA" and self._reply("DATA", line).startswith(b"354"):
                self.messages.append(b"".join(iter(stream.readline, b".\r\n")))
                if not self._say(stream, "MESSAGE", b""):
                    return
            if word == "QUIT":
                return

    def _reply(self, word: str, line: bytes) -> bytes:
        answer = self.answers.get(word, b"500 5.5.1 what?\r\n")
        return answer(line) if callable(answer) else answer

    def _say(self, stream: object, word: str, line: bytes) -> bool:
        data = self._reply(word, line)
        stream.write(data)  # type: ignore[attr-defined]
        stream.flush()  # type: ignore[attr-defined]
        return bool(data)


@contextlib.contextmanager
def smtp_server(
    context: ssl.SSLContext | None = None, address: str = "127.0.0.1", **answers: Answer
) -> Iterator[SmtpServer]:
    server = SmtpServer(context, address, **answers)
    try:
        yield server
    finally:
        server.close()

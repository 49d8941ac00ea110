# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS over UDP and TCP on loopback: sockets and wire format, no knowledge of zones."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode

from lab.dns.authoritative import PAYLOAD

Responder = Callable[[dns.message.Message], "dns.message.Message | None"]
_TCP_IDLE_SECONDS = 10


def respond_bytes(data: bytes, responder: Responder, limit: int) -> bytes | None:
    """Return the response to a query in wire format, truncated as UDP demands."""
    try:
        query = dns.message.from_wire(data)
    except dns.exception.DNSException:
        return _format_error(data)
    if query.flags & dns.flags.QR:
        return None
    response = responder(query)
    if response is None:
        return None
    if limit == 0:
        return response.to_wire()
    size = min(limit, max(512, query.payload if query.edns >= 0 else 512))
    wire = response.to_wire(max_size=65535)
    return wire if len(wire) <= size else _truncated(query, response)


def _truncated(query: dns.message.Message, response: dns.message.Message) -> bytes:
    short = dns.message.make_response(query, our_payload=PAYLOAD)
    short.flags = response.flags | dns.flags.TC
    short.set_rcode(response.rcode())
    return short.to_wire()


def _format_error(data: bytes) -> bytes | None:
    if len(data) < 12:
        return None
    header = struct.pack(
        "!HHHHHH", struct.unpack("!H", data[:2])[0], dns.flags.QR | dns.rcode.FORMERR, 0, 0, 0, 0
    )
    return header


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    block_on_close = False
    max_packet_size = 4096
    responder: Responder

    def server_bind(self) -> None:
        # Many domains are asked at once; the kernel's default buffer drops the tail of such a
        # burst.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore an asker that has gone away."""


class _UdpHandler(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        data, sock = self.request
        reply = respond_bytes(data, self.server.responder, PAYLOAD)
        if reply is not None:
            sock.sendto(reply, self.client_address)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256
    responder: Responder

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore an asker that has gone away."""


class _TcpHandler(socketserver.BaseRequestHandler):
    server: _Tcp

    def handle(self) -> None:
        self.request.settimeout(_TCP_IDLE_SECONDS)
        while True:
            head = self._read(2)
            data = self._read(struct.unpack("!H", head)[0]) if head else None
            reply = respond_bytes(data, self.server.responder, 0) if data else None
            if reply is None:
                return
            self.request.sendall(struct.pack("!H", len(reply)) + reply)

    def _read(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            try:
                part = self.request.recv(count - len(data))
            except OSError:
                return None
            if not part:
                return None
            data += part
        return data


class Listener:
    """A UDP and a TCP socket on one address and port."""

    def __init__(self, address: str, port: int, responder: Responder) -> None:
        self._tcp = _Tcp((address, port), _TcpHandler)
        self.port = int(self._tcp.server_address[1])
        try:
            self._udp = _Udp((address, self.port), _UdpHandler)
        except OSError:
            self._tcp.server_close()
            raise
        self._tcp.responder = self._udp.responder = responder

    def start(self) -> None:
        """Serve, in two daemon threads."""
        for server in (self._udp, self._tcp):
            threading.Thread(
                target=server.serve_forever,
                kwargs={"poll_interval": 0.1},
                name="lab-dns",
                daemon=True,
            ).start()

    def stop(self) -> None:
        """Close the sockets of a listener that was started; both loops end side by side."""
        servers = (self._udp, self._tcp)
        endings = [threading.Thread(target=server.shutdown, daemon=True) for server in servers]
        for ending in endings:
            ending.start()
        for ending in endings:
            ending.join()
        self.close()

    def close(self) -> None:
        """Close the sockets of a listener that was never started."""
        self._udp.server_close()
        self._tcp.server_close()

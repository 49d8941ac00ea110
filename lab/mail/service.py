# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail path as one thing: hosts on one port, relays behind them, MTA-STS hosts, traffic."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import dns.rdatatype

from lab.dns.edge import find_zone
from lab.dns.hosts import AREA1_HOSTS, MICROSOFT_HOSTS
from lab.mail import text
from lab.mail.area1 import Area1
from lab.mail.client import Line, Pool, Unreachable
from lab.mail.edge import Edge
from lab.mail.elsewhere import ADDRESSES as OTHER_ADDRESSES, Elsewhere
from lab.mail.gateway import Gateway
from lab.mail.journal import Journal
from lab.mail.relay import Relay
from lab.mail.smtp import Desk, Host
from lab.mail.state import trouble
from lab.mail.sts import StsService
from lab.mail.traffic import Traffic
from lab.server import Hub, LabServer, serve_https
from lab.tls import Authority

GATEWAY_HOST, GATEWAY_ADDRESS = "mx1.gateway.example", "127.0.7.1"
STS_ADDRESS = "127.0.8.1"
_TRIES = 50
_TICK = 0.1
# mail that hangs longer than this is a fault of the lab: said, not passed over
_SETTLING = 240.0
_ANSWER = 280.0
_SPF_LIFE = 30.0
T = TypeVar("T")


class MailServers:
    """Started and stopped by the composition root.

    Everything but the public methods runs on a loop in a thread of its own.
    """

    def __init__(self, hub: Hub, authority: Authority) -> None:
        self._hub, self._authority = hub, authority
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab-mail", daemon=True)
        self._hosts: list[Host] = []
        self._spf: dict[str, tuple[float, str]] = {}
        self._sts_server: LabServer | None = None
        self.journal = Journal()
        self.smtp_port = self.sts_port = 0

        self._area1 = Area1(hub, lambda: self.journal, self.resolve, lambda: self.smtp_port)
        self._gateway = Gateway(hub, lambda: self.journal, self.resolve, lambda: self.smtp_port)
        self._edge = Edge(hub, lambda: self.journal, self._spf_text)
        self._relays: list[Relay] = []
        self.traffic: Traffic | None = None

    def start(self) -> None:
        self._thread.start()
        self.smtp_port = _common_port(
            [*AREA1_HOSTS.values(), *MICROSOFT_HOSTS.values(), GATEWAY_ADDRESS, *OTHER_ADDRESSES]
        )
        service = StsService(self._hub)
        context = self._authority.named_context("wrong.example", service.certificate_name)
        self._sts_server, self.sts_port = serve_https(service, STS_ADDRESS, 0, context, self._hub)
        self._run(self._begin())

    async def _begin(self) -> None:
        plain, strict = self._authority.client_contexts()
        self._pools = [Pool(plain, strict), Pool(plain, strict)]
        clock = self._hub.clock.time
        self._area1.relay = Relay(self._pools[0], self._area1.route, self._area1.outcome, clock)
        self._gateway.relay = Relay(
            self._pools[0], self._gateway.route, self._gateway.outcome, clock
        )
        self.traffic = Traffic(
            self._hub,
            self._pools[1],
            strict,
            lambda: (self.smtp_port, self.sts_port),
            self._at_rest,
        )
        self._relays = [self._area1.relay, self._gateway.relay, self.traffic.relay]
        self.journal.watchers.append(self.traffic.fate)
        desks: list[tuple[str, str, Desk]] = [
            (name, address, self._area1) for name, address in AREA1_HOSTS.items()
        ]
        desks += [(name, address, self._edge) for name, address in MICROSOFT_HOSTS.items()]
        desks.append((GATEWAY_HOST, GATEWAY_ADDRESS, self._gateway))
        others = Elsewhere(self._hub, lambda: self.journal)
        desks += [(f"mx.{address}.example", address, others) for address in OTHER_ADDRESSES]
        for name, address, desk in desks:
            host = Host(
                name,
                address,
                self.smtp_port,
                desk,
                functools.partial(self._trouble, name),
                self._authority.mail_context,
            )
            self._hosts.append(host)
            await host.refresh()
        self._ticker = self._loop.create_task(self._tick())

    def _trouble(self, name: str) -> dict[str, Any]:
        with self._hub.lock:
            return trouble(self._hub.world, name)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            for relay in self._relays:
                relay.tick()

    def stop(self) -> None:
        if self._sts_server is not None:
            self._sts_server.shutdown()
            self._sts_server.server_close()
        if not self._thread.is_alive():
            return
        with contextlib.suppress(TimeoutError):
            self._run(self._end(), 5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _end(self) -> None:
        self._ticker.cancel()
        if self.traffic is not None:
            self.traffic.stop()
        for relay in self._relays:
            relay.drop()
        for pool in self._pools:
            pool.close()
        for host in self._hosts:
            await host.close()

    def _run(self, work: Coroutine[Any, Any, T], seconds: float = _ANSWER) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def world_changed(self) -> None:
        """Start anew with another world: queues, journal and traffic."""
        self._run(self._renew())

    async def _renew(self) -> None:
        self.journal = Journal()
        self._spf.clear()
        for relay in self._relays:
            relay.drop()
        for pool in self._pools:
            pool.close()
        if self.traffic is not None:
            self.traffic.renew()
            self.journal.watchers.append(self.traffic.fate)
        await self._refresh()

    def remember(self, journal: dict[str, Any], mails: int) -> None:
        """Go on from a recorded journal and number of mails."""

        async def work() -> None:
            self.journal.remember(journal)
            if self.traffic is not None:
                self.traffic.go_on_from(mails)

        self._run(work())

    def refresh(self) -> None:
        """Start and stop hosts that went up or down."""
        self._run(self._refresh())

    async def _refresh(self) -> None:
        for host in self._hosts:
            await host.refresh()

    # --- for tests, over the control API ---

    def settle(self) -> dict[str, Any]:
        """Let every queue try once, now, and wait until nothing is under way.

        What is left waits for its time.
        """
        return self._run(self._settle())

    async def _settle(self) -> dict[str, Any]:
        for relay in reversed(self._relays):
            await relay.flush()
        await self._at_rest()
        waiting = [item for relay in self._relays for item in relay.waiting]
        return {"waiting": len(waiting), "reasons": sorted({item.reason for item in waiting})}

    def advance(self, seconds: float) -> None:
        """Move the clock while no mail is under way.

        A mail that set out before a jump must not arrive hours later. Raise ValueError where mail
        does not come to rest: then the clock has not moved.
        """
        self._run(self._advance(seconds))

    async def _advance(self, seconds: float) -> None:
        if self.traffic is not None:
            self.traffic.held = True
        try:
            await asyncio.wait_for(self._at_rest(), _SETTLING)
            self._hub.clock.advance(seconds)
        except asyncio.TimeoutError as error:
            raise ValueError("mail is still under way, the clock was not moved") from error
        finally:
            if self.traffic is not None:
                self.traffic.held = False

    async def _at_rest(self) -> None:
        """Wait until nothing is under way: what was given to a relay has been tried."""
        moving: list[Relay | Traffic] = [*self._relays]
        if self.traffic is not None:
            moving.append(self.traffic)
        while any(each.busy for each in moving):
            for each in moving:
                await each.idle()

    def send(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send one mail to one host.

        The order has host, sender, recipient, subject, headers, body, source, tls, message_id.
        """
        return self._run(self._send(order))

    async def _send(self, order: dict[str, Any]) -> dict[str, Any]:
        message_id = str(
            order.get("message_id") or "<%d.%d@lab.example>" % (time.time_ns(), self.journal.next())
        )
        sender, recipient = str(order["sender"]), str(order["recipient"])
        headers = [
            ("Message-ID", message_id),
            ("From", str(order.get("from", sender))),
            ("To", recipient),
            ("Subject", str(order.get("subject", "Test"))),
            *((str(name), str(value)) for name, value in dict(order.get("headers", {})).items()),
        ]
        data = text.join(headers, str(order.get("body", "Hello\r\n")).encode())
        addresses = self.resolve(str(order["host"]))
        if not addresses:
            return {
                "code": 0,
                "text": "%s has no address" % order["host"],
                "message_id": message_id,
            }
        line = Line(
            str(order.get("source", "127.0.4.1")),
            addresses[0],
            self.smtp_port,
            "test.senders.example",
            str(order.get("tls", "opportunistic")),
        )
        try:
            reply = await self._pools[1].deliver(line, sender, recipient, data)
        except Unreachable as reason:
            return {"code": 0, "text": str(reason), "message_id": message_id}
        await asyncio.gather(*(relay.idle() for relay in self._relays[:2]))  # the traffic may go on
        return {"code": reply.code, "text": reply.text, "message_id": message_id}

    def release(self, identifier: str) -> bool:
        """Release a message from Area 1's quarantine; return whether the next hop took it."""
        return self._run(self._area1.release(identifier))

    def traffic_order(self, order: dict[str, Any]) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            if self.traffic is None:
                raise ValueError("the mail path has not started")
            return await self.traffic.order(order)

        return self._run(work())

    # --- lookups ---

    def resolve(self, host: str) -> list[str]:
        """Return the addresses of a mail host, from the authoritative side."""
        found = self._hub.dns.lookup(host.rstrip(".").lower(), "A")
        return [
            item.address for each in found.answer if each.rdtype == dns.rdatatype.A for item in each
        ]

    def _spf_text(self, domain: str) -> str:
        """Return a domain's SPF text, from the world's list, else from the DNS.

        Names of the list stand for those below them, too.
        """
        now = self._hub.clock.time()
        kept = self._spf.get(domain)
        if kept and now - kept[0] < _SPF_LIFE:
            return kept[1]
        listed, name = self._hub.world["mail"]["spf"], domain
        while name and name not in listed:
            name = name.partition(".")[2]
        found = str(listed[name]) if name else self._spf_record(domain)
        self._spf[domain] = (now, found)
        return found

    def _spf_record(self, domain: str) -> str:
        if not domain or find_zone(self._hub.world, domain) is None:
            return ""
        texts = [
            b"".join(item.strings).decode()
            for each in self._hub.dns.lookup(domain, "TXT").answer
            if each.rdtype == dns.rdatatype.TXT
            for item in each
        ]
        return next((each for each in texts if each.lower().startswith("v=spf1")), "")


def _common_port(addresses: list[str]) -> int:
    """Return a port that is free on all addresses."""
    for _try in range(_TRIES):
        sockets: list[socket.socket] = []
        try:
            for address in addresses:
                each = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sockets.append(each)
                each.bind((address, sockets[0].getsockname()[1] if len(sockets) > 1 else 0))
            return int(sockets[0].getsockname()[1])
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise OSError("no port is free on all of the mail hosts' addresses")

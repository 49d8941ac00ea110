# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's DNS servers as one thing: two authoritative addresses on one port, and the resolver."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import dns.message
import dns.rcode

from lab.dns.authoritative import respond, text_name
from lab.dns.edge import all_zones, note
from lab.dns.hosts import ADDRESSES
from lab.dns.resolver import Resolver, forwarder, relay
from lab.dns.wire import Listener, Responder
from lab.dns.zonedata import Answer
from lab.server import Hub

_TRIES = 50
MAX_LOGGED = 10_000
# the first is plain; a world that gives habits to others has as many as it names
_RESOLVERS = 3


class DnsServers:
    """All DNS servers. ``stop`` may be called on one that never started."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._resolvers = [Resolver(hub, place) for place in range(_RESOLVERS)]
        self._resolver = self._resolvers[0]
        self._ports: list[int] = []
        self._listeners: list[Listener] = []
        self._logged = 0
        self.resolvers: list[str] = []
        self.authoritative_port = 0

    def start(self) -> None:
        """Bind, serve, and take note of the world as it is."""
        authoritative = self._bind_authoritative()
        recursive = [
            Listener("127.0.0.1", 0, partial(self._answer_as, place)) for place in range(_RESOLVERS)
        ]
        self._listeners = [*authoritative, *recursive]
        self.authoritative_port = authoritative[0].port
        self._ports = [each.port for each in recursive]
        self.world_changed()
        for listener in self._listeners:
            listener.start()

    def stop(self) -> None:
        """Close every socket."""
        endings = [
            threading.Thread(target=listener.stop, daemon=True) for listener in self._listeners
        ]
        for ending in endings:
            ending.start()
        for ending in endings:
            ending.join()
        self._listeners = []

    def world_changed(self) -> None:
        """Start afresh with the hub's world: an empty or warm cache, each zone's first version."""
        self.flush()
        self._logged = 0
        with self._hub.lock:
            dns_state = self._hub.world.setdefault("dns", {})
            now = self._hub.clock.time()
            for zone in all_zones(self._hub.world).values():
                note(self._hub.world, zone, now)
            warm = bool(dns_state.get("warm"))
            count = max(1, min(len(dns_state.get("resolvers", [])), _RESOLVERS))
        self.resolvers = [f"127.0.0.1:{port}" for port in self._ports[:count]]
        if warm:
            self.warm()

    def remember(self, answers: list[dict[str, Any]]) -> None:
        """Put what a recorded resolver knew into the cache."""
        self._resolver.remember(answers)

    def warm(self) -> None:
        """Let the resolvers learn today's MX of every zone."""
        for resolver in self._resolvers[: len(self.resolvers)]:
            resolver.warm()

    def flush(self) -> None:
        """Let the resolvers forget."""
        for resolver in self._resolvers:
            resolver.flush()

    def lookup(self, name: str, kind: str) -> Answer:
        """Return what the authoritative side says now, for the lab's own services."""
        return self._resolver.fresh(name, kind)

    def answer_recursive(self, query: dns.message.Message) -> dns.message.Message:
        """Return the first resolver's response, logged. DoH comes in here too."""
        return self._answer_as(0, query)

    def _answer_as(self, place: int, query: dns.message.Message) -> dns.message.Message:
        response = self._resolvers[place].respond(query)
        self._log(f"resolver {place}" if place else "resolver", query, response)
        return response

    def _answer_authoritative(
        self, address: str, query: dns.message.Message
    ) -> dns.message.Message | None:
        with self._hub.lock:
            target = forwarder(self._hub.world, text_name(query)[0]) if query.question else None
            if target is None:
                response = respond(self._hub.world, address, query, self._hub.clock.time())
        if target is not None:
            response = relay(target, query)
        self._log(address, query, response)
        return response

    def _bind_authoritative(self) -> list[Listener]:
        """Bind one free port, over UDP and TCP, on every address."""
        responders: dict[str, Responder] = {
            each: partial(self._answer_authoritative, each) for each in ADDRESSES
        }
        for _try in range(_TRIES):
            bound: list[Listener] = []
            try:
                for address, responder in responders.items():
                    bound.append(Listener(address, bound[0].port if bound else 0, responder))
                return bound
            except OSError:
                for listener in bound:
                    listener.close()
        raise OSError(f"no port is free on all of {', '.join(ADDRESSES)}")

    def _log(
        self, server: str, query: dns.message.Message, response: dns.message.Message | None
    ) -> None:
        """Log a query, in a bounded log, so that a burst does not push HTTP requests out."""
        if self._logged >= MAX_LOGGED or not query.question:
            return
        self._logged += 1
        name, kind = text_name(query)
        status = dns.rcode.to_text(response.rcode()) if response is not None else "no answer"
        self._hub.log.add(
            "dns", method="QUERY", path=name, query=kind, status=status, write=False, server=server
        )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dynamic updates against a real BIND, PowerDNS and Knot."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from tests.module.dns_contract.place import APEX, IDN, Place
from tests.support.bind import Bind
from tests.support.name_servers import Knot, PowerDns


class BindPlace(Place):
    """The suite's zones at one server; PowerDNS and Knot differ in how they are started."""

    provider = "rfc2136"
    server: ClassVar[type[Bind]] = Bind
    troubles: ClassVar[frozenset[str]] = frozenset(
        {"alias", "wrong_credentials", "narrow_credentials"}
    )

    def __init__(self) -> None:
        super().__init__()
        self._server: Any = None
        self._changed: dict[str, Any] = {}
        self._serials: dict[str, int] = {}

    @contextlib.contextmanager
    def open(self) -> Iterator[Place]:
        with self.server(
            {APEX: [], IDN: [], "narrow.example": []}, granted="ANY", max_seconds=600
        ) as server:
            self._server = server
            yield self

    def reset(self) -> None:
        self._changed = {}
        for zone in (APEX, IDN):
            update = self._update(zone)
            for name in ("@", "mail", "*.wild", "_mta-sts", "alias", "child"):
                for rdtype in ("MX", "TXT", "CNAME"):
                    update.delete(name, rdtype)
            self._send(update)
        self._serials = {zone: self._serial(zone) for zone in (APEX, IDN)}

    def options(self) -> dict[str, Any]:
        return {
            "dns_server": self._server.address,
            "dns_port": self._server.port,
            "dns_key_name": self._server.key.name,
            "dns_key_secret": self._server.key.secret,
            "dns_key_algorithm": self._server.key.algorithm,
        }

    def credentials(self) -> dict[str, Any]:
        return self._changed

    def look(self) -> Any:
        return _NoPublicDns()

    def put(self, name: str, rdtype: str, values: list[str], ttl: int) -> None:
        zone = IDN if name.endswith(IDN) else APEX
        update = self._update(zone)
        owner = dns.name.from_text(name)
        update.delete(owner, rdtype)
        for value in values:
            text = (
                f'"{value}"' if rdtype == "TXT" else value if value.endswith(".") else f"{value}."
            )
            update.add(owner, ttl, rdtype, text)
        self._send(update)
        self._serials[zone] = self._serial(zone)

    def held(self, name: str, rdtype: str) -> tuple[set[str], int | None]:
        found = self._server.rrset(name, rdtype)
        if found is None:
            return set(), None
        texts = {rdata.to_text() for rdata in found}
        if rdtype == "TXT":
            values = {text.strip('"') for text in texts}
        else:
            values = {text.lower().rstrip(".") for text in texts}
        return values, found.ttl

    def writes(self) -> int:
        return sum(self._serial(zone) - serial for zone, serial in self._serials.items())

    def make(self, trouble: str, name: str = APEX) -> None:
        if trouble == "alias":
            self.put(name, "CNAME", ["other.example"], 300)
        elif trouble == "wrong_credentials":
            self._changed = {"dns_key_secret": base64.b64encode(b"another secret").decode()}
        elif trouble == "narrow_credentials":
            self._changed = {"dns_key_name": None, "dns_key_secret": None}
        else:
            super().make(trouble, name)

    def _update(self, zone: str) -> dns.update.UpdateMessage:
        key = self._server.key
        ring = dns.tsig.Key(key.name, key.secret, key.algorithm)
        return dns.update.UpdateMessage(zone, keyring=ring)

    def _send(self, update: dns.update.UpdateMessage) -> None:
        answer = dns.query.tcp(update, self._server.address, port=self._server.port, timeout=10)
        assert answer.rcode() == dns.rcode.NOERROR, answer

    def _serial(self, zone: str) -> int:
        return int(self._server.rrset(zone, "SOA")[0].serial)


class PowerDnsPlace(BindPlace):
    server = PowerDns


class KnotPlace(BindPlace):
    server = Knot


class _NoPublicDns:
    """The server is given by its address, so no name is ever looked up."""

    class resolvers:  # noqa: N801
        @staticmethod
        def addresses(host: str) -> list[str]:
            return [host]

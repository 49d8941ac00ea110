# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A former gateway (world "former_gateway"): it takes the customer's mail and delivers it.

It writes its stamp on the mail, if it has one, and hands it to Microsoft from its own addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import format_datetime

from lab.mail import text
from lab.mail.attribution import accepted_domain
from lab.mail.client import Line
from lab.mail.journal import Journal
from lab.mail.relay import Item, Later, Relay
from lab.mail.smtp import Client
from lab.mail.state import public
from lab.server import Hub


class Gateway:
    def __init__(
        self,
        hub: Hub,
        journal: Callable[[], Journal],
        resolve: Callable[[str], list[str]],
        port: Callable[[], int],
    ) -> None:
        self._hub, self._journal, self._resolve, self._port = hub, journal, resolve, port
        self.relay: Relay | None = None

    def rcpt(self, host: str, client: Client, sender: str, recipient: str) -> str:
        with self._hub.lock:
            known = (
                accepted_domain(self._hub.world["tenant"], text.domain_of(recipient)) is not None
            )
            if self._hub.world["mail"]["gateway"] and known:
                return ""
        return "554 5.7.1 Relay access denied"

    def data(
        self, host: str, client: Client, sender: str, recipients: list[str], content: bytes
    ) -> str:
        received = "Received: from %s (%s [%s]) by %s with ESMTP; %s\r\n" % (
            client.helo,
            client.helo,
            public(self._hub.world, client.address),
            host,
            format_datetime(self._hub.clock.now()),
        )
        stamp = (self._hub.world["mail"]["gateway"] or {}).get("stamp")
        if stamp:
            received += "%s: %s\r\n" % tuple(stamp)
        headers, _body = text.split(content)
        for recipient in recipients:
            if self.relay is not None:
                self.relay.take(
                    Item(
                        text.first(headers, "Message-ID"),
                        sender,
                        recipient,
                        received.encode() + content,
                        self._hub.clock.time(),
                    )
                )
        return ""

    async def route(self, item: Item) -> list[Line]:
        with self._hub.lock:
            gateway = self._hub.world["mail"]["gateway"]
            host = self._hub.world["tenant"]["mail_hosts"].get(text.domain_of(item.recipient), "")
        if not gateway or not host:
            raise Later("the gateway knows no way")
        return [
            Line(gateway["source"], address, self._port(), gateway["host"])
            for address in self._resolve(host)
        ]

    def outcome(self, item: Item, verdict: str, words: str) -> None:
        if verdict == "bounced":
            self._journal().bounced(
                message_id=item.message_id,
                recipient=item.recipient,
                by="gateway",
                reason=words,
                at=self._hub.clock.iso(),
            )
        elif verdict == "deferred":
            self._journal().deferred(item.message_id, words)

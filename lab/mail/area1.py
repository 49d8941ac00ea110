# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Area 1's MX hosts: admission, disposition header, quarantine, and delivery to the customer.

Sources: [CF-1] (MX/Inline), [CF-5] (headers), [CF-6.1] (domain fields). A test decides what a
message is found to be, by a header `X-Lab-Disposition: SPAM` or a subject that begins with
`[lab:SPAM]`, with one of the API's words [CF-6.1].
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

from lab.cloudflare import complete, messages
from lab.cloudflare.lifecycle import Lifecycle
from lab.mail import text
from lab.mail.attribution import listed
from lab.mail.client import Line
from lab.mail.journal import Journal
from lab.mail.message import DISPOSITION_HEADER, LEGACY_DISPOSITION_HEADER
from lab.mail.relay import Item, Later, Relay
from lab.mail.smtp import Client
from lab.mail.state import public, trouble
from lab.server import Hub

MARKER = "X-Lab-Disposition"
_SUBJECT = re.compile(r"\[lab:(?P<disposition>[A-Z-]+)\]")
_STAMPS = {
    "current": [DISPOSITION_HEADER],
    "legacy": [LEGACY_DISPOSITION_HEADER],
    "both": [DISPOSITION_HEADER, LEGACY_DISPOSITION_HEADER],
}
_MOST_HOPS = 25


class Area1:
    """The desk of all MX hosts of Area 1. Called on the mail loop."""

    def __init__(
        self,
        hub: Hub,
        journal: Callable[[], Journal],
        resolve: Callable[[str], list[str]],
        port: Callable[[], int],
    ) -> None:
        self._hub, self._journal, self._resolve, self._port = hub, journal, resolve, port
        self._turn = 0
        self.relay: Relay | None = None

    def rcpt(self, host: str, client: Client, sender: str, recipient: str) -> str:
        with self._hub.lock:
            refusal = self._refusal(host, client, text.domain_of(recipient))
            if refusal:
                self._journal().refused(
                    host=host,
                    stage="rcpt",
                    reply=refusal,
                    envelope_from=sender,
                    recipient=recipient,
                    at=self._hub.clock.iso(),
                    connecting_ip=public(self._hub.world, client.address),
                )
        return refusal

    def _refusal(self, host: str, client: Client, name: str) -> str:
        wrong = trouble(self._hub.world, host)
        if wrong.get("mode") == "defer" or (self.relay and self.relay.full):
            return "451 4.3.2 Please try again later"
        domain = self.domain(name)
        if domain is None or name in wrong.get("refuse_domains", ()):
            # whether an unverified domain's mail is taken is open ([CF-10.2]): a setting
            return "554 5.7.1 <%s>: Relay access denied" % name
        if domain["ip_restrictions"] and not listed(
            domain["ip_restrictions"], public(self._hub.world, client.address)
        ):
            return "550 5.7.1 Access denied"
        if domain.get("require_tls_inbound") and not client.tls:
            return "550 5.7.10 Encryption needed"
        return ""

    def domain(self, name: str) -> dict[str, Any] | None:
        """Return the Email Security domain that takes mail for a name: in MX mode and verified."""
        world = self._hub.world
        domains = world["cloudflare"]["email_security"]["domains"]
        if any("lab" not in domain for domain in domains):
            complete(world, self._hub.clock.now())
        for domain in domains:
            if domain["domain"] == name and "DIRECT" in domain["allowed_delivery_modes"]:
                proven = (
                    self._hub.setting("area1_takes_unverified", False)
                    or self._life().verified_at(domain) is not None
                )
                return domain if proven else None
        return None

    def _life(self) -> Lifecycle:
        return Lifecycle(self._hub.world, self._hub.clock.now())

    def data(
        self, host: str, client: Client, sender: str, recipients: list[str], content: bytes
    ) -> str:
        headers, body = text.split(content)
        if len(text.hops(headers)) > _MOST_HOPS:
            return "554 5.4.6 Too many hops"
        with self._hub.lock:
            for recipient in recipients:
                domain = self.domain(text.domain_of(recipient))
                if domain is None:
                    return "451 4.3.0 Please try again later"
                self._process(
                    host,
                    client,
                    domain,
                    Item(
                        text.first(headers, "Message-ID"),
                        sender,
                        recipient,
                        b"",
                        self._hub.clock.time(),
                    ),
                    headers,
                    body,
                )
        return ""

    def _process(
        self,
        host: str,
        client: Client,
        domain: dict[str, Any],
        item: Item,
        headers: text.Headers,
        body: bytes,
    ) -> None:
        now = self._hub.clock
        domain["lab"]["mail"] = {
            "count": domain["lab"].get("mail", {}).get("count", 0) + 1,
            "last": now.time(),
        }
        disposition = _disposition(headers)
        # [CF-5]: one disposition header a message; what a sender wrote himself goes
        kept = [
            field
            for field in headers
            if field[0].lower()
            not in (DISPOSITION_HEADER.lower(), LEGACY_DISPOSITION_HEADER.lower())
        ]
        held = disposition != "NONE" and disposition in domain["drop_dispositions"]
        raw, address = text.join(kept, body), public(self._hub.world, client.address)
        item.identifier = messages.record(
            self._hub.world,
            raw,
            item.sender,
            [item.recipient],
            disposition,
            held,
            now.now(),
            address,
            client.helo,
        )
        item.record = self._hub.world["cloudflare"]["messages"][-1]
        received = "from %s (%s [%s]) by %s with %s id %s; %s" % (
            client.helo,
            client.helo,
            address,
            host,
            "ESMTPS" if client.tls else "ESMTP",
            item.identifier[:16],
            format_datetime(now.now()),
        )
        item.data = text.join([("Received", received), *self._stamps(disposition), *kept], body)
        if held:
            self._journal().hold(
                item.identifier,
                {
                    "id": item.identifier,
                    "message_id": item.message_id,
                    "disposition": disposition,
                    "envelope_from": item.sender,
                    "recipient": item.recipient,
                    "subject": text.first(headers, "Subject"),
                    "domain": domain["domain"],
                    "at": now.iso(),
                    "data": item.data,
                },
            )
        elif self.relay is not None:
            self.relay.take(item)

    def _stamps(self, disposition: str) -> text.Headers:
        """Return the headers for a disposition [CF-5].

        The word for SPAM is UCE. Whether a clean message is stamped is open, and whether both names
        are used at once.
        """
        if disposition == "NONE" and not self._hub.setting("stamp_clean", False):
            return []
        word = {"SPAM": "UCE", "MALICIOUS-BEC": "MALICIOUS"}.get(disposition, disposition)
        return [
            (name, word)
            for name in _STAMPS[str(self._hub.setting("disposition_header", "current"))]
        ]

    async def release(self, identifier: str) -> bool:
        """Release a held message; return whether the next hop took it, now or before [CF-6.3]."""
        journal = self._journal()
        if identifier in journal.released:
            return True
        held = journal.held.pop(identifier, None)
        if held is None or self.relay is None:
            # what a world put into the quarantine itself is scenery: it goes nowhere
            return held is None and self._made_up(identifier)
        journal.released.add(identifier)
        item = Item(
            held["message_id"],
            held["envelope_from"],
            held["recipient"],
            held["data"],
            self._hub.clock.time(),
            identifier=identifier,
        )
        return await self.relay.attempt(item) == "accepted"

    def _made_up(self, identifier: str) -> bool:
        with self._hub.lock:
            try:
                return bool(messages.find(self._hub.world["cloudflare"], identifier).get("made_up"))
            except KeyError:
                return False

    async def route(self, item: Item) -> list[Line]:
        """Return the way to the domain's `transport`, from an egress network's address [CF-3]."""
        with self._hub.lock:
            domain = self.domain(text.domain_of(item.recipient))
            if domain is None or not domain.get("transport"):
                raise Later("the domain has no transport")
            sources = list(self._hub.world["mail"]["egress"])
            tls = "required" if domain.get("require_tls_outbound") else "opportunistic"
            host = str(domain["transport"])
        addresses = self._resolve(host)
        if not addresses:
            raise Later("%s has no address" % host)
        self._turn += 1
        source = sources[self._turn % len(sources)]
        return [
            Line(source, address, self._port(), "egress.cf-emailsecurity.net", tls)
            for address in addresses
        ]

    def outcome(self, item: Item, verdict: str, words: str) -> None:
        status = {"accepted": "delivered", "deferred": "deferred"}.get(verdict, "bounced")
        with self._hub.lock, contextlib.suppress(KeyError):
            known = item.record or item.identifier
            messages.handed_on(
                self._hub.world,
                known,
                status,
                "to=<%s> status=%s (%s)" % (item.recipient, status, words),
                self._hub.clock.now(),
            )
        if verdict == "bounced":
            self._journal().bounced(
                message_id=item.message_id,
                recipient=item.recipient,
                by="area1",
                reason=words,
                at=self._hub.clock.iso(),
            )
        elif verdict == "deferred":
            self._journal().deferred(item.message_id, words)


def _disposition(headers: text.Headers) -> str:
    marked = text.first(headers, MARKER)
    if marked:
        return marked.strip().upper()
    found = _SUBJECT.match(text.first(headers, "Subject"))
    return found["disposition"] if found else "NONE"

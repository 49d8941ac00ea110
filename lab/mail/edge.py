# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft's edge: connectors, direct send, enhanced filtering, and then the filter.

It is `*.mail.protection.outlook.com` and `*.mx.microsoft`. Refusals in the protocol leave no trace
except in the journal's `refusals`: they are not in the message trace [CUT-2.3].
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any

from lab.mail import spf, text
from lab.mail.attribution import (
    DIRECT_SEND,
    LOCKED_DOWN,
    Attempt,
    Attribution,
    accepted_domain,
    attribute,
    source_behind,
)
from lab.mail.effective import acting_world
from lab.mail.filtering import place
from lab.mail.journal import Journal
from lab.mail.message import Message
from lab.mail.smtp import Client
from lab.mail.state import public, trouble
from lab.server import Hub

_SHOWN_BODY = 2000
_MOST_HOPS = 25


class Edge:
    """The desk of both of Microsoft's addresses. Called on the mail loop."""

    def __init__(self, hub: Hub, journal: Callable[[], Journal], spf_text: spf.Lookup) -> None:
        self._hub, self._journal, self._spf_text = hub, journal, spf_text

    def rcpt(self, host: str, client: Client, sender: str, recipient: str) -> str:
        with self._hub.lock:
            if trouble(self._hub.world, host).get("mode") == "defer":
                # [CUT-2.3]: deferrals of addresses without history
                return self._refused(
                    host,
                    "rcpt",
                    "451 4.7.500 Server busy. Please try again later",
                    client,
                    sender,
                    recipient,
                )
            found = self._attribute(client, sender, recipient)
            # [CUT-2.3]: since May 2024 refused at RCPT already, for some; both must be lived with
            late = (
                found.refusal in (LOCKED_DOWN, DIRECT_SEND)
                and self._hub.setting("edge_refuses_at", "rcpt") == "data"
            )
            if found.refusal and not late:
                return self._refused(host, "rcpt", found.refusal, client, sender, recipient)
        return ""

    def _attribute(self, client: Client, sender: str, recipient: str) -> Attribution:
        world = self._hub.world
        acting = acting_world(world, self._hub.clock.time())
        attempt = Attempt(
            public(world, client.address), sender, recipient, client.tls, client.certificates
        )
        return attribute(acting["tenant"], world["settings"], attempt)

    def _refused(
        self, host: str, stage: str, reply: str, client: Client, sender: str, recipient: str
    ) -> str:
        self._journal().refused(
            host=host,
            stage=stage,
            reply=reply,
            envelope_from=sender,
            recipient=recipient,
            at=self._hub.clock.iso(),
            connecting_ip=public(self._hub.world, client.address),
        )
        return reply

    def data(
        self, host: str, client: Client, sender: str, recipients: list[str], content: bytes
    ) -> str:
        headers, body = text.split(content)
        with self._hub.lock:
            found = {
                recipient: self._attribute(client, sender, recipient) for recipient in recipients
            }
            for recipient, attribution in found.items():
                if attribution.refusal:
                    return self._refused(
                        host, "data", attribution.refusal, client, sender, recipient
                    )
            if len(text.hops(headers)) > _MOST_HOPS:
                return "554 5.4.14 Hop count exceeded - possible mail loop ATTR34"
            for recipient, attribution in found.items():
                self._take(
                    host,
                    client,
                    sender,
                    recipients,
                    self._message(
                        client, sender, recipient, recipients, headers, body, attribution
                    ),
                )
        return ""

    def _message(
        self,
        client: Client,
        sender: str,
        recipient: str,
        recipients: list[str],
        headers: text.Headers,
        body: bytes,
        attribution: Attribution,
    ) -> Message:
        world = self._hub.world
        connecting, hops = public(world, client.address), text.hops(headers)
        behind = source_behind(attribution.connector, connecting, recipients, hops)
        seen = behind or connecting
        result = spf.check(self._spf_text, text.domain_of(sender), seen) if sender else "none"
        stamps = [
            (
                "Received-SPF",
                "%s (protection.outlook.com: domain of %s) client-ip=%s;"
                % (result.capitalize(), text.domain_of(sender), seen),
            )
        ]
        if behind:
            # [EXO-2.3]: the two headers that show enhanced filtering at work
            stamps += [
                (
                    "X-MS-Exchange-SkipListedInternetSender",
                    "ip=[%s];domain=%s" % (behind, text.domain_of(sender)),
                ),
                (
                    "X-MS-Exchange-ExternalOriginalInternetSender",
                    "ip=[%s];domain=%s" % (behind, text.domain_of(sender)),
                ),
            ]
        return Message(
            id=str(uuid.uuid4()),
            message_id=text.first(headers, "Message-ID"),
            envelope_from=sender,
            recipient=recipient,
            headers=[*stamps, *headers],
            body=body,
            connecting_ip=connecting,
            source_ip=behind or (hops[-1] if hops else connecting),
            received=self._hub.clock.now(),
            tls=client.tls,
            connector=str(attribution.connector["Name"]) if attribution.connector else "",
            skip_listed=behind is not None,
            spf=result,
            allow_listed=attribution.allowed,
        )

    def _take(
        self, host: str, client: Client, sender: str, recipients: list[str], message: Message
    ) -> None:
        now = self._journal().moment(self._hub.clock.time())
        message.received = datetime.fromtimestamp(now, timezone.utc)
        acting = acting_world(self._hub.world, self._hub.clock.time())
        nowhere = self._no_mailbox(acting["tenant"], message.recipient)
        if nowhere:
            self._journal().bounced(
                message_id=message.message_id,
                recipient=message.recipient,
                by="microsoft",
                reason=nowhere,
                at=self._hub.clock.iso(),
            )
        placement = place(acting, message)
        received = "from %s (%s [%s]) by %s with %s; %s" % (
            client.helo,
            client.helo,
            message.connecting_ip,
            host.removeprefix("*."),
            "ESMTPS" if client.tls else "ESMTP",
            format_datetime(message.received),
        )
        self._journal().placed(
            {
                "id": message.id,
                "message_id": message.message_id,
                "at": message.received.isoformat(),
                "time": now,
                "envelope_from": sender,
                "recipient": message.recipient,
                "subject": text.first(message.headers, "Subject"),
                "headers": [["Received", received], *(list(field) for field in message.headers)],
                "body": message.body[:_SHOWN_BODY].decode("utf-8", "replace"),
                "size": len(message.body),
                "connecting_ip": message.connecting_ip,
                "source_ip": message.source_ip,
                "tls": message.tls,
                "connector": message.connector,
                "skip_listed": message.skip_listed,
                "spf": message.spf,
                "host": host,
                "folder": "bounced" if nowhere else placement.folder,
                "verdict": placement.verdict,
                "scl": placement.scl,
                "policy": placement.policy,
                "release": placement.release,
                "rules": list(placement.rules),
            }
        )

    def _no_mailbox(self, tenant: dict[str, Any], recipient: str) -> str:
        """Return what becomes of mail for someone without a mailbox in this tenant, or "".

        An InternalRelay domain, or a name below one with MatchSubDomains, goes on to an outbound
        connector's smart host; without one it goes back to the MX and comes round again [CUT-5].
        """
        elsewhere, domain = self._hub.world["mail"]["elsewhere"], text.domain_of(recipient)
        if recipient.lower() not in elsewhere and domain not in elsewhere:
            return ""
        own = accepted_domain(tenant, domain) or {}
        relays = own.get("DomainType") == "InternalRelay" or (
            own.get("MatchSubDomains") and domain != str(own.get("DomainName", "")).lower()
        )
        if not relays:
            return (
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address"
                " lookup"
            )
        for connector in tenant["outbound_connectors"]:
            covers = connector["AllAcceptedDomains"] or any(
                name in ("*", domain) for name in connector["RecipientDomains"]
            )
            if connector["Enabled"] and connector["SmartHosts"] and covers:
                return ""
        return "554 5.4.14 Hop count exceeded - possible mail loop ATTR34"

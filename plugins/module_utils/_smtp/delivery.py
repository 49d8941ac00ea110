# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One envelope to one recipient, with or without a message.

Used for the direct delivery that a lock-down must refuse, and for the canary.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._facts.smtp_replies import ACCEPTED, NEEDS_TLS, UNKNOWN, direct_verdict, meaning
from .canary import Message
from .conversation import Broken, Conversation, SmtpReply
from .targets import DirectTarget, Probe


@dataclasses.dataclass
class DeliveryOutcome:
    """The last reply and the stage at which it came; ``problem`` where the conversation broke."""

    host: str
    address: str
    recipient: str
    stage: str = "connect"
    reply: SmtpReply = dataclasses.field(default_factory=SmtpReply)
    problem: str = ""
    source: str = ""
    tls: str = ""
    message: Message | None = None

    @property
    def verdict(self) -> str:
        return UNKNOWN if self.problem else direct_verdict(self.stage, self.reply)

    def to_data(self) -> dict[str, t.Any]:
        found = {
            key: getattr(self, key)
            for key in (
                "host",
                "address",
                "recipient",
                "stage",
                "problem",
                "source",
                "tls",
                "verdict",
            )
        }
        found.update(
            code=self.reply.code,
            enhanced=self.reply.enhanced,
            text=self.reply.text,
            meaning=meaning(self.reply),
        )
        found["canary"] = self.to_canary() if self.message and self.stage == "message" else None
        return found

    def to_canary(self) -> dict[str, t.Any]:
        accepted = self.stage == "message" and not self.problem and self.reply.code // 100 == 2
        return {
            "host": self.host,
            "address": self.address,
            "recipient": self.recipient,
            "sender": self.message.sender if self.message else "",
            "accepted": accepted,
            "message_id": (
                self.message.message_id if self.message and self.stage == "message" else ""
            ),
            "text": self.problem or str(self.reply),
        }


@dataclasses.dataclass
class Delivery:
    """One delivery to one address. ``verify`` demands a certificate that is valid for the host.

    A direct sender does not check the certificate, so the probe that acts as one does not either.
    """

    probe: Probe
    host: str
    address: str
    verify: bool
    tls: bool = True

    def send(self, recipient: str, message: Message | None) -> DeliveryOutcome:
        outcome = DeliveryOutcome(self.host, self.address, recipient, message=message)
        conversation = Conversation(self.address, self.probe.port, self.probe.seconds)
        try:
            self._talk(conversation, outcome)
        except Broken as exc:
            outcome.problem = exc.reason
        finally:
            outcome.source = conversation.source
            conversation.close()
        return outcome

    def _talk(self, conversation: Conversation, outcome: DeliveryOutcome) -> None:
        outcome.reply = conversation.open()
        outcome.stage = "greeting"
        if outcome.reply.code != 220:
            return
        helo = self.probe.greeting_name(conversation.source)
        outcome.stage, outcome.reply = "ehlo", conversation.hello(helo)
        if outcome.reply.permanent:
            outcome.reply = conversation.command("HELO %s" % helo)
        if not outcome.reply.good:
            return
        if self.tls and "STARTTLS" in conversation.extensions:
            outcome.stage = "starttls"
            outcome.reply = conversation.start_tls(self.probe.context(self.verify), self.host)
            if outcome.reply.code != 220:
                return
            outcome.tls = conversation.tls_version
            outcome.stage, outcome.reply = "ehlo", conversation.hello(helo)
            if not outcome.reply.good:
                return
        self._envelope(conversation, outcome)

    def _envelope(self, conversation: Conversation, outcome: DeliveryOutcome) -> None:
        outcome.stage = "mail"
        outcome.reply = conversation.command(
            "MAIL FROM:<%s>" % (outcome.message.sender if outcome.message else self.probe.outsider)
        )
        if not outcome.reply.good:
            return
        outcome.stage = "rcpt"
        outcome.reply = conversation.command("RCPT TO:<%s>" % outcome.recipient)
        if outcome.message is None or not outcome.reply.good:
            return
        outcome.stage = "data"
        outcome.reply = conversation.command("DATA")
        if outcome.reply.code != 354:
            return
        outcome.stage = "message"
        outcome.reply = conversation.message(outcome.message.data)


def deliver_directly(probe: Probe, target: DirectTarget) -> dict[str, t.Any]:
    """Deliver to the first address that can be reached; only a canary gets a message."""
    canary = probe.canary if probe.canary and probe.canary.recipient == target.recipient else None
    outcome = DeliveryOutcome(target.host, "", target.recipient, problem="its name has no address")
    for address in target.addresses:
        message = canary.message(probe.outsider, target.host) if canary else None
        outcome = Delivery(probe, target.host, address, verify=False).send(
            target.recipient, message
        )
        if outcome.stage != "connect":
            break
    return {"domain": target.domain, **outcome.to_data()}


def deliver_plainly(probe: Probe, target: DirectTarget) -> dict[str, t.Any]:
    """Offer the same recipient with TLS and without, and a difference once more.

    Only the difference tells: how such a refusal is worded is not known. It counts where it shows
    twice, and where the refusal is for good: a server that is busy says nothing of connectors. A
    demand for TLS comes with a temporary code, and a permanent one after it (451 5.7.3).
    """
    with_tls, without_tls = (_offer(probe, target, tls) for tls in (True, False))
    verdict = _plain_verdict(with_tls, without_tls)
    if verdict == NEEDS_TLS:
        with_tls, without_tls = (_offer(probe, target, tls) for tls in (True, False))
        verdict = _plain_verdict(with_tls, without_tls)
    return {
        "domain": target.domain,
        "verdict": verdict,
        "with_tls": with_tls.to_data(),
        "without_tls": without_tls.to_data(),
    }


def _offer(probe: Probe, target: DirectTarget, tls: bool) -> DeliveryOutcome:
    """Offer the recipient to the first address of the host that can be reached."""
    outcome = DeliveryOutcome(target.host, "", target.recipient, problem="its name has no address")
    for address in target.addresses:
        outcome = Delivery(probe, target.host, address, verify=False, tls=tls).send(
            target.recipient, None
        )
        if outcome.stage != "connect":
            break
    return outcome


def _plain_verdict(with_tls: DeliveryOutcome, without_tls: DeliveryOutcome) -> str:
    """Return the verdict on one pair of conversations."""
    taken = [
        outcome.stage == "rcpt" and not outcome.problem and outcome.reply.code // 100 == 2
        for outcome in (with_tls, without_tls)
    ]
    if taken[1]:
        return ACCEPTED
    refused = (
        without_tls.stage in ("mail", "rcpt")
        and not without_tls.problem
        and (without_tls.reply.permanent or without_tls.reply.text.startswith("5."))
        and not meaning(without_tls.reply)
    )
    return NEEDS_TLS if taken[0] and with_tls.tls and refused else UNKNOWN

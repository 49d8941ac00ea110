# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whether a new MX host answers as it should: STARTTLS, a certificate for its name, the domains.

No message is sent.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._facts.smtp_replies import ACCEPTED, OK, REFUSED, UNKNOWN, WRONG, recipient_verdict
from .conversation import Broken, Conversation, SmtpReply
from .targets import HostTarget, Probe, Recipient


@dataclasses.dataclass
class Visit:
    """One conversation with one address of a host."""

    address: str
    status: str = UNKNOWN
    stage: str = "connect"
    problem: str = ""
    source: str = ""
    tls: str = ""
    recipients: dict[str, dict[str, t.Any]] = dataclasses.field(default_factory=dict)

    def fail(self, status: str, stage: str, problem: str) -> Visit:
        self.status, self.stage, self.problem = status, stage, problem
        return self


def visit(
    probe: Probe, target: HostTarget, address: str, recipients: t.Sequence[Recipient]
) -> Visit:
    found = Visit(address)
    conversation = Conversation(address, probe.port, probe.seconds)
    try:
        return _talk(probe, target, conversation, found, recipients)
    except Broken as exc:
        # A host that has shown what it must stays fine if the conversation ends among the
        # recipients: only the rest of them is unknown.
        status = WRONG if exc.certificate else found.status
        return found.fail(status, found.stage, exc.reason)
    finally:
        found.source = conversation.source
        for item in recipients:
            found.recipients.setdefault(
                item.domain, {"verdict": UNKNOWN, "text": "it was not tested: %s" % found.problem}
            )
        conversation.close()


def _talk(
    probe: Probe,
    target: HostTarget,
    conversation: Conversation,
    found: Visit,
    recipients: t.Sequence[Recipient],
) -> Visit:
    """Greet, start TLS, and offer each recipient.

    A refusal of the probing address as such (greeting, EHLO) says nothing about the host: unknown.
    """
    greeting = conversation.open()
    found.stage = "greeting"
    if greeting.code != 220:
        return found.fail(UNKNOWN, "greeting", "it greets with %s" % greeting)
    found.stage = "ehlo"
    helo = probe.greeting_name(conversation.source)
    reply = conversation.hello(helo)
    if not reply.good:
        return found.fail(UNKNOWN, "ehlo", "it answers EHLO with %s" % reply)
    found.stage = "starttls"
    if "STARTTLS" not in conversation.extensions:
        return found.fail(WRONG, "starttls", "it does not offer STARTTLS")
    reply = conversation.start_tls(probe.context(True), target.name)
    if reply.code != 220:
        return found.fail(
            WRONG if reply.permanent else UNKNOWN, "starttls", "it answers STARTTLS with %s" % reply
        )
    found.tls = conversation.tls_version
    reply = conversation.hello(helo)
    if not reply.good:
        return found.fail(UNKNOWN, "ehlo", "it answers EHLO under TLS with %s" % reply)
    found.status, found.stage = OK, "rcpt"
    for item in recipients:
        found.recipients[item.domain] = _ask(conversation, probe.sender, item)
    return found


def _ask(conversation: Conversation, sender: str, item: Recipient) -> dict[str, t.Any]:
    """Offer one envelope and take it back. If the conversation breaks, the rest is unknown."""
    reply = conversation.command("MAIL FROM:<%s>" % sender)
    stage = "mail"
    if reply.good:
        stage = "rcpt"
        reply = conversation.command("RCPT TO:<%s>" % item.recipient)
    verdict = recipient_verdict(reply) if stage == "rcpt" else UNKNOWN
    conversation.command("RSET")
    return {"verdict": verdict, "stage": stage, "recipient": item.recipient, **_told(reply)}


def _told(reply: SmtpReply) -> dict[str, t.Any]:
    return {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def host_view(target: HostTarget, visits: t.Sequence[Visit]) -> dict[str, t.Any]:
    """Return the host as all of its addresses show it.

    One address that answers wrongly makes the host wrong, because senders choose among them. One
    that is silent does not, if another is fine.
    """
    by_address: dict[str, list[Visit]] = {}
    for item in visits:
        by_address.setdefault(item.address, []).append(item)
    worst = [
        max(items, key=lambda item: (item.status == WRONG, item.status == UNKNOWN))
        for items in by_address.values()
    ]
    wrong = [item for item in worst if item.status == WRONG]
    fine = [item for item in worst if item.status == OK]
    chosen = wrong or fine or worst
    recipients: dict[str, dict[str, t.Any]] = {}
    for item in visits:
        for domain, answer in item.recipients.items():
            recipients[domain] = _graver(recipients.get(domain), answer)
    return {
        "status": WRONG if wrong else OK if fine else UNKNOWN,
        "problem": (
            "; ".join("%s: %s" % (item.address, item.problem) for item in chosen if item.problem)
            if visits
            else "its name has no address"
        ),
        "addresses": [
            {key: value for key, value in dataclasses.asdict(item).items() if key != "recipients"}
            for item in worst
        ],
        "recipients": recipients,
    }


def _graver(present: dict[str, t.Any] | None, new: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the graver of two answers about a domain: refused, then accepted, then not asked."""
    order = (UNKNOWN, ACCEPTED, REFUSED)
    return (
        new
        if present is None or order.index(new["verdict"]) > order.index(present["verdict"])
        else present
    )

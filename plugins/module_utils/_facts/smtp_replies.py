# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What an SMTP server's reply proves.

Unknown never counts as good, and only one code proves a lock-down. No I/O.
"""

from __future__ import annotations

import typing as t

# A direct delivery: refused by the connector, taken, possibly taken (a refusal may still come at
# DATA), or no evidence.
LOCKED, OPEN, INCONCLUSIVE, UNKNOWN = "locked", "open", "inconclusive", "unknown"
# A recipient at a new MX host, and the host as a whole.
ACCEPTED, REFUSED = "accepted", "refused"
# A direct delivery that is taken with TLS only.
NEEDS_TLS = "needs_tls"
OK, WRONG = "ok", "wrong"

LOCKDOWN_CODE = "5.7.51"
# Refusals that say nothing about the connector, each with its meaning [CUT-2.3].
MEANINGS = {
    "5.7.68": "Direct Send is refused (RejectDirectSend), which is not the lock-down",
    "5.7.64": (
        "relay is refused: a connector of type OnPremises did not match, which is not the lock-down"
    ),
    "5.7.606": "the probing address is on a block list of Microsoft",
    "4.7.500": "the probing address is put off for its reputation",
    "4.4.62": "the host belongs to another region of Microsoft 365",
}
# Stages at which the envelope is known, so that the connector can have been looked at.
STAGES = ("connect", "greeting", "ehlo", "starttls", "mail", "rcpt", "data", "message")
ENVELOPE = frozenset({"mail", "rcpt", "data", "message"})


class Reply(t.Protocol):
    """One reply of a mail server, as far as a verdict needs it."""

    @property
    def code(self) -> int:
        """The three digits; 0 where the answer was no reply at all."""

    @property
    def enhanced(self) -> str:
        """The enhanced status code (RFC 3463), or ""."""

    @property
    def permanent(self) -> bool:
        """Whether the code is 5xx."""


def direct_verdict(stage: str, reply: Reply) -> str:
    """Return the verdict on a delivery past Area 1, from its last reply and stage."""
    if stage == "message" and reply.code // 100 == 2:
        return OPEN
    if stage in ENVELOPE and reply.permanent and reply.enhanced == LOCKDOWN_CODE:
        return LOCKED
    if stage == "rcpt" and reply.code // 100 == 2:
        return INCONCLUSIVE
    return UNKNOWN


def recipient_verdict(reply: Reply) -> str:
    """Return the verdict on a recipient at a new MX host.

    An unknown mailbox (X.1.1) says nothing about the domain, and a deferral is no refusal.
    """
    if reply.code // 100 == 2:
        return ACCEPTED
    if reply.permanent and reply.enhanced != "5.1.1":
        return REFUSED
    return UNKNOWN


def meaning(reply: Reply) -> str:
    """Return a few words about a refusal that is often misread; "" for the others."""
    return next((text for code, text in MEANINGS.items() if reply.enhanced == code), "")

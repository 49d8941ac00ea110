# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The canary: a real message to a mailbox that the operator names for it.

Its Message-ID is how a trace finds it again.
"""

from __future__ import annotations

import dataclasses
import email.message
import email.policy
import email.utils
import secrets

# RFC 2606: of a name that is nobody's, where the probing host has none that mail could come from.
NOBODY = "mailflow-probe@mailflow-probe.invalid"


@dataclasses.dataclass(frozen=True)
class Message:
    message_id: str
    sender: str
    data: bytes


@dataclasses.dataclass(frozen=True)
class Canary:
    recipient: str

    @classmethod
    def of(cls, recipient: str) -> Canary:
        return cls(recipient)

    @property
    def domain(self) -> str:
        return self.recipient.rpartition("@")[2]

    def message(self, sender: str, host: str) -> Message:
        """Return a new message; nothing in it comes from a service."""
        author = sender or NOBODY
        message_id = "<%s@%s>" % (secrets.token_hex(16), author.rpartition("@")[2])
        mail = email.message.EmailMessage(policy=email.policy.SMTP)
        mail["Date"] = email.utils.formatdate(usegmt=True)
        mail["From"] = author
        mail["To"] = self.recipient
        mail["Subject"] = "Test of the mail flow through %s" % host
        mail["Message-ID"] = message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail.set_content(
            "This message was sent by mail_flow_probe (mailflow.area1) to show the way that mail"
            " takes.\nIt may be deleted.\n"
        )
        return Message(message_id, sender, mail.as_bytes())

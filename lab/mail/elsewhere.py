# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail hosts of others: another provider, a registrar's forwarder, servers on premises.

They take all mail of the domains that point to them, and deliver it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from lab.mail import text
from lab.mail.attribution import accepted_domain
from lab.mail.journal import Journal
from lab.mail.smtp import Client
from lab.server import Hub

#: the loopback addresses that a world may give to such hosts
ADDRESSES = ("127.0.9.1", "127.0.9.2", "127.0.9.3")


class Elsewhere:
    """The desk of all these hosts. Called on the mail loop."""

    def __init__(self, hub: Hub, journal: Callable[[], Journal]) -> None:
        self._hub, self._journal = hub, journal

    def rcpt(self, host: str, client: Client, sender: str, recipient: str) -> str:
        with self._hub.lock:
            known = accepted_domain(self._hub.world["tenant"], text.domain_of(recipient))
        return "" if known is not None else "550 5.7.1 Unable to relay"

    def data(
        self, host: str, client: Client, sender: str, recipients: list[str], content: bytes
    ) -> str:
        headers, _body = text.split(content)
        for recipient in recipients:
            self._journal().delivered_elsewhere(
                id=str(uuid.uuid4()),
                message_id=text.first(headers, "Message-ID"),
                envelope_from=sender,
                recipient=recipient,
                at=self._hub.clock.iso(),
                address=host,
            )
        return ""

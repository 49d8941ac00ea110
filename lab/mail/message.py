# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One message for one recipient on its way, and where Microsoft 365 put it.

Addresses are the public ones that loopback stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

DISPOSITION_HEADER = "X-CFEmailSecurity-Disposition"
LEGACY_DISPOSITION_HEADER = "X-Area1Security-Disposition"


@dataclass
class Message:
    """A message at the edge.

    ``connecting_ip`` connected to Microsoft, ``source_ip`` sent it first; with Area 1 in between
    they differ.
    """

    id: str
    message_id: str
    envelope_from: str
    recipient: str
    headers: list[tuple[str, str]]
    body: bytes
    connecting_ip: str
    source_ip: str
    received: datetime
    tls: bool = True
    # name of the inbound connector that it was attributed to, "" for none
    connector: str = ""
    # enhanced filtering looked behind the connecting address
    skip_listed: bool = False
    # what SPF says of the address that the filter sees: pass, fail, softfail, neutral or none
    spf: str = "none"
    # the connection filter policy lists the address ([EXO-2.2], IPV:CAL)
    allow_listed: bool = False

    def header(self, name: str) -> list[str]:
        """Return every value of a header in order, ignoring the case of its name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Placement:
    """Where a message ended.

    ``folder`` is inbox, junk, quarantine, redirected, rejected, deleted, routed or moderated.
    ``policy`` is the quarantine policy, ``release`` who may release from it: user, request (an
    administrator decides) or admin.
    """

    folder: str
    verdict: str = ""
    scl: int | None = None
    policy: str = ""
    release: str = ""
    # how long the quarantine keeps it ([EXO-2.4]); 0 where no anti-spam policy
    # decides
    retention_days: int = 0
    rules: list[str] = field(default_factory=list)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A world that was recorded from a running lab, and goes on where that one stopped.

The world's name is ``recorded:`` and the path of a file that tests/support/record_version.py wrote:
JSON, compressed with gzip, with the lab's part under ``lab``.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.worlds import Credentials

PREFIX = "recorded:"


@dataclass(frozen=True)
class Recording:
    """What a lab needs to go on; ``time`` is the lab's, in seconds since the epoch.

    ``journal`` is what the mail path remembers (lab/mail/journal.py), ``mails`` the number that the
    traffic's next mail gets, ``resolver`` what the resolver had in its cache.
    """

    world: dict[str, Any]
    domains: list[str]
    time: float
    journal: dict[str, Any]
    mails: int
    resolver: list[dict[str, Any]]

    def onto(self, fresh: dict[str, Any]) -> dict[str, Any]:
        """Return the recorded world, completed from a fresh one.

        Added are parts that worlds did not have at the time of the recording: whole services,
        settings, kinds of objects.
        """
        sections = {
            name: {**fresh[name], **section}
            for name, section in self.world.items()
            if isinstance(section, dict) and name in fresh
        }
        return {**fresh, **self.world, **sections}


def read(name: str, credentials: Credentials) -> Recording:
    """Return the recording that a world's name points at, with this lab's own credentials in it."""
    with gzip.open(Path(name.removeprefix(PREFIX)), "rt", encoding="utf-8") as file:
        text = json.dumps(json.load(file)["lab"])
    for key in ("client_secret", "api_token", "certificate_pem"):
        text = text.replace("{{%s}}" % key, json.dumps(getattr(credentials, key))[1:-1])
    return Recording(**json.loads(text))

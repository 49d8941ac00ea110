# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of every message, in bounded lists outside the world's state.

The state is copied at each look.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

MAX_MESSAGES = 20_000
MAX_REFUSALS = 5_000
SHOWN = 200

# message id, what happened ("placed", "held", "deferred", "bounced"), detail
Watcher = Callable[[str, str, str], None]


class Journal:
    """The journal of one world.

    ``messages`` are those that Microsoft took, ``refusals`` what a mail host refused in the
    protocol, ``held`` what lies in Area 1's quarantine, ``bounces`` what a relay gave back after it
    had taken it, ``elsewhere`` what hosts of somebody else's delivered.
    """

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque(maxlen=MAX_MESSAGES)
        self.refusals: deque[dict[str, Any]] = deque(maxlen=MAX_REFUSALS)
        self.held: dict[str, dict[str, Any]] = {}
        self.released: set[str] = set()
        self.bounces: deque[dict[str, Any]] = deque(maxlen=MAX_REFUSALS)
        self.elsewhere: deque[dict[str, Any]] = deque(maxlen=MAX_REFUSALS)
        self.counters: Counter[str] = Counter()
        self.watchers: list[Watcher] = []
        self._sequence = itertools.count(1)
        self._last = 0.0

    def remember(self, recorded: dict[str, Any]) -> None:
        """Go on from what another journal had.

        That is its ``messages``, ``refusals``, ``bounces``, ``released``, ``counters``, and the
        next number of its ``sequence``.
        """
        self.messages.extend(recorded["messages"])
        self.refusals.extend(recorded["refusals"])
        self.bounces.extend(recorded["bounces"])
        self.released.update(recorded["released"])
        self.counters.update(recorded["counters"])
        self._sequence = itertools.count(int(recorded["sequence"]))

    def next(self) -> int:
        return next(self._sequence)

    def moment(self, now: float) -> float:
        """Return a time that no other message has."""
        self._last = max(now, self._last + 0.000_01)
        return self._last

    def placed(self, record: dict[str, Any]) -> None:
        self.messages.append({"seq": self.next(), **record})
        self.counters[record["folder"]] += 1
        self._tell(record["message_id"], "placed", record["folder"])

    def refused(self, **fields: Any) -> None:
        self.refusals.append({"seq": self.next(), **fields})
        self.counters["refused"] += 1

    def hold(self, identifier: str, record: dict[str, Any]) -> None:
        self.held[identifier] = record
        self.counters["held"] += 1
        self._tell(record["message_id"], "held", record["disposition"])

    def bounced(self, **fields: Any) -> None:
        self.bounces.append({"seq": self.next(), **fields})
        self.counters["bounced"] += 1
        self._tell(fields["message_id"], "bounced", fields["reason"])

    def delivered_elsewhere(self, **fields: Any) -> None:
        self.elsewhere.append({"seq": self.next(), **fields})
        self.counters["elsewhere"] += 1
        self._tell(fields["message_id"], "placed", "elsewhere")

    def deferred(self, message_id: str, reason: str) -> None:
        self.counters["deferred"] += 1
        self._tell(message_id, "deferred", reason)

    def _tell(self, message_id: str, what: str, detail: str) -> None:
        for watcher in self.watchers:
            watcher(message_id, what, detail)

    def summary(self) -> dict[str, Any]:
        """Return counters and the last entries of each kind, for GET /state."""
        return {
            "counters": dict(self.counters),
            "messages": list(self.messages)[-SHOWN:],
            "refusals": list(self.refusals)[-SHOWN:],
            "bounces": list(self.bounces)[-SHOWN:],
            "delivered_elsewhere": list(self.elsewhere)[-SHOWN:],
            "held": [without_body(entry) for entry in list(self.held.values())[-SHOWN:]],
        }


def without_body(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "data"}

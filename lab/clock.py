# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's clock: real time plus an offset that tests move.

Everything the lab dates, it dates by this clock.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from email.utils import format_datetime


class Clock:
    """Real UTC time plus an offset.

    It never goes back, except by `reset` or `stand_at` with the world.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    @property
    def offset(self) -> float:
        return self._offset

    def time(self) -> float:
        """Return the seconds since the epoch by the lab's clock."""
        return time.time() + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), tz=timezone.utc)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the lab's clock does not go back")
        with self._lock:
            self._offset += seconds

    def reset(self) -> None:
        with self._lock:
            self._offset = 0.0

    def stand_at(self, seconds: float) -> None:
        """Go on from a time, in seconds since the epoch, that may be long past."""
        with self._lock:
            self._offset = seconds - time.time()

    def http_date(self) -> str:
        """Return the value of a Date header."""
        return format_datetime(self.now().replace(microsecond=0), usegmt=True)

    def iso(self) -> str:
        return iso(self.now())


def iso(moment: datetime) -> str:
    """Format a time as ISO 8601 in UTC, with seconds and Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

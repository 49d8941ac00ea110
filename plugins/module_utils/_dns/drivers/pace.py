# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A pace that keeps a provider's limit of calls."""

from __future__ import annotations

import collections
import threading
import time
import typing as t

from ..._engine.context import Context


class CallPace:
    """At most ``calls`` within any ``seconds``, over all threads of one driver."""

    def __init__(
        self,
        calls: int,
        seconds: float,
        context: Context,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._seconds = seconds
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        self._due: collections.deque[float] = collections.deque(maxlen=calls)

    def keep(self) -> None:
        """Wait until one more call is within the limit, and count it."""
        with self._lock:
            now = self._clock()
            due = now
            if len(self._due) == self._calls:
                due = max(now, self._due[0] + self._seconds)
            self._due.append(due)
        if due > now:
            self._context.sleep(due - now)

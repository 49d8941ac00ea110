# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""How often a service is tried that has not answered before."""

from __future__ import annotations

import threading


class Outage:
    """Remembers that a service did not answer, so that many domains do not each wait for it.

    Several threads may use it. The first call takes all of its tries; once one has failed, each
    further call has a single try, until one is answered.
    """

    def __init__(self, tries: int) -> None:
        self._tries = tries
        self._down = False
        self._lock = threading.Lock()

    @property
    def tries(self) -> int:
        """Return how often a call is sent at most."""
        with self._lock:
            return 1 if self._down else self._tries

    def note(self, answered: bool) -> None:
        """Remember how a call ended."""
        with self._lock:
            self._down = not answered

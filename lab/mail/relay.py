# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Custody of mail: tried at once, again by the lab's clock, returned after a 5xx or five days.

The same serves Area 1's outbound leg, a former gateway and the senders of the traffic; they differ
in where a mail goes next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from lab.mail.client import Line, Pool, Unreachable

# RFC 5321 §4.5.4.1: at least half an hour between tries, give up after four to five days; first
# tries come sooner in the field
RETRY_MINUTES = (5, 15, 30, 30, 60, 60, 120, 240)
HORIZON = 5 * 86400.0
MAX_QUEUE = 20_000
_PARALLEL = 6


class Later(Exception):
    """There is no way to go now."""


@dataclass
class Item:
    message_id: str
    sender: str
    recipient: str
    data: bytes
    born: float
    tries: int = 0
    next_at: float = 0.0
    reason: str = ""
    log: list[str] = field(default_factory=list)
    # what Area 1's API knows of it, and under which id
    identifier: str = ""
    record: dict[str, Any] | None = None


# item, one of "accepted", "deferred", "bounced", and the words
Outcome = Callable[[Item, str, str], None]
Route = Callable[[Item], Awaitable[list[Line]]]


class Relay:
    """Lives on the mail loop."""

    def __init__(
        self,
        pool: Pool,
        route: Route,
        outcome: Outcome,
        clock: Callable[[], float],
        parallel: int = _PARALLEL,
    ) -> None:
        self._pool, self._route, self._outcome, self._clock = pool, route, outcome, clock
        self._slots = asyncio.Semaphore(parallel)
        self._tasks: set[asyncio.Task[str]] = set()
        self.waiting: list[Item] = []

    @property
    def full(self) -> bool:
        return len(self.waiting) + len(self._tasks) >= MAX_QUEUE

    @property
    def busy(self) -> int:
        return len(self._tasks)

    def take(self, item: Item) -> None:
        """Try in the background."""
        task: asyncio.Task[str] = asyncio.get_running_loop().create_task(self.attempt(item))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def attempt(self, item: Item) -> str:
        """Try a mail and return accepted, deferred (it waits from then on) or bounced."""
        async with self._slots:
            verdict, text = await self._try(item)
        item.tries += 1
        item.reason = text
        item.log.append(text)
        del item.log[:-20]
        if verdict == "deferred" and self._clock() - item.born > HORIZON:
            verdict, text = "bounced", "given up after five days: " + text
        if verdict == "deferred":
            item.next_at = (
                self._clock() + 60 * RETRY_MINUTES[min(item.tries, len(RETRY_MINUTES)) - 1]
            )
            self.waiting.append(item)
        self._outcome(item, verdict, text)
        return verdict

    async def _try(self, item: Item) -> tuple[str, str]:
        """Try each host in turn: the first that takes it, or refuses it for good, decides.

        Source: RFC 5321, section 5.1.
        """
        text = "no host"
        try:
            lines = await self._route(item)
        except Later as reason:
            return "deferred", str(reason)
        for line in lines:
            try:
                reply = await self._pool.deliver(line, item.sender, item.recipient, item.data)
            except Unreachable as reason:
                text = str(reason)
                continue
            text = str(reply)
            if reply.ok:
                return "accepted", text
            if reply.permanent:
                return "bounced", text
        return "deferred", text

    def tick(self) -> None:
        """Try what is due by the lab's clock."""
        now = self._clock()
        due = [item for item in self.waiting if item.next_at <= now]
        if due:
            self.waiting = [item for item in self.waiting if item.next_at > now]
            for item in due:
                self.take(item)

    async def idle(self) -> None:
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def flush(self) -> None:
        """Try all that waits, whatever its time, and wait for the end of it."""
        waiting, self.waiting = self.waiting, []
        for item in waiting:
            self.take(item)
        await self.idle()

    def drop(self) -> None:
        """Forget everything: another world."""
        for task in self._tasks:
            task.cancel()
        self.waiting = []

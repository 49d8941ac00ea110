# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of all streams, newest first, made when they are asked for."""

from __future__ import annotations

import hashlib
import heapq
import random
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from lab.scenery.kinds import KINDS, Draft, Kind
from lab.scenery.past import Past

Record = dict[str, Any]
Stream = Mapping[str, Any]
_HOUR = 3600
_MASK = int.from_bytes(hashlib.sha256(b"message trace").digest()[:16], "big")
_MOST_IN_SLOT = 1 << 24


class Scenery:
    """The scenery of one world; made for one query, under the hub's lock."""

    def __init__(self, world: dict[str, Any], now: float) -> None:
        self._world, self._past = world, Past(world, now)
        self._streams: list[Stream] = world["mail"].get("scenery", [])

    def records(
        self, start: float, end: float, from_ip: str = "", statuses: frozenset[str] = frozenset()
    ) -> Iterator[Record]:
        """Yield rows of a period as the journal keeps messages, newest first, then by recipient.

        ``from_ip`` and ``statuses`` (lower case) leave out streams that hold no such row; the
        caller filters what is left.
        """
        wanted = [
            self._backwards(index, stream, start, end)
            for index, stream in enumerate(self._streams)
            if _may(stream, from_ip, statuses)
        ]
        return heapq.merge(*wanted, key=_order)

    def find(self, identifier: str) -> list[Record]:
        """Return the rows of one message by its trace id: one for each recipient."""
        value = uuid.UUID(identifier).int ^ _MASK
        index, slot = value >> 112, (value >> 48) & ((1 << 64) - 1)
        if index >= len(self._streams):
            return []
        return [
            row for row in self._slot(index, self._streams[index], slot) if row["id"] == identifier
        ]

    def _backwards(self, index: int, stream: Stream, start: float, end: float) -> Iterator[Record]:
        length = int(stream.get("slot", _HOUR))
        for slot in range(int(end // length), int(start // length) - 1, -1):
            for row in self._slot(index, stream, slot):
                if start <= row["time"] <= end:
                    yield row

    def _slot(self, index: int, stream: Stream, slot: int) -> list[Record]:
        """Return all rows of a slot of time, newest first."""
        length, kind = int(stream.get("slot", _HOUR)), KINDS[stream["kind"]]
        chance = random.Random(f"{stream['seed']}/{index}/{slot}")
        expected = float(stream["per_day"]) * length / 86400
        count = min(int(expected) + (chance.random() < expected % 1), _MOST_IN_SLOT)
        rows: list[Record] = []
        for number in range(count):
            at = round((slot + chance.random()) * length, 6)
            draft = kind.make(stream, chance, self._past, at)
            identifier = str(uuid.UUID(int=((index << 112) | (slot << 48) | number) ^ _MASK))
            rows += _rows(draft, identifier, at) if draft is not None else []
        rows.sort(key=_order)
        return rows


def _order(row: Record) -> tuple[float, str]:
    return -float(row["time"]), str(row["recipient"]).lower()


def _may(stream: Stream, from_ip: str, statuses: frozenset[str]) -> bool:
    kind: Kind = KINDS[stream["kind"]]
    if from_ip and kind.sources is not None and from_ip not in kind.sources(stream):
        return False
    return not statuses or bool(statuses & kind.statuses)


def _rows(draft: Draft, identifier: str, at: float) -> list[Record]:
    """Return one row for each recipient: they share time and id, as those of one message do."""
    common = {
        "id": identifier,
        "message_id": draft.message_id or f"<{identifier}@northwind.example>",
        "at": datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="microseconds"),
        "time": at,
        "envelope_from": draft.sender,
        "subject": draft.subject,
        "size": draft.size,
        "connecting_ip": draft.from_ip,
        "source_ip": draft.source_ip or draft.from_ip,
        "tls": draft.tls,
        "connector": draft.connector,
        "skip_listed": draft.skip_listed,
        "folder": draft.folder,
        "status": draft.status,
        "to_ip": draft.to_ip,
        "entry": draft.entry,
        "policy": "AdminOnlyAccessPolicy",
        "rules": [],
    }
    if draft.received is not None:
        common["received"] = draft.received
    return [{**common, "recipient": recipient} for recipient in draft.recipients]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a zone's records, one by one or as a batch, in one transaction.

The edge then shows them one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lab.cloudflare.envelope import ApiError, items_of
from lab.cloudflare.record import Record, checked, refuse_conflict, show
from lab.cloudflare.settings import new_id, setting, timestamp
from lab.cloudflare.spelling import stored_name
from lab.dns.edge import commit, is_public

Step = tuple[str, list[Record]]
# [CF-6.5]: the order in which a batch is carried out, whatever the order
# in the body
ORDER = ("deletes", "patches", "puts", "posts")


class Transaction:
    """Works on a copy; ``commit`` puts it in place and tells the edge.

    Given up without it, nothing has happened.
    """

    def __init__(self, world: dict[str, Any], zone: dict[str, Any], now: datetime) -> None:
        self._world = world
        self._state = world["cloudflare"]
        self._zone = zone
        self._now = now
        self._records: list[Record] = [dict(record) for record in zone["records"]]
        self._steps: list[Step] = []

    def delete(self, fields: dict[str, Any]) -> Record:
        """Remove a record."""
        index = self._index(fields)
        gone = self._records.pop(index)
        self._step("delete", gone)
        return gone

    def patch(self, fields: dict[str, Any]) -> Record:
        """Change the given fields of a record; its id stays."""
        index = self._index(fields)
        return self._replace(
            index,
            self._checked(_without_id(fields), self._records[index]),
            "patch",
        )

    def put(self, fields: dict[str, Any]) -> Record:
        """Overwrite a record; its id stays."""
        index = self._index(fields)
        return self._replace(index, self._checked(_without_id(fields)), "put")

    def post(self, fields: dict[str, Any]) -> Record:
        """Add a record."""
        record = self._checked(fields)
        refuse_conflict(record, self._records)
        stamp = timestamp(self._now)
        record = {
            "id": new_id(self._state, "record"),
            **record,
            "created_on": stamp,
            "modified_on": stamp,
        }
        self._records.append(record)
        self._step("post", record)
        return record

    def commit(self) -> None:
        """Make it so.

        The edge shows the single changes one after another: propagation is not atomic ([CF-6.5]).
        """
        if not self._steps:
            return
        if is_public(self._world, self._zone):
            gap = float(setting(self._state, "edge_gap_ms")) / 1000
            commit(self._world, self._zone, self._steps, self._now.timestamp(), gap)
        self._zone["records"] = self._records

    def _checked(self, fields: dict[str, Any], old: Record | None = None) -> Record:
        if isinstance(fields.get("name"), str):
            fields = {**fields, "name": stored_name(self._zone, fields["name"])}
        return checked(fields, self._zone["name"], self._state, old)

    def _replace(self, index: int, record: Record, what: str) -> Record:
        old = self._records[index]
        # Each change is held against the set as it is at that moment of the transaction: two
        # records that exchange their contents by two patches collide. Whether the service checks at
        # the end instead is not documented; this is stricter.
        refuse_conflict(record, self._records[:index] + self._records[index + 1 :])
        kept = {
            "id": old["id"],
            "created_on": old["created_on"],
            "modified_on": timestamp(self._now),
        }
        self._records[index] = {**record, **kept}
        self._step(what, self._records[index])
        return self._records[index]

    def _index(self, fields: dict[str, Any]) -> int:
        for index, record in enumerate(self._records):
            if record["id"] == fields.get("id"):
                return index
        raise ApiError(404, 81044, "Record does not exist.")

    def _step(self, what: str, record: Record) -> None:
        priority = f"{record['priority']} " if "priority" in record else ""
        text = f"{what} {record['type']} {record['name']} {priority}{record['content']}"
        self._steps.append((text, [dict(each) for each in self._records]))


def _without_id(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != "id"}


def run_batch(
    world: dict[str, Any], zone: dict[str, Any], body: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Carry out all of a batch or nothing; the first error is the answer."""
    unknown = sorted(set(body) - set(ORDER))
    if unknown:
        raise ApiError(
            400,
            9207,
            f"Request body is invalid: unknown field {unknown[0]}",
            pointer=f"/{unknown[0]}",
        )
    wanted = {key: items_of(body, key) for key in ORDER}
    limit = int(setting(world["cloudflare"], "batch_limit"))
    if sum(len(items) for items in wanted.values()) > limit:
        raise ApiError(400, 9207, f"Request body is invalid: a batch holds at most {limit} changes")
    transaction = Transaction(world, zone, now)
    actions: dict[str, Callable[[dict[str, Any]], Record]] = {
        "deletes": transaction.delete,
        "patches": transaction.patch,
        "puts": transaction.put,
        "posts": transaction.post,
    }
    result = {key: [show(actions[key](item), zone) for item in wanted[key]] for key in ORDER}
    transaction.commit()
    return result

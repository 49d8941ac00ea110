# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The messages that a task names, each with its outcome."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

from .._engine.errors import MailflowError, PermissionDenied, SignInError
from .investigate import Message
from .messages import Row, aligned, table

THREADS = 8
# These concern all messages alike, so they end the task.
FOR_ALL = (PermissionDenied, SignInError)


@dataclasses.dataclass
class Item:
    """One message and its outcome. ``recipients`` are the lists of the answer to a release."""

    id: str
    message: Message = dataclasses.field(default_factory=dict)
    row: Row = dataclasses.field(default_factory=dict)
    status: str = ""
    note: str = ""
    path: str = ""
    changed: bool = False
    recipients: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    before: str = ""
    after: str = ""
    error: MailflowError | None = None

    def fail(self, error: MailflowError) -> None:
        self.status, self.error = "failed", error

    def entry(self) -> dict[str, t.Any]:
        """Return the message's part of the task's result."""
        known = {
            name: self.row.get(name, "")
            for name in ("subject", "from", "envelope_to", "disposition", "scanned_at")
        }
        return {
            "id": self.id,
            **known,
            "status": self.status,
            "changed": self.changed,
            "message": self.note,
            "path": self.path,
            **{
                name: self.recipients.get(name, [])
                for name in ("delivered", "failed", "undelivered")
            },
            "error": None if self.error is None else self.error.to_result()["error"],
        }


def each(items: t.Sequence[Item], work: t.Callable[[Item], None]) -> None:
    """Do ``work`` for every message; an error becomes part of the message's result.

    A refusal of the token concerns all messages alike and ends the task.
    """

    def one(item: Item) -> None:
        try:
            work(item)
        except FOR_ALL:
            raise
        except MailflowError as exc:
            item.fail(exc)

    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        list(pool.map(one, [item for item in items if item.error is None]))


def question(items: t.Sequence[Item]) -> str:
    lines = table([item.row for item in items])
    return "\n".join(
        [
            "",
            *lines,
            "",
            "Release %d message%s to the recipients? Type yes:"
            % (len(items), "" if len(items) == 1 else "s"),
        ]
    )


_OUTCOME = (("RESULT", 0), ("SUBJECT", 40), ("FILE OR REMARK", 0), ("ID", 0))


def outcome(items: t.Sequence[Item]) -> list[str]:
    """Return the outcome of each message as a table for a terminal."""
    rows = []
    for item in items:
        remark = str(item.error) if item.error is not None else item.note or item.path
        if not remark and item.recipients.get("delivered"):
            remark = "delivered to %s" % ", ".join(item.recipients["delivered"])
        rows.append(
            (item.status.replace("_", " "), str(item.row.get("subject") or ""), remark, item.id)
        )
    return aligned(_OUTCOME, rows)

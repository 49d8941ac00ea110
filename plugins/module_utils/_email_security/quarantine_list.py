# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module area1_quarantine_info: list what Area 1 holds, into the result or into a file."""

from __future__ import annotations

import contextlib
import json
import typing as t

from .._engine.context import Context
from .._engine.errors import InputError
from .._engine.files import absolute, content, replacing
from .._engine.module import Result
from .._engine.outside_text import json_bytes
from .investigate import Investigate
from .messages import MessageFilter, Row, row, table
from .options import account_of, api_of

FIRST_LINE = 1024 * 1024

Keep = t.Callable[[Row], None]


class Counted:
    """The counts of a listing.

    ``read`` counts messages that the service listed, ``listed`` those that fit; ``more`` says that
    further ones were left out because of the limit.
    """

    def __init__(self) -> None:
        self.read = self.listed = 0
        self.more = False
        self.service_total: int | None = None


def inform(params: t.Mapping[str, t.Any], context: Context) -> Result:
    wanted = MessageFilter.of(params)
    limit = int(params.get("limit") or 0)
    if limit < 0:
        raise InputError("limit must be at least 1.", "Leave it out to list everything.")
    path = absolute(str(params["path"])) if params.get("path") else ""
    if path and not params.get("force"):
        _check_ours(path)
    service = Investigate(api_of(params, context), account_of(params))
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(replacing(path)) if path and not context.check_mode else None

        def keep(one: Row) -> None:
            if stream is not None:
                stream.write(json_bytes(one) + b"\n")
            elif not path:
                rows.append(one)

        counted = collect(service, wanted, limit, keep)
    shown = sorted(rows, key=lambda one: str(one["scanned_at"]), reverse=True)
    values: dict[str, t.Any] = {
        "messages": shown,
        "listed": counted.listed,
        "read": counted.read,
        "total": _total(counted, wanted),
        "truncated": counted.more,
        "path": path,
    }
    if params.get("table"):
        values["table"] = [*table(shown), "", summary(values, context.check_mode)]
    return Result(False, values=values)


def collect(service: Investigate, wanted: MessageFilter, limit: int, keep: Keep) -> Counted:
    """Pass every message that fits to ``keep``, a page at a time."""
    filters = wanted.filters()
    counted = _collect(service, wanted, filters, limit, keep)
    if counted.read == 0 and wanted.quarantined and _held_anyway(service, wanted, filters):
        return _collect(service, wanted, _by_detection(filters), limit, keep)
    return counted


def _collect(
    service: Investigate,
    wanted: MessageFilter,
    filters: t.Mapping[str, str],
    limit: int,
    keep: Keep,
) -> Counted:
    counted, reading = Counted(), service.search(filters)
    for page in reading.pages():
        for message in page:
            counted.read += 1
            one = row(message)
            if not wanted.fits(one):
                continue
            if limit and counted.listed == limit:
                counted.more = True
                break
            counted.listed += 1
            keep(one)
        if counted.more:
            break
    counted.service_total = reading.total
    return counted


def _by_detection(filters: t.Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: value for name, value in filters.items() if name != "delivery_status"},
        "detections_only": "true",
    }


def _held_anyway(service: Investigate, wanted: MessageFilter, filters: t.Mapping[str, str]) -> bool:
    """Return whether a message is held although none has the status ``quarantined``.

    The newest page of detections tells.
    """
    newest = next(service.search(_by_detection(filters)).pages(), [])
    return any(wanted.fits(row(message)) for message in newest)


def _total(counted: Counted, wanted: MessageFilter) -> int | None:
    """Return how many messages there are, or None where that is not known.

    For a list that was cut short the service's own number counts, unless it counts others, too.
    """
    if not counted.more:
        return counted.listed
    only_here = (
        wanted.domain
        or len(wanted.dispositions) > 1
        or any(text and "@" not in text for text in (wanted.sender, wanted.recipient))
    )
    return None if only_here else counted.service_total


def summary(values: t.Mapping[str, t.Any], check_mode: bool = False) -> str:
    total = "an unknown number" if values["total"] is None else values["total"]
    text = (
        "%d of %s messages listed" % (values["listed"], total)
        if values["truncated"]
        else "%d messages" % values["listed"]
    )
    return "%s%s." % (
        text,
        (
            (", not written in check mode" if check_mode else ", in %s" % values["path"])
            if values["path"]
            else ""
        ),
    )


def _check_ours(path: str) -> None:
    """Refuse a path that holds anything but an earlier list of messages."""
    found = content(path, FIRST_LINE)
    if not found:
        return
    try:
        first = json.loads(found.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        first = None
    if not isinstance(first, dict) or not {"id", "scanned_at", "disposition"} <= first.keys():
        raise InputError(
            "%s exists and is not a list of messages." % path,
            "Name another path, or set force to replace it.",
        )

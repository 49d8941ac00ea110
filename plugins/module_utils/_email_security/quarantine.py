# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module area1_quarantine: preview, download and release held messages.

Each message has a result of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import typing as t

from .._engine.context import Context
from .._engine.errors import InputError, MailflowError, NotFound
from .._engine.files import absolute, content, replacing, state_home
from .._engine.module import Result
from .._engine.values import as_list
from .investigate import Investigate
from .messages import row
from .options import account_of, api_of
from .quarantine_items import Item, each, outcome
from .release import release

SHOWN_ERRORS = 5
SUFFIXES = {"preview": "png", "download": "eml"}


def manage(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Carry out the action for each of the ids."""
    items = _items(params)
    service = Investigate(api_of(params, context), account_of(params))
    action = str(params["action"])
    if action != "release":
        _give_paths(items, params, SUFFIXES[action])
    _read_all(service, items)
    if action == "release":
        release(service, items, params, context)
    else:
        each(
            items,
            lambda item: _keep_file(
                service, item, action, bool(params.get("force")), context.check_mode
            ),
        )
    return _result(items, action, bool(params.get("table")))


def _items(params: t.Mapping[str, t.Any]) -> list[Item]:
    ids = list(dict.fromkeys(str(each).strip() for each in as_list(params.get("ids"))))
    if not ids or not all(ids):
        raise InputError("No message is named.", "Give ids as area1_quarantine_info lists them.")
    return [Item(each) for each in ids]


def _give_paths(items: t.Sequence[Item], params: t.Mapping[str, t.Any], suffix: str) -> None:
    if params.get("path"):
        if len(items) > 1:
            raise InputError(
                "path is one file, and %d messages are named." % len(items),
                "Give directory instead.",
            )
        items[0].path = absolute(str(params["path"]))
    else:
        directory = params.get("directory") or os.path.join(
            state_home(), "mailflow.area1", "quarantine"
        )
        for item in items:
            name = re.sub(r"[^A-Za-z0-9_-]", "_", item.id)
            item.path = os.path.join(absolute(str(directory)), "%s.%s" % (name, suffix))
    if len({item.path for item in items}) < len(items):
        raise InputError(
            "Two of the messages would be saved to the same file.",
            "Save them by separate tasks, with path.",
        )
    for item in items:
        content(item.path, 0)  # what is no plain file is refused before anything is done


def _read_all(service: Investigate, items: t.Sequence[Item]) -> None:
    def read(item: Item) -> None:
        try:
            item.message = service.get(item.id)
        except NotFound as exc:
            raise NotFound(
                "Area 1 knows no message %s." % item.id,
                "List them with area1_quarantine_info.",
                **exc.details,
            ) from None
        item.row = row(item.message)

    each(items, read)


def _keep_file(
    service: Investigate, item: Item, action: str, force: bool, check_mode: bool
) -> None:
    """Write the preview or text of a message; replace other content only with ``force``."""
    there = content(item.path)
    if there is None and check_mode:
        item.status, item.changed, item.after = (
            "would_write",
            True,
            "%s of message %s" % (action, item.id),
        )
        return
    wanted = service.preview(item.message) if action == "preview" else service.raw(item.message)
    if there == wanted:
        item.status, item.note = "unchanged", "%s already has this content." % item.path
        return
    if there is not None and not force:
        raise InputError(
            "%s exists and has other content." % item.path,
            "Name another path, or set force to replace it.",
        )
    item.before, item.after = _described(there), _described(wanted)
    item.changed, item.status = True, "would_write" if check_mode else "written"
    if not check_mode:
        with replacing(item.path) as stream:
            stream.write(wanted)


def _described(data: bytes | None) -> str:
    return (
        ""
        if data is None
        else "%d bytes, sha256 %s" % (len(data), hashlib.sha256(data).hexdigest())
    )


def _result(items: t.Sequence[Item], action: str, with_table: bool) -> Result:
    values: dict[str, t.Any] = {"action": action, "results": [item.entry() for item in items]}
    if with_table:
        values["table"] = outcome(items)
    failed = [item for item in items if item.error is not None]
    text = ""
    if failed:
        errors = [t.cast(MailflowError, item.error) for item in failed]
        values.update(errors[0].to_result())
        texts = list(dict.fromkeys(str(error) for error in errors))
        more = (
            " And %d more, see results." % (len(texts) - SHOWN_ERRORS)
            if len(texts) > SHOWN_ERRORS
            else ""
        )
        text = "%d of %d messages failed (%s). %s%s" % (
            len(failed),
            len(items),
            ", ".join(item.id for item in failed),
            " ".join(texts[:SHOWN_ERRORS]),
            more,
        )
    diffs = [
        {
            "before_header": item.path or item.id,
            "after_header": item.path or item.id,
            "before": item.before,
            "after": item.after,
        }
        for item in items
        if item.changed
    ]
    return Result(
        any(item.changed for item in items), values=values, failed_message=text, extra_diff=diffs
    )

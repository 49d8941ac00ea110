# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Release of held messages: asked for once, then read back.

Nothing is sent again where the first outcome is not known.
"""

from __future__ import annotations

import typing as t

from .._engine.context import Context
from .._engine.errors import (
    AmbiguousWrite,
    InputError,
    MailflowError,
    NotFound,
    NotVerified,
    PermissionDenied,
    ReadError,
    Refused,
)
from .._engine.reconcile import LONGEST_PAUSE, UNKNOWN_READ_BACK_SECONDS
from .._engine.values import as_list
from .investigate import Investigate, Message, identifier
from .messages import last_release_succeeded, row
from .quarantine_items import FOR_ALL, Item, each, question

AT_ONCE = 100
HELD, RELEASED = "quarantined", "released"
# The service refused the request as a whole, perhaps because of one message.
_ONE_OF_THEM = (400, 404, 409, 422)
_LISTS = ("delivered", "failed", "undelivered")


def release(
    service: Investigate, items: t.Sequence[Item], params: t.Mapping[str, t.Any], context: Context
) -> None:
    each(items, lambda item: _look_at_log(service, item))
    held = [item for item in items if item.error is None and _is_held(item)]
    if not held:
        return
    if context.check_mode:
        for item in held:
            _changes(item, "would_release")
        return
    if params.get("confirm") and not _confirmed(held, context):
        for item in held:
            item.status, item.note = (
                "declined",
                "Not released: the question was not answered with yes.",
            )
        return
    for start in range(0, len(held), AT_ONCE):
        _release_some(service, held[start : start + AT_ONCE], context)


def _look_at_log(service: Investigate, item: Item) -> None:
    """Count a message as released where its log says so and its status does not."""
    if item.row["quarantined"] and _log_shows_release(service, item):
        item.row.update(quarantined=False, released=True)


def _log_shows_release(service: Investigate, item: Item) -> bool:
    try:
        return last_release_succeeded(service.action_log(item.message))
    except (NotFound, PermissionDenied, ReadError):
        return False  # without the log the message's own status counts


def _is_held(item: Item) -> bool:
    """Return whether there is something to release; otherwise record why not.

    To release what is released already is no error and no change.
    """
    if item.row["quarantined"]:
        return True
    item.status = "already_released" if item.row["released"] else "not_quarantined"
    item.note = (
        "It was released before."
        if item.row["released"]
        else "Area 1 does not hold it (%s)."
        % ", ".join(item.row["delivery_status"] or ["no status"])
    )
    return False


def _confirmed(held: t.Sequence[Item], context: Context) -> bool:
    answer = context.ask(question(held))
    if answer is None:
        raise InputError(
            "%d messages are to be released, and there is no terminal at which to confirm that."
            % len(held),
            "If somebody has decided it elsewhere, set area1_quarantine_confirm to false (the"
            " module's option confirm).",
        )
    return answer.lower() in ("y", "yes")


def _release_some(service: Investigate, held: t.Sequence[Item], context: Context) -> None:
    """Release messages in one request.

    Where the service refuses that for one of them, each gets a request of its own.
    """
    try:
        answer = service.release([_id(item) for item in held])
    except AmbiguousWrite as exc:
        context.sleep(min(float(exc.details.get("retry_after") or 0.0), LONGEST_PAUSE))
        _look_again(service, held, context, exc)
        return
    except FOR_ALL:
        raise
    except MailflowError as exc:
        if len(held) > 1 and exc.details.get("status") in _ONE_OF_THEM:
            for item in held:
                _release_some(service, [item], context)
        else:
            _look_again(service, held, context, exc, seconds=0.0)
        return
    _take_answer(held, answer)
    _look_again(service, [item for item in held if item.error is None], context, None)


def _take_answer(held: t.Sequence[Item], answer: t.Sequence[Message]) -> None:
    entries = {
        str(entry.get(name)): entry
        for entry in answer
        for name in ("postfix_id", "id")
        if entry.get(name)
    }
    for item in held:
        entry = (
            entries.get(_id(item))
            or entries.get(str(item.message.get("postfix_id")))
            or entries.get(item.id)
            or {}
        )
        item.recipients = {
            name: [str(address) for address in as_list(entry.get(name))] for name in _LISTS
        }
        if item.recipients["failed"]:
            # What was delivered to some is a change all the same.
            item.changed = bool(item.recipients["delivered"])
            item.fail(
                Refused(
                    "Area 1 could not release %s for %s."
                    % (item.id, ", ".join(item.recipients["failed"])),
                    "Look at its action log in the Cloudflare dashboard, or download it.",
                )
            )


def _look_again(
    service: Investigate,
    items: t.Sequence[Item],
    context: Context,
    problem: MailflowError | None,
    seconds: float = UNKNOWN_READ_BACK_SECONDS,
) -> None:
    """Read the messages until the service shows them as released, or ``seconds`` are over.

    ``problem`` is the error of the request, None where it was answered.
    """
    waiting, pause, waited = list(items), 0.0, 0.0
    while True:
        waiting = [item for item in waiting if not _shows_release(service, item)]
        if not waiting or waited >= seconds:
            break
        pause = min(max(pause * 2, 0.5), 5.0)
        context.sleep(pause)
        waited += pause
    for item in waiting:
        if problem is not None and not isinstance(problem, AmbiguousWrite):
            item.fail(problem)
        elif item.recipients.get("delivered") and problem is None:
            _changes(item, RELEASED)
            item.note = "The service says that it was delivered, and still lists it as quarantined."
            context.warn_once("%s: %s" % (item.id, item.note))
        else:
            what = "did not confirm" if problem is None else "did not answer completely to"
            item.fail(
                NotVerified(
                    "The service %s the release of %s, and still shows the message as quarantined."
                    % (what, item.id),
                    "It was not requested a second time. Run again: messages that have been"
                    " released by then are left alone.",
                )
            )


def _shows_release(service: Investigate, item: Item) -> bool:
    try:
        seen = row(service.get(_id(item)))
    except (ReadError, NotFound):
        return False
    if seen["quarantined"] and not _log_shows_release(service, item):
        return False
    _changes(item, RELEASED)
    if item.recipients.get("undelivered"):
        item.note = "Released; not delivered yet to %s." % ", ".join(item.recipients["undelivered"])
    return True


def _changes(item: Item, status: str) -> None:
    item.status, item.changed, item.before, item.after = status, True, HELD, RELEASED


def _id(item: Item) -> str:
    """Return the service's id of the message, which may differ from the operator's."""
    return identifier(item.message)

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Errors of the collection.

Each says what happened and, in ``hint``, what to do next; none ever holds a secret.
"""

from __future__ import annotations

import typing as t

from .outside_text import one_line


class MailflowError(Exception):
    """Base of all errors that become C(fail_json) in one place (``_engine.module``).

    A message may quote a name or a text from outside: none of it moves a cursor, ends a line or
    turns the direction of writing on the terminal that shows it.
    """

    kind = "error"

    def __init__(self, message: str, hint: str = "", **details: t.Any) -> None:
        self.message = one_line(message)
        self.hint = one_line(hint)
        self.details: dict[str, t.Any] = {
            name: one_line(value) if isinstance(value, str) else value
            for name, value in details.items()
        }
        super().__init__(self.message)

    def __str__(self) -> str:
        return "%s %s" % (self.message, self.hint) if self.hint else self.message

    def to_result(self) -> dict[str, t.Any]:
        """Return what a failed task returns beside C(msg)."""
        error = {"kind": self.kind, "message": self.message, "hint": self.hint}
        error.update(self.details)
        return {"error": error}


class InputError(MailflowError):
    """What the operator gave cannot be right; nothing was written."""

    kind = "input"


class ReadError(MailflowError):
    """A failed read, which never means that the object is absent."""

    kind = "read"


class SignInError(MailflowError):
    """No token could be had, or the service does not take it."""

    kind = "sign_in"


class PermissionDenied(MailflowError):
    """Signed in, but a grant is missing; ``hint`` names it."""

    kind = "permission"


class NotFound(MailflowError):
    """The service says that the object does not exist (an answer, not a failure to answer)."""

    kind = "not_found"


class AlreadyExists(MailflowError):
    """The service says that the object exists already."""

    kind = "already_exists"


class Refused(MailflowError):
    """The service understood the request and said no; nothing was changed by it."""

    kind = "refused"


class Conflict(MailflowError):
    """Two answers contradict, or the world is not as it was when the plan was made."""

    kind = "conflict"


class AmbiguousWrite(MailflowError):
    """A write was sent and its outcome is unknown: look again before anything is sent again."""

    kind = "ambiguous_write"


class NotVerified(MailflowError):
    """A write was accepted, but the read-back did not show it in time."""

    kind = "not_verified"


class MissingLibrary(MailflowError):
    """A Python library that the task needs cannot be imported."""

    kind = "missing_library"


#: Different messages that one failing task tells.
SHOWN_ERRORS = 5


def failure_text(failed: t.Mapping[str, MailflowError], total: int) -> str:
    """Return one sentence for the task, with each different message once."""
    if not failed:
        return ""
    texts = list(dict.fromkeys(str(error) for error in failed.values()))
    more = (
        " And %d more, see results." % (len(texts) - SHOWN_ERRORS)
        if len(texts) > SHOWN_ERRORS
        else ""
    )
    return "%d of %d domains failed (%s). %s%s" % (
        len(failed),
        total,
        ", ".join(failed),
        " ".join(texts[:SHOWN_ERRORS]),
        more,
    )

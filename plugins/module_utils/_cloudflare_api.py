# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The envelope of Cloudflare's API v4, for every service behind it.

That is the bearer token, typed errors and paging. It knows no object.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import re
import time
import typing as t

from ._engine.context import Context
from ._engine.errors import (
    AlreadyExists,
    AmbiguousWrite,
    Conflict,
    InputError,
    MailflowError,
    NotFound,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ._engine.outside_text import clean
from ._http import HttpClient, Reply

DEFAULT_API_URL = "https://api.cloudflare.com/client/v4"
MAX_PAGES = 10000

# Like "default";r=50;t=30: calls left, seconds until they are counted anew (1200 in five minutes)
_RATE_LEFT = re.compile(r"r=(\d+)\s*;\s*t=(\d+)")
LEFT_OVER = 10
LONGEST_REST = 300.0

# 6103/6111: the header is no token at all (6003 says so of headers, and also of parameters that are
# out of range); 1000 and 9109 "Invalid access token": no such token. 10000 "Authentication error"
# is also what a good token gets where it lacks the permission, so that one is told apart by the
# HTTP status.
_BAD_TOKEN_CODES = frozenset({1000, 6103, 6111})
_NO_ROUTE_CODES = frozenset({7000, 7003})
_IDENTICAL_RECORD_CODES = frozenset({81057, 81058})

_WRONG_TOKEN = (
    "Check the API token (is it complete, active, not expired, allowed from this address?)."
)
_NEEDS_PERMISSION = (
    "The API token needs the permission %s for this object. Or the token itself is wrong or"
    " expired."
)
_NOT_THERE = "Check the account and the object's id; the token may not be allowed to see it."
_TOO_MANY = "The limit is 1200 calls in 5 minutes for one user or token; try again after that."
_NO_REDIRECTS = "Redirects are not followed with a token: give the API's final address."


@dataclasses.dataclass(frozen=True)
class Envelope:
    """One successful answer. ``date`` is the service's own clock (UTC)."""

    result: t.Any
    info: t.Mapping[str, t.Any]
    date: datetime.datetime | None


class Pace:
    """The pace of calls, which rests before the service's limit is reached.

    Beyond it everything is refused for five minutes, also to others with the token. Every answer
    tells how many calls are left, and until when (C(Ratelimit)). A few are left over:
    threads call at once.
    """

    def __init__(self, context: Context, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self._rest_until = 0.0

    def note(self, reply: Reply) -> None:
        """Take in what an answer tells of the calls that are left."""
        told = _RATE_LEFT.findall(str(reply.headers.get("Ratelimit") or ""))
        waits = [
            min(float(seconds), LONGEST_REST) for left, seconds in told if int(left) < LEFT_OVER
        ]
        if waits and reply.status != 429:
            self._rest_until = self._clock() + max(waits)

    def keep(self) -> None:
        """Wait, if need be, before the next call."""
        seconds = self._rest_until - self._clock()
        if seconds <= 0:
            return
        self._rest_until = 0.0
        self._context.warn_once(
            "The limit of calls to the Cloudflare API is nearly reached; going on when the service"
            " counts anew, in at most %d s." % LONGEST_REST
        )
        self._context.sleep(seconds)


class CloudflareApi:
    """One token at one API address; may be used by several threads."""

    def __init__(
        self,
        api_url: str | None,
        token: str | None,
        ca_path: str | None = None,
        timeout: float = 300.0,
        context: Context | None = None,
    ) -> None:
        self._token = (token or "").strip()
        if not self._token:
            raise InputError(
                "No Cloudflare API token is given.",
                "Give it in the module's token option or in the environment (AREA1_API_TOKEN).",
            )
        if not self._token.isascii() or not self._token.isprintable() or " " in self._token:
            raise InputError(
                "The Cloudflare API token holds characters that no token has.",
                "Was it pasted with blanks or line breaks?",
            )
        self._context = context or Context()
        self._pace = Pace(self._context)
        self._http = HttpClient(
            api_url or DEFAULT_API_URL,
            headers={"Authorization": "Bearer %s" % self._token, "Accept": "application/json"},
            ca_path=ca_path or None,
            deadline=float(timeout),
            sleep=self._context.sleep,
        )

    def get(
        self, path: str, params: t.Mapping[str, t.Any] | None = None, permission: str = ""
    ) -> t.Any:
        """Return the C(result) of one GET.

        ``permission`` names what the token needs, for the message of an error.
        """
        return self.call("GET", path, params=params, permission=permission).result

    def write(self, method: str, path: str, payload: t.Any = None, permission: str = "") -> t.Any:
        """Return the C(result) of one POST, PUT, PATCH or DELETE.

        :raises AmbiguousWrite: its outcome is not known.
        """
        return self.call(method, path, payload=payload, permission=permission).result

    def pages(
        self,
        path: str,
        params: t.Mapping[str, t.Any] | None = None,
        per_page: int = 50,
        permission: str = "",
    ) -> collections.abc.Iterator[t.Any]:
        """Yield every element of a list, over all its pages; fail rather than end early."""
        for envelope in self.envelopes(path, params, per_page, permission):
            yield from envelope.result

    def envelopes(
        self,
        path: str,
        params: t.Mapping[str, t.Any] | None = None,
        per_page: int = 50,
        permission: str = "",
    ) -> collections.abc.Iterator[Envelope]:
        """Yield the pages themselves, for callers that look at C(result_info) or the date."""
        seen, before = 0, None
        for page in range(1, MAX_PAGES + 1):
            envelope = self.call(
                "GET",
                path,
                params={**(params or {}), "page": page, "per_page": per_page},
                permission=permission,
            )
            if envelope.result is None:
                envelope = dataclasses.replace(envelope, result=[])
            if not isinstance(envelope.result, list) or not all(
                isinstance(item, dict) for item in envelope.result
            ):
                raise ReadError(
                    "%s answered with something that is not a list of objects." % path,
                    "Is the API address right?",
                )
            if envelope.result and envelope.result == before:
                return  # a list that is not paged answers every page alike
            seen += len(envelope.result)
            yield envelope
            if _is_last(envelope, page, seen):
                return
            before = envelope.result
        raise ReadError("%s has more than %d pages." % (path, MAX_PAGES))

    def call(
        self,
        method: str,
        path: str,
        params: t.Mapping[str, t.Any] | None = None,
        payload: t.Any = None,
        permission: str = "",
    ) -> Envelope:
        """Return one successful answer; a typed error for every other one."""
        self._pace.keep()
        reply = self._http.request(method, path, params=params, payload=payload)
        self._pace.note(reply)
        body = self._body(reply, method != "GET")
        if reply.ok and body.get("success") is True:
            info = body.get("result_info")
            return Envelope(body.get("result"), info if isinstance(info, dict) else {}, reply.date)
        raise self._error(reply, body, method != "GET", permission)

    def _body(self, reply: Reply, is_write: bool) -> dict[str, t.Any]:
        try:
            body = reply.json()
        except ReadError:
            if reply.ok and is_write:
                raise AmbiguousWrite(
                    "%s answered %d without Cloudflare's envelope." % (reply.where, reply.status)
                ) from None
            if reply.ok:
                raise
            body = {}
        if not isinstance(body, dict):
            raise ReadError(
                "%s answered %d without Cloudflare's envelope." % (reply.where, reply.status),
                "Is the API address right?",
            )
        return body

    def _error(
        self, reply: Reply, body: t.Mapping[str, t.Any], is_write: bool, permission: str
    ) -> MailflowError:
        codes, told = _read_errors(body)
        text = clean(told, [self._token])
        kind, hint = _kind_of(reply.status, codes, text.lower(), is_write)
        if kind is PermissionDenied:
            hint = hint % (permission or "that this call asks for")
        message = "%s answered %d%s." % (reply.where, reply.status, ": " + text if text else "")
        return kind(message, hint, status=reply.status, codes=sorted(codes))


def _kind_of(
    status: int, codes: t.AbstractSet[int], text: str, is_write: bool
) -> tuple[type[MailflowError], str]:
    """Return the kind of an error and what to do next, by its status, codes and text."""
    denied: type[MailflowError] = Refused if is_write else ReadError
    bad_header = codes & _BAD_TOKEN_CODES or (6003 in codes and "header" in text)
    if status == 401 or bad_header or "invalid access token" in text:
        return SignInError, _WRONG_TOKEN
    if status == 403 or 10000 in codes or 9109 in codes:
        return PermissionDenied, _NEEDS_PERMISSION
    if status == 404 or codes & _NO_ROUTE_CODES:
        return NotFound, _NOT_THERE
    if status == 429:
        return denied, _TOO_MANY
    if 300 <= status < 400:
        return ReadError, _NO_REDIRECTS
    if codes & _IDENTICAL_RECORD_CODES:
        return AlreadyExists, ""
    return (Conflict if status == 409 else denied), ""


def _read_errors(body: t.Mapping[str, t.Any]) -> tuple[set[int], str]:
    """Return (codes, "text (code); ...") of the envelope's errors and their chains."""
    codes: set[int] = set()
    texts: list[str] = []
    queue = as_entries(body.get("errors"))
    while queue:
        entry = queue.pop(0)
        if not isinstance(entry, dict):
            texts.append(str(entry))
            continue
        code = entry.get("code")
        if isinstance(code, int):
            codes.add(code)
        texts.append("%s (%s)" % (str(entry.get("message", "")).strip().rstrip("."), code))
        queue.extend(as_entries(entry.get("error_chain")))
    return codes, "; ".join(texts)


def as_entries(value: t.Any) -> list[t.Any]:
    """Return a list as it is, nothing as an empty one, anything else as the one entry of a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _is_last(envelope: Envelope, page: int, seen: int) -> bool:
    total_pages, total_count = envelope.info.get("total_pages"), envelope.info.get("total_count")
    if isinstance(total_pages, int):
        return page >= total_pages
    if isinstance(total_count, int):
        return seen >= total_count or not envelope.result
    return not envelope.result

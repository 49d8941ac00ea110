# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The HTTP client that msal is given.

It is ours, so that ca_path, deadline, retries and the ban on redirects hold, and that an answer
which is no JSON becomes an error without its text.
"""

from __future__ import annotations

import typing as t
import urllib.parse

from ..._engine.context import Context
from ..._engine.errors import InputError, ReadError, SignInError
from ..._http import HttpClient, Reply
from .connection import Connection


class Wire:
    """Has the methods that msal calls.

    ``last_text`` is the last answer's body, for errors that msal tells of without its text;
    ``skew``: seconds that the service's clock is ahead of this machine's, None while not known.
    """

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection = connection
        self._context = context
        self._clients: dict[str, HttpClient] = {}
        self._known: dict[str, WireReply] = {}
        self.last_text = ""
        self.skew: float | None = None

    def get(
        self, url: str, params: t.Any = None, headers: t.Any = None, **ignored: t.Any
    ) -> WireReply:
        """Look the authority up; once is enough."""
        reply = self._known.get(url) or self._request("GET", url, params, None, headers)
        if reply.status_code == 200:
            self._known[url] = reply
        return reply

    def post(
        self,
        url: str,
        params: t.Any = None,
        data: t.Any = None,
        headers: t.Any = None,
        **ignored: t.Any,
    ) -> WireReply:
        """Send a form, as msal hands it over."""
        body = (
            data
            if isinstance(data, (bytes, type(None)))
            else (data if isinstance(data, str) else urllib.parse.urlencode(data)).encode("utf-8")
        )
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._request("POST", url, params, body, sent)

    def close(self) -> None:
        """Do nothing: msal calls this, and the sessions end with the process."""

    def _request(
        self, method: str, url: str, params: t.Any, body: bytes | None, headers: t.Any
    ) -> WireReply:
        parts = urllib.parse.urlsplit(url)
        base = "%s://%s" % (parts.scheme, parts.netloc)
        authority = urllib.parse.urlsplit(self._connection.endpoints.authority)
        if (parts.scheme, parts.netloc) != (
            authority.scheme,
            authority.netloc,
        ) and not _same_operator(parts.hostname, authority.hostname):
            raise InputError(
                "The authority sends the sign-in on to %s; no secret was sent there."
                % parts.netloc,
                "Check authority_url and cloud.",
            )
        if base not in self._clients:
            seconds = float(self._connection.timeout)
            self._clients[base] = HttpClient(
                base,
                ca_path=self._connection.ca_path,
                deadline=seconds,
                timeout=min(60.0, seconds),
                sleep=self._context.sleep,
            )
        path = parts.path + ("?" + parts.query if parts.query else "")
        # Asking for a token changes nothing, so that it may be sent again.
        reply = self._clients[base].request(
            method, path, params=params, data=body, headers=headers, write=False
        )
        if reply.date:
            self.skew = reply.date.timestamp() - self._context.now()
        self.last_text = reply.body.decode("utf-8", "replace")
        _check(reply)
        return WireReply(reply.status, self.last_text, dict(reply.headers))


def _check(reply: Reply) -> None:
    """Refuse what is no answer of a sign-in service.

    Its text is never shown: it may quote the request.
    """
    if reply.status == 429:
        raise SignInError(
            "The sign-in service is throttling: %s answered 429 until the deadline." % reply.where,
            "Run again later. Sign in once a run (o365_login), or keep tokens in a cache"
            " (token_cache).",
            code="throttled",
        )
    if 300 <= reply.status < 400 or reply.status >= 500:
        raise ReadError(
            "%s answered %d." % (reply.where, reply.status),
            "Is authority_url right, and is the sign-in service up? Run again later.",
        )
    try:
        fits = isinstance(reply.json(), dict)
    except ReadError:
        fits = False
    if not fits:
        raise SignInError(
            "%s answered %d with %d bytes that are not JSON."
            % (reply.where, reply.status, len(reply.body)),
            "Is authority_url right, and is there a proxy or a block page in between? The text is"
            " not shown, because it may quote the credential.",
            code="not_json",
        )


class WireReply:
    def __init__(self, status_code: int, text: str, headers: t.Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self.headers = headers

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise ReadError("The sign-in service answered %d." % self.status_code)


def _same_operator(host: str | None, authority: str | None) -> bool:
    """Return whether two hosts belong to one operator.

    The look-up of an authority may name a sibling of it, like login.partner.microsoftonline.cn.
    """
    known = (
        "microsoftonline.com",
        "microsoftonline.us",
        "chinacloudapi.cn",
        "microsoftonline.cn",
        "windows.net",
    )
    return all(
        any((name or "").lower().endswith("." + suffix) for suffix in known)
        for name in (host, authority)
    )

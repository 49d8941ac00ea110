# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Azure Resource Manager as far as DNS needs it: calls with a token, both shapes of errors, pages.

Sources: Microsoft's REST reference "Record Sets - Create Or Update" and "Zones - List"; "Azure DNS
limits"; "Protecting DNS zones and records"; "Troubleshoot Azure RBAC".
"""

from __future__ import annotations

import collections.abc
import typing as t
import urllib.parse

from ..._azure_token import AzureTokens
from ..._engine.errors import (
    Conflict,
    InputError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ..._engine.outside_text import clean
from ..._http import HttpClient, Reply, split_link
from .contract import Surroundings

API_VERSION = "2018-05-01"
MAX_PAGES = 1000
# Another operation on the same set is queued; it is a matter of seconds.
PENDING_TRIES = 7
FIRST_PAUSE = 1.0
_NO_PLACE = frozenset({"SubscriptionNotFound", "InvalidSubscriptionId", "ResourceGroupNotFound"})


class ArmError(t.NamedTuple):
    """An error's ``code`` and ``message``, "" where its body has none."""

    code: str
    message: str


class ArmApi:
    """Resource Manager with one identity's tokens; several threads may use it."""

    def __init__(self, url: str, tokens: AzureTokens, surroundings: Surroundings) -> None:
        self._tokens = tokens
        self._context = surroundings.context
        self._http = HttpClient(
            url,
            headers={"Accept": "application/json"},
            ca_path=surroundings.ca_path,
            deadline=surroundings.timeout,
            sleep=surroundings.context.sleep,
        )

    def get(self, what: str, path: str) -> Reply:
        """Return the answer to a GET: 200, or 404 with what is missing in its body.

        ``what`` begins each message: the domain's name, or that zones are listed.
        """
        return self._final(what, self._send(what, "GET", path), path)

    def put(self, what: str, path: str, body: t.Any, condition: t.Mapping[str, str]) -> Reply:
        """Replace a record set on a condition (C(If-Match) or C(If-None-Match)).

        :raises Conflict: the condition does not hold.
        :raises Refused: a lock or the value; nothing was changed.
        """
        reply = self._send(what, "PUT", path, body, condition)
        if reply.status == 412:
            raise Conflict(
                f"{what}: the record set at Azure DNS is not the one that was read.",
                "Run again: it starts from what is there now.",
            )
        reply = self._final(what, reply, path)
        if reply.status == 404:
            raise ReadError(f"{what}: the zone is gone ({_shown(error_of(reply))}).", "Run again.")
        return reply

    def pages(self, what: str, path: str) -> collections.abc.Iterator[t.Any]:
        """Yield every element of a list, over all its pages; fail rather than end early."""
        following = path
        for _page in range(MAX_PAGES):
            reply = self.get(what, following)
            body = reply.json() if reply.status == 200 else None
            if not isinstance(body, dict) or not isinstance(body.get("value"), list):
                raise ReadError(
                    f"{what}: Azure answered {reply.status} to the list of zones"
                    f" ({_shown(error_of(reply))}).",
                    "Check dns_azure_subscription and dns_azure_resource_group.",
                )
            yield from body["value"]
            if not body.get("nextLink"):
                return
            following = self._own_path(what, str(body["nextLink"]))
        raise ReadError(f"{what}: the list of zones has no end.")

    def _own_path(self, what: str, link: str) -> str:
        """Return the path of the next page. The token is sent to the configured host alone."""
        own, parts = urllib.parse.urlsplit(self._http.base_url), split_link(link)
        if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise ReadError(
                f"{what}: the next page of the list is said to be at another host"
                f" ({clean(parts.netloc, limit=100)})."
            )
        return f"{parts.path.removeprefix(own.path)}?{parts.query}"

    def _send(
        self,
        what: str,
        method: str,
        path: str,
        body: t.Any = None,
        headers: t.Mapping[str, str] | None = None,
    ) -> Reply:
        """Send with a token, renewed once if it is refused; wait for a queued operation."""
        if "?" not in path:
            path = f"{path}?api-version={API_VERSION}"
        token, pause, renewed = self._tokens.token(), FIRST_PAUSE, False
        for attempt in range(1, PENDING_TRIES + 2):
            sent = {**(headers or {}), "Authorization": f"Bearer {token}"}
            reply = self._http.request(method, path, payload=body, headers=sent)
            if reply.status == 401 and not renewed:
                token, renewed = self._tokens.token(refused=token), True
                continue
            if not _pending(reply) or attempt > PENDING_TRIES:
                return reply
            self._context.sleep(pause)
            pause = min(pause * 2, 30.0)
        return reply

    def _final(self, what: str, reply: Reply, path: str) -> Reply:
        """Return a success or a 404, and raise the error that any other answer is."""
        error = error_of(reply)
        shown = f"{what}: Azure answered {reply.status} ({_shown(error)})."
        if reply.status == 404 and error.code in _NO_PLACE:
            raise InputError(shown, "Check dns_azure_subscription and dns_azure_resource_group.")
        if reply.ok or reply.status == 404:
            return reply
        if reply.status == 401:
            raise SignInError(
                shown, "Check that dns_azure_tenant is the tenant of the subscription."
            )
        if reply.status == 403:
            raise PermissionDenied(shown, _grant(path))
        if reply.status == 429:
            raise Refused(
                shown, "Azure limits the calls per zone and minute; run again in some minutes."
            )
        if error.code == "ScopeLocked":
            raise Refused(shown, "Remove the ReadOnly lock of the zone or record set.")
        if "cname" in error.code.lower() or "CNAME record" in error.message:
            raise InputError(shown, "Remove the CNAME record first.")
        if reply.status in (400, 409):
            raise Refused(shown, "Nothing was changed. See docs/dns-azure.md for its limits.")
        raise ReadError(shown, "Run again later.")


def error_of(reply: Reply) -> ArmError:
    """Return code and message of an error, wrapped in C(error) or bare: both occur."""
    try:
        body = reply.json()
    except ReadError:
        return ArmError("", "")
    found = body.get("error", body) if isinstance(body, dict) else {}
    if not isinstance(found, dict):
        return ArmError("", "")
    return ArmError(str(found.get("code") or ""), str(found.get("message") or ""))


def _pending(reply: Reply) -> bool:
    """Return whether an operation that was queued before stands in the way: no lost race."""
    if reply.status != 409:
        return False
    text = error_of(reply).message.lower()
    return "pending" in text or "queued" in text


def _shown(error: ArmError) -> str:
    return clean(f"{error.code}: {error.message}", limit=400) if error.code else "no reason given"


def _grant(path: str) -> str:
    """Return which role the identity needs for what was asked."""
    set_path = path.split("?")[0].split("/")
    if len(set_path) > 2 and set_path[-2] in ("MX", "TXT", "CNAME"):
        return (
            "Give the app registration the role DNS Zone Contributor on this record set, or on its"
            " zone. A role that was assigned a moment ago takes some minutes to hold."
        )
    return (
        "Give the app registration the role Reader on the zone, and DNS Zone Contributor on its"
        " record sets or on the zone."
    )

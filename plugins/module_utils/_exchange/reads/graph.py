# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Forwarding hosts: where Microsoft Graph says that mail for a domain is to be delivered."""

from __future__ import annotations

import time
import typing as t
import urllib.parse

from ..._engine.context import Context
from ..._engine.errors import MailflowError, PermissionDenied, ReadError, SignInError
from ..._engine.outside_text import clean
from ..._engine.values import host_name
from ..._http import HttpClient, Reply, retry_after_seconds, split_link
from ..auth.options import resolve
from ..auth.signin import SignIn
from ..auth.token import Token
from ..fault import parse_fault

# The service's limit for one $batch.
BATCH = 20
FEW = 3
MAX_PAGES = 20
LONGEST_TEXT = 400
_AGAIN = frozenset({429, 500, 502, 503, 504})
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

Found = dict[str, t.Any]


def forwarding_hosts(
    params: t.Mapping[str, t.Any],
    context: Context,
    domains: t.Iterable[str],
    sign_in: SignIn | None = None,
    clock: t.Callable[[], float] = time.monotonic,
) -> dict[str, Found]:
    """Return {domain: {"hosts": [...], "error": ""}} by service configuration records of type Mx.

    A domain that the tenant does not have, or without such a record, has no hosts and no error;
    ``error`` says why a domain could not be read. Raise what concerns all domains (sign-in,
    permission).
    """
    names = list(dict.fromkeys(host_name(domain) for domain in domains))
    if not names:
        return {}
    connection = resolve(params)
    reader = _Reader(sign_in or SignIn(connection, context), context, connection.timeout, clock)
    found: dict[str, Found] = {}
    for start in range(0, len(names), BATCH):
        found.update(reader.read(names[start : start + BATCH]))
    return found


def _body(reply: Reply) -> t.Any:
    try:
        return reply.json()
    except ReadError:
        return None


class _Reader:
    def __init__(
        self, sign_in: SignIn, context: Context, timeout: int, clock: t.Callable[[], float]
    ) -> None:
        connection = sign_in.connection
        self._context = context
        self._clock = clock
        self._timeout = timeout
        self._token = sign_in.token("graph")
        self._client = HttpClient(
            connection.endpoints.graph,
            headers={"Authorization": "Bearer " + self._token.value, "Accept": "application/json"},
            ca_path=connection.ca_path,
            deadline=timeout,
            timeout=min(60.0, timeout),
            sleep=context.sleep,
        )

    def read(self, names: list[str]) -> dict[str, Found]:
        """Read one batch; repeat until the deadline what was throttled or dropped in it."""
        end = self._clock() + self._timeout
        found: dict[str, Found] = {}
        waiting = names
        while waiting:
            again, pause = self._round(waiting, found)
            if again and self._clock() + pause >= end:
                break
            waiting = again
            if waiting:
                self._context.sleep(pause)
        return {name: found[name] for name in names}

    def _round(self, names: list[str], found: dict[str, Found]) -> tuple[list[str], float]:
        """Ask once, and return (names to ask again, seconds to wait before)."""
        answers = self._batch(names)
        again, pause = [], _SHORTEST_PAUSE
        for number, name in enumerate(names):
            answer = answers.get(str(number), {})
            status = _number(answer.get("status"))
            if status == 200:
                found[name] = self._records(answer.get("body"))
            elif status == 404:
                found[name] = {"hosts": [], "error": ""}
            elif status in (401, 403):
                raise _denied(status, _error_text(answer.get("body"), self._token), self._token)
            else:
                found[name] = {
                    "hosts": [],
                    "error": (
                        "Microsoft Graph answered %d: %s"
                        % (status, _error_text(answer.get("body"), self._token))
                    ),
                }
                if status in _AGAIN or not status:
                    again.append(name)
                    pause = max(pause, min(_retry_after(answer), _LONGEST_PAUSE))
        return again, pause

    def _batch(self, names: list[str]) -> dict[str, t.Any]:
        requests = [
            {
                "id": str(number),
                "method": "GET",
                "url": (
                    "/domains/%s/serviceConfigurationRecords" % urllib.parse.quote(name, safe="")
                ),
            }
            for number, name in enumerate(names)
        ]
        if len(names) <= FEW:
            return self._one_by_one(requests)
        reply = self._client.request(
            "POST", "v1.0/$batch", payload={"requests": requests}, write=False
        )
        if reply.status in (400, 404, 405, 501):
            return self._one_by_one(requests)
        answers = self._document(reply).get("responses")
        if not isinstance(answers, list):
            raise ReadError("%s answered without responses." % reply.where)
        return {str(answer.get("id")): answer for answer in answers if isinstance(answer, dict)}

    def _one_by_one(self, requests: list[dict[str, str]]) -> dict[str, t.Any]:
        """Return the same answers by one request each.

        This is for few domains, and for a service without $batch.
        """
        answers: dict[str, t.Any] = {}
        for request in requests:
            reply = self._client.get("v1.0" + request["url"])
            answers[request["id"]] = {
                "status": reply.status,
                "headers": dict(reply.headers),
                "body": _body(reply),
            }
        return answers

    def _document(self, reply: Reply) -> dict[str, t.Any]:
        if not reply.ok:
            text = parse_fault(reply.status, reply.body, [self._token.value]).text or "no text"
            if reply.status in (401, 403):
                raise _denied(reply.status, text, self._token)
            raise ReadError(
                "%s answered %d: %s" % (reply.where, reply.status, text),
                "Is graph_url right? Else run again later.",
            )
        document = reply.json()
        if not isinstance(document, dict):
            raise ReadError("%s answered with JSON that is not an object." % reply.where)
        return document

    def _records(self, body: t.Any) -> Found:
        """Return all pages of one domain's records as hosts, the most preferred first."""
        records: list[dict[str, t.Any]] = []
        try:
            for number in range(MAX_PAGES + 1):
                if (
                    not isinstance(body, dict)
                    or not isinstance(body.get("value"), list)
                    or number == MAX_PAGES
                ):
                    raise ReadError("Microsoft Graph answered without a readable list of records.")
                records += [item for item in body["value"] if isinstance(item, dict)]
                link = str(body.get("@odata.nextLink") or "")
                if not link:
                    break
                body = self._document(self._client.get(self._own_path(link)))
        except PermissionDenied:
            raise
        except MailflowError as exc:
            return {"hosts": [], "error": exc.message}
        chosen = [
            item
            for item in records
            if str(item.get("recordType") or "").lower() == "mx" and item.get("mailExchange")
        ]
        chosen.sort(key=lambda item: _number(item.get("preference")))
        return {
            "hosts": list(dict.fromkeys(host_name(item["mailExchange"]) for item in chosen)),
            "error": "",
        }

    def _own_path(self, link: str) -> str:
        parts = split_link(link)
        base = urllib.parse.urlsplit(self._client.base_url)
        if (parts.scheme, parts.netloc) != (base.scheme, base.netloc):
            raise ReadError(
                "Microsoft Graph names a next page at %s; the token was not sent there."
                % (parts.hostname or "nowhere")
            )
        return parts.path + ("?" + parts.query if parts.query else "")


def _denied(status: int, text: str, token: Token) -> MailflowError:
    app = token.app_id or "the app"
    if status == 401:
        return SignInError(
            "Microsoft Graph does not take the access token: %s" % text,
            "It has expired or was revoked: get a new one.",
            status=401,
        )
    return PermissionDenied(
        "Microsoft Graph refuses the domains' service records: %s" % text,
        "Grant %s the application permission Domain.Read.All of Microsoft Graph, with admin"
        " consent, and get a new token." % app,
        status=403,
    )


def _error_text(body: t.Any, token: Token) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        text = "%s %s" % (error.get("code") or "", error.get("message") or "")
        return clean(text, [token.value], LONGEST_TEXT) or "no text"
    return "no text"


def _retry_after(answer: t.Mapping[str, t.Any]) -> float:
    headers = answer.get("headers")
    found = (
        {str(key).lower(): value for key, value in headers.items()}
        if isinstance(headers, dict)
        else {}
    )
    return retry_after_seconds(found.get("retry-after")) or 0.0


def _number(value: t.Any) -> int:
    """Return a whole number of an answer; 0 when it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0

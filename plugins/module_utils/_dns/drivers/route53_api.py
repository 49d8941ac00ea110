# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Calls of the Route 53 API: signed, four a second at most, throttled ones sent again.

Sources: the service's API Reference, version 2013-04-01; Route 53 Developer Guide, "Quotas".
"""

from __future__ import annotations

import re
import time
import typing as t
import urllib.parse

from ..._engine.errors import (
    Conflict,
    InputError,
    MailflowError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ..._engine.outside_text import clean
from ..._http import HttpClient, Reply
from .aws_signature import AwsKeys, SignedRequest, sign
from .contract import Surroundings
from .outage import Outage
from .pace import CallPace
from .route53_xml import Node, error_of, parse

VERSION_PATH = "/2013-04-01"
SERVICE = "route53"
# The account has five a second for all its callers together; one is left to them.
CALLS_PER_SECOND = 4
READ_TRIES = 5
LONGEST_PAUSE = 10.0
CLOCK_SECONDS = 240.0

_LATER = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "PriorRequestNotComplete"}
)
_BAD_KEYS = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidSignatureException",
        "AuthFailure",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorizedException"})
# The texts of a lost race, as several projects quote them from the service.
_LOST = re.compile(
    r"Tried to (?:delete|create) resource record set .{0,2000}? but (?:"
    r"the values provided do not match the current values|it was not found|it already exists)",
    re.DOTALL,
)
_NAMED = re.compile(r"\[name='[^']*'[^\]]*\]")


class Keys(t.Protocol):
    """Where the keys come from."""

    def keys(self) -> AwsKeys:
        """Return keys that are valid now."""


class Route53Api:
    """One account; several threads may use it."""

    def __init__(
        self,
        url: str,
        region: str,
        source: Keys,
        surroundings: Surroundings,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = HttpClient(
            url,
            ca_path=surroundings.ca_path,
            deadline=min(60.0, surroundings.timeout),
            sleep=surroundings.context.sleep,
            tries=1,
        )
        parts = urllib.parse.urlsplit(self._http.base_url)
        self._host = parts.netloc.removesuffix(":443" if parts.scheme == "https" else ":80")
        self._region = region
        self._source = source
        self._context = surroundings.context
        self._timeout = surroundings.timeout
        # One by one and not four at once: calls that are sent together arrive at different times.
        self._pace = CallPace(1, 1.0 / CALLS_PER_SECOND, surroundings.context)
        self._outage = Outage(READ_TRIES)
        self._clock = clock

    def get(self, what: str, path: str, query: t.Mapping[str, str] | None = None) -> Node:
        """Return the root of a successful answer. ``what`` begins each message."""
        return self._answer(what, self._send("GET", path, query or {}, b""))

    def get_dated(
        self, what: str, path: str, query: t.Mapping[str, str]
    ) -> tuple[Node, str | None]:
        """Return the root of an answer and the service's date."""
        reply = self._send("GET", path, query, b"")
        return self._answer(what, reply), reply.date.isoformat() if reply.date else None

    def post(self, what: str, path: str, body: bytes) -> Node:
        """Send a change.

        :raises Conflict: a set is not the one that the change names.
        :raises AmbiguousWrite: whether it was carried out is not known.
        """
        return self._answer(what, self._send("POST", path, {}, body))

    def _send(self, method: str, path: str, query: t.Mapping[str, str], body: bytes) -> Reply:
        """Send within the limit of calls. What was certainly not carried out is sent again."""
        end = self._clock() + self._timeout
        pause, failed = 1.0, 0
        while True:
            reply, problem = self._once(method, path, query, body)
            if reply is not None and not self._later(method, reply):
                self._outage.note(answered=True)
                return reply
            failed += 0 if reply is not None and _code(reply) in _LATER else 1
            if self._clock() + pause > end or failed >= self._outage.tries:
                if reply is None:
                    self._outage.note(answered=False)
                    raise problem or ReadError(f"{path} gave no answer.")
                return reply
            self._context.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _once(
        self, method: str, path: str, query: t.Mapping[str, str], body: bytes
    ) -> tuple[Reply | None, MailflowError | None]:
        request = SignedRequest(method, self._host, VERSION_PATH + path, query, body)
        self._pace.keep()
        headers = sign(request, self._source.keys(), self._region, SERVICE, self._context.now())
        if body:
            headers["Content-Type"] = "text/xml"
        try:
            return self._http.request(
                method, request.target, data=body or None, headers=headers
            ), None
        except ReadError as exc:
            # A read that failed, or a change that certainly did not leave this machine.
            return None, exc

    def _later(self, method: str, reply: Reply) -> bool:
        """Return whether the same call is worth another try: 400 is also what throttling is."""
        if reply.status == 429 or (method == "GET" and reply.status >= 500):
            return True
        return reply.status in (400, 503) and _code(reply) in _LATER

    def _answer(self, what: str, reply: Reply) -> Node:
        if reply.ok:
            return parse(reply.body, reply.where)
        code, text = error_of(parse(reply.body, reply.where))
        keys = self._source.keys()
        shown = clean(text, (keys.secret_key, keys.token), 400)
        message = f"{what}: Route 53 answered {reply.status} ({code}: {shown})."
        if code == "InvalidChangeBatch":
            raise batch_error(what, text, message)
        if code in _LATER or reply.status == 429:
            raise Refused(
                message,
                "AWS allows five calls a second to all callers of the account together: run again"
                " when others are done.",
            )
        if code in _BAD_KEYS:
            raise SignInError(message, self._sign_in_hint(code, reply))
        if code in _DENIED:
            raise PermissionDenied(message, grant_of(text))
        if code in ("NoSuchHostedZone", "InvalidInput", "InvalidDomainName"):
            raise InputError(message, "Check dns_route53_zone_id and the domain's name.")
        if code == "NoSuchChange":
            raise InputError(message)
        raise ReadError(message, "Run again later.")

    def _sign_in_hint(self, code: str, reply: Reply) -> str:
        skew = reply.date.timestamp() - self._context.now() if reply.date else 0.0
        if abs(skew) > CLOCK_SECONDS:
            return (
                f"The clock of this machine differs from Amazon's by {round(abs(skew) / 60)}"
                " minutes: set it."
            )
        if "Expired" in code:
            return "Get new temporary credentials, or use a profile or role that renews them."
        return (
            "Check dns_route53_access_key, dns_route53_secret_key, dns_route53_session_token and"
            " dns_route53_partition."
        )


def batch_error(what: str, text: str, message: str) -> MailflowError:
    """Return what a refused change batch means. A protection is no lost race, whatever it says."""
    rest = _NAMED.sub("", _LOST.sub("", text)).replace(what, "").lower()
    if "protect" in rest:
        return Refused(
            message,
            "A resource record set protection forbids the change; who made it can delete it in the"
            " Route 53 console.",
        )
    if "cname" in rest:
        return InputError(message, "Remove the CNAME record first.")
    if _LOST.search(text):
        return Conflict(
            f"{what}: the record set at Route 53 is not the one that was read.",
            "Run again: it starts from what is there now.",
        )
    if "other rrsets exist" in rest:
        return InputError(message, "Remove the sets with a routing policy first.")
    return Refused(message, "Nothing was changed.")


def grant_of(text: str) -> str:
    """Return which IAM action is missing."""
    found = re.search(r"route53:[A-Za-z]+", text)
    action = found[0] if found else "the actions in docs/dns-route53.md"
    hint = f"Allow {action} in the IAM policy."
    if action == "route53:ChangeResourceRecordSets":
        hint += (
            " A condition on the actions must allow CREATE and DELETE: UPSERT alone cannot tell"
            " whether somebody else changed the set."
        )
    return hint


def _code(reply: Reply) -> str:
    if reply.ok:
        return ""
    try:
        return error_of(parse(reply.body, reply.where))[0]
    except ReadError:
        return ""

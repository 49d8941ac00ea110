# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The one seam to the network for HTTPS: deadlines, retries, redaction.

It knows no service. Redirects are never followed here: a caller that may follow one checks the host
first. C(requests) is imported when the first request is sent.
"""

from __future__ import annotations

import dataclasses
import datetime
import email.utils
import random
import re
import threading
import time
import typing as t
import urllib.parse

from ._engine.errors import AmbiguousWrite, InputError, ReadError
from ._engine.module import need
from ._engine.outside_text import json_bytes, parse_json, redact as redact
from ._http_session import (
    Deadline,
    broken_answers,
    new_session as new_session,
    pin,
    reach_hint,
    reason_of,
)

RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
UNKNOWN_OUTCOME = frozenset({408, 500, 502, 503, 504})
MAX_TRIES = 6
# A host that is there answers a connection at once, however long its cmdlets take.
CONNECT_SECONDS = 20.0
MAX_BODY = 64 * 1024 * 1024
#: The longest pause that a service can ask for and be believed, in seconds.
LONGEST_RETRY_AFTER = 7 * 86400.0


@dataclasses.dataclass(frozen=True)
class Reply:
    """One answer.

    ``headers`` are looked up without case; ``date`` is the service's own clock (UTC), None if it
    sent none.
    """

    status: int
    headers: t.Mapping[str, str]
    body: bytes
    where: str

    @property
    def date(self) -> datetime.datetime | None:
        """Return the service's own time; None when the answer has none that can be read."""
        return parse_http_date(self.headers.get("Date"))

    @property
    def ok(self) -> bool:
        """Return whether the status says success."""
        return 200 <= self.status < 300

    def json(self) -> t.Any:
        """Return the body's value; ReadError, without the body's text, when it is no JSON."""
        try:
            return parse_json(self.body.decode("utf-8"))
        except ValueError:
            raise ReadError(
                "%s answered %d with a body that is not JSON (%d bytes)."
                % (self.where, self.status, len(self.body)),
                "Is the address right, and is there a proxy in between?",
            ) from None


@dataclasses.dataclass(frozen=True)
class _Request:
    method: str
    path: str
    params: t.Mapping[str, t.Any] | None
    body: bytes | None
    headers: dict[str, str]


def parse_http_date(text: str | None) -> datetime.datetime | None:
    """Return the UTC time of an HTTP date (RFC 9110, 5.6.7); None when it is none.

    Without an offset, or with the C(-0000) of RFC 5322, it is UTC.
    """
    if not text:
        return None
    try:
        moment = email.utils.parsedate_to_datetime(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=datetime.timezone.utc)
        return moment.astimezone(datetime.timezone.utc)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def retry_after_seconds(text: t.Any, now: datetime.datetime | None = None) -> float | None:
    """Return the seconds of a C(Retry-After) header (RFC 9110, 10.2.3), at least 0.

    ``now`` is the service's own time, for a header that names a moment. None when it is neither
    seconds nor a date. No more than LONGEST_RETRY_AFTER.
    """
    given = str(text or "").strip()
    if re.fullmatch(r"[0-9]+", given):
        return min(float(given), LONGEST_RETRY_AFTER)
    until = parse_http_date(given)
    if until is None:
        return None
    base = now or datetime.datetime.now(datetime.timezone.utc)
    return min(max((until - base).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


class HttpClient:
    """One service at one base address.

    :param base_url: https address, with or without a path; C(http) only for loopback.
    :param headers: sent with every request; values may be secrets and are never shown.
    :param ca_path: CA bundle for this peer; None is the system's (as C(requests) finds it).
    :param deadline: seconds for one call with all its retries.
    :param timeout: seconds for one connection or one silence in an answer.
    :param address: IP address to connect to in place of a look-up of the host's name; the
        certificate is still the name's.
    :param max_body: longest answer in bytes.
    :param tries: how often a read is sent at most.
    :param secrets: what else is sent, in bodies, and must not come back in an answer. The
        credentials of an Authorization header are such secrets anyway.
    """

    def __init__(
        self,
        base_url: str,
        headers: t.Mapping[str, str] | None = None,
        ca_path: str | None = None,
        deadline: float = 300.0,
        timeout: float = 60.0,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
        address: str | None = None,
        max_body: int | None = None,
        tries: int = MAX_TRIES,
        secrets: t.Iterable[str] = (),
    ) -> None:
        self.base_url = check_url(base_url)
        self._address = address
        self._max_body = max_body
        self._tries = tries
        self.headers = dict(headers or {})
        self._secrets = tuple(secrets)
        self.ca_path = ca_path
        self.deadline = deadline
        self.timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._local = threading.local()

    def get(
        self, path: str, params: t.Mapping[str, t.Any] | None = None, **options: t.Any
    ) -> Reply:
        """Send a GET; all else as in :meth:`request`."""
        return self.request("GET", path, params=params, **options)

    def request(
        self,
        method: str,
        path: str,
        params: t.Mapping[str, t.Any] | None = None,
        payload: t.Any = None,
        data: bytes | None = None,
        headers: t.Mapping[str, str] | None = None,
        write: bool | None = None,
        transient: t.Callable[[Reply], bool] | None = None,
    ) -> Reply:
        """Send and return the answer, whatever its status, once it is final.

        ``write`` (by method unless given) decides what a failure means. A read is sent again until
        the deadline. A write is sent again only where it certainly was not taken (no connection,
        429). ``transient`` marks further answers to a read as worth another try.

        :raises AmbiguousWrite: whether a write was carried out is not known.
        :raises ReadError: there was no answer.
        """
        is_write = method not in ("GET", "HEAD", "OPTIONS") if write is None else write
        sent = _Request(
            method,
            path,
            params,
            json_bytes(payload) if payload is not None else data,
            {**self.headers, **(headers or {})},
        )
        if payload is not None:
            sent.headers.setdefault("Content-Type", "application/json; charset=utf-8")
        end, attempt = self._clock() + self.deadline, 0
        while True:
            attempt += 1
            reply, problem, unsent = self._once(sent, end)
            if is_write:
                self._check_outcome(sent, reply, problem, unsent)
            again = reply is None or _is_transient(reply, is_write, transient)
            if again and attempt < self._tries and self._pause(attempt, reply, end):
                continue
            if reply is not None:
                return reply
            raise ReadError(
                "%s could not be reached: %s." % (self._where(sent), problem), reach_hint(problem)
            )

    def _check_outcome(
        self, sent: _Request, reply: Reply | None, problem: str, unsent: bool
    ) -> None:
        """Raise AmbiguousWrite where a write may or may not have been carried out."""
        if reply is None and not unsent:
            raise AmbiguousWrite(
                "%s broke off (%s); whether it was carried out is not known."
                % (self._where(sent), problem)
            )
        if reply is not None and reply.status in UNKNOWN_OUTCOME:
            raise AmbiguousWrite(
                "%s answered %d; whether it was carried out is not known."
                % (reply.where, reply.status),
                status=reply.status,
                retry_after=_retry_after(reply),
            )

    def _once(self, sent: _Request, end: float) -> tuple[Reply | None, str, bool]:
        """Return (answer or None, problem, certainly not sent) of one try."""
        requests = need("requests")
        hidden = (*self._secrets, *_credentials(sent.headers))
        if end - self._clock() <= 0:
            return None, "the deadline of %d s is over" % self.deadline, True
        try:
            return self._answer(sent, end, hidden), "", False
        except requests.exceptions.SSLError as exc:
            # Only a certificate that was not accepted proves that nothing was sent: TLS may break
            # under a request, too.
            return None, reason_of(exc, hidden), "CERTIFICATE_VERIFY_FAILED" in repr(exc)
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError) as exc:
            return None, reason_of(exc, hidden), True
        except requests.exceptions.ConnectionError as exc:
            unsent = "NewConnectionError" in repr(exc) or "NameResolutionError" in repr(exc)
            return None, reason_of(exc, hidden), unsent
        except broken_answers() as exc:
            return None, reason_of(exc, hidden), False

    def _answer(self, sent: _Request, end: float, hidden: t.Sequence[str]) -> Reply:
        """Send, and return the answer without what it quotes of the credentials."""
        session = self._session()
        self._local.limit.end = end
        step = max(min(self.timeout, end - self._clock()), 0.1)
        with session.request(
            sent.method,
            self._url(sent.path),
            params=sent.params,
            data=sent.body,
            headers=sent.headers,
            timeout=(min(step, CONNECT_SECONDS), step),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = _without(self._read(response, end), hidden, response.ok)
            return Reply(response.status_code, response.headers, content, self._where(sent))

    def _read(self, response: t.Any, end: float) -> bytes:
        parts, size, limit = [], 0, self._max_body or MAX_BODY
        for part in response.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise OSError("the answer is larger than %d bytes" % limit)
            if self._clock() > end:
                raise OSError("the answer was slower than the deadline")
        return b"".join(parts)

    def _pause(self, attempt: int, reply: Reply | None, end: float) -> bool:
        """Wait as long as the service asks, and at least 1, 2, 4 ... s with jitter.

        A service that asks for no time at all, or for a time that is over, would else be asked
        again at once by everybody whom it has just turned away. False: the deadline is too near.
        """
        own = min(2.0 ** (attempt - 1), 30.0) * random.uniform(0.5, 1.0)
        asked = _retry_after(reply) if reply else None
        seconds = max(asked or 0.0, own)
        if self._clock() + seconds >= end:
            return False
        self._sleep(seconds)
        return True

    def _session(self) -> t.Any:
        """Return this thread's session; its C(limit) is the deadline that it reads under."""
        if getattr(self._local, "session", None) is None:
            limit = self._local.limit = Deadline(self._clock)
            session = new_session(self.ca_path, limit)
            if self._address:
                pin(session, self.base_url, self._address, limit)
            self._local.session = session
        return self._local.session

    def _url(self, path: str) -> str:
        return "%s/%s" % (self.base_url, path.lstrip("/")) if path else self.base_url

    def _where(self, sent: _Request) -> str:
        return "%s %s" % (sent.method, self._url(sent.path).split("?", 1)[0])


def check_url(url: str) -> str:
    """Return the address without trailing slash; InputError when a token may not be sent there.

    Plain http only to loopback: a token must not cross a network in clear.
    """
    parts = urllib.parse.urlsplit(str(url).strip())
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if (
        not parts.hostname
        or parts.scheme not in ("https", "http")
        or (parts.scheme == "http" and not loopback)
    ):
        raise InputError(
            "%r is not an https address." % redact_userinfo(url),
            "Give it like https://api.example.com/path.",
        )
    if parts.username or parts.password:
        raise InputError(
            "The address of %s carries a user name or password." % parts.hostname,
            "Give secrets in their own options.",
        )
    return str(url).strip().rstrip("/")


def split_link(link: t.Any, base: str = "") -> urllib.parse.SplitResult:
    """Return the parts of a link that a service sent, relative to ``base``.

    What is no address has no scheme and no host, so that it is nobody's.
    """
    try:
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(base, str(link or "")))
        _port = parts.port  # read here, because it raises for a number that is none
    except ValueError:
        return urllib.parse.SplitResult("", "", "", "", "")
    return parts


def redact_userinfo(url: str) -> str:
    """Return an address without the user name and password that it may carry."""
    return "%s@%s" % ("********", url.rsplit("@", 1)[1]) if "@" in url else url


def _is_transient(
    reply: Reply, is_write: bool, transient: t.Callable[[Reply], bool] | None
) -> bool:
    """Return whether another try may fare better, and a first one did nothing for certain."""
    if reply.status == 429:
        return True
    if is_write:
        return False
    return reply.status in RETRY_STATUSES or bool(transient and transient(reply))


def _retry_after(reply: Reply) -> float | None:
    return retry_after_seconds(reply.headers.get("Retry-After"), reply.date)


def _credentials(headers: t.Mapping[str, str]) -> list[str]:
    """Return what Authorization headers say after the scheme's name."""
    given = [value for name, value in headers.items() if name.lower().endswith("authorization")]
    return [value.rpartition(" ")[2] for value in given]


def _without(body: bytes, secrets: t.Sequence[str], ok: bool) -> bytes:
    """Return an answer without the secrets that it was asked with.

    With ``ok`` it is an answer to go on with, and may hold a token that was asked for. Proxies,
    debugging aids and some services quote the request. Nobody behind this seam can leak
    what never gets there.
    """
    for form in dict.fromkeys((body, body.replace(b"\0", b""))):  # UTF-16 is such a form
        text = form.decode("latin-1")
        redacted = redact(text, secrets, answer=ok)
        if redacted != text:
            return redacted.encode("latin-1", "replace")
    return body

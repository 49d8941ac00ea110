# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The one seam to the network for HTTPS: deadlines, retries, redaction.

Knows no service.

Redirects are never followed here: a caller that may follow one checks the host first. C(requests)
is imported when the first request is sent.
"""

from __future__ import annotations

import dataclasses
import datetime
import email.utils
import json
import random
import threading
import time
import typing as t
import urllib.parse

from ._engine.errors import AmbiguousWrite, InputError, ReadError
from ._engine.module import need

RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
UNKNOWN_OUTCOME = frozenset({408, 500, 502, 503, 504})
MAX_TRIES = 6
# A host that is there answers a connection at once, however long its cmdlets take.
CONNECT_SECONDS = 20.0
MAX_BODY = 64 * 1024 * 1024


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
        return parse_http_date(self.headers.get("Date"))

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> t.Any:
        try:
            return json.loads(self.body.decode("utf-8"))
        except ValueError:
            raise ReadError(
                "%s answered %d with a body that is not JSON (%d bytes)."
                % (self.where, self.status, len(self.body)),
                "Is the address right, and is there a proxy in between?",
            ) from None


def parse_http_date(text: str | None) -> datetime.datetime | None:
    if not text:
        return None
    try:
        return email.utils.parsedate_to_datetime(text).astimezone(datetime.timezone.utc)
    except (TypeError, ValueError):
        return None


def redact(text: str, secrets: t.Iterable[str]) -> str:
    """``text`` without the given secrets (short ones are left: they would blacken everything)."""
    for secret in secrets:
        if secret and len(secret) >= 8:
            text = text.replace(secret, "********")
    return text


class HttpClient:
    """One service at one base address.

    :param base_url: https address, with or without a path; C(http) only for loopback. :param
    headers: sent with every request; values may be secrets and are never shown. :param ca_path: CA
    bundle for this peer; None is the system's (as C(requests) finds it). :param deadline: seconds
    for one call with all its retries. :param timeout: seconds for one connection or one silence in
    an answer. :param address: IP address to connect to in place of a look-up of the host's name;
    the certificate is still the name's. :param max_body: longest answer in bytes. :param tries: how
    often a read is sent at most.
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
    ) -> None:
        self.base_url = check_url(base_url)
        self._address = address
        self._max_body = max_body
        self._tries = tries
        self.headers = dict(headers or {})
        self.ca_path = ca_path
        self.deadline = deadline
        self.timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._local = threading.local()

    def get(
        self, path: str, params: t.Mapping[str, t.Any] | None = None, **options: t.Any
    ) -> Reply:
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
        429); else AmbiguousWrite is raised. ``transient`` marks further answers to a read as worth
        another try.
        """
        is_write = method not in ("GET", "HEAD", "OPTIONS") if write is None else write
        body = (
            json.dumps(payload, ensure_ascii=False).encode("utf-8") if payload is not None else data
        )
        sent_headers = {**self.headers, **(headers or {})}
        if payload is not None:
            sent_headers.setdefault("Content-Type", "application/json; charset=utf-8")
        end = self._clock() + self.deadline
        for attempt in range(1, self._tries + 1):
            reply, problem, unsent = self._once(method, path, params, body, sent_headers, end)
            if reply is None:
                if is_write and not unsent:
                    raise AmbiguousWrite(
                        "%s broke off (%s); whether it was carried out is not known."
                        % (self._where(method, path), problem)
                    )
                if attempt == self._tries or not self._pause(attempt, None, end):
                    raise ReadError(
                        "%s could not be reached: %s." % (self._where(method, path), problem),
                        _reach_hint(problem),
                    )
                continue
            if is_write and reply.status in UNKNOWN_OUTCOME:
                raise AmbiguousWrite(
                    "%s answered %d; whether it was carried out is not known."
                    % (reply.where, reply.status),
                    status=reply.status,
                    retry_after=_retry_after(reply),
                )
            again = reply.status == 429 or (
                not is_write
                and (reply.status in RETRY_STATUSES or bool(transient and transient(reply)))
            )
            if not again or attempt == self._tries or not self._pause(attempt, reply, end):
                return reply
        raise ReadError(
            "%s gave no final answer." % self._where(method, path)
        )  # not reached: the last try returns or raises

    def _once(
        self,
        method: str,
        path: str,
        params: t.Any,
        body: bytes | None,
        headers: dict[str, str],
        end: float,
    ) -> tuple[Reply | None, str, bool]:
        """(answer or None, problem, certainly not sent)."""
        requests = need("requests")
        left = end - self._clock()
        if left <= 0:
            return None, "the deadline of %d s is over" % self.deadline, True
        step = max(min(self.timeout, left), 0.1)
        try:
            with self._session().request(
                method,
                self._url(path),
                params=params,
                data=body,
                headers=headers,
                timeout=(min(step, CONNECT_SECONDS), step),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._read(response, end)
                return (
                    Reply(
                        response.status_code, response.headers, content, self._where(method, path)
                    ),
                    "",
                    False,
                )
        except requests.exceptions.SSLError as exc:
            # Only a certificate that was not accepted proves that nothing was sent: TLS may break
            # under a request, too.
            return None, _reason(exc), "CERTIFICATE_VERIFY_FAILED" in repr(exc)
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError) as exc:
            return None, _reason(exc), True
        except requests.exceptions.ConnectionError as exc:
            return (
                None,
                _reason(exc),
                "NewConnectionError" in repr(exc) or "NameResolutionError" in repr(exc),
            )
        except (requests.exceptions.RequestException, OSError) as exc:
            return None, _reason(exc), False

    def _read(self, response: t.Any, end: float) -> bytes:
        parts, size, limit = [], 0, self._max_body or MAX_BODY
        for part in response.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size > limit or self._clock() > end:
                raise OSError(
                    "the answer is larger than %d bytes or slower than the deadline" % limit
                )
        return b"".join(parts)

    def _pause(self, attempt: int, reply: Reply | None, end: float) -> bool:
        """Wait as the service asks, else 1, 2, 4 ... s with jitter.

        False: the deadline does not allow it.
        """
        asked = _retry_after(reply) if reply else None
        seconds = (
            asked
            if asked is not None
            else min(2.0 ** (attempt - 1), 30.0) * random.uniform(0.5, 1.0)
        )
        if self._clock() + seconds >= end:
            return False
        self._sleep(seconds)
        return True

    def _session(self) -> t.Any:
        session = getattr(self._local, "session", None)
        if session is None:
            session = new_session(self.ca_path)
            if self._address:
                pin(session, self.base_url, self._address)
            self._local.session = session
        return session

    def _url(self, path: str) -> str:
        return "%s/%s" % (self.base_url, path.lstrip("/")) if path else self.base_url

    def _where(self, method: str, path: str) -> str:
        return "%s %s" % (method, self._url(path).split("?", 1)[0])


def new_session(ca_path: str | None) -> t.Any:
    """A C(requests) session in which an explicit CA bundle wins over REQUESTS_CA_BUNDLE and
    CURL_CA_BUNDLE.

    C(requests) lets those variables override C(Session.verify); an operator who names a bundle
    means it.
    """
    requests = need("requests")
    session = requests.Session()
    if ca_path:
        session.verify = ca_path
        original = session.merge_environment_settings

        def merge(url: str, proxies: t.Any, stream: t.Any, verify: t.Any, cert: t.Any) -> t.Any:
            settings = original(url, proxies, stream, verify, cert)
            settings["verify"] = ca_path
            return settings

        session.merge_environment_settings = merge
    return session


def pin(session: t.Any, base_url: str, address: str) -> None:
    """Have a C(requests) session connect to ``address`` for this host, with the host's name in SNI,
    certificate check and Host.

    A proxy of the environment would look the name up by itself, so none is used.
    """
    adapters = need("requests.adapters", "requests")
    parts = urllib.parse.urlsplit(base_url)
    netloc = "[%s]" % address if ":" in address else address
    netloc += ":%d" % parts.port if parts.port else ""

    class Pinned(adapters.HTTPAdapter):  # type: ignore[name-defined]
        def init_poolmanager(self, *arguments: t.Any, **options: t.Any) -> None:
            super().init_poolmanager(
                *arguments,
                **{**options, "server_hostname": parts.hostname, "assert_hostname": parts.hostname},
            )

        def send(self, request: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
            request.url = urllib.parse.urlunsplit(
                urllib.parse.urlsplit(request.url)._replace(netloc=netloc)
            )
            request.headers["Host"] = parts.netloc
            return super().send(request, *arguments, **options)

    session.trust_env = False
    session.mount(base_url, Pinned())


def check_url(url: str) -> str:
    """The address without trailing slash.

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


def redact_userinfo(url: str) -> str:
    return "%s@%s" % ("********", url.rsplit("@", 1)[1]) if "@" in url else url


def _retry_after(reply: Reply) -> float | None:
    text = (reply.headers.get("Retry-After") or "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    until = parse_http_date(text)
    if until is None:
        return None
    base = reply.date or datetime.datetime.now(datetime.timezone.utc)
    return max((until - base).total_seconds(), 0.0)


def _reason(exc: BaseException) -> str:
    """The innermost cause, in a few words; the exception of C(requests) repeats the whole
    address.
    """
    seen: BaseException = exc
    while True:
        inner = getattr(seen, "reason", None)
        nested = (
            inner
            if isinstance(inner, BaseException)
            else next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        )
        if nested is None:
            break
        seen = nested
    text = str(seen).split(": ", 1)[-1] if "object at 0x" in str(seen) else str(seen)
    return "%s: %s" % (type(seen).__name__, text) if text else type(seen).__name__


def _reach_hint(problem: str) -> str:
    if "CERTIFICATE" in problem.upper():
        return (
            "Its certificate is not trusted here: name the CA bundle in area1_ca_path (option"
            " ca_path)."
        )
    return "Check the address, the network and the proxy of the machine that runs this task."

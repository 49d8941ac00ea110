# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sessions of C(requests) that keep to our credentials, CA bundle, deadline and address.

C(requests) is imported when the first session is made.
"""

from __future__ import annotations

import http.client
import io
import time
import typing as t
import urllib.parse

from ._engine.module import need
from ._engine.outside_text import clean

LONGEST_REASON = 300


class Deadline:
    """The moment at which a request must be over, however slowly its answer drips.

    A time-out of C(requests) begins anew with every byte: a byte a second makes an answer that
    never ends. One of these is shared by a session and whoever uses it; ``end`` is set before each
    request, on the clock of ``clock`` (seconds).
    """

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.end = float("inf")

    def left(self) -> float:
        """Return the seconds that are left; TimeoutError when there are none."""
        left = self.end - self.clock()
        if left <= 0:
            raise TimeoutError("the answer was slower than the deadline")
        return left


def new_session(ca_path: str | None, deadline: Deadline | None = None) -> t.Any:
    """Return a C(requests) session that follows ``deadline`` and no credentials but our own.

    C(requests) lets REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE override C(Session.verify), and puts the
    password of a C(.netrc) entry (its C(default) fits every host) in place of an Authorization
    header. An operator who names a bundle means it, and nobody else's password is to be sent. The
    environment's proxies are used.
    """
    session = need("requests").Session()
    session.auth = _as_it_is
    adapter = _adapter_class(deadline)
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter())
    if ca_path:
        session.verify = ca_path
        original = session.merge_environment_settings

        def merge(url: str, proxies: t.Any, stream: t.Any, verify: t.Any, cert: t.Any) -> t.Any:
            settings = original(url, proxies, stream, verify, cert)
            settings["verify"] = ca_path
            return settings

        session.merge_environment_settings = merge
    return session


def pin(session: t.Any, base_url: str, address: str, deadline: Deadline | None = None) -> None:
    """Have a session connect to ``address`` for this host.

    The host's name stays in SNI, certificate check and Host. A proxy of the environment would look
    the name up by itself, so none is used.
    """
    parts = urllib.parse.urlsplit(base_url)
    netloc = "[%s]" % address if ":" in address else address
    netloc += ":%d" % parts.port if parts.port else ""

    class Pinned(_adapter_class(deadline)):  # type: ignore[misc]
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


def _as_it_is(request: t.Any) -> t.Any:
    """Leave the request's own headers alone: with any C(auth) the C(.netrc) file is not asked."""
    return request


def _adapter_class(deadline: Deadline | None) -> t.Any:
    """Return an adapter whose connections, also those through a proxy, read under ``deadline``."""
    base = need("requests.adapters", "requests").HTTPAdapter
    if deadline is None:
        return base
    limit = deadline

    class Limited(base):  # type: ignore[misc, valid-type]
        def init_poolmanager(self, *arguments: t.Any, **options: t.Any) -> None:
            super().init_poolmanager(*arguments, **options)
            _limit_pools(self.poolmanager, limit)

        def proxy_manager_for(self, proxy: str, **options: t.Any) -> t.Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **options)
            if not known:
                _limit_pools(manager, limit)
            return manager

    return Limited


def _limit_pools(manager: t.Any, deadline: Deadline) -> None:
    """Have all connections of a C(urllib3) pool manager read their answers under ``deadline``."""

    def response(sock: t.Any, *arguments: t.Any, **options: t.Any) -> http.client.HTTPResponse:
        made = http.client.HTTPResponse(sock, *arguments, **options)
        raw = made.fp.detach()
        made.fp = io.BufferedReader(_LimitedReader(raw, sock, deadline))
        return made

    manager.pool_classes_by_scheme = {
        scheme: type(
            pool.__name__,
            (pool,),
            {
                "ConnectionCls": type(
                    pool.ConnectionCls.__name__,
                    (pool.ConnectionCls,),
                    {"response_class": staticmethod(response)},
                )
            },
        )
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


class _LimitedReader(io.RawIOBase):
    """What a socket receives; each wait for it is as short as what is left until the deadline."""

    def __init__(self, raw: t.Any, sock: t.Any, deadline: Deadline) -> None:
        super().__init__()
        self._raw = raw
        self._socket = sock
        self._deadline = deadline
        self._silence: float | None = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        left = self._deadline.left()
        silence = left if self._silence is None else min(left, self._silence)
        self._socket.settimeout(None if silence == float("inf") else silence)
        return t.cast("int | None", self._raw.readinto(buffer))

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def close(self) -> None:
        self._raw.close()
        super().close()


def broken_answers() -> tuple[type[Exception], ...]:
    """Return what an answer that breaks HTTP or its encoding may raise below C(requests), too."""
    below = need("urllib3.exceptions", "requests").HTTPError
    return (need("requests").exceptions.RequestException, below, OSError, ValueError)


def reason_of(exc: BaseException, secrets: t.Sequence[str]) -> str:
    """Return the innermost cause in a few words.

    The exception of C(requests) repeats the whole address; some quote what the server sent.
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
    name = type(seen).__name__
    return "%s: %s" % (name, clean(text, secrets, LONGEST_REASON)) if text else name


def reach_hint(problem: str) -> str:
    """Return what to do about a service that could not be reached."""
    if "CERTIFICATE" in problem.upper():
        return (
            "Its certificate is not trusted here: name the CA bundle in area1_ca_path (option"
            " ca_path)."
        )
    return "Check the address, the network and the proxy of the machine that runs this task."

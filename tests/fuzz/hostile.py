# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that answer anything: bytes, odd JSON, and answers that are nearly right."""

from __future__ import annotations

import contextlib
import copy
import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn
from unittest import mock

from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._http import HttpClient, Reply

#: No example may take longer than this; the sleeps of the code under test take no time.
SECONDS = 20

ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud83d",
        "\u202e\x1b[31m\r\nfatal: x",
        "²",
        "٣",
        "-1",
        "1e999",
        "NaN",
        "9" * 400,
        "9" * 5000,
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.9999999-23:59",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "2026-11-23T20:00:00Z",
        "../../../etc/passwd",
        "192.0.2.0/33",
        "2001:db8::1%eth0",
        "192.0.2.9-192.0.2.1",
        "xn--\u2603",
        "." * 300,
        "a" * 300 + ".example",
        "[" * 3000,
        '{"message": "{\\"message\\": 1}"}',
        "|Type|text",
        "Ex000|Microsoft.Exchange|",
        "smtp:*;1",
        "10 MB (1,2 bytes)",
        "X" * 70_000,
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=12),
    ODD_TEXTS,
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Date": st.one_of(ODD_TEXTS, st.just("Mon, 23 Nov 2026 20:00:00 GMT")),
        "Retry-After": st.one_of(ODD_TEXTS, st.just("3"), st.just("0")),
        "Location": st.one_of(
            ODD_TEXTS, st.just("https://[::1"), st.just("https://x.example:99999")
        ),
        "WWW-Authenticate": st.one_of(ODD_TEXTS, st.just('Bearer claims="%%%"')),
        "Ratelimit": st.one_of(ODD_TEXTS, st.just('"default";r=0;t=' + "9" * 400)),
        "X-ExceptionType": ODD_TEXTS,
        "X-RateLimit-Reset": ODD_TEXTS,
        "ETag": ODD_TEXTS,
    },
)
STATUSES = st.sampled_from(
    [200, 200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 503]
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values of a document, itself included."""
    found = [path]
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        found += places(value, (*path, key))
    return found


@st.composite
def nearly(draw: st.DrawFn, document: Any) -> Any:
    """Draw a document of a service with a few of its values replaced, taken away or wrapped."""
    result = copy.deepcopy(document)
    for _change in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(result)))
        if not path:
            if draw(st.booleans()):
                return draw(JSON)
            continue
        parent: Any = result
        for key in path[:-1]:
            parent = parent[key]
        how = draw(st.sampled_from(("replace", "replace", "remove", "wrap", "twice")))
        if how == "remove":
            del parent[path[-1]]
        elif how == "wrap":
            parent[path[-1]] = [parent[path[-1]]]
        elif how == "twice" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        else:
            parent[path[-1]] = draw(JSON)
    return result


Answer = tuple[int, dict[str, str], bytes]


def bodies(document: Any) -> st.SearchStrategy[bytes]:
    """Draw the body of an answer: nearly ``document`` (JSON, or bytes), or anything at all."""
    if isinstance(document, bytes):
        close = st.one_of(st.just(document), damaged(document))
    else:
        close = nearly(document).map(encoded)
    return st.one_of(close, close, close, close, close, JSON.map(encoded), st.binary(max_size=60))


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw bytes of which a few were changed, cut out or put in."""
    result = bytearray(data)
    for _change in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(result)))
        end = draw(st.integers(start, min(len(result), start + 8)))
        result[start:end] = draw(st.binary(max_size=8))
    return bytes(result)


@st.composite
def answers(draw: st.DrawFn, documents: Mapping[str, Any]) -> dict[str, list[Answer]]:
    """Draw what a service answers, by a word of the request.

    Most answers are right, so that the odd ones are met in all places: one or two, in turn.
    """
    odd = draw(st.lists(st.sampled_from(list(documents)), min_size=1, max_size=2, unique=True))
    found = {}
    for word, document in documents.items():
        if word in odd:
            one = st.tuples(STATUSES, HEADERS, bodies(document))
            found[word] = draw(st.lists(one, min_size=1, max_size=2))
        else:
            body = document if isinstance(document, bytes) else encoded(document)
            found[word] = [(200, {"Date": "Mon, 23 Nov 2026 20:00:00 GMT"}, body)]
    return found


class Hang(BaseException):
    """The code under test did not come to an end."""


@contextlib.contextmanager
def bounded(seconds: int = SECONDS) -> Iterator[None]:
    """Have what runs within end in time, or fail with :class:`Hang`."""

    def stop(signum: int, frame: Any) -> NoReturn:
        raise Hang("still at work after %d s" % seconds)

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def answering(given: Mapping[str, Sequence[Answer]]) -> Iterator[None]:
    """Let each HTTPS request get the answers for the first word that is part of it, in turn."""
    counts = dict.fromkeys(given, 0)

    def answer(self: Any, sent: Any, end: float, hidden: Sequence[str]) -> Reply:
        asked = "%s %s %s" % (sent.method, sent.path, sent.headers.get("X-CmdletName", ""))
        word = next((word for word in given if word in asked), next(iter(given)))
        status, headers, body = given[word][counts[word] % len(given[word])]
        counts[word] += 1
        return Reply(status, CaseInsensitiveDict(headers), body, "GET https://service.example/x")

    with mock.patch.object(HttpClient, "_answer", answer):
        yield


class Clock:
    """Time that passes by sleeping only, so that every deadline is reached at once."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def outcome(logic: Callable[..., Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Run a module's logic and return its result; an error that is no typed one fails the test."""
    clock = Clock()
    with bounded(), mock.patch("time.sleep", clock.sleep), mock.patch("time.monotonic", clock):
        failed, result = evaluate(logic, params, Context(sleep=clock.sleep, now=clock))
    message = str(result.get("msg") or "")
    if message.startswith("Unexpected"):
        raise AssertionError("%s\n%s" % (message, result.get("exception")))
    shown = [message, *map(str, result.get("table") or [])] if failed else []
    assert all(text.isprintable() for text in shown), ascii(shown)
    return result

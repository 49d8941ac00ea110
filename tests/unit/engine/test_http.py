# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seam to the network: what is tried again, what is not, and what never leaves or shows."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import time as real_time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.mailflow.area1.plugins.module_utils import _http
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AmbiguousWrite,
    InputError,
    MailflowError,
    ReadError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._http import HttpClient, Reply
from tests.unit.exchange.helpers import TlsServer

SECRET = "s3cr3t-t0ken-value"
Answer = tuple[int, Any, dict[str, str]]


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@contextlib.contextmanager
def serving(directory: Path, *answers: Answer | Callable[[], Answer]) -> Iterator[TlsServer]:
    """A server that gives ``answers`` one after the other, the last one for ever."""
    left = list(answers)

    def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer() if callable(answer) else answer

    with TlsServer(directory, handle).serving() as server:
        yield server


def client(server: TlsServer, time: Time, **options: Any) -> HttpClient:
    given = {"ca_path": server.ca_path, "clock": lambda: time.now, "sleep": time.sleep, **options}
    return HttpClient(server.url, **given)


def test_a_read_is_tried_again_until_it_is_answered(tmp_path: Path, time: Time) -> None:
    with serving(
        tmp_path, *[(status, {}, {}) for status in (408, 500, 502, 503, 504)], (200, {"a": 1}, {})
    ) as server:
        reply = client(server, time).get("/x", params={"q": "1"})
    assert reply.ok and reply.json() == {"a": 1} and len(server.requests) == 6
    assert {path for _, path, _, _ in server.requests} == {"/x?q=1"}
    assert all(
        0.5 * 2**number <= pause <= 2.0**number for number, pause in enumerate(time.slept)
    ), time.slept


def test_the_last_answer_is_given_when_tries_are_used_up(tmp_path: Path, time: Time) -> None:
    with serving(tmp_path, (503, {}, {})) as server:
        assert client(server, time).get("/x").status == 503
    assert len(server.requests) == _http.MAX_TRIES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
def test_a_final_answer_is_not_tried_again(tmp_path: Path, time: Time, status: int) -> None:
    with serving(tmp_path, (status, {}, {})) as server:
        assert client(server, time).get("/x").status == status
    assert len(server.requests) == 1 and time.slept == []


def test_retry_after_is_obeyed(tmp_path: Path, time: Time) -> None:
    with serving(
        tmp_path, (429, {}, {"Retry-After": "17"}), (503, {}, {"Retry-After": "3"}), (200, {}, {})
    ) as server:
        assert client(server, time).get("/x").ok
    assert time.slept == [17.0, 3.0]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("42", 42.0),
        ("Mon, 23 Nov 2026 20:00:42 GMT", 42.0),
        ("Mon, 23 Nov 2026 19:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_a_date_in_retry_after_is_read_by_the_service_s_clock(
    asked: str, seconds: float | None
) -> None:
    reply = Reply(503, {"Date": "Mon, 23 Nov 2026 20:00:00 GMT", "Retry-After": asked}, b"", "")
    assert _http._retry_after(reply) == seconds


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(tmp_path: Path, time: Time) -> None:
    with serving(tmp_path, (429, {}, {"Retry-After": "3600"})) as server:
        assert client(server, time, deadline=60).get("/x").status == 429
    assert len(server.requests) == 1 and time.slept == []


def test_the_deadline_covers_all_tries_together(tmp_path: Path, time: Time) -> None:
    with serving(tmp_path, (503, {}, {"Retry-After": "25"})) as server:
        assert client(server, time, deadline=60).get("/x").status == 503
    assert len(server.requests) == 3 and sum(time.slept) == 50


def test_a_write_that_was_throttled_is_sent_again(tmp_path: Path, time: Time) -> None:
    with serving(tmp_path, (429, {}, {"Retry-After": "1"}), (201, {}, {})) as server:
        assert client(server, time).request("POST", "/x", payload={"a": "ü"}).status == 201
    assert [body for _, _, _, body in server.requests] == ['{"a": "ü"}'.encode()] * 2
    assert server.requests[0][2]["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_write_of_unknown_outcome_is_never_sent_twice(
    tmp_path: Path, time: Time, status: int
) -> None:
    with serving(tmp_path, (status, {}, {})) as server:
        with pytest.raises(
            AmbiguousWrite, match="%d; whether it was carried out is not known" % status
        ):
            client(server, time).request("POST", "/x", payload={})
    assert len(server.requests) == 1


def test_a_post_that_only_reads_is_tried_again(tmp_path: Path, time: Time) -> None:
    with serving(tmp_path, (503, {}, {}), (200, {}, {})) as server:
        assert client(server, time).request("POST", "/x", payload={}, write=False).ok
    assert len(server.requests) == 2


def test_a_reader_may_call_further_answers_transient(tmp_path: Path, time: Time) -> None:
    with serving(tmp_path, (404, {}, {}), (200, {}, {})) as server:
        sender = client(server, time)
        assert sender.get("/x", transient=lambda reply: reply.status == 404).ok
        assert sender.request("POST", "/x", transient=lambda reply: True).ok
    assert len(server.requests) == 3, "but no write is repeated by it"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_given_back_and_not_followed(tmp_path: Path, time: Time, status: int) -> None:
    with serving(tmp_path, (status, {}, {"Location": "https://elsewhere.example/"})) as server:
        reply = client(server, time, headers={"Authorization": "Bearer " + SECRET}).get("/x")
    assert reply.status == status and reply.headers["location"] == "https://elsewhere.example/"
    assert len(server.requests) == 1


def test_a_named_bundle_wins_over_the_environment(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(other))
    with serving(tmp_path, (200, {}, {})) as server:
        assert client(server, time).get("/x").ok
        with pytest.raises(ReadError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            client(server, time, ca_path=str(other)).get("/x")
        assert "area1_ca_path" in caught.value.hint
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.ca_path)
        assert client(server, time, ca_path=None).get("/x").ok, "without one the environment counts"
    assert len(server.requests) == 2


def test_what_is_not_json_is_said_without_its_text(tmp_path: Path, time: Time) -> None:
    with serving(tmp_path, (200, SECRET.encode(), {})) as server:
        with pytest.raises(ReadError, match="not JSON") as caught:
            client(server, time).get("/x?code=" + SECRET).json()
    assert SECRET not in str(caught.value)


def test_an_answer_without_end_is_cut(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "MAX_BODY", 100_000)
    with serving(tmp_path, (200, b"x" * 300_000, {})) as server:
        with pytest.raises(ReadError, match="larger than 100000 bytes"):
            client(server, time).get("/x")


def test_nobody_there_is_certainly_not_sent(time: Time) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d" % free.getsockname()[1]
        sender = HttpClient(url, clock=lambda: time.now, sleep=time.sleep)
        with pytest.raises(ReadError, match="could not be reached") as caught:
            sender.request("POST", "/x?code=" + SECRET, payload={})
    assert len(time.slept) == _http.MAX_TRIES - 1 and "proxy" in caught.value.hint
    assert SECRET not in str(caught.value)


class Breaking:
    """A TLS server that takes a whole request and then does ``harm`` to the connection."""

    def __init__(self, directory: Path, harm: Callable[[ssl.SSLSocket], None]) -> None:
        authority = trustme.CA()
        self.ca_path = str(directory / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_path)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._harm = harm
        self.url = "https://127.0.0.1:%d" % self._listener.getsockname()[1]
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with (
                contextlib.suppress(OSError),
                self._context.wrap_socket(plain, server_side=True) as stream,
            ):
                stream.settimeout(5)
                received = b""
                while b"\r\n\r\n{}" not in received:
                    part = stream.recv(65536)
                    if not part:
                        break
                    received += part
                self.requests.append(("", "", {}, received))
                self._harm(stream)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Breaking]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            thread.join(5)


def hang_up(stream: ssl.SSLSocket) -> None:
    """The connection ends without an answer."""


def half_an_answer(stream: ssl.SSLSocket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def garbage_below_tls(stream: ssl.SSLSocket) -> None:
    with socket.socket(fileno=stream.detach()) as plain:
        plain.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")


def silence(stream: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError):
        stream.recv(1)


@pytest.mark.parametrize("harm", [hang_up, half_an_answer, garbage_below_tls, silence])
def test_a_write_whose_connection_breaks_is_never_sent_twice(
    tmp_path: Path, time: Time, harm: Callable[[ssl.SSLSocket], None]
) -> None:
    with Breaking(tmp_path, harm).serving() as server:
        sender = HttpClient(
            server.url,
            ca_path=server.ca_path,
            timeout=0.4,
            clock=lambda: time.now,
            sleep=time.sleep,
        )
        with pytest.raises(AmbiguousWrite, match="broke off"):
            sender.request("POST", "/x", data=b"{}", headers={"Authorization": SECRET})
    assert len(server.requests) == 1 and time.slept == []


def test_a_read_whose_connection_breaks_is_tried_again(tmp_path: Path, time: Time) -> None:
    with Breaking(tmp_path, hang_up).serving() as server:
        sender = HttpClient(
            server.url, ca_path=server.ca_path, clock=lambda: time.now, sleep=time.sleep
        )
        with pytest.raises(ReadError, match="could not be reached"):
            sender.request("POST", "/x", data=b"{}", write=False)
    assert len(server.requests) == _http.MAX_TRIES


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "ftp://api.example.com",
        "http://api.example.com",
        "https://",
        "http://127.0.0.1.example.com",
    ],
)
def test_a_token_crosses_no_network_in_clear(url: str) -> None:
    with pytest.raises(InputError, match="not an https address"):
        HttpClient(url)


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    for url in (
        "https://user:%s@api.example.com" % SECRET,
        "http://user:%s@api.example.com" % SECRET,
    ):
        with pytest.raises(MailflowError) as caught:
            HttpClient(url)
        assert SECRET not in str(caught.value)


def test_addresses_that_are_fine() -> None:
    assert (
        HttpClient("https://api.example.com/client/v4/").base_url
        == "https://api.example.com/client/v4"
    )
    assert HttpClient(" http://[::1]:8080 ").base_url == "http://[::1]:8080"


def test_redaction_leaves_short_words_alone() -> None:
    assert _http.redact("a %s and short" % SECRET, [SECRET, "", "short"]) == "a ******** and short"


def test_the_service_s_own_clock() -> None:
    known = Reply(200, {"Date": "Mon, 23 Nov 2026 20:00:00 GMT"}, b"", "")
    assert known.date == datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.timezone.utc)
    assert (
        Reply(200, {}, b"", "").date is None
        and Reply(200, {"Date": "yesterday"}, b"", "").date is None
    )


TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9." + "QUJDREVGR0hJSktM" * 60 + ".c2lnbmF0dXJl"


@pytest.mark.parametrize("entry", ["default", "machine 127.0.0.1"])
def test_a_netrc_entry_never_replaces_the_token_nor_leaves_the_machine(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("%s login netrcuser password NETRCPASS\n" % entry, encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(tmp_path, (200, {}, {})) as server:
        headers = {"Authorization": "Bearer " + SECRET}
        assert client(server, time, headers=headers).get("/x").ok
        assert client(server, time).get("/x").ok
        assert client(server, time, address="127.0.0.1").get("/x").ok
    sent = [headers.get("Authorization") for _, _, headers, _ in server.requests]
    assert sent == ["Bearer " + SECRET, None, None]


def test_the_environment_s_proxy_is_used(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[bytes] = []

    def refuse(stream: socket.socket) -> None:
        seen.append(stream.recv(65536))
        stream.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with dripping(refuse) as url:
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, url)
        with pytest.raises(ReadError, match="could not be reached"):
            HttpClient(
                "https://api.example.com", clock=lambda: time.now, sleep=time.sleep, tries=1
            ).get("/x")
    assert seen and seen[0].startswith(b"CONNECT api.example.com:443")


@contextlib.contextmanager
def dripping(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection after the other on loopback, each by ``answer``; yields the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), stream:
                stream.settimeout(20)
                answer(stream)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield "http://127.0.0.1:%d" % listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(25)


def drip(stream: socket.socket, *parts: bytes) -> None:
    """Send the last part again and again, a piece every tenth of a second, for 15 s at most."""
    stream.recv(65536)
    for part in parts[:-1]:
        stream.sendall(part)
    for _ in range(150):
        stream.sendall(parts[-1])
        real_time.sleep(0.1)


@pytest.mark.parametrize(
    "parts",
    [
        (b"H",),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 100 Continue\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    ],
    ids=["status", "headers", "one header", "continue", "length", "till close", "chunks", "size"],
)
@pytest.mark.parametrize("proxied", [False, True])
def test_no_answer_outlives_the_deadline_however_slowly_it_drips(
    parts: tuple[bytes, ...], proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def answer(stream: socket.socket) -> None:
        asked.append(b"")
        drip(stream, *parts)

    with dripping(answer) as url:
        address = url
        if proxied:
            monkeypatch.setenv("http_proxy", url)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            address = "http://localhost:9"
        started = real_time.monotonic()
        with pytest.raises(ReadError):
            HttpClient(address, deadline=1.0, timeout=0.8).get("/x")
        assert real_time.monotonic() - started < 6.0 and asked


@pytest.mark.parametrize("kind", ["headers", "json", "text", "page"])
@pytest.mark.parametrize("length", [12, 400, len(TOKEN)])
def test_an_answer_that_quotes_the_request_does_not_get_past_the_seam(
    tmp_path: Path, time: Time, kind: str, length: int
) -> None:
    quoted = "Authorization: Bearer %s" % TOKEN[:length]
    content = {
        "headers": {"error": {"message": "x" * 900 + quoted}},
        "json": {"error": quoted},
        "text": quoted.encode(),
        "page": ("<pre>%s client_secret=s3cr3t%%2Bvalue%%7Efor</pre>" % quoted).encode(),
    }[kind]
    with serving(tmp_path, (400, content, {})) as server:
        sender = client(
            server,
            time,
            headers={"authorization": "Bearer " + TOKEN},
            secrets=["s3cr3t+value~for-the-app"],
        )
        body = sender.get("/x").body
    assert TOKEN[:12].encode() not in body and b"s3cr3t" not in body
    assert b"Authorization: Bearer ********" in body


def test_a_status_line_that_quotes_the_token_is_not_repeated(time: Time) -> None:
    def answer(stream: socket.socket) -> None:
        stream.recv(65536)
        stream.sendall(b"Bearer %s \x1b[31m\r\n\r\n" % TOKEN.encode())

    with dripping(answer) as url, pytest.raises(ReadError) as caught:
        HttpClient(
            url,
            headers={"Authorization": "Bearer " + TOKEN},
            clock=lambda: time.now,
            sleep=time.sleep,
            tries=1,
        ).get("/x")
    assert TOKEN[:12] not in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("asked", ["0", "00", "Mon, 23 Nov 2026 19:00:00 GMT"])
def test_a_service_that_asks_for_no_pause_is_not_asked_again_at_once(
    tmp_path: Path, time: Time, asked: str
) -> None:
    with serving(tmp_path, (429, {}, {"Retry-After": asked})) as server:
        assert client(server, time).get("/x").status == 429
    assert all(
        0.5 * 2**number <= pause <= 2.0**number for number, pause in enumerate(time.slept)
    ), time.slept
    assert len(set(time.slept)) == len(time.slept) == _http.MAX_TRIES - 1


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("\xb2", None),
        ("\u0663", None),
        ("9" * 5000, _http.LONGEST_RETRY_AFTER),
        ("1e9", None),
        ("+5", None),
        ("4.5", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", _http.LONGEST_RETRY_AFTER),
        ("Mon, 23 Nov 2026 20:00:42 -0000", 42.0),
        ("Mon, 99 Nov 2026 99:00:42", None),
        (",", None),
    ],
)
def test_an_odd_retry_after_is_a_number_or_nothing(asked: str, seconds: float | None) -> None:
    reply = Reply(503, {"Date": "Mon, 23 Nov 2026 20:00:00 GMT", "Retry-After": asked}, b"", "")
    assert _http._retry_after(reply) == seconds


def test_a_date_beyond_the_calendar_is_no_date() -> None:
    assert Reply(200, {"Date": "Fri, 31 Dec 9999 23:59:59 -1200"}, b"", "").date is None


@pytest.mark.parametrize("bomb", [b"[" * 200_000, b'{"a":' * 4000 + b"1" + b"}" * 4000])
def test_a_nesting_bomb_is_no_json(bomb: bytes) -> None:
    with pytest.raises(ReadError, match="not JSON"):
        Reply(200, {}, bomb, "GET somewhere").json()

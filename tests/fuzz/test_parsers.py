# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsers of what strangers write: any bytes give a value or an error with a name, in time."""

from __future__ import annotations

import datetime
import socket
import threading
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.message
import pytest
from hypothesis import example, given, settings, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.wire import interpret
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets import rrset
from ansible_collections.mailflow.area1.plugins.module_utils._engine import (
    address_ranges,
    host_names,
    outside_text,
    timestamps,
    values,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import MailflowError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange import fault
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.token import read_token
from ansible_collections.mailflow.area1.plugins.module_utils._facts import mta_sts
from ansible_collections.mailflow.area1.plugins.module_utils._http import (
    HttpClient,
    Reply,
    parse_http_date,
    retry_after_seconds,
    split_link,
)
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.conversation import (
    Broken,
    Conversation,
    parse_reply,
)
from tests.fuzz.hostile import JSON, ODD_TEXTS, bounded, damaged

TEXTS = st.one_of(st.text(max_size=40), ODD_TEXTS)
ANYTHING = st.one_of(TEXTS, JSON)
SECRET = "PLANTcs8Q~zXsecretVALUEq7"
KINDS = [kind for kind in vars(values).values() if isinstance(kind, values.Kind)]

PARSERS: dict[str, Callable[[Any], Any]] = {
    "clean": lambda given: outside_text.clean(given, [SECRET]),
    "one_line": outside_text.one_line,
    "fit": lambda given: outside_text.fit(given, 40),
    "parse_time": timestamps.parse_time,
    "parse_http_date": lambda given: parse_http_date(str(given)),
    "retry_after_seconds": retry_after_seconds,
    "split_link": split_link,
    "host_name": host_names.host_name,
    "ip_span": values.ip_span,
    "spans": address_ranges.spans,
    "kinds": lambda given: (
        [hash(tuple(kind.index(given))) for kind in KINDS if kind.is_list]
        + [kind.same(given, given) for kind in KINDS if not kind.is_list]
    ),
    "mx_value": lambda given: rrset.mx_value(str(given)),
    "txt_value": lambda given: rrset.txt_value(str(given)),
    "parse_policy": lambda given: mta_sts.parse_policy(str(given)),
    "record_id": lambda given: mta_sts.record_id([str(given)]),
    "read_token": lambda given: read_token(str(given), "exchange", None, 1.0, given=True),
    "split_message": lambda given: fault.split_message(str(given)),
}


@pytest.mark.parametrize("name", PARSERS)
@given(text=ANYTHING)
def test_a_parser_returns_or_names_what_is_wrong(name: str, text: Any) -> None:
    with bounded():
        try:
            PARSERS[name](text)
        except MailflowError as exc:
            assert str(exc).isprintable()


@given(st.integers(100, 599), st.binary(max_size=400), st.integers(0, 999))
@example(400, b"[" * 100_000, 0)
@example(400, b'{"error": ' + b'{"details": ' * 90 + b"1" + b"}" * 91, 0)
def test_an_error_of_exchange_of_any_bytes(status: int, body: bytes, before: int) -> None:
    quoted = body + b"x" * before + SECRET.encode()
    found = fault.parse_fault(status, quoted, [SECRET])
    assert found.text.isprintable() and SECRET[:12] not in found.text
    with pytest.raises(MailflowError):
        Reply(status, {}, b"\xff" + body, "GET x").json()


def wire(rdtype: str) -> bytes:
    """Return an answer as a name server sends it."""
    answer = dns.message.make_response(dns.message.make_query("a.example", rdtype))
    record = {"MX": "5 mx.example.", "TXT": '"v=STSv1; id=1;"', "CNAME": "b.example."}[rdtype]
    answer.answer.append(dns.rrset.from_text("a.example.", 300, "IN", rdtype, record))
    answer.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", "ns. root. 1 2 3 4 5"))
    return answer.to_wire()


@given(st.sampled_from([wire("MX"), wire("TXT"), wire("CNAME")]).flatmap(damaged), st.booleans())
def test_an_answer_of_a_name_server_of_any_bytes(data: bytes, recursive: bool) -> None:
    try:
        message = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return  # what the transport takes for no answer
    for rdtype in ("MX", "TXT", "A"):
        answer = interpret(message, "a.example", rdtype, recursive)
        assert all(isinstance(value, str) for value in answer.values)


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_a_reply_of_a_mail_server_of_any_bytes(lines: list[bytes]) -> None:
    reply = parse_reply(lines)
    assert reply.text.isprintable() and all(line.isprintable() for line in reply.lines)


class OneAnswer:
    """A server on loopback that answers each connection with the same bytes and hangs up."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.data = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                stream, _address = self.listener.accept()
            except OSError:
                return
            with stream:
                try:
                    stream.settimeout(2)
                    stream.sendall(self.data)
                    stream.shutdown(socket.SHUT_WR)
                    while stream.recv(65536):
                        pass
                except OSError:
                    continue

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture(scope="module")
def server() -> Any:
    found = OneAnswer()
    yield found
    found.close()


HEADS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nDate: x\r\nRetry-After: 1\r\n\r\n\x1f\x8b",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\nLocation: //[\r\nSet-Cookie: a\r\n\r\n",
    ]
)


@given(data=st.one_of(HEADS.flatmap(damaged), HEADS, st.binary(max_size=80)))
@settings(max_examples=100)
def test_an_http_answer_of_any_bytes(server: OneAnswer, data: bytes) -> None:
    server.data = data
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    client = HttpClient(
        "http://127.0.0.1:%d" % server.port,
        headers={"Authorization": "Bearer " + SECRET},
        deadline=5,
        timeout=1,
        tries=2,
        sleep=sleep,
    )
    with bounded():
        try:
            reply = client.get("/x")
            assert reply.date is None or isinstance(reply.date, datetime.datetime)
            reply.json()
        except MailflowError as exc:
            assert str(exc).isprintable() and SECRET[:12] not in str(exc)


@given(data=st.binary(max_size=80))
@settings(max_examples=100)
def test_a_mail_server_of_any_bytes(server: OneAnswer, data: bytes) -> None:
    server.data = b"220 " + data
    conversation = Conversation("127.0.0.1", server.port, 3.0)
    with bounded():
        try:
            conversation.open()
            conversation.hello("probe.example")
        except Broken as exc:
            assert exc.reason
        finally:
            conversation.close()

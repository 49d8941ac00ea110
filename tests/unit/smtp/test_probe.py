# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMTP probe against servers that behave, misbehave, and say nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._smtp import delivery
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.conversation import SmtpReply
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.probe import (
    run_probe,
    section_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.targets import DirectTarget
from tests.support.smtp_server import Authority, SmtpServer, smtp_server

HOST = "mx.example.test"
LOCKED = (
    b"550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched\r\n"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def probe(
    port: int, authority: Authority | None = None, check: bool = False, **options: Any
) -> dict[str, Any]:
    given = {
        "port": port,
        "timeout": 3,
        "helo": "probe.elsewhere.test",
        "ca_path": str(authority.ca_path) if authority else None,
        **options,
    }
    return run_probe(given, Context(check_mode=check)).values


def host(
    authority: Authority, server: SmtpServer, domains: Any = ("contoso.test",), **options: Any
) -> dict[str, Any]:
    found = probe(
        server.port,
        authority,
        hosts=[{"name": HOST, "addresses": [server.address]}],
        domains=list(domains),
        **options,
    )
    view: dict[str, Any] = found["hosts"][HOST]
    return view


def direct(port: int, **options: Any) -> dict[str, Any]:
    target = {
        "name": "contoso.test",
        "host": "contoso-test.mail.protection.outlook.com",
        "addresses": ["127.0.0.1"],
    }
    view: dict[str, Any] = probe(port, direct=[target], **options)["direct"]["contoso.test"]
    return view


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_host_that_answers_as_it_should(authority: Authority) -> None:
    with smtp_server(authority.context(HOST)) as server:
        view = host(
            authority,
            server,
            ["contoso.test", {"name": "fabrikam.test", "recipient": "info@fabrikam.test"}],
        )
    assert view["status"] == "ok" and view["problem"] == ""
    assert (
        view["addresses"][0]["tls"].startswith("TLSv1.")
        and view["addresses"][0]["source"] == "127.0.0.1"
    )
    assert {name: item["verdict"] for name, item in view["recipients"].items()} == {
        "contoso.test": "accepted",
        "fabrikam.test": "accepted",
    }
    assert (
        "RCPT TO:<postmaster@contoso.test>" in server.commands
        and "RCPT TO:<info@fabrikam.test>" in server.commands
    )
    assert "MAIL FROM:<mailflow-probe@probe.elsewhere.test>" in server.commands
    assert (
        not [command for command in server.commands if command.startswith("DATA")]
        and not server.messages
    )
    assert server.commands.count("RSET") == 2


@pytest.mark.parametrize(
    ("answers", "status", "problem"),
    [
        ({"EHLO": b"250-mx\r\n250 SIZE 100\r\n"}, "wrong", "STARTTLS"),
        ({"STARTTLS": b"502 5.5.1 no\r\n"}, "wrong", "502"),
        ({"STARTTLS": b"454 4.7.0 later\r\n"}, "unknown", "454"),
        ({"GREETING": b"554 5.7.1 your address is on a list\r\n"}, "unknown", "554"),
        ({"GREETING": b"421 4.3.2 busy\r\n"}, "unknown", "421"),
        ({"GREETING": b"HTTP/1.1 400 Bad Request\r\n"}, "unknown", "HTTP/1.1 400"),
        ({"GREETING": b""}, "unknown", "closed the connection"),
        ({"EHLO": b"250-" + b"x" * 9000}, "unknown", "longer than"),
        ({"EHLO": b"250-again\r\n" * 400}, "unknown", "more than 100 lines"),
    ],
)
def test_a_host_that_answers_wrongly_or_about_the_prober(
    authority: Authority, answers: dict[str, Any], status: str, problem: str
) -> None:
    with smtp_server(authority.context(HOST), **answers) as server:
        view = host(authority, server)
    assert view["status"] == status
    assert problem in view["problem"] and "127.0.0.1" in view["problem"]
    assert view["recipients"]["contoso.test"]["verdict"] == "unknown"


def test_a_certificate_of_another_name_or_another_authority_is_wrong(
    authority: Authority, tmp_path: Path
) -> None:
    for context in (authority.context("other.example.test"), Authority(tmp_path).context(HOST)):
        with smtp_server(context) as server:
            view = host(authority, server)
        assert view["status"] == "wrong" and "certificate" in view["problem"]
        assert not [command for command in server.commands if command.startswith("MAIL")]


def test_what_came_in_clear_after_starttls_is_nobodys_word(authority: Authority) -> None:
    """An attacker appends answers to that of STARTTLS; they must not be taken for the server's own
    under TLS.
    """
    with smtp_server(
        authority.context(HOST),
        STARTTLS=b"220 go\r\n250 2.1.5 forged\r\n",
        RCPT=b"550 5.7.1 no relay\r\n",
    ) as server:
        view = host(authority, server)
    assert view["recipients"].get("contoso.test", {}).get("verdict") != "accepted"


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (b"250 ok\r\n", "accepted"),
        (b"251 will forward\r\n", "accepted"),
        (b"550 5.7.1 relaying denied\r\n", "refused"),
        (b"554 no\r\n", "refused"),
        (b"550 5.1.1 no such mailbox\r\n", "unknown"),
        (b"451 4.7.1 greylisted\r\n", "unknown"),
        (b"rubbish\r\n", "unknown"),
    ],
)
def test_a_recipient(authority: Authority, reply: bytes, verdict: str) -> None:
    with smtp_server(authority.context(HOST), RCPT=reply) as server:
        view = host(authority, server)
    assert view["status"] == "ok"
    assert view["recipients"]["contoso.test"]["verdict"] == verdict
    assert server.commands[-1] in ("RSET", "QUIT")


def test_a_host_with_a_silent_address_is_fine_and_one_with_a_wrong_address_is_not(
    authority: Authority,
) -> None:
    with smtp_server(authority.context(HOST)) as server:
        found = probe(
            server.port,
            authority,
            hosts=[{"name": HOST, "addresses": ["127.0.0.1", "127.0.0.9"]}],
            domains=["contoso.test"],
        )
        assert (
            found["hosts"][HOST]["status"] == "ok"
            and found["hosts"][HOST]["recipients"]["contoso.test"]["verdict"] == "accepted"
        )
        assert [item["status"] for item in found["hosts"][HOST]["addresses"]] == ["ok", "unknown"]
        with socket.create_server(("127.0.0.9", server.port)) as second:
            thread = threading.Thread(target=_plain_greeting, args=(second,))
            thread.start()
            found = probe(
                server.port,
                authority,
                hosts=[{"name": HOST, "addresses": ["127.0.0.1", "127.0.0.9"]}],
                domains=["contoso.test"],
            )
            thread.join(5)
    assert (
        found["hosts"][HOST]["status"] == "wrong" and "127.0.0.9" in found["hosts"][HOST]["problem"]
    )


def _plain_greeting(listener: socket.socket) -> None:
    connection, _peer = listener.accept()
    with connection, connection.makefile("rwb") as stream:
        stream.write(b"220 hello\r\n")
        stream.flush()
        stream.readline()
        stream.write(b"250 hello\r\n")
        stream.flush()
        stream.readline()


def test_a_host_without_addresses_is_unknown(authority: Authority) -> None:
    view = probe(25, authority, hosts=[{"name": HOST, "addresses": []}], domains=["contoso.test"])[
        "hosts"
    ][HOST]
    assert (
        view["status"] == "unknown"
        and view["problem"] == "its name has no address"
        and view["recipients"] == {}
    )


def test_a_closed_and_a_silent_port_are_unknown(closed_port: int, silent_port: int) -> None:
    closed, silent = direct(closed_port), direct(silent_port, timeout=1)
    assert closed["verdict"] == silent["verdict"] == "unknown"
    assert (closed["stage"], closed["problem"]) == ("connect", "connection refused")
    assert (silent["stage"], silent["problem"]) == ("connect", "no answer in time") and silent[
        "source"
    ] == "127.0.0.1"


@pytest.mark.parametrize(
    ("answers", "verdict", "stage", "meaning"),
    [
        ({"RCPT": LOCKED}, "locked", "rcpt", ""),
        ({"MAIL": LOCKED}, "locked", "mail", ""),
        ({"RCPT": b"250 2.1.5 ok\r\n"}, "inconclusive", "rcpt", ""),
        (
            {"RCPT": b"550 5.7.68 TenantInboundAttribution; Direct Send not allowed\r\n"},
            "unknown",
            "rcpt",
            "RejectDirectSend",
        ),
        (
            {"RCPT": b"550 5.7.64 TenantAttribution; Relay Access Denied SMTP\r\n"},
            "unknown",
            "rcpt",
            "OnPremises",
        ),
        (
            {"RCPT": b"550 5.7.606 Access denied, banned sending IP\r\n"},
            "unknown",
            "rcpt",
            "block list",
        ),
        ({"RCPT": b"451 4.7.500 Server busy\r\n"}, "unknown", "rcpt", "reputation"),
        (
            {"RCPT": b"451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35\r\n"},
            "unknown",
            "rcpt",
            "region",
        ),
        ({"RCPT": b"550 5.7.510 something else\r\n"}, "unknown", "rcpt", ""),
        ({"RCPT": b"450 5.7.51 contradicts itself\r\n"}, "unknown", "rcpt", ""),
        ({"RCPT": b"550 see 5.7.51 in the manual\r\n"}, "unknown", "rcpt", ""),
        ({"GREETING": b"550 5.7.51 before anything was said\r\n"}, "unknown", "greeting", ""),
        ({"RCPT": b"250\r\n"}, "inconclusive", "rcpt", ""),
        ({"RCPT": b"\x00\xff\xfe junk\r\n"}, "unknown", "rcpt", ""),
    ],
)
def test_a_direct_delivery(answers: dict[str, Any], verdict: str, stage: str, meaning: str) -> None:
    with smtp_server(**answers) as server:
        view = direct(server.port)
    assert (view["verdict"], view["stage"]) == (verdict, stage)
    assert meaning in view["meaning"] and bool(meaning) == bool(view["meaning"])
    assert not server.messages and "DATA" not in server.commands


def test_only_a_canary_gets_a_message_and_the_refusal_may_come_after_it() -> None:
    with smtp_server(
        MESSAGE=(
            b"550-5.7.51 TenantInboundAttribution; There is a partner\r\n550 5.7.51 connector"
            b" configured\r\n"
        )
    ) as server:
        view = direct(server.port, canary_recipient="canary@contoso.test")
        other = direct(server.port, canary_recipient="canary@fabrikam.test")
    assert (view["verdict"], view["stage"]) == ("locked", "message")
    assert (
        view["canary"]["accepted"] is False
        and view["canary"]["message_id"].encode() in server.messages[0]
    )
    assert other["verdict"] == "inconclusive" and other["canary"] is None
    assert len(server.messages) == 1


def test_a_message_that_was_taken_shows_an_open_door() -> None:
    with smtp_server() as server:
        view = direct(server.port, canary_recipient="canary@contoso.test")
    assert view["verdict"] == "open" and view["canary"]["accepted"] is True
    head = server.messages[0].decode()
    assert "\r\nTo: canary@contoso.test\r\n" in head and "Auto-Submitted: auto-generated" in head


def test_in_check_mode_it_looks_and_sends_nothing(authority: Authority) -> None:
    with smtp_server(authority.context(HOST)) as server:
        found = probe(
            server.port,
            authority,
            True,
            hosts=[{"name": HOST, "addresses": ["127.0.0.1"]}],
            domains=["contoso.test"],
            canary_recipient="canary@contoso.test",
            direct=[{"name": "contoso.test", "host": HOST, "addresses": ["127.0.0.1"]}],
        )
    assert found["hosts"][HOST]["status"] == "ok" and found["canary"] is None
    assert found["direct"]["contoso.test"]["verdict"] == "inconclusive"
    assert "RCPT TO:<canary@contoso.test>" in server.commands and not server.messages


def test_the_canary_goes_through_the_new_host_once(authority: Authority) -> None:
    with smtp_server(authority.context(HOST)) as server:
        found = probe(
            server.port,
            authority,
            hosts=[{"name": HOST, "addresses": ["127.0.0.1", "127.0.0.9"]}],
            domains=["contoso.test", "fabrikam.test"],
            canary_recipient="canary@contoso.test",
        )
    assert found["canary"]["accepted"] and found["canary"]["host"] == HOST
    assert (
        len(server.messages) == 1 and found["canary"]["message_id"].encode() in server.messages[0]
    )


@pytest.mark.parametrize("helo", ["probe.contoso.test", "controller"])
def test_a_delivery_past_area1_never_has_the_null_sender(helo: str) -> None:
    """Also where the probing host is the tenant's own, or has no full name.

    RejectDirectSend and connectors look at the sender's domain.
    """
    with smtp_server() as server:
        target = {"name": "contoso.test", "host": HOST, "addresses": [server.address]}
        view = direct(server.port, helo=helo, canary_recipient="canary@contoso.test")
        probe(server.port, helo=helo, direct=[target], plain=[target])
    senders = {command for command in server.commands if command.startswith("MAIL")}
    assert (
        senders == {"MAIL FROM:<mailflow-probe@mailflow-probe.invalid>"}
        and len(server.commands) > 6
    )
    assert b"\r\nFrom: mailflow-probe@mailflow-probe.invalid\r\n" in server.messages[0]
    assert view["canary"]["sender"] == "mailflow-probe@mailflow-probe.invalid"


def test_a_new_mx_host_is_asked_with_the_null_sender_where_there_is_no_other(
    authority: Authority,
) -> None:
    """It may refuse a sender of a domain that does not exist; nobody refuses the null sender."""
    with smtp_server(authority.context(HOST)) as server:
        assert (
            host(authority, server, helo="controller")["recipients"]["contoso.test"]["verdict"]
            == "accepted"
        )
    assert "MAIL FROM:<>" in server.commands


@pytest.mark.parametrize(
    "options",
    [
        {"canary_recipient": "a@b.test\r\nDATA"},
        {"canary_recipient": "not an address"},
        {"helo": "x\r\nQUIT"},
        {"sender": "me@contoso.test", "domains": ["contoso.test"]},
        {"sender": "me@ops.contoso.test", "internal_domains": ["contoso.test"]},
        {"domains": [{"name": "contoso.test", "recipient": "a@other.test"}]},
        {"domains": [{"name": "contoso.test", "typo": 1}]},
        {"hosts": [{"name": HOST, "addresses": ["mx.example.test"]}]},
        {"hosts": [{"name": HOST, "addresses": []}, {"name": HOST.upper() + ".", "addresses": []}]},
        {"direct": [{"name": "contoso.test", "host": "x y", "addresses": []}]},
        {"port": 70000},
        {"hosts": [{"name": HOST, "addresses": ["127.0.0.1"]}], "ca_path": "/nonexistent.pem"},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with smtp_server(EHLO=b"250-x\r\n250 STARTTLS\r\n") as server, pytest.raises(InputError):
        probe(
            options.get("port", server.port),
            **{key: value for key, value in options.items() if key != "port"},
        )


def test_what_was_seen_joins_what_was_seen_before() -> None:
    first = {
        "hosts": {"a": {"status": "ok"}},
        "direct": {},
        "canary": None,
        "looked_from": {"host": "here"},
        "date": "1",
    }
    opened = {"d": {"verdict": "open", "canary": {"message_id": "<x>"}}}
    second = {
        "hosts": {"b": {"status": "wrong"}},
        "direct": opened,
        "looked_from": {"host": "there"},
        "date": "2",
    }
    section = section_of(second, section_of(first, None))
    assert (
        section["hosts"]["a"]["looked_from"] == {"host": "here"}
        and section["hosts"]["b"]["date"] == "2"
    )
    assert [item["message_id"] for item in section["canaries"]] == ["<x>"]


def test_a_server_that_trickles_does_not_hold_the_probe() -> None:
    """A byte now and then keeps every single read alive; the deadline is for the whole
    conversation.
    """

    def trickle(listener: socket.socket) -> None:
        connection, _peer = listener.accept()
        with connection:
            try:
                while True:
                    connection.sendall(b"2")
                    stop.wait(0.2)
            except OSError:
                return

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,), daemon=True)
        thread.start()
        view = direct(listener.getsockname()[1], timeout=1)
        thread.join(5)
    assert (view["verdict"], view["problem"]) == ("unknown", "no answer in time")


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ((550, "5.7.1"), "needs_tls"),
        ((451, "5.7.3"), "needs_tls"),
        ((451, "4.7.500"), "unknown"),
        ((421, ""), "unknown"),
        ((550, "5.7.606"), "unknown"),
        ((250, "2.1.5"), "accepted"),
    ],
)
def test_only_a_refusal_for_good_shows_that_a_connector_needs_tls(
    monkeypatch: pytest.MonkeyPatch, second: tuple[int, str], found: str
) -> None:
    """A host that is busy, or that knows the probing address, says nothing of connectors."""
    asked: list[bool] = []

    def send(self: delivery.Delivery, recipient: Any, message: Any) -> delivery.DeliveryOutcome:
        outcome = delivery.DeliveryOutcome(self.host, self.address, recipient)
        outcome.stage, outcome.tls = "rcpt", "TLSv1.3" if self.tls else ""
        code, enhanced = (250, "2.1.5") if self.tls else second
        same = enhanced[:1] == str(code)[0]
        outcome.reply = SmtpReply(code, enhanced if same else "", "%s text" % enhanced)
        asked.append(bool(self.tls))
        return outcome

    monkeypatch.setattr(delivery.Delivery, "send", send)
    target = DirectTarget("one.example", "mx.example", ("192.0.2.25",), "postmaster@one.example")
    answer = delivery.deliver_plainly(cast(Any, None), target)
    assert answer["verdict"] == found
    assert asked == ([True, False, True, False] if found == "needs_tls" else [True, False])

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a switch depends on, as it is read: the MTA-STS policy as a sender fetches it, the parent's
word, what a resolver vouches for.
"""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import dns.flags
import dns.message
import dns.rrset
import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.details import mail_host
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.mta_sts_policy import (
    fetch_policy,
    read_sts,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.public_dns import PublicDns
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.wire import (
    DnsAnswer,
    ask,
    referred,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import ReadError
from tests.support.smtp_server import Authority

DOMAIN, HOST = "contoso.test", "mta-sts.contoso.test"


class Resolvers:
    """Answers by name and type; what is not there was not answered."""

    def __init__(
        self, answers: dict[tuple[str, str], DnsAnswer], addresses: dict[str, list[str]]
    ) -> None:
        self._answers, self._addresses = answers, addresses

    def lookup(self, name: str, rdtype: str) -> DnsAnswer:
        if (name, rdtype) not in self._answers:
            raise ReadError("No resolver answered.")
        return self._answers[name, rdtype]

    def addresses(self, host: str) -> list[str]:
        if host not in self._addresses:
            raise ReadError("No resolver answered.")
        return self._addresses[host]


class Seen:
    """A world whose name servers were not found."""

    def __init__(
        self,
        answers: dict[tuple[str, str], DnsAnswer] | None = None,
        addresses: dict[str, list[str]] | None = None,
    ) -> None:
        self.resolvers = Resolvers(answers or {}, addresses or {})


def seen(
    answers: dict[tuple[str, str], DnsAnswer] | None = None,
    addresses: dict[str, list[str]] | None = None,
) -> PublicDns:
    return cast(PublicDns, Seen(answers, addresses))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@contextlib.contextmanager
def web(
    authority: Authority, name: str, answer: Callable[[Any], None]
) -> Iterator[tuple[int, list[str]]]:
    hosts: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append("%s %s" % (self.headers["Host"], self.path))
            answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = authority.context(name).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], hosts
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def says(status: int, body: bytes = b"", location: str = "") -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send_response(status)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(body)

    return answer


def fetched(
    authority: Authority, answer: Callable[[Any], None], name: str = HOST
) -> tuple[str | None, str, list[str], int]:
    with web(authority, name, answer) as (port, hosts):
        text, problem = fetch_policy(
            seen(addresses={HOST: ["127.0.0.1"]}), DOMAIN, port, str(authority.ca_path)
        )
    return text, problem, hosts, port


def test_the_policy_comes_from_the_address_that_the_resolvers_gave_under_its_own_name(
    authority: Authority,
) -> None:
    text, problem, hosts, port = fetched(authority, says(200, b"version: STSv1\n"))
    assert (text, problem) == ("version: STSv1\n", "")
    assert hosts == ["%s:%d /.well-known/mta-sts.txt" % (HOST, port)]


@pytest.mark.parametrize(
    ("status", "location"), [(301, "https://127.0.0.1/elsewhere"), (404, ""), (500, ""), (204, "")]
)
def test_no_redirect_and_nothing_but_200(authority: Authority, status: int, location: str) -> None:
    text, problem, hosts, _port = fetched(authority, says(status, location=location))
    assert text is None and "answered %d" % status in problem
    assert len(hosts) == 1, "neither followed nor asked again"


def test_a_certificate_of_another_name_is_no_policy(authority: Authority) -> None:
    text, problem, hosts, _port = fetched(
        authority, says(200, b"version: STSv1\n"), "www.contoso.test"
    )
    assert text is None and problem and hosts == []


def test_more_than_64_kib_is_no_policy(authority: Authority) -> None:
    text, problem, _hosts, _port = fetched(authority, says(200, b"x" * 70000))
    assert text is None and "larger" in problem


def test_a_host_without_address_and_one_that_is_unknown() -> None:
    assert fetch_policy(seen(addresses={HOST: []}), DOMAIN, 443, None) == (
        None,
        "%s has no address" % HOST,
    )
    text, problem = fetch_policy(seen(), DOMAIN, 443, None)
    assert text is None and "No resolver" in problem


def test_no_record_no_fetch_and_silence_is_not_none() -> None:
    name = ("_mta-sts." + DOMAIN, "TXT")
    none = read_sts(seen({name: DnsAnswer("nxdomain")}), DOMAIN, {}, 443, None)
    assert none["records"] == [] and none["policy"] is None and none["policy_error"] == ""
    silent = read_sts(seen(), DOMAIN, {}, 443, None)
    assert silent["records"] is None and silent["error"]
    spoken = read_sts(
        seen({name: DnsAnswer("ok", ("v=STSv1; id=1;",), ttl=60)}), DOMAIN, {}, 443, None
    )
    assert spoken["ttl"] == 60 and spoken["policy"] is None and spoken["policy_error"]


def test_a_mail_host_and_what_dnssec_vouches_for() -> None:
    world = seen(
        {("_25._tcp.mx.test", "TLSA"): DnsAnswer("ok", ("3 1 1 ab",), secure=True)},
        {"mx.test": ["192.0.2.1"], "gone.test": []},
    )
    found = mail_host(world, "mx.test")
    assert (found["addresses"], found["tlsa"], found["secure"], found["error"]) == (
        ["192.0.2.1"],
        ["3 1 1 ab"],
        True,
        "",
    )
    gone = mail_host(world, "gone.test")
    assert gone["error"] == "the name has no address" and gone["tlsa"] is None


def reply(
    query: Any, answers: tuple[str, ...] = (), authority: tuple[str, ...] = (), flags: int = 0
) -> Any:
    response = dns.message.make_response(query)
    response.flags |= flags
    response.answer = [_rrset(text) for text in answers]
    response.authority = [_rrset(text) for text in authority]
    return response


def _rrset(text: str) -> dns.rrset.RRset:
    owner, kind, value = text.split(" ", 2)
    return dns.rrset.from_text(owner, 60, "IN", kind, value)


def test_the_parents_referral() -> None:
    def parent(query: Any, _seconds: float) -> Any:
        return reply(
            query, authority=("contoso.test. NS NS1.Hoster.test.", "test. NS ns.nic.test.")
        )

    def silent(query: Any, _seconds: float) -> Any:
        raise OSError("timed out")

    assert referred(parent, DOMAIN) == {"ns1.hoster.test"}
    assert referred(parent, "other.test") == referred(silent, DOMAIN) == set()


@pytest.mark.parametrize(
    ("recursive", "flag", "secure"),
    [(True, dns.flags.AD, True), (True, 0, False), (False, dns.flags.AD, False)],
)
def test_only_a_resolver_vouches(recursive: bool, flag: int, secure: bool) -> None:
    asked: list[Any] = []

    def server(query: Any, _seconds: float) -> Any:
        asked.append(query)
        return reply(
            query, ("contoso.test. MX 10 mx.test.",), flags=dns.flags.AA | dns.flags.RA | flag
        )

    assert ask(server, DOMAIN, "MX", recursive).secure is secure
    assert bool(asked[0].flags & dns.flags.AD) is recursive, "it is asked to say so"

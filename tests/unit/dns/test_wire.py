# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DNS answers mean, what servers say together, and what options say."""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.environment import first_env
from ansible_collections.mailflow.area1.plugins.module_utils._dns.options import (
    domain_maps,
    given,
    known_provider,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.public_dns import (
    PublicDns,
    summary,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.resolvers import (
    Resolvers,
    make_resolver,
    split_address,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.wire import (
    SILENCES,
    DnsAnswer,
    Patience,
    ask,
    interpret,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    ReadError,
)

NAME = "contoso.example"


def reply(
    *answer: str, flags: str = "QR AA", code: str = "NOERROR", authority: tuple[str, ...] = ()
) -> dns.message.Message:
    message = dns.message.make_response(dns.message.make_query(NAME + ".", "MX"))
    message.flags = dns.flags.from_text(flags)
    message.set_rcode(dns.rcode.from_text(code))
    for section, lines in ((message.answer, answer), (message.authority, authority)):
        for line in lines:
            owner, ttl, rdtype, rdata = line.split(" ", 3)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", rdtype, rdata))
    return message


SOA = "contoso.example. 60 SOA ns.contoso.example. h.contoso.example. 7 1 1 1 1"
NS = "example. 60 NS ns.example."
MX = "Contoso.example. 300 MX 5 A.example."


@pytest.mark.parametrize(
    ("message", "recursive", "status", "values"),
    [
        (reply(MX), False, "ok", ("5 a.example",)),
        (reply(MX, flags="QR"), False, "lame", ()),
        (reply(MX, flags="QR RA"), True, "ok", ("5 a.example",)),
        (reply(flags="QR"), True, "nodata", ()),
        (reply(flags="QR", authority=(NS,)), True, "refused", ()),
        (reply(flags="QR", authority=(NS, SOA)), True, "nodata", ()),
        (reply(MX, flags="QR", authority=(NS,)), True, "ok", ("5 a.example",)),
        (reply(authority=(SOA,)), False, "nodata", ()),
        (reply(authority=(SOA,), code="NXDOMAIN"), False, "nxdomain", ()),
        (reply(code="SERVFAIL"), False, "servfail", ()),
        (reply(code="REFUSED"), False, "lame", ()),
        (reply(code="REFUSED"), True, "refused", ()),
        (reply(code="NOTAUTH"), False, "lame", ()),
        (reply("contoso.example. 60 CNAME x.example."), False, "cname", ()),
        (
            reply(
                "contoso.example. 60 CNAME x.example.",
                "x.example. 90 MX 1 y.example.",
                flags="QR RA",
            ),
            True,
            "ok",
            ("1 y.example",),
        ),
        (reply("other.example. 60 MX 1 y.example."), False, "nodata", ()),
    ],
)
def test_what_an_answer_means(
    message: Any, recursive: bool, status: str, values: tuple[str, ...]
) -> None:
    answer = interpret(message, NAME, "MX", recursive)
    assert (answer.status, answer.values) == (status, values)


def test_an_alias_lives_as_long_as_its_shortest_part() -> None:
    message = reply(
        "contoso.example. 60 CNAME x.example.", "x.example. 90 MX 1 y.example.", flags="QR RA"
    )
    answer = interpret(message, NAME, "MX", True)
    assert answer.ttl == 60 and answer.cname == "x.example"


def test_the_zone_and_its_serial_come_with_a_negative_answer() -> None:
    answer = interpret(reply(authority=(SOA,)), NAME, "MX", False)
    assert (answer.soa_owner, answer.serial) == (NAME, 7)


def test_silence_is_a_timeout_after_two_tries() -> None:
    calls = []

    def silent(query: Any, seconds: float) -> Any:
        calls.append(seconds)
        raise OSError("nobody there")

    assert ask(silent, NAME, "MX", True).status == "timeout" and len(calls) == 2


def test_one_lost_packet_does_no_harm_and_servfail_is_tried_again() -> None:
    answers: list[Any] = [OSError("lost"), reply(MX)]

    def exchange(query: Any, seconds: float) -> Any:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    assert ask(exchange, NAME, "MX", False).status == "ok"
    answers[:] = [reply(code="SERVFAIL"), reply(MX)]
    assert ask(exchange, NAME, "MX", False).status == "ok"
    answers[:] = [reply(code="SERVFAIL"), OSError("lost")]
    assert ask(exchange, NAME, "MX", False).status == "servfail"


def test_a_server_without_edns_is_asked_without() -> None:
    seen = []

    def old(query: Any, seconds: float) -> Any:
        seen.append(query.edns)
        return reply(code="FORMERR") if query.edns >= 0 else reply(MX)

    assert ask(old, NAME, "MX", False).status == "ok" and seen == [0, -1]


def test_queries_to_authorities_do_not_ask_for_recursion() -> None:
    flags = []

    def exchange(query: Any, seconds: float) -> Any:
        flags.append(bool(query.flags & dns.flags.RD))
        return reply(MX, flags="QR AA RA")

    ask(exchange, NAME, "MX", recursive=False)
    ask(exchange, NAME, "MX", recursive=True)
    assert flags == [False, True]


def test_a_silent_server_is_asked_more_briefly_until_it_answers() -> None:
    waits = []
    quiet = True

    def exchange(query: Any, seconds: float) -> Any:
        waits.append(seconds)
        if quiet:
            raise OSError("silence")
        return reply(MX)

    patience = Patience()
    for _unused in range(SILENCES):
        patience.ask("x", exchange, NAME, "MX", False)
    waits.clear()
    assert patience.ask("x", exchange, NAME, "MX", False).status == "timeout" and waits == [1.0]
    quiet = False
    assert patience.ask("x", exchange, NAME, "MX", False).status == "ok"
    waits.clear()
    patience.ask("x", exchange, NAME, "MX", False)
    assert waits == [3.0]


OK = DnsAnswer("ok", ("5 a.example",), 300, True)
OTHER = DnsAnswer("ok", ("5 b.example",), 600, True)
NONE = DnsAnswer("nodata", authoritative=True)


@pytest.mark.parametrize(
    ("answers", "agree", "complete", "hosts", "ttl"),
    [
        ([OK, OK], True, True, ["a.example"], 300),
        ([OK, OTHER], False, True, ["a.example", "b.example"], 600),
        ([OK, NONE], False, True, ["a.example"], 300),
        ([OK, DnsAnswer("timeout")], True, False, ["a.example"], 300),
        ([NONE, NONE], True, True, [], None),
        ([DnsAnswer("timeout"), DnsAnswer("lame")], False, False, None, None),
        ([], False, False, None, None),
        ([DnsAnswer("cname", ttl=60, cname="x.example")], True, False, [], 60),
    ],
)
def test_what_servers_say_together(
    answers: list[DnsAnswer], agree: bool, complete: bool, hosts: list[str] | None, ttl: int | None
) -> None:
    found = summary(answers)
    assert (found["agree"], found["complete"], found["ttl_max"]) == (agree, complete, ttl)
    assert (
        None if found["records"] is None else [record["host"] for record in found["records"]]
    ) == hosts


def test_a_null_mx_is_recognised() -> None:
    assert (
        summary([DnsAnswer("ok", ("0 .",), 300, True)])["null_mx"] and not summary([OK])["null_mx"]
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("[2001:db8::1]:54", ("2001:db8::1", 54)),
        ("2001:db8::1", ("2001:db8::1", 53)),
    ],
)
def test_addresses_of_resolvers(text: str, parts: tuple[str, int]) -> None:
    assert split_address(text) == parts


@pytest.mark.parametrize(
    "text", ["resolver.example", "192.0.2.1:0", "192.0.2.1:x", "http://192.0.2.1/dns-query"]
)
def test_what_is_no_resolver_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        make_resolver(text)


def test_a_lookup_goes_on_to_the_next_resolver_and_never_says_none_for_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolvers = Resolvers(["192.0.2.1", "192.0.2.2"])
    told = {"192.0.2.1": DnsAnswer("servfail"), "192.0.2.2": OK}
    monkeypatch.setattr(resolvers, "ask", lambda resolver, name, rdtype: told[resolver.text])
    assert resolvers.lookup(NAME, "MX") is OK
    told["192.0.2.2"] = DnsAnswer("timeout")
    with pytest.raises(ReadError, match="servfail"):
        resolvers.lookup("other.example", "MX")


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        ({("contoso.example", "NS"): DnsAnswer("ok", ("ns.example",))}, "contoso.example"),
        (
            {
                ("mail.contoso.example", "NS"): DnsAnswer("ok", ("ns.example",)),
                ("contoso.example", "NS"): DnsAnswer("ok", ("n.example",)),
            },
            "mail.contoso.example",
        ),
        (
            {
                ("mail.contoso.example", "NS"): DnsAnswer(
                    "ok", ("n.x.example",), cname="x.example"
                ),
                ("contoso.example", "NS"): DnsAnswer("ok", ("n.example",)),
            },
            NAME,
        ),
        (
            {
                ("contoso.example", "NS"): DnsAnswer("ok", ("n.example",)),
                ("mail.contoso.example", "SOA"): DnsAnswer("nodata", soa_owner="example"),
            },
            "example",
        ),
    ],
)
def test_without_an_soa_the_nearest_name_with_name_servers_is_the_zone(
    told: Any, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolvers = Resolvers(["192.0.2.1"])
    told = {**told, ("example", "NS"): DnsAnswer("ok", ("ns.example",))}
    monkeypatch.setattr(
        resolvers, "lookup", lambda name, rdtype: told.get((name, rdtype), DnsAnswer("nodata"))
    )
    monkeypatch.setattr(resolvers, "addresses", lambda host: ["192.0.2.53"])
    assert PublicDns(resolvers, 53, Context()).delegation("mail.contoso.example").zone == zone


def test_a_name_without_any_zone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    resolvers = Resolvers(["192.0.2.1"])
    monkeypatch.setattr(resolvers, "lookup", lambda name, rdtype: DnsAnswer("nodata"))
    with pytest.raises(ReadError, match="no zone"):
        PublicDns(resolvers, 53, Context()).delegation("mail.contoso.example")


def test_resolvers_default_to_the_public_ones() -> None:
    assert [resolver.text for resolver in Resolvers([" ", ""]).all] == [
        "1.1.1.1",
        "8.8.8.8",
        "9.9.9.9",
        "208.67.222.222",
    ]


def test_the_environment_counts_where_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST", "")
    monkeypatch.setenv("SECOND", "two")
    assert first_env("FIRST", "SECOND") == "two"
    assert (
        given({"x": " "}, "x", ["FIRST", "SECOND"]) == "two"
        and given({"x": "one"}, "x", ["SECOND"]) == "one"
    )
    assert given({}, "x") is None


@pytest.mark.parametrize(
    ("name", "text"), [("", "no dns_provider is given"), ("dyn", "'dyn' is not a dns_provider")]
)
def test_the_word_for_a_provider(name: str, text: str) -> None:
    assert known_provider(" Octodns ", NAME) == "octodns" and known_provider("AUTO", NAME) == "auto"
    with pytest.raises(InputError, match=text) as caught:
        known_provider(name, NAME)
    assert "route53" in caught.value.hint and "manual" in caught.value.hint


def test_domains_as_names_maps_and_lines() -> None:
    found = domain_maps(
        ["A.example.", "b.example\nc.example", {"name": "d.example", "ttl": 5, "forward_to": "x"}],
        {"ttl"},
    )
    assert (
        list(found) == ["a.example", "b.example", "c.example", "d.example"]
        and found["d.example"]["ttl"] == 5
    )


@pytest.mark.parametrize(
    "domains",
    [
        None,
        [],
        [5],
        [{}],
        [{"ttl": 5}],
        ["a.example", "A.example."],
        [{"name": "a.example", "speed": 1}],
        ["example"],
    ],
)
def test_bad_domains_are_refused(domains: Any) -> None:
    with pytest.raises(InputError):
        domain_maps(domains, {"ttl"})

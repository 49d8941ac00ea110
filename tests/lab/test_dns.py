# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's DNS over real sockets: authoritative servers, edge, resolver, DoH."""

from __future__ import annotations

import base64
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.resolver
import pytest
import requests

from lab.cloudflare import complete, empty_state as empty_cloudflare
from lab.cloudflare.transaction import run_batch
from lab.dns import ADDRESSES, DnsServers, DohService, empty_state
from lab.dns.servers import MAX_LOGGED
from lab.server import Hub, serve_https
from lab.tls import Authority

SERVERS = ["ada.ns.cloudflare.example", "bob.ns.cloudflare.example"]
NAME = "northwind.example"
OLD = "northwind-example.mail.protection.outlook.com"
EU1 = "mailstream-eu1.mxrecord.io"


def _record(kind: str, name: str, content: str, ttl: int = 3600, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "content": content, "ttl": ttl, **more}


def _world() -> dict[str, Any]:
    cloudflare = empty_cloudflare()
    cloudflare["zones"] = {
        NAME: {
            "name": NAME,
            "name_servers": SERVERS,
            "records": [
                _record("MX", NAME, OLD, priority=0),
                _record("TXT", NAME, '"v=spf1 -all"', 1),
                _record("CNAME", f"autodiscover.{NAME}", "www.elsewhere.example", 600),
                _record("A", f"a.b.{NAME}", "192.0.2.1"),
            ],
        },
        "asleep.example": {
            "name": "asleep.example",
            "name_servers": SERVERS,
            "status": "pending",
            "records": [],
        },
    }
    state = empty_state()
    state["servers"]["ns1.elsewhere.example"] = {
        "address": ADDRESSES[1],
        "mode": "ok",
        "lag_seconds": 0,
    }
    state["zones"] = {
        "elsewhere.example": {
            "name": "elsewhere.example",
            "name_servers": ["ns1.elsewhere.example"],
            "records": [
                _record("A", "www.elsewhere.example", "192.0.2.7", 120),
                _record("A", "*.wild.elsewhere.example", "192.0.2.8"),
            ],
        },
    }
    return {"cloudflare": cloudflare, "dns": state}


class Net:
    """A client that knows nothing but the wire."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.port = int(hub.dns.resolvers[0].rpartition(":")[2])

    def ask(self, name: str, kind: str = "MX", tcp: bool = False) -> dns.message.Message:
        query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
        return (dns.query.tcp if tcp else dns.query.udp)(
            query, "127.0.0.1", port=self.port, timeout=3
        )

    def ask_server(
        self, address: str, name: str, kind: str = "MX", tcp: bool = False, timeout: float = 3
    ) -> dns.message.Message:
        query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
        query.flags &= ~dns.flags.RD
        return (dns.query.tcp if tcp else dns.query.udp)(
            query, address, port=self.hub.dns.authoritative_port, timeout=timeout
        )

    def mx(self, address: str | None = None) -> list[str]:
        message = self.ask(NAME) if address is None else self.ask_server(address, NAME)
        return sorted(str(item) for each in message.answer for item in each)

    def ttl(self, name: str, kind: str = "MX") -> int:
        return int(self.ask(name, kind).answer[0].ttl)

    def mode(self, server: str, mode: str, lag: int = 0) -> None:
        self.hub.world["dns"]["servers"][server].update(mode=mode, lag_seconds=lag)

    def zone(self) -> dict[str, Any]:
        zone: dict[str, Any] = self.hub.world["cloudflare"]["zones"][NAME]
        return zone

    def switch(self, gap_ms: float = 0) -> None:
        """What the batch endpoint does with a patch and two posts."""
        with self.hub.lock:
            complete(self.hub.world, self.hub.clock.now())
            self.hub.world["cloudflare"]["settings"]["edge_gap_ms"] = gap_ms
            hosts = ("mailstream-central.mxrecord.mx", "mailstream-east.mxrecord.io")
            body = {
                "patches": [
                    {
                        "id": self.zone()["records"][0]["id"],
                        "content": EU1,
                        "priority": 5,
                        "ttl": 300,
                    }
                ],
                "posts": [
                    _record("MX", NAME, host, 300, priority=10 * (n + 1))
                    for n, host in enumerate(hosts)
                ],
            }
            run_batch(self.hub.world, self.zone(), body, self.hub.clock.now())


def _start(world: dict[str, Any]) -> Hub:
    hub = Hub()
    hub.world = world
    hub.dns = DnsServers(hub)
    hub.dns.start()
    return hub


@pytest.fixture
def net() -> Iterator[Net]:
    hub = _start(_world())
    yield Net(hub)
    hub.dns.stop()


# --- authoritative
# --------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("tcp", [False, True])
def test_authoritative_answers(net: Net, address: str, tcp: bool) -> None:
    answer = net.ask_server(address, NAME, tcp=tcp)
    assert answer.flags & dns.flags.AA and not answer.flags & dns.flags.RA
    assert [str(item) for item in answer.answer[0]] == [f"0 {OLD}."] and answer.answer[
        0
    ].ttl == 3600
    assert answer.edns == 0 and answer.payload == 1232
    assert net.ask_server(address, NAME, "TXT", tcp).answer[0].ttl == 300
    assert sorted(str(item) for item in net.ask_server(address, NAME, "NS", tcp).answer[0]) == [
        f"{name}." for name in SERVERS
    ]
    assert net.ask_server(address, NAME.upper(), "SOA", tcp).answer[0][0].minimum == 1800


def test_negative_answers(net: Net) -> None:
    none = net.ask_server(ADDRESSES[0], NAME, "AAAA")
    assert none.rcode() == dns.rcode.NOERROR and not none.answer and none.authority[0].rdtype == 6
    assert net.ask_server(ADDRESSES[0], f"b.{NAME}", "A").rcode() == dns.rcode.NOERROR
    unknown = net.ask_server(ADDRESSES[0], f"nothing.{NAME}", "A")
    assert unknown.rcode() == dns.rcode.NXDOMAIN and unknown.authority[0].rdtype == 6
    assert net.ask_server(ADDRESSES[0], "unheard.test", "A").rcode() == dns.rcode.REFUSED
    assert net.ask_server(ADDRESSES[0], "asleep.example", "SOA").rcode() == dns.rcode.REFUSED
    assert net.ask_server(ADDRESSES[0], "www.elsewhere.example", "A").rcode() == dns.rcode.REFUSED
    assert (
        str(net.ask_server(ADDRESSES[1], "x.wild.elsewhere.example", "A").answer[0][0])
        == "192.0.2.8"
    )


def test_modes_of_a_server(net: Net) -> None:
    net.mode(SERVERS[1], "servfail")
    assert net.ask_server(ADDRESSES[1], NAME).rcode() == dns.rcode.SERVFAIL
    assert net.ask_server(ADDRESSES[0], NAME).rcode() == dns.rcode.NOERROR
    net.mode(SERVERS[1], "lame")
    assert net.ask_server(ADDRESSES[1], NAME).rcode() == dns.rcode.REFUSED
    net.mode(SERVERS[1], "down")
    with pytest.raises(dns.exception.Timeout):
        net.ask_server(ADDRESSES[1], NAME, timeout=0.3)
    with pytest.raises(EOFError):
        net.ask_server(ADDRESSES[1], NAME, tcp=True, timeout=2)
    assert net.ask_server(ADDRESSES[1], "www.elsewhere.example", "A").rcode() == dns.rcode.NOERROR


def test_a_lagging_server_shows_the_old_set_for_a_while(net: Net) -> None:
    net.mode(SERVERS[1], "lag", 600)
    old = net.mx(ADDRESSES[1])
    net.switch()
    assert net.mx(ADDRESSES[1]) == old and f"5 {EU1}." in net.mx(ADDRESSES[0])
    serials = [net.ask_server(address, NAME, "SOA").answer[0][0].serial for address in ADDRESSES]
    assert serials[0] > serials[1]
    net.hub.clock.advance(599 - 10)
    assert net.mx(ADDRESSES[1]) == old
    net.hub.clock.advance(20)
    assert net.mx(ADDRESSES[1]) == net.mx(ADDRESSES[0]) and len(net.mx(ADDRESSES[0])) == 3


def test_a_change_past_the_api_is_seen_and_kept_in_history(net: Net) -> None:
    net.zone()["records"] = [record for record in net.zone()["records"] if record["type"] != "MX"]
    assert net.mx(ADDRESSES[0]) == []
    last = net.hub.world["dns"]["history"][-1]
    assert (last["name"], last["mx"], last["change"]) == (NAME, [], "outside the API")


def test_the_edge_shows_a_batch_change_by_change(net: Net) -> None:
    seen = [tuple(net.mx(ADDRESSES[0]))]
    net.switch(gap_ms=150)
    deadline = time.monotonic() + 3
    while len(seen[-1]) < 3 and time.monotonic() < deadline:
        now = tuple(net.mx(ADDRESSES[0]))
        if now != seen[-1]:
            seen.append(now)
    assert [len(each) for each in seen] == [1, 1, 2, 3]
    assert [
        len(each["mx"]) for each in net.hub.world["dns"]["history"] if each["name"] == NAME
    ] == [1, 1, 2, 3]
    times = [each["at"] for each in net.hub.world["dns"]["history"]]
    assert times[-3:] == sorted(times[-3:]) and len(set(times[-3:])) == 3


# --- resolver
# --------------------------------------------------------------------------------


@pytest.mark.parametrize("tcp", [False, True])
def test_recursive_answers(net: Net, tcp: bool) -> None:
    answer = net.ask(NAME, tcp=tcp)
    assert answer.flags & dns.flags.RA and not answer.flags & dns.flags.AA
    assert [str(item) for item in answer.answer[0]] == [f"0 {OLD}."]
    chain = net.ask(f"autodiscover.{NAME}", "A", tcp)
    assert [each.rdtype for each in chain.answer] == [5, 1] and str(
        chain.answer[1][0]
    ) == "192.0.2.7"
    assert net.ask("unheard.test", "A", tcp).rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("mailstream-central.mxrecord.mx", "127.0.1.1"),
        ("mailstream-east.mxrecord.io", "127.0.1.2"),
        ("mailstream-west.mxrecord.io", "127.0.1.3"),
        (EU1, "127.0.1.4"),
        ("mailstream-bom.mxrecord.mx", "127.0.1.5"),
        ("mailstream-india-primary.mxrecord.mx", "127.0.1.6"),
        ("mailstream-asia.mxrecord.mx", "127.0.1.7"),
        ("mailstream-syd.area1.cloudflare.net", "127.0.1.8"),
        ("mailstream-australia-primary.area1.cloudflare.net", "127.0.1.9"),
        ("mxa.global.inbound.cf-emailsecurity.net", "127.0.1.10"),
        ("mxb.global.inbound.cf-emailsecurity.net", "127.0.1.11"),
        (OLD, "127.0.2.1"),
        ("nw-labs-example.b-v1.mx.microsoft", "127.0.2.2"),
        ("ns1.elsewhere.example", ADDRESSES[1]),
        (SERVERS[0], ADDRESSES[0]),
        (SERVERS[1], ADDRESSES[1]),
    ],
)
def test_mail_hosts_and_name_servers_have_addresses(net: Net, name: str, address: str) -> None:
    assert str(net.ask(name, "A").answer[0][0]) == address


def test_hosts_of_the_world_win(net: Net) -> None:
    net.hub.world["dns"]["hosts"] = {EU1: "127.0.0.9", "mailstream-bom.mxrecord.mx": ""}
    assert str(net.ask(EU1, "A").answer[0][0]) == "127.0.0.9"
    assert net.ask("mailstream-bom.mxrecord.mx", "A").rcode() == dns.rcode.NXDOMAIN


def test_the_cache_counts_down_and_ends_by_the_labs_clock(net: Net) -> None:
    assert net.ttl(NAME) == 3600
    net.switch()
    net.hub.clock.advance(1000)
    assert 2590 <= net.ttl(NAME) <= 2600 and net.mx() == [f"0 {OLD}."]
    net.hub.clock.advance(2590)
    assert net.mx() == [f"0 {OLD}."]
    net.hub.clock.advance(20)
    assert len(net.mx()) == 3 and net.ttl(NAME) == 300


def test_negative_answers_are_kept_too(net: Net) -> None:
    name = f"_cf-email-sec-challenge.{NAME}"
    assert net.ask(name, "TXT").rcode() == dns.rcode.NXDOMAIN
    net.zone()["records"].append(_record("TXT", name, "proof", 300))
    assert net.ask(name, "TXT").rcode() == dns.rcode.NXDOMAIN
    assert str(net.ask_server(ADDRESSES[0], name, "TXT").answer[0][0]) == '"proof"'
    net.hub.clock.advance(1801)
    assert str(net.ask(name, "TXT").answer[0][0]) == '"proof"'


def test_warm_and_flush(net: Net) -> None:
    net.hub.dns.warm()
    net.switch()
    assert net.mx() == [f"0 {OLD}."]
    net.hub.dns.flush()
    assert len(net.mx()) == 3


def test_a_world_that_asks_for_a_warm_cache_and_one_that_does_not(net: Net) -> None:
    fresh = _world()
    fresh["dns"]["warm"] = True
    net.hub.world = fresh
    net.hub.dns.world_changed()
    net.switch()
    assert net.mx() == [f"0 {OLD}."]
    net.hub.world = _world()
    net.hub.dns.world_changed()
    net.switch()
    assert len(net.mx()) == 3


def test_the_resolver_asks_a_server_that_works(net: Net) -> None:
    net.mode(SERVERS[0], "down")
    assert net.mx() == [f"0 {OLD}."]
    net.mode(SERVERS[1], "lame")
    net.hub.dns.flush()
    assert net.ask(NAME).rcode() == dns.rcode.SERVFAIL
    net.mode(SERVERS[0], "ok")
    assert net.mx() == [f"0 {OLD}."]


def test_a_stock_client_finds_the_zone_and_its_servers(net: Net) -> None:
    client = dns.resolver.Resolver(configure=False)
    client.nameservers, client.port = ["127.0.0.1"], net.port
    assert dns.resolver.zone_for_name(f"a.b.{NAME}", resolver=client) == dns.name.from_text(NAME)
    names = sorted(item.target.to_text(omit_final_dot=True) for item in client.resolve(NAME, "NS"))
    assert names == SERVERS
    assert [str(client.resolve(name, "A")[0]) for name in names] == list(ADDRESSES)
    with pytest.raises(dns.resolver.NXDOMAIN):
        client.resolve("unheard.test", "MX")


def test_truncation_over_udp_and_the_whole_over_tcp(net: Net) -> None:
    net.zone()["records"] += [
        _record("TXT", f"big.{NAME}", f"{n:03}" + "x" * 60) for n in range(40)
    ]
    for port, address in ((net.port, "127.0.0.1"), (net.hub.dns.authoritative_port, ADDRESSES[1])):
        query = dns.message.make_query(f"big.{NAME}", "TXT", use_edns=0, payload=4096)
        short = dns.query.udp(query, address, port=port, timeout=3)
        assert short.flags & dns.flags.TC and not short.answer
        whole, used_tcp = dns.query.udp_with_fallback(query, address, port=port, timeout=3)
        assert used_tcp and len(whole.answer[0]) == 40


def test_without_edns_512_bytes_are_the_limit(net: Net) -> None:
    net.zone()["records"] += [
        _record("TXT", f"mid.{NAME}", f"{n:03}" + "x" * 60) for n in range(10)
    ]
    plain = dns.message.make_query(f"mid.{NAME}", "TXT")
    assert dns.query.udp(plain, "127.0.0.1", port=net.port, timeout=3).flags & dns.flags.TC
    assert len(net.ask(f"mid.{NAME}", "TXT").answer[0]) == 10


def test_long_texts_and_quotes(net: Net) -> None:
    net.zone()["records"].append(_record("TXT", f"dkim.{NAME}", "k" * 300 + ' "q" \\'))
    strings = net.ask(f"dkim.{NAME}", "TXT").answer[0][0].strings
    assert b"".join(strings) == b"k" * 300 + b' "q" \\' and len(strings[0]) == 255


def test_several_queries_on_one_tcp_connection_and_garbage(net: Net) -> None:
    wire = dns.message.make_query(NAME, "MX").to_wire()
    with socket.create_connection(("127.0.0.1", net.port), timeout=3) as sock:
        for _ in range(2):
            sock.sendall(struct.pack("!H", len(wire)) + wire)
            size = struct.unpack("!H", sock.recv(2))[0]
            assert dns.message.from_wire(sock.recv(size)).rcode() == dns.rcode.NOERROR
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.sendto(wire[:14] + b"\xff" * 30, ("127.0.0.1", net.port))
        assert sock.recv(512)[3] & 0x0F == dns.rcode.FORMERR


def test_a_burst_is_answered(net: Net) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda n: net.ask(NAME if n % 2 else EU1, "MX" if n % 2 else "A"), range(200))
        )
    assert all(answer.answer for answer in answers)


def test_forwarding_to_a_real_server(net: Net) -> None:
    world = _world()
    world["cloudflare"]["zones"] = {
        "bind.example": {
            "name": "bind.example",
            "name_servers": SERVERS,
            "records": [_record("MX", "bind.example", EU1, 300, priority=5)],
        }
    }
    other = _start(world)
    net.hub.world["dns"]["forward"] = {"bind.example": f"127.0.0.1:{other.dns.authoritative_port}"}
    try:
        assert str(net.ask("bind.example").answer[0][0]) == f"5 {EU1}."
        assert net.ask("no.bind.example").rcode() == dns.rcode.NXDOMAIN
        passed_on = net.ask_server(ADDRESSES[1], "bind.example")
        assert passed_on.flags & dns.flags.AA and str(passed_on.answer[0][0]) == f"5 {EU1}."
        assert str(net.hub.dns.lookup("bind.example", "MX").answer[0][0]) == f"5 {EU1}."
    finally:
        other.dns.stop()
    assert str(net.ask("bind.example").answer[0][0]) == f"5 {EU1}."


# --- log, DoH
# --------------------------------------------------------------------------------


def test_queries_are_logged_apart_and_with_a_bound(net: Net) -> None:
    net.ask(NAME)
    net.ask_server(ADDRESSES[1], NAME, "TXT")
    entries = [each for each in net.hub.log.entries() if each["service"] == "dns"]
    assert [(e["server"], e["path"], e["query"], e["status"], e["write"]) for e in entries] == [
        ("resolver", NAME, "MX", "NOERROR", False),
        (ADDRESSES[1], NAME, "TXT", "NOERROR", False),
    ]
    net.hub.dns._logged = MAX_LOGGED
    net.ask(NAME)
    assert len([each for each in net.hub.log.entries() if each["service"] == "dns"]) == 2


def test_doh(net: Net, tmp_path: Path) -> None:
    authority = Authority()
    authority.write(tmp_path / "ca.pem")
    server, port = serve_https(DohService(net.hub), "127.0.0.1", 0, authority.context(), net.hub)
    url = f"https://127.0.0.1:{port}/dns-query"
    session = requests.Session()
    session.trust_env, session.verify = False, str(tmp_path / "ca.pem")
    wire = dns.message.make_query(NAME, "MX", use_edns=0, id=0).to_wire()
    media = {"Content-Type": "application/dns-message"}
    try:
        post = session.post(url, data=wire, headers=media, timeout=5)
        get = session.get(
            url, params={"dns": base64.urlsafe_b64encode(wire).rstrip(b"=").decode()}, timeout=5
        )
        for answer in (post, get):
            assert (
                answer.status_code == 200
                and answer.headers["Content-Type"] == "application/dns-message"
            )
            assert str(dns.message.from_wire(answer.content).answer[0][0]) == f"0 {OLD}."
        assert post.headers["Cache-Control"] == "max-age=3600"
        assert session.post(url, data=wire, timeout=5).status_code == 415
        assert session.get(url, params={"dns": "AAA"}, timeout=5).status_code == 400
        assert session.put(url, data=wire, headers=media, timeout=5).status_code == 405
        assert session.get(url + "x", timeout=5).status_code == 404
    finally:
        server.shutdown()
        server.server_close()


def test_stop_frees_the_ports() -> None:
    hub = _start(_world())
    port = hub.dns.authoritative_port
    hub.dns.stop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock,
        pytest.raises(ConnectionRefusedError),
    ):
        sock.connect((ADDRESSES[1], port))

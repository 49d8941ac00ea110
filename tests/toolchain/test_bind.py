# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real named honours a value-dependent prerequisite, as a primary must [DNS-20]."""

from __future__ import annotations

from collections.abc import Iterator

import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest

from tests.support.bind import Bind, TsigKey

ZONE = "example.test"


@pytest.fixture(scope="module")
def server() -> Iterator[Bind]:
    with Bind({ZONE: ["@ 20 MX 10 old-mx.example.test.", "old-mx A 192.0.2.1"]}) as bind:
        yield bind


def update(server: Bind, key: TsigKey | None = None) -> dns.update.UpdateMessage:
    key = key or server.key
    ring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    return dns.update.UpdateMessage(ZONE, keyring=ring, keyname=dns.name.from_text(key.name))


def send(server: Bind, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
    return dns.query.tcp(message, server.address, port=server.port, timeout=5).rcode()


def hosts(server: Bind) -> list[str]:
    answer = server.rrset(ZONE, "MX")
    return sorted(str(rdata) for rdata in answer) if answer else []


def test_replaces_only_what_it_expects(server: Bind) -> None:
    wanted = ("5 mx1.example.", "50 mx2.example.")
    wrong = update(server)
    wrong.present("@", "MX", "10 somebody-else.example.test.")
    wrong.replace("@", 60, "MX", *wanted)
    before = hosts(server)
    assert send(server, wrong) == dns.rcode.NXRRSET
    assert hosts(server) == before == ["10 old-mx.example.test."]

    right = update(server)
    right.present("@", "MX", *before)
    right.replace("@", 60, "MX", *wanted)
    assert send(server, right) == dns.rcode.NOERROR
    answer = server.rrset(ZONE, "MX")
    assert answer is not None and answer.ttl == 60
    assert hosts(server) == sorted(wanted)


def test_wrong_secret_is_told_by_an_update_that_changes_nothing(server: Bind) -> None:
    message = update(server, TsigKey(name=server.key.name))
    message.present("@", "SOA")
    with pytest.raises(dns.tsig.PeerBadSignature):
        send(server, message)


def test_unknown_key(server: Bind) -> None:
    message = update(server, TsigKey(name="stranger"))
    message.present("@", "SOA")
    with pytest.raises(dns.tsig.PeerBadKey):
        send(server, message)


def test_types_that_are_not_granted_and_unsigned_updates_are_refused(server: Bind) -> None:
    other = update(server)
    other.add("www", 60, "A", "192.0.2.7")
    assert send(server, other) == dns.rcode.REFUSED
    unsigned = dns.update.UpdateMessage(ZONE)
    unsigned.replace("@", 60, "MX", "5 evil.example.")
    assert send(server, unsigned) == dns.rcode.REFUSED
    assert "evil" not in " ".join(hosts(server))


def test_stops_by_its_own_pid() -> None:
    with Bind({ZONE: []}, max_seconds=30) as bind:
        port = bind.port
        assert bind.rrset(ZONE, "SOA") is not None
    with pytest.raises(OSError):
        Bind.rrset(_at(port), ZONE, "SOA")


def _at(port: int) -> Bind:
    bind = Bind({ZONE: []})
    bind.port = port
    return bind

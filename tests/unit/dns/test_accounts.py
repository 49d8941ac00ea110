# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS accounts: which one a domain has, what its delegation decides, work on several at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers import accounts
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.accounts import (
    DnsAccount,
    Drivers,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    Capabilities,
    Driver,
    DriverOptions,
    Surroundings,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.public_dns import (
    Delegation,
    Server,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.by_account import (
    by_account,
    settle,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import RecordSet
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    MailflowError,
    ReadError,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.dns_hosts import (
    DNS_HOSTS,
    dns_host,
)

ONE, TWO = "northwind.example", "northwind-group.example"
TOKEN = "t" * 40
SECOND = {"name": "second", "settings": {"provider": "cloudflare", "api_token": "s" * 40}}
THIRD = {"name": "third", "settings": {"provider": "Cloudflare", "api_token": "u" * 40}}
INSIDE = {"name": "inside", "settings": {"provider": "rfc2136", "server": "192.0.2.1", "port": 54}}


class World:
    """Delegations by name; None is no answer."""

    resolvers = None

    def __init__(self, servers: dict[str, Sequence[str] | None]) -> None:
        self._servers = servers

    def delegation(self, name: str) -> Delegation:
        found = self._servers.get(name)
        if found is None:
            raise ReadError("No resolver answered.")
        return Delegation(name, tuple(Server(one, "192.0.2.53") for one in found))


def drivers(servers: dict[str, Sequence[str] | None] | None = None, **params: Any) -> Drivers:
    made = Drivers({"dns_api_token": TOKEN, **params}, Context(sleep=lambda seconds: None))
    if servers is not None:
        made._world = World(servers)  # type: ignore[assignment]
    return made


def test_a_domain_names_its_account_or_its_provider_or_nothing() -> None:
    made = drivers(dns_provider="Cloudflare", dns_accounts=[SECOND, INSIDE])
    assert made.accounts_of(
        {ONE: {}, TWO: {"dns_account": "inside"}, "x.example": {"dns_provider": "MANUAL"}}
    ) == {
        ONE: DnsAccount("cloudflare"),
        TWO: DnsAccount("rfc2136", "inside"),
        "x.example": DnsAccount("manual"),
    }
    assert made.get(DnsAccount("cloudflare")) is not made.get(DnsAccount("cloudflare", "second"))
    assert str(DnsAccount("rfc2136", "inside")) == "rfc2136 (account inside)"


@pytest.mark.parametrize(
    ("own", "params", "text"),
    [
        ({"dns_account": "nowhere"}, {"dns_accounts": [SECOND]}, "no DNS account nowhere"),
        ({"dns_account": "nowhere"}, {}, "area1_dns_accounts has: none"),
        (
            {"dns_account": "second", "dns_provider": "rfc2136"},
            {"dns_accounts": [SECOND]},
            "is one of cloudflare",
        ),
        ({}, {"dns_accounts": [SECOND, SECOND]}, "second is named twice"),
        ({}, {"dns_accounts": [{"name": "", "settings": {}}]}, "an account has no name"),
        ({}, {"dns_accounts": [{"name": "a", "settings": {"provider": "auto"}}]}, "of a is auto"),
        ({}, {"dns_accounts": [{"name": "a", "settings": {}}]}, "a: no dns_provider is given"),
        (
            {"dns_account": "a"},
            {"dns_accounts": [{"name": "a", "settings": {"provider": "cloudflare"}}]},
            r"Give api_token in the account a \(area1_dns_accounts\)",
        ),
        (
            {"dns_account": "a"},
            {
                "dns_accounts": [
                    {"name": "a", "settings": {"provider": "rfc2136", "api_token": "x"}}
                ]
            },
            "a has api_token, which the provider rfc2136 does not know",
        ),
    ],
)
def test_what_can_never_be_right_is_refused_at_once(
    own: dict[str, str], params: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment and the task's own options are no part of a named account."""
    monkeypatch.setenv("AREA1_DNS_API_TOKEN", TOKEN)
    with pytest.raises(InputError, match=text):
        drivers(**{"dns_provider": "manual", **params}).accounts_of({ONE: own})


CLOUDFLARE = ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]


def test_auto_goes_by_the_delegation() -> None:
    servers: dict[str, Sequence[str] | None] = {ONE: CLOUDFLARE, TWO: None, "x.example": CLOUDFLARE}
    made = drivers(servers, dns_provider="auto", dns_accounts=[INSIDE])
    found = made.accounts_of({ONE: {}, TWO: {}, "x.example": {"dns_account": "inside"}})
    assert found[ONE] == DnsAccount("cloudflare")
    assert found["x.example"] == DnsAccount("rfc2136", "inside")
    assert isinstance(found[TWO], ReadError) and "delegation could not be read" in str(found[TWO])
    made = drivers(servers, dns_provider="auto", dns_accounts=[SECOND])
    assert made.accounts_of({ONE: {}})[ONE] == DnsAccount("cloudflare", "second")


@pytest.mark.parametrize(
    ("servers", "more", "words"),
    [
        (
            ["ns1.registrar.example"],
            {},
            ["does not lead to one of", "ns1.registrar.example (unknown)", "manual prints"],
        ),
        (
            [*CLOUDFLARE, "ns1.registrar.example"],
            {},
            ["ada.ns.cloudflare.com (Cloudflare, dns_provider cloudflare)", "unknown"],
        ),
        (["dns10.ovh.net", "ns10.ovh.net"], {}, ["dns10.ovh.net (OVHcloud)"]),
        (
            CLOUDFLARE,
            {"dns_accounts": [SECOND, THIRD]},
            ["served by Cloudflare", "second, third", "Name the dns_account"],
        ),
        (CLOUDFLARE, {"dns_api_token": ""}, ["served by Cloudflare", "dns_api_token is not given"]),
    ],
)
def test_auto_refuses_what_it_cannot_decide_with_what_was_seen(
    servers: list[str], more: dict[str, Any], words: list[str]
) -> None:
    found = drivers({ONE: servers}, **{"dns_provider": "auto", **more}).accounts_of({ONE: {}})[ONE]
    assert isinstance(found, InputError)
    assert all(word in str(found) for word in [ONE, *words]), str(found)


def test_an_error_names_who_really_serves_the_domain() -> None:
    account = DnsAccount("rfc2136")
    made = drivers({ONE: CLOUDFLARE, TWO: ["ns1.registrar.example"]})
    error = made.explained(ONE, account, InputError("no zone", "Look."))
    assert error.hint.startswith("Look. The name servers of northwind.example are")
    assert "bob.ns.cloudflare.com (Cloudflare, dns_provider cloudflare)" in error.hint
    for name, one in ((TWO, account), (ONE, DnsAccount("cloudflare")), (ONE, DnsAccount("manual"))):
        assert made.explained(name, one, InputError("no zone", "Look.")).hint == "Look."
    assert made.explained(ONE, account, SignInError("bad", "Key.")).hint == "Key."


@pytest.mark.parametrize(
    ("server", "driver"),
    [
        ("ADA.ns.Cloudflare.com.", "cloudflare"),
        ("ns-1536.awsdns-00.co.uk", "route53"),
        ("ns-512.awsdns-00.net.", "route53"),
        ("ns1-01.azure-dns.com", "azure"),
        ("ns4-01.azure-dns.info.", "azure"),
        ("ns07.domaincontrol.com", "godaddy"),
        ("dns1.registrar-servers.com", ""),
        ("ns-cloud-a1.googledomains.com", ""),
    ],
)
def test_who_runs_a_name_server(server: str, driver: str) -> None:
    host = dns_host(server)
    assert host is not None and host.driver == driver and host.console


@pytest.mark.parametrize(
    "server", ["ns1.northwind.example", "azure-dns.com.evil.example", "myazure-dns.com", "", "."]
)
def test_an_unknown_name_server_is_nobody_s(server: str) -> None:
    assert dns_host(server) is None


def test_the_table_names_each_once() -> None:
    titles = [host.title for host in DNS_HOSTS]
    assert len(titles) == len(set(titles)) >= 20


class Slow(Driver):
    """A provider that takes its time, or does not answer at all."""

    TITLE = SUMMARY = "slow"
    CAPABILITIES = Capabilities(threads=2)
    seconds = 0.02
    error: MailflowError | None = None
    late: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.threads: set[str] = set()

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> Driver:
        return cls()

    def prepare(self, names: Sequence[str]) -> None:
        self.prepared += names

    def check(self, name: str) -> None:
        self.threads.add(threading.current_thread().name)
        time.sleep(self.seconds)
        if self.error:
            raise self.error

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        return None

    def replace(self, *unused: Any) -> None:
        raise NotImplementedError

    def settle(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in self.late)


def test_a_hundred_domains_at_five_providers_at_the_pace_of_the_slowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = {f"p{number}": type(f"P{number}", (Slow,), {}) for number in range(5)}
    kinds["p4"].error = SignInError("expired")  # type: ignore[attr-defined]
    kinds["p3"].late = ("d3.example",)  # type: ignore[attr-defined]
    monkeypatch.setattr(accounts, "driver_class", lambda provider: kinds[provider])
    warned: list[str] = []
    context = Context(warn=warned.append)
    made = Drivers({}, context)
    found = {f"d{number}.example": DnsAccount(f"p{number % 5}") for number in range(100)}
    began = time.monotonic()
    done = by_account(made, found, lambda name, driver: driver.check(name) or name)
    took = time.monotonic() - began
    assert list(done) == list(found)
    failed = {name for name, one in done.items() if isinstance(one, MailflowError)}
    assert failed == {name for name, account in found.items() if account.provider == "p4"}
    # 20 domains by two threads take 0.2 s at each; one after the other the five would take 1 s.
    assert took < 0.8
    for account in set(found.values()):
        driver = made.get(account)
        assert isinstance(driver, Slow)
        assert len(driver.prepared) == 20 and len(driver.threads) == 2
    settle(made, found, found, context)
    assert warned == ["d3.example: not all name servers of p3 have the change yet."]

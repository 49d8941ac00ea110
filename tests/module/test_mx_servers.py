# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dynamic updates at BIND, PowerDNS and Knot: what the three do differently."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from typing import Any

import dns.exception
import dns.message
import dns.query
import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    DriverOptions,
    Surroundings,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.rfc2136 import (
    Rfc2136Driver,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.signed_exchange import (
    ALGORITHMS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.public_dns import PublicDns
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.resolvers import Resolvers
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.planner import WantedSet
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.reconcile_set import (
    SetSteps,
    bring,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    MailflowError,
    NotVerified,
    PermissionDenied,
    SignInError,
)
from tests.support.bind import Bind, TsigKey
from tests.support.name_servers import Knot, PowerDns, PowerDnsWithPolicy

ZONE = "northwind.example"
LINES = ["@ 3600 MX 0 northwind-example.mail.protection.outlook.com."]
OLD = ("0 northwind-example.mail.protection.outlook.com",)
NEW = ("5 mailstream-eu1.mxrecord.io", "10 mailstream-central.mxrecord.mx")
SERVERS: dict[str, type[Bind]] = {"bind": Bind, "powerdns": PowerDns, "knot": Knot}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Bind]:
    with SERVERS[request.param]({ZONE: LINES}, max_seconds=300) as running:
        yield running


def driver(server: Bind, **changed: Any) -> Rfc2136Driver:
    values = {
        "dns_server": server.address,
        "dns_port": server.port,
        "dns_key_name": server.key.name,
        "dns_key_secret": server.key.secret,
        "dns_key_algorithm": server.key.algorithm,
        **changed,
    }
    context = Context()
    look = PublicDns(Resolvers([f"{server.address}:{server.port}"]), server.port, context)
    return Rfc2136Driver.from_options(
        DriverOptions("rfc2136", Rfc2136Driver.OPTIONS, values), Surroundings(context, lambda: look)
    )


def change(one: Rfc2136Driver, wanted: WantedSet) -> bool:
    context = Context(sleep=lambda seconds: None)
    return bring(SetSteps(one, ZONE, "MX", wanted), one, context).changed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", SERVERS.values(), ids=SERVERS)
def test_every_algorithm_of_tsig(kind: type[Bind], algorithm: str) -> None:
    key = TsigKey(algorithm=algorithm, secret=base64.b64encode(b"k" * 64).decode())
    with kind({ZONE: LINES}, key=key, max_seconds=60) as one:
        driver(one).check(ZONE)
        assert change(driver(one), WantedSet(values=NEW))
        found = one.rrset(ZONE, "MX")
        assert found is not None and len(found) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"dns_key_name": "another"},
        {"dns_key_secret": base64.b64encode(b"another secret, as long").decode()},
        {"dns_key_algorithm": "hmac-sha512"},
    ],
    ids=["name", "secret", "algorithm"],
)
def test_a_key_that_the_server_does_not_take(server: Bind, changed: dict[str, str]) -> None:
    """Signed or not: the refusal counts by its code, at once, and is never "did not answer"."""
    began = time.monotonic()
    with pytest.raises(SignInError) as caught:
        driver(server, **changed).check(ZONE)
    assert server.key.secret not in str(caught.value) and "dns_key" in caught.value.hint
    assert time.monotonic() - began < 5


def test_an_update_without_a_key_is_not_permitted(server: Bind) -> None:
    nothing = {"dns_key_name": None, "dns_key_secret": None}
    with pytest.raises(PermissionDenied) as caught:
        change(driver(server, **nothing), WantedSet(values=NEW))
    assert "Let the key (none is given) update" in caught.value.hint


def test_a_policy_that_leaves_records_out() -> None:
    """Whatever the server answers: the change is not taken for done, and the policy is named."""
    with PowerDnsWithPolicy({ZONE: LINES}, granted="TXT", max_seconds=60) as one:
        with pytest.raises(MailflowError) as caught:
            change(driver(one), WantedSet(values=NEW))
        found = one.rrset(ZONE, "MX")
        assert found is not None and len(found) == 1
    assert isinstance(caught.value, (NotVerified, PermissionDenied))
    assert "policy" in caught.value.hint


class Watch:
    """Ask a server for the MX set a hundred times a second."""

    def __init__(self, server: Bind) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: list[int] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _look(self) -> None:
        query = dns.message.make_query(ZONE, "MX")
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                answer = dns.query.udp(query, self._server.address, 5, self._server.port)
                self.seen.append(sum(len(one) for one in answer.answer))
            except dns.exception.Timeout:
                self.seen.append(-1)
            due = max(due + 0.01, time.monotonic())
            self._stop.wait(max(0.0, due - time.monotonic()))


def test_the_set_is_never_empty_while_it_is_switched(server: Bind) -> None:
    one = driver(server)
    change(one, WantedSet(values=OLD, ttl=300))
    with Watch(server) as watch:
        for number in range(40):
            assert change(one, WantedSet(values=NEW if number % 2 == 0 else OLD, ttl=300))
            time.sleep(0.05)
    assert len(watch.seen) >= 100
    assert set(watch.seen) == {1, 2}, sorted(set(watch.seen))

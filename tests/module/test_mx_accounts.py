# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of area1_mx and area1_mta_sts on domains of four providers: the lab's Cloudflare, BIND,
PowerDNS and Knot.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers import rfc2136
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets import mta_sts_id, mx
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.modules import area1_mta_sts, area1_mx
from lab.client import Lab
from tests.module.plays import play
from tests.support.bind import Bind
from tests.support.name_servers import Knot, PowerDns

EACH = 25
NEW = [
    {"priority": 5, "host": "mailstream-eu1.mxrecord.io"},
    {"priority": 10, "host": "mailstream-central.mxrecord.mx"},
]
NEW_TEXT = {"5 mailstream-eu1.mxrecord.io.", "10 mailstream-central.mxrecord.mx."}
SERVERS: dict[str, type[Bind]] = {"bind": Bind, "powerdns": PowerDns, "knot": Knot}
Running = tuple[Lab, dict[str, Bind], dict[str, list[str]]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    names = {
        place: [f"{place}{number:02}.example" for number in range(EACH)]
        for place in ("cloudflare", *SERVERS)
    }
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("lab")
        lab = stack.enter_context(Lab.start(world="fresh", directory=folder, max_seconds=600))
        for name in names["cloudflare"]:
            zone = {"name": name, "name_servers": ["ada.ns.cloudflare.example"], "records": []}
            lab.mutate(["cloudflare", "zones", name], value=zone)
        servers = {
            place: stack.enter_context(
                kind({name: ["@ 3600 MX 0 old.example."] for name in names[place]}, max_seconds=600)
            )
            for place, kind in SERVERS.items()
        }
        yield lab, servers, names


def settings(server: Bind) -> dict[str, Any]:
    return {
        "provider": "rfc2136",
        "server": server.address,
        "port": server.port,
        "key_name": server.key.name,
        "key_secret": server.key.secret,
    }


def options(running: Running, **more: Any) -> dict[str, Any]:
    lab, servers, names = running
    known = lab.extra_vars
    named = [{"name": place, "settings": settings(server)} for place, server in servers.items()]
    return {
        "domains": [
            *names["cloudflare"],
            *({"name": name, "dns_account": place} for place in servers for name in names[place]),
        ],
        "dns_provider": "cloudflare",
        "dns_accounts": named,
        "dns_api_token": known["area1_api_token"],
        "dns_api_url": known["area1_api_url"],
        "dns_resolvers": known["area1_dns_resolvers"],
        "dns_authoritative_port": known["area1_dns_authoritative_port"],
        "ca_path": known["area1_ca_path"],
        **more,
    }


def run(logic: Any, module: Any, given: dict[str, Any]) -> dict[str, Any]:
    checked = ArgumentSpecValidator(module.SPEC).validate(given)
    assert not checked.error_messages, checked.error_messages
    secrets = {entry["settings"]["key_secret"] for entry in given["dns_accounts"]}
    assert secrets <= set(checked._no_log_values)
    failed, result = evaluate(logic, checked.validated_parameters, Context(diff=True))
    return {"failed": failed, **result}


def live(server: Bind, name: str) -> set[str]:
    found = server.rrset(name, "MX")
    return {one.to_text() for one in found} if found else set()


def test_a_hundred_domains_in_one_call_and_one_provider_down(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, servers, names = running
    monkeypatch.setattr(rfc2136, "QUERY_SECONDS", 2.0)
    down, port = servers["knot"], servers["knot"].port
    down.port = 9  # nothing listens there
    try:
        given = options(running, records=NEW, ttl=300)
    finally:
        down.port = port
    began = time.monotonic()
    done = run(mx.run, area1_mx, given)
    assert done["failed"] and time.monotonic() - began < 60
    results = {result["domain"]: result for result in done["results"]}
    assert list(results) == [
        entry if isinstance(entry, str) else entry["name"] for entry in given["domains"]
    ]
    failed = {name for name, result in results.items() if result["error"]}
    assert failed == set(names["knot"]) and "127.0.0.1 port 9" in done["msg"]
    assert all(result["changed"] for name, result in results.items() if name not in failed)
    assert results["bind00.example"]["dns_provider"] == "rfc2136"
    assert results["bind00.example"]["dns_account"] == "bind"
    assert results["cloudflare00.example"]["dns_account"] is None

    again = run(mx.run, area1_mx, options(running, records=NEW, ttl=300))
    assert not again["failed"]
    changed = {result["domain"] for result in again["results"] if result["changed"]}
    assert changed == set(names["knot"])
    for place, server in servers.items():
        assert all(live(server, name) == NEW_TEXT for name in names[place])
    third = run(mx.run, area1_mx, options(running, records=NEW, ttl=300))
    assert not third["failed"] and not third["changed"]


def test_the_id_of_mta_sts_at_several_providers(running: Running) -> None:
    lab, servers, names = running
    domains = [{"name": names["cloudflare"][0], "id": "1"}] + [
        {"name": names[place][0], "id": "1", "dns_account": place} for place in servers
    ]
    given = {**options(running), "domains": domains}
    done = run(mta_sts_id.run, area1_mta_sts, given)
    assert not done["failed"] and [one["changed"] for one in done["results"]] == [True] * 4
    for place, server in servers.items():
        found = server.rrset(f"_mta-sts.{names[place][0]}", "TXT")
        assert found is not None and found[0].to_text() == '"v=STSv1; id=1;"'


def test_secrets_of_accounts_are_never_shown(running: Running, tmp_path: Path) -> None:
    """Neither on the terminal nor in an event, in either process, and not in an error."""
    _lab, servers, names = running
    good = options(running, records=NEW, ttl=600)
    good["domains"] = [{"name": names["bind"][0], "dns_account": "bind"}]
    wrong = {**good, "dns_accounts": [{"name": "bind", "settings": settings(servers["bind"])}]}
    wrong["dns_accounts"][0]["settings"]["key_name"] = "unknown"
    module = "mailflow.area1.area1_mx"
    tasks: list[dict[str, Any]] = [
        {"name": "here", module: good},
        {"name": "there", module: {**good, "ttl": 300}, "async": 60, "poll": 1},
        {"name": "wrong", module: wrong, "ignore_errors": True},
        {"name": "wrong there", module: wrong, "ignore_errors": True, "async": 60, "poll": 1},
    ]
    played = play(tmp_path, tasks, {})
    assert played.rc == 0 and played.changed == ["here", "there"], played.stdout
    assert "does not know the key" in str(played["wrong"])
    for server in servers.values():
        assert server.key.secret not in played.stdout
        for path in tmp_path.rglob("*"):
            if path.is_file() and "artifacts" in path.parts:
                assert server.key.secret not in path.read_text(errors="replace"), path

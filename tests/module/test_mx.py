# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""area1_mx, area1_mx_info and the TXT publisher against the lab:

Cloudflare's batch endpoint, name servers, resolvers, DoH.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._dns import info
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public import wire
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets import mx
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.txt import publish_txt
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.modules import area1_mx, area1_mx_info
from lab.client import Lab

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO, AUTO = "northwind.example", "northwind-group.example", "nw-labs.example"
EU = [
    {"priority": 5, "host": "mailstream-eu1.mxrecord.io"},
    {"priority": 10, "host": "mailstream-central.mxrecord.mx"},
    {"priority": 20, "host": "mailstream-east.mxrecord.io"},
    {"priority": 20, "host": "mailstream-west.mxrecord.io"},
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=600) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(
        wire, "QUERY_SECONDS", 0.5
    )  # a silent server on loopback is silent after that
    running.reset("fresh")
    running.faults([])
    return running


def options(lab: Lab, **more: Any) -> dict[str, Any]:
    known = lab.extra_vars
    return {
        "domains": known["area1_domains"],
        "dns_provider": known["area1_dns_provider"],
        "dns_api_token": known["area1_api_token"],
        "dns_api_url": known["area1_api_url"],
        "dns_resolvers": known["area1_dns_resolvers"],
        "dns_authoritative_port": known["area1_dns_authoritative_port"],
        "ca_path": known["area1_ca_path"],
        **more,
    }


def validated(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(module.SPEC).validate(given)
    assert not result.error_messages, result.error_messages
    return dict(result.validated_parameters)


def change(given: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
    failed, result = evaluate(
        mx.run, validated(area1_mx, given), Context(check_mode=check_mode, diff=True)
    )
    return {"failed": failed, **result}


def look(given: dict[str, Any]) -> dict[str, Any]:
    failed, result = evaluate(info.run, validated(area1_mx_info, given), Context())
    return {"failed": failed, **result}


def mx_records(state: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [
        record for record in state["cloudflare"]["zones"][name]["records"] if record["type"] == "MX"
    ]


def records(lab: Lab, name: str) -> list[dict[str, Any]]:
    return mx_records(lab.state(), name)


def held(lab: Lab, name: str) -> tuple[list[tuple[int, str]], set[int]]:
    found = records(lab, name)
    return sorted((record["priority"], record["content"]) for record in found), {
        record["ttl"] for record in found
    }


def await_edge(lab: Lab, *names: str) -> None:
    """The edge shows the single changes of a batch one after another; wait until it has shown all
    of these domains' sets.
    """
    end = time.monotonic() + 10
    while True:
        state = lab.state()
        shown = {
            moment["name"]: sorted(map(tuple, moment["mx"])) for moment in state["dns"]["history"]
        }
        held_now = {
            name: sorted(
                (record["priority"], record["content"]) for record in mx_records(state, name)
            )
            for name in names
        }
        if all(shown[name] == held_now[name] for name in names):
            return
        assert time.monotonic() < end, "the edge does not show what the provider holds"
        time.sleep(0.02)


def assert_never_empty(lab: Lab) -> None:
    moments = lab.state()["dns"]["history"]
    assert moments and all(moment["mx"] for moment in moments)


def test_check_apply_and_again(lab: Lab) -> None:
    given = options(lab, records=EU, ttl=300)
    start = lab.mark()
    predicted = change(given, check_mode=True)
    assert predicted["changed"] and lab.writes(start) == []
    start = lab.mark()
    done = change(given)
    assert not done["failed"], done["msg"]
    assert [result["changed"] for result in done["results"]] == [True] * 3 and done[
        "diff"
    ] == predicted["diff"]
    assert [result["after"] for result in predicted["results"]] == [
        result["after"] for result in done["results"]
    ]
    wanted = sorted((record["priority"], record["host"]) for record in EU)
    assert [held(lab, name) for name in (ONE, TWO, AUTO)] == [
        (wanted, {300}),
        (wanted, {300}),
        (wanted, {1}),
    ]
    writes = lab.writes(start)
    assert len(writes) == 3 and all(
        entry["method"] == "POST" and entry["path"].endswith("/dns_records/batch")
        for entry in writes
    )
    await_edge(lab, ONE, TWO, AUTO)
    assert_never_empty(lab)
    start = lab.mark()
    again = change(given)
    assert not again["changed"] and "diff" not in again and lab.writes(start) == []
    assert all(result["modified_on"] for result in again["results"])


def test_back_to_one_host_is_never_empty(lab: Lab) -> None:
    before = held(lab, ONE)
    change(options(lab, domains=[ONE], records=EU, ttl=300))
    done = change(
        options(
            lab,
            domains=[ONE],
            records=[{"priority": priority, "host": host} for priority, host in before[0]],
            ttl=3600,
        )
    )
    assert done["changed"] and held(lab, ONE) == before
    await_edge(lab, ONE)
    assert_never_empty(lab)


def test_lowering_the_ttl(lab: Lab) -> None:
    hosts = {name: held(lab, name)[0] for name in (ONE, TWO, AUTO)}
    done = change(options(lab, max_ttl=300))
    assert [result["changed"] for result in done["results"]] == [True, True, False]
    assert {name: held(lab, name)[0] for name in hosts} == hosts
    assert [held(lab, name)[1] for name in (ONE, TWO, AUTO)] == [{300}, {300}, {1}]
    assert (
        done["results"][2]["after"]["auto_ttl"] and not change(options(lab, max_ttl=300))["changed"]
    )
    assert done["results"][0]["modified_on"] > records(lab, ONE)[0]["created_on"]


def test_comment_and_tags_of_a_record_survive(lab: Lab) -> None:
    index = next(
        i
        for i, record in enumerate(lab.state()["cloudflare"]["zones"][ONE]["records"])
        if record["type"] == "MX"
    )
    path = ["cloudflare", "zones", ONE, "records", index]
    lab.mutate([*path, "comment"], value="ask Ada first")
    lab.mutate([*path, "tags"], value=["owner:mail"])
    change(options(lab, domains=[ONE], records=EU))
    kept = [record for record in records(lab, ONE) if record.get("comment") == "ask Ada first"]
    assert len(kept) == 1 and kept[0]["tags"] == ["owner:mail"]


@pytest.mark.parametrize("kind", ["drop_after_commit", "error_after_commit"])
def test_a_write_of_unknown_outcome_is_looked_after(lab: Lab, kind: str) -> None:
    lab.faults(
        [{"service": "cloudflare", "match": "/batch", "kind": kind, "times": 1, "status": 500}]
    )
    start = lab.mark()
    done = change(options(lab, domains=[ONE], records=EU))
    assert not done["failed"] and done["changed"], done
    assert len(lab.writes(start)) == 1 and len(records(lab, ONE)) == 4


def test_a_write_that_never_arrived_is_sent_again_after_a_look(lab: Lab) -> None:
    lab.faults([{"service": "cloudflare", "match": "/batch", "kind": "drop", "times": 1}])
    failed, result = evaluate(
        mx.run,
        validated(area1_mx, options(lab, domains=[ONE], records=EU)),
        Context(sleep=lambda seconds: None),
    )
    assert not failed and result["changed"] and len(records(lab, ONE)) == 4


def test_throttling_is_waited_for(lab: Lab) -> None:
    lab.faults([{"service": "cloudflare", "kind": "throttle", "seconds": 1, "times": 2}])
    assert change(options(lab, domains=[ONE], records=EU))["changed"]


def test_a_zone_out_of_sight_fails_alone(lab: Lab) -> None:
    lab.mutate(
        ["cloudflare", "tokens", lab.extra_vars["area1_api_token"], "zones"], value=[ONE, AUTO]
    )
    start = lab.mark()
    found = look(options(lab, provider=True))
    assert (
        found["failed"]
        and list(found["failed_domains"]) == [TWO]
        and "Zone.DNS:Edit" in found["error"]["hint"]
    )
    assert (
        set(found["providers"]) == {ONE, AUTO}
        and found["providers"][AUTO]["auto_ttl"]
        and found["providers"][ONE]["min_ttl"] == 60
    )
    assert lab.writes(start) == []
    done = change(options(lab, records=EU))
    assert done["failed"] and TWO in done["msg"] and done["error"]["kind"] == "input"
    assert [result["changed"] for result in done["results"]] == [True, False, True]


def test_a_token_that_may_only_read(lab: Lab) -> None:
    lab.mutate(
        ["cloudflare", "tokens", lab.extra_vars["area1_api_token"], "permissions"],
        value=["Zone Read", "DNS Read"],
    )
    done = change(options(lab, records=EU))
    assert (
        done["failed"]
        and done["error"]["kind"] == "permission"
        and "Zone.DNS:Edit" in done["error"]["hint"]
    )
    assert not any(result["changed"] for result in done["results"])


def test_a_wrong_token(lab: Lab) -> None:
    wrong = "wrong-token-0123456789-0123456789-012345"
    found = look(options(lab, provider=True, dns_api_token=wrong))
    assert found["failed"] and found["error"]["kind"] in ("sign_in", "permission")
    assert wrong not in json.dumps(found)


def test_the_token_from_the_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AREA1_API_TOKEN", lab.extra_vars["area1_api_token"])
    monkeypatch.setenv("AREA1_DNS_API_TOKEN", "")
    given = options(lab, domains=[ONE], provider=True)
    for token in (None, ""):
        assert not look({**given, "dns_api_token": token})["failed"]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"records": []}, "empty list"),
        ({"records": [EU[0], EU[0]]}, "more than once"),
        ({"records": EU, "domains": []}, "domains is empty"),
        ({"records": EU, "domains": [ONE, ONE.upper()]}, "more than once"),
        ({"records": EU, "domains": ["not a domain"]}, "not a full host name"),
        ({"records": EU, "domains": [{"name": ONE, "tll": 5}]}, "unknown key tll"),
        ({"records": EU, "domains": [{"name": ONE, "records": []}]}, "empty list"),
        ({"domains": [{"name": ONE, "ttl": 5, "max_ttl": 5}]}, "both ttl and max_ttl"),
        ({"domains": [{"name": ONE, "ttl": "soon"}]}, "not a whole number"),
        ({}, "none of records, ttl and max_ttl"),
        ({"records": EU, "dns_provider": "octodns"}, "dns_octodns_class is not given"),
        ({"records": EU, "dns_provider": "bind"}, "is not a dns_provider"),
        ({"records": EU, "dns_provider": ""}, "no dns_provider is given"),
        ({"records": EU, "dns_provider": "rfc2136"}, "dns_server is not given"),
        (
            {"records": EU, "dns_resolvers": ["resolver.example"], "dns_provider": "manual"},
            "not the address of a resolver",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(
    lab: Lab, wrong: dict[str, Any], text: str
) -> None:
    start = lab.mark()
    done = change(options(lab, **wrong))
    assert done["failed"] and text in done["msg"] and done["error"]["kind"] == "input"
    assert lab.log(start) == []


def test_domains_in_other_forms(lab: Lab) -> None:
    done = change(options(lab, domains=["%s.\n%s" % (ONE, TWO.upper())], max_ttl=300))
    assert [result["domain"] for result in done["results"]] == [ONE, TWO]
    maps = [{"name": ONE, "ttl": "600", "forward_to": "x.example", "canary": True}]
    assert change(options(lab, domains=maps, max_ttl=300))["results"][0]["after"]["ttl"] == 600


def test_the_world(lab: Lab) -> None:
    found = look(options(lab))
    assert not found["failed"] and "providers" not in found
    view = found["domains"][ONE]
    assert (
        view["zone"] == ONE
        and view["agree"]
        and view["complete"]
        and view["ttl_max"] == 3600
        and not view["error"]
    )
    assert view["records"] == [
        {"priority": 0, "host": "northwind-example.mail.protection.outlook.com"}
    ]
    assert [entry["status"] for entry in view["name_servers"]] == ["ok", "ok"]
    assert (
        len({entry["serial"] for entry in view["name_servers"]}) == 1
        and view["name_servers"][0]["serial"]
    )
    assert view["resolvers"][0]["status"] == "ok" and view["resolvers"][0]["ttl"] <= 3600
    assert found["domains"][AUTO]["ttl_max"] == 300


def test_resolvers_keep_the_old_set_for_its_ttl(lab: Lab) -> None:
    lab.dns(warm=True)
    change(options(lab, domains=[ONE], records=EU))
    await_edge(lab, ONE)
    view = look(options(lab, domains=[ONE]))["domains"][ONE]
    assert len(view["records"]) == 4 and len(view["resolvers"][0]["records"]) == 1
    lab.advance(hours=2)
    assert len(look(options(lab, domains=[ONE]))["domains"][ONE]["resolvers"][0]["records"]) == 4


def test_dns_over_https(lab: Lab) -> None:
    given = options(
        lab, domains=[ONE], dns_resolvers=[lab.urls["doh"], *lab.extra_vars["area1_dns_resolvers"]]
    )
    view = look(given)["domains"][ONE]
    assert [entry["status"] for entry in view["resolvers"]] == ["ok", "ok"] and view["complete"]
    assert (
        look({**given, "ca_path": "/etc/hostname"})["domains"][ONE]["resolvers"][0]["status"]
        == "timeout"
    )


@pytest.mark.parametrize(
    ("mode", "status"), [("down", "timeout"), ("servfail", "servfail"), ("lame", "lame")]
)
def test_a_failing_server_is_never_no_records(lab: Lab, mode: str, status: str) -> None:
    lab.mutate(["dns", "servers", "bob.ns.cloudflare.example", "mode"], value=mode)
    view = look(options(lab, domains=[ONE]))["domains"][ONE]
    by_name = {entry["name"]: entry for entry in view["name_servers"]}
    assert by_name["bob.ns.cloudflare.example"]["status"] == status
    assert by_name["bob.ns.cloudflare.example"]["records"] is None
    assert view["agree"] and not view["complete"] and len(view["records"]) == 1
    by_hand = change(options(lab, domains=[ONE], records=EU, dns_provider="manual"))
    assert by_hand["failed"] and by_hand["error"]["kind"] == "read"


def test_servers_that_contradict_each_other(lab: Lab) -> None:
    lab.mutate(
        ["dns", "servers", "bob.ns.cloudflare.example"],
        value={"address": "127.0.0.2", "mode": "lag", "lag_seconds": 3600},
    )
    change(options(lab, domains=[ONE], records=EU))
    await_edge(lab, ONE)
    view = look(options(lab, domains=[ONE]))["domains"][ONE]
    assert view["complete"] and not view["agree"] and len(view["records"]) == 5
    lab.advance(hours=2)
    assert look(options(lab, domains=[ONE]))["domains"][ONE]["agree"]


def test_no_resolver_answers(lab: Lab) -> None:
    view = look(options(lab, domains=[ONE], dns_resolvers=["127.0.0.1:9"]))["domains"][ONE]
    assert view["error"] and view["records"] is None and not view["agree"] and not view["complete"]
    assert view["resolvers"][0]["status"] == "timeout" and view["resolvers"][0]["records"] is None


def test_the_ownership_text(lab: Lab) -> None:
    params = validated(area1_mx, options(lab))
    name = "_cf-email-sec-challenge." + ONE
    assert publish_txt(params, Context(check_mode=True), name, "proof=1").changed
    first = publish_txt(params, Context(), name, "proof=1")
    assert first.changed and first.present
    assert publish_txt(params, Context(), name, "proof=2").after == ("proof=1", "proof=2")
    start = lab.mark()
    assert not publish_txt(params, Context(), name, "proof=1").changed and lab.writes(start) == []


def test_what_is_handed_on(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "run" / "observation.json"
    given = options(lab, records=EU, ttl=300, observation_path=str(path))
    look({**options(lab, provider=True), "observation_path": str(path)})
    start = lab.mark()
    change(given, check_mode=True)
    assert (
        lab.requests("cloudflare", start) == []
    )  # the reading of area1_mx_info is enough for a prediction
    assert not change(given, check_mode=True)["changed"]
    look({**options(lab, provider=True), "observation_path": str(path)})
    assert change(given)["changed"]
    start = lab.mark()
    assert not change(given)["changed"] and lab.requests("cloudflare", start) == []
    stored = json.loads(path.read_text())
    assert (
        set(stored["sections"]["dns_provider"]["value"])
        == {ONE, TWO, AUTO}
        == set(stored["sections"]["dns"]["value"])
    )
    statuses = [entry["status"] for entry in stored["journal"]]
    assert statuses == ["would change"] * 3 + ["changed"] * 3
    assert lab.extra_vars["area1_api_token"] not in path.read_text()


def test_a_hundred_domains(lab: Lab, tmp_path: Path) -> None:
    lab.reset("many")
    given = options(lab, records=EU, ttl=300)
    assert len(given["domains"]) == 100
    start = lab.mark()
    done = change(given)
    assert (
        not done["failed"]
        and len(done["results"]) == 100
        and all(result["changed"] for result in done["results"])
    )
    writes = [entry["path"] for entry in lab.writes(start)]
    assert len(writes) == len(set(writes)) == 100
    await_edge(lab, *given["domains"])
    assert_never_empty(lab)
    lab.reset("many")
    found = look(
        {
            **options(lab, provider=True),
            "observation_path": str(tmp_path / "run" / "observation.json"),
        }
    )
    start = lab.mark()
    assert change({**given, "observation_path": str(tmp_path / "run" / "observation.json")})[
        "changed"
    ]
    zone_lookups = [
        entry for entry in lab.requests("cloudflare", start) if entry["path"].endswith("/zones")
    ]
    assert not found["failed"] and len(zone_lookups) <= 4  # listed, not looked up one by one
    await_edge(lab, *given["domains"])
    views = look(options(lab))["domains"]
    assert all(
        view["agree"] and view["complete"] and len(view["records"]) == 4 for view in views.values()
    )


@pytest.mark.parametrize("module", [area1_mx, area1_mx_info])
def test_the_examples_run(lab: Lab, module: Any, tmp_path: Path) -> None:
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "connection": "local",
            "tasks": yaml.safe_load(module.EXAMPLES),
        }
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    (tmp_path / "vars.json").write_text(
        json.dumps({**lab.extra_vars, "ansible_python_interpreter": sys.executable})
    )
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        "localhost,",
        "-e",
        "@vars.json",
        "-vvv",
        "--diff",
        "play.yml",
    ]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible_root")}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert not [secret for secret in lab.secrets if secret in done.stdout + done.stderr]

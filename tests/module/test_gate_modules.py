# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mail_flow_gate, mail_flow_snapshot and mail_flow_report on the controller, and as module
processes where a task is delegated.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.client import Lab
from tests.module.plays import Played, area1_defaults, dns_defaults, exchange_defaults, play

HERE = "{{ run_directory }}/observation.json"
SETTINGS: dict[str, Any] = {
    "domains": "{{ area1_domains }}",
    "location": "eu",
    "lockdown_soak_hours": "0",
    "lockdown": "yes",
}


def gate(name: str, phase: str, **more: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"observation_path": HERE, "phase": phase}
    options.update(
        {key: more.pop(key) for key in ("settings", "unused", "fail_on_cannot") if key in more}
    )
    return {"name": name, "mailflow.area1.mail_flow_gate": options, **more}


def snapshot(
    name: str,
    *,
    directory: str = "{{ state_directory }}",
    more: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    return {
        "name": name,
        "mailflow.area1.mail_flow_snapshot": {
            "observation_path": HERE,
            "directory": directory,
            "durable": True,
            **options,
        },
        **(more or {}),
    }


READ: list[dict[str, Any]] = [
    {"name": "tenant", "mailflow.area1.o365_mail_flow_info": {"observation_path": HERE}},
    {"name": "email security", "mailflow.area1.area1_domain_info": {"observation_path": HERE}},
    {
        "name": "records",
        "mailflow.area1.area1_mx_info": {
            "domains": "{{ area1_domains }}",
            "provider": True,
            "observation_path": HERE,
        },
    },
]

FAILING: dict[str, Any] = {"ignore_errors": True}
ELSEWHERE: dict[str, Any] = {"delegate_to": "localhost"}

STORY: list[dict[str, Any]] = [
    gate("too early", "switch", **FAILING),
    *READ,
    gate("no settings", "switch", **FAILING),
    gate("guarded", "settings", settings=SETTINGS, unused=["area1_expected_plan"], **FAILING),
    gate("misspelt", "settings", settings={**SETTINGS, "locaton": "eu"}, **FAILING),
    gate("mars", "settings", settings={**SETTINGS, "location": "mars"}, **FAILING),
    gate("settings", "settings", settings=SETTINGS, unused=["area1_probe_host"]),
    snapshot("in a collection", directory="/srv/ansible_collections/x", more=FAILING),
    snapshot("baseline"),
    snapshot("baseline again, elsewhere", more=ELSEWHERE),
    gate("preflight", "preflight", fail_on_cannot=True),
    gate("connector", "enhanced_filtering"),
    gate("connector, elsewhere", "enhanced_filtering", **ELSEWHERE),
    gate("hosts", "area1_domains"),
    gate("lower", "lower_ttl"),
    gate("switch", "switch"),
    snapshot("event", state="event", event="ttl_lowered", domains=["{{ area1_domains | first }}"]),
    gate("lock-down", "lockdown"),
    gate("verify", "verify"),
    gate(
        "typo",
        "settings",
        settings={**SETTINGS, "domains": ["{{ area1_domains | first }}", "typo.example"]},
    ),
    gate("cannot", "tenant", fail_on_cannot=True, **FAILING),
    {
        "name": "report",
        "mailflow.area1.mail_flow_report": {
            "observation_path": HERE,
            "directory": "{{ run_directory }}/reports",
        },
    },
]
FAILED = ["too early", "no settings", "guarded", "misspelt", "mars", "in a collection", "cannot"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


def run(lab: Lab, directory: Path, tasks: list[dict[str, Any]], check: bool = False) -> Played:
    defaults = {
        "exchange": exchange_defaults(lab, signed_in=True),
        "area1": area1_defaults(lab),
        "dns": dns_defaults(lab),
    }
    variables = {
        **lab.extra_vars,
        "run_directory": str(directory / "run"),
        "state_directory": str(directory / "state"),
    }
    return play(directory, tasks, defaults, variables, check)


def test_the_story_of_a_first_look(running: Lab, tmp_path: Path) -> None:
    lab = running
    lab.reset("fresh")
    names = lab.extra_vars["area1_domains"]
    since = lab.mark()
    found = run(lab, tmp_path, STORY)
    assert found.rc == 0, found.stdout
    assert found.failed == FAILED and found.changed == [], found.stdout
    assert lab.writes(since) == []

    # without the preflight no gate is open, and what cannot be right is refused with what to do
    assert (
        "mailflow.area1.preflight" in found["too early"]["msg"]
        and "holds no settings" in found["no settings"]["msg"]
    )
    assert "area1_expected_plan has no effect" in found["guarded"]["msg"]
    assert "locaton" in found["misspelt"]["msg"] and "eu" in found["mars"]["msg"]
    assert "inside a collection" in found["in a collection"]["msg"]
    assert "typo.example" in found["cannot"]["msg"] and found["cannot"]["results"]

    # the same answers on the controller and in a module process
    assert found["settings"]["allowed"] == {"domains": names}
    assert (
        found["connector"]["open"] is True and len(found["connector"]["allowed"]["entries"]) == 42
    )
    for key in ("open", "status", "results", "allowed"):
        assert found["connector"][key] == found["connector, elsewhere"][key]
    hosts = {item["name"]: item["forward_to"] for item in found["hosts"]["allowed"]["domains"]}
    graph = found["tenant"]["mail_flow"]["forwarding_hosts"]
    assert hosts == {name: graph[name]["hosts"][0] for name in names}
    assert [item["name"] for item in found["lower"]["allowed"]["domains"]] == names

    # nothing is in place yet: no domain may move, and nothing may be locked
    assert found["switch"]["open"] is False and found["switch"]["allowed"]["domains"] == []
    closed = {
        (item["gate"], item.get("object"))
        for item in found["switch"]["results"]
        if item["status"] == "not_yet"
    }
    assert ("settled", "Area 1 Inbound Connector") in closed and {
        ("area1_domain", name) for name in names
    } <= closed
    assert found["lock-down"]["allowed"]["action"] == "none" and not found["lock-down"]["open"]
    assert found["verify"]["allowed"]["done"] is False and not any(
        state["switched"] for state in found["verify"]["allowed"]["domains"].values()
    )

    check_files(found, tmp_path, names)
    check_report(found, names)
    assert [secret for secret in lab.secrets if secret in found.stdout] == []


def check_files(found: Played, directory: Path, names: list[str]) -> None:
    baseline = directory / "state" / "baseline.json"
    assert (
        found["baseline"]["status"] == "taken"
        and found["baseline again, elsewhere"]["status"] == "found"
    )
    assert (
        found["baseline"]["digest"]
        == found["baseline again, elsewhere"]["digest"]
        == json.loads(baseline.read_text())["digest"]
    )
    assert (
        stat.S_IMODE(baseline.stat().st_mode) == 0o600
        and stat.S_IMODE(baseline.parent.stat().st_mode) == 0o700
    )
    assert [
        item["domain"] for item in json.loads((directory / "state" / "timeline.json").read_text())
    ] == names[:1]


def check_report(found: Played, names: list[str]) -> None:
    """On the terminal as lines, not as JSON; in the file with all of it."""
    lines = found["report"]["lines"]
    assert all(line in found.stdout for line in lines if line)
    report = json.loads(Path(found["report"]["path"]).read_text())
    assert report["done"] is False and report["changed"] == []
    assert any("typo.example" in failure for failure in report["failures"])
    due = {(item["gate"], item["object"]) for item in report["due"]}
    assert ("settled", "Area 1 Inbound Connector") in due and {
        ("area1_domain", name) for name in names
    } <= due
    unused = [item for item in report["journal"] if item.get("object") == "area1_probe_host"]
    assert unused and unused[0]["status"] == "not checked"


def test_check_mode_leaves_no_file_and_answers_the_same(running: Lab, tmp_path: Path) -> None:
    lab = running
    lab.reset("fresh")
    tasks = [
        *READ,
        *(
            task
            for task in STORY
            if task["name"] in ("settings", "baseline", "preflight", "connector", "event", "report")
        ),
    ]
    since = lab.mark()
    found = run(lab, tmp_path, tasks, check=True)
    assert found.rc == 0 and found.changed == [], found.stdout
    assert lab.writes(since) == []
    assert (
        found["baseline"]["status"] == "taken"
        and found["preflight"]["open"]
        and found["connector"]["open"]
    )
    assert not (tmp_path / "state").exists() and not (tmp_path / "run" / "reports").exists()
    assert found["report"]["path"] == "" and "check mode" in found["report"]["lines"][0]


def test_the_service_s_clock_counts(running: Lab, tmp_path: Path) -> None:
    """The runner's clock does not move; the lab's does. What settles is settled by the lab's."""
    lab = running
    lab.reset("fresh")
    connector = {
        "name": "Area 1 Inbound Connector",
        "sender_ip_addresses": {"set": "{{ published }}"},
        "require_tls": True,
    }
    made = {"name": "made", "mailflow.area1.o365_connector": connector}
    filtering = {
        "name": "ef",
        "mailflow.area1.o365_enhanced_filtering": {
            "connector": "Area 1 Inbound Connector",
            "skip_last_ip": True,
        },
    }
    listed = {
        "name": "listed",
        "mailflow.area1.o365_connection_filter": {"ip_allow_list": {"add": "{{ published }}"}},
    }
    keep = gate("settings", "settings", settings=SETTINGS)
    published = {
        "name": "published",
        "ansible.builtin.set_fact": {"published": "{{ answer.allowed.entries }}"},
    }
    ask = {**gate("ask", "connection_filter"), "register": "answer"}
    first = run(
        lab,
        tmp_path,
        [*READ, keep, ask, published, made, filtering, listed, READ[0], gate("switch", "switch")],
    )
    assert first.rc == 0, first.stdout
    waits = {
        item["object"]: item["until"]
        for item in first["switch"]["results"]
        if item["gate"] == "settled"
    }
    assert set(waits) == {"connector Area 1 Inbound Connector", "connection filter"} and all(
        waits.values()
    )
    lab.advance(minutes=59)
    early = run(lab, tmp_path, [READ[0], gate("switch", "switch")])
    assert any(item["gate"] == "settled" for item in early["switch"]["results"])
    lab.advance(minutes=2)
    late = run(lab, tmp_path, [READ[0], gate("switch", "switch")])
    assert late.rc == 0 and not any(
        item["gate"] == "settled" for item in late["switch"]["results"]
    ), late.stdout

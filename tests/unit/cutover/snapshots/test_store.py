# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The baseline: taken once, never overwritten, private, and never where it would be lost."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.evidence import (
    mta_sts_history as sts_past,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots import (
    baseline as baselines,
    directory as state,
    store as snapshot,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from tests.unit.cutover.worlds import (
    CONNECTOR,
    INITIAL,
    LOCKDOWN,
    NOW,
    ONE,
    TENANT,
    TWO,
    ago,
    connector,
    sections,
    stamped,
    sts,
    wanted,
    world,
)

UNTOUCHED: dict[str, Any] = {
    "inbound_connectors": [],
    "connection_filter": [{"Name": "Default", "IPAllowList": ["192.0.2.1"]}],
}


@pytest.fixture(autouse=True)
def durable_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in baselines.THROW_AWAY:
        monkeypatch.delenv(variable, raising=False)


class Run:
    """One run's observation, and the module's function on it."""

    def __init__(self, tmp_path: Path, moved: bool = False, **changed: Any) -> None:
        self.directory = tmp_path / "state"
        self.path = str(tmp_path / "run" / "o.json")
        observation = Observation(self.path)
        found = {**sections(wanted(), moved), **changed}
        for name in ("baseline", "baseline_state", "timeline"):
            found.pop(name)
        for name, value in {**found, "settings": wanted().to_data()}.items():
            observation.put(name, value)
        observation.save()

    def take(self, check: bool = False, **params: Any) -> dict[str, Any]:
        given = {
            "observation_path": self.path,
            "state": "baseline",
            "directory": str(self.directory),
            **params,
        }
        result = snapshot.run_snapshot(given, Context(check_mode=check))
        assert result.changed is False, "keeping the baseline never counts as a change"
        return result.values

    def left(self, section: str) -> Any:
        return Observation(self.path).any_age(section)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_run_on_an_untouched_tenant_takes_it(tmp_path: Path) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    values = run.take()
    path = Path(values["path"])
    assert values["status"] == "taken" and values["traces"] == []
    assert mode(path) == 0o600 and mode(path.parent) == 0o700
    kept = json.loads(path.read_text())
    assert kept == values["baseline"] == run.left("baseline")
    assert kept["digest"] == values["digest"] == baselines.body_digest(kept)
    assert (
        kept["sections"]["connection_filter"] == UNTOUCHED["connection_filter"]
        and ONE in kept["sections"]["dns"]
    )
    assert "settings" not in kept["sections"] and "permissions" not in kept["sections"]
    assert "20:00" in kept["taken"], "the time is the service's"


def test_it_is_never_overwritten(tmp_path: Path) -> None:
    first = Run(tmp_path, **UNTOUCHED).take()
    before, inode = Path(first["path"]).read_bytes(), Path(first["path"]).stat().st_ino
    later = Run(tmp_path, moved=True)
    values = later.take(acknowledge=["baseline"])
    assert values["status"] == "found" and values["digest"] == first["digest"]
    assert Path(first["path"]).read_bytes() == before and Path(first["path"]).stat().st_ino == inode
    assert later.left("baseline")["sections"]["inbound_connectors"] == []


def test_check_mode_writes_no_file_and_plans_as_if(tmp_path: Path) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    assert run.take(check=True)["status"] == "taken" and not run.directory.exists()
    assert run.left("baseline")["kind"] == "mailflow.area1 baseline"


def test_traces_without_a_baseline_stop_until_a_person_decides(tmp_path: Path) -> None:
    run = Run(tmp_path, moved=True)
    values = run.take()
    assert values["status"] == "lost" and values["baseline"] is None and not run.directory.exists()
    assert (
        "connector %s" % CONNECTOR in values["traces"]
        and "MX records of %s" % TWO in values["traces"]
    )
    assert run.left("baseline_state")["status"] == "lost"
    assert run.take(acknowledge=["baseline"])["status"] == "taken"


def test_what_counts_as_a_trace() -> None:
    chosen = wanted()

    def found(**changed: Any) -> list[str]:
        return baselines.traces(world(chosen, **{**UNTOUCHED, **changed}))

    assert found() == []
    assert found(inbound_connectors=[connector([], Name=CONNECTOR.upper())]) == [
        "connector %s" % CONNECTOR
    ]
    renamed = stamped(chosen, NOW, NOW, Name="Renamed by an admin")
    assert found(inbound_connectors=[renamed]) == ["stamp on connector Renamed by an admin"]
    assert found(inbound_connectors=[stamped(chosen, NOW, NOW)]) == [
        "connector %s" % LOCKDOWN,
        "stamp on connector %s" % LOCKDOWN,
    ]
    whole = [{"Name": "Default", "IPAllowList": [*chosen.egress, "192.0.2.1"]}]
    assert found(connection_filter=whole) == ["all egress networks in the IP allow list"]
    part = [{"Name": "Default", "IPAllowList": chosen.egress[1:]}]
    assert found(connection_filter=part) == []
    assert baselines.traces(World({**sections(chosen, moved=True), **UNTOUCHED}, chosen)) == [
        "MX records of %s" % name for name in (ONE, TWO)
    ]


@pytest.mark.parametrize(("variable", "label"), sorted(baselines.THROW_AWAY.items()))
def test_a_runner_that_is_thrown_away_keeps_no_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, label: str
) -> None:
    monkeypatch.setenv(variable, "1")
    run = Run(tmp_path, **UNTOUCHED)
    assert run.take()["status"] == "throw_away" and not run.directory.exists()
    assert run.left("baseline_state")["runner"] == label
    assert run.take(check=True, durable=True)["status"] == "taken"
    assert run.take(check=True, acknowledge=["durable_snapshots"])["status"] == "taken"
    given = run.take(check=True, durable=True)["baseline"]
    assert run.take(baseline=given)["status"] == "given"


def test_a_baseline_that_is_given_is_used_and_kept(tmp_path: Path) -> None:
    baseline = Run(tmp_path, **UNTOUCHED).take(check=True)["baseline"]
    for number, given in enumerate((baseline, json.dumps(baseline))):
        run = Run(tmp_path / str(number), moved=True)
        values = run.take(baseline=given)
        assert values["status"] == "given" and values["digest"] == baseline["digest"]
        assert json.loads(Path(values["path"]).read_text()) == baseline == run.left("baseline")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda body: "{", "not JSON"),
        (lambda body: [], "not a baseline"),
        (lambda body: {**body, "kind": "other"}, "not a baseline"),
        (lambda body: {**body, "sections": None}, "not a baseline"),
        (lambda body: {**body, "taken": "2001-01-01T00:00:00Z"}, "does not match its digest"),
        (lambda body: {**body, "sections": {}}, "does not match its digest"),
        (
            lambda body: {key: value for key, value in body.items() if key != "digest"},
            "does not match its digest",
        ),
    ],
)
def test_a_baseline_that_was_changed_or_cut_is_refused(
    tmp_path: Path, harm: Any, words: str
) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    values = run.take()
    given = harm(values["baseline"])
    with pytest.raises(InputError, match=words) as caught:
        baselines.check_baseline(given, "area1_baseline")
    assert "area1_baseline" in str(caught.value) and caught.value.hint
    Path(values["path"]).write_text(given if isinstance(given, str) else json.dumps(given))
    with pytest.raises(InputError, match=words):
        run.take()


def test_a_baseline_of_another_tenant_is_refused(tmp_path: Path) -> None:
    other = {
        "id": "99999999-2222-3333-4444-555555555555",
        "initial_domain": "other.onmicrosoft.com",
    }
    baseline = Run(tmp_path / "other", tenant=other, **UNTOUCHED).take(check=True)["baseline"]
    for number, check in enumerate((True, False)):
        run = Run(tmp_path / str(number), **UNTOUCHED)
        with pytest.raises(InputError, match="another tenant .other.onmicrosoft.com.") as caught:
            run.take(check=check, baseline=baseline)
        assert "area1_snapshot_dir" in str(caught.value.hint)
        assert not run.directory.exists() and run.left("baseline") is None, (
            "and nothing of it is kept"
        )
    stored = Run(tmp_path / "stored", tenant=other, **UNTOUCHED).take()
    before = Path(stored["path"]).read_bytes()
    with pytest.raises(InputError, match="another tenant"):
        Run(tmp_path / "stored", **UNTOUCHED).take()
    assert Path(stored["path"]).read_bytes() == before


def test_the_same_tenant_in_other_letters_is_the_same(tmp_path: Path) -> None:
    Run(tmp_path, tenant={"id": TENANT.upper(), "initial_domain": INITIAL}, **UNTOUCHED).take()
    assert Run(tmp_path, **UNTOUCHED).take()["status"] == "found"


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert state.state_directory(None, INITIAL) == str(
        tmp_path / "home" / ".local" / "state" / "mailflow.area1" / INITIAL
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state.state_directory(None, INITIAL) == str(
        tmp_path / "xdg" / "mailflow.area1" / INITIAL
    )
    assert state.state_directory("kept/here", INITIAL) == str(tmp_path / "kept" / "here")
    assert state.state_directory("~/kept", INITIAL) == str(tmp_path / "home" / "kept")


@pytest.mark.parametrize(
    "given", ["/x/ansible_collections/mailflow/area1/state", "ansible_collections/a"]
)
def test_a_place_that_a_reinstall_deletes_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="inside a collection"):
        state.state_directory(given, INITIAL)


@pytest.mark.parametrize("name", ["", "../../etc", ".hidden"])
def test_a_tenant_that_is_no_directory_name_is_refused(tmp_path: Path, name: str) -> None:
    run = Run(tmp_path, tenant={"initial_domain": name}, **UNTOUCHED)
    with pytest.raises(InputError, match="tenant is not known"):
        run.take(directory=None)


@pytest.mark.parametrize("bits", [0o770, 0o707])
def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path, bits: int) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    run.directory.mkdir()
    os.chmod(run.directory, bits)
    with pytest.raises(InputError, match="written by others"):
        run.take()
    assert list(run.directory.iterdir()) == []


def test_events_are_kept_in_order_with_the_service_s_time(tmp_path: Path) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    event: dict[str, Any] = {"state": "event", "event": "ttl_lowered"}
    assert (
        run.take(check=True, domains=[ONE], **event)["status"] == "recorded"
        and not run.directory.exists()
    )
    run.take(domains=[ONE], **event)
    run.take(domains=[TWO], **event)
    kept = json.loads((run.directory / "timeline.json").read_text())
    assert [item["domain"] for item in kept] == [ONE, TWO] and all(
        item["at"].startswith("2026-11-23T20:00") for item in kept
    )
    assert mode(run.directory / "timeline.json") == 0o600
    assert [item["ttl"] for item in kept] == [300, 300], "as it was read last"
    assert run.left("timeline") == kept
    assert Run(tmp_path, **UNTOUCHED).take()["status"] == "taken"


def test_an_mta_sts_policy_is_kept_as_it_was_seen(tmp_path: Path) -> None:
    told = sts(
        records=["v=STSv1; id=1;"],
        ttl=3600,
        policy="version: STSv1\r\nmode: none\r\nmax_age: 60\r\n",
        modified_on=ago(days=1),
    )
    run = Run(tmp_path, **{**UNTOUCHED, "mta_sts": {ONE: told}})
    run.take(state="event", event="mta_sts_seen", domains=[ONE])
    (kept,) = json.loads((run.directory / "timeline.json").read_text())
    assert {key: kept[key] for key in ("domain", "event", "records", "ttl", "policy")} == {
        "domain": ONE,
        "event": "mta_sts_seen",
        "records": told["records"],
        "ttl": 3600,
        "policy": told["policy"],
    }
    assert kept["at"].startswith("2026-11-23T20:00")
    found = World({**Observation(run.path).sections(), "service_date": ago(hours=-1)}, wanted())
    assert sts_past.is_news(found, ONE) is False, "the next run knows it"


def test_what_a_run_switched_is_counted_over_all_its_looks(tmp_path: Path) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    for names, event in (
        ([ONE], "switched"),
        ([TWO], "ttl_lowered"),
        ([ONE, "third.example"], "switched"),
    ):
        run.take(domains=names, state="event", event=event)
    assert run.left("switched_here") == [ONE, "third.example"]


def test_a_broken_time_line_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    run.directory.mkdir(mode=0o700)
    (run.directory / "timeline.json").write_text("[")
    with pytest.raises(InputError, match="timeline.json cannot be read"):
        run.take()


BROKEN = "Gateway \ud83d"


def test_a_lone_surrogate_in_a_name_does_not_prevent_the_baseline(tmp_path: Path) -> None:
    gateway = {**connector(["192.0.2.7"]), "Name": BROKEN, "Identity": BROKEN, "Comment": BROKEN}
    run = Run(tmp_path, **{**UNTOUCHED, "inbound_connectors": [gateway]})
    assert run.take()["status"] == "taken"
    again = Run(tmp_path, **{**UNTOUCHED, "inbound_connectors": [gateway]})
    values = again.take()
    assert values["status"] == "found"
    assert values["baseline"]["sections"]["inbound_connectors"][0]["Name"] == BROKEN
    assert again.take(state="compare")["differences"] == []


def test_the_baseline_is_on_the_disk_before_it_is_relied_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    really = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.readlink("/proc/self/fd/%d" % handle))
        really(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    run = Run(tmp_path, **UNTOUCHED)
    run.take()
    directory = str(run.directory)
    assert directory in synced and str(tmp_path) in synced, "names"
    assert sum(path.startswith(directory + "/.new-") for path in synced) == 2, "baseline, snapshot"


@pytest.mark.parametrize("name", ["baseline.json", "timeline.json"])
def test_state_files_of_another_user_are_refused(tmp_path: Path, name: str) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    run.take()
    run.take(state="event", event="ttl_lowered", domains=[ONE])
    os.chown(run.directory / name, 12345, -1)
    with pytest.raises(InputError, match="belongs to another user"):
        run.take()


def test_a_state_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    run.directory.mkdir(mode=0o755)
    os.chown(run.directory, 12345, -1)
    with pytest.raises(InputError, match="belongs to another user"):
        run.take()
    assert list(run.directory.iterdir()) == []


@pytest.mark.parametrize("text", ["null", '{"a": 1}', "[1]", '[{"domain": 1}]', "[" * 100_000])
def test_a_time_line_of_another_form_is_named(tmp_path: Path, text: str) -> None:
    run = Run(tmp_path, **UNTOUCHED)
    run.directory.mkdir(mode=0o700)
    (run.directory / "timeline.json").write_text(text)
    with pytest.raises(InputError, match="timeline.json cannot be read"):
        run.take()


@pytest.mark.parametrize(
    "name", ["../../../../trav/x.onmicrosoft.com", "a/b", "..", "a\\b", "ä.example", "a\x00b"]
)
def test_a_name_from_the_service_leads_to_no_other_directory(name: str) -> None:
    with pytest.raises(InputError, match="tenant is not known"):
        state.state_directory(None, name)

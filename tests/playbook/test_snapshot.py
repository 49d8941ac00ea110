# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The baseline: where it lies, that it outlives the collection, and what happens when it is gone,
edited or cannot be kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.playbook.by_hand import low_ttl
from tests.playbook.harness import ROOT, Deployment, Outcome

ENTRY = "52.11.209.211"
# What a collection consists of for ansible-core.
SHIPPED = ("galaxy.yml", "meta", "playbooks", "plugins", "roles")
# Preflight, one section that writes, summary: enough to see whether a run goes on.
ALLOW_LIST = ("--tags", "allow_list")
# Where these tests run themselves, the product's look at its runner would find a job.
RUNNERS = ("AWX_HOST", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible-runner hands this process's environment on: no variable of the machine decides
    here.
    """
    for name in ("XDG_STATE_HOME", *RUNNERS):
        monkeypatch.delenv(name, raising=False)


def at_home(deployment: Deployment) -> Path:
    """A user of whom nothing is known but the home directory; the state directory that follows from
    it.
    """
    home = deployment.directory / "home"
    home.mkdir()
    deployment.environment = {"HOME": str(home)}
    return home / ".local" / "state" / "mailflow.area1" / "northwind.onmicrosoft.com"


def install(deployment: Deployment) -> Path:
    """The collection as ansible-galaxy lays it down, replaced where it was there before
    (--force).
    """
    root = deployment.directory / "collections" / "ansible_collections" / "mailflow" / "area1"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    return root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def digest(baseline: Mapping[str, Any]) -> str:
    """As documented: SHA-256 over the baseline without its digest, keys sorted."""
    body = {key: value for key, value in baseline.items() if key != "digest"}
    return hashlib.sha256(
        json.dumps(body, sort_keys=True, ensure_ascii=False).encode("utf-8")
    ).hexdigest()


def forget_entry(deployment: Deployment) -> None:
    """Something that a run wants to write: one egress network is missing."""
    entries = [
        entry for entry in deployment.tenant()["connection_filter"]["IPAllowList"] if entry != ENTRY
    ]
    deployment.lab.mutate(["tenant", "connection_filter", "IPAllowList"], value=entries)


def assert_stops(deployment: Deployment, *texts: str, **options: Any) -> Outcome:
    """It fails before anything is written although there is something to write, and says what to
    do.
    """
    since = deployment.lab.mark()
    outcome = deployment.run(*ALLOW_LIST, **options)
    assert outcome.rc != 0, outcome.stdout
    assert deployment.lab.writes(since) == []
    message = "\n".join(outcome.report["failures"])
    for text in texts:
        assert text in message, message
    return outcome


def assert_goes_on(deployment: Deployment, **options: Any) -> Outcome:
    outcome = deployment.run(*ALLOW_LIST, **options)
    assert outcome.rc == 0, outcome.stdout
    assert ENTRY in deployment.tenant()["connection_filter"]["IPAllowList"], (
        "it wrote what was missing"
    )
    return outcome


def test_the_baseline_outlives_a_forced_reinstall_and_is_never_overwritten(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    directory = at_home(deployment)
    collection = install(deployment)
    deployment.environment["ANSIBLE_COLLECTIONS_PATH"] = str(deployment.directory / "collections")
    deployment.playbook = Path("mailflow.area1.deploy_area1")
    deployment.variables["area1_settle_minutes"] = 0
    untouched = deployment.tenant()

    first = deployment.run()
    assert first.rc == 0, first.stdout
    assert (collection / "playbooks" / "deploy_area1.yml").exists()
    path = directory / "baseline.json"
    text = path.read_text(encoding="utf-8")
    baseline = json.loads(text)
    assert mode(path) == 0o600 and mode(directory) == 0o700
    assert baseline["digest"] == digest(baseline)
    assert (
        baseline["sections"]["connection_filter"][0]["IPAllowList"]
        == untouched["connection_filter"]["IPAllowList"]
        == []
    )
    assert baseline["sections"]["inbound_connectors"] == []
    assert not [name for name in directory.parts if name == "ansible_collections"]

    before = path.stat()
    install(deployment)
    forget_entry(deployment)
    second = assert_goes_on(deployment)
    after = path.stat()
    assert path.read_text(encoding="utf-8") == text
    assert (after.st_ino, after.st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    ), "not even written again"
    assert second.report["baseline"] == "baseline of %s" % baseline["taken"]


def test_traces_without_a_baseline_stop_the_run_until_a_person_decides(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    directory = at_home(deployment)
    path = directory / "baseline.json"
    taken = deployment.run("--tags", "allow_list,enhanced_filtering")
    assert taken.rc == 0, taken.stdout
    original = path.read_text(encoding="utf-8")

    path.unlink()
    forget_entry(deployment)
    assert_stops(
        deployment,
        "connector Area 1 Inbound Connector",
        str(directory),
        "area1_snapshot_dir",
        "area1_baseline",
        "area1_acknowledge",
    )
    assert not path.exists(), "the state of today was not taken for the one before us"

    # As an earlier job returned it.
    (result,) = taken.results("Find or take the baseline")
    given = assert_goes_on(deployment, variables={"area1_baseline": result["baseline"]})
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(original)
    assert "as given in area1_baseline" in given.report["baseline"]

    path.unlink()
    forget_entry(deployment)
    acknowledged = assert_goes_on(deployment, variables={"area1_acknowledge": ["baseline"]})
    assert "baseline taken" in acknowledged.report["baseline"]
    anew = json.loads(path.read_text(encoding="utf-8"))
    assert [item["Name"] for item in anew["sections"]["inbound_connectors"]] == [
        "Area 1 Inbound Connector"
    ]
    assert anew["digest"] == digest(anew) != json.loads(original)["digest"]


def test_a_baseline_that_cannot_be_trusted_or_kept_stops_the_run(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    directory = at_home(deployment)
    path = directory / "baseline.json"

    inside = deployment.directory / "ansible_collections" / "mailflow" / "area1" / "state"
    assert_stops(
        deployment,
        "inside a collection",
        "directory of your own",
        variables={"area1_snapshot_dir": str(inside)},
    )
    assert not inside.exists()

    # A job whose disk goes with it.
    assert_stops(
        deployment,
        "area1_snapshot_durable",
        "area1_baseline",
        "durable_snapshots",
        environment={"GITHUB_ACTIONS": "true"},
    )
    assert not path.exists()
    assert_goes_on(
        deployment,
        environment={"GITHUB_ACTIONS": "true"},
        variables={"area1_snapshot_durable": True},
    )

    baseline = json.loads(path.read_text(encoding="utf-8"))
    baseline["sections"]["connection_filter"][0]["IPAllowList"] = [ENTRY]
    edited = json.dumps(baseline)
    path.write_text(edited, encoding="utf-8")
    forget_entry(deployment)
    assert_stops(deployment, "does not match its digest", "Restore the file")
    assert path.read_text(encoding="utf-8") == edited, "it is left for a person to look at"
    path.unlink()
    assert_stops(deployment, "does not match its digest", variables={"area1_baseline": baseline})
    assert not path.exists()

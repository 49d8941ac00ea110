# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module's examples run as they are printed, on the lab: in check mode, for real, and once
more.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.client import Lab
from tests.module.plays import ROOT, Played, area1_defaults, dns_defaults, exchange_defaults, play
from tests.support.controller import controller_environment

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[a-z]*.py"))
READING = {
    "area1_domain_info",
    "area1_mx_info",
    "area1_quarantine_info",
    "area1_trace_info",
    "mail_flow_gate",
    "mail_flow_probe",
    "mail_flow_report",
    "mail_flow_run",
    "mail_flow_snapshot",
    "mail_flow_wait",
    "o365_debug",
    "o365_login",
    "o365_mail_flow_info",
}
# Most tenants are customized already.
IDLE = {"o365_organization"}
# Its last example undoes the first, so a second run finds the same to do.
UNDOING = {"o365_connection_filter"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="busy", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


@functools.cache
def documentation() -> dict[str, Any]:
    """What ansible-doc shows of all modules, in one call."""
    done = _ansible_doc("--json", *("mailflow.area1." + name for name in MODULES))
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


def _ansible_doc(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["ansible-doc", "-t", "module", *arguments],
        env={**os.environ, **controller_environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def example_tasks(directory: Path) -> list[dict[str, Any]]:
    """A block a module, with a directory of its own.

    All in one play, because a play costs seconds.
    """
    blocks = []
    for module in MODULES:
        tasks = yaml.safe_load(documentation()["mailflow.area1." + module]["examples"])
        used = list(_named(tasks, module))
        assert any("mailflow.area1." + module in task for task in used), (
            "the examples of %s do not show it" % module
        )
        (directory / module).mkdir(parents=True, mode=0o700)
        blocks.append(
            {"name": module, "vars": {"example_directory": str(directory / module)}, "block": tasks}
        )
    return blocks


def _named(tasks: list[dict[str, Any]], module: str) -> Iterator[dict[str, Any]]:
    """Each task, with its module's name before its own: several say "Read the tenant"."""
    for task in tasks:
        task["name"] = "%s: %s" % (module, task["name"])
        yield task
        yield from _named(task.get("block", []), module)


def test_examples(running: Lab, tmp_path: Path) -> None:
    lab = running
    lab.reset("busy")
    lab.mutate(["cloudflare", "settings", "quarantined_messages"], value=3)
    defaults = {
        "exchange": exchange_defaults(lab),
        "area1": area1_defaults(lab),
        "dns": dns_defaults(lab),
    }

    since, before = lab.mark(), lab.state()
    check(play(tmp_path, example_tasks(tmp_path / "checked"), defaults, lab.extra_vars, check=True))
    assert lab.writes(since) == [] and lab.state()["tenant"] == before["tenant"]

    given = example_tasks(tmp_path / "examples")
    first = check(play(tmp_path, given, defaults, lab.extra_vars))
    assert changing(first) == set(MODULES) - READING - IDLE, (
        "an example that does nothing shows nothing, and one that reads changes nothing"
    )

    since = lab.mark()
    second = check(play(tmp_path, given, defaults, lab.extra_vars))
    assert changing(second) == UNDOING, "what is in place is left alone"
    assert {entry.get("cmdlet") or entry["path"] for entry in lab.writes(since)} == {
        "Set-HostedConnectionFilterPolicy"
    }


def check(played: Played) -> Played:
    assert played.rc == 0 and played.failed == [], played.stdout
    return played


def changing(played: Played) -> set[str]:
    return {name.split(":", 1)[0] for name in played.changed}


def test_every_module_is_documented() -> None:
    text = _ansible_doc(*("mailflow.area1." + name for name in MODULES)).stdout
    for module in MODULES:
        found = documentation()["mailflow.area1." + module]
        assert "> MODULE mailflow.area1.%s" % module in text
        assert (
            found["doc"]["short_description"]
            and found["doc"]["version_added"] == "0.1.0"
            and found["return"]
        )
        assert {"check_mode", "diff_mode", "platform"} <= found["doc"]["attributes"].keys(), module
        assert not [
            name
            for name, option in found["doc"]["options"].items()
            if not option.get("description")
        ]

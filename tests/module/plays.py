# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run modules as a user does: tasks in a playbook, by ansible-runner, with the lab as the
services.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ansible_runner
import yaml

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import login
from lab.client import Lab
from tests.support.controller import controller_environment

ROOT = Path(__file__).resolve().parents[2]
SIGN_IN = ("tenant", "client_id", "client_secret", "authority_url", "exchange_url", "graph_url")


def exchange_defaults(lab: Lab, signed_in: bool = False) -> dict[str, Any]:
    """Defaults of the action group exchange: the way to sign in, or tokens, which save a second a
    task.
    """
    given: dict[str, Any] = {name: lab.extra_vars["o365_" + name] for name in SIGN_IN}
    given["ca_path"] = lab.ca_path
    if signed_in:
        found = login({**given, "timeout": 30}, Context()).values
        for name in ("client_id", "client_secret", "authority_url"):
            del given[name]
        given.update({name: found[name] for name in ("access_token", "graph_access_token")})
    return given


def psrp_defaults(lab: Lab, **more: Any) -> dict[str, Any]:
    """Add to the defaults of the group exchange: cmdlets run on the lab's Windows host."""
    known = lab.info["psrp"]["extra_vars"]
    given = {name.removeprefix("o365_"): value for name, value in known.items()}
    return {**exchange_defaults(lab, signed_in=True), **given, **more}


def area1_defaults(lab: Lab) -> dict[str, Any]:
    known = lab.extra_vars
    return {
        "account_id": known["area1_account_id"],
        "api_token": known["area1_api_token"],
        "api_url": known["area1_api_url"],
        "ca_path": lab.ca_path,
    }


def dns_defaults(lab: Lab) -> dict[str, Any]:
    known = lab.extra_vars
    return {
        "dns_provider": known["area1_dns_provider"],
        "dns_api_token": known["area1_api_token"],
        "dns_api_url": known["area1_api_url"],
        "dns_resolvers": known["area1_dns_resolvers"],
        "dns_authoritative_port": known["area1_dns_authoritative_port"],
        "ca_path": lab.ca_path,
    }


class Played:
    """One run of a play: exit code, terminal, and each task's result by its name (the last one,
    where several share it).
    """

    def __init__(self, result: Any) -> None:
        self.rc = int(result.rc)
        self.stdout = (Path(result.config.artifact_dir) / "stdout").read_text(encoding="utf-8")
        self.results: dict[str, dict[str, Any]] = {}
        self.durations: dict[str, float] = {}
        for event in result.events:
            if event["event"] in ("runner_on_ok", "runner_on_failed", "runner_on_skipped"):
                data = event["event_data"]
                self.results[data["task"]] = {
                    **data.get("res", {}),
                    "failed": event["event"] == "runner_on_failed",
                }
                self.durations[data["task"]] = float(data.get("duration") or 0)

    def __getitem__(self, task: str) -> dict[str, Any]:
        return self.results[task]

    @property
    def changed(self) -> list[str]:
        return [name for name, result in self.results.items() if result.get("changed")]

    @property
    def failed(self) -> list[str]:
        return [name for name, result in self.results.items() if result["failed"]]


def play(
    directory: Path,
    tasks: Sequence[Mapping[str, Any]],
    defaults: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, Any] | None = None,
    check: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Played:
    """One ansible-playbook run with --diff.

    ``defaults`` by action group; they come as variables, as an operator's would.
    """
    private = directory / uuid.uuid4().hex[:8]
    (private / "project").mkdir(parents=True)
    names = {"group/mailflow.area1." + group: "{{ defaults_%s }}" % group for group in defaults}
    whole = [
        {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "module_defaults": names,
            "tasks": list(tasks),
        }
    ]
    (private / "project" / "play.yml").write_text(
        yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    given = {
        "ansible_python_interpreter": sys.executable,
        **(variables or {}),
        **{"defaults_" + group: values for group, values in defaults.items()},
    }
    result = ansible_runner.run(
        private_data_dir=str(private),
        playbook="play.yml",
        inventory={"all": {"hosts": {"localhost": given}}},
        cmdline="--diff --check" if check else "--diff",
        envvars={**controller_environment(), **(environment or {})},
        quiet=True,
        timeout=300,
        suppress_env_files=True,
    )
    return Played(result)


def written(lab: Lab, since: int) -> list[tuple[str, str]]:
    """What was written to Exchange Online, in order: cmdlet, and the object it names."""
    return [
        (
            entry["cmdlet"],
            str(entry["parameters"].get("Identity") or entry["parameters"].get("Name") or ""),
        )
        for entry in lab.writes(since)
    ]

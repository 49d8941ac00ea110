# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run deploy_area1.yml as AWX does, by ansible-runner, on a lab of its own; and look at what came
of it.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ansible_runner

from lab.client import Lab
from tests.support.controller import controller_environment

ROOT = Path(__file__).resolve().parents[2]
HOST = "northwind"
EU_RECORDS = [
    (5, "mailstream-eu1.mxrecord.io"),
    (10, "mailstream-central.mxrecord.mx"),
    (20, "mailstream-east.mxrecord.io"),
    (20, "mailstream-west.mxrecord.io"),
]
SERVER_MADE = ("id", "Guid", "WhenCreated", "WhenCreatedUTC", "WhenChanged", "WhenChangedUTC")


@dataclasses.dataclass
class Outcome:
    """One run: its exit code, what the terminal showed, and each task's result."""

    rc: int
    stdout: str
    events: list[dict[str, Any]]
    artifacts: Path
    #: its part of the lab's request log: the number of the last entry before it, and of its last
    logged: tuple[int, int] = (0, 0)

    @property
    def stats(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for event in self.events:
            if event["event"] == "playbook_on_stats":
                data = event["event_data"]
                found = {
                    key: int(sum(data[key].values()))
                    for key in ("ok", "changed", "failures", "dark", "skipped", "rescued")
                }
        return found

    def results(self, task: str) -> list[dict[str, Any]]:
        kinds = ("runner_on_ok", "runner_on_failed")
        return [
            event["event_data"]["res"]
            for event in self.events
            if event["event"] in kinds and event["event_data"]["task"] == task
        ]

    @property
    def report(self) -> dict[str, Any]:
        found = self.results("Summary")
        assert found, "the run made no summary:\n" + self.stdout
        report: dict[str, Any] = found[-1]["report"]
        return report

    def diffs(self) -> dict[str, list[tuple[Any, Any]]]:
        """Per object, its changes (before, after) in the order of the run, without what the server
        makes.
        """
        found: dict[str, list[tuple[Any, Any]]] = {}
        for event in self.events:
            if event["event"] != "runner_on_ok":
                continue
            diff = event["event_data"]["res"].get("diff") or []
            for item in diff if isinstance(diff, list) else [diff]:
                name = item.get("after_header") or item.get("before_header")
                if name:
                    found.setdefault(name, []).append(
                        (_managed(item["before"]), _managed(item["after"]))
                    )
        return found

    def everything(self) -> str:
        """All that the run left behind: terminal, events, artifacts."""
        texts = [self.stdout]
        texts += [
            path.read_text(encoding="utf-8", errors="replace")
            for path in self.artifacts.rglob("*")
            if path.is_file()
        ]
        return "\n".join(texts)


def _managed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _managed(item) for key, item in value.items() if key not in SERVER_MADE}
    return value


class Deployment:
    """A lab, a state directory and the variables of one tenant."""

    def __init__(self, directory: Path, world: str = "fresh", latency_ms: float = 0) -> None:
        self.directory = directory
        self.lab = Lab.start(world, directory / "lab", latency_ms=latency_ms, max_seconds=1500)
        self.variables: dict[str, Any] = {**self.lab.extra_vars, "area1_location": "eu"}
        self.environment: dict[str, str] = {"XDG_STATE_HOME": str(directory / "state")}
        self.playbook = ROOT / "playbooks" / "deploy_area1.yml"

    def close(self) -> None:
        self.lab.stop()

    @property
    def state_directory(self) -> Path:
        return self.directory / "state" / "mailflow.area1" / "northwind.onmicrosoft.com"

    def run(
        self,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        without: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        check: bool = False,
        verbosity: int = 0,
    ) -> Outcome:
        """One ansible-playbook run.

        ``variables`` are added to the tenant's, ``without`` are taken out of them.
        """
        private = self.directory / "runs" / uuid.uuid4().hex[:8]
        (private / "inventory").mkdir(parents=True)
        given = {
            key: value
            for key, value in {**self.variables, **(variables or {})}.items()
            if key not in without
        }
        (private / "inventory" / "hosts.json").write_text(
            json.dumps({"all": {"hosts": {HOST: given}}}), encoding="utf-8"
        )
        since = self.lab.mark()
        result = ansible_runner.run(
            private_data_dir=str(private),
            playbook=str(self.playbook),
            cmdline=shlex.join([*(["--check", "--diff"] if check else []), *arguments]) or None,
            envvars={**controller_environment(), **self.environment, **(environment or {})},
            verbosity=verbosity,
            quiet=True,
            timeout=400,
            suppress_env_files=True,
        )
        artifacts = Path(result.config.artifact_dir)
        return Outcome(
            int(result.rc),
            (artifacts / "stdout").read_text(encoding="utf-8"),
            list(result.events),
            artifacts,
            (since, self.lab.mark()),
        )

    def until_done(self, limit: int = 10, **options: Any) -> list[Outcome]:
        """Run, move the clock, run again, until the summary says done."""
        outcomes: list[Outcome] = []
        for _ in range(limit):
            outcome = self.run(**options)
            assert outcome.rc == 0, outcome.stdout
            outcomes.append(outcome)
            if outcome.report["done"]:
                return outcomes
            self.lab.advance(hours=1, minutes=5)
        raise AssertionError("not done after %d runs:\n%s" % (limit, outcomes[-1].stdout))

    def mx(self) -> dict[str, list[tuple[int, str, int]]]:
        """By zone: priority, host and TTL as Cloudflare holds them."""
        found = {}
        for name, zone in self.lab.state()["cloudflare"]["zones"].items():
            records = [
                record
                for record in zone["records"]
                if record["type"] == "MX" and record["name"] == name
            ]
            found[name] = sorted(
                (record["priority"], record["content"], record["ttl"]) for record in records
            )
        return found

    def tenant(self) -> dict[str, Any]:
        tenant: dict[str, Any] = self.lab.state()["tenant"]
        return tenant

    def connector(self, name: str) -> dict[str, Any] | None:
        return next(
            (item for item in self.tenant()["inbound_connectors"] if item["Name"] == name), None
        )

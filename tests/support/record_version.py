# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record what a version of the collection leaves behind, for tests of the versions after it.

The playbooks, the lab and the tests' harness are those of another checkout; of the present one only
this file and request_log.py take part. ``$HERE`` is the present checkout, ``$OLD`` a work tree of
the version, set up for tests (its ``.ansible_root``)::

    cd $OLD
    PYTHONPATH=$OLD:$OLD/.ansible_root:$HERE python -m tests.support.record_version \
        $HERE/tests/data/recorded/3707bae deployment rules
    PYTHONPATH=$OLD:$OLD/.ansible_root:$HERE python -m tests.support.record_version \
        $HERE/tests/data/story-requests-3707bae.json story

The lab of the version need not know how to be recorded, so its private parts are read here.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.client import Lab
from lab.laboratory import Laboratory
from tests.playbook.by_hand import advance_to, moment
from tests.playbook.flow import LOOKED_AT, flowing
from tests.playbook.harness import ROOT, Deployment, Outcome
from tests.playbook.test_rollback import tenant
from tests.support.request_log import requests, writes

MAILS, ATTACKS = 25, 2
STATIONS = ("first-run", "switched", "staged", "locked-down", "done")


class Recorder(Deployment):
    """A deployment whose lab runs in this process, so that all of its state can be read."""

    def __init__(self, directory: Path, world: str = "fresh") -> None:
        self.directory = directory
        self.laboratory = Laboratory(world, directory / "lab")
        self.laboratory.start()
        self.lab = Lab.attach(directory / "lab")
        self.variables = {**self.lab.extra_vars, "area1_location": "eu"}
        self.environment = {"XDG_STATE_HOME": str(directory / "state")}
        self.playbook = ROOT / "playbooks" / "deploy_area1.yml"
        self.runs: list[dict[str, Any]] = []

    def close(self) -> None:
        self.laboratory.stop()

    def run(self, *arguments: str, **options: Any) -> Outcome:
        since, begun = self.lab.mark(), time.monotonic()
        outcome = super().run(*arguments, **options)
        log = self.lab.log(since)
        self.runs.append(
            {
                "playbook": self.playbook.name,
                "done": outcome.report["done"],
                "requests": requests(log),
                "writes": writes(log),
                "tasks": sum(each["event"] == "playbook_on_task_start" for each in outcome.events),
                "seconds": round(time.monotonic() - begun, 1),
            }
        )
        return outcome


class Stations:
    """The states of one tenant, each kept between two runs."""

    def __init__(self, deployment: Recorder, variables: Mapping[str, Any]) -> None:
        self.deployment, self.variables = deployment, variables
        self.before = {"tenant": tenant(deployment), "mx": deployment.mx()}
        self._kept: list[dict[str, Any]] = []

    def go_through(self, names: Sequence[str]) -> None:
        """Run at each moment that the summary names, under mail, and keep what each run left.

        A run whose name is empty only shows what came after the one before.
        """
        for name in names:
            self.deployment.lab.traffic(mails=MAILS, attacks=ATTACKS)
            outcome = self.deployment.run(variables=self.variables)
            assert outcome.rc == 0, outcome.stdout
            if name:
                self._keep(name, outcome)
            print(name, outcome.report["done"], outcome.report["next"], flush=True)
            if not outcome.report["done"]:
                advance_to(self.deployment, moment(outcome.report["next"]))
                self.deployment.lab.advance(seconds=10)

    def _keep(self, name: str, outcome: Outcome) -> None:
        station = {
            "name": name,
            "variables": dict(self.variables),
            "before": self.before,
            "lab": lab_state(self.deployment),
            "state": state_files(self.deployment),
            "done": outcome.report["done"],
            "next": outcome.report["next"],
            "runs": len(self.deployment.runs),
        }
        self._kept.append(station)

    def write(self, directory: Path) -> None:
        """Write each station, with the writes of the runs that came after it."""
        directory.mkdir(parents=True, exist_ok=True)
        for station in self._kept:
            station["after"] = [
                {key: run[key] for key in ("playbook", "done", "writes")}
                for run in self.deployment.runs[station.pop("runs") :]
            ]
            path = directory / ("%s.json.gz" % station["name"])
            text = json.dumps(station, sort_keys=True, separators=(",", ":"))
            path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
            print(path.name, path.stat().st_size, flush=True)


def lab_state(deployment: Recorder) -> dict[str, Any]:
    """Return all that a lab needs to go on from here; credentials are replaced by their names."""
    laboratory = deployment.laboratory
    hub, mail = laboratory.hub, laboratory.hub.mail
    mail.settle()
    journal = mail.journal
    assert not journal.held and not any(relay.waiting for relay in mail._relays)
    with hub.lock:
        recorded = {
            "world": hub.world,
            "domains": deployment.lab.extra_vars["area1_domains"],
            "time": hub.clock.time(),
            "journal": {
                "messages": list(journal.messages),
                "refusals": list(journal.refusals),
                "bounces": list(journal.bounces),
                "released": sorted(journal.released),
                "counters": dict(journal.counters),
                "sequence": journal.next(),
            },
            "mails": next(mail.traffic._numbers),
            "resolver": resolver_cache(laboratory),
        }
        text = json.dumps(recorded)
    for name in ("client_secret", "api_token", "certificate_pem"):
        secret = json.dumps(getattr(laboratory._credentials, name))[1:-1]
        text = text.replace(secret, "{{%s}}" % name)
    found: dict[str, Any] = json.loads(text)
    return found


def resolver_cache(laboratory: Laboratory) -> list[dict[str, Any]]:
    """Return the MX sets that the resolver holds, with the lab's times."""
    return [
        {
            "name": name,
            "type": kind,
            "ttl": found.ttl,
            "data": [each.to_text() for each in found],
            "stored": entry.stored,
            "expires": entry.expires,
        }
        for (name, kind), entry in laboratory._dns._resolver._cache.items()
        if kind == "MX"
        for found in entry.answer.answer
    ]


def state_files(deployment: Recorder) -> dict[str, str]:
    """Return the state directory: each file's text by its path."""
    base = deployment.state_directory
    return {
        str(path.relative_to(base)): path.read_text(encoding="utf-8")
        for path in sorted(base.rglob("*"))
        if path.is_file()
    }


@contextlib.contextmanager
def recorder(world: str) -> Iterator[Recorder]:
    with tempfile.TemporaryDirectory() as directory:
        deployment = Recorder(Path(directory), world)
        try:
            yield deployment
        finally:
            deployment.close()


def record_deployment(directory: Path) -> None:
    """A fresh tenant up to done, and then the first two steps of its way back."""
    with recorder("fresh") as deployment:
        stations = Stations(deployment, {"area1_acknowledge": LOOKED_AT})
        stations.go_through(STATIONS)
        deployment.playbook = ROOT / "playbooks" / "rollback.yml"
        stations.go_through(["rollback-begun", "", ""])
        stations.write(directory)


def record_rules(directory: Path) -> None:
    """A tenant with a history, under the rules of another use case; no rule says when it was
    made, so the time line alone knows how long each has been in place.
    """
    with recorder("busy") as deployment:
        deployment.lab.setting("rule_dates", False)
        stations = Stations(deployment, {"area1_acknowledge": LOOKED_AT, "area1_use_case": "4"})
        stations.go_through(["busy-use-case-4", ""])
        stations.write(directory)


def record_story(path: Path) -> None:
    """The requests of tests/playbook/test_story.py, run by run.

    A file that is there already is joined: of each call, the most that any recording shows, as some
    depend on the mail that came meanwhile.
    """
    with recorder("fresh") as deployment:
        soak = {"area1_lockdown_soak_hours": 0, "area1_acknowledge": LOOKED_AT}
        with flowing(deployment):
            deployment.until_done(variables=soak)
            deployment.lab.advance(minutes=10)
        again = deployment.run(variables=soak)
        assert again.rc == 0 and again.stats["changed"] == 0, again.stdout
    runs = [run["requests"] for run in deployment.runs]
    for run in deployment.runs:
        print(sum(run["requests"].values()), run["tasks"], run["seconds"], flush=True)
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        runs = [
            {call: max(each.get(call, 0) for each in pair) for call in sorted({*pair[0], *pair[1]})}
            for pair in zip(known, runs, strict=True)
        ]
    path.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")


RECORDS: dict[str, Callable[[Path], None]] = {
    "deployment": record_deployment,
    "rules": record_rules,
    "story": record_story,
}

if __name__ == "__main__":
    for kind in sys.argv[2:]:
        RECORDS[kind](Path(sys.argv[1]).resolve())

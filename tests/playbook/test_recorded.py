# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant that the version before left half-way goes on as if nothing had happened.

tests/data/recorded/VERSION holds state directories and labs, each as that version left it between
two runs, and what its own next runs then wrote (tests/support/record_version.py made them). Here
the present version takes over at each of these places: it has to write the same, in the same order,
and to be done after as many runs.
"""

from __future__ import annotations

import datetime
import gzip
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.recording import PREFIX
from tests.playbook.by_hand import advance_to, moment
from tests.playbook.flow import assert_closed
from tests.playbook.harness import ROOT, Deployment, Outcome
from tests.playbook.test_rollback import roll_back, tenant
from tests.support.request_log import writes

RECORDED = ROOT / "tests" / "data" / "recorded" / "3707bae"
MAILS, ATTACKS = 25, 2
#: A moment, and a stamp's digest, which is made of one among other things.
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|(?<= domains, )[0-9a-f]{12}\b")
#: Both ran in real time, on machines of any speed.
TOLERANCE = datetime.timedelta(minutes=10)


def path_of(name: str) -> Path:
    return RECORDED / ("%s.json.gz" % name)


def recording(name: str) -> dict[str, Any]:
    """Return a recording; tests/support/record_version.py has its shape."""
    with gzip.open(path_of(name), "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


class Resumed:
    """A recorded tenant with its state directory, and how the version before went on."""

    def __init__(self, deploy: Callable[..., Deployment], name: str) -> None:
        self.recorded = recording(name)
        self.deployment = deploy(PREFIX + str(path_of(name)))
        self.variables = self.recorded["variables"]
        self.next, self.done = self.recorded["next"], self.recorded["done"]
        for relative, text in self.recorded["state"].items():
            _restore(self.deployment.state_directory / relative, text)

    def run(self) -> Outcome:
        """Wait until the run is due, let mail come meanwhile, and run."""
        if self.next:
            advance_to(self.deployment, moment(self.next))
            self.deployment.lab.advance(seconds=10)
        tally = self.deployment.lab.traffic(mails=MAILS, attacks=ATTACKS)
        assert tally["lost"] == tally["waiting"] == 0, tally
        return self._run()

    def _run(self) -> Outcome:
        outcome = self.deployment.run(variables=self.variables)
        assert outcome.rc == 0, outcome.stdout
        self.next, self.done = outcome.report["next"], outcome.report["done"]
        return outcome

    def go_on(self, runs: int) -> None:
        """Run as often as this; each run writes what the version before wrote then."""
        for before in self.recorded["after"][:runs]:
            assert before["playbook"] == self.deployment.playbook.name
            since = self.deployment.lab.mark()
            outcome = self.run()
            written = writes(self.deployment.lab.log(since))
            assert comparable(written) == comparable(before["writes"]), outcome.stdout
            assert outcome.report["done"] is before["done"], outcome.stdout

    def assert_at_rest(self) -> None:
        """Another run at the same moment changes nothing and writes nothing."""
        since, due, done = self.deployment.lab.mark(), self.next, self.done
        outcome = self._run()
        assert outcome.stats["changed"] == 0, outcome.stdout
        assert self.deployment.lab.writes(since) == []
        assert self.done is done and about(self.next, due), outcome.stdout

    def assert_as_before(self) -> None:
        """Everything is as the version before found it, before its first run."""
        found = {"tenant": tenant(self.deployment), "mx": self.deployment.mx()}
        assert json.loads(json.dumps(found)) == self.recorded["before"]


def about(found: str, due: str) -> bool:
    """Return whether two moments are the same but for the speed of a machine, or both are none."""
    if not found or not due:
        return found == due
    return abs(moment(found) - moment(due)) < TOLERANCE


def comparable(written: list[list[Any]]) -> list[list[Any]]:
    """Return the writes without the moments in comments, and with batches that stand together
    sorted: zones are written side by side, in any order.
    """
    written, found = json.loads(MOMENT.sub("{moment}", json.dumps(written))), []
    for call, group in itertools.groupby(written, key=lambda each: str(each[0])):
        together = list(group)
        found += sorted(together, key=_text) if call.endswith("/batch") else together
    return found


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _restore(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


@pytest.fixture
def resume(deploy: Callable[..., Deployment]) -> Callable[[str], Resumed]:
    return lambda name: Resumed(deploy, name)


def test_from_the_first_run_to_done(resume: Callable[[str], Resumed]) -> None:
    resumed = resume("first-run")
    resumed.go_on(4)
    assert resumed.recorded["after"][3]["done"] is True
    resumed.assert_at_rest()
    assert_closed(resumed.deployment, 10)


@pytest.mark.parametrize(
    ("name", "following"),
    [("switched", "staged"), ("staged", "locked-down"), ("locked-down", "done")],
)
def test_the_next_run_does_what_was_due(
    resume: Callable[[str], Resumed], name: str, following: str
) -> None:
    """And waits for the same moment as the version before, which the following recording names."""
    resumed = resume(name)
    resumed.go_on(1)
    assert about(resumed.next, recording(following)["next"])


def test_a_finished_tenant_is_left_alone_and_goes_back(resume: Callable[[str], Resumed]) -> None:
    resumed = resume("done")
    resumed.assert_at_rest()
    roll_back(resumed.deployment, variables=resumed.variables)
    resumed.assert_as_before()


def test_a_rollback_goes_on(resume: Callable[[str], Resumed]) -> None:
    resumed = resume("rollback-begun")
    resumed.deployment.playbook = ROOT / "playbooks" / "rollback.yml"
    resumed.go_on(2)
    resumed.assert_as_before()


def test_rules_of_another_use_case_are_known_again(resume: Callable[[str], Resumed]) -> None:
    """No rule in this tenant says when it was made: the time line alone knows that they act."""
    resumed = resume("busy-use-case-4")
    resumed.go_on(1)
    resumed.assert_at_rest()

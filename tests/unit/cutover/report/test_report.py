# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary that a person reads, whatever the run got to see before it ended."""

from __future__ import annotations

import itertools
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.settings import Settings
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.report import build as report
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from tests.unit.cutover.worlds import (
    INITIAL,
    NOW,
    OLD,
    ONE,
    TWO,
    ago,
    records,
    sections,
    stamped,
    view,
    wanted,
)


class Run:
    """An observation as a run leaves it, and the summary made of it."""

    def __init__(
        self,
        tmp_path: Path,
        chosen: Settings | None = None,
        moved: bool = False,
        locked: bool = False,
        **changed: Any,
    ) -> None:
        self.path = str(tmp_path / "run" / "o.json")
        self.directory = tmp_path / "reports"
        chosen = chosen or wanted()
        self.found = {**sections(chosen, moved), "settings": chosen.to_data(), **changed}
        if locked:
            self.found["inbound_connectors"].append(
                stamped(chosen, NOW, NOW, Enabled=True, WhenChangedUTC=ago(hours=3))
            )
        self.journal: list[dict[str, Any]] = []

    def note(self, **entry: Any) -> Run:
        self.journal.append(entry)
        return self

    def write(self) -> Run:
        observation = Observation(self.path)
        for name, value in self.found.items():
            observation.put(name, value)
        observation.journal[:] = self.journal
        observation.save()
        return self

    def report(self, check: bool = False, **params: Any) -> dict[str, Any]:
        given = {"observation_path": self.path, "directory": str(self.directory), **params}
        result = report.run_report(given, Context(check_mode=check))
        assert result.changed is False and not result.failed_message
        return result.values


def text(values: dict[str, Any]) -> str:
    """As a person reads it: line breaks do not matter."""
    assert all(isinstance(line, str) and "\n" not in line for line in values["lines"])
    return re.sub(r"\s+", " ", " ".join(values["lines"]))


def test_a_finished_tenant_is_done(tmp_path: Path) -> None:
    values = Run(tmp_path, moved=True, locked=True).write().report()
    assert (
        values["report"]["done"] is True
        and values["report"]["locked"] is True
        and values["failures"] == []
    )
    shown = text(values)
    assert "DONE" in shown and "NOT DONE" not in shown and INITIAL in values["lines"][0]
    assert ONE in shown and TWO in shown
    path = Path(values["path"])
    assert path.parent == tmp_path / "reports" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == values["report"]
    assert str(path) in shown


def test_done_needs_the_lock_down_where_it_is_wanted(tmp_path: Path) -> None:
    assert Run(tmp_path / "a", moved=True).write().report()["report"]["done"] is False
    assert (
        Run(tmp_path / "b", wanted(lockdown=False), moved=True).write().report()["report"]["done"]
        is True
    )
    assert (
        Run(tmp_path / "c", moved=False, locked=False).write().report()["report"]["done"] is False
    )


def test_anything_due_or_failed_is_not_done(tmp_path: Path) -> None:
    for number, status in enumerate(("due", "pending", "cannot", "failed")):
        run = (
            Run(tmp_path / str(number), moved=True, locked=True)
            .note(section="mx", object=ONE, status=status, message="m")
            .write()
        )
        assert run.report()["report"]["done"] is False, status


def test_what_changed_what_is_due_and_when(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.note(
        section="enhanced_filtering",
        object="InboundConnector Area 1 Inbound Connector",
        status="changed",
        message="created",
    )
    run.note(
        section="mx",
        phase="switch",
        gate="ttl",
        object=ONE,
        status="due",
        message="the TTL is high",
        until="2026-11-23T21:00:00Z",
        hint="Wait.",
    )
    run.note(
        section="mx",
        phase="switch",
        gate="old_ttl",
        object=TWO,
        status="due",
        message="caches",
        until="2026-11-23T22:00:00Z",
    )
    run.note(
        section="lockdown",
        phase="lockdown",
        gate="soak",
        object="x",
        status="due",
        message="soaks",
        until="2026-11-26T20:00:00Z",
    )
    values = run.write().report()
    assert values["report"]["changed"] == ["InboundConnector Area 1 Inbound Connector: created"]
    assert values["report"]["next"] == "2026-11-23T22:00:00Z", (
        "the switch goes on when the last of its gates holds"
    )
    shown = text(values)
    assert "GOES ON: 1 changed; run again at 2026-11-23T22:00:00Z" in shown
    for part in (
        "created",
        "the TTL is high",
        "2026-11-23T21:00:00Z",
        "2026-11-26T20:00:00Z",
        "soaks",
    ):
        assert part in shown, part
    assert shown.index("created") < shown.index("the TTL is high") < shown.index("soaks"), (
        "in the order of the tutorial"
    )


def test_a_failure_is_said_once_and_with_what_to_do(tmp_path: Path) -> None:
    run = Run(tmp_path).note(
        section="mx",
        object=ONE,
        status="failed",
        message="The zone cannot be seen.",
        hint="Give the token Zone:Read.",
    )
    values = run.write().report(
        failure="Lower the TTL: The zone cannot be seen. Give the token Zone:Read."
    )
    (failure,) = values["failures"]
    assert failure == "%s: The zone cannot be seen. Give the token Zone:Read." % ONE
    assert "NOT DONE" in text(values)


def test_a_cause_that_no_task_noted_is_the_first_failure(tmp_path: Path) -> None:
    run = (
        Run(tmp_path)
        .note(
            section="mx",
            object=ONE,
            status="cannot",
            message="it is an alias",
            hint="Remove the CNAME.",
        )
        .write()
    )
    values = run.report(failure="Sign in: AADSTS7000215")
    assert values["failures"] == [
        "Sign in: AADSTS7000215",
        "%s: it is an alias. Remove the CNAME." % ONE,
    ]
    shown = text(values)
    assert "AADSTS7000215" in shown and "Remove the CNAME." in shown


def test_mail_that_is_being_lost_is_the_first_line(tmp_path: Path) -> None:
    run = Run(tmp_path, moved=True, locked=True)
    run.found["dns"][TWO] = view(OLD[TWO])
    run.found["dns_provider"][TWO]["records"] = records(OLD[TWO])
    run.note(section="mx", object=ONE, status="changed", message="m")
    run.note(
        section="lockdown",
        gate="lockdown_exposed",
        object=TWO,
        status="cannot",
        message="THE LOCK-DOWN IS ON AND MAIL IS REFUSED",
        hint="Disable it.",
    )
    values = run.write().report()
    assert "THE LOCK-DOWN IS ON" in values["lines"][2] and TWO in values["lines"][2]
    assert values["report"]["done"] is False and values["failures"]
    assert "the lock-down is not on" not in text(values), "it contradicts the first line"


def test_a_lock_down_that_was_switched_off_as_decided_is_no_alarm_any_more(tmp_path: Path) -> None:
    run = Run(tmp_path, moved=True).note(
        section="lockdown",
        gate="lockdown_exposed",
        object=TWO,
        status="acknowledged",
        message="MAIL WAS REFUSED",
    )
    values = run.write().report()
    assert "MAIL WAS REFUSED" not in values["lines"][2] and "MAIL WAS REFUSED" in text(values)


def test_check_mode_writes_no_file_and_says_so(tmp_path: Path) -> None:
    run = Run(tmp_path).note(section="mx", object=ONE, status="would change", message="m").write()
    values = run.report(check=True)
    assert values["path"] == "" and not (tmp_path / "reports").exists()
    assert "check mode" in values["lines"][0] and "1 would change" in text(values)


def test_what_is_only_planned_is_neither_done_nor_locked(tmp_path: Path) -> None:
    run = Run(tmp_path, moved=True, locked=True).write()
    values = run.report(check=True)["report"]
    assert values["done"] is True and values["locked"] is True, "nothing is planned"
    values = (
        run.note(section="lockdown", object="x", status="would change", message="m")
        .write()
        .report(check=True)
    )
    assert values["report"]["done"] is False and values["report"]["locked"] is False
    shown = text(values)
    assert (
        "PLAN: 1 would change" in shown
        and "DONE" not in shown
        and "the lock-down is on" not in shown
    )


@pytest.mark.parametrize(
    "section", ["email_security", "connection_filter", "content_filter", "inbound_connectors"]
)
def test_done_looks_beyond_the_records(tmp_path: Path, section: str) -> None:
    run = Run(tmp_path, wanted(lockdown=False), moved=True)
    assert run.write().report()["report"]["done"] is True
    harm: dict[str, Any] = {
        "email_security": {
            **run.found["email_security"],
            TWO: {
                **run.found["email_security"][TWO],
                "transport": "elsewhere.mail.protection.outlook.com",
            },
        },
        "connection_filter": [{"Name": "Default", "IPAllowList": []}],
        "content_filter": [{"Name": "Default", "MarkAsSpamSpfRecordHardFail": "On"}],
        "inbound_connectors": [{**run.found["inbound_connectors"][0], "EFTestMode": True}],
    }
    run.found[section] = harm[section]
    assert run.write().report()["report"]["done"] is False


def test_a_run_that_saw_nothing_still_says_why(tmp_path: Path) -> None:
    run = Run(tmp_path)
    values = run.report(
        observation_path=None,
        failure="Preflight: area1_domains is empty.",
        tenant="northwind.example",
    )
    assert values["failures"] == ["Preflight: area1_domains is empty."]
    assert "northwind.example" in values["lines"][0] and "area1_domains is empty" in text(values)
    nameless = run.report(observation_path=None, failure="x")
    assert "unknown tenant" in nameless["lines"][0] and nameless["path"] == ""


NEEDED = sorted(
    [
        "service_date",
        "tenant",
        "accepted_domains",
        "connection_filter",
        "inbound_connectors",
        "dns",
        "settings",
        "baseline",
        "dns_provider",
    ]
)


def test_no_gap_in_what_was_read_takes_the_summary_away(tmp_path: Path) -> None:
    """Every pair of sections missing, on a tenant that is half-way: a summary, and never "done"."""
    run = (
        Run(tmp_path, moved=True)
        .note(section="mx", object=ONE, status="changed", message="m")
        .write()
    )
    whole = json.loads(Path(run.path).read_text())
    for gap in [*itertools.combinations(NEEDED, 2), tuple(NEEDED)]:
        kept = {name: value for name, value in whole["sections"].items() if name not in gap}
        Path(run.path).write_text(json.dumps({**whole, "sections": kept}))
        values = run.report(check=True)
        assert values["report"]["done"] is False and values["report"]["changed"] == [
            "%s: m" % ONE
        ], gap


@pytest.mark.parametrize(
    "changed",
    [
        {"inbound_connectors": []},
        {"inbound_connectors": [{}]},
        {"accepted_domains": []},
        {"accepted_domains": [{"Name": ONE}]},
        {"dns": {}},
        {"dns": {ONE: {}, TWO: {"name_servers": None, "resolvers": None}}},
        {"dns_provider": {ONE: None}},
        {"baseline": None, "baseline_state": None},
        {"tenant": {}},
        {"connection_filter": []},
    ],
)
def test_no_odd_answer_takes_the_summary_away(tmp_path: Path, changed: dict[str, Any]) -> None:
    values = (
        Run(tmp_path, **changed)
        .note(status="failed", message="The read failed.", hint="")
        .write()
        .report()
    )
    assert values["failures"] == ["The read failed."] and "The read failed." in text(values)


def test_a_directory_that_cannot_be_written_does_not_take_it_away(tmp_path: Path) -> None:
    run = Run(tmp_path, moved=True, locked=True).write()
    run.directory.write_text("a file in its place")
    values = run.report()
    assert values["path"] == "" and values["report"]["done"] and str(run.directory) in text(values)


def test_many_equal_answers_are_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for number in range(30):
        run.note(
            section="mx",
            phase="switch",
            gate="ttl",
            object="d%02d.example" % number,
            status="due",
            message="the TTL is high",
            hint="Wait.",
        )
    values = run.write().report()
    assert text(values).count("the TTL is high") == 1 and "and 20 more" in text(values)
    assert len(values["report"]["due"]) == 30, "the file has them all"
    assert all(len(line) <= 110 for line in values["lines"] if not line.startswith("Report:"))


def test_what_stopped_a_run_is_said_once_and_not_without_end(tmp_path: Path) -> None:
    path = tmp_path / "run" / "observation.json"
    observation = Observation(str(path))
    for _ in range(2):
        for number in range(25):
            observation.note(
                section="lockdown",
                gate="direct_senders",
                object="192.0.2.%d" % number,
                status="cannot",
                message="it sends past Area 1",
            )
    observation.save()
    result = report.run_report(
        {"observation_path": str(path), "tenant": "northwind.onmicrosoft.com"},
        Context(check_mode=True),
    )
    assert len(result.values["report"]["failures"]) == 25
    assert (
        len(result.values["failures"]) == 21
        and result.values["failures"][-1] == "and 5 more: the report names them all"
    )
    assert (
        sum("192.0.2.7:" in line and line.startswith("  ! ") for line in result.values["lines"])
        >= 1
    )


HOSTILE = (
    "\x1b[31mRED\x1b]0;title\x07\r\nfatal: [x]: FAKED\n  ! fake line \u202egpj.exe\u2066 \ud83d"
)


def test_what_others_named_moves_no_terminal_and_forges_no_line(tmp_path: Path) -> None:
    run = Run(tmp_path).note(
        section="enhanced_filtering",
        object=HOSTILE,
        status="cannot",
        gate="foreign_connector",
        message=HOSTILE,
        hint=HOSTILE,
        lines=[HOSTILE],
    )
    values = run.write().report(failure=HOSTILE, tenant=HOSTILE)
    for line in [*values["lines"], *values["failures"]]:
        assert line.isprintable(), ascii(line)
        assert not line.startswith(("fatal", "  ! fake"))


def test_a_tenant_s_name_leads_the_report_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    run = Run(tmp_path, tenant={"initial_domain": "../../../trav/x.onmicrosoft.com", "id": "1"})
    values = run.write().report(directory=None)
    assert values["path"] == "" and "The report was not written" in text(values)
    assert not list(tmp_path.rglob("report-*.json"))

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The summary: per section and domain what was found, changed, is due and when.

Text for a person, data for a machine.
"""

from __future__ import annotations

import os
import typing as t

from ..._engine.context import Context
from ..._engine.errors import MailflowError
from ..._engine.files import write_private
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.outside_text import one_line
from ..model.settings import Settings
from ..model.world import World
from ..phases.evaluate import EVALUATORS, sections_now, settings_of
from ..snapshots.directory import state_directory, utc_stamp
from . import audit as report_audit
from .render import _line, _shown, render

#: Which phase judges the end state.
JUDGE = {"deploy": "verify", "rollback": "rollback_verify"}


def run_report(params: t.Mapping[str, t.Any], context: Context) -> Result:
    observation = Observation(params.get("observation_path"))
    report = build(observation, params, context)
    lines = render(report)
    path = ""
    if not context.check_mode and report["tenant"]:
        try:
            path = os.path.join(_directory(params, report["tenant"]), _file_name(report))
            write_private(path, report)
            lines.append("Report: %s" % path)
        except (
            MailflowError,
            OSError,
        ) as exc:  # the summary is for a person; a directory must not take it away
            path = ""
            lines.append("The report was not written: %s" % exc)
    return Result(
        False,
        (),
        {"report": report, "lines": lines, "path": path, "failures": _shown(report["failures"])},
    )


def _file_name(report: t.Mapping[str, t.Any]) -> str:
    """Return the file's name; of audits only the last one is kept, as they change nothing."""
    return "audit.json" if report["purpose"] == "audit" else "report-%s.json" % utc_stamp()


def _directory(params: t.Mapping[str, t.Any], tenant: str) -> str:
    return state_directory(params.get("directory") or params.get("snapshot_directory"), tenant)


def build(
    observation: Observation, params: t.Mapping[str, t.Any], context: Context
) -> dict[str, t.Any]:
    settings = settings_of(observation)
    tenant = (
        (observation.any_age("tenant") or {}).get("initial_domain") or params.get("tenant") or ""
    )
    purpose = str(params.get("purpose") or "deploy")
    state = _state(observation, settings, purpose)
    journal = [
        entry
        for entry in observation.journal
        if entry.get("section") or entry.get("status") == "failed"
    ]
    stopping = [entry for entry in journal if entry["status"] in ("cannot", "failed")]
    failures = list(
        dict.fromkeys(
            _line(entry) for entry in stopping if purpose != "audit" or report_audit.stops(entry)
        )
    )
    cause = one_line(params.get("failure") or "")
    if cause and not any(
        entry.get("message") and str(entry["message"]) in cause
        for entry in journal
        if entry["status"] in ("failed", "cannot")
    ):
        failures.insert(0, cause)
    due = [entry for entry in journal if entry["status"] in ("due", "pending")]
    # In check mode the world is the predicted one: what would change is not done.
    planned = (context.check_mode or purpose == "audit") and any(
        entry["status"] == "would change" for entry in journal
    )
    done = bool(state.get("done")) and not failures and not due and not planned
    return {
        "format": 1,
        "purpose": purpose,
        "tenant": str(tenant),
        "date": sections_now(observation).get("service_date", ""),
        "check_mode": context.check_mode,
        "done": done,
        "changed": [
            _line(entry) for entry in journal if entry["status"] in ("changed", "would change")
        ],
        "due": due,
        "next": _next(due),
        # The last look at all says again what a phase said.
        "failures": list(dict.fromkeys(failures)),
        "domains": state.get("domains", {}),
        "locked": bool(state.get("locked")) and (not planned or purpose == "audit"),
        "proven": bool(state.get("proven")) and (not planned or purpose == "audit"),
        "proof": state.get("proof") or {},
        "lockdown_wanted": settings is None or settings.lockdown,
        "baseline": _baseline(observation, context),
        "journal": journal,
        **({"audit": report_audit.outcome(journal, failures)} if purpose == "audit" else {}),
    }


def _baseline(observation: Observation, context: Context) -> str:
    state = observation.any_age("baseline_state") or {}
    if context.check_mode and state.get("status") == "taken":
        return "none yet; a run without check mode takes it first"
    return str(state.get("message") or "")


def _next(due: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """Return when the first phase can go on.

    Of each phase the latest known time counts, because all its gates have to hold.
    """
    latest: dict[str, str] = {}
    for entry in due:
        phase = str(entry.get("phase") or entry.get("section"))
        latest[phase] = max(latest.get(phase, ""), str(entry.get("until") or ""))
    return min((moment for moment in latest.values() if moment), default="")


def _state(observation: Observation, settings: Settings | None, purpose: str) -> dict[str, t.Any]:
    """Return the end state as far as it was read; a run that failed early has none."""
    if purpose == "audit":
        return dict(observation.any_age("audit") or {})
    sections = sections_now(observation)
    needed = {
        "accepted_domains",
        "inbound_connectors",
        "dns",
        "service_date",
        "tenant",
        "connection_filter",
    }
    if settings is None or not needed <= set(sections):
        return {}
    try:
        return EVALUATORS[JUDGE[purpose]](World(sections, settings)).values
    except MailflowError:  # what it lacks was said where it was needed
        return {}

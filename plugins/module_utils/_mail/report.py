# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The summary: per section and domain what was found, changed, is due and when. Text for a person, data for a machine."""

from __future__ import annotations

import os
import textwrap
import typing as t

from .._engine.context import Context
from .._engine.module import Result
from .._engine.observation import Observation
from .gating import sections_now
from .phases import evaluate
from .snapshot import state_directory, utc_stamp, write_private
from .world import World

WIDTH = 100
SECTIONS = {
    "preflight": "Preflight",
    "organization": "Organization",
    "connection_filter": "Connection filter and SPF",
    "enhanced_filtering": "Connector and enhanced filtering",
    "area1_domains": "Area 1 domains",
    "mx": "MX records",
    "lockdown": "Lock-down",
    "verify": "Verification",
}
MARKS = {"changed": "+", "would change": "+", "due": "~", "cannot": "!", "failed": "!", "not checked": "?", "acknowledged": "a", "found": " ", "pending": "~"}


def run_report(params: t.Mapping[str, t.Any], context: Context) -> Result:
    observation = Observation(params.get("observation_path"))
    report = build(observation, params, context)
    lines = render(report)
    path = ""
    if not context.check_mode and report["tenant"]:
        path = os.path.join(_directory(params, report["tenant"]), "report-%s.json" % utc_stamp())
        write_private(path, report)
        lines.append("Report: %s" % path)
    return Result(False, (), {"report": report, "lines": lines, "path": path, "failures": report["failures"]})


def _directory(params: t.Mapping[str, t.Any], tenant: str) -> str:
    return state_directory(params.get("directory") or params.get("snapshot_directory"), tenant)


def build(observation: Observation, params: t.Mapping[str, t.Any], context: Context) -> dict[str, t.Any]:
    settings = observation.any_age("settings")
    tenant = (observation.any_age("tenant") or {}).get("initial_domain") or params.get("tenant") or ""
    state = _state(observation, settings)
    journal = [entry for entry in observation.journal if entry.get("section") or entry.get("status") == "failed"]
    failures = [_line(entry) for entry in journal if entry["status"] in ("cannot", "failed")]
    cause = str(params.get("failure") or "")
    if cause and not any(cause.startswith(str(entry.get("message"))) or str(entry.get("message")) in cause for entry in journal if entry["status"] in ("failed", "cannot")):
        failures.insert(0, cause)
    due = [entry for entry in journal if entry["status"] in ("due", "pending")]
    done = bool(state.get("done")) and not failures and not due
    return {
        "format": 1,
        "tenant": str(tenant),
        "date": sections_now(observation).get("service_date", ""),
        "check_mode": context.check_mode,
        "done": done,
        "changed": [_line(entry) for entry in journal if entry["status"] in ("changed", "would change")],
        "due": due,
        "next": _next(due),
        "failures": failures,
        "domains": state.get("domains", {}),
        "locked": bool(state.get("locked")),
        "lockdown_wanted": bool((settings or {}).get("lockdown", True)),
        "baseline": (observation.any_age("baseline_state") or {}).get("message", ""),
        "journal": journal,
    }


def _next(due: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """When the first phase can go on: of each phase the latest of its known times, because all its gates have to hold."""
    latest: dict[str, str] = {}
    for entry in due:
        phase = str(entry.get("phase") or entry.get("section"))
        latest[phase] = max(latest.get(phase, ""), str(entry.get("until") or ""))
    return min((moment for moment in latest.values() if moment), default="")


def _state(observation: Observation, settings: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """The end state as far as it was read; a run that failed early has none, and says so by leaving it out."""
    sections = sections_now(observation)
    needed = {"accepted_domains", "inbound_connectors", "dns", "service_date", "tenant", "connection_filter"}
    if settings is None or not needed <= set(sections):
        return {}
    return evaluate("verify", World(sections, settings)).values


def _line(entry: t.Mapping[str, t.Any]) -> str:
    parts = [str(entry.get("object") or ""), str(entry.get("message") or "")]
    hint = str(entry.get("hint") or "")
    text = ": ".join(part for part in parts if part)
    return "%s. %s" % (text.rstrip("."), hint) if hint and entry["status"] in ("cannot", "failed") else text


def render(report: t.Mapping[str, t.Any]) -> list[str]:
    title = "Area 1 for %s%s" % (report["tenant"] or "unknown tenant", " (check mode: nothing was written)" if report["check_mode"] else "")
    lines = [title, "=" * len(title)]
    urgent = [entry for entry in report["journal"] if entry.get("gate") == "lockdown_exposed"]
    lines += _wrap("! ", "%s: %s" % (urgent[0]["object"], _line(urgent[0]))) if urgent else []
    lines.append(_verdict(report))
    for key, label in SECTIONS.items():
        lines += _section(label, [entry for entry in report["journal"] if entry.get("section") == key], report)
    if report["domains"]:
        lines += ["", "Domains"] + _domains(report["domains"])
    if report["failures"]:
        lines += ["", "What stopped this run"]
        for failure in report["failures"]:
            lines += _wrap("  ! ", failure)
    if report["baseline"]:
        lines += ["", "Baseline: %s" % report["baseline"]]
    lines.append("Marks: + changed, ~ due later, ! needs you, ? not checked by this version, a acknowledged")
    return lines


def _verdict(report: t.Mapping[str, t.Any]) -> str:
    changed, verb = len(report["changed"]), "would change" if report["check_mode"] else "changed"
    if report["failures"]:
        return "NOT DONE: something needs a decision or a repair (see below). %d %s." % (changed, verb)
    if report["done"]:
        return "DONE: everything is in place%s. %d %s." % ("" if not report["lockdown_wanted"] else ", and only Area 1 may deliver", changed, verb)
    when = " at %s or later" % report["next"] if report["next"] else " later"
    return "GOES ON: %d %s; run again%s." % (changed, verb, when)


def _section(label: str, entries: list[dict[str, t.Any]], report: t.Mapping[str, t.Any]) -> list[str]:
    if not entries:
        return ["", "%s: as wanted" % label] if report["domains"] else []
    lines = ["", label]
    for entry in entries:
        until = " (until %s)" % entry["until"] if entry.get("until") and entry["until"] not in str(entry.get("message")) else ""
        lines += _wrap("  %s " % MARKS.get(entry["status"], " "), "%s%s%s" % ("not checked: " if entry["status"] == "not checked" else "", _line(entry), until))
    return lines


def _domains(domains: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    moved = [name for name, state in domains.items() if state["switched"]]
    lines = []
    if len(moved) > 10 and len(moved) == len(domains):
        return ["  all %d point to Area 1" % len(moved)]
    for name, state in domains.items():
        lines.append("  %-40s %s" % (name, "points to Area 1" if state["switched"] else "still as before"))
    return lines


def _wrap(prefix: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=prefix, subsequent_indent=" " * len(prefix), break_long_words=False) or [prefix]

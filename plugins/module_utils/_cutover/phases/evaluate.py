# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Serve the module mail_flow_gate: keep the settings, evaluate one phase, show the answers."""

from __future__ import annotations

import time
import typing as t

from ..._engine import timeline
from ..._engine.context import Context
from ..._engine.errors import InputError
from ..._engine.module import Result
from ..._engine.observation import FRESH_SECONDS, Observation
from ..model.gate import CANNOT, NOT_CHECKED, NOT_YET, Evaluation, GateResult
from ..model.looks import Looks
from ..model.settings import Settings
from ..model.settings_input import normalise
from ..model.world import World
from . import audit as audit_phase, deploy as phases, rollback as rollback_phases
from .readings import read

JOURNAL_STATUS = {NOT_YET: "due", CANNOT: "cannot", NOT_CHECKED: "not checked"}
GUARDING = frozenset({"area1_expected_plan"})
SECTION_OF_PHASE = {
    "tenant": "preflight",
    "lower_ttl": "mx",
    "switch": "mx",
    "proof": "lockdown",
    "final_ttl": "mx",
    "rollback_preflight": "preflight",
    "rollback_lockdown": "lockdown",
    "rollback_mx": "mx",
    "rollback_rest": "rollback",
    "rollback_verify": "rollback",
}
EVALUATORS = {**phases.EVALUATORS, **rollback_phases.EVALUATORS, **audit_phase.EVALUATORS}
#: A phase that prepares another one: it looks again, and the other relies on these looks.
PLANS = {"switch_plan": "switch", "proof_plan": "proof", "rollback_mx_plan": "rollback_mx"}
#: The phase under which the report shows what another one answers.
SHOWN_AS = {**PLANS, "message_handling_verify": "message_handling"}
#: Phases that rely on nothing older than their own beginning, or that of their plan.
LOOK_AGAIN = frozenset({*PLANS, *PLANS.values(), "lockdown"})
#: What one look shows may ask for another one, but not without end.
ROUNDS = 3
MARKS = "looks_began"


def run_gate(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Evaluate one phase; with ``read: stale`` look first at whatever it needs and is too old."""
    observation = Observation(params["observation_path"])
    if params.get("settings") is not None:
        _keep_settings(params, observation)
    settings = settings_of(observation)
    if settings is None:
        raise InputError(
            "The observation holds no settings: the preflight of this collection has not run.",
            "Run the role mailflow.area1.preflight first; no gate is open without it.",
        )
    if params["phase"] == "settings":
        observation.save()
        values = {"open": True, "status": "holds", "results": []}
        return Result(False, (), {**values, "allowed": {"domains": settings.names}})
    observation, evaluation, reads = _look_and_evaluate(params, context, observation, settings)
    _note(observation, params["phase"], evaluation, context)
    observation.save()
    return _answer(params, evaluation, reads)


def _keep_settings(params: t.Mapping[str, t.Any], observation: Observation) -> None:
    given = normalise(params["settings"])
    observation.put("settings", given.to_data())
    _say_egress(given, observation)
    _say_unused(params.get("unused") or [], observation)


def _look_and_evaluate(
    params: t.Mapping[str, t.Any], context: Context, observation: Observation, settings: Settings
) -> tuple[Observation, Evaluation, list[str]]:
    phase, reads = params["phase"], list[str]()
    since = _counts_since(observation, phase, params.get("read") == "stale")
    for _round in range(ROUNDS):
        looks = Looks(observation.times(), observation.times_by_name(), since)
        evaluation = EVALUATORS[phase](World(sections_now(observation), settings, looks))
        unmet = [need for need in evaluation.needs if not need.met(looks)]
        if not unmet or params.get("read") != "stale":
            break
        observation.save()
        reads += read(unmet, params, context)
        observation = Observation(params["observation_path"])
    return observation, evaluation, reads


def _counts_since(observation: Observation, phase: str, reading: bool) -> float:
    """Return from when on a look counts for this phase (seconds since the epoch).

    Elsewhere only what a write of this run has outdated must be looked at again: times of zero.
    """
    now = time.time()
    marks = dict(observation.any_age(MARKS) or {})
    if phase in PLANS:
        observation.put(MARKS, {**marks, PLANS[phase]: now})
        return now
    if phase not in LOOK_AGAIN:
        return 1.0
    begun = marks.pop(phase, None)
    observation.put(MARKS, marks)
    if begun is not None:
        return max(float(begun), now - FRESH_SECONDS)
    return now if reading else now - FRESH_SECONDS


def _note(observation: Observation, phase: str, evaluation: Evaluation, context: Context) -> None:
    """Keep what the gates answered for the report, and what they saw for the first time."""
    shown = SHOWN_AS.get(phase, phase)
    observation.journal[:] = [entry for entry in observation.journal if entry.get("phase") != shown]
    for result in evaluation.results:
        _journal(observation, shown, result)
    if phase == "audit":
        observation.put("audit", evaluation.values)
    directory = timeline.directory_of(observation)
    timeline.note(observation, directory, evaluation.events, context.check_mode)


def settings_of(observation: Observation) -> Settings | None:
    """Return the settings that the preflight left in the observation; None without a preflight."""
    kept = observation.any_age("settings")
    return None if kept is None else Settings.from_data(kept)


def sections_now(observation: Observation) -> dict[str, t.Any]:
    """Return the sections, with the clock carried on by the time that passed since the read."""
    sections = observation.sections()
    written = {
        str(entry.get("section"))
        for entry in observation.journal
        if entry.get("status") in ("changed", "would change")
    }
    sections["changed_sections"] = sorted(written)
    now = timeline.service_time(observation)
    if now:
        sections["service_date"] = now
    return sections


def _answer(params: t.Mapping[str, t.Any], evaluation: Evaluation, reads: list[str]) -> Result:
    values = {
        "open": evaluation.go,
        "status": evaluation.status,
        "results": [result.to_data() for result in evaluation.results],
        "allowed": evaluation.values,
        "read": reads,
    }
    stopping = (
        [result for result in evaluation.results if result.status == CANNOT]
        if params["fail_on_cannot"]
        else []
    )
    message = "; ".join(
        "%s: %s. %s" % (": ".join(filter(None, (item.gate, item.object))), item.message, item.hint)
        for item in stopping
    )
    return Result(False, (), values, failed_message=message)


def _journal(observation: Observation, phase: str, result: GateResult) -> None:
    """Keep a phase's last answers: they are the ones that the report shows."""
    status = JOURNAL_STATUS.get(result.status)
    if result.acknowledged:
        status = "acknowledged"
    elif result.notice:
        status = "found"
    elif phase == "audit" and status == "due":
        status = "finding"
    if status is None:
        return
    observation.note(
        section=SECTION_OF_PHASE.get(phase, phase),
        phase=phase,
        gate=result.gate,
        object=result.object,
        status=status,
        message=result.message,
        hint=result.hint,
        until=result.until,
        **({"lines": list(result.lines)} if result.lines else {}),
    )


def _say_unused(names: t.Iterable[str], observation: Observation) -> None:
    """Warn of a variable without effect, and refuse one that guards something."""
    for name in names:
        if name in GUARDING:
            raise InputError(
                "%s has no effect in this version." % name,
                "Take it out, and approve the plan (--check --diff) by hand.",
            )
        observation.note(
            section="preflight",
            object=name,
            status="not checked",
            message="this variable has no effect in this version",
        )


def _say_egress(settings: Settings, observation: Observation) -> None:
    """Say once, in the report, what was made of the networks for Exchange."""
    dropped, split = settings.egress_dropped, settings.egress_split
    if dropped or split:
        parts = (["%s split to /24" % ", ".join(split)] if split else []) + (
            ["%s left out (Exchange takes no IPv6)" % ", ".join(dropped)] if dropped else []
        )
        observation.note(
            section="preflight",
            object="egress networks",
            status="found",
            message="%d entries for Exchange: %s" % (len(settings.egress), "; ".join(parts)),
        )

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""area1_mx: the MX record sets of many domains, each tried, each with its own result."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError, MailflowError
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..drivers.accounts import Drivers
from ..observed import PROVIDER, handed_on, merge, provider_entry
from ..options import domain_maps, whole_number
from .planner import WantedSet
from .reconcile_set import SetOutcome, SetSteps, bring
from .rrset import RecordSet, mx_wanted

THREADS = 10
MAX_TTL = 2147483647
SHOWN_ERRORS = 5


@dataclasses.dataclass(frozen=True)
class Job:
    domain: str
    provider: str
    wanted: WantedSet


@dataclasses.dataclass(frozen=True)
class MxResult:
    """What came of one job: an outcome or an error."""

    job: Job
    outcome: SetOutcome | None = None
    error: MailflowError | None = None
    sent: bool = False


def run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    drivers = Drivers(params, context)
    jobs = jobs_of(params, drivers)
    observation = Observation(params.get("observation_path"), context.now)
    prepare(
        drivers,
        {job.domain: job.provider for job in jobs if _will_ask(job, drivers, context, observation)},
    )
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        done = list(pool.map(lambda job: _one(job, drivers, context, observation), jobs))
    _hand_on(done, drivers, observation, context)
    results = [_result(item) for item in done]
    plans = [item.outcome.plan for item in done if item.outcome]
    values: dict[str, t.Any] = {
        "results": results,
        "pending": any(result["pending"] for result in results),
    }
    failed = {item.job.domain: item.error for item in done if item.error}
    if failed:
        values.update(next(iter(failed.values())).to_result())
    return Result(
        any(result["changed"] for result in results), plans, values, failure_text(failed, len(jobs))
    )


def jobs_of(params: t.Mapping[str, t.Any], drivers: Drivers) -> list[Job]:
    """Every option checked, before anything is read or written."""
    common = {key: params.get(key) for key in ("records", "ttl", "max_ttl", "expect")}
    jobs = []
    for name, own in domain_maps(params.get("domains"), common).items():
        settings = {**common, **own}
        if "ttl" in own and "max_ttl" not in own:
            settings["max_ttl"] = None
        if "max_ttl" in own and "ttl" not in own:
            settings["ttl"] = None
        jobs.append(
            Job(name, drivers.provider_for(name, own.get("dns_provider")), _wanted(name, settings))
        )
    return jobs


def _will_ask(job: Job, drivers: Drivers, context: Context, observation: Observation) -> bool:
    """Whether the provider is asked at all: not where what was handed on settles it."""
    view = handed_on(observation, job.domain, context.now())
    if view is None:
        return True
    return not context.check_mode and bool(
        SetSteps(drivers.get(job.provider), job.domain, "MX", job.wanted).plan(view)
    )


def prepare(drivers: Drivers, providers: t.Mapping[str, str]) -> None:
    """Let each provider look up many names in few calls."""
    for provider in sorted(set(providers.values())):
        drivers.get(provider).prepare([name for name, its in providers.items() if its == provider])


def failure_text(failed: t.Mapping[str, MailflowError], total: int) -> str:
    """One sentence for the task; each different message once."""
    if not failed:
        return ""
    texts = list(dict.fromkeys(str(error) for error in failed.values()))
    more = (
        " And %d more, see results." % (len(texts) - SHOWN_ERRORS)
        if len(texts) > SHOWN_ERRORS
        else ""
    )
    return "%d of %d domains failed (%s). %s%s" % (
        len(failed),
        total,
        ", ".join(failed),
        " ".join(texts[:SHOWN_ERRORS]),
        more,
    )


def _wanted(name: str, settings: t.Mapping[str, t.Any]) -> WantedSet:
    ttl = whole_number(settings["ttl"], "%s: ttl" % name, 1, MAX_TTL)
    max_ttl = whole_number(settings["max_ttl"], "%s: max_ttl" % name, 1, MAX_TTL)
    if ttl is not None and max_ttl is not None:
        raise InputError(
            "%s: both ttl and max_ttl are given." % name,
            "ttl sets exactly, max_ttl only lowers: give one.",
        )
    records = None if settings["records"] is None else mx_wanted(settings["records"], name)
    expect = (
        None
        if settings["expect"] is None
        else mx_wanted(settings["expect"], "%s (expect)" % name)
        if settings["expect"]
        else ()
    )
    if records is None and ttl is None and max_ttl is None:
        raise InputError(
            "%s: none of records, ttl and max_ttl is given." % name,
            "To look only, use area1_mx_info.",
        )
    return WantedSet(records, ttl, max_ttl, expect)


def _one(job: Job, drivers: Drivers, context: Context, observation: Observation) -> MxResult:
    steps: SetSteps | None = None
    try:
        driver = drivers.get(job.provider)
        steps = SetSteps(driver, job.domain, "MX", job.wanted)
        return MxResult(
            job, bring(steps, driver, context, handed_on(observation, job.domain, context.now()))
        )
    except MailflowError as exc:
        return MxResult(job, error=exc, sent=bool(steps and steps.sent))


def _hand_on(
    done: t.Sequence[MxResult], drivers: Drivers, observation: Observation, context: Context
) -> None:
    entries = {}
    for item in done:
        if item.outcome:
            shown = item.outcome.before if item.outcome.pending else item.outcome.after
            entries[item.job.domain] = provider_entry(
                shown,
                context.now(),
                drivers.get(item.job.provider).CAPABILITIES,
                item.outcome.predicted,
            )
        note = _note(item, context.check_mode)
        if note:
            observation.note(section="mx", object=item.job.domain, **note)
    merge(
        observation,
        PROVIDER,
        entries,
        [item.job.domain for item in done if item.error],
        predicted=context.check_mode,
    )
    observation.save()


def _note(item: MxResult, check_mode: bool) -> dict[str, t.Any]:
    if item.error:
        return {"status": "failed", "message": item.error.message, "hint": item.error.hint}
    outcome = item.outcome
    if outcome is None or not outcome.plan:
        return {}
    message = "MX %s, was %s" % (_shown(outcome.after), _shown(outcome.before))
    if outcome.pending:
        return {
            "status": "pending",
            "message": "To be set by hand: %s" % "; ".join(outcome.zone_lines),
        }
    return {"status": "would change" if check_mode else "changed", "message": message}


def _result(item: MxResult) -> dict[str, t.Any]:
    outcome = item.outcome
    result: dict[str, t.Any] = {
        "domain": item.job.domain,
        "dns_provider": item.job.provider,
        "changed": outcome.changed if outcome else item.sent,
        "pending": bool(outcome and outcome.pending),
        "before": _side(outcome.before) if outcome else None,
        "after": _side(outcome.after) if outcome else None,
        "zone_lines": list(outcome.zone_lines) if outcome else [],
        "modified_on": (
            outcome.after.modified_on
            if outcome and outcome.after and not outcome.predicted
            else None
        ),
        "date": outcome.after.date if outcome and outcome.after else None,
        "error": item.error.to_result()["error"] if item.error else None,
    }
    return result


def _side(record_set: RecordSet | None) -> dict[str, t.Any]:
    return {
        "records": record_set.records() if record_set else [],
        "ttl": record_set.ttl if record_set else None,
        "auto_ttl": bool(record_set and record_set.auto_ttl),
    }


def _shown(record_set: RecordSet | None) -> str:
    if record_set is None:
        return "none"
    return "%s (TTL %s)" % (", ".join(record_set.values), record_set.shown_ttl)

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module area1_mx: the MX record sets of many domains, each tried, each with its result."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError, MailflowError, failure_text
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.timeline import happened
from ..drivers.accounts import DnsAccount, Drivers
from ..drivers.contract import Driver
from ..observed import PROVIDER, WORLD, handed_on, merge, provider_entry
from ..options import domain_maps, whole_number
from .by_account import by_account, settle
from .planner import WantedSet
from .reconcile_set import SetOutcome, SetSteps, bring
from .rrset import RecordSet, mx_wanted

MAX_TTL = 2147483647


@dataclasses.dataclass(frozen=True)
class Job:
    """One domain's set as it is wanted, and where it is."""

    domain: str
    account: DnsAccount | MailflowError
    wanted: WantedSet

    @property
    def provider(self) -> str | None:
        """Return the word for the provider; None where ``auto`` found none."""
        return self.account.provider if isinstance(self.account, DnsAccount) else None


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
    wanted = {job.domain: job for job in jobs}
    accounts = {job.domain: job.account for job in jobs}
    asked = {job.domain for job in jobs if _will_ask(job, drivers, context, observation)}

    def one(name: str, driver: Driver) -> MxResult:
        return _one(wanted[name], driver, context, observation)

    found = by_account(drivers, accounts, one, asked)
    done = [
        MxResult(wanted[name], error=item)
        if isinstance(item, MailflowError)
        else _explained(item, drivers)
        for name, item in found.items()
    ]
    if not context.check_mode:
        settle(drivers, accounts, [item.job.domain for item in done if item.sent], context)
    _hand_on(done, drivers, observation, context)
    results = [_result(item) for item in done]
    _note_event(params, results, observation, context)
    plans = [item.outcome.plan for item in done if item.outcome]
    values: dict[str, t.Any] = {
        "results": results,
        "pending": any(result["pending"] for result in results),
    }
    failed = {item.job.domain: item.error for item in done if item.error}
    if failed:
        values.update(next(iter(failed.values())).to_result())
    return Result(
        any(result["changed"] for result in results),
        plans,
        values,
        failure_text(failed, len(jobs)),
        partial=bool(failed),
    )


def jobs_of(params: t.Mapping[str, t.Any], drivers: Drivers) -> list[Job]:
    """Return the jobs with every option checked, before anything is read or written."""
    common = {key: params.get(key) for key in ("records", "ttl", "max_ttl", "expect")}
    wanted: dict[str, WantedSet] = {}
    maps = domain_maps(params.get("domains"), common)
    for name, own in maps.items():
        settings = {**common, **own}
        if "ttl" in own and "max_ttl" not in own:
            settings["max_ttl"] = None
        if "max_ttl" in own and "ttl" not in own:
            settings["ttl"] = None
        wanted[name] = _wanted(name, settings)
    accounts = drivers.accounts_of(maps)
    return [Job(name, accounts[name], wanted[name]) for name in maps]


def _will_ask(job: Job, drivers: Drivers, context: Context, observation: Observation) -> bool:
    """Return whether the provider is asked at all: not if what was handed on settles it."""
    if isinstance(job.account, MailflowError):
        return False
    view = handed_on(observation, job.domain, context.now())
    if view is None:
        return True
    return not context.check_mode and bool(
        SetSteps(drivers.get(job.account), job.domain, "MX", job.wanted).plan(view)
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


def _one(job: Job, driver: Driver, context: Context, observation: Observation) -> MxResult:
    steps = SetSteps(driver, job.domain, "MX", job.wanted)
    try:
        outcome = bring(steps, driver, context, handed_on(observation, job.domain, context.now()))
        return MxResult(job, outcome, sent=steps.sent)
    except MailflowError as exc:
        return MxResult(job, error=exc, sent=steps.sent)


def _explained(item: MxResult, drivers: Drivers) -> MxResult:
    if item.error is None or not isinstance(item.job.account, DnsAccount):
        return item
    error = drivers.explained(item.job.domain, item.job.account, item.error)
    return dataclasses.replace(item, error=error)


def _hand_on(
    done: t.Sequence[MxResult], drivers: Drivers, observation: Observation, context: Context
) -> None:
    entries = {}
    for item in done:
        if item.outcome and isinstance(item.job.account, DnsAccount):
            shown = item.outcome.before if item.outcome.pending else item.outcome.after
            entries[item.job.domain] = provider_entry(
                shown,
                context.now(),
                drivers.get(item.job.account).CAPABILITIES,
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
    if not context.check_mode:
        observation.outdate(WORLD, [item.job.domain for item in done if _wrote(item)])
    observation.save()


def _wrote(item: MxResult) -> bool:
    """Return whether the name servers may answer something else now than when they were asked."""
    return bool(item.sent or (item.outcome and item.outcome.changed))


def _note_event(
    params: t.Mapping[str, t.Any],
    results: t.Sequence[t.Mapping[str, t.Any]],
    observation: Observation,
    context: Context,
) -> None:
    """Note in the time line what the caller says these changes are."""
    changed = [result["domain"] for result in results if result["changed"]]
    if params.get("event") and changed:
        happened(observation, params["event"], changed, context.check_mode)
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
            "hint": " ".join(outcome.instructions),
        }
    return {"status": "would change" if check_mode else "changed", "message": message}


def _result(item: MxResult) -> dict[str, t.Any]:
    outcome = item.outcome
    result: dict[str, t.Any] = {
        "domain": item.job.domain,
        "dns_provider": item.job.provider,
        "dns_account": (isinstance(item.job.account, DnsAccount) and item.job.account.name) or None,
        "changed": outcome.changed if outcome else item.sent,
        "pending": bool(outcome and outcome.pending),
        "before": _side(outcome.before) if outcome else None,
        "after": _side(outcome.after) if outcome else None,
        "zone_lines": list(outcome.zone_lines) if outcome else [],
        "instructions": list(outcome.instructions) if outcome else [],
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

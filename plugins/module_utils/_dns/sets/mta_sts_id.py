# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module area1_mta_sts: the TXT record that announces a new MTA-STS policy.

It takes many domains. The policy itself is not ours.
"""

from __future__ import annotations

import re
import typing as t

from ..._engine.context import Context
from ..._engine.errors import Conflict, InputError, MailflowError, failure_text
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..drivers.accounts import Drivers
from ..drivers.contract import Driver
from ..observed import STS, WORLD
from ..options import domain_maps
from ..public.mta_sts_policy import MARK
from .by_account import by_account, settle
from .planner import WantedSet
from .reconcile_set import SetOutcome, SetSteps, View, bring
from .rrset import RecordSet

_ID = re.compile(r"^[A-Za-z0-9]{1,32}$")
_PRESENT = re.compile(
    r"^v=STSv1[ \t]*;[ \t]*id=([A-Za-z0-9]{1,32})[ \t]*(;.*)?$", re.IGNORECASE | re.DOTALL
)


def run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    drivers = Drivers(params, context)
    own = domain_maps(params.get("domains"), {"id", "expect"})
    for name, settings in own.items():
        if not _ID.match(str(settings.get("id") or "")):
            raise InputError(
                "%s: %r is not an MTA-STS id." % (name, settings.get("id")),
                "An id is 1 to 32 letters and digits, like 20261125T190000.",
            )
    accounts = drivers.accounts_of(own)
    observation = Observation(params.get("observation_path"), context.now)

    def one(name: str, driver: Driver) -> SetOutcome:
        identifier = str(own[name]["id"])
        return publish(driver, name, identifier, own[name].get("expect"), context)

    done = by_account(drivers, accounts, one)
    changed = [name for name, item in done.items() if isinstance(item, SetOutcome) and item.changed]
    if not context.check_mode:
        settle(drivers, accounts, changed, context)
    _hand_on(observation, done, changed, context)
    outcomes = {name: outcome for name, outcome in done.items() if isinstance(outcome, SetOutcome)}
    failed = {name: outcome for name, outcome in done.items() if isinstance(outcome, MailflowError)}
    values: dict[str, t.Any] = {"results": [_result(name, done[name]) for name in own]}
    if failed:
        values.update(next(iter(failed.values())).to_result())
    plans = [outcome.plan for outcome in outcomes.values()]
    return Result(
        any(outcome.changed for outcome in outcomes.values()),
        plans,
        values,
        failure_text(failed, len(own)),
        partial=bool(failed),
    )


def publish(
    driver: Driver, domain: str, identifier: str, expect: t.Any, context: Context
) -> SetOutcome:
    """Publish the id: the MTA-STS record is replaced in place, other TXT records stay.

    With ``expect`` there must be exactly one MTA-STS record, with that id or the new one; otherwise
    raise Conflict.
    """
    name = "_mta-sts." + domain
    present = driver.read(name, "TXT")
    values = present.values if present else ()
    others = tuple(value for value in values if not value.lower().startswith(MARK))
    ours = [value for value in values if value.lower().startswith(MARK)]
    found = _PRESENT.match(ours[0].strip()) if len(ours) == 1 else None
    if expect and (found is None or found.group(1) not in (str(expect), identifier)):
        raise Conflict(
            "%s: the MTA-STS record is %s, not the one with the id %s."
            % (domain, " and ".join(ours) or "gone", expect),
            "Somebody changed it meanwhile. Look at it, then run again.",
        )
    if found is not None and found.group(1) == identifier:
        wanted = WantedSet(values=values)
    else:
        wanted = WantedSet(values=(*others, "v=STSv1; id=%s;" % identifier))
    steps = SetSteps(driver, name, "TXT", wanted)
    return bring(steps, driver, context, View(present) if context.check_mode else None)


def _hand_on(
    observation: Observation,
    done: t.Mapping[str, SetOutcome | MailflowError],
    changed: list[str],
    context: Context,
) -> None:
    for name, outcome in done.items():
        note = _note(outcome, context.check_mode)
        if note:
            observation.note(section="mx", object=name, **note)
    if not context.check_mode:
        observation.outdate(STS, changed)
        observation.outdate(WORLD, changed)
    observation.save()


def _note(outcome: SetOutcome | MailflowError, check_mode: bool) -> dict[str, t.Any]:
    if isinstance(outcome, MailflowError):
        return {"status": "failed", "message": outcome.message, "hint": outcome.hint}
    if not outcome.plan:
        return {}
    if outcome.pending:
        return {
            "status": "pending",
            "message": "To be set by hand: %s" % "; ".join(outcome.zone_lines),
            "hint": " ".join(outcome.instructions),
        }
    shown = ", ".join(outcome.after.values) if outcome.after else "none"
    return {
        "status": "would change" if check_mode else "changed",
        "message": "MTA-STS record: %s" % shown,
    }


def _result(name: str, outcome: SetOutcome | MailflowError) -> dict[str, t.Any]:
    if isinstance(outcome, MailflowError):
        return {
            "domain": name,
            "changed": False,
            "pending": False,
            "before": [],
            "after": [],
            "zone_lines": [],
            "instructions": [],
            "error": outcome.to_result()["error"],
        }
    return {
        "domain": name,
        "changed": outcome.changed,
        "pending": outcome.pending,
        "before": _values(outcome.before),
        "after": _values(outcome.after),
        "zone_lines": list(outcome.zone_lines),
        "instructions": list(outcome.instructions),
        "error": None,
    }


def _values(record_set: RecordSet | None) -> list[str]:
    return list(record_set.values) if record_set else []

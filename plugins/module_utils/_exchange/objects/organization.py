# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Organization customization (IsDehydrated) and RejectDirectSend."""

from __future__ import annotations

import typing as t

from ..._engine.context import Context
from ..._engine.errors import AmbiguousWrite, Conflict, MailflowError, NotFound, Refused
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.plan import Plan, Property, plan_object
from ..._engine.values import BOOL, boolean
from ..errors import NotRequired
from ..transport import open_transport
from .store import Records, Store

SECTION = "organization"
POLL_SECONDS = 30.0
FIRST_LOOK_SECONDS = 5.0

DIRECT_SEND = (Property("reject_direct_send", "RejectDirectSend", BOOL),)


def run_organization(params: t.Mapping[str, t.Any], context: Context) -> Result:
    observation = Observation(params.get("observation_path"))
    store = Store(open_transport(params, context), observation)
    config = _one(store.either(SECTION))
    plans: list[Plan] = []
    pending = False
    if params["customization"]:
        plan, pending = _customize(
            store, context, config, params["wait_timeout"] * 60.0 if params["wait"] else 0.0
        )
        plans.append(plan)
    if params.get("reject_direct_send") is not None:
        plans.append(_direct_send(store, context, params["reject_direct_send"]))
    world = _one(store.either(SECTION))
    for plan in filter(None, plans):
        observation.note(
            section=SECTION,
            object="organization",
            status="would change" if context.check_mode else "changed",
            message=(
                "Enable-OrganizationCustomization"
                if plan.changes[0].name == "IsDehydrated"
                else "RejectDirectSend set"
            ),
        )
    if pending:
        observation.note(
            section=SECTION,
            object="organization",
            status="due",
            message="the organization is being customized; this may take up to 24 hours",
        )
    observation.save()
    values = {
        "is_dehydrated": boolean(world.get("IsDehydrated")),
        "reject_direct_send": world.get("RejectDirectSend"),
        "pending": pending,
    }
    return Result(any(plans), plans, values)


def _one(records: Records) -> dict[str, t.Any]:
    if len(records) != 1:
        raise Conflict(
            "Get-OrganizationConfig returned %d objects instead of one." % len(records),
            "Is this the right service?",
        )
    return records[0]


def _customize(
    store: Store, context: Context, config: dict[str, t.Any], wait: float
) -> tuple[Plan, bool]:
    """Enable customization where needed, and return (plan, whether it is still pending).

    The cmdlet may throw and yet succeed, and IsDehydrated may stay true for hours [EXO-2.7]: the
    state is read again, and the cmdlet is not repeated.
    """
    plan = plan_object(
        "OrganizationConfig",
        "customization",
        (Property("", "IsDehydrated", BOOL),),
        config,
        {"IsDehydrated": False},
    )
    if not plan:
        return plan, False
    if context.check_mode:
        store.observation.put(SECTION, [plan.apply_to(config)], predicted=True)
        return plan, False
    problem: MailflowError | None = None
    try:
        store.client.invoke("Enable-OrganizationCustomization", {})
    except NotRequired:
        plan = Plan("OrganizationConfig", "customization")
    except (AmbiguousWrite, NotFound, Refused) as exc:
        problem = exc
    dehydrated = _wait(store, context, wait)
    if dehydrated and problem is not None:
        context.warn_once(
            "Enable-OrganizationCustomization answered: %s This happens although it has begun; run"
            " again in an hour. If it stays so, run it by hand or ask Microsoft." % problem.message
        )
    return plan, dehydrated


def _wait(store: Store, context: Context, seconds: float) -> bool:
    """Wait for ``seconds`` at most, and return whether the tenant is still dehydrated."""
    waited, pause = 0.0, 1.0
    limit = max(seconds, FIRST_LOOK_SECONDS)
    while boolean(_one(store.read(SECTION)).get("IsDehydrated")):
        if waited >= limit:
            return True
        context.sleep(pause)
        waited += pause
        pause = min(pause * 2, POLL_SECONDS)
    return False


def _direct_send(store: Store, context: Context, wanted: bool) -> Plan:
    plan = plan_object(
        "OrganizationConfig",
        "organization",
        DIRECT_SEND,
        _one(store.either(SECTION)),
        {"RejectDirectSend": wanted},
    )
    if not plan:
        return plan
    config = _one(store.either(SECTION))
    if context.check_mode:
        store.observation.put(SECTION, [plan.apply_to(config)], predicted=True)
        return plan
    store.client.invoke(
        "Set-OrganizationConfig", {change.name: change.after for change in plan.changes}
    )
    store.read(SECTION)
    return plan

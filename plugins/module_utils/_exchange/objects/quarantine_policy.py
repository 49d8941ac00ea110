# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Quarantine policies: what users may do with their mail in quarantine."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.plan import Change, Plan
from ..._facts.exchange_objects import QUARANTINE_POLICY, plain_name
from ..._facts.quarantine_permissions import LEVELS, NOT_OURS, PERMISSIONS, names_of, value_of
from ..transport import open_transport
from .store import ObjectSteps, Records, Store, drive, find


def run_quarantine_policy(params: t.Mapping[str, t.Any], context: Context) -> Result:
    name = str(params["name"]).strip()
    wanted = _wanted(name, params) if params["state"] == "present" else None
    _refuse_built_in(name)
    observation = Observation(params.get("observation_path"))
    store = Store(open_transport(params, context), observation)
    steps = PolicySteps(store, name, wanted, str(params.get("admin_display_name") or ""))
    outcome = drive(steps, context, params.get("report_section") or "message_handling")
    observation.save()
    return Result(
        outcome.changed, [outcome.plan], {"policy": describe_policy(find(outcome.world, name))}
    )


def _wanted(name: str, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    if not name or "\\" in name:
        raise InputError(
            "%r cannot be the name of a quarantine policy." % name, "Give a name without backslash."
        )
    given = dict(params)
    given["permissions_value"] = LEVELS.get(str(params.get("access") or ""))
    if params.get("permissions") is not None:
        chosen = list(params["permissions"])
        unknown = [item for item in chosen if item not in PERMISSIONS]
        if unknown:
            raise InputError(
                "%s: not a permission of a quarantine policy." % ", ".join(map(str, unknown)),
                "Valid ones are %s." % ", ".join(PERMISSIONS),
            )
        if {"release", "request_release"} <= set(chosen):
            raise InputError(
                "permissions: release and request_release exclude each other; Exchange Online"
                " refuses both together.",
                "Give release (users decide) or request_release (an administrator decides).",
            )
        given["permissions_value"] = value_of(chosen)
    return QUARANTINE_POLICY.wanted(given)


def _refuse_built_in(name: str) -> None:
    if name.lower() in {item.lower() for item in NOT_OURS}:
        raise InputError(
            "%s is a built-in quarantine policy and cannot be changed or removed." % name,
            "Make a policy of your own under another name.",
        )


class PolicySteps(ObjectSteps):
    """The steps for one quarantine policy.

    ``AdminDisplayName`` is sent only when the policy is created: Set-QuarantinePolicy has no such
    parameter.
    """

    def __init__(
        self, store: Store, name: str, wanted: t.Mapping[str, t.Any] | None, display_name: str
    ) -> None:
        super().__init__(store, QUARANTINE_POLICY, name, wanted)
        self.display_name = display_name

    def apply(self, world: Records, plan: Plan) -> None:
        if plan.action == "create" and self.display_name:
            plan = _with_display_name(plan, self.display_name)
        super().apply(world, plan)

    def predict(self, world: Records, plan: Plan) -> Records:
        predicted = super().predict(world, plan)
        if plan.action == "create":
            record = find(predicted, self.name) or {}
            record["AdminDisplayName"] = self.display_name
        return predicted


def _with_display_name(plan: Plan, display_name: str) -> Plan:
    return dataclasses.replace(
        plan, changes=(*plan.changes, Change("AdminDisplayName", None, display_name))
    )


def describe_policy(record: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    if record is None:
        return None
    value = int(record.get("EndUserQuarantinePermissionsValue") or 0)
    return {
        "name": plain_name(record),
        "permissions": names_of(value),
        "permissions_value": value,
        "notifications": bool(record.get("ESNEnabled")),
        "include_messages_from_blocked_sender_address": bool(
            record.get("IncludeMessagesFromBlockedSenderAddress")
        ),
        "admin_display_name": str(record.get("AdminDisplayName") or ""),
    }

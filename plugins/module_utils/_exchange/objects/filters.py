# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The connection filter, and which anti-spam policies apply to somebody."""

from __future__ import annotations

import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError, NotFound
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.plan import ListIntent, Plan
from ..._engine.values import as_list, boolean
from ..._facts.exchange_objects import CONNECTION_FILTER
from ..transport import open_transport
from .store import ObjectSteps, Records, Store, drive, find
from .tables import MAX_FILTER_ENTRIES, check_addresses


def run_connection_filter(params: t.Mapping[str, t.Any], context: Context) -> Result:
    wanted = CONNECTION_FILTER.wanted(params)
    for prop in CONNECTION_FILTER.properties:
        if prop.kind.is_list and prop.name in wanted:
            wanted[prop.name] = intent = t.cast(ListIntent, ListIntent.of(wanted[prop.name]))
            intent.check(prop)
            check_addresses(prop.option, (*intent.add, *(intent.set or ())), ranges=True)
    observation = Observation(params.get("observation_path"))
    store = Store(open_transport(params, context), observation)
    steps = ObjectSteps(
        store,
        CONNECTION_FILTER,
        params["identity"],
        wanted,
        must_exist="Every tenant has the policy Default; is the identity spelled right?",
        check=_check_capacity,
    )
    outcome = drive(steps, context, "connection_filter")
    observation.save()
    record = find(outcome.world, params["identity"]) or {}
    values = {
        prop.option: as_list(record.get(prop.name)) if prop.kind.is_list else record.get(prop.name)
        for prop in CONNECTION_FILTER.properties
    }
    return Result(outcome.changed, [outcome.plan], {"policy": values})


def _check_capacity(record: dict[str, t.Any] | None, plan: Plan) -> None:
    for change in plan.changes:
        count = len(change.after) if isinstance(change.after, list) else 0
        if count > MAX_FILTER_ENTRIES:
            raise InputError(
                "%s of %s would have %d entries; Exchange Online takes %d."
                % (change.name, plan.identity, count, MAX_FILTER_ENTRIES),
                "Remove entries that are not needed any more, or join neighbours to networks of up"
                " to /24.",
            )


def applying_policies(policies: Records, rules: Records) -> Records:
    """Return Default and each custom policy that an enabled rule assigns to recipients.

    Preset policies cannot be edited and are left out.
    """
    assigned = {
        str(rule.get("HostedContentFilterPolicy") or rule.get("Name") or "").strip().lower()
        for rule in rules
        if str(rule.get("State", "Enabled")).lower() == "enabled"
    }
    found = [
        policy
        for policy in policies
        if not is_preset(policy)
        and (is_default(policy) or str(policy.get("Name", "")).lower() in assigned)
    ]
    if not any(is_default(policy) for policy in found):
        raise NotFound(
            "The answer holds no default anti-spam policy.",
            "Every tenant has one: does the application see all policies?",
        )
    return found


def is_default(policy: t.Mapping[str, t.Any]) -> bool:
    return (
        boolean(policy.get("IsDefault")) is True or str(policy.get("Name", "")).lower() == "default"
    )


def is_preset(policy: t.Mapping[str, t.Any]) -> bool:
    """Return whether a policy belongs to the preset security policies (Standard, Strict).

    They have RecommendedPolicyType; in older answers only the name tells.
    """
    kind = str(policy.get("RecommendedPolicyType") or "").lower()
    return (
        kind in ("standard", "strict")
        or "preset security policy" in str(policy.get("Name", "")).lower()
    )

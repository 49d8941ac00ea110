# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The anti-spam (content filter) policies: what happens to mail by its verdict."""

from __future__ import annotations

import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.plan import Plan
from ..._engine.values import as_list
from ..._facts.exchange_objects import CONTENT_FILTER, plain_name
from ..transport import open_transport
from .filters import applying_policies, is_preset
from .store import ObjectSteps, Records, Store, drive, find

SPAM_ACTIONS = ("MoveToJmf", "Quarantine", "AddXHeader", "ModifySubject", "Redirect", "Delete")
BULK_ACTIONS = (*SPAM_ACTIONS, "NoAction")
PHISH_ACTIONS = ("Quarantine", "Redirect")
#: Whole numbers with limits ([EXO-2.4]).
LIMITS = {"bulk_threshold": (1, 9), "quarantine_retention_period": (1, 30)}
LONGEST_HEADER = 255
LONGEST_NAME = 256


def run_content_filter(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Manage one policy by identity, or every policy that applies to some recipient.

    Preset policies are left alone.
    """
    wanted = _wanted(params)
    observation = Observation(params.get("observation_path"))
    store = Store(open_transport(params, context), observation)
    world = store.either("content_filter")
    names = _names(params, store, world)
    _check_tags(wanted, store)
    plans: list[Plan] = []
    for name in names:
        steps = ObjectSteps(
            store,
            CONTENT_FILTER,
            name,
            wanted,
            must_exist="This module changes policies that exist; it makes none.",
            check=_check_actions,
        )
        outcome = drive(steps, context, params.get("report_section") or "connection_filter")
        plans.append(outcome.plan)
        world = outcome.world
    observation.save()
    policies = [{"name": name, **_values(find(world, name))} for name in names]
    return Result(any(plans), plans, {"policies": policies})


def _wanted(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    given = dict(params)
    if given.get("mark_as_spam_spf_record_hard_fail") is not None:
        given["mark_as_spam_spf_record_hard_fail"] = (
            "On" if given["mark_as_spam_spf_record_hard_fail"] else "Off"
        )
    for option, (low, high) in LIMITS.items():
        if given.get(option) is not None and not low <= int(given[option]) <= high:
            raise InputError(
                "%s: %s is out of range." % (option, given[option]),
                "Give a number from %d to %d." % (low, high),
            )
    header = str(given.get("add_x_header_value") or "")
    if len(header) > LONGEST_HEADER or " " in header or ":" in header:
        raise InputError(
            "add_x_header_value: %r is no header name." % header,
            "Give at most %d characters, without spaces and colons." % LONGEST_HEADER,
        )
    if len(str(given.get("admin_display_name") or "")) > LONGEST_NAME:
        raise InputError(
            "admin_display_name has more than %d characters." % LONGEST_NAME, "Make it shorter."
        )
    return CONTENT_FILTER.wanted(given)


def _names(params: t.Mapping[str, t.Any], store: Store, world: Records) -> list[str]:
    if params["scope"] == "applying":
        return [
            str(policy["Name"])
            for policy in applying_policies(world, store.either("content_filter_rules"))
        ]
    record = find(world, params["identity"])
    if record is not None and is_preset(record):
        raise InputError(
            "%s belongs to a preset security policy, which cannot be edited." % params["identity"],
            "Name another policy.",
        )
    return [params["identity"]]


def _check_tags(wanted: t.Mapping[str, t.Any], store: Store) -> None:
    """Refuse a quarantine policy that does not exist.

    What the service does with mail for such a policy is not known.
    """
    tags = {
        str(value): name
        for name, value in wanted.items()
        if name.endswith("QuarantineTag") and value
    }
    if not tags:
        return
    known = [plain_name(record) for record in store.either("quarantine_policies")]
    here = {name.lower() for name in known}
    missing = sorted(tag for tag in tags if tag.lower() not in here)
    if missing:
        raise InputError(
            "There is no quarantine policy named %s (%s)." % (", ".join(missing), tags[missing[0]]),
            "There are %s. Make another with mailflow.area1.o365_quarantine_policy first."
            % ", ".join(sorted(known)),
        )


def _check_actions(record: dict[str, t.Any] | None, plan: Plan) -> None:
    """Refuse an action without the value that it works with, given now or there already."""
    whole = plan.apply_to(record) or dict(record or {})
    actions = {str(value) for name, value in whole.items() if name.endswith("Action")}
    needs = {
        "Redirect": "RedirectToRecipients",
        "ModifySubject": "ModifySubjectValue",
        "AddXHeader": "AddXHeaderValue",
    }
    changed = {change.name for change in plan.changes}
    for action, name in needs.items():
        if (
            action in actions
            and not as_list(whole.get(name))
            and any(item.endswith("Action") for item in changed)
        ):
            option = next(prop.option for prop in CONTENT_FILTER.properties if prop.name == name)
            raise InputError(
                "%s: the action %s needs %s." % (plan.identity, action, option),
                "Give %s too." % option,
            )


def _values(record: dict[str, t.Any] | None) -> dict[str, t.Any]:
    return {
        prop.option: (
            as_list((record or {}).get(prop.name))
            if prop.kind.is_list
            else (record or {}).get(prop.name)
        )
        for prop in CONTENT_FILTER.properties
    }

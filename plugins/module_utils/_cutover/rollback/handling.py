# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Message handling on the way back.

Our rules and quarantine policies are removed, and the anti-spam policies get their values back.
"""

from __future__ import annotations

import typing as t

from ..._facts import use_cases
from ..._facts.exchange_objects import plain_name
from ..handling import objects as handling
from ..model.gate import GateResult, noticed
from ..model.world import World
from .three_way import FOREIGN, OURS, plain, verdict

Record = t.Mapping[str, t.Any]
HARD_FAIL = "MarkAsSpamSpfRecordHardFail"
#: What a person may change of a rule of ours and it stays ours: the networks follow the published
#: list, the state is a switch.
NOT_JUDGED = frozenset({"SenderIpRanges", "State"})


def rules(world: World, past: World, left: list[GateResult]) -> list[str]:
    """Return the names of the rules to remove.

    They have our stamp, were not there before the deployment, and were not changed by others since.
    """
    before = past.if_read.transport_rules
    wanted = {rule.name.lower(): rule for rule in handling.wanted_rules(world)}
    found = []
    for record in world.transport_rules:
        name = str(record.get("Name") or "")
        if not handling.is_our_rule(record) or handling.named(before, name) is not None:
            continue
        rule = wanted.get(name.lower())
        edited: list[str] = []
        if rule is not None and record.get("Comments") == rule.properties["Comments"]:
            edited = [
                item
                for item in handling.rule_differs(rule.effect, record)
                if item not in NOT_JUDGED
            ]
        if edited:
            left.append(
                noticed(
                    "left",
                    "rule %s" % name,
                    "somebody changed %s since: left as it is" % ", ".join(edited),
                )
            )
        else:
            found.append(name)
    return found


def filters(world: World, past: World, left: list[GateResult]) -> list[dict[str, t.Any]]:
    """Return the options that restore each anti-spam policy.

    These are verdict actions, quarantine policies, retention, and SPF hard fail.
    """
    going = {name.lower() for name in _ours(world, past)}
    applying = _applying(world) | _applying(past)
    found = []
    for record in world.content_filter:
        name = str(record.get("Name") or "")
        before = handling.named(past.content_filter, name)
        if before is None:
            continue
        options = _verdicts(world, name, before, record, going, left)
        was, now = (str(item.get(HARD_FAIL) or "").lower() for item in (before, record))
        if name.lower() in applying and was == "on" and now == "off":
            options["mark_as_spam_spf_record_hard_fail"] = True
        if options:
            found.append({"identity": name, **options})
    return found


def _applying(world: World) -> set[str]:
    names = world.if_read.applying_policies or [
        str(item.get("Name")) for item in world.content_filter
    ]
    return {str(name).lower() for name in names}


def _verdicts(
    world: World, name: str, before: Record, now: Record, going: set[str], left: list[GateResult]
) -> dict[str, t.Any]:
    options: dict[str, t.Any] = {}
    foreign = []
    managed = name.lower() in {item.lower() for item in handling.filter_names(world)}
    current = handling.filter_options(world, name) if managed else {}
    for prop in handling.FILTER_TABLE:
        option, parameter, kind = prop.option, prop.name, prop.kind
        there = now.get(parameter)
        found = verdict(
            kind, before.get(parameter), _written(option, current) if managed else (), there
        )
        if option.endswith("_tag") and str(there or "").lower() in going:
            found = OURS
        if found == OURS and before.get(parameter) not in (None, ""):
            options[option] = plain(kind, before[parameter])
        elif found == OURS and option.endswith("_tag"):
            options[option] = handling.DEFAULT_TAG
        elif found == FOREIGN and option in current:
            foreign.append(parameter)
    if foreign:
        message = "somebody changed %s since: left as it is" % ", ".join(foreign)
        left.append(noticed("left", "anti-spam policy %s" % name, message))
    return options


def _written(option: str, current: t.Mapping[str, t.Any]) -> list[t.Any]:
    """Return the values that any use case may have written: the deployed one may be another."""
    known = [use_cases.published(case).filter.get(option) for case in use_cases.CASES]
    if option.endswith("_period"):
        known += list(use_cases.RETENTION_DAYS)
    return [value for value in (*known, current.get(option)) if value is not None]


def _ours(world: World, past: World) -> list[str]:
    before = past.if_read.quarantine_policies
    return [
        plain_name(record)
        for record in world.if_read.quarantine_policies
        if handling.is_our_policy(record) and handling.named(before, plain_name(record)) is None
    ]


def quarantine_policies(
    world: World, past: World, restored: t.Sequence[t.Mapping[str, t.Any]], left: list[GateResult]
) -> list[str]:
    """Return our quarantine policies that no anti-spam policy names after ``restored``."""
    options = {str(item["identity"]).lower(): item for item in restored}
    found = []
    for name in _ours(world, past):
        users = []
        for record in world.content_filter:
            given = options.get(str(record.get("Name") or "").lower(), {})
            tags = [
                str(given.get(option, record.get(parameter)) or "").lower()
                for option, parameter in handling.FILTER.items()
                if option.endswith("_tag")
            ]
            users += [str(record.get("Name"))] if name.lower() in tags else []
        if users:
            message = "the anti-spam policies %s name it: it stays" % ", ".join(users)
            left.append(noticed("left", "quarantine policy %s" % name, message))
        else:
            found.append(name)
    return found

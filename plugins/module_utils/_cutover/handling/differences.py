# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Compare the rules, policies and filters of the use case with what is there."""

from __future__ import annotations

import typing as t

from ..model.world import World
from .objects import (
    POLICY,
    Record,
    WantedRule,
    _foreign_equal,
    _to_order,
    case_of,
    differs,
    filter_names,
    filter_options,
    filter_properties,
    is_our_policy,
    is_our_rule,
    named,
    obsolete_policies,
    obsolete_rules,
    policy_properties,
    rule_differs,
    wanted_rules,
)


def differences(world: World) -> list[tuple[str, str]]:
    """Return (object, what is not as wanted); [] means that all is in place."""
    found: list[tuple[str, str]] = []
    for name, entry in case_of(world).policies.items():
        record = named(world.quarantine_policies, name)
        if differs(policy_properties(entry), record, POLICY):
            found.append(
                ("quarantine policy %s" % name, "is missing" if record is None else "differs")
            )
    for name in filter_names(world):
        wanted, table = filter_properties(filter_options(world, name))
        different = differs(wanted, named(world.content_filter, name), table)
        if different:
            found.append(("anti-spam policy %s" % name, "differs: %s" % ", ".join(different)))
    for rule in wanted_rules(world):
        text = rule_difference(world, rule)
        if text:
            found.append(("rule %s" % rule.name, text))
    found += [("transport rules", "stand in another order")] if _out_of_order(world) else []
    found += [
        ("rule %s" % name, "belongs to an earlier use case") for name in obsolete_rules(world)
    ]
    found += [
        ("quarantine policy %s" % name, "belongs to an earlier use case")
        for name in obsolete_policies(world)
    ]
    return found


def rule_difference(world: World, rule: WantedRule) -> str:
    record = named(world.transport_rules, rule.name)
    if record is None:
        return "is missing"
    ours = is_our_rule(record)
    different = rule_differs(rule.properties if ours else rule.effect, record)
    different += ["Name"] if ours and record.get("Name") != rule.name else []
    return "differs: %s" % ", ".join(different) if different else ""


def _out_of_order(world: World) -> bool:
    priorities = [number for _rule, number in _numbered(world, _to_order(world))]
    return priorities != sorted(priorities)


def _numbered(world: World, rules: t.Iterable[WantedRule]) -> list[tuple[WantedRule, int]]:
    """Return the existing rules with their positions among all rules of the tenant."""
    found = [(rule, named(world.transport_rules, rule.name)) for rule in rules]
    return [
        (rule, int(record.get("Priority") or 0)) for rule, record in found if record is not None
    ]


def misplaced_by_hand(world: World) -> list[str]:
    """Return rules of others that count as the use case's and stand in another position."""
    rules = _numbered(world, wanted_rules(world))
    return [
        rule.name
        for place, (rule, number) in enumerate(rules)
        if _foreign_equal(world, rule)
        and (
            any(other > number for _rule, other in rules[:place])
            or any(other < number for _rule, other in rules[place:])
        )
    ]


def made_by_hand(world: World) -> list[tuple[str, Record]]:
    """Return rules and policies of others under our names that do something else."""
    found = []
    for rule in wanted_rules(world):
        record = named(world.transport_rules, rule.name)
        if record is not None and not is_our_rule(record) and rule_differs(rule.effect, record):
            found.append(("rule", record))
    for name, entry in case_of(world).policies.items():
        record = named(world.quarantine_policies, name)
        if (
            record is not None
            and not is_our_policy(record)
            and differs(policy_properties(entry), record, POLICY)
        ):
            found.append(("quarantine policy", record))
    return found

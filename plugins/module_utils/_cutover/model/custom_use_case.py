# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The value of area1_use_case: a number, or a map that describes a use case of one's own.

A map is checked as a whole.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing as t

from ..._engine.errors import InputError
from ..._engine.values import as_list, boolean
from ..._facts.dispositions import check_dispositions
from ..._facts.quarantine_permissions import BUILT_IN, NOT_OURS, PERMISSIONS
from ..._facts.use_cases import (
    JUNK,
    QUARANTINE,
    TO_QUARANTINE,
    Rule,
    UseCase,
    check_words,
    published,
)

WHERE = "area1_use_case"
KEYS = (
    "name",
    "based_on",
    "area1_quarantine",
    "rules",
    "anti_spam",
    "quarantine_policies",
    "subject_tags",
)
RULE_KEYS = ("name", "dispositions", "set_scl", "quarantine", "prepend_subject")
POLICY_KEYS = ("name", "permissions", "notifications")
LONGEST_NAME = 64
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,23}")
#: Verdicts of an anti-spam policy: the prefix of its action, of its quarantine policy, and the
#: actions that it may have.
VERDICTS = {
    "spam": ("spam", "spam"),
    "high_confidence_spam": ("high_confidence_spam", "high_confidence_spam"),
    "phish": ("phish_spam", "phish"),
    "high_confidence_phish": ("high_confidence_phish", "high_confidence_phish"),
    "bulk": ("bulk_spam", "bulk"),
}
ACTIONS = (JUNK, QUARANTINE)


def chosen(given: t.Any, variant: str) -> UseCase:
    """Return the use case that ``area1_use_case`` and ``area1_use_case_variant`` mean."""
    if given in (None, ""):
        return published(1, variant)
    if not isinstance(given, t.Mapping):
        return published(given, variant)
    _known(given, KEYS, WHERE)
    name = str(given.get("name") or "")
    if not NAME.fullmatch(name):
        raise InputError(
            "%s: %r cannot be the name of a use case." % (WHERE, name),
            "Give name: 1 to 24 letters, digits, blanks, dots or dashes.",
        )
    base = published(given["based_on"], variant) if given.get("based_on") is not None else _empty()
    case = dataclasses.replace(
        base,
        key=name,
        title=name if base.key == "" else "%s, from use case %s" % (name, base.key),
        area1=_area1(given, base),
        rules=_rules(given, base),
        filter=_filter(given, base),
        policies=_policies(given, base),
    )
    return dataclasses.replace(case, rules=(*_tags(given), *case.rules))


def _empty() -> UseCase:
    return UseCase("", "", (), (), {}, {})


def _known(given: t.Mapping[str, t.Any], keys: t.Sequence[str], where: str) -> None:
    for key in given:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1, 0.6)
            hint = "Did you mean %s?" % near[0] if near else "Known are %s." % ", ".join(keys)
            raise InputError("%s: unknown key %s." % (where, key), hint)


def _maps(
    given: t.Mapping[str, t.Any], key: str, keys: t.Sequence[str]
) -> list[tuple[str, t.Mapping[str, t.Any]]]:
    found = []
    for number, item in enumerate(as_list(given.get(key)), 1):
        where = "%s.%s[%d]" % (WHERE, key, number)
        if not isinstance(item, t.Mapping):
            raise InputError(
                "%s: %r is not a map." % (where, item), "Give a map with %s." % ", ".join(keys)
            )
        _known(item, keys, where)
        found.append((where, item))
    return found


def _area1(given: t.Mapping[str, t.Any], base: UseCase) -> tuple[str, ...]:
    if given.get("area1_quarantine") is None:
        return base.area1
    return tuple(check_dispositions(as_list(given["area1_quarantine"])))


def _rules(given: t.Mapping[str, t.Any], base: UseCase) -> tuple[Rule, ...]:
    if given.get("rules") is None:
        return base.rules
    rules = []
    for where, item in _maps(given, "rules", RULE_KEYS):
        rules.append(
            Rule(
                _rule_name(where, item.get("name")),
                check_words(item.get("dispositions"), where),
                _action(where, item),
            )
        )
    names = [rule.name.lower() for rule in rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            "%s.rules: two rules are named %s." % (WHERE, twice[0]),
            "Give each rule a name of its own.",
        )
    # The one that quarantines ends the processing of rules: it goes last.
    return tuple(sorted(rules, key=lambda rule: rule.quarantines))


def _rule_name(where: str, value: t.Any) -> str:
    name = str(value or "").strip()
    if not name or len(name) > LONGEST_NAME:
        raise InputError(
            "%s: the rule name %r has %d characters." % (where, name, len(name)),
            "Exchange Online takes names of 1 to %d characters." % LONGEST_NAME,
        )
    return name


def _action(where: str, item: t.Mapping[str, t.Any]) -> int | str:
    given = [
        key
        for key in ("set_scl", "quarantine", "prepend_subject")
        if item.get(key) not in (None, "", False)
    ]
    if len(given) != 1:
        raise InputError(
            "%s has %d actions." % (where, len(given)),
            "Give one of set_scl, quarantine: true, prepend_subject.",
        )
    if given[0] == "prepend_subject":
        return "subject:%s" % item["prepend_subject"]
    if given[0] == "quarantine":
        return TO_QUARANTINE
    try:
        scl = int(str(item["set_scl"]))
    except ValueError:
        scl = 99
    if not -1 <= scl <= 9:
        raise InputError(
            "%s: set_scl %s is no spam confidence level." % (where, item["set_scl"]),
            "Valid are -1 and 0 to 9; 5 and 6 are spam, 9 is high confidence spam.",
        )
    return scl


def _tags(given: t.Mapping[str, t.Any]) -> tuple[Rule, ...]:
    """Return subject tags as rules, because text add-ons have no API."""
    tags = given.get("subject_tags") or {}
    if not isinstance(tags, t.Mapping):
        raise InputError(
            "%s.subject_tags is not a map." % WHERE,
            "Give texts by disposition, like {SPAM: '[SPAM] '}.",
        )
    rules = []
    for disposition, text in tags.items():
        (word,) = check_words([disposition], "%s.subject_tags" % WHERE)
        rules.append(Rule("Area 1 subject tag %s" % word, (word,), "subject:%s" % text))
    return tuple(rules)


def _filter(given: t.Mapping[str, t.Any], base: UseCase) -> dict[str, t.Any]:
    values = dict(base.filter)
    verdicts = given.get("anti_spam") or {}
    where = "%s.anti_spam" % WHERE
    if not isinstance(verdicts, t.Mapping):
        raise InputError(
            "%s is not a map." % where, "Give a map by verdict: %s." % ", ".join(VERDICTS)
        )
    _known(verdicts, (*VERDICTS, "retention_days"), where)
    for verdict, value in verdicts.items():
        if verdict == "retention_days":
            values["quarantine_retention_period"] = _retention(where, value)
            continue
        entry = value if isinstance(value, t.Mapping) else {"action": value}
        _known(entry, ("action", "quarantine_policy"), "%s.%s" % (where, verdict))
        action_prefix, tag_prefix = VERDICTS[verdict]
        action = str(entry.get("action") or QUARANTINE)
        allowed = ACTIONS[1:] if verdict == "high_confidence_phish" else ACTIONS
        match = [item for item in allowed if item.lower() == action.lower()]
        if not match:
            raise InputError(
                "%s.%s: %r is not an action of it." % (where, verdict, action),
                "Valid are %s." % ", ".join(allowed),
            )
        values["%s_action" % action_prefix] = match[0]
        tag = "%s_quarantine_tag" % tag_prefix
        before = values.pop(tag, None)
        policy = entry.get("quarantine_policy") or (before if match[0] == QUARANTINE else None)
        if policy:
            values[tag] = str(policy)
        elif match[0] == QUARANTINE:
            raise _no_policy("%s.%s" % (where, verdict))
    return values


def _no_policy(where: str) -> InputError:
    """Return the error for a quarantine without a policy.

    The tenant's own policy would apply, which may let users release.
    """
    return InputError(
        "%s: Quarantine without a quarantine policy leaves open who may release." % where,
        "Give quarantine_policy: one of %s, of quarantine_policies, or of the tenant."
        % ", ".join(BUILT_IN),
    )


def _retention(where: str, value: t.Any) -> int:
    text = str(value)
    if not text.isdigit() or not 1 <= int(text) <= 30:
        raise InputError(
            "%s.retention_days: %s is out of range." % (where, value), "Give a number from 1 to 30."
        )
    return int(text)


def _policies(given: t.Mapping[str, t.Any], base: UseCase) -> dict[str, dict[str, t.Any]]:
    policies = dict(base.policies)
    for where, item in _maps(given, "quarantine_policies", POLICY_KEYS):
        name = str(item.get("name") or "").strip()
        if not name or "\\" in name or name.lower() in {other.lower() for other in NOT_OURS}:
            raise InputError(
                "%s: %r cannot be made: it is built in, or no name." % (where, name),
                "Give a name of your own.",
            )
        permissions = [str(permission) for permission in as_list(item.get("permissions"))]
        unknown = [permission for permission in permissions if permission not in PERMISSIONS]
        if unknown:
            raise InputError(
                "%s: %s: not a permission." % (where, ", ".join(unknown)),
                "Valid ones are %s." % ", ".join(PERMISSIONS),
            )
        if {"release", "request_release"} <= set(permissions):
            raise InputError(
                "%s: release and request_release exclude each other." % where, "Give one of them."
            )
        notifications = boolean(item.get("notifications", True))
        if notifications is None:
            raise InputError(
                "%s: notifications is neither true nor false." % where, "Give true or false."
            )
        policies[name] = {"permissions": tuple(permissions), "notifications": notifications}
    return policies

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The objects that a use case needs in Microsoft 365, and what an earlier one left behind.

An object is ours if it has one of our names *and* our stamp, which names it by a digest: a copy
under another name is somebody else's.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing as t

from ..._engine import values
from ..._engine.plan import Property, plan_object
from ..._facts.dispositions import api_word
from ..._facts.exchange_objects import (
    CONTENT_FILTER,
    QUARANTINE_POLICY,
    plain_name,
    rule_property,
)
from ..._facts.quarantine_permissions import value_of
from ..._facts.rule_parameters import PARAMETERS
from ..._facts.use_cases import RETENTION_DAYS, Rule, UseCase
from ..lockdown import proof
from ..lockdown.soak import is_on
from ..model.world import World

Record = dict[str, t.Any]
_RULE_STAMP = re.compile(r"\[mailflow\.area1: use case [^\]]+, ([0-9a-f]{8})\]")
_POLICY_STAMP = re.compile(r"\[mailflow\.area1: message handling, ([0-9a-f]{8})\]")
DEFAULT_TAG = "DefaultFullAccessPolicy"

#: The managed parts of a rule.
RULE = (
    *map(
        rule_property,
        (
            "Comments",
            "Mode",
            "HeaderContainsMessageHeader",
            "HeaderContainsWords",
            "SenderIpRanges",
            "SetSCL",
            "Quarantine",
            "PrependSubject",
        ),
    ),
    Property("enabled", "State", values.WORD),
)
#: What no rule of a use case has: it asks two things, does one, and has no exception [CF-4.2]. Left
#: out is what says how something else is meant, and does nothing alone.
BESIDES = (
    frozenset(PARAMETERS)
    - {prop.name for prop in RULE}
    - {
        "RecipientAddressType",
        "RuleErrorAction",
        "RuleSubType",
        "SenderAddressLocation",
        "SetAuditSeverity",
    }
)
POLICY = tuple(
    prop
    for prop in QUARANTINE_POLICY.properties
    if prop.option in ("permissions_value", "notifications")
)
#: What a use case sets of an anti-spam policy: the verdicts' actions and quarantines, and how long
#: the quarantine keeps mail.
FILTER_TABLE = tuple(
    prop
    for prop in CONTENT_FILTER.properties
    if prop.option.endswith(("_action", "_quarantine_tag", "_retention_period"))
)
#: Options of o365_content_filter and the parameters that they stand for.
FILTER = {prop.option: prop.name for prop in FILTER_TABLE}


def digest(name: str) -> str:
    return hashlib.sha256(name.strip().lower().encode("utf-8")).hexdigest()[:8]


def rule_comment(case: UseCase, rule: Rule) -> str:
    return "Area 1 disposition %s. [mailflow.area1: use case %s, %s]" % (
        ", ".join(rule.words),
        case.key,
        digest(rule.name),
    )


def policy_stamp(name: str) -> str:
    return "[mailflow.area1: message handling, %s]" % digest(name)


def is_our_rule(record: Record) -> bool:
    found = _RULE_STAMP.search(str(record.get("Comments") or ""))
    return bool(found) and t.cast("re.Match[str]", found)[1] == digest(
        str(record.get("Name") or "")
    )


def is_our_policy(record: Record) -> bool:
    found = _POLICY_STAMP.search(str(record.get("AdminDisplayName") or ""))
    return bool(found) and t.cast("re.Match[str]", found)[1] == digest(plain_name(record))


def named(records: t.Iterable[Record], name: str) -> Record | None:
    key = name.strip().lower()
    return next((record for record in records if plain_name(record).lower() == key), None)


def case_of(world: World, domain: str = "") -> UseCase:
    """Return the use case; for a domain with dispositions of its own, as it is there."""
    case = UseCase.of(world.settings.use_case)
    return dataclasses.replace(case, area1=tuple(to_hold(world, domain))) if domain else case


def to_hold(world: World, domain: str) -> list[str]:
    """Return what Area 1 is to hold back of a domain's mail."""
    own = next(
        (item.drop_dispositions for item in world.settings.domains if item.name == domain),
        None,
    )
    return list(world.settings.dispositions if own is None else own)


def held(world: World, domain: str) -> set[str]:
    """Return what Area 1 holds back of a domain's mail, as it was read."""
    found = world.if_read.email_security.get(domain) or {}
    return {api_word(str(word)) for word in values.as_list(found.get("drop_dispositions"))}


@dataclasses.dataclass(frozen=True)
class WantedRule:
    name: str
    properties: dict[str, t.Any]

    @property
    def effect(self) -> dict[str, t.Any]:
        """Without the comment: what it does to mail."""
        return {name: value for name, value in self.properties.items() if name != "Comments"}


def wanted_rules(world: World) -> list[WantedRule]:
    """Return the rules in their order; those that quarantine are last.

    A rule has one header, so each header has rules of its own.
    """
    case, headers = case_of(world), world.settings.disposition_headers
    ranges = list(world.settings.egress) if match_sender_ip(world) else []
    found = []
    for rule in sorted(case.rules, key=lambda item: item.quarantines):
        for number, header in enumerate(headers, 1):
            named_rule = dataclasses.replace(
                rule, name=rule.name if number == 1 else "%s (%d)" % (rule.name[:58], number)
            )
            found.append(WantedRule(named_rule.name, _properties(case, named_rule, header, ranges)))
    return found


def _properties(case: UseCase, rule: Rule, header: str, ranges: list[str]) -> dict[str, t.Any]:
    return {
        "Comments": rule_comment(case, rule),
        "Mode": "Enforce",
        "HeaderContainsMessageHeader": header,
        "HeaderContainsWords": list(rule.words),
        "SenderIpRanges": ranges,
        "SetSCL": "" if rule.scl is None else rule.scl,
        "Quarantine": rule.quarantines,
        "PrependSubject": rule.subject,
        "State": "Enabled",
    }


def match_sender_ip(world: World) -> bool:
    """Return whether the rules require the sender's address.

    Without it anybody could forge the header, so it is dropped only when nobody can deliver past
    Area 1.
    """
    return bool(world.settings.rule_match_sender_ip) or not lockdown_proven(world)


def lockdown_proven(world: World) -> bool:
    """Return whether the lock-down is on and was seen to act."""
    connector = world.connector(world.settings.lockdown_connector_name)
    return (
        connector is not None
        and is_on(connector)
        and proof.prove(world, connector).verdict == proof.PROVEN
    )


def differs(
    wanted: t.Mapping[str, t.Any], record: Record | None, table: t.Sequence[Property]
) -> list[str]:
    """Return the names of properties that do not yet mean what is wanted."""
    if record is None:
        return list(wanted)
    return [change.name for change in plan_object("", "", table, record, wanted).changes]


def rule_differs(wanted: t.Mapping[str, t.Any], record: Record | None) -> list[str]:
    """Return the names of properties that are not as wanted, or that the rule has in addition."""
    return [*differs(wanted, record, RULE), *besides(record or {})]


def besides(record: Record) -> list[str]:
    return sorted(name for name in BESIDES if _is_set(record.get(name)))


def _is_set(value: t.Any) -> bool:
    return value not in (None, "", []) and values.boolean(value) is not False


def rule_options(world: World, rules: t.Iterable[WantedRule]) -> list[dict[str, t.Any]]:
    """Return the rules as o365_transport_rule takes them, each after the one before."""
    options: list[dict[str, t.Any]] = []
    for rule in rules:
        given = rule.properties
        foreign = _foreign_equal(world, rule)
        cleared = {
            name: None if given[name] == "" else given[name]
            for name in ("SetSCL", "PrependSubject")
        }
        cleared.update(dict.fromkeys(besides(named(world.transport_rules, rule.name) or {})))
        entry: dict[str, t.Any] = {
            "name": rule.name,
            "enabled": True,
            "mode": given["Mode"],
            "header_contains": {
                "header": given["HeaderContainsMessageHeader"],
                "words": given["HeaderContainsWords"],
            },
            "sender_ip_ranges": given["SenderIpRanges"],
            "quarantine": given["Quarantine"],
            "parameters": cleared,
        }
        if not foreign:
            entry["comments"] = given["Comments"]
        options.append({**entry, **_position(world, rule)})
    return options


def _position(world: World, rule: WantedRule) -> dict[str, str]:
    """Return the options for a rule's position.

    A new rule comes after all existing ones, an existing one of ours after our rule before it.
    """
    if named(world.transport_rules, rule.name) is None:
        return {"position": "last"}
    names = [item.name for item in _to_order(world)]
    before = names[: names.index(rule.name)][-1:] if rule.name in names else []
    return {"position": "after", "relative_to": before[0]} if before else {}


def _to_order(world: World) -> list[WantedRule]:
    """Return the rules whose positions are ours to set; somebody else's rule is never moved."""
    return [rule for rule in wanted_rules(world) if not _foreign_equal(world, rule)]


def _foreign_equal(world: World, rule: WantedRule) -> bool:
    """Return whether somebody made the same rule by hand; it stays theirs."""
    record = named(world.transport_rules, rule.name)
    return record is not None and not is_our_rule(record) and not rule_differs(rule.effect, record)


def policy_options(world: World) -> list[dict[str, t.Any]]:
    return [
        {
            "name": name,
            "permissions": list(entry["permissions"]),
            "notifications": entry["notifications"],
            "admin_display_name": policy_stamp(name),
        }
        for name, entry in case_of(world).policies.items()
    ]


def policy_properties(entry: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "EndUserQuarantinePermissionsValue": value_of(entry["permissions"]),
        "ESNEnabled": bool(entry["notifications"]),
    }


def filter_names(world: World) -> list[str]:
    """Return Default, or every policy that applies to somebody, except presets."""
    if world.settings.content_filter_scope == "all":
        return [str(name) for name in world.applying_policies]
    return [str(policy.get("Name")) for policy in world.content_filter if _is_default(policy)][:1]


def _is_default(policy: Record) -> bool:
    return (
        values.boolean(policy.get("IsDefault")) is True
        or str(policy.get("Name", "")).lower() == "default"
    )


def filter_options(world: World, name: str) -> dict[str, t.Any]:
    """Return the options of one anti-spam policy by the use case.

    Values that an earlier use case would leave behind go back to what they were.
    """
    record = named(world.content_filter, name) or {}
    options = dict(case_of(world).filter)
    if (
        "quarantine_retention_period" not in options
        and int(record.get("QuarantineRetentionPeriod") or 0) < RETENTION_DAYS[0]
    ):
        options["quarantine_retention_period"] = RETENTION_DAYS[0]
    going = {item.lower() for item in unwanted_policies(world)}
    before = (
        named(
            (world.if_read.baseline.get("sections") or {}).get("content_filter") or [],
            name,
        )
        or {}
    )
    for option, parameter in FILTER.items():
        if (
            option.endswith("_tag")
            and option not in options
            and str(record.get(parameter) or "").lower() in going
        ):
            earlier = str(before.get(parameter) or DEFAULT_TAG)
            options[option] = DEFAULT_TAG if earlier.lower() in going else earlier
    return options


def filter_properties(
    options: t.Mapping[str, t.Any],
) -> tuple[dict[str, t.Any], tuple[Property, ...]]:
    return {FILTER[option]: value for option, value in options.items()}, FILTER_TABLE


def unwanted_policies(world: World) -> list[str]:
    """Return the quarantine policies of an earlier use case of ours."""
    wanted = {name.lower() for name in case_of(world).policies}
    return [
        plain_name(record)
        for record in world.quarantine_policies
        if is_our_policy(record) and plain_name(record).lower() not in wanted
    ]


def used_elsewhere(world: World, name: str) -> list[str]:
    """Return anti-spam policies of others that still use this quarantine policy."""
    ours = {item.lower() for item in filter_names(world)}
    return [
        str(policy.get("Name"))
        for policy in world.content_filter
        if str(policy.get("Name", "")).lower() not in ours
        and any(
            str(value).lower() == name.lower()
            for key, value in policy.items()
            if key.endswith("QuarantineTag")
        )
    ]


def obsolete_policies(world: World) -> list[str]:
    return [name for name in unwanted_policies(world) if not used_elsewhere(world, name)]


def obsolete_rules(world: World) -> list[str]:
    wanted = {rule.name.lower() for rule in wanted_rules(world)}
    return [
        str(record.get("Name"))
        for record in world.transport_rules
        if is_our_rule(record) and str(record.get("Name", "")).lower() not in wanted
    ]

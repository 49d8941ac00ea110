# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules: transport rules and the rules that scope anti-spam policies.

Both have a state and an order ([EXO-2.4], [EXO-2.5]).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lab.exchange import verbs
from lab.exchange.call import Call
from lab.exchange.errors import CmdletError, exists, invalid, not_found
from lab.exchange.nouns import (
    CONTENT_FILTER,
    CONTENT_FILTER_RULE,
    TRANSPORT_RULE,
    Noun,
    build,
    changed,
    renamed,
)
from lab.exchange.schema import table

_CLASSES = "Microsoft.Exchange.MessagingPolicies.Rules.Tasks."
_NOT_PROPERTIES = (
    "Name",
    "Enabled",
    "Confirm",
    "WhatIf",
    "Mode",
    "Comments",
    "Priority",
    "RuleErrorAction",
    "RuleSubType",
)
_SETTINGS = (
    "SenderAddressLocation",
    "ActivationDate",
    "ExpiryDate",
    "DlpPolicy",
    "UseLegacyRegex",
    "SetAuditSeverity",
    "StopRuleProcessing",
)
_ACTIONS = frozenset(
    {
        "AddManagerAsRecipientType",
        "AddToRecipients",
        "ApplyClassification",
        "ApplyHtmlDisclaimerText",
        "ApplyOME",
        "BlindCopyTo",
        "CopyTo",
        "DeleteMessage",
        "Disconnect",
        "GenerateIncidentReport",
        "GenerateNotification",
        "LogEventText",
        "ModerateMessageByManager",
        "ModerateMessageByUser",
        "NotifySender",
        "PrependSubject",
        "Quarantine",
        "RedirectMessageTo",
        "RejectMessageReasonText",
        "RemoveHeader",
        "RouteMessageOutboundConnector",
        "RouteMessageOutboundRequireTls",
        "SetHeaderName",
        "SetSCL",
        "StopRuleProcessing",
    }
)
# each pair must be sent together ([EXO-2.5])
_PAIRS = (
    ("HeaderContainsMessageHeader", "HeaderContainsWords"),
    ("HeaderMatchesMessageHeader", "HeaderMatchesPatterns"),
    ("ExceptIfHeaderContainsMessageHeader", "ExceptIfHeaderContainsWords"),
    ("ExceptIfHeaderMatchesMessageHeader", "ExceptIfHeaderMatchesPatterns"),
    ("SetHeaderName", "SetHeaderValue"),
)


@cache
def properties() -> dict[str, Any]:
    """Return one property for each predicate, exception and action, with its value when unset."""
    parameters = table()["cmdlets"]["New-TransportRule"]
    return {
        name: False if str(entry["type"]).endswith("Boolean") else None
        for name, entry in parameters.items()
        if name not in _NOT_PROPERTIES and not entry.get("reserved")
    }


_PARTS = ("SetHeader", "ApplyHtml", "RejectMessage", "SmtpReject", "IncidentReport", "RouteMessage")


def is_action(name: str) -> bool:
    """Return whether a property is an action, or a part of one."""
    return name in _ACTIONS or name.startswith(_PARTS)


def is_attribute(name: str) -> bool:
    """Return whether a property is neither condition nor action."""
    return name in _SETTINGS


def transport_rule(
    name: str, organization: str, moment: Any, serial: str = "", **fields: Any
) -> dict[str, Any]:
    rule = build(TRANSPORT_RULE, name, organization, moment, serial)
    rule = properties() | rule | fields
    describe(rule)
    return rule


def describe(rule: dict[str, Any]) -> None:
    """Set the class names in Conditions, Exceptions and Actions, null where there are none."""
    named = [
        name
        for name in properties()
        if name not in _SETTINGS and rule.get(name) not in (None, False, [])
    ]
    groups = {
        "Exceptions": [name for name in named if name.startswith("ExceptIf")],
        "Actions": [
            name
            for name in properties()
            if name in _ACTIONS and rule.get(name) not in (None, False, [])
        ],
    }
    groups["Conditions"] = [
        name
        for name in named
        if name not in groups["Exceptions"] + groups["Actions"]
        and not name.startswith(("SetHeader", "ApplyHtml", "RejectMessage"))
    ]
    for key, names in groups.items():
        suffix = "Action" if key == "Actions" else "Predicate"
        rule[key] = [f"{_CLASSES}{name.removeprefix('ExceptIf')}{suffix}" for name in names] or None


def new(call: Call, noun: Noun) -> list[dict[str, Any]]:
    name = str(call.parameters["Name"] or "")
    if not name.strip():
        raise invalid("Name must not be empty.")
    if not verbs.confirmed(call, False, f"Create the {noun.name} '{name}'?"):
        return []
    rules = call.live(noun)
    if any(rule["Name"].lower() == name.lower() for rule in rules):
        raise exists(name)
    serial = verbs.fresh_guid(call)
    blank = (
        transport_rule(name, call.organization, call.now, serial)
        if noun is TRANSPORT_RULE
        else build(noun, name, call.organization, call.now, serial)
    )
    wanted = _assigned(call, noun, blank)
    wanted["State"] = "Enabled" if call.parameters.get("Enabled", True) else "Disabled"
    _validate(call, noun, wanted)
    call.keep(noun.collection)
    rules.append(wanted)
    _place(rules, wanted, call.parameters.get("Priority", len(rules) - 1))
    return [wanted] if call.settings.get("new_returns_object", True) else []


def set_(call: Call, noun: Noun) -> list[dict[str, Any]]:
    item = verbs.one(call, noun)
    if not verbs.confirmed(call, False, f"Change the {noun.name} '{item['Name']}'?"):
        return []
    wanted = _assigned(call, noun, item)
    name = call.parameters.get("Name")
    if name and name != item["Name"]:
        if any(
            other is not item and other["Name"].lower() == name.lower() for other in call.live(noun)
        ):
            raise exists(name)
        renamed(wanted, name)
    _validate(call, noun, wanted)
    moved = "Priority" in call.parameters and call.parameters["Priority"] != item["Priority"]
    if wanted != item or not moved:
        verbs.change(call, noun, item, wanted)
    if moved:
        call.keep(noun.collection)
        changed(item, call.now)
        _place(call.live(noun), item, call.parameters["Priority"])
    return []


def _assigned(call: Call, noun: Noun, item: dict[str, Any]) -> dict[str, Any]:
    wanted = verbs.assigned(call, noun, item)
    wanted.pop("Enabled", None)
    # the order is one over all rules: _place moves the rule and its neighbours
    wanted["Priority"] = item["Priority"]
    for name, value in call.parameters.items():
        if value is None:
            # null clears a predicate: open over REST, [EXO-2.5]; a world may say
            # that it is passed over
            wanted[name] = (
                None if call.settings.get("null_clears_predicate", True) else item.get(name)
            )
    if noun is TRANSPORT_RULE:
        describe(wanted)
    return wanted


def _validate(call: Call, noun: Noun, rule: dict[str, Any]) -> None:
    priority = call.parameters.get("Priority")
    if priority is not None and not 0 <= priority <= len(call.live(noun)):
        raise CmdletError(
            "System.ArgumentException",
            f"The rule priority {priority} isn't valid. It must be from 0 to"
            f" {len(call.live(noun))}.",
        )
    if noun is CONTENT_FILTER_RULE:
        policy = rule["HostedContentFilterPolicy"]
        if not any(verbs.matches(item, policy) for item in call.live(CONTENT_FILTER)):
            raise not_found(policy, verbs.DIRECTORY_SERVER, 404)
        if not any(rule[name] for name in ("SentTo", "SentToMemberOf", "RecipientDomainIs")):
            raise invalid("You need to specify at least one recipient condition.")
        return
    for first, second in _PAIRS:
        halves = (first in call.parameters) != (second in call.parameters)
        if halves or bool(rule.get(first)) != bool(rule.get(second)):
            raise CmdletError(
                "System.ArgumentException", f"{first} and {second} need to be specified together."
            )
    if not rule["Actions"]:
        raise CmdletError(
            "System.ArgumentException", "You need to specify at least one action for the rule."
        )


def _place(rules: list[dict[str, Any]], rule: dict[str, Any], priority: int) -> None:
    others = sorted(
        (other for other in rules if other is not rule), key=lambda other: int(other["Priority"])
    )
    others.insert(priority, rule)
    rules[:] = others
    _number(rules)


def _number(rules: list[dict[str, Any]]) -> None:
    for index, rule in enumerate(rules):
        rule["Priority"] = index


def remove(call: Call, noun: Noun) -> list[dict[str, Any]]:
    verbs.remove(call, noun)
    _number(call.live(noun))
    return []


def switch(call: Call, noun: Noun, state: str) -> list[dict[str, Any]]:
    item = verbs.one(call, noun)
    if not verbs.confirmed(
        call,
        state == "Disabled",
        f"Are you sure you want to perform this action? {state}: '{item['Name']}'.",
    ):
        return []
    wanted = dict(item, State=state)
    if call.parameters.get("Mode"):
        wanted["Mode"] = call.parameters["Mode"]
    verbs.change(call, noun, item, wanted)
    return []

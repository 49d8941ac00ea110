# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Microsoft 365 does with an accepted message: rules, spam verdict, policy, quarantine.

Sources: [EXO-2.4] to [EXO-2.6]; [CF-4.2] ("Mechanics", inferred). Settings: lab/worlds/settings.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.mail.message import Message, Placement
from lab.mail.predicates import Sight, applies

# verdict -> (action, quarantine policy) of an anti-spam policy ([EXO-2.4])
_ACTIONS = {
    "spam": ("SpamAction", "SpamQuarantineTag"),
    "high_confidence_spam": ("HighConfidenceSpamAction", "HighConfidenceSpamQuarantineTag"),
    "phish": ("PhishSpamAction", "PhishQuarantineTag"),
    "high_confidence_phish": ("HighConfidencePhishAction", "HighConfidencePhishQuarantineTag"),
    "bulk": ("BulkSpamAction", "BulkQuarantineTag"),
}
_FOLDERS = {
    "MoveToJmf": "junk",
    "Quarantine": "quarantine",
    "Delete": "deleted",
    "Redirect": "redirected",
}
_RELEASE, _REQUEST = 4, 8
# no right of a user to release is honoured for these; a request is ([EXO-2.6])
_NEVER_BY_USERS = ("malware", "high_confidence_phish")
_MALWARE_POLICY = "AdminOnlyAccessPolicy"
_PRESETS = ("Strict", "Standard")


def place(world: dict[str, Any], message: Message) -> Placement:
    """Return where an accepted message ends. Changes nothing."""
    sight = Sight(world, message)
    found = Placement("inbox")
    final = _rules(sight, found)
    if final:
        return final
    found.scl = sight.scl
    policy = applying_policy(world, message.recipient)
    found.verdict = _verdict(world, message, sight.scl, policy)
    if found.verdict == "malware":
        return _quarantined(world, found, _MALWARE_POLICY)
    if found.verdict not in _ACTIONS:
        return found
    action, tag = _ACTIONS[found.verdict]
    # AddXHeader, ModifySubject and NoAction deliver
    found.folder = _FOLDERS.get(policy[action], "inbox")
    if found.folder == "quarantine":
        found.retention_days = int(policy["QuarantineRetentionPeriod"])
        return _quarantined(world, found, policy[tag])
    return found


def _rules(sight: Sight, found: Placement) -> Placement | None:
    """Let the enforced rules act, in the order of their priority.

    Return a placement when a rule decides by itself.
    """
    for rule in sorted(
        sight.world["tenant"]["transport_rules"], key=lambda item: int(item["Priority"])
    ):
        if (
            rule["State"] != "Enabled"
            or rule["Mode"] != "Enforce"
            or not _in_time(sight, rule)
            or not applies(sight, rule)
        ):
            continue
        found.rules.append(str(rule["Name"]))
        if rule.get("SetSCL") is not None:
            sight.scl = int(rule["SetSCL"])
        _headers(sight, rule)
        end = _end(rule)
        if end == "quarantine":
            # the hosted quarantine of a rule has no policy to choose ([EXO-2.5]):
            # administrators alone (inferred)
            found.folder, found.verdict, found.scl = "quarantine", "transport_rule", sight.scl
            return _quarantined(sight.world, found, "AdminOnlyAccessPolicy")
        if end:
            found.folder, found.verdict, found.scl = end, "transport_rule", sight.scl
            return found
        if rule.get("StopRuleProcessing"):
            break
    return None


def _in_time(sight: Sight, rule: Mapping[str, Any]) -> bool:
    """Return whether a rule is in force by ActivationDate and ExpiryDate, as ISO text."""
    now = sight.message.received.isoformat()[:19]
    return str(rule.get("ActivationDate") or "")[:19] <= now and (
        not rule.get("ExpiryDate") or now < str(rule["ExpiryDate"])[:19]
    )


def _headers(sight: Sight, rule: Mapping[str, Any]) -> None:
    if rule.get("RemoveHeader"):
        sight.headers = [
            item for item in sight.headers if item[0].lower() != str(rule["RemoveHeader"]).lower()
        ]
    if rule.get("SetHeaderName"):
        name = str(rule["SetHeaderName"])
        sight.headers = [item for item in sight.headers if item[0].lower() != name.lower()] + [
            (name, str(rule["SetHeaderValue"]))
        ]
    if rule.get("PrependSubject"):
        subject = str(rule["PrependSubject"]) + sight.subject
        sight.headers = [item for item in sight.headers if item[0].lower() != "subject"] + [
            ("Subject", subject)
        ]


def _end(rule: Mapping[str, Any]) -> str:
    """Return where a rule ends a message's way, "" where it does not.

    Quarantine stops the rules that follow [EXO-2.5]; what is deleted, refused or sent elsewhere is
    out of their reach, too. What an outbound connector carries off ("routed") the lab does not
    bring back; what a moderator has to approve ("moderated") waits.
    """
    if rule.get("DeleteMessage"):
        return "deleted"
    if rule.get("RejectMessageReasonText") or rule.get("RejectMessageEnhancedStatusCode"):
        return "rejected"
    if rule.get("Quarantine"):
        return "quarantine"
    if rule.get("RouteMessageOutboundConnector"):
        return "routed"
    if rule.get("ModerateMessageByUser"):
        return "moderated"
    return "redirected" if rule.get("RedirectMessageTo") else ""


def _verdict(
    world: Mapping[str, Any], message: Message, scl: int | None, policy: Mapping[str, Any]
) -> str:
    """Return the verdict on a message.

    Malware and high-confidence phishing are found whatever a rule says; otherwise the rule's level
    is the input [EXO-2.5].
    """
    own = str(world["settings"].get("verdicts", {}).get(message.message_id, ""))
    if own in _NEVER_BY_USERS:
        return own
    if message.allow_listed and world["settings"].get("allow_list_beats_rules"):
        return ""
    if scl is not None:
        # -1 passes most filters; 5 and 6 are spam, 9 is high-confidence spam [EXO-2.5]; 7, 8 as 9
        # (inferred)
        return "" if scl < 5 else "spam" if scl < 7 else "high_confidence_spam"
    if message.allow_listed:
        return ""  # "aren't identified as spam" ([CF-3])
    if message.spf == "fail" and policy["MarkAsSpamSpfRecordHardFail"] == "On":
        return (  # [CF-9.2], MarkAsSpamSpfRecordHardFail
            "high_confidence_spam"
        )
    return own


def applying_policy(world: Mapping[str, Any], recipient: str) -> dict[str, Any]:
    """Return the policy for a recipient: presets, then custom policies by priority, then Default.

    Source: [EXO-2.4].
    """
    tenant = world["tenant"]
    policies = {item["Name"]: item for item in tenant["content_filter_policies"]}
    presets = sorted(
        tenant["eop_protection_rules"], key=lambda rule: _PRESETS.index(_level(policies, rule))
    )
    customs = sorted(tenant["content_filter_rules"], key=lambda rule: int(rule["Priority"]))
    for rule in [*presets, *customs]:
        if (
            rule["State"] == "Enabled"
            and rule["HostedContentFilterPolicy"] in policies
            and _is_for(rule, recipient)
        ):
            return dict(policies[rule["HostedContentFilterPolicy"]])
    return dict(next(item for item in policies.values() if item["IsDefault"]))


def _level(policies: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
    level = str(
        policies.get(rule["HostedContentFilterPolicy"], {}).get("RecommendedPolicyType", "")
    )
    return level if level in _PRESETS else _PRESETS[-1]


def _is_for(rule: Mapping[str, Any], recipient: str) -> bool:
    """Return whether a rule is for a recipient.

    All kinds of conditions must hold, and values of one kind are alternatives. The lab does not
    know members of groups.
    """
    address, domain = recipient.lower(), recipient.rpartition("@")[2].lower()

    def names(key: str, value: str) -> bool:
        return value in [str(item).lower() for item in rule.get(key) or []]

    if names("ExceptIfSentTo", address) or names("ExceptIfRecipientDomainIs", domain):
        return False
    return all(
        not rule.get(key) or names(key, value)
        for key, value in (("SentTo", address), ("RecipientDomainIs", domain))
    )


def _quarantined(world: Mapping[str, Any], found: Placement, policy: str) -> Placement:
    found.folder, found.policy = "quarantine", policy
    item = next(
        (
            item
            for item in world["tenant"]["quarantine_policies"]
            if item["Name"].lower() == policy.lower()
        ),
        None,
    )
    value = int(item["EndUserQuarantinePermissionsValue"]) if item else 0
    by_user = bool(value & _RELEASE)
    if by_user and found.verdict in _NEVER_BY_USERS:
        found.release = "request"
    else:
        found.release = "user" if by_user else "request" if value & _REQUEST else "admin"
    return found

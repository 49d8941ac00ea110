# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Say what stands beside the use case and is left as it is."""

from __future__ import annotations

import typing as t

from ..._engine.address_ranges import overlap
from ..._engine.values import as_list, boolean
from ..._facts.dispositions import HEADER_WORDS, api_word
from ..._facts.use_cases import (
    DASHBOARD,
    UseCase,
    by_verdict,
    lands,
)
from ..model.gate import GateResult, noticed
from ..model.registry import Asked, register
from ..model.world import World
from . import differences, objects as handling
from .release import place

register(
    "kept_policy",
    Asked(
        "message_handling",
        looks_at="quarantine policies of an earlier use case that others use",
        otherwise="a notice: they stay",
    ),
)


register(
    "shadow",
    Asked(
        "message_handling",
        looks_at="anti-spam policies that win over Default for their recipients",
        otherwise="a notice: their actions differ",
    ),
    needs=(
        "applying_policies",
        "content_filter",
        "preset_rules",
        "quarantine_policies",
    ),
)


register(
    "other_rule",
    Asked(
        "message_handling",
        looks_at="rules of others for the same mail",
        otherwise="a notice: they stay",
    ),
    needs=("transport_rules",),
)


register(
    "dashboard",
    Asked(
        "message_handling",
        looks_at="settings that only the Cloudflare dashboard has",
        otherwise="a notice: set them there",
    ),
)


def shadows(world: World) -> list[GateResult]:
    """Report policies that win over Default for some recipients, and where their mail ends."""
    case, ours = handling.case_of(world), {name.lower() for name in handling.filter_names(world)}
    results = []
    for policy, preset in _winning(world):
        name = str(policy.get("Name"))
        if name.lower() in ours:
            continue
        options = {option: policy.get(parameter) for option, parameter in handling.FILTER.items()}
        different = _landing_differences(world, case, options)
        if different:
            how = (
                "presets cannot be edited"
                if preset
                else "area1_content_filter_scope: all sets it too"
            )
            message = "wins over Default for its recipients: %s (%s)" % ("; ".join(different), how)
            results.append(noticed("shadow", name, message))
    return results


def _winning(world: World) -> list[tuple[handling.Record, bool]]:
    """Return custom policies with an enabled rule, and presets with one."""
    policies = world.content_filter
    rules = world.preset_rules
    # Where the application may not read their rules, presets may apply to anybody.
    presets = (
        {str(item.get("Name", "")).lower() for item in policies if _is_preset(item)}
        if rules is None
        else {
            str(rule.get("HostedContentFilterPolicy") or "").lower()
            for rule in rules
            if str(rule.get("State", "Enabled")).lower() == "enabled"
        }
    )
    applying = {str(name).lower() for name in world.applying_policies}
    found = []
    for policy in policies:
        name = str(policy.get("Name", "")).lower()
        if name in presets:
            found.append((policy, True))
        elif (
            name in applying and boolean(policy.get("IsDefault")) is not True and name != "default"
        ):
            found.append((policy, False))
    return found


def _is_preset(policy: handling.Record) -> bool:
    return str(policy.get("RecommendedPolicyType") or "Custom").lower() != "custom"


def _landing_differences(world: World, case: UseCase, options: t.Mapping[str, t.Any]) -> list[str]:
    """Return, by disposition, where a policy takes mail that the use case takes elsewhere."""
    other = UseCase(case.key, case.title, case.area1, case.rules, dict(options), case.policies)
    found: dict[str, list[str]] = {}
    for word in HEADER_WORDS:
        here, there = place(world, lands(case, word)), place(world, lands(other, word))
        if here != there:
            found.setdefault("to %s instead of %s" % (there, here), []).append(api_word(word))
    here, there = (
        place(world, by_verdict(_phish(given), "phish_spam")) for given in (case.filter, options)
    )
    if here != there:
        found.setdefault("to %s instead of %s" % (there, here), []).append("phishing")
    return ["%s %s" % (", ".join(words), where) for where, words in found.items()]


def _phish(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options of a policy with the keys of phishing, which is named without "spam"."""
    return {**options, "phish_spam_quarantine_tag": options.get("phish_quarantine_tag")}


def other_rules(world: World) -> list[GateResult]:
    """Report rules of others that keep ours from acting, or that act on the disposition, too."""
    ours = {rule.name.lower() for rule in handling.wanted_rules(world)}
    headers = {header.lower() for header in world.settings.disposition_headers}
    last = max(
        (
            int(record.get("Priority") or 0)
            for record in world.transport_rules
            if handling.is_our_rule(record)
        ),
        default=None,
    )
    results = []
    for record in world.transport_rules:
        name = str(record.get("Name"))
        if (
            name.lower() in ours
            or handling.is_our_rule(record)
            or not _acts_on_gateway_mail(world, record)
        ):
            continue
        behind = last is not None and int(record.get("Priority") or 0) > last
        if str(record.get("HeaderContainsMessageHeader") or "").lower() in headers:
            results.append(noticed("other_rule", name, "this rule acts on the disposition, too"))
        elif not behind and (
            boolean(record.get("StopRuleProcessing")) or boolean(record.get("Quarantine"))
        ):
            results.append(
                noticed(
                    "other_rule",
                    name,
                    "it ends the processing of rules before ours, for the mail that it matches",
                )
            )
        elif behind and record.get("SetSCL") not in (None, ""):
            message = (
                "it comes after ours and sets the spam confidence level to %s, for the mail that it"
                " matches"
            )
            results.append(noticed("other_rule", name, message % record.get("SetSCL")))
    order = ", then ".join(rule.name for rule in handling.wanted_rules(world))
    message = (
        "it was made by hand and does what the use case asks, but stands in another order than %s;"
        " move it by hand" % order
    )
    return [
        *results,
        *(noticed("other_rule", name, message) for name in differences.misplaced_by_hand(world)),
    ]


def _acts_on_gateway_mail(world: World, record: handling.Record) -> bool:
    active = (
        str(record.get("State", "Enabled")).lower() == "enabled"
        and str(record.get("Mode") or "Enforce").lower() == "enforce"
    )
    inside = str(record.get("FromScope") or "").lower() == "inorganization"
    ranges = as_list(record.get("SenderIpRanges"))
    return active and not inside and (not ranges or overlap(ranges, world.settings.egress))


def kept_policies(world: World) -> list[GateResult]:
    return [
        noticed(
            "kept_policy",
            name,
            "an earlier use case made this quarantine policy; it stays, because %s uses it"
            % ", ".join(users),
        )
        for name in handling.unwanted_policies(world)
        for users in [handling.used_elsewhere(world, name)]
        if users
    ]


def dashboard(world: World) -> list[GateResult]:
    """Report the settings without an API, which never count as done."""
    case = handling.case_of(world)
    tagged = any(rule.subject for rule in case.rules)
    results = [
        noticed("dashboard", name, "set in the Cloudflare dashboard: %s" % text)
        for name, text in DASHBOARD
    ]
    if any(entry["notifications"] for entry in case.policies.values()):
        often = (
            "set in the Defender portal how often users are notified (quarantine policies, global"
            " settings)"
        )
        results.append(noticed("dashboard", "quarantine notifications", often))
    if tagged:
        results.append(
            noticed(
                "dashboard",
                "subject tags",
                "set by transport rules, as asked; leave them out of the text add-ons",
            )
        )
    return results

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates and notices of message handling: who may release mail, and which rules interfere."""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.address_ranges import overlap
from ..._engine.timestamps import iso
from ..._engine.values import as_list, boolean
from ..._facts.dispositions import HEADER_WORDS, api_word
from ..._facts.exchange_objects import plain_name
from ..._facts.quarantine_permissions import BUILT_IN, PERMISSIONS
from ..._facts.use_cases import (
    ADMIN,
    AT_AREA1,
    DASHBOARD,
    IN_INBOX,
    IN_JUNK,
    IN_QUARANTINE,
    Landing,
    UseCase,
    by_verdict,
    lands,
)
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.world import World, changed_at
from . import handover as hands, in_place_since as age, objects as handling

PHASE = "message_handling"
NOT_FOR_THE_INBOX = ("MALICIOUS", "SPAM", "SPOOF")
RELEASE, REQUEST = PERMISSIONS["release"], PERMISSIONS["request_release"]


def release_of(world: World, policy: str) -> str:
    """Return who may release from a quarantine policy: ``user``, ``request`` or ``admin``.

    ``request`` means that an administrator decides. For an unknown policy the worst is assumed.
    """
    entry = next(
        (
            value
            for name, value in handling.case_of(world).policies.items()
            if name.lower() == policy.lower()
        ),
        None,
    )
    if entry is not None:
        value = handling.policy_properties(entry)["EndUserQuarantinePermissionsValue"]
    else:
        record = handling.named(world.quarantine_policies, policy) or {}
        told = record.get("EndUserQuarantinePermissionsValue")
        unknown = 0 if policy.lower() == ADMIN.lower() else RELEASE
        value = unknown if told is None else int(told)
    return "user" if value & RELEASE else "request" if value & REQUEST else "admin"


def place(world: World, landing: Landing) -> str:
    """Return in words where a message ends, and who may release it."""
    if landing.place != IN_QUARANTINE:
        return {AT_AREA1: "Area 1's quarantine", IN_JUNK: "junk", IN_INBOX: "the inbox"}.get(
            landing.place, landing.place
        )
    who = {
        "user": "users release",
        "request": "users ask, administrators release",
        "admin": "administrators release",
    }
    return "quarantine (%s)" % who[release_of(world, landing.policy)]


def user_release(world: World) -> list[GateResult]:
    """Check that MALICIOUS mail is quarantined where users cannot release it [CF-1.1]."""
    own = {entry.name for entry in world.settings.domains if entry.drop_dispositions is not None}
    answers = (
        []
        if own == set(world.covered())
        else [_released(world, "", "MALICIOUS", "the use case puts")]
    )
    return answers + [
        _released(world, name, name, "its own drop_dispositions put")
        for name in world.covered()
        if name in own
    ]


def _released(world: World, domain: str, what: str, who_puts: str) -> GateResult:
    found = lands(handling.case_of(world, domain), "MALICIOUS")
    free = found.place in (IN_JUNK, IN_INBOX) or (
        found.place == IN_QUARANTINE and release_of(world, found.policy) == "user"
    )
    if not free:
        return holds("user_release", what, place(world, found))
    return cannot(
        "user_release",
        what,
        "%s MALICIOUS mail where users get at it by themselves: %s"
        % (who_puts, place(world, found)),
        "Quarantine it at Area 1 or under a policy with request_release, or put user_release%s into"
        " area1_acknowledge." % (":" + domain if domain else ""),
    )


def quarantine_tags(world: World) -> list[GateResult]:
    """Check that every quarantine policy that is named exists, or is made by this run."""
    case = handling.case_of(world)
    known = {plain_name(record).lower(): plain_name(record) for record in world.quarantine_policies}
    known.update({name.lower(): name for name in (*BUILT_IN, *case.policies)})
    named = [str(value) for option, value in case.filter.items() if option.endswith("_tag")]
    return [
        cannot(
            "quarantine_policy",
            name,
            "there is no quarantine policy of this name, and the use case makes none",
            "There are %s. Correct the name, or list it in quarantine_policies of the use case."
            % ", ".join(sorted(known.values())),
        )
        for name in dict.fromkeys(named)
        if name.lower() not in known
    ]


def made_by_hand(world: World) -> list[GateResult]:
    """Check that no object of somebody else under a name of the use case would be changed.

    It is theirs until a person decides otherwise.
    """
    results = []
    for kind, record in handling.made_by_hand(world):
        name = plain_name(record)
        results.append(
            cannot(
                "adopt",
                name,
                "a %s of this name is there, was not made by this collection, and does something"
                " else" % kind,
                "Rename or remove it, or put adopt:%s into area1_acknowledge to have it changed."
                % name,
            )
        )
    return results


def sender_ip(world: World) -> list[GateResult]:
    """Check that the rules may drop the condition on the sender's address.

    Without it they believe a header that anybody can write.
    """
    if world.settings.rule_match_sender_ip or handling.lockdown_proven(world):
        return [holds("sender_ip")]
    message = (
        "the rules keep asking for an address of Area 1 until the lock-down is proven: before,"
        " anybody could forge the header"
    )
    return [not_yet("sender_ip", "transport rules", message, hint="Run again after the lock-down.")]


def taken_over(world: World) -> list[GateResult]:
    """Check that Area 1 holds back what rules are to let go.

    It must have done so for every domain whose mail may come that way, for so long that no mail
    handed on before is still on its way.
    """
    going = hands.letting_go(world)
    wait = datetime.timedelta(minutes=world.settings.settle_minutes)
    results = []
    for name in world.covered():
        moving = going & set(handling.to_hold(world, name))
        if not moving or not world.may_be_at_area1(name):
            continue
        domain = world.if_read.email_security.get(name) or {}
        missing = sorted(moving - handling.held(world, name))
        thing = age.dispositions(name, domain)
        until = age.since(world, thing) + wait
        if missing:
            message = (
                "Area 1 does not hold back %s for it yet, so the rules stay as they are"
                % ", ".join(missing)
            )
            hint = "The section on Area 1 domains sets it. Run again."
            results.append(not_yet("taken_over", name, message, hint=hint))
        elif until > world.now:
            message = (
                "Area 1 holds back %s for it, but what it handed on before may still be under way,"
                " so the rules stay as they are"
            )
            results.append(
                not_yet(
                    "taken_over",
                    name,
                    message % ", ".join(sorted(moving)),
                    iso(until),
                    age.hint([thing]),
                )
            )
    return results


def handed_over(world: World, name: str) -> tuple[set[str], GateResult | None]:
    """Return dispositions that Area 1 goes on holding back, and the reason.

    The rules that take them over do not act yet.
    """
    case = handling.case_of(world, name)
    leaving = {
        word for word in handling.held(world, name) - set(case.area1) if _needs_rule(case, word)
    }
    if not leaving or not world.may_be_at_area1(name):
        return set(), None
    until = acting_since(world)
    if until is not None and until <= world.now:
        return set(), None
    message = "Area 1 goes on holding back %s until the rules that take over act" % ", ".join(
        sorted(leaving)
    )
    hint = age.hint(age.rule(record) for record in _in_place(world))
    return leaving, not_yet("handed_over", name, message, "" if until is None else iso(until), hint)


def _needs_rule(case: UseCase, word: str) -> bool:
    return word in NOT_FOR_THE_INBOX and lands(case, word).place != AT_AREA1


def acting_since(world: World) -> datetime.datetime | None:
    """Return when the rules in place can be relied on, or None while they are not in place."""
    if any(not text.startswith("belongs") for _object, text in handling.differences(world)):
        return None
    wait = datetime.timedelta(minutes=world.settings.settle_minutes)
    filters = [
        handling.named(world.content_filter, name) or {} for name in handling.filter_names(world)
    ]
    dates = [changed_at(record) for record in filters]
    # A run that waits sees its own changes age; where the service does not date them they count
    # from now.
    dates += [world.now] if None in dates and PHASE in world.changed_here() else []
    times = [age.since(world, age.rule(record)) for record in _in_place(world)]
    return (
        max([*times, *(date for date in dates if date is not None)], default=world.now - wait)
        + wait
    )


def _in_place(world: World) -> list[handling.Record]:
    """Return the rules of the use case that exist, whoever made them."""
    found = (
        handling.named(world.transport_rules, rule.name) for rule in handling.wanted_rules(world)
    )
    return [record for record in found if record is not None]


def undated(world: World) -> list[dict[str, str]]:
    """Return rules and dispositions to record in the time line, as nothing dates them."""
    domains = world.if_read.email_security
    things = [age.rule(record) for record in _in_place(world)]
    things += [
        age.dispositions(name, domains[name]) for name in world.covered() if domains.get(name)
    ]
    return age.unseen(world, things)


def held_back(world: World, name: str) -> GateResult:
    """Check that all mail meant to stay out of the inbox is held, by Area 1 or by acting rules.

    Otherwise the switch would deliver it.
    """
    found = world.if_read.email_security.get(name)
    case, held = handling.case_of(world, name), handling.held(world, name)
    missing = sorted(set(case.area1) - held)
    if found is None or not missing:
        return (
            _rules_hold(world, name, case, held) if found is not None else holds("held_back", name)
        )
    message = "Area 1 does not hold back %s of it, as it should" % ", ".join(missing)
    if found.get("drop_dispositions") is None:
        message = (
            "whether Area 1 holds back %s of it the API does not tell; the Cloudflare dashboard"
            " does" % ", ".join(missing)
        )
    hint = (
        "The section area1_domains sets it; where Email Security refuses that, choose a use case"
        " whose rules do it. %s"
    )
    return not_yet("held_back", name, message, hint=hint % _otherwise(name))


def _rules_hold(world: World, name: str, case: UseCase, held: set[str]) -> GateResult:
    words = [
        word
        for word in NOT_FOR_THE_INBOX
        if word not in held and lands(case, word).place not in (AT_AREA1, IN_INBOX)
    ]
    until = acting_since(world) if words else world.now
    if until is not None and until <= world.now:
        return holds("held_back", name)
    message = "the rules that are to take %s out of its mail %s" % (
        ", ".join(words),
        "do not act yet" if until else "are not in place",
    )
    hint = "The section message_handling makes them, and Exchange is given %d minutes. %s" % (
        world.settings.settle_minutes,
        _otherwise(name),
    )
    return not_yet("held_back", name, message, iso(until) if until else "", hint)


def _otherwise(name: str) -> str:
    return "Where something else sees to that mail, put held_back:%s into area1_acknowledge." % name


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
        *(noticed("other_rule", name, message) for name in handling.misplaced_by_hand(world)),
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


def in_place(world: World) -> list[GateResult]:
    """Check for the end state that everything is as the use case has it."""
    return [
        not_yet("message_handling", name, text, hint="The section message_handling sets it.")
        for name, text in handling.differences(world)
    ]

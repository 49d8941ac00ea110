# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates and notices of message handling: who may release mail, and which rules interfere."""

from __future__ import annotations

import datetime

from ..._engine.timestamps import iso
from ..._facts.exchange_objects import plain_name
from ..._facts.use_cases import (
    AT_AREA1,
    IN_INBOX,
    UseCase,
    lands,
)
from ..model.gate import GateResult, cannot, holds, not_yet
from ..model.registry import Asked, register
from ..model.world import World, changed_at
from . import differences, handover as hands, in_place_since as age, objects as handling

register(
    "adopt",
    Asked(
        "message_handling",
        looks_at=(
            "no rule or quarantine policy under a name of the use case was made by somebody else "
            "and does something else"
        ),
        otherwise="cannot, before anything is written: rename it, or say that it may be changed",
        acknowledge="yes",
    ),
)

register(
    "handed_over",
    Asked(
        "message_handling",
        looks_at=(
            "the rules that take over from Area 1 are in place, and have been for "
            "`area1_settle_minutes`; for each domain whose mail may come through Area 1"
        ),
        otherwise="not yet: Area 1 goes on holding back what it held",
        object="section Area 1 domains",
    ),
    needs=(
        "content_filter",
        "dns",
        "transport_rules",
    ),
)

register(
    "taken_over",
    Asked(
        "message_handling",
        looks_at=(
            "Area 1 holds back what the rules are to let go of, and has done so for "
            "`area1_settle_minutes`: mail that it handed on before may still be under way. For "
            "the same domains"
        ),
        otherwise="not yet: nothing of message handling changes",
    ),
    needs=(
        "dns",
        "email_security",
    ),
)

register(
    "sender_ip",
    Asked(
        "message_handling",
        looks_at=(
            "the lock-down is proven, before the rules stop asking for an address of Area 1 "
            "(`area1_rule_match_sender_ip: false`)"
        ),
        otherwise="not yet: they go on asking",
    ),
)

register(
    "held_back",
    Asked(
        "switch_domain",
        looks_at=(
            "Area 1 holds back what the use case, or the domain's own `drop_dispositions`, says "
            "(more is no obstacle); where rules are to keep MALICIOUS, SPAM or SPOOF out of the "
            "inbox, they and the anti-spam policies are in place, and were changed at least "
            "`area1_settle_minutes` ago. Looked at by Verify, too"
        ),
        otherwise=(
            "not yet, until that time; or the sections area1_domains and message_handling set it"
        ),
        acknowledge=(
            "yes, `held_back` or `held_back:DOMAIN`, where something else sees to that mail (an "
            "estate that has only the role mx)"
        ),
    ),
    needs=(
        "content_filter",
        "email_security",
        "transport_rules",
    ),
)


register(
    "message_handling",
    Asked(
        "message_handling",
        looks_at="the use case is in place",
        otherwise="not yet: the section message_handling sets it",
    ),
    needs=(
        "content_filter",
        "transport_rules",
    ),
)


PHASE = "message_handling"
NOT_FOR_THE_INBOX = ("MALICIOUS", "SPAM", "SPOOF")


def made_by_hand(world: World) -> list[GateResult]:
    """Check that no object of somebody else under a name of the use case would be changed.

    It is theirs until a person decides otherwise.
    """
    results = []
    for kind, record in differences.made_by_hand(world):
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
    if any(not text.startswith("belongs") for _object, text in differences.differences(world)):
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


def in_place(world: World) -> list[GateResult]:
    """Check for the end state that everything is as the use case has it."""
    return [
        not_yet("message_handling", name, text, hint="The section message_handling sets it.")
        for name, text in differences.differences(world)
    ]

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Handing a disposition over from one of our rules to another.

The first rule keeps it until its successor acts, and stays at least as strict meanwhile.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine.timestamps import iso
from ..._engine.values import INT, as_list, boolean
from ..._facts.dispositions import api_word, header_word
from ..._facts.use_cases import FIRST_SPAM, Rule
from ..model.gate import GateResult, not_yet
from ..model.registry import Asked, register
from ..model.world import World
from . import objects as handling
from .in_place_since import hint, rule, since
from .objects import Record, WantedRule

register(
    "passed_on",
    Asked(
        "message_handling",
        looks_at=(
            "the rule that takes a word over from another rule of ours is in place, and has been "
            "for `area1_settle_minutes`. Once mail of a domain may come through Area 1"
        ),
        otherwise=(
            "not yet: the other rule keeps the word, and is as strict as before. All else of "
            "message handling goes on"
        ),
    ),
    needs=(
        "dns",
        "transport_rules",
    ),
)

#: Of a rule that is to take something over, what must be as it shall be before it counts.
ACTING = tuple(prop for prop in handling.RULE if prop.name in ("Mode", "SenderIpRanges", "State"))


@dataclasses.dataclass(frozen=True)
class Kept:
    """The words that a rule keeps because ``takers`` do not act on them yet.

    ``until`` is None while one of these is not in place.
    """

    rule: str
    words: tuple[str, ...]
    takers: tuple[str, ...]
    until: datetime.datetime | None
    hint: str


def strictness(record: Record) -> tuple[bool, int]:
    """Return how strict a rule's action is: the hosted quarantine is above any spam level."""
    level = INT.canonical(record.get("SetSCL"))
    return boolean(record.get("Quarantine")) is True, -1 if level is None else level


def holds_mail(record: Record) -> bool:
    """Return whether a rule's action keeps mail out of the inbox."""
    return strictness(record) >= (False, FIRST_SPAM)


def _words(record: Record) -> set[str]:
    return {header_word(str(word)) for word in as_list(record.get("HeaderContainsWords"))}


def _header(record: Record) -> str:
    return str(record.get("HeaderContainsMessageHeader") or "").lower()


def _ours_acting(world: World) -> list[Record]:
    return [
        record
        for record in world.transport_rules
        if handling.is_our_rule(record)
        and holds_mail(record)
        and str(record.get("State", "")).lower() == "enabled"
    ]


def letting_go(world: World) -> set[str]:
    """Return dispositions, in the API's words, that our rules hold now and later none will."""
    staying = {
        word
        for wanted in handling.wanted_rules(world)
        if holds_mail(wanted.properties)
        for word in _words(wanted.properties)
    }
    return {api_word(word) for record in _ours_acting(world) for word in _words(record) - staying}


def kept(world: World) -> list[Kept]:
    """Return what each rule of ours keeps, while mail may come through Area 1.

    Before that no rule has anything to hold.
    """
    if not any(world.may_be_at_area1(name) for name in world.covered()):
        return []
    return [found for record in _ours_acting(world) for found in [_kept(world, record)] if found]


def _kept(world: World, record: Record) -> Kept | None:
    wait = datetime.timedelta(minutes=world.settings.settle_minutes)
    words, takers = set(), dict[str, Record | None]()
    for word in sorted(_words(record)):
        found = _takers(world, record, word)
        if any(
            taker is None or since(world, rule(taker)) + wait > world.now
            for taker in found.values()
        ):
            words.add(word)
            takers.update(found)
    if not words:
        return None
    things = [rule(taker) for taker in takers.values() if taker is not None]
    until = (
        max(since(world, thing) for thing in things) + wait if len(things) == len(takers) else None
    )
    return Kept(str(record.get("Name")), tuple(sorted(words)), tuple(takers), until, hint(things))


def _takers(world: World, record: Record, word: str) -> dict[str, Record | None]:
    """Return the rules of the use case that take this word over from the given rule.

    A rule is None if it does not act on the word yet.
    """
    name = str(record.get("Name", "")).lower()
    found: dict[str, Record | None] = {}
    for wanted in handling.wanted_rules(world):
        properties = wanted.properties
        if (
            word not in _words(properties)
            or _header(properties) != _header(record)
            or not holds_mail(properties)
        ):
            continue
        if wanted.name.lower() == name:
            return {}
        there = handling.named(world.transport_rules, wanted.name)
        if there is None:
            found[wanted.name] = None
        elif _header(there) == _header(
            record
        ):  # one that changes its header, too, would wait for this one in turn
            acts = word in _words(there) and holds_mail(there) and not handling.besides(there)
            acts = acts and not handling.differs(_part(properties), there, ACTING)
            found[wanted.name] = there if acts else None
    return found


def _part(properties: Record) -> dict[str, t.Any]:
    return {prop.name: properties[prop.name] for prop in ACTING}


def rules_now(world: World) -> list[WantedRule]:
    """Return the rules of the use case as they may be today."""
    keeping = {item.rule.lower(): item for item in kept(world)}
    return [
        _with_kept(world, wanted, keeping.get(wanted.name.lower()))
        for wanted in handling.wanted_rules(world)
    ]


def _with_kept(world: World, wanted: WantedRule, keeps: Kept | None) -> WantedRule:
    record = handling.named(world.transport_rules, wanted.name)
    if keeps is None or record is None:
        return wanted
    same = _header(record) == _header(wanted.properties)
    words = list(
        dict.fromkeys([*(wanted.properties["HeaderContainsWords"] if same else ()), *keeps.words])
    )
    # While both rules are being changed, Exchange may apply them in either order. With the stricter
    # action no order delivers a message that should be held.
    action = max(record, wanted.properties, key=strictness)
    properties = {
        **wanted.properties,
        "Comments": handling.rule_comment(
            handling.case_of(world), Rule(wanted.name, tuple(words), "")
        ),
        "HeaderContainsMessageHeader": record["HeaderContainsMessageHeader"],
        "HeaderContainsWords": words,
        "SetSCL": action.get("SetSCL") if action.get("SetSCL") is not None else "",
        "Quarantine": boolean(action.get("Quarantine")) is True,
        "PrependSubject": "",
    }
    return WantedRule(wanted.name, properties)


def obsolete_rules(world: World) -> list[str]:
    """Return the rules of an earlier use case that may be removed."""
    keeping = {item.rule.lower() for item in kept(world)}
    return [name for name in handling.obsolete_rules(world) if name.lower() not in keeping]


def passed_on(world: World) -> list[GateResult]:
    """Report the rules that wait for their successors; they hold back nothing else of the phase."""
    return [
        not_yet(
            "passed_on",
            item.rule,
            "it goes on acting on %s until %s, which takes over, acts"
            % (", ".join(item.words), " and ".join(item.takers)),
            "" if item.until is None else iso(item.until),
            item.hint,
        )
        for item in kept(world)
    ]

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Which mail rules of ours hold, and which they let go of. Pure."""

from __future__ import annotations

from .._engine.values import INT, as_list, boolean
from . import handling
from .dispositions import api_word, header_word
from .handling import Record
from .use_cases import FIRST_SPAM
from .world import World


def strictness(record: Record) -> tuple[bool, int]:
    """Of a rule's action: the hosted quarantine is more than any spam confidence level."""
    level = INT.canonical(record.get("SetSCL"))
    return boolean(record.get("Quarantine")) is True, -1 if level is None else level


def holds_mail(record: Record) -> bool:
    """Whether its action keeps mail out of the inbox."""
    return strictness(record) >= (False, FIRST_SPAM)


def _words(record: Record) -> set[str]:
    return {header_word(str(word)) for word in as_list(record.get("HeaderContainsWords"))}


def _ours_acting(world: World) -> list[Record]:
    return [
        record
        for record in world.section("transport_rules")
        if handling.is_our_rule(record) and holds_mail(record) and str(record.get("State", "")).lower() == "enabled"
    ]


def letting_go(world: World) -> set[str]:
    """Dispositions, as the API has them, that rules of ours hold now and none of the use case's will."""
    staying = {word for wanted in handling.wanted_rules(world) if holds_mail(wanted.properties) for word in _words(wanted.properties)}
    return {api_word(word) for record in _ours_acting(world) for word in _words(record) - staying}

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whether the rules of the use case match: Area 1's findings compared with the message trace."""

from __future__ import annotations

import typing as t

from ..._engine.timestamps import iso, parse_time
from ..._facts.dispositions import api_word
from ..._facts.use_cases import IN_JUNK, IN_QUARANTINE, lands
from ..evidence.area1_log import LOOK_BACK, messages
from ..model.gate import GateResult, holds, not_yet
from ..model.registry import Asked, register
from ..model.world import World
from . import objects as handling
from .gates import acting_since

register(
    "rules_match",
    Asked(
        "message_handling",
        looks_at=(
            "the latest mail that the rules are for, and that Area 1 delivered since they act: "
            "the message trace shows for each that a rule of the use case acted on it. Read once "
            "a domain's mail goes to Area 1"
        ),
        otherwise="not yet: `SenderIpRanges` may not see Area 1's address",
        object="section Verify",
    ),
    needs=("message_events",),
)

#: What the message trace calls mail that a rule's level or action kept out of the inbox.
KEPT_OUT = ("FilteredAsSpam", "Quarantined")


def rules_match(world: World) -> list[GateResult]:
    """Check that a rule acted on the latest mail in which Area 1 found something.

    It is not documented whether SenderIpRanges see Area 1 or, with enhanced filtering, the original
    sender. In the second case the rules match nothing: Area 1 delivers the mail, and the message
    trace shows that no rule acted on it.
    """
    since = acting_since(world)
    acted, missed = 0, []
    for item in messages(world):
        word, scanned = (
            str(item.get("final_disposition") or "NONE"),
            parse_time(item.get("scanned_at")),
        )
        told = _told(world, item)
        if (
            since is None
            or scanned is None
            or scanned <= since
            or not told
            or not _for_rules(world, item)
        ):
            continue
        if any(_ours_acted(world, entry) for entry in told):
            acted += 1
        else:
            missed.append((api_word(word), str(item.get("message_id"))))
    if not missed:
        return [
            holds(
                "rules_match",
                "transport rules",
                "they act on the mail that they are for" if acted else "",
            )
        ]
    words = ", ".join(sorted({word for word, _message_id in missed}))
    return [
        not_yet(
            "rules_match",
            "transport rules",
            "no rule of the use case acted on %d of %d messages that Area 1 found %s and delivered:"
            " SenderIpRanges may not see Area 1's address"
            % (len(missed), len(missed) + acted, words),
            hint=(
                "Look at %s in the message trace. Once the lock-down is proven,"
                " area1_rule_match_sender_ip: false drops that condition."
            )
            % missed[0][1],
        )
    ]


def to_look_at(world: World) -> list[str]:
    """Return Message-IDs of mail in which Area 1 found something, to be looked up in the trace."""
    return [
        str(item["message_id"])
        for item in messages(world)
        if item.get("message_id") and _for_rules(world, item)
    ]


def rules_since(world: World) -> str:
    """Return since when mail shows whether the rules act; "" while it cannot."""
    since = acting_since(world)
    if (
        since is None
        or since >= world.now
        or not handling.case_of(world).rules
        or not any(world.is_switched(name) for name in world.covered())
    ):
        return ""
    return iso(max(since, world.now - LOOK_BACK))


def _for_rules(world: World, item: handling.Record) -> bool:
    """Return whether the use case's rules keep this mail out of the inbox."""
    word = str(item.get("final_disposition") or "NONE")
    return lands(handling.case_of(world), word).place in (IN_JUNK, IN_QUARANTINE)


def _told(world: World, item: handling.Record) -> list[dict[str, t.Any]]:
    """Return what the message trace says of one of Area 1's messages."""
    name = _bare(item.get("message_id"))
    return [
        entry for entry in world.message_events if name and _bare(entry.get("message_id")) == name
    ]


def _bare(message_id: t.Any) -> str:
    return str(message_id or "").strip().strip("<>")


def _ours_acted(world: World, entry: t.Mapping[str, t.Any]) -> bool:
    ours = {rule.name.lower() for rule in handling.wanted_rules(world)}
    return entry.get("status") in KEPT_OUT or any(
        str(name).lower() in ours for name in entry.get("rules") or []
    )

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The test mail by way of Area 1, found again in the message trace.

It shows whether it arrived, and by which connector [CUT-25]. Its headers would tell more [CUT-33],
but reading a mailbox takes a permission that nothing else here needs.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine.timeline import TEST_MAIL_SENT, Event
from ..._engine.timestamps import parse_time
from ..model.gate import NOT_CHECKED, GateResult, cannot, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World, changed_at

register(
    "test_mail",
    Asked(
        "switch",
        looks_at=(
            "only where a test mail went to `area1_canary_recipient` by way of Area 1: the "
            "message trace shows that it arrived, and by our connector (or does not tell by "
            "which: *not checked*)"
        ),
        otherwise=(
            "not yet: run again in some minutes, it may take that long to show; cannot where "
            "another connector took it"
        ),
        acknowledge="yes",
    ),
    needs=(
        "followed_messages",
        "inbound_connectors",
        "smtp",
        "timeline",
    ),
)

GATE = "test_mail"
#: So far the trace is asked, and so many are looked for.
KEPT = datetime.timedelta(hours=48)
MOST = 10


@dataclasses.dataclass(frozen=True)
class Arrival:
    at: datetime.datetime
    status: str
    connector: str

    def __str__(self) -> str:
        return "%s%s" % (
            self.status,
            ", by the connector %s" % self.connector if self.connector else "",
        )


def sent(world: World, since: datetime.datetime | None = None) -> list[str]:
    """Return the latest Message-IDs of test mails that Area 1 took, in this run or earlier ones."""
    begin = max(since or world.now - KEPT, world.now - KEPT)
    events = [event for event in world.timeline.of(TEST_MAIL_SENT) if event.subject]
    known = [event.subject for event in events if (event.moment or begin) >= begin]
    return list(
        dict.fromkeys(
            [*known, *(str(item["message_id"]) for item in offered(world) if item.get("accepted"))]
        )
    )[-MOST:]


def to_note(world: World) -> list[Event]:
    """Return events for this run's test mails that the time line lacks."""
    known = {event.subject for event in world.timeline.of(TEST_MAIL_SENT)}
    return [
        Event(TEST_MAIL_SENT, str(item.get("recipient") or ""), subject=str(item["message_id"]))
        for item in offered(world)
        if item.get("accepted") and str(item["message_id"]) not in known
    ]


def arrived(world: World, since: datetime.datetime) -> list[Arrival]:
    """Return the test mails that Microsoft 365 took since then."""
    messages = world.followed_messages.get("messages") or {}
    found = []
    for name in sent(world):
        item = messages.get(name) or {}
        at = parse_time(item.get("received"))
        if at is not None and at >= since and item.get("status") != "Failed":
            found.append(
                Arrival(at, str(item.get("status") or "arrived"), str(item.get("connector") or ""))
            )
    return found


def offered(world: World) -> list[dict[str, t.Any]]:
    """Return what this run's probe sent to Area 1's hosts.

    One without a host is one whose recipient none of them took.
    """
    canaries = world.smtp.get("canaries") or []
    return [item for item in canaries if not item.get("host") or world.is_gateway(item["host"])]


def gate(world: World) -> list[GateResult]:
    """Check that a test mail by way of Area 1 arrived, by the right connector."""
    found_offers = offered(world)
    if not found_offers:
        return []
    where = str(found_offers[-1].get("recipient") or "")
    ours = (world.settings.connector_name, world.settings.lockdown_connector_name)
    since = _settled(world)
    found = arrived(world, since)
    right = [arrival for arrival in found if arrival.connector in ours]
    if right:
        return [noticed(GATE, where, "the test mail by way of Area 1 arrived (%s)" % right[-1])]
    decide = "or put test_mail into area1_acknowledge."
    others = [arrival for arrival in found if arrival.connector]
    if others:
        hint = (
            "Take Area 1's addresses out of that connector, or adopt it in area1_connector_name, %s"
            % decide
        )
        return [
            cannot(
                GATE,
                where,
                "the test mail by way of Area 1 arrived, but not by ours (%s)" % others[-1],
                hint,
            )
        ]
    if found:
        return [
            GateResult(
                GATE,
                NOT_CHECKED,
                where,
                "the test mail by way of Area 1 arrived (%s), the trace does not say by which"
                " connector" % found[-1],
            )
        ]
    return [_missing(world, where, since, decide)]


def _settled(world: World) -> datetime.datetime:
    """Return since when our connector acts; earlier mail says nothing about it."""
    connector = world.connector(world.settings.connector_name) or {}
    changed = changed_at(connector)
    return (
        changed + datetime.timedelta(minutes=world.settings.settle_minutes)
        if changed
        else world.now - KEPT
    )


def _missing(world: World, where: str, since: datetime.datetime, decide: str) -> GateResult:
    if not sent(world, since):
        message = "the new MX hosts did not take the test mail: %s" % offered(world)[-1].get("text")
        return not_yet(GATE, where, message, hint="Does that mailbox exist? Run again, %s" % decide)
    section = world.followed_messages
    if section.get("error"):
        hint = (
            "The application needs the cmdlet Get-MessageTraceV2. Look whether it is in the"
            " mailbox, %s" % decide
        )
        return not_yet(
            GATE,
            where,
            "whether the test mail arrived is not known, the message trace could not be read: %s"
            % section["error"],
            hint=hint,
        )
    failed = [
        item
        for name, item in (section.get("messages") or {}).items()
        if name in sent(world) and item.get("status") == "Failed"
    ]
    what = "failed at Microsoft 365" if failed else "has not arrived yet"
    hint = (
        "Run again in some minutes. If it stays so, look for it in Email Security (was it held?)"
        " and in the message trace; %s" % decide
    )
    return not_yet(GATE, where, "the test mail by way of Area 1 %s" % what, hint=hint)

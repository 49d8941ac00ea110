# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The outcome of single messages, from their events in the message trace.

That is the status, the connector that took them, and the transport rules that acted. The events
show rules [EXO-2.7]. How they word it is seen in the field only, so a rule's name or id anywhere
counts. A message in the junk folder has the status of any other that was delivered: only its rule
tells.
"""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.errors import InputError, MailflowError
from ..._engine.timestamps import iso
from .trace import CMDLET, DETAIL, ROWS, WINDOW, Invoker, connection

#: Each message costs one of the 100 queries that a tenant has in five minutes.
MOST = 10
IDS = ("Guid", "ExchangeObjectId", "ImmutableId")
Rule = t.Mapping[str, t.Any]


def read_messages(
    client: Invoker, now: datetime.datetime, ids: t.Sequence[str], rules: t.Sequence[Rule]
) -> list[dict[str, t.Any]]:
    """Return the messages by Message-ID and recipient.

    Messages that the trace does not have, or has no events of, are left out: their outcome is
    unknown.
    """
    wanted = [
        "<%s>" % bare for bare in dict.fromkeys(item.strip().strip("<>") for item in ids) if bare
    ][:MOST]
    found: list[dict[str, t.Any]] = []
    try:
        rows = (
            client.invoke(
                CMDLET, {"StartDate": iso(now - WINDOW), "EndDate": iso(now), "MessageId": wanted}
            ).values
            if wanted
            else []
        )
        for row in rows[:MOST]:
            recipient = str(row.get("RecipientAddress") or "")
            events = client.invoke(
                DETAIL,
                {
                    "MessageTraceId": str(row.get("MessageTraceId") or ""),
                    "RecipientAddress": recipient,
                },
            ).values
            if events:
                told = {
                    "message_id": str(row.get("MessageId") or ""),
                    "recipient": recipient,
                    "status": str(row.get("Status") or ""),
                }
                found.append({**told, "rules": acting(events, rules)})
    except MailflowError:  # what is missing is not known, as above
        pass
    return found


def follow(
    client: Invoker, message_ids: t.Sequence[str], connectors: t.Sequence[str]
) -> dict[str, t.Any]:
    """Return the section followed_messages: which of these arrived in the last 48 hours."""
    section: dict[str, t.Any] = {"asked": list(message_ids), "error": "", "messages": {}}
    try:
        rows = (
            client.invoke(CMDLET, {"MessageId": list(message_ids), "ResultSize": ROWS}).values
            if message_ids
            else []
        )
    except InputError:
        raise
    except MailflowError as exc:
        return {**section, "error": str(exc)}
    for row in rows:
        name = str(row.get("MessageId") or "")
        if name in message_ids:
            closer = connection(
                client, row.get("MessageTraceId"), row.get("RecipientAddress"), connectors
            )
            told = {
                "received": str(row.get("Received") or ""),
                "status": str(row.get("Status") or ""),
            }
            section["messages"][name] = {**told, **closer}
    return section


def acting(events: t.Iterable[t.Mapping[str, t.Any]], rules: t.Sequence[Rule]) -> list[str]:
    """Return the names of the rules that the events mention.

    One name may be the beginning of another, so the longest is looked for first.
    """
    text = "\n".join(
        str(value) for event in events for value in event.values() if isinstance(value, str)
    ).lower()
    found = []
    for rule in sorted(rules, key=lambda item: -len(str(item.get("Name") or ""))):
        name = str(rule.get("Name") or "")
        marks = [
            mark
            for mark in (name.lower(), *(str(rule.get(key) or "").lower() for key in IDS))
            if mark
        ]
        if any(mark in text for mark in marks):
            found.append(name)
            text = text.replace(name.lower(), "")
    return sorted(found)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What GET investigate can ask for ([CF-6.3]), as conditions that a message meets or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from lab.cloudflare.envelope import ApiError, Query, first
from lab.cloudflare.messages import Record
from lab.cloudflare.settings import setting, timestamp

Condition = Callable[[Record], bool]

DISPOSITIONS = ("MALICIOUS", "SUSPICIOUS", "SPOOF", "SPAM", "BULK", "NONE")
STATUSES = (
    "delivered",
    "moved",
    "quarantined",
    "rejected",
    "deferred",
    "bounced",
    "queued",
    "move_failed",
)
# as the filter spells them, and as the messages do
ACTIONS = {"PREVIEW": "PREVIEW", "QUARANTINE_RELEASED": "QUARANTINE_RELEASE", "MOVED": "MOVE"}


def filters(query: Query, state: dict[str, Any], now: datetime) -> list[Condition]:
    """Return every condition of a query.

    alert_id finds nothing; metric is not documented further and changes nothing.
    """
    wanted = [*_times(query, now), *_texts(query, state)]
    disposition = _one_of(query, "final_disposition", DISPOSITIONS)
    status = _one_of(query, "delivery_status", STATUSES)
    action = ACTIONS.get(_one_of(query, "message_action", ACTIONS))
    if disposition:
        wanted.append(lambda item: bool(item["final_disposition"] == disposition))
    if status:
        wanted.append(lambda item: status in item["delivery_status"])
    if action:
        wanted.append(lambda item: any(each["operation"] == action for each in item["operations"]))
    if (
        first(query, "detections_only") or str(setting(state, "detections_only"))
    ).lower() == "true":
        wanted.append(lambda item: item["final_disposition"] != "NONE")
    if first(query, "alert_id"):
        wanted.append(lambda item: False)
    return wanted


def _times(query: Query, now: datetime) -> list[Condition]:
    """Return the conditions on time; start is 30 days ago unless given [CF-6.3]."""
    start = _moment(query, "start") or now.astimezone(timezone.utc) - timedelta(days=30)
    end = _moment(query, "end")
    if start > now:
        raise ApiError(400, 1001, "start must not be in the future")
    since, until = timestamp(start), timestamp(end) if end else None
    found: list[Condition] = [lambda item: item["scanned_at"] >= since]
    if until is not None:
        found.append(lambda item: item["scanned_at"] <= until)
    return found


def _texts(query: Query, state: dict[str, Any]) -> Iterable[Condition]:
    sender, recipient = first(query, "sender").lower(), first(query, "recipient").lower()
    domain, subject = first(query, "domain").lower(), first(query, "subject").lower()
    message_id, terms = (
        first(query, "message_id").strip("<> "),
        first(query, "query").lower().split(),
    )
    side = setting(state, "domain_filter")
    if sender:
        yield lambda item: sender in (item["envelope_from"].lower(), item["from"].lower())
    if recipient:
        yield (
            lambda item: recipient in [each.lower() for each in (*item["envelope_to"], *item["to"])]
        )
    if domain:
        yield lambda item: any(
            each.lower().rpartition("@")[2] == domain for each in _addresses(item, side)
        )
    if subject:
        yield lambda item: subject in item["subject"].lower()
    if message_id:
        yield lambda item: bool(item["message_id"].strip("<> ") == message_id)
    if terms:
        yield lambda item: all(
            term
            in " ".join((item["subject"], *_addresses(item, "both"), item["message_id"])).lower()
            for term in terms
        )


def _addresses(item: Record, side: str) -> list[str]:
    senders, recipients = [item["envelope_from"], item["from"]], [*item["envelope_to"], *item["to"]]
    return {"sender": senders, "recipient": recipients}.get(side, senders + recipients)


def _one_of(query: Query, name: str, allowed: Iterable[str]) -> str:
    found = first(query, name)
    if found and found not in allowed:
        raise ApiError(400, 1001, f"{name} must be one of {', '.join(allowed)}")
    return found


def _moment(query: Query, name: str) -> datetime | None:
    text = first(query, name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        found = datetime.max
    if found.tzinfo is None:
        raise ApiError(400, 1001, f"{name} must be a date and time with its zone")
    return found.astimezone(timezone.utc)

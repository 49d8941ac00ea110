# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Get-MessageTraceV2 and Get-MessageTraceDetailV2, by the lab's clock [EXO-2.7].

Rows are what the edge took, and the scenery of a world (lab/scenery). What was refused in the
protocol is not there [CUT-2.3], nor what the connection filter refused [EXO-2.2]. The cmdlet has no
filter for a direction, and the page names no wildcards.
"""

from __future__ import annotations

import fnmatch
import heapq
import itertools
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from lab.exchange import trace_events
from lab.exchange.call import Call
from lab.exchange.errors import MANAGEMENT, CmdletError, invalid
from lab.scenery import Scenery

_KEPT = timedelta(days=90)
_WIDEST = timedelta(days=10)
_DEFAULT = timedelta(hours=48)
_ROWS, _MOST_ROWS = 1000, 5000
# [EXO-2.7]: 100 requests in five minutes for a tenant
_RATE, _WINDOW = 100, 300.0
_STATUS = {
    "inbox": "Delivered",
    "junk": "Delivered",
    "redirected": "Delivered",
    "quarantine": "Quarantined",
    "deleted": "FilteredAsSpam",
    "moderated": "Pending",
}

Record = dict[str, Any]


def get_message_trace(call: Call) -> list[dict[str, Any]]:
    """Return a page, newest first, then by recipient.

    There is no page token: EndDate of the last row and StartingRecipientAddress go on from it.
    """
    _count(call)
    given = call.parameters
    start, end = _period(call)
    size = given.get("ResultSize") or _ROWS
    if not 1 <= size <= _MOST_ROWS:
        raise invalid(
            f"The value {size} of ResultSize is out of range. It must be between 1 and"
            f" {_MOST_ROWS}."
        )
    starting = str(given.get("StartingRecipientAddress") or "").lower()
    overlap = bool(call.settings.get("trace_pages_overlap"))
    fitting = (
        record
        for record in _records(call, start, end)
        if _fits(call, record) and (not starting or _after(record, end, starting, overlap))
    )
    found = list(itertools.islice(fitting, size + 1))
    if len(found) > size:
        # a truncated answer shows in this warning only
        last = found[size - 1]
        call.warnings.append(
            "There are more results available for your query. To get the remaining results, use"
            f" the following parameters: -EndDate {_stamp(last)} -StartingRecipientAddress"
            f" {last['recipient']}"
        )
    return [_row(call, record) for record in found[:size]]


def get_message_trace_detail(call: Call) -> list[dict[str, Any]]:
    """Return the events of one message for one recipient.

    The connector is in the first event's data.
    """
    _count(call)
    wanted = str(call.parameters["MessageTraceId"]).lower()
    recipient = str(call.parameters["RecipientAddress"]).lower()
    for record in _of_message(call, wanted):
        if record["recipient"].lower() == recipient:
            events = [_event(record, *event) for event in trace_events.events(call, record)]
            names = [str(name).lower() for name in call.parameters.get("Event") or []]
            return [event for event in events if not names or event["Event"].lower() in names]
    return []


def _shown(call: Call) -> float:
    """Return the time up to which messages have been indexed by now."""
    return call.hub.clock.time() - 60 * float(call.settings.get("trace_lag_minutes", 0))


def _taken(call: Call) -> list[Record]:
    """Return what the edge took, as far as it has been indexed."""
    if call.hub.mail is None:
        return []
    shown = _shown(call)
    return [record for record in list(call.hub.mail.journal.messages) if record["time"] <= shown]


def _records(call: Call, start: datetime, end: datetime) -> Iterator[Record]:
    taken = [record for record in _taken(call) if start <= _moment(record) <= end]
    taken.sort(key=_order)
    scenery = Scenery(call.hub.world, call.hub.clock.time()).records(
        start.timestamp(),
        min(end.timestamp(), _shown(call)),
        str(call.parameters.get("FromIP") or ""),
        frozenset(str(each).lower() for each in call.parameters.get("Status") or []),
    )
    return heapq.merge(taken, scenery, key=_order)


def _order(record: Record) -> tuple[float, str]:
    return -float(record["time"]), str(record["recipient"]).lower()


def _of_message(call: Call, identifier: str) -> list[Record]:
    found = [record for record in _taken(call) if record["id"] == identifier]
    if found:
        return found
    try:
        return Scenery(call.hub.world, call.hub.clock.time()).find(str(uuid.UUID(identifier)))
    except ValueError:
        return []


def _count(call: Call) -> None:
    now = call.hub.clock.time()
    recent: list[float] = [
        at for at in call.hub.world.setdefault("_traces", []) if 0 <= now - at < _WINDOW
    ]
    if len(recent) >= _RATE:
        raise CmdletError(
            MANAGEMENT + "ThrottlingException",
            "You have exceeded the limit of 100 requests in 5 minutes. Please wait and try again.",
            429,
            code="TooManyRequests",
        )
    call.hub.world["_traces"] = [*recent, now]


def _period(call: Call) -> tuple[datetime, datetime]:
    given = call.parameters
    end = _date("EndDate", given["EndDate"]) if given.get("EndDate") else call.now
    if given.get("StartDate"):
        start = _date("StartDate", given["StartDate"])
    else:
        # 48 hours when no dates are given; how a single EndDate is read is not documented: the same
        # way
        start = end - _DEFAULT
    if start > end:
        raise invalid("The StartDate must be earlier than the EndDate.")
    if end - start > _WIDEST:
        raise invalid(
            "The date range can't be more than 10 days. Use a smaller range of StartDate and"
            " EndDate."
        )
    if start < call.now - _KEPT - timedelta(minutes=5):
        raise invalid("The StartDate can't be more than 90 days ago.")
    return start, end


def _date(name: str, text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise CmdletError(
            "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException",
            f"Cannot process argument transformation on parameter '{name}'. Cannot convert value"
            f' "{text}" to type "System.DateTime".',
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _moment(record: Record) -> datetime:
    return datetime.fromisoformat(record["at"])


def _stamp(record: Record) -> str:
    return _moment(record).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _after(record: Record, end: datetime, starting: str, overlap: bool) -> bool:
    if _moment(record) != end:
        return True
    recipient = record["recipient"].lower()
    return bool(recipient >= starting if overlap else recipient > starting)


def _fits(call: Call, record: Record) -> bool:
    given = call.parameters
    if given.get("ToIP") and given["ToIP"] != record.get("to_ip"):
        return False
    for parameter, value in (
        ("SenderAddress", record["envelope_from"]),
        ("RecipientAddress", record["recipient"]),
    ):
        patterns = [str(pattern).lower() for pattern in given.get(parameter) or []]
        wild = bool(call.settings.get("trace_wildcards"))
        if patterns and not any(
            fnmatch.fnmatchcase(value.lower(), pattern) if wild else value.lower() == pattern
            for pattern in patterns
        ):
            return False
    for parameter, value in (("MessageId", record["message_id"]), ("Status", _status(record))):
        values = [str(each).lower() for each in given.get(parameter) or []]
        if values and value.lower() not in values:
            return False
    if given.get("FromIP") and given["FromIP"] != _from_ip(call, record):
        return False
    if given.get("MessageTraceId") and str(given["MessageTraceId"]).lower() != record["id"]:
        return False
    return _subject_fits(given, record["subject"].lower())


def _subject_fits(given: dict[str, Any], subject: str) -> bool:
    wanted = str(given.get("Subject") or "").lower()
    kind = str(given.get("SubjectFilterType") or "Contains").lower()
    if kind == "startswith":
        return subject.startswith(wanted)
    return subject.endswith(wanted) if kind == "endswith" else wanted in subject


def _status(record: Record) -> str:
    return str(record.get("status") or _STATUS.get(record["folder"], "Failed"))


def _from_ip(call: Call, record: Record) -> Any:
    """Open: the address that connected, or the one that enhanced filtering found behind it."""
    source = call.settings.get("trace_from_ip") == "source" and record["skip_listed"]
    return record["source_ip"] if source else record["connecting_ip"]


def _row(call: Call, record: Record) -> dict[str, Any]:
    return {
        "Organization": call.organization,
        "MessageId": record["message_id"],
        "Received": record.get("received", _stamp(record)),
        "SenderAddress": record["envelope_from"],
        "RecipientAddress": record["recipient"],
        "Subject": record["subject"],
        "Status": _status(record),
        "ToIP": record.get("to_ip"),
        "FromIP": _from_ip(call, record),
        "Size": record["size"],
        "MessageTraceId": record["id"],
    }


def _event(record: Record, event: str, detail: str, data: str) -> dict[str, Any]:
    return {
        "MessageId": record["message_id"],
        "MessageTraceId": record["id"],
        "Date": _stamp(record),
        "Event": event,
        "Action": "",
        "Detail": detail,
        "Data": data,
        "SenderAddress": record["envelope_from"],
        "RecipientAddress": record["recipient"],
    }

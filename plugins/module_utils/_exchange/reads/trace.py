# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The message trace, read to its end and summed up by sending address and recipient domain.

Limits of Get-MessageTraceV2 [EXO-2.7]: 90 days, 10 days a query, at most 5000 rows, newest first,
no page token: the next page is asked with the last row's time and recipient. That rows were left
out shows in a warning only. 100 queries in five minutes for the whole tenant.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ..._engine.address_ranges import outside
from ..._engine.errors import InputError, MailflowError
from ..._engine.timestamps import iso, parse_time
from ..._engine.values import host_name, of_domain

CMDLET = "Get-MessageTraceV2"
DETAIL = "Get-MessageTraceDetailV2"
ROWS = 5000
WINDOW = datetime.timedelta(days=10)
KEPT = datetime.timedelta(days=90) - datetime.timedelta(hours=1)
#: A tenant has 100 queries in five minutes, and others need some of them, too.
QUERIES = 60
GROUPS = 5000
SHOWN_SENDERS = 5
#: The wording of the warning about left-out rows is not known; a short page without any is the end.
MORE = re.compile(
    r"more (results|rows|data|messages)|StartingRecipientAddress|truncat|result ?size|EndDate",
    re.IGNORECASE,
)

#: What a message's events say of the connection that it came by; how they word it is seen in the
#: field only.
#: The connector in the custom data of a message's events.
INBOUND = re.compile(r"InboundConnectorData=Name=([^;\n]+)", re.IGNORECASE)
CLIENT = re.compile(r"ClientIP[=:]\s*\[?([0-9A-Fa-f.:]+)")

Row = t.Mapping[str, t.Any]
Since = t.Union[str, t.Mapping[str, str]]  # noqa: UP007  (made at run time)


class Invoker(t.Protocol):
    def invoke(self, cmdlet: str, parameters: t.Mapping[str, t.Any]) -> t.Any:
        """Run one cmdlet; the answer has ``values`` and ``warnings``."""


def read_trace(
    client: Invoker, now: datetime.datetime, since: Since, queries: int = QUERIES
) -> dict[str, t.Any]:
    """Return the section message_trace.

    A trace that cannot be read says so in ``error``, and is not an empty one.
    """
    tally = Tally(now, since)
    section: dict[str, t.Any] = {
        "since": since if isinstance(since, str) else dict(since),
        "end": iso(now),
        "error": "",
        "truncated": "",
    }
    try:
        section["truncated"] = _read(client, tally, now, queries)
    except InputError:
        raise
    except MailflowError as exc:
        section["error"] = str(exc)
    if not section["truncated"] and tally.overflow:
        section["truncated"] = "more than %d sending addresses: the others were not kept" % GROUPS
    return {**section, "start": iso(tally.start), "rows": tally.rows, "groups": tally.groups()}


class Tally:
    """Counts of rows by sending address and recipient domain, since the time for that domain."""

    def __init__(self, now: datetime.datetime, since: Since) -> None:
        self.now, self.rows, self.overflow = now, 0, False
        self._since = (
            _time(since)
            if isinstance(since, str)
            else {host_name(name): _time(at) for name, at in since.items()}
        )
        times = (
            [self._since]
            if isinstance(self._since, datetime.datetime)
            else list(self._since.values())
        )
        self.start = max(min(times, default=now), now - KEPT)
        self._groups: dict[tuple[str, str], dict[str, t.Any]] = {}

    def add(self, row: Row) -> None:
        recipient, sender = (
            str(row.get("RecipientAddress") or ""),
            str(row.get("SenderAddress") or ""),
        )
        domain = host_name(recipient.rpartition("@")[2])
        # A row without a time that can be read counts as one of now: nothing is left out because it
        # looks odd.
        at = parse_time(row.get("Received")) or self.now
        since = (
            self._since
            if isinstance(self._since, datetime.datetime)
            else of_domain(self._since, domain)
        )
        if since is None or at < since:
            return
        self.rows += 1
        key = (str(row.get("FromIP") or "").strip(), domain)
        if key not in self._groups and len(self._groups) >= GROUPS:
            self.overflow = True
            return
        group = self._groups.setdefault(
            key,
            {
                "from_ip": key[0],
                "domain": domain,
                "count": 0,
                "statuses": {},
                "senders": [],
                "first": iso(at),
                "last": "",
                "sample": {},
            },
        )
        group["count"] += 1
        status = str(row.get("Status") or "unknown")
        group["statuses"][status] = group["statuses"].get(status, 0) + 1
        if sender and sender not in group["senders"] and len(group["senders"]) < SHOWN_SENDERS:
            group["senders"].append(sender)
        group["first"] = min(group["first"], iso(at))
        if iso(at) >= group["last"]:
            group["last"] = iso(at)
            group["sample"] = {"id": str(row.get("MessageTraceId") or ""), "recipient": recipient}

    def groups(self) -> list[dict[str, t.Any]]:
        return sorted(
            self._groups.values(),
            key=lambda group: (-group["count"], group["from_ip"], group["domain"]),
        )


def _time(value: t.Any) -> datetime.datetime:
    moment = parse_time(value)
    if moment is None:
        raise InputError(
            "trace_since: %r is no time." % (value,),
            "Give ISO 8601 in UTC, like 2026-11-25T20:00:00Z, or such a time by domain.",
        )
    return moment


def _read(client: Invoker, tally: Tally, now: datetime.datetime, queries: int) -> str:
    """Read window by window, the newest first, and return what was left out, or ""."""
    high, seen = now, set[tuple[str, str, str]]()
    while high > tally.start:
        low = max(tally.start, high - WINDOW)
        end, recipient = iso(high), ""
        while True:
            if queries <= 0:
                return "only the mail since %s was read (bounded number of queries)" % end
            queries -= 1
            parameters: dict[str, t.Any] = {
                "StartDate": iso(low),
                "EndDate": end,
                "ResultSize": ROWS,
            }
            answer = client.invoke(
                CMDLET,
                {**parameters, **({"StartingRecipientAddress": recipient} if recipient else {})},
            )
            fresh = [row for row in answer.values if _key(row) not in seen]
            for row in fresh:
                tally.add(row)
            # The next page begins with what this one ended with.
            seen = {_key(row) for row in answer.values} or seen
            full = len(answer.values) >= ROWS
            if not answer.values or not (
                full or any(MORE.search(warning) for warning in answer.warnings)
            ):
                break
            end, recipient = (
                _text(answer.values[-1].get("Received")),
                _text(answer.values[-1].get("RecipientAddress")),
            )
            if not fresh or not end:
                return "the mail before %s was not read: the service's pages do not go on" % (
                    end or iso(high)
                )
        high = low
    return ""


def look_closer(
    client: Invoker,
    section: dict[str, t.Any],
    known: t.Sequence[str],
    connectors: t.Sequence[str],
    limit: int,
) -> None:
    """Add connection and connector of the last message for the busiest addresses not ``known``.

    They come from its events. Behind enhanced filtering the trace may show the original sender
    instead of the address that connected: that is not documented.
    """
    for address in list(
        dict.fromkeys(
            group["from_ip"]
            for group in section["groups"]
            if group["from_ip"] and outside([group["from_ip"]], known)
        )
    )[:limit]:
        groups = [group for group in section["groups"] if group["from_ip"] == address]
        sample = max(groups, key=lambda group: str(group["last"]))["sample"]
        closer = connection(client, sample.get("id"), sample.get("recipient"), connectors)
        for group in groups:
            group.update(closer)


def connection(
    client: Invoker, trace_id: t.Any, recipient: t.Any, connectors: t.Sequence[str]
) -> dict[str, str]:
    """Return ``via`` and ``connector`` of one message, or {} where its events cannot be read."""
    if not trace_id or not recipient:
        return {}
    try:
        events = client.invoke(
            DETAIL, {"MessageTraceId": trace_id, "RecipientAddress": recipient}
        ).values
    except MailflowError:  # what it would have told stays unknown; the message itself is known
        return {}
    text = "\n".join(
        str(value) for event in events for value in event.values() if isinstance(value, str)
    )
    found = CLIENT.search(text)
    return {
        "via": found[1] if found else "",
        "connector": _connector(text, connectors),
    }


def _connector(text: str, connectors: t.Sequence[str]) -> str:
    """Return the connector that the events name; "" where they name none that is known.

    The name stands between ``Name=`` and the next property. Where the form is another,
    the longest known name in the text is it: one name may be a part of another.
    """
    known = sorted(filter(None, connectors), key=len, reverse=True)
    named = INBOUND.search(text)
    if named is not None:
        return next((name for name in known if name.lower() == named[1].strip().lower()), "")
    return next((name for name in known if name in text), "")


def _key(row: Row) -> tuple[str, str, str]:
    return (
        _text(row.get("MessageTraceId")),
        _text(row.get("RecipientAddress")),
        _text(row.get("Received")),
    )


def _text(value: t.Any) -> str:
    return str(value or "")

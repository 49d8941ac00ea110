# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Messages under stable names, which of them an operator asks for, and a table of them.

No I/O.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._engine.errors import InputError
from .._engine.outside_text import columns_of, fit
from .._engine.timestamps import iso, parse_time
from .._engine.values import as_list
from .investigate import bare_message_id, identifier

Row = dict[str, t.Any]

DISPOSITIONS = ("MALICIOUS", "SUSPICIOUS", "SPOOF", "SPAM", "BULK", "NONE")
# The service's filter knows the six above. Its messages also say MALICIOUS-BEC, which is MALICIOUS
# to whoever asks for it.
_WIDER = {"MALICIOUS": frozenset({"MALICIOUS", "MALICIOUS-BEC"})}
_HEADER_WORDS = {"UCE": "SPAM"}
_RELEASES = frozenset({"QUARANTINE_RELEASE", "QUARANTINE_RELEASED", "RELEASE"})
_SUCCEEDED = frozenset({"success", "successful", "succeeded", "completed"})


def row(message: t.Mapping[str, t.Any]) -> Row:
    """Return a message as the modules show it.

    The service's own names of fields and dates differ from year to year [CF-6.1].
    """
    return {
        "id": identifier(message),
        "postfix_id": str(message.get("postfix_id") or ""),
        "message_id": str(message.get("message_id") or ""),
        "from": str(message.get("from") or ""),
        "to": [str(each) for each in as_list(message.get("to"))],
        "envelope_from": str(message.get("envelope_from") or ""),
        "envelope_to": [str(each) for each in as_list(message.get("envelope_to"))],
        "subject": str(message.get("subject") or ""),
        "scanned_at": _date(message.get("scanned_at") or message.get("ts")),
        "sent_at": _date(message.get("sent_at") or message.get("sent_date")),
        "disposition": str(message.get("final_disposition") or ""),
        "quarantined": is_quarantined(message),
        "released": was_released(message),
        "delivery_status": [str(each).lower() for each in as_list(message.get("delivery_status"))],
    }


def _date(value: t.Any) -> str:
    moment = parse_time(value)
    return str(value or "") if moment is None else iso(moment)


def is_quarantined(message: t.Mapping[str, t.Any]) -> bool:
    """Return whether the service says that it holds the message now.

    Values of ``post_delivery_operations`` are not documented, and no reason to doubt that.
    """
    told = message.get("is_quarantined")
    if told is None:
        return "quarantined" in [
            str(each).lower() for each in as_list(message.get("delivery_status"))
        ]
    return bool(told)


def was_released(message: t.Mapping[str, t.Any]) -> bool:
    """Return whether the message is not held any more because somebody released it."""
    done = {str(each).upper() for each in as_list(message.get("post_delivery_operations"))}
    return not is_quarantined(message) and bool(done & _RELEASES)


def last_release_succeeded(log: t.Sequence[t.Mapping[str, t.Any]]) -> bool:
    """Return whether the latest release in an action log succeeded. The log may be in any order."""
    tries = sorted(
        (each for each in log if str(each.get("operation")).upper() in _RELEASES),
        key=lambda each: str(each.get("completed_at") or ""),
    )
    return bool(tries) and str(tries[-1].get("status")).lower() in _SUCCEEDED


@dataclasses.dataclass(frozen=True)
class MessageFilter:
    """A selection of messages: each part is one condition, and an empty part asks for nothing."""

    domain: str = ""
    dispositions: frozenset[str] = frozenset()
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    message_id: str = ""
    start: str = ""
    end: str = ""
    quarantined: bool = True

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> MessageFilter:
        words = [str(word).strip().upper() for word in as_list(params.get("dispositions"))]
        words = [_HEADER_WORDS.get(word, word) for word in words]
        wrong = [word for word in words if word not in DISPOSITIONS]
        if wrong:
            raise InputError(
                "%s is not a disposition." % ", ".join(wrong),
                "There are %s." % ", ".join(DISPOSITIONS),
            )
        start, end = _moment(params, "start"), _moment(params, "end")
        if start and end and start > end:
            raise InputError("start (%s) is later than end (%s)." % (start, end), "Swap the two.")
        texts = {
            name: str(params.get(name) or "").strip()
            for name in ("domain", "sender", "recipient", "subject")
        }
        texts["domain"] = texts["domain"].lstrip("@")
        return cls(
            **texts,
            dispositions=frozenset(words),
            message_id=bare_message_id(params.get("message_id")),
            start=start,
            end=end,
            quarantined=bool(params.get("quarantined", True)),
        )

    def filters(self) -> dict[str, str]:
        """Return the filters for the service: only those that it certainly understands as we do.

        :meth:`fits` decides. Whether the service leaves out benign mail by itself is not
        documented, so it is always told.
        """
        found = {
            "start": self.start,
            "end": self.end,
            "subject": self.subject,
            "detections_only": "false",
        }
        found["message_id"] = "<%s>" % self.message_id if self.message_id else ""
        found.update(
            {
                name: value
                for name, value in (("sender", self.sender), ("recipient", self.recipient))
                if "@" in value
            }
        )
        if len(self.dispositions) == 1 and not self.dispositions & _WIDER.keys():
            found["final_disposition"] = next(iter(self.dispositions))
        if self.quarantined:
            found["delivery_status"] = "quarantined"
        return {name: value for name, value in found.items() if value}

    def fits(self, one: Row) -> bool:
        senders = [one["from"].lower(), one["envelope_from"].lower()]
        recipients = [each.lower() for each in (*one["envelope_to"], *one["to"])]
        words = {word for wanted in self.dispositions for word in _WIDER.get(wanted, {wanted})}
        return (
            (not self.quarantined or one["quarantined"])
            and (not words or one["disposition"].upper() in words)
            and (not self.domain or any(_at(each, self.domain) for each in (*senders, *recipients)))
            and (not self.sender or any(_at(each, self.sender) for each in senders))
            and (not self.recipient or any(_at(each, self.recipient) for each in recipients))
            and self.subject.lower() in one["subject"].lower()
            and (not self.message_id or bare_message_id(one["message_id"]) == self.message_id)
        )


def _at(address: str, wanted: str) -> bool:
    """Return whether an address, or any address of a domain, is among ``addresses``.

    Header addresses may come with a name and angle brackets.
    """
    bare = address.rpartition("<")[2].rstrip("> ") if "<" in address else address
    wanted = wanted.lower()
    return bare == wanted or (
        "@" not in wanted.lstrip("@") and bare.rpartition("@")[2] == wanted.lstrip("@")
    )


def _moment(params: t.Mapping[str, t.Any], option: str) -> str:
    given = str(params.get(option) or "").strip()
    if not given:
        return ""
    moment = parse_time(given)
    if moment is None:
        raise InputError(
            "%s is not a date and time: %r." % (option, given),
            "Write it like 2026-11-25 or 2026-11-25T18:00:00Z.",
        )
    return iso(moment)


_COLUMNS = (("TIME", 20), ("DISPOSITION", 13), ("FROM", 28), ("TO", 28), ("SUBJECT", 40), ("ID", 0))


def table(rows: t.Sequence[Row]) -> list[str]:
    """Return aligned lines for a terminal.

    The id is last and never cut, because a release asks for it.
    """
    return aligned(_COLUMNS, [_cells(one) for one in rows])


def _cells(one: Row) -> tuple[str, ...]:
    to = one["envelope_to"] or one["to"]
    more = " +%d" % (len(to) - 1) if len(to) > 1 else ""
    return (
        one["scanned_at"],
        one["disposition"],
        one["from"] or one["envelope_from"],
        "".join(to[:1]) + more,
        one["subject"],
        one["id"],
    )


def aligned(columns: t.Sequence[tuple[str, int]], rows: t.Sequence[t.Sequence[str]]) -> list[str]:
    """Return rows as aligned lines. A column is a name and its greatest width (0: never cut)."""
    lines = [[name for name, _most in columns]]
    lines += [
        [fit(text, most) for text, (_name, most) in zip(cells, columns, strict=True)]
        for cells in rows
    ]
    widths = [max(columns_of(line[index]) for line in lines) for index in range(len(columns))]
    return [
        "  ".join(
            cell + " " * (width - columns_of(cell))
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]

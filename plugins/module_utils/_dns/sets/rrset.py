# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Record sets as values: MX and TXT in one canonical spelling.

They are compared without order, case and final dot.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._engine.errors import InputError
from ..._engine.host_names import host_name, parse_host_name

_CHARACTER_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PRIORITY = re.compile(r"[0-9]{1,5}")
_ESCAPE = re.compile(r"\\([0-9]{3}|.)")
NULL_HOST = "."


@dataclasses.dataclass(frozen=True)
class RecordSet:
    """All records of one name and type.

    ``values`` are canonical and sorted (an MX as :func:`mx_value` writes it, a TXT as the bare
    text). ``ttl`` is what a resolver is told; ``auto_ttl`` says that the provider chooses it.
    ``token`` is the driver's own (ids, raw records) and never compared.
    """

    name: str
    type: str
    values: tuple[str, ...]
    ttl: int | None = None
    auto_ttl: bool = False
    modified_on: str | None = dataclasses.field(default=None, compare=False)
    date: str | None = dataclasses.field(default=None, compare=False)
    token: t.Any = dataclasses.field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        rdtype: str,
        values: t.Iterable[str],
        ttl: int | None = None,
        auto_ttl: bool = False,
        **more: t.Any,
    ) -> RecordSet:
        """Return a set with its values in canonical form; raise InputError for a malformed one."""
        canonical = CANONICAL[rdtype]
        return cls(
            host_name(name),
            rdtype,
            tuple(sorted({canonical(value) for value in values}, key=_order)),
            ttl,
            auto_ttl,
            **more,
        )

    def same_values(self, values: t.Iterable[str]) -> bool:
        canonical = CANONICAL[self.type]
        return set(self.values) == {canonical(value) for value in values}

    @property
    def shown_ttl(self) -> t.Any:
        return "auto" if self.auto_ttl else self.ttl

    def records(self) -> list[dict[str, t.Any]]:
        """Return an MX set as the modules return it."""
        return [mx_record(value) for value in self.values]


def mx_value(value: str) -> str:
    """Return ``5 Mail.Example.`` as ``5 mail.example``; the null MX is ``0 .``."""
    parts = str(value).split()
    if len(parts) != 2 or not _PRIORITY.fullmatch(parts[0]) or int(parts[0]) > 65535:
        raise InputError(
            "%r is not an MX value." % value,
            "Give a priority (0 to 65535) and a host name, like 10 mail.example.com.",
        )
    return "%d %s" % (int(parts[0]), host_name(parts[1]) or NULL_HOST)


def mx_record(value: str) -> dict[str, t.Any]:
    priority, host = value.split(" ", 1)
    return {"priority": int(priority), "host": host}


def txt_value(value: str) -> str:
    """Return a text from zone-file form: ``"a" "b"`` is ``ab``; without quotes it is the text."""
    text = str(value).strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _from_bytes(
            "".join(_ESCAPE.sub(_unescape, part) for part in _CHARACTER_STRING.findall(text))
        )
    return text


def txt_strings(value: str) -> str:
    """Return a text as zone files write it: quoted character strings of at most 255 bytes."""
    data = value.encode("utf-8")
    parts = [data[start : start + 255] for start in range(0, len(data), 255)] or [b""]
    return " ".join('"%s"' % "".join(_escape(byte) for byte in part) for part in parts)


def mx_wanted(records: t.Any, what: str) -> tuple[str, ...]:
    """Return the wanted MX values; refuse an empty set, doubles, and what is no host name."""
    if isinstance(records, (str, t.Mapping)) or not isinstance(records, t.Sequence):
        raise InputError(
            "%s: records is not a list." % what, "Give a list of maps with priority and host."
        )
    if not records:
        raise InputError(
            "%s: records is an empty list; a domain without MX loses its mail." % what,
            "Give the wanted records, or omit records to leave them.",
        )
    values = [_wanted_value(record, what) for record in records]
    hosts = [value.split(" ", 1)[1] for value in values]
    double = sorted({host for host in hosts if hosts.count(host) > 1})
    if double:
        raise InputError(
            "%s: %s is named more than once." % (what, ", ".join(double)),
            "Give each host once, with one priority.",
        )
    return tuple(sorted(values, key=_order))


def _wanted_value(record: t.Any, what: str) -> str:
    if not isinstance(record, t.Mapping) or set(record) != {"priority", "host"}:
        raise InputError(
            "%s: each record is a map with exactly priority and host." % what,
            "Like {priority: 10, host: mail.example.com}.",
        )
    priority = str(record["priority"]).strip()
    if isinstance(record["priority"], bool) or not priority.isdigit() or int(priority) > 65535:
        raise InputError(
            "%s: %r is not an MX priority." % (what, record["priority"]),
            "It is a whole number from 0 to 65535.",
        )
    return "%d %s" % (int(priority), _wanted_mail_host(record["host"], what))


def _wanted_mail_host(value: t.Any, what: str) -> str:
    """Return a mail host; underscores pass, as a rollback may restore what somebody once set."""
    return parse_host_name(value, "%s: MX host" % what, underscore=True).canonical


def wanted_host(value: t.Any, what: str) -> str:
    """Return the canonical name of a host or record that a person typed; raise InputError."""
    return parse_host_name(value, what, underscore=True, wildcard=True).canonical


def ancestors(name: str) -> list[str]:
    """Return the name and what is above it, longest first, except the top-level domain."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def _order(value: str) -> tuple[int, str]:
    first = value.split(" ", 1)[0]
    return (int(first) if first.isdecimal() and len(first) < 6 else 0, value)


def _unescape(match: re.Match[str]) -> str:
    body = match.group(1)
    return chr(int(body)) if body.isdigit() and len(body) == 3 else body


def _from_bytes(text: str) -> str:
    """Return a name whose escapes stand for bytes, which are UTF-8 if they are text at all."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _escape(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else "\\%03d" % byte


CANONICAL: dict[str, t.Callable[[str], str]] = {"MX": mx_value, "TXT": str}

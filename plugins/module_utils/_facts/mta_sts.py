# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""MTA-STS (RFC 8461) as senders read it, and the policy and record that a domain needs.

No I/O.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from .._engine.values import host_name

ENFORCE, TESTING, NONE = "enforce", "testing", "none"
MAX_AGE = 31557600
DEFAULT_MAX_AGE = 604800

_RECORD = re.compile(r"^v=STSv1[ \t]*;(.*)$", re.DOTALL)
_ID = re.compile(r"^[A-Za-z0-9]{1,32}$")
_HOST = re.compile(r"^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)+$")


@dataclasses.dataclass(frozen=True)
class Policy:
    """A policy. ``mx`` holds patterns: host names, ``*.`` standing for exactly one label."""

    mode: str
    max_age: int
    mx: tuple[str, ...]

    def admits(self, host: str) -> bool:
        return any(matches(pattern, host) for pattern in self.mx)

    def missing(self, hosts: t.Iterable[str]) -> list[str]:
        return [host for host in map(host_name, hosts) if not self.admits(host)]

    def refused(self, hosts: t.Iterable[str]) -> list[str]:
        """Return those of ``hosts`` to which a sender that obeys the policy delivers nothing."""
        return self.missing(hosts) if self.mode == ENFORCE else []

    def text(self) -> str:
        lines = [
            "version: STSv1",
            "mode: %s" % self.mode,
            *("mx: %s" % pattern for pattern in self.mx),
            "max_age: %d" % self.max_age,
        ]
        return "".join(line + "\n" for line in lines)

    def with_hosts(self, hosts: t.Iterable[str]) -> Policy:
        """Return the policy with old and new hosts.

        Senders may keep the old ones until the last cache has expired, and a rollback needs them.
        """
        return dataclasses.replace(self, mx=(*self.mx, *self.missing(hosts)))


def matches(pattern: str, host: str) -> bool:
    """Return whether a pattern covers a host; ``*`` is the whole leftmost label (RFC 8461, 4.1)."""
    name = host_name(host)
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return name == pattern


def record_id(texts: t.Iterable[str]) -> tuple[str, str]:
    """Return (id, problem) of the TXT records.

    Without exactly one good record a domain has no MTA-STS (RFC 8461, 3.1): then the id is "".
    """
    records = [text.strip() for text in texts if re.match(r"^v=STSv1[ \t]*(;|$)", text.strip())]
    if not records:
        return "", ""
    if len(records) > 1:
        return "", "there are %d such records; senders then take none" % len(records)
    match = _RECORD.match(records[0])
    fields = [part.strip().partition("=") for part in match.group(1).split(";")] if match else []
    found = [value.strip() for key, _equals, value in fields if key.strip() == "id"]
    if not found or not _ID.match(found[0]):
        return "", "its id is missing or malformed; senders then take no policy"
    return found[0], ""


def parse_policy(text: str) -> tuple[Policy | None, str]:
    """Return (policy, problem) of a policy's text.

    Unknown keys are ignored; of a key given twice the first counts, except for ``mx`` (RFC 8461,
    3.2).
    """
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in re.split(r"\r?\n", text):
        key, colon, value = line.partition(":")
        if not colon:
            if line.strip():
                return None, "the line %r is no field" % line.strip()[:60]
            continue
        key, value = key.strip(), value.strip()
        if key == "mx":
            patterns.append(value.rstrip(".").lower())
        else:
            fields.setdefault(key, value)
    problem = _problem(fields, patterns)
    if problem:
        return None, problem
    return Policy(fields["mode"], int(fields["max_age"]), tuple(dict.fromkeys(patterns))), ""


def _problem(fields: t.Mapping[str, str], patterns: t.Sequence[str]) -> str:
    if fields.get("version") != "STSv1":
        return "it has no version: STSv1"
    if fields.get("mode") not in (ENFORCE, TESTING, NONE):
        return "its mode is %r" % fields.get("mode")
    age = fields.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= 10 and int(age) <= MAX_AGE):
        return "its max_age is %r" % fields.get("max_age")
    if fields["mode"] != NONE and not patterns:
        return "it names no mx"
    wrong = [pattern for pattern in patterns if not _HOST.match(pattern)]
    return "%r is no host pattern" % wrong[0] if wrong else ""


def next_id(moment: datetime.datetime, present: str) -> str:
    """Return a new id: the time, which also sorts; with a letter behind it where it is taken."""
    stamp = moment.astimezone(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S")
    return stamp + "a" if stamp == present else stamp


def record_text(identifier: str) -> str:
    return "v=STSv1; id=%s;" % identifier

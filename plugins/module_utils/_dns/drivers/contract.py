# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What every DNS provider's driver offers, and what it may promise."""

from __future__ import annotations

import dataclasses
import typing as t

from ..sets.rrset import RecordSet, txt_strings


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """``atomic``: a set is replaced in one transaction.

    ``compare_and_swap``: only if it is still the expected one.

    ``writes`` False: a person carries the change out. ``auto_seconds`` is what the provider serves
    for an automatic TTL.
    """

    atomic: bool = False
    compare_and_swap: bool = False
    min_ttl: int = 0
    max_ttl: int = 2147483647
    auto_ttl: bool = False
    auto_seconds: int = 300
    writes: bool = True


class Driver(t.Protocol):
    """One provider with its credentials.

    Used by several threads at once.

    ``prepare`` may look up in few calls what the single calls need; ``check`` proves the
    credentials for these names and writes nothing. ``read`` answers None only where the provider
    said that there is no such set. ``replace`` changes the set only where it still is ``expected``
    (None: absent) and raises Conflict where it is not.
    """

    provider: str
    capabilities: Capabilities

    def prepare(self, names: t.Sequence[str]) -> None:
        """Look at many names at once, where that saves calls."""

    def check(self, name: str) -> None:
        """Prove the credentials, without a change."""

    def name_servers(self, name: str) -> tuple[str, ...] | None:
        """The servers at which the provider serves the name's zone; None where it does not tell."""

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        """The set in place; None if there is none."""

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        """Put ``wanted`` in the place of ``expected``."""


def zone_lines(record_set: RecordSet) -> list[str]:
    """The set as lines of a zone file, for people."""
    ttl = "%d " % record_set.ttl if record_set.ttl is not None else ""
    lines = []
    for value in record_set.values:
        if record_set.type == "MX":
            priority, host = value.split(" ", 1)
            value = "%s %s." % (priority, host.rstrip("."))
        else:
            value = txt_strings(value)
        lines.append("%s. %sIN %s %s" % (record_set.name, ttl, record_set.type, value))
    return lines

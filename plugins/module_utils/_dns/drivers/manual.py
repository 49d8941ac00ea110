# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""No provider at all: the world is read, and a person gets the exact records to set."""

from __future__ import annotations

from ..._engine.errors import InputError, MailflowError, ReadError, Refused
from ..public.public_dns import PublicDns
from ..sets.by_hand import instructions
from ..sets.rrset import RecordSet
from ..sets.zone_file import zone_lines
from .contract import Capabilities, Driver, DriverOptions, Surroundings


class ManualDriver(Driver):
    """A zone that a person edits: the name servers are read, every change is handed out."""

    PROVIDER = "manual"
    TITLE = "by hand"
    SUMMARY = (
        "V(manual) changes nothing. It reads what the zone's name servers answer and returns the"
        " exact records to set by hand."
    )
    CAPABILITIES = Capabilities(writes=False)

    def __init__(self, world: PublicDns) -> None:
        self._world = world

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> ManualDriver:
        return cls(surroundings.public_dns)

    def check(self, name: str) -> None:
        self._world.delegation(name)

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        """Return what all authoritative servers say alike.

        Silence or contradiction is an error, not an absent set.
        """
        delegation = self._world.delegation(name)
        told = {}
        for server in delegation.servers:
            label = "%s (%s)" % (server.name, server.address or "no address")
            answer = self._world.ask(server, name, rdtype)
            if not answer.answered:
                raise ReadError(
                    "%s: the name server %s gave no answer (%s)." % (name, label, answer.status),
                    "Run again when all name servers answer.",
                )
            if answer.cname:
                raise InputError(
                    "%s is an alias of %s: it can have no %s set." % (name, answer.cname, rdtype),
                    "Remove the CNAME record first.",
                )
            told[label] = answer
        if len({answer.values for answer in told.values()}) > 1:
            shown = "; ".join(
                "%s: %s" % (label, ", ".join(answer.values) or "none")
                for label, answer in told.items()
            )
            raise ReadError(
                "%s: its name servers contradict each other (%s)." % (name, shown),
                "Run again when all name servers show the same.",
            )
        first = next(iter(told.values()))
        if not first.values:
            return None
        return RecordSet.of(
            name, rdtype, first.values, max(answer.ttl or 0 for answer in told.values())
        )

    def instructions(self, before: RecordSet | None, wanted: RecordSet) -> tuple[str, ...]:
        try:
            delegation = self._world.delegation(wanted.name)
        except MailflowError:
            return ()
        servers = [server.name for server in delegation.servers]
        return instructions(delegation.zone, servers, before, wanted)

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        raise Refused(
            "%s: its DNS is changed by hand. To be set: %s" % (name, "; ".join(zone_lines(wanted)))
        )

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The sections of an observation, each with its name, its type and whether a gate may miss it.

Records of the services stay mappings with the services' own property names.
"""

from __future__ import annotations

import typing as t

from ..._engine.errors import Conflict

Record = dict[str, t.Any]
Records = list[Record]
#: Records of a section by domain or host name.
ByName = dict[str, Record]

ValueT = t.TypeVar("ValueT")


class Section(t.Generic[ValueT]):
    """One section: ``required`` ones raise when they were never read, others are then empty."""

    def __init__(
        self, empty: t.Callable[[], ValueT], *, required: bool = False, nullable: bool = False
    ) -> None:
        self._empty = empty
        self._required = required
        #: None is a value: the service refused to tell.
        self._nullable = nullable
        self.name = ""

    def __set_name__(self, owner: type[Sections], name: str) -> None:
        self.name = name

    def __get__(self, reader: Sections, owner: type[Sections]) -> ValueT:
        value = reader.sections.get(self.name)
        known = self.name in reader.sections
        if value is not None or (self._nullable and known):
            return t.cast(ValueT, value)
        if self._required and reader.strict and not known:
            # A gate must not take silence for an empty world.
            raise Conflict(
                "The observation has no section %r." % self.name,
                "Run the preflight of this collection first; nothing was changed.",
            )
        return self._empty()


def _records() -> Section[Records]:
    return Section[Records](list, required=True)


def _by_name() -> Section[ByName]:
    return Section[ByName](dict)


class Sections:
    """What was read, by section. ``strict``: a required section that was never read is an error."""

    strict = True

    def __init__(self, sections: t.Mapping[str, t.Any]) -> None:
        self.sections = sections

    # Exchange Online
    accepted_domains = _records()
    applying_policies = Section[t.Sequence[str]](list, required=True)
    blocked_connectors = _records()
    connection_filter = _records()
    content_filter = _records()
    inbound_connectors = _records()
    organization = _records()
    outbound_connectors = Section[Records](list)
    permissions = Section[t.Mapping[str, t.Any]](dict)
    preset_rules = Section[Records | None](list, nullable=True)
    quarantine_policies = _records()
    service_date = Section[str](str, required=True)
    tenant = Section[Record](dict, required=True)
    transport_rules = _records()
    # Evidence
    area1_trace = Section[Record](dict)
    followed_messages = Section[Record](dict)
    message_events = Section[Records](list)
    message_trace = Section[Record](dict)
    smtp = Section[Record](dict)
    # DNS and Graph, by domain or host
    dns = Section[ByName](dict, required=True)
    dns_details = _by_name()
    dns_provider = _by_name()
    dns_texts = Section[t.Mapping[str, t.Any]](dict)
    forwarding_hosts = Section[t.Mapping[str, t.Any]](dict)
    mail_hosts = _by_name()
    mta_sts = _by_name()
    # Area 1
    email_security = Section[ByName](dict, required=True)
    # What earlier runs and this one left
    baseline = Section[Record](dict, required=True)
    baseline_state = Section[Record](dict)
    changed_sections = Section[t.Sequence[str]](list)
    history = Section[Record](dict)
    switched_here = Section[t.Sequence[str]](list)

    def has(self, name: str) -> bool:
        return name in self.sections


class IfRead(Sections):
    """The same sections; whatever was not read is empty."""

    strict = False

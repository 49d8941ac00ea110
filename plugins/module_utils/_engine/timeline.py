# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The time line of a tenant: what happened when, kept beside the baseline for later runs.

This file is the only reader and the only writer of ``timeline.json``.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import typing as t

from .errors import InputError
from .files import own_content, write_private
from .observation import Observation
from .outside_text import clean, parse_json
from .timestamps import iso, parse_time

FILE = "timeline.json"
#: The section of the observation that holds the time line.
SECTION = "timeline"
#: Domains whose MX records this run has moved, over all its looks at the world.
SWITCHED_HERE = "switched_here"

TTL_LOWERED, SWITCHED, MX_RESTORED = "ttl_lowered", "switched", "mx_restored"
MTA_STS_SEEN, TEST_MAIL_SENT, IN_PLACE = "mta_sts_seen", "test_mail_sent", "in_place"
DIRECT_REFUSED, PROVEN, LOCKDOWN_OFF = "direct_refused", "proven", "lockdown_off"
EVENTS = (
    TTL_LOWERED,
    SWITCHED,
    MX_RESTORED,
    MTA_STS_SEEN,
    DIRECT_REFUSED,
    PROVEN,
    LOCKDOWN_OFF,
    TEST_MAIL_SENT,
    IN_PLACE,
)


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happened.

    ``domain`` is the object: a domain, a connector, a rule or a mailbox. ``subject`` tells one
    state of it from the next, ``ttl`` is that of the MX set as it was seen (seconds), ``at`` the
    service's own time (ISO 8601, UTC), ``more`` what an event of this kind keeps besides.
    """

    event: str
    domain: str
    at: str = ""
    subject: str = ""
    ttl: int | None = None
    more: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def moment(self) -> datetime.datetime | None:
        return parse_time(self.at)

    @classmethod
    def from_data(cls, data: t.Mapping[str, t.Any]) -> Event:
        known = {"event", "domain", "at", "subject", "ttl"}
        ttl = data.get("ttl")
        return cls(
            str(data.get("event") or ""),
            str(data.get("domain") or ""),
            str(data.get("at") or ""),
            str(data.get("subject") or ""),
            None if ttl is None else int(ttl),
            {key: value for key, value in data.items() if key not in known},
        )

    def to_data(self) -> dict[str, t.Any]:
        subject = {"subject": self.subject} if self.subject else {}
        own = {"domain": self.domain, "event": self.event, "at": self.at, "ttl": self.ttl}
        return {**own, **subject, **self.more}


class Timeline:
    """Events in the order in which they were noted."""

    def __init__(self, events: t.Iterable[Event] = ()) -> None:
        self.events = tuple(events)
        self._by_domain: dict[str, list[Event]] = {}
        for event in self.events:
            self._by_domain.setdefault(event.domain, []).append(event)

    @classmethod
    def from_data(cls, data: t.Iterable[t.Mapping[str, t.Any]] | None) -> Timeline:
        return cls(Event.from_data(item) for item in data or ())

    def of(self, *kinds: str, domain: str | None = None, subject: str | None = None) -> list[Event]:
        """Return the events of these kinds (none given: of all), of one object or subject."""
        return [
            event
            for event in (self.events if domain is None else self._by_domain.get(domain, []))
            if (not kinds or event.event in kinds) and (subject is None or event.subject == subject)
        ]

    def moments(self, *kinds: str, domain: str | None = None) -> list[datetime.datetime]:
        """Return the times of these events, without those that cannot be read."""
        found = [event.moment for event in self.of(*kinds, domain=domain)]
        return [moment for moment in found if moment is not None]

    def last(self, *kinds: str, domain: str | None = None) -> Event | None:
        """Return the latest event of these kinds, or None."""
        found = self.of(*kinds, domain=domain)
        return found[-1] if found else None


def load(directory: str) -> list[dict[str, t.Any]]:
    """Read the time line of a tenant's directory; none yet is an empty one.

    :raises InputError: the file cannot be used; an odd one is not taken for an empty one.
    """
    path = os.path.join(directory, FILE)
    text = own_content(path)
    try:
        events = parse_json(text) if text is not None else []
        if not isinstance(events, list) or not all(map(_is_event, events)):
            raise ValueError("it is no list of events")
    except ValueError as exc:
        raise InputError(
            "%s cannot be read: %s." % (path, clean(exc)), "Restore it from a backup or remove it."
        ) from exc
    return events


def _is_event(value: t.Any) -> bool:
    """Return whether it has the form of what :meth:`Event.to_data` gives."""
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(key), str) for key in ("domain", "event", "at"))
        and isinstance(value.get("subject", ""), str)
        and isinstance(value.get("ttl"), (int, type(None)))
    )


def note(
    observation: Observation, directory: str, events: t.Iterable[Event], check_mode: bool
) -> None:
    """Add events to the observation and, outside of check mode, to the tenant's directory.

    An event without a time gets the service's. The caller saves the observation.
    """
    at, views = service_time(observation), observation.any_age("dns") or {}
    new = [_complete(event, at, views).to_data() for event in events]
    if not new:
        return
    if directory and not check_mode:
        whole = [*load(directory), *new]
        write_private(os.path.join(directory, FILE), whole)
    else:
        whole = [*(observation.any_age(SECTION) or []), *new]
    observation.put(SECTION, whole)
    moved = [item["domain"] for item in new if item["event"] == SWITCHED]
    if moved:
        here = observation.any_age(SWITCHED_HERE) or []
        observation.put(SWITCHED_HERE, list(dict.fromkeys([*here, *moved])))


def happened(
    observation: Observation, kind: str, names: t.Iterable[str], check_mode: bool, subject: str = ""
) -> None:
    """Note what a module has just done to these objects; the preflight left the directory."""
    note(
        observation,
        directory_of(observation),
        [Event(kind, name, subject=subject) for name in names],
        check_mode,
    )


def directory_of(observation: Observation) -> str:
    """Return the tenant's directory that the preflight left; empty where none ran."""
    return str((observation.any_age("baseline_state") or {}).get("directory") or "")


def service_time(observation: Observation) -> str:
    """Return the service's clock, carried on by the time that passed here since it was read."""
    moment = parse_time(observation.any_age("service_date"))
    if moment is None:
        return ""
    passed = datetime.timedelta(seconds=observation.age("service_date"))
    return iso(moment + passed)


def _complete(event: Event, at: str, views: t.Mapping[str, t.Any]) -> Event:
    ttl = event.ttl
    if ttl is None and event.event != MTA_STS_SEEN:
        ttl = (views.get(event.domain) or {}).get("ttl_max")
    return dataclasses.replace(event, at=event.at or at, ttl=ttl)

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The observation as gates read it: sections by meaning, with times and exposure."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine import timeline
from ..._engine.errors import Conflict
from ..._engine.timeline import Timeline
from ..._engine.timestamps import parse_time
from ..._engine.values import boolean, host_name
from ..._facts import mail_hosts
from .looks import Looks, Need, written
from .sections import IfRead, Record, Sections
from .settings import Settings


@dataclasses.dataclass(frozen=True)
class DomainState:
    """One accepted domain.

    ``kind``: covered, initial, exempt or other; ``exposed`` and ``unknown`` say which server
    answers what.

    ``hosts``: the MX hosts past Area 1, of all servers. ``below``: those that a wildcard gives to
    names below it whose mail it takes.
    """

    name: str
    kind: str
    exposed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    no_mail: bool = False
    hosts: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


class World(Sections):
    """The observation as gates and phases read it, with the settings of the deployment."""

    def __init__(
        self, sections: t.Mapping[str, t.Any], settings: Settings, looks: Looks | None = None
    ) -> None:
        super().__init__(sections)
        self.looks = looks or Looks()
        self.settings = settings
        self.if_read = IfRead(sections)
        self._gateways = {host_name(item.host) for item in settings.mx_records}
        self._wanted = {(item.priority, host_name(item.host)) for item in settings.mx_records}
        self._accepted: dict[str, Record] | None = None
        self._timeline: tuple[t.Any, Timeline] = (None, Timeline())

    @property
    def timeline(self) -> Timeline:
        """What happened when, by this run and by earlier ones."""
        kept = self.sections.get(timeline.SECTION)
        if kept is not self._timeline[0]:
            self._timeline = (kept, Timeline.from_data(kept))
        return self._timeline[1]

    @property
    def now(self) -> datetime.datetime:
        """The service's own clock: a runner's wrong clock must not shorten a wait."""
        moment = parse_time(self.service_date)
        if moment is None:
            raise Conflict(
                "The observation holds no date of the service.", "Run the preflight again."
            )
        return moment

    def connector(self, name: str) -> Record | None:
        return next(
            (
                item
                for item in self.inbound_connectors
                if str(item.get("Name", "")).lower() == name.lower()
            ),
            None,
        )

    def default_connection_filter(self) -> Record:
        found = [
            item
            for item in self.connection_filter
            if str(item.get("Name", "")).lower() == "default" or item.get("IsDefault")
        ]
        if not found:
            raise Conflict(
                "There is no connection filter policy named Default.",
                "Does the application see the tenant's policies?",
            )
        return found[0]

    def accepted(self) -> dict[str, Record]:
        if self._accepted is None:
            self._accepted = {
                host_name(item.get("DomainName") or item.get("Name")): item
                for item in self.accepted_domains
            }
        return self._accepted

    def changed_here(self) -> set[str]:
        """Return the sections of the deployment that this run has written to."""
        return set(self.changed_sections)

    def written(self) -> list[Need]:
        """Return the needs to look at the covered domains whose DNS this run has changed."""
        return written(self.looks, {item.name: item.dns_options for item in self.settings.domains})

    def covered(self) -> list[str]:
        return self.settings.names

    def is_gateway(self, host: str) -> bool:
        return mail_hosts.is_area1_host(host) or host_name(host) in self._gateways

    def is_switched(self, name: str) -> bool:
        """Return whether the provider has exactly the wanted records.

        If it was not asked, every authoritative server has to have them.
        """
        provider = self.dns_provider.get(name)
        if provider is not None and provider.get("records") is not None:
            return record_set(provider["records"]) == self._wanted
        view = self.if_read.dns.get(name) or {}
        return bool(view.get("agree")) and record_set(view.get("records")) == self._wanted

    def may_be_at_area1(self, name: str) -> bool:
        """Return whether mail of the domain may go through Area 1, by any of its hosts.

        One answer that says so, or no answer, is enough.
        """
        view = self.if_read.dns.get(name) or {}
        answers = [*(view.get("name_servers") or []), *(view.get("resolvers") or [])]
        provider = self.dns_provider.get(name) or {}
        known = [provider.get("records"), *(item.get("records") for item in answers)]
        silent = any(item.get("status") not in ("ok", "nodata", "nxdomain") for item in answers)
        return (
            not answers
            or silent
            or any(self.is_gateway(record["host"]) for records in known for record in records or [])
        )

    def old_ttl(self, name: str) -> int | None:
        """Return the largest known TTL of the old MX set, from the baseline and the time line."""
        baseline = self.if_read.baseline
        entry = ((baseline.get("sections") or {}).get("dns") or {}).get(name) or {}
        known = [event.ttl for event in self.timeline.of(domain=name) if event.ttl]
        known += [int(entry["ttl_max"])] if entry.get("ttl_max") else []
        return max(known) if known else None

    def largest_old_ttl(self) -> int | None:
        known = [ttl for ttl in map(self.old_ttl, self.covered()) if ttl is not None]
        return max(known) if known else None

    def takes_sub_domains(self, name: str) -> bool:
        return boolean((self.accepted().get(name) or {}).get("MatchSubDomains")) is True

    def hosts_below(self, name: str) -> list[str]:
        """Return MX hosts past Area 1 that a wildcard gives to every name below the domain."""
        records = (self.dns_details.get(name) or {}).get("below") or []
        return sorted(
            {
                host_name(item["host"])
                for item in records
                if host_name(item["host"]) and not self.is_gateway(item["host"])
            }
        )

    def domain_states(self) -> list[DomainState]:
        states = []
        covered, exempt = set(self.covered()), set(self.settings.exempt_domains)
        for name, record in sorted(self.accepted().items()):
            if name.endswith(".onmicrosoft.com") or boolean(record.get("InitialDomain")):
                states.append(DomainState(name, "initial"))
            elif name in covered:
                states.append(self._state(name, "covered"))
            else:
                states.append(self._state(name, "exempt" if name in exempt else "other"))
        return states

    def _state(self, name: str, kind: str) -> DomainState:
        view = self.dns.get(name)
        if view is None:
            return DomainState(name, kind, unknown=("its MX records were not read",))
        exposed: dict[str, list[str]] = {}
        unknown, quiet, past = [], 0, set[str]()
        servers = [
            ("name server %s" % item.get("name"), item) for item in view.get("name_servers") or []
        ]
        servers += [
            ("resolver %s" % item.get("address"), item) for item in view.get("resolvers") or []
        ]
        for label, item in servers:
            status, records = item.get("status"), item.get("records") or []
            hosts = [host_name(record["host"]) for record in records if host_name(record["host"])]
            outside = sorted(host for host in hosts if not self.is_gateway(host))
            if status == "ok" and outside:
                exposed.setdefault(", ".join(outside), []).append(label)
                past.update(outside)
            elif status in ("nodata", "nxdomain") or (status == "ok" and not hosts):
                quiet += 1
            elif status != "ok":
                unknown.append("%s: %s" % (label, status or "no answer"))
        if not servers:
            unknown.append(
                "no name server of it was found%s"
                % (": %s" % view["error"] if view.get("error") else "")
            )
        answers = tuple("%s (%s)" % (hosts, ", ".join(labels)) for hosts, labels in exposed.items())
        below = tuple(self.hosts_below(name)) if self.takes_sub_domains(name) else ()
        return DomainState(
            name,
            kind,
            answers,
            tuple(unknown),
            bool(servers) and quiet == len(servers),
            tuple(sorted(past)),
            below,
        )


def changed_at(record: t.Mapping[str, t.Any]) -> datetime.datetime | None:
    """Return when an object of Exchange was last changed, or None if the service does not say."""
    return parse_time(record.get("WhenChangedUTC") or record.get("WhenChanged"))


def record_set(records: t.Any) -> set[tuple[int, str]]:
    return {(int(item["priority"]), host_name(item["host"])) for item in records or []}

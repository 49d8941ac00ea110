# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""When the parts of an observation were looked at, and what a phase still has to look at."""

from __future__ import annotations

import dataclasses
import typing as t

#: The readers that a phase can ask for, by the name of the module that does the same.
TENANT, DOMAINS, MX, AREA1_LOG = (
    "o365_mail_flow_info",
    "area1_domain_info",
    "area1_mx_info",
    "area1_trace_info",
)


@dataclasses.dataclass(frozen=True)
class Looks:
    """Times of the last looks (seconds since the epoch); ``since``: what is older does not count.

    Without times everything counts as looked at just now: for worlds that were never read.
    """

    times: t.Mapping[str, float] | None = None
    by_name: t.Mapping[str, t.Mapping[str, float]] = dataclasses.field(default_factory=dict)
    since: float = 0.0

    def again(self, section: str, name: str = "") -> bool:
        """Return whether the section, or one entry of it, was looked at since ``since``."""
        if self.times is None:
            return True
        taken = self.times.get(section)
        if name and section in self.by_name:
            taken = self.by_name[section].get(name)
        return taken is not None and taken >= self.since

    def outdated(self, section: str) -> list[str]:
        """Return the entries that this run has changed since they were looked at."""
        return sorted(name for name, at in self.by_name.get(section, {}).items() if not at)


@dataclasses.dataclass(frozen=True)
class Need:
    """What a phase has to look at: the reader with its options, and what the look covers.

    ``sections`` are those of the observation that the reader leaves; ``names`` restricts the need
    to these entries of them.
    """

    reader: str
    sections: tuple[str, ...]
    names: tuple[str, ...] = ()
    options: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    def met(self, looks: Looks) -> bool:
        return all(
            looks.again(section, name) for section in self.sections for name in self.names or ("",)
        )


def tenant(*sections: str, **options: t.Any) -> Need:
    """Return the need to read sections of the tenant."""
    named = (*options.get("follow", ()), *options.get("message_ids", ()))
    names = tuple(str(item) for item in named)
    return Need(TENANT, sections, names, {"sections": list(sections), **options})


def email_security(names: t.Sequence[str]) -> Need:
    """Return the need to read Email Security domains."""
    return Need(DOMAINS, ("email_security",), (), {"domains": list(names)})


def mx(
    domains: t.Sequence[t.Mapping[str, t.Any]],
    *,
    provider: bool = False,
    details: bool = False,
    mail_hosts: t.Sequence[str] = (),
) -> list[Need]:
    """Return the needs to read MX records, and the addresses of mail hosts.

    ``domains`` as the module ``area1_mx_info`` takes them, each with its ``name``.
    """
    options = {
        "domains": list(domains),
        "provider": provider,
        "details": details,
        "mail_hosts": list(mail_hosts),
    }
    names = tuple(str(item["name"]) for item in domains)
    sections = ("dns", *(("dns_details", "mta_sts") if details else ()))
    needs = [Need(MX, sections, names, options)] if names else []
    if mail_hosts:
        needs.append(Need(MX, ("mail_hosts",), tuple(mail_hosts), options))
    return needs


def area1_log(since: str, domains: t.Sequence[str] = (), limit: int = 5) -> Need:
    """Return the need to read how Area 1 handed mail on."""
    options = {"since": since, "domains": list(domains), "limit": limit}
    return Need(AREA1_LOG, ("area1_trace",), (), options)


def written(looks: Looks, domains: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Need]:
    """Return the needs to look at the domains whose DNS this run has changed.

    ``domains``: each by its name, as the module ``area1_mx_info`` takes it.
    """
    policies = [name for name in looks.outdated("mta_sts") if name in domains]
    records = [name for name in looks.outdated("dns") if name in domains and name not in policies]
    return [
        *mx([domains[name] for name in records], provider=True),
        *mx([domains[name] for name in policies], provider=True, details=True),
    ]

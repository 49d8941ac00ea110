# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The validated settings of a deployment, as gates and phases read them."""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class MxRecord:
    """One wanted MX record."""

    priority: int
    host: str

    def to_data(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class DomainSettings:
    """One domain of ``area1_domains``; ``None`` or an empty text: not given for this domain."""

    name: str
    forward_to: str = ""
    dns_provider: str = ""
    #: Name of a set of credentials in ``area1_dns_accounts``.
    dns_account: str = ""
    canary: bool = False
    regions: tuple[str, ...] | None = None
    #: What Area 1 holds back of this domain's mail, instead of the use case's dispositions.
    drop_dispositions: tuple[str, ...] | None = None
    #: Whether the deployment publishes the id of the domain's MTA-STS policy.
    mta_sts_id: bool = False

    @property
    def dns_options(self) -> dict[str, t.Any]:
        """The domain as the modules of the DNS take it."""
        return {"name": self.name, **self.dns_place}

    @property
    def dns_place(self) -> dict[str, t.Any]:
        """Return what the domain says of its own DNS provider and account."""
        place = {"dns_provider": self.dns_provider, "dns_account": self.dns_account}
        return {key: value for key, value in place.items() if value}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the deployment wants. The variables with the prefix ``area1_`` are the source."""

    domains: tuple[DomainSettings, ...]
    mx_records: tuple[MxRecord, ...]
    #: Regions of the Email Security domains.
    regions: tuple[str, ...]
    location: str = ""
    #: Seconds.
    mx_ttl: int = 300
    #: Seconds; 0 leaves the TTL of the cut-over.
    mx_final_ttl: int = 0
    #: Egress networks of Area 1 in the form that Exchange takes (IPv4, /24 to /32).
    egress: tuple[str, ...] = ()
    #: Networks that Exchange cannot take.
    egress_dropped: tuple[str, ...] = ()
    #: Networks that had to be split for Exchange.
    egress_split: tuple[str, ...] = ()
    #: Whether the networks contain all that Cloudflare publishes.
    egress_superset: bool = True
    connector_name: str = ""
    connector_comment: str = ""
    lockdown_connector_name: str = ""
    lockdown_comment: str = ""
    #: "manage" or "skip".
    allow_list: str = "manage"
    #: The use case as data: ``_facts.use_cases.UseCase.to_data()``.
    use_case: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    #: Dispositions that Area 1 holds back.
    dispositions: tuple[str, ...] = ()
    disposition_headers: tuple[str, ...] = ()
    rule_match_sender_ip: bool = True
    #: "default" or "all".
    content_filter_scope: str = "default"
    lockdown: bool = True
    soak_hours: int = 72
    #: "all" or "covered".
    lockdown_scope: str = "all"
    exempt_domains: tuple[str, ...] = ()
    settle_minutes: int = 60
    #: MX switches of one run; 0 is no limit.
    max_switches: int = 0
    #: ``change_window.parse()``, or None for any time.
    change_window: t.Mapping[str, t.Any] | None = None
    #: Mailbox that may receive test mail; empty where none was given.
    canary_recipient: str = ""
    #: Gates, or ``gate:object``, that a person has decided about.
    acknowledge: tuple[str, ...] = ()

    @classmethod
    def from_data(cls, data: t.Mapping[str, t.Any]) -> Settings:
        """Return the settings that ``to_data`` kept in an observation."""
        values = _tuples(data)
        values["mx_records"] = tuple(MxRecord(**item) for item in data["mx_records"])
        values["domains"] = tuple(_domain(item) for item in data["domains"])
        return cls(**values)

    def to_data(self) -> dict[str, t.Any]:
        """Return the settings as JSON can keep them."""
        return {
            **{
                key: list(item) if isinstance(item, tuple) else item
                for key, item in vars(self).items()
            },
            "domains": [dataclasses.asdict(item) for item in self.domains],
            "mx_records": self.mx_options,
        }

    @property
    def mx_options(self) -> list[dict[str, t.Any]]:
        """The wanted MX records as options of the module ``area1_mx``."""
        return [item.to_data() for item in self.mx_records]

    @property
    def names(self) -> list[str]:
        """The names of the domains."""
        return [item.name for item in self.domains]

    def domain(self, name: str) -> DomainSettings:
        """Return the settings of a domain that is in ``area1_domains``."""
        return next(item for item in self.domains if item.name == name)


#: For reading an observation before any settings are known.
NO_SETTINGS = Settings((), (), ())


def _domain(data: t.Mapping[str, t.Any]) -> DomainSettings:
    return DomainSettings(**_tuples(data))


def _tuples(data: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the data with tuples where JSON had lists."""
    return {key: tuple(item) if isinstance(item, list) else item for key, item in data.items()}

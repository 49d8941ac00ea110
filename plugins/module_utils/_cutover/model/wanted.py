# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What our connectors and the Email Security domains are to be: one value for each.

The same value gives the options of the module that writes the object, what verifying and the audit
find wrong with it, and the rows by which the way back undoes it. The rules and policies of a use
case have theirs in the room ``handling``.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine import values
from ..._engine.address_ranges import outside
from ..._engine.plan import ListIntent, Property
from ..._engine.values import Kind, as_list
from ..._facts import use_cases
from ..._facts.dispositions import api_word
from ..._facts.email_security_domain import MAY_BE_UNTOLD, MX_MODE, PROPERTIES
from ..._facts.exchange_objects import CONNECTOR, ENHANCED_FILTERING
from .settings import DomainSettings, Settings

ALL_SENDERS = "*"
#: What a lock-down asks of senders. Once it is on, this was somebody's decision: it is reported
#: where it differs, and never written.
ASKED_OF_SENDERS = frozenset({"ConnectorType", "RequireTls", "SenderDomains"})


@dataclasses.dataclass(frozen=True)
class Written:
    """One property that the deployment writes: option, the service's name, and our values."""

    option: str
    name: str
    kind: Kind
    values: tuple[t.Any, ...] = ()


@dataclasses.dataclass(frozen=True)
class Difference:
    """A property, by the service's own name, that is not as wanted, and what that means."""

    name: str
    message: str


@dataclasses.dataclass(frozen=True)
class Part:
    """One property of a wanted object.

    ``value`` is what the module's option takes: for a list either the list, which replaces, or
    C(add) or C(set) with one. None leaves the property to other decisions. ``problem`` may name
    {found}, {wanted} and {count}, the number of entries too few or too many. ``written`` are the
    values that deployments may have given it; None: the way back does not undo it as a whole.
    """

    prop: Property
    value: t.Any
    problem: str = ""
    written: tuple[t.Any, ...] | None = None
    #: Whether the role gives the option to the module.
    given: bool = True
    #: Whether the service's answer may leave the property out.
    may_be_untold: bool = False

    def difference(self, observed: t.Mapping[str, t.Any]) -> Difference | None:
        """Return what is wrong with an observed object; None where the property is as wanted."""
        name, kind, found = self.prop.name, self.prop.kind, observed.get(self.prop.name)
        if self.value is None or (self.may_be_untold and name not in observed):
            return None
        count = 0
        if kind.is_list:
            wrong = self._wrong_entries(found)
            count, differs = len(wrong), bool(wrong)
        else:
            differs = not kind.same(self.value, found)
        if not differs:
            return None
        message = self.problem.format(
            found=_shown(kind, found), wanted=_shown(kind, self._entries()), count=count
        )
        return Difference(name, message)

    def _wrong_entries(self, found: t.Any) -> list[t.Any]:
        """Return entries that are missing and, of a list that is set, those that are too many.

        A wider network covers a wanted one, and all senders cover each.
        """
        kind = self.prop.kind
        intent = t.cast(ListIntent, ListIntent.of(self.value))
        if intent.set is None and kind is values.IPS:
            return list(outside(intent.add, found))
        there, wanted = kind.index(found), kind.index((*(intent.set or ()), *intent.add))
        if kind is values.SENDER_DOMAINS and ALL_SENDERS in there and ALL_SENDERS in wanted:
            return []
        missing = [entry for key, entry in wanted.items() if key not in there]
        if intent.set is None:
            return missing
        return missing + [entry for key, entry in there.items() if key not in wanted]

    def _entries(self) -> t.Any:
        if not self.prop.kind.is_list:
            return self.value
        intent = t.cast(ListIntent, ListIntent.of(self.value))
        return [*(intent.set or ()), *intent.add]


def _shown(kind: Kind, value: t.Any) -> str:
    if not kind.is_list:
        return "nowhere" if kind is values.HOST and not value else str(value)
    return ", ".join(sorted(str(key) for key in kind.index(value))) or "none"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One object as the deployment wants it."""

    parts: tuple[Part, ...]

    def options(self) -> dict[str, t.Any]:
        """Return the options of the object's module."""
        return {
            part.prop.option: part.value
            for part in self.parts
            if part.given and part.value is not None
        }

    def differences(self, observed: t.Mapping[str, t.Any]) -> list[Difference]:
        """Return each property of an observed object that is not as wanted."""
        found = (part.difference(observed) for part in self.parts)
        return [item for item in found if item is not None]

    def rows(self) -> tuple[Written, ...]:
        """Return what the way back compares with the baseline, and undoes where it is ours."""
        return tuple(
            Written(part.prop.option, part.prop.name, part.prop.kind, part.written)
            for part in self.parts
            if part.written is not None
        )

    def without(self, names: t.Container[str]) -> Wanted:
        """Return the object without some properties, which then stay as they are."""
        return Wanted(tuple(part for part in self.parts if part.prop.name not in names))


def _property(table: t.Iterable[Property], name: str) -> Property:
    return next(prop for prop in table if prop.name == name)


def _connector(name: str, value: t.Any, problem: str, *written: t.Any) -> Part:
    """Return a part that is undone where it has its value, or one of ``written``."""
    return Part(_property(CONNECTOR.properties, name), value, problem, written or (value,))


def _networks(settings: Settings) -> Part:
    """Return the networks of Area 1, which join those of others; they are undone one by one."""
    prop = _property(CONNECTOR.properties, "SenderIPAddresses")
    value = {"add": list(settings.egress)}
    return Part(prop, value, "{count} egress networks are missing in it")


def own_connector(settings: Settings) -> Wanted:
    """Return the connector by which Exchange recognises mail from Area 1, and refuses none."""
    certificate = _property(CONNECTOR.properties, "RestrictDomainsToCertificate")
    return Wanted(
        (
            _connector("ConnectorType", "Partner", "it is of the type {found}, not {wanted}"),
            _connector("Enabled", True, "the connector is off"),
            _networks(settings),
            _connector(
                "SenderDomains",
                {"set": [ALL_SENDERS]},
                "it is not for all sender domains",
                [ALL_SENDERS],
            ),
            _connector("RequireTls", True, "it does not ask for TLS (RequireTls)"),
            _connector(
                "RestrictDomainsToIPAddresses",
                False,
                "it refuses mail from all other addresses (RestrictDomainsToIPAddresses)",
            ),
            # No run writes this: a connector that has it is a lock-down, and stops the section.
            Part(
                certificate,
                False,
                "it refuses mail without a certificate (RestrictDomainsToCertificate)",
                given=False,
            ),
        )
    )


def filtering() -> Wanted:
    """Return the enhanced filtering of each of our connectors: the last address is skipped."""
    rows = ENHANCED_FILTERING.properties
    return Wanted(
        (
            Part(
                _property(rows, "EFSkipLastIP"),
                True,
                "enhanced filtering does not skip the last address",
                (True,),
            ),
            # No option writes it; a person does so to try enhanced filtering.
            Part(
                Property("test_mode", "EFTestMode", values.FLAG),
                False,
                "enhanced filtering is in test mode (EFTestMode)",
                given=False,
            ),
            Part(
                _property(rows, "EFUsers"),
                [],
                "enhanced filtering is limited to {count} users (EFUsers)",
                ([],),
            ),
        )
    )


def lockdown_connector(
    settings: Settings, associated: t.Iterable[str] | None = None, was_on: bool = False
) -> Wanted:
    """Return the connector that lets in nothing but Area 1, once it is on.

    ``associated`` are the accepted domains to which a step limits it; None: those of the settings.
    ``was_on``: it was on before the deployment. Whether it is enabled is decided step by step.
    """
    covered = list(settings.names)
    scope = covered if settings.lockdown_scope == "covered" else []
    is_limited = (
        "it does not protect the domains of area1_domains alone, though area1_lockdown_scope is"
        " covered"
        if scope
        else "it protects some accepted domains only, though area1_lockdown_scope is all"
    )
    return Wanted(
        (
            _connector("ConnectorType", "Partner", "it is of the type {found}, not {wanted}"),
            _connector("Enabled", None, "", *((True,) if was_on else (True, False))),
            _networks(settings),
            _connector(
                "SenderDomains",
                {"set": [ALL_SENDERS]},
                "it is for the sender domains {found} only: all others may deliver directly",
                [ALL_SENDERS],
            ),
            _connector("RequireTls", True, "it does not ask for TLS"),
            _connector(
                "RestrictDomainsToIPAddresses",
                True,
                "it refuses no mail (RestrictDomainsToIPAddresses is off)",
            ),
            _connector(
                "AssociatedAcceptedDomains",
                {"set": scope if associated is None else list(associated)},
                is_limited,
                [],
                covered,
            ),
        )
    )


def email_security_domain(
    settings: Settings,
    entry: DomainSettings,
    host: str = "",
    dispositions: t.Sequence[str] | None = None,
    observed: t.Mapping[str, t.Any] | None = None,
) -> Wanted:
    """Return a domain as Email Security is to have it.

    ``host`` is where its mail is forwarded ("": not known, left as it is). ``dispositions`` win
    over those of the settings. With ``observed`` its present delivery modes count as ours if MX
    mode is among them: a deployment adds that mode to those that are there.
    """
    regions = list(entry.regions or settings.regions)
    transport = _field(
        "transport",
        host or None,
        "it forwards to {found}, not to {wanted}",
        (host,) if host else (),
    )
    tls = "it may forward mail without TLS (require_tls_outbound)"
    hops = "its lookback_hops is {found}, not {wanted}"
    addresses = "it takes mail from some addresses only (ip_restrictions)"
    return Wanted(
        (
            transport,
            _field("regions", regions, "its regions are {found}, not {wanted}", (regions,)),
            _dispositions(settings, entry, dispositions),
            _field("require_tls_outbound", True, tls, (True,)),
            _field("lookback_hops", 1, hops, (1,)),
            _field("ip_restrictions", [], addresses, ([],)),
            _delivery_modes(observed or {}),
        )
    )


def _dispositions(settings: Settings, entry: DomainSettings, given: t.Sequence[str] | None) -> Part:
    held = settings.dispositions if entry.drop_dispositions is None else entry.drop_dispositions
    # A deployment may have had another use case than today's.
    published = [[api_word(word) for word in case[1]] for case in use_cases.CASES.values()]
    written = (list(entry.drop_dispositions or settings.dispositions), *published)
    value = list(held if given is None else given)
    return _field("drop_dispositions", value, "Area 1 holds back {found}, not {wanted}", written)


def _delivery_modes(observed: t.Mapping[str, t.Any]) -> Part:
    """Return the delivery modes, of which the module adds MX mode by itself."""
    modes = as_list(observed.get("allowed_delivery_modes"))
    is_ours = MX_MODE in [str(mode).upper() for mode in modes]
    part = _field(
        "allowed_delivery_modes",
        {"add": [MX_MODE]},
        "it is not in MX mode (%s)" % MX_MODE,
        (modes,) if is_ours else (),
    )
    return dataclasses.replace(part, given=False)


def _field(name: str, value: t.Any, problem: str, written: tuple[t.Any, ...]) -> Part:
    may_be_untold = name in MAY_BE_UNTOLD
    prop = _property(PROPERTIES, name)
    return Part(prop, value, problem, written, may_be_untold=may_be_untold)

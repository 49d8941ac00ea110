# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which inbound connector a message belongs to, and whether the edge takes it.

A pure function of the tenant and the attempt. Sources: [EXO-2.3] (behaviour and traps) and
[EXO-2.7] (RejectDirectSend), [CUT-2.3] and [CUT-7.1].
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lab.mail.text import domain_of

# [EXO-2.3], word for word
LOCKED_DOWN = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the"
    " message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or"
    " RestrictDomainsToCertificate set"
)
# [CF-9.2]
DIRECT_SEND = (
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from"
    " unauthorized sources"
)
# [EXO-2.3]; the words for a recipient of nobody's
RELAY = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
# no source has the words
NO_TLS = "451 5.7.3 STARTTLS is required to send mail"
# [EXO-2.2]: blocked mail is rejected; a probe must not take the code for a lock-down
BLOCKED = "550 5.7.606 Access denied, banned sending IP [%s]"

Connector = Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """What the edge knows at RCPT: ``address`` is the public address of who connected."""

    address: str
    sender: str
    recipient: str
    tls: bool
    certificates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribution:
    """A decision. ``refusal`` is the whole reply, "" where the edge takes the message."""

    refusal: str = ""
    connector: Connector | None = None
    allowed: bool = False


def attribute(
    tenant: Mapping[str, Any], settings: Mapping[str, Any], attempt: Attempt
) -> Attribution:
    """Return the edge's decision about one recipient."""
    domain = accepted_domain(tenant, domain_of(attempt.recipient))
    if domain is None:
        return Attribution(RELAY)
    policy = tenant["connection_filter"]
    allowed = listed(policy["IPAllowList"], attempt.address)
    # [EXO-2.2], precedence: in both lists, allow wins
    if not allowed and listed(policy["IPBlockList"], attempt.address):
        return Attribution(BLOCKED % attempt.address)
    connectors = [
        item
        for item in tenant["inbound_connectors"]
        if item["Enabled"] and _covers(item, domain_of(attempt.recipient))
    ]
    by_source = _by_source(connectors, settings, attempt)
    if (
        by_source is None
        and tenant["organization"].get("RejectDirectSend")
        and accepted_domain(tenant, domain_of(attempt.sender)) is not None
    ):
        # [EXO-2.7]: an own-domain sender, and no connector matches by sender IP or certificate
        return Attribution(DIRECT_SEND)
    connector = by_source or _by_domain(connectors, settings, attempt)
    if connector is None:
        return Attribution(allowed=allowed)
    if _restricts(connector) and by_source is None:
        return Attribution(LOCKED_DOWN, connector)
    if connector["ConnectorType"] == "Partner" and connector["RequireTls"] and not attempt.tls:
        return Attribution(NO_TLS, connector)
    return Attribution(connector=connector, allowed=allowed)


def accepted_domain(tenant: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return the accepted domain that a mail domain belongs to."""
    for item in tenant["accepted_domains"]:
        own = str(item["DomainName"]).lower()
        if name == own or (item.get("MatchSubDomains") and name.endswith("." + own)):
            found: Mapping[str, Any] = item
            return found
    return None


def _by_source(
    connectors: list[Connector], settings: Mapping[str, Any], attempt: Attempt
) -> Connector | None:
    """Find a connector by address or certificate: Partner first, then OnPremises.

    Source: OfficeDocs-Exchange #900.
    """
    for kind in ("Partner", "OnPremises"):
        found = [
            item
            for item in connectors
            if item["ConnectorType"] == kind and _from_here(item, settings, attempt)
        ]
        if found:
            return _chosen(found, settings)
    return None


def _from_here(connector: Connector, settings: Mapping[str, Any], attempt: Attempt) -> bool:
    if not sends(connector["SenderDomains"], domain_of(attempt.sender)):
        return False
    certificate = connector["TlsSenderCertificateName"]
    if certificate:
        return attempt.tls and any(
            _certificate_fits(str(certificate), name) for name in attempt.certificates
        )
    # [EXO-2.3]: SenderIPAddresses "applies to Partner only if RestrictDomainsToIPAddresses true"
    # by its page, yet the portal and RejectDirectSend match by address without it (disputed)
    counts = (
        connector["ConnectorType"] != "Partner"
        or connector["RestrictDomainsToIPAddresses"]
        or settings["partner_ip_list"] == "matches"
    )
    return bool(counts and listed(connector["SenderIPAddresses"], attempt.address))


def _by_domain(
    connectors: list[Connector], settings: Mapping[str, Any], attempt: Attempt
) -> Connector | None:
    """Find a Partner connector by the sender's domain.

    A restricting one wins over one that only allows (OfficeDocs-Exchange #900).
    """
    found = [
        item
        for item in connectors
        if item["ConnectorType"] == "Partner"
        and sends(item["SenderDomains"], domain_of(attempt.sender))
        and _takes_all(item, settings)
    ]
    if not found:
        return None
    restricting = [item for item in found if _restricts(item)]
    return _chosen(restricting or found, settings)


def _takes_all(connector: Connector, settings: Mapping[str, Any]) -> bool:
    """Return whether a connector takes senders at any address.

    One that lists addresses without restricting does not, unless its list counts for nothing (as in
    `_from_here`).
    """
    if _restricts(connector):
        return True
    return not connector["SenderIPAddresses"] or settings["partner_ip_list"] != "matches"


def _restricts(connector: Connector) -> bool:
    return connector["ConnectorType"] == "Partner" and bool(
        connector["RestrictDomainsToIPAddresses"] or connector["RestrictDomainsToCertificate"]
    )


def _chosen(connectors: list[Connector], settings: Mapping[str, Any]) -> Connector:
    """Choose between connectors that are equal, as the world says: it is open [CUT-7.1]."""
    ordered = sorted(connectors, key=lambda item: (str(item["WhenCreatedUTC"]), str(item["Name"])))
    return ordered[-1] if settings["equal_connectors"] == "newest" else ordered[0]


def _covers(connector: Connector, domain: str) -> bool:
    """Return whether a connector is for recipients of a domain (AssociatedAcceptedDomains)."""
    associated = [str(name).lower() for name in connector["AssociatedAcceptedDomains"]]
    return not associated or domain in associated


def sends(patterns: Iterable[str], domain: str) -> bool:
    """Return whether SenderDomains include a domain: `*`, a domain or `*.domain` [EXO-2.3]."""
    for pattern in patterns:
        name = pattern.removeprefix("smtp:").partition(";")[0].lower()
        if name in ("*", domain) or (name.startswith("*.") and domain.endswith(name[1:])):
            return True
    return False


def _certificate_fits(wanted: str, name: str) -> bool:
    wanted, name = wanted.lower(), name.lower()
    return (
        wanted == name
        or (wanted.startswith("*.") and name.partition(".")[2] == wanted[2:])
        or (name.startswith("*.") and name == wanted)
    )


@lru_cache(maxsize=8192)
def _networks(entry: str) -> tuple[ipaddress.IPv4Network, ...]:
    if "-" in entry:
        low, _, high = entry.partition("-")
        return tuple(
            ipaddress.summarize_address_range(
                ipaddress.IPv4Address(low.strip()), ipaddress.IPv4Address(high.strip())
            )
        )
    return (ipaddress.IPv4Network(entry, strict=False),)


@lru_cache(maxsize=4096)
def _holds(entries: tuple[str, ...], address: str) -> bool:
    sought = ipaddress.ip_address(address)
    return any(sought in network for entry in entries for network in _networks(entry))


def listed(entries: Iterable[str], address: str) -> bool:
    """Return whether a list of addresses, ranges and networks has an address.

    The lists take IPv4 only ([EXO-2.2], [EXO-2.3]), so none has an IPv6 address.
    """
    return _holds(tuple(entries), address)


def source_behind(
    connector: Connector | None, address: str, recipients: Iterable[str], hops: list[str]
) -> str | None:
    """Return the address behind the gateway at ``address``, or None where EF does not look.

    See the truth table in [EXO-2.3]. ``hops`` are the addresses in the Received fields, the last
    hop first.
    """
    if connector is None or connector["EFTestMode"] or not hops:
        return None
    users = {str(user).lower() for user in connector["EFUsers"]}
    # [EXO-2.3]: with a list of users it acts only when all recipients of a message are listed
    if users and not {recipient.lower() for recipient in recipients} <= users:
        return None
    if connector["EFSkipLastIP"]:
        return hops[0]
    if connector["EFSkipIPs"] and listed(connector["EFSkipIPs"], address):
        return next((hop for hop in hops if not listed(connector["EFSkipIPs"], hop)), None)
    return None

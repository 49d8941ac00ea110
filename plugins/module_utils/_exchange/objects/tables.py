# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What is read of Exchange Online, and which addresses it takes."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._engine import values
from ..._engine.errors import InputError

MAX_FILTER_ENTRIES = 1273  # Entries of one list of the connection filter [EXO-2.2].

#: What one observation of a tenant's mail flow reads: section to (cmdlet, parameters).
READS: dict[str, tuple[str, dict[str, t.Any]]] = {
    "organization": ("Get-OrganizationConfig", {}),
    "accepted_domains": ("Get-AcceptedDomain", {"ResultSize": "Unlimited"}),
    "connection_filter": ("Get-HostedConnectionFilterPolicy", {}),
    "content_filter": ("Get-HostedContentFilterPolicy", {}),
    "content_filter_rules": ("Get-HostedContentFilterRule", {}),
    "inbound_connectors": ("Get-InboundConnector", {"ResultSize": "Unlimited"}),
    "outbound_connectors": ("Get-OutboundConnector", {"ResultSize": "Unlimited"}),
    "transport_rules": ("Get-TransportRule", {"ResultSize": "Unlimited"}),
    "blocked_connectors": ("Get-BlockedConnector", {}),
    "quarantine_policies": ("Get-QuarantinePolicy", {}),
    "preset_rules": ("Get-EOPProtectionPolicyRule", {}),
}


#: Sections that one query does not show whole: without a flag there are neither test-mode nor
#: rule-scoped connectors, and each flag shows only those of its kind ([EXO-2.8]).
FURTHER_READS: dict[str, tuple[dict[str, t.Any], ...]] = {
    "outbound_connectors": ({"IncludeTestModeConnectors": True}, {"IsTransportRuleScoped": True}),
}


def check_addresses(option: str, given: t.Iterable[t.Any], ranges: bool) -> None:
    """Refuse addresses that Exchange does not take.

    It takes IPv4, CIDR /24 to /32 and, in the connection filter, ranges of at most 256 addresses
    [EXO-2.2].
    """
    forms = "a single IPv4 address, a network of /24 to /32%s" % (
        " or a range of at most 256 addresses" if ranges else ""
    )
    for value in given:
        version, first, last = values.ip_span(value)
        problem = ""
        if version != 4:
            problem = "Exchange Online takes no IPv6 here"
        elif "-" in str(value) and not ranges:
            problem = "a connector takes no ranges"
        elif last - first + 1 > 256:
            problem = "it is wider than /24 (%d addresses)" % (last - first + 1)
        if problem:
            raise InputError(
                "%s: %s cannot be used: %s." % (option, value, problem),
                "Give %s.%s"
                % (
                    forms,
                    _split_hint(str(value)) if version == 4 and "-" not in str(value) else "",
                ),
            )


def _split_hint(value: str) -> str:
    network = ipaddress.ip_network(value, strict=False)
    if network.prefixlen >= 24:
        return ""
    parts = list(network.subnets(new_prefix=24))
    return " Split it: %s ... %s (%d networks)." % (parts[0], parts[-1], len(parts))

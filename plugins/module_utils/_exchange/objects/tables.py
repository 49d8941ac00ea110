# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The object types of Exchange Online that this collection drives: tables, not code.

Each row: the module's option, the cmdlet parameter (as in the cmdlet reference) and how its values
are compared.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ..._engine import values
from ..._engine.errors import InputError
from ..._engine.plan import Property

MAX_FILTER_ENTRIES = 1273  # Entries of one list of the connection filter [EXO-2.2].


@dataclasses.dataclass(frozen=True)
class ObjectType:
    """The table of an object type.

    ``noun`` is that of the cmdlets, ``section`` that of the observation, ``properties`` are
    managed. ``defaults`` are the documented values of a new object, for the state that check mode
    predicts.
    """

    noun: str
    section: str
    properties: tuple[Property, ...]
    defaults: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    def cmdlet(self, verb: str) -> str:
        return "%s-%s" % (verb, self.noun)

    def wanted(self, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the options of a module that are given, by cmdlet parameter."""
        return {
            prop.name: params[prop.option]
            for prop in self.properties
            if params.get(prop.option) is not None
        }


CONNECTION_FILTER = ObjectType(
    "HostedConnectionFilterPolicy",
    "connection_filter",
    (
        Property("ip_allow_list", "IPAllowList", values.IPS),
        Property("ip_block_list", "IPBlockList", values.IPS),
        Property("enable_safe_list", "EnableSafeList", values.BOOL),
        Property("admin_display_name", "AdminDisplayName", values.TEXT),
    ),
)

CONTENT_FILTER = ObjectType(
    "HostedContentFilterPolicy",
    "content_filter",
    (
        Property("mark_as_spam_spf_record_hard_fail", "MarkAsSpamSpfRecordHardFail", values.WORD),
        Property("spam_action", "SpamAction", values.WORD),
        Property("high_confidence_spam_action", "HighConfidenceSpamAction", values.WORD),
        Property("phish_spam_action", "PhishSpamAction", values.WORD),
        Property("high_confidence_phish_action", "HighConfidencePhishAction", values.WORD),
        Property("bulk_spam_action", "BulkSpamAction", values.WORD),
        Property("spam_quarantine_tag", "SpamQuarantineTag", values.WORD),
        Property(
            "high_confidence_spam_quarantine_tag", "HighConfidenceSpamQuarantineTag", values.WORD
        ),
        Property("phish_quarantine_tag", "PhishQuarantineTag", values.WORD),
        Property(
            "high_confidence_phish_quarantine_tag", "HighConfidencePhishQuarantineTag", values.WORD
        ),
        Property("bulk_quarantine_tag", "BulkQuarantineTag", values.WORD),
        Property("bulk_threshold", "BulkThreshold", values.INT),
        Property("quarantine_retention_period", "QuarantineRetentionPeriod", values.INT),
        Property("spam_zap_enabled", "SpamZapEnabled", values.BOOL),
        Property("phish_zap_enabled", "PhishZapEnabled", values.BOOL),
        Property("inline_safety_tips_enabled", "InlineSafetyTipsEnabled", values.BOOL),
        Property("add_x_header_value", "AddXHeaderValue", values.TEXT),
        Property("modify_subject_value", "ModifySubjectValue", values.TEXT),
        Property("redirect_to_recipients", "RedirectToRecipients", values.WORDS),
        Property("admin_display_name", "AdminDisplayName", values.TEXT),
    ),
)

CONNECTOR_DEFAULTS: dict[str, t.Any] = {
    "Enabled": True,
    "RestrictDomainsToIPAddresses": False,
    "RestrictDomainsToCertificate": False,
    "EFSkipLastIP": False,
    "EFSkipIPs": [],
    "EFUsers": [],
}

CONNECTOR = ObjectType(
    "InboundConnector",
    "inbound_connectors",
    (
        Property("comment", "Comment", values.TEXT),
        Property("connector_type", "ConnectorType", values.WORD),
        Property("enabled", "Enabled", values.BOOL),
        Property("sender_domains", "SenderDomains", values.SENDER_DOMAINS),
        Property("sender_ip_addresses", "SenderIPAddresses", values.IPS),
        Property("require_tls", "RequireTls", values.BOOL),
        Property("restrict_domains_to_ip_addresses", "RestrictDomainsToIPAddresses", values.BOOL),
        Property("restrict_domains_to_certificate", "RestrictDomainsToCertificate", values.BOOL),
        Property("tls_sender_certificate_name", "TlsSenderCertificateName", values.WORD),
        Property("associated_accepted_domains", "AssociatedAcceptedDomains", values.HOSTS),
    ),
    CONNECTOR_DEFAULTS,
)

ENHANCED_FILTERING = ObjectType(
    "InboundConnector",
    "inbound_connectors",
    (
        Property("skip_last_ip", "EFSkipLastIP", values.BOOL),
        Property("skip_ips", "EFSkipIPs", values.IPS),
        Property("users", "EFUsers", values.WORDS),
    ),
    CONNECTOR_DEFAULTS,
)

QUARANTINE_POLICY = ObjectType(
    "QuarantinePolicy",
    "quarantine_policies",
    (
        Property("permissions_value", "EndUserQuarantinePermissionsValue", values.INT),
        Property("notifications", "ESNEnabled", values.FLAG),
        Property(
            "include_messages_from_blocked_sender_address",
            "IncludeMessagesFromBlockedSenderAddress",
            values.FLAG,
        ),
    ),
    {
        "ESNEnabled": False,
        "IncludeMessagesFromBlockedSenderAddress": False,
        "EndUserQuarantinePermissionsValue": 0,
    },
)

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

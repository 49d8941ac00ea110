# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The object types of Exchange Online that this collection drives: tables, not code.

Each row: the module's option, the cmdlet parameter (as in the cmdlet reference) and how its values
are compared. What drives the objects and what decides about them both read these rows.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._engine import values
from .._engine.plan import Property
from .rule_parameters import PARAMETERS


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

#: How values of a rule's parameters are compared, by the type that the cmdlet reference names.
_KINDS: dict[str, values.Kind] = {
    "Boolean": values.FLAG,
    "ByteQuantifiedSize": values.SIZE,
    "DateTime": values.MOMENT,
    "Hashtable[]": values.OBJECTS,
    "IncidentReportContent[]": values.WORDS,
    "Int32": values.INT,
    "MultiValuedProperty": values.IPS,  # both of this type are lists of addresses
    "Pattern[]": values.TEXTS,
    "RecipientIdParameter[]": values.WORDS,
    "SclValue": values.INT,
    "Word[]": values.WORDS,
}
_FREE_TEXT = frozenset(
    {"DisclaimerText", "EventLogText", "HeaderValue", "RejectText", "String", "SubjectPrefix"}
)


def rule_property(name: str, option: str = "") -> Property:
    """Return the row of a transport rule's parameter; without an option it has its own name."""
    kind_name = PARAMETERS.get(name, "String")
    kind = _KINDS.get(kind_name) or (values.TEXT if kind_name in _FREE_TEXT else values.WORD)
    return Property(option or name, name, kind)


def plain_name(record: t.Mapping[str, t.Any]) -> str:
    """Return an object's name; some objects come back as ``tenant\\name`` [EXO-2.6]."""
    return str(record.get("Name") or record.get("Identity") or "").rpartition("\\")[2].strip()

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects of a tenant: where they are kept, their keys and their defaults.

Keys: [EXO-2.2] to [EXO-2.8] (live reads). State is kept in the very form that a Get answers, less
the sidecar keys.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

# a server's name as live samples show it; the forest is part of every DistinguishedName
FOREST = "eurp999a001.prod.outlook.com"
_NAMESPACE = uuid.UUID("6f1d5a3e-0f4c-4b6e-9f39-0c1d2e3f4a5b")


@dataclass(frozen=True)
class Noun:
    name: str
    collection: str
    container: str
    object_class: str
    defaults: Mapping[str, Any]
    single: bool = False
    label: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def stamp(moment: datetime) -> str:
    """Return a date in UTC with seven fraction digits [EXO-1.5]."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


def guid(*parts: str) -> str:
    # names may hold half of a surrogate pair
    text = "/".join(parts).encode("utf-8", "backslashreplace").decode("utf-8")
    return str(uuid.uuid5(_NAMESPACE, text))


def changed(item: dict[str, Any], moment: datetime) -> None:
    text = stamp(moment)
    item["WhenChangedUTC"] = text
    item["WhenChanged"] = text.replace("Z", "+00:00")


def build(
    noun: Noun, name: str, organization: str, moment: datetime, serial: str = "", **fields: Any
) -> dict[str, Any]:
    """Return an object as the service would have made it.

    `serial` tells a later object of the same name apart.
    """
    identifier = guid(organization, noun.name, name, serial)
    text = stamp(moment)
    units = f"CN={organization},CN=ConfigurationUnits,DC=" + ",DC=".join(FOREST.split("."))
    item: dict[str, Any] = {
        key: list(value) if isinstance(value, list) else value
        for key, value in noun.defaults.items()
    }
    item |= fields
    item |= {
        "Identity": name,
        "Id": name,
        "Name": name,
        "IsValid": True,
        "ExchangeVersion": "0.20 (15.0.0.0)",
        "DistinguishedName": (
            f"CN={name},CN={noun.container},CN=Transport Settings,CN=Configuration,{units}"
        ),
        "ObjectCategory": f"{FOREST}/Configuration/Schema/{noun.object_class}",
        "ObjectClass": ["top", noun.object_class],
        "WhenChanged": text.replace("Z", "+00:00"),
        "WhenCreated": text.replace("Z", "+00:00"),
        "WhenChangedUTC": text,
        "WhenCreatedUTC": text,
        "ExchangeObjectId": identifier,
        "Guid": identifier,
        "OrganizationalUnitRoot": organization,
        "OrganizationId": (
            f"{FOREST}/Microsoft Exchange Hosted Organizations/{organization} -"
            f" {FOREST}/ConfigurationUnits/{organization}/Configuration"
        ),
        "OriginatingServer": f"AM9P999A01DC001.{FOREST}",
        **noun.extra,
    }
    return item


def renamed(item: dict[str, Any], name: str) -> None:
    item["DistinguishedName"] = item["DistinguishedName"].replace(
        f"CN={item['Name']},", f"CN={name},", 1
    )
    item["Name"] = item["Identity"] = item["Id"] = name


CONNECTION_FILTER = Noun(
    "HostedConnectionFilterPolicy",
    "connection_filter",
    "Hosted Connection Filter",
    "msExchHostedConnectionFilterPolicy",
    single=True,
    defaults={
        "AdminDisplayName": "",
        "IsDefault": True,
        "IPAllowList": [],
        "IPBlockList": [],
        "EnableSafeList": False,
        "DirectoryBasedEdgeBlockMode": "Default",
    },
)

CONTENT_FILTER = Noun(
    "HostedContentFilterPolicy",
    "content_filter_policies",
    "Hosted Content Filter",
    "msExchHostedContentFilterConfig",
    defaults={
        "AdminDisplayName": "",
        "AddXHeaderValue": "",
        "BulkMovesEnabled": "NotSet",
        "ModifySubjectValue": "",
        "RedirectToRecipients": [],
        "TestModeBccToRecipients": [],
        "FalsePositiveAdditionalRecipients": [],
        "QuarantineRetentionPeriod": 15,
        "TestModeAction": "None",
        "IncreaseScoreWithImageLinks": "Off",
        "IncreaseScoreWithNumericIps": "Off",
        "IncreaseScoreWithRedirectToOtherPort": "Off",
        "IncreaseScoreWithBizOrInfoUrls": "Off",
        "MarkAsSpamEmptyMessages": "Off",
        "MarkAsSpamJavaScriptInHtml": "Off",
        "MarkAsSpamFramesInHtml": "Off",
        "MarkAsSpamObjectTagsInHtml": "Off",
        "MarkAsSpamEmbedTagsInHtml": "Off",
        "MarkAsSpamFormTagsInHtml": "Off",
        "MarkAsSpamWebBugsInHtml": "Off",
        "MarkAsSpamSensitiveWordList": "Off",
        "MarkAsSpamSpfRecordHardFail": "Off",
        "MarkAsSpamFromAddressAuthFail": "Off",
        "MarkAsSpamBulkMail": "On",
        "MarkAsSpamNdrBackscatter": "Off",
        "IsDefault": False,
        "LanguageBlockList": [],
        "RegionBlockList": [],
        "HighConfidenceSpamAction": "MoveToJmf",
        "SpamAction": "MoveToJmf",
        "DownloadLink": False,
        "EnableRegionBlockList": False,
        "EnableLanguageBlockList": False,
        "BulkThreshold": 7,
        "AllowedSenders": [],
        "AllowedSenderDomains": [],
        "BlockedSenders": [],
        "BlockedSenderDomains": [],
        "ZapEnabled": True,
        "InlineSafetyTipsEnabled": True,
        "BulkSpamAction": "MoveToJmf",
        "PhishSpamAction": "MoveToJmf",
        "SpamZapEnabled": True,
        "PhishZapEnabled": True,
        "IntraOrgFilterState": "Default",
        "HighConfidencePhishAction": "Quarantine",
        "RecommendedPolicyType": "Custom",
        "SpamQuarantineTag": "DefaultFullAccessPolicy",
        "HighConfidenceSpamQuarantineTag": "DefaultFullAccessPolicy",
        "PhishQuarantineTag": "DefaultFullAccessPolicy",
        "HighConfidencePhishQuarantineTag": "AdminOnlyAccessPolicy",
        "BulkQuarantineTag": "DefaultFullAccessPolicy",
    },
)

_RULE = {
    "State": "Enabled",
    "Priority": 0,
    "Comments": None,
    "Description": "",
    "RuleVersion": "14.0.0.0",
    "SentTo": None,
    "SentToMemberOf": None,
    "RecipientDomainIs": None,
    "ExceptIfSentTo": None,
    "ExceptIfSentToMemberOf": None,
    "ExceptIfRecipientDomainIs": None,
    "Conditions": None,
    "Exceptions": None,
}
CONTENT_FILTER_RULE = Noun(
    "HostedContentFilterRule",
    "content_filter_rules",
    "HostedContentFilterVersioned,CN=Rules",
    "msExchTransportRule",
    defaults={"HostedContentFilterPolicy": "", **_RULE},
)
EOP_RULE = Noun(
    "EOPProtectionPolicyRule",
    "eop_protection_rules",
    "EOPProtectionPolicyRuleVersioned,CN=Rules",
    "msExchTransportRule",
    defaults={
        "HostedContentFilterPolicy": "",
        "AntiPhishPolicy": "",
        "MalwareFilterPolicy": "",
        **_RULE,
    },
)
ATP_RULE = Noun(
    "ATPProtectionPolicyRule",
    "atp_protection_rules",
    "ATPProtectionPolicyRuleVersioned,CN=Rules",
    "msExchTransportRule",
    defaults={"SafeAttachmentPolicy": "", "SafeLinksPolicy": "", **_RULE},
)

INBOUND_CONNECTOR = Noun(
    "InboundConnector",
    "inbound_connectors",
    "Transport Settings Inbound",
    "msExchSMTPInboundConnector",
    label="InboundConnector",
    defaults={
        "Enabled": True,
        "ConnectorType": "Partner",
        "ConnectorSource": "Default",
        "Comment": "",
        "SenderIPAddresses": [],
        "SenderDomains": [],
        "TrustedOrganizations": [],
        "ClientHostNames": [],
        "AssociatedAcceptedDomains": [],
        "RequireTls": True,
        "RestrictDomainsToIPAddresses": False,
        "RestrictDomainsToCertificate": False,
        "CloudServicesMailEnabled": False,
        "TreatMessagesAsInternal": False,
        "TlsSenderCertificateName": None,
        "EFTestMode": False,
        "ScanAndDropRecipients": [],
        "EFSkipLastIP": False,
        "EFSkipIPs": [],
        "EFSkipMailGateway": [],
        "EFUsers": [],
        "AdminDisplayName": "",
        "NameHashGuid": None,
        "OrganizationalUnitRootInternal": None,
        "ObjectState": "Unchanged",
    },
)

OUTBOUND_CONNECTOR = Noun(
    "OutboundConnector",
    "outbound_connectors",
    "Transport Settings Outbound",
    "msExchSMTPOutboundConnector",
    defaults={
        "Enabled": True,
        "UseMXRecord": True,
        "Comment": "",
        "ConnectorType": "Partner",
        "ConnectorSource": "Default",
        "RecipientDomains": [],
        "SmartHosts": [],
        "TlsDomain": None,
        "TlsSettings": None,
        "IsTransportRuleScoped": False,
        "RouteAllMessagesViaOnPremises": False,
        "CloudServicesMailEnabled": False,
        "AllAcceptedDomains": False,
        "SenderRewritingEnabled": False,
        "TestMode": False,
        "MtaStsMode": "Opportunistic",
        "SmtpDaneMode": "Opportunistic",
        "IsValidated": False,
        "LastValidationTimestamp": None,
        "AdminDisplayName": "",
        "ValidationRecipients": None,
    },
)

QUARANTINE_POLICY = Noun(
    "QuarantinePolicy",
    "quarantine_policies",
    "Quarantine Policies",
    "msExchQuarantineTag",
    defaults={
        "AdminDisplayName": "",
        "EndUserQuarantinePermissionsValue": 0,
        "ESNEnabled": False,
        "IncludeMessagesFromBlockedSenderAddress": False,
        "QuarantinePolicyType": "QuarantinePolicy",
        "EndUserSpamNotificationFrequency": "1.00:00:00",
        "EndUserSpamNotificationCustomFromAddress": "",
        "EsnCustomSubject": [],
        "MultiLanguageSenderName": [],
        "MultiLanguageSetting": [],
        "MultiLanguageCustomDisclaimer": [],
        "OrganizationBrandingEnabled": False,
        "QuarantineRetentionDays": 30,
    },
)

ACCEPTED_DOMAIN = Noun(
    "AcceptedDomain",
    "accepted_domains",
    "Accepted Domains",
    "msExchAcceptedDomain",
    defaults={
        "DomainName": "",
        "DomainType": "Authoritative",
        "Default": False,
        "InitialDomain": False,
        "MatchSubDomains": False,
        "AuthenticationType": "Managed",
        "AddressBookEnabled": True,
        "ExternallyManaged": False,
        "OutboundOnly": False,
        "PendingRemoval": False,
        "PendingCompletion": False,
        "AdminDisplayName": "",
    },
)

# the predicates, exceptions and actions are added from the parameter table (lab.exchange.rules)
TRANSPORT_RULE = Noun(
    "TransportRule",
    "transport_rules",
    "TransportVersioned,CN=Rules",
    "msExchTransportRule",
    defaults={
        "Priority": 0,
        "DlpPolicy": None,
        "DlpPolicyId": "00000000-0000-0000-0000-000000000000",
        "Comments": None,
        "CreatedBy": "",
        "LastModifiedBy": "",
        "ManuallyModified": False,
        "ActivationDate": None,
        "ExpiryDate": None,
        "Description": "",
        "RuleVersion": "14.4.0.0",
        "Size": 512,
        "Conditions": None,
        "Exceptions": None,
        "Actions": None,
        "State": "Enabled",
        "Mode": "Enforce",
        "IsRuleConfigurationSupported": True,
        "RuleConfigurationUnsupportedReason": None,
        "RuleErrorAction": "Ignore",
        "SenderAddressLocation": "Header",
        "RuleSubType": "None",
        "UseLegacyRegex": False,
    },
)

NOUNS = {
    noun.name: noun
    for noun in (
        CONNECTION_FILTER,
        CONTENT_FILTER,
        CONTENT_FILTER_RULE,
        EOP_RULE,
        ATP_RULE,
        INBOUND_CONNECTOR,
        OUTBOUND_CONNECTOR,
        QUARANTINE_POLICY,
        ACCEPTED_DOMAIN,
        TRANSPORT_RULE,
    )
}

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant with a history: what a customer has of his own, and must find unchanged afterwards."""

from __future__ import annotations

from lab.exchange.nouns import (
    ATP_RULE,
    CONTENT_FILTER,
    CONTENT_FILTER_RULE,
    EOP_RULE,
    INBOUND_CONNECTOR,
    OUTBOUND_CONNECTOR,
)
from lab.exchange.rules import transport_rule
from lab.worlds.builder import ORGANIZATION, Builder

PRESET = "Standard Preset Security Policy1784144691483"
# 203.0.113.0/24 and the other two are for documentation (RFC 5737); the first line holds one of
# Area 1's own addresses, as an admin who began by hand would have entered it
# ([CF-3])
ALLOWED = [
    "52.11.209.211",
    "203.0.113.10",
    "203.0.113.20/32",
    "198.51.100.0/25",
    "198.51.100.130/26",
    "192.0.2.1-192.0.2.50",
]
BLOCKED = ["192.0.2.200", "203.0.113.128/28"]


def furnish(builder: Builder) -> None:
    tenant = builder.world["tenant"]
    tenant["connection_filter"] |= {
        "IPAllowList": list(ALLOWED),
        "IPBlockList": list(BLOCKED),
        "EnableSafeList": True,
    }
    _connectors(builder)
    _policies(builder)
    _rules(builder)
    for zone in builder.world["cloudflare"]["zones"].values():
        for record in zone["records"]:
            if record["type"] == "MX":
                record["ttl"] = 86400


def _connectors(builder: Builder) -> None:
    builder.add(
        INBOUND_CONNECTOR,
        "Inbound from headquarters",
        ConnectorType="OnPremises",
        ConnectorSource="HybridWizard",
        Comment="Exchange 2019, Lyon",
        SenderIPAddresses=["192.0.2.10", "192.0.2.11"],
        SenderDomains=["smtp:*;1"],
        CloudServicesMailEnabled=True,
        RequireTls=True,
        TlsSenderCertificateName="*.northwind.example",
    )
    # portal objects read back AdminUI, which no cmdlet takes ([EXO-2.3])
    builder.add(
        INBOUND_CONNECTOR,
        "Contoso with TLS",
        ConnectorSource="AdminUI",
        Comment="Contract 2023/17",
        SenderDomains=["smtp:contoso.example;1"],
    )
    builder.add(
        OUTBOUND_CONNECTOR,
        "Outbound to headquarters",
        ConnectorType="OnPremises",
        RecipientDomains=["lyon.northwind.example"],
        UseMXRecord=False,
        SmartHosts=["192.0.2.10"],
        TlsSettings="CertificateValidation",
    )


def _policies(builder: Builder) -> None:
    """Add policies: SPF hard fail is On in two that apply, and in one whose rule is off."""
    builder.world["tenant"]["content_filter_policies"][0] |= {
        "MarkAsSpamSpfRecordHardFail": "On",
        "AllowedSenderDomains": ["fabrikam.example"],
    }
    builder.add(
        CONTENT_FILTER,
        "Finance strict",
        MarkAsSpamSpfRecordHardFail="On",
        BulkThreshold=4,
        SpamAction="Quarantine",
        QuarantineRetentionPeriod=30,
    )
    builder.add(CONTENT_FILTER, "Retired 2022", MarkAsSpamSpfRecordHardFail="On")
    builder.add(
        CONTENT_FILTER,
        PRESET,
        RecommendedPolicyType="Standard",
        HighConfidenceSpamAction="Quarantine",
        PhishSpamAction="Quarantine",
        BulkThreshold=6,
        QuarantineRetentionPeriod=30,
        PhishQuarantineTag="DefaultFullAccessWithNotificationPolicy",
    )
    builder.add(
        CONTENT_FILTER_RULE,
        "Finance strict",
        HostedContentFilterPolicy="Finance strict",
        RecipientDomainIs=["northwind-group.example"],
        Priority=0,
        Conditions=["Microsoft.Exchange.MessagingPolicies.Rules.Tasks.RecipientDomainIsPredicate"],
    )
    builder.add(
        CONTENT_FILTER_RULE,
        "Retired 2022",
        HostedContentFilterPolicy="Retired 2022",
        RecipientDomainIs=["nw-labs.example"],
        Priority=1,
        State="Disabled",
    )
    preset = {"SentTo": ["ceo@northwind.example"], "Priority": 0}
    builder.add(
        EOP_RULE,
        "Standard Preset Security Policy",
        HostedContentFilterPolicy=PRESET,
        AntiPhishPolicy=PRESET,
        MalwareFilterPolicy=PRESET,
        **preset,
    )
    builder.add(
        ATP_RULE,
        "Standard Preset Security Policy",
        SafeAttachmentPolicy=PRESET,
        SafeLinksPolicy=PRESET,
        **preset,
    )


def _rules(builder: Builder) -> None:
    """Add rules whose order counts: the second stops the third."""
    builder.world["tenant"]["transport_rules"] += [
        transport_rule(
            "Disclaimer",
            ORGANIZATION,
            builder.born,
            Priority=0,
            FromScope="InOrganization",
            ApplyHtmlDisclaimerText="<p>Northwind</p>",
        ),
        transport_rule(
            "Scanner in Lyon",
            ORGANIZATION,
            builder.born,
            Priority=1,
            SenderIpRanges=["192.0.2.77"],
            SetSCL="-1",
            StopRuleProcessing=True,
            Comments="The scanner sends without SPF",
        ),
        transport_rule(
            "Invoices",
            ORGANIZATION,
            builder.born,
            Priority=2,
            SubjectContainsWords=["invoice"],
            PrependSubject="[EXTERNAL] ",
            FromScope="NotInOrganization",
            State="Disabled",
        ),
    ]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a former gateway leaves in a tenant, in the forms that vendors' guides print."""

from __future__ import annotations

import random
from typing import Any

from lab.exchange.nouns import INBOUND_CONNECTOR, OUTBOUND_CONNECTOR
from lab.exchange.rules import transport_rule
from lab.worlds.builder import ORGANIZATION, Builder

#: what the gateway of the world writes on mail that it has checked
STAMP = ("X-Gateway-Checked", "nw-7f3a91c2")
_NETWORK, _HOST = "192.0.2.192/26", r"mx1\.gateway\.example"
_REASON = "Mail must come by the gateway"
_OUTBOUND = "Gateway outbound"
Fields = dict[str, Any]

#: Conditions and actions of each form. "address": Vircom's page "Locking Down O365 Connections"
#: (reject, except from these addresses). "header": a trusted header or shared secret
#: (munishsethi.com, "Office 365 Connector Configuration"). "received": by the gateway's Received
#: field. "route": Check Point's page "Mail Flow Rules" (sent on by an outbound connector, header
#: set, no further rules). "scl9", "moderate", and "received" with delete: other actions that take
#: mail out of the inbox.
_RULES: dict[str, Fields] = {
    "address": {
        "ExceptIfSenderIpRanges": [_NETWORK],
        "RejectMessageReasonText": _REASON,
        "RejectMessageEnhancedStatusCode": "5.7.1",
    },
    "header": {
        "ExceptIfHeaderMatchesMessageHeader": STAMP[0],
        "ExceptIfHeaderMatchesPatterns": [STAMP[1]],
        "Quarantine": True,
    },
    "received": {
        "ExceptIfHeaderMatchesMessageHeader": "Received",
        "ExceptIfHeaderMatchesPatterns": [_HOST],
        "DeleteMessage": True,
    },
    "route": {
        "ExceptIfSenderIpRanges": [_NETWORK],
        "RouteMessageOutboundConnector": _OUTBOUND,
        "SetHeaderName": "X-CLOUD-SEC-AV-Info",
        "SetHeaderValue": "northwind,office365_emails,inline",
        "StopRuleProcessing": True,
    },
    "scl9": {
        "ExceptIfHeaderContainsMessageHeader": STAMP[0],
        "ExceptIfHeaderContainsWords": [STAMP[1]],
        "SetSCL": "9",
    },
    "moderate": {
        "ExceptIfHeaderContainsMessageHeader": STAMP[0],
        "ExceptIfHeaderContainsWords": [STAMP[1]],
        "ModerateMessageByUser": ["postmaster@northwind.example"],
    },
}
#: the forms of rules, and of connectors that restrict; "bypass" holds nothing back
FORMS = (*_RULES, "certificate", "bypass")


def rules(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add the rules of a gateway that is in use, where the world has one; else what is left of it.

    Without a gateway at work, rules that hold mail back are off: such a tenant would get no mail
    today. ``argument`` asks for one form alone.
    """
    active = bool(builder.world["mail"]["gateway"])
    if active:
        builder.world["mail"]["gateway"]["stamp"] = list(STAMP)
    for form in [argument] if argument else list(FORMS):
        if form == "certificate":
            _certificate(builder, active)
        elif form == "bypass":
            _bypass(builder)
        else:
            _rule(builder, form, active)


def _add_rule(builder: Builder, name: str, **fields: Any) -> None:
    found = builder.world["tenant"]["transport_rules"]
    found.append(transport_rule(name, ORGANIZATION, builder.born, Priority=len(found), **fields))


def _rule(builder: Builder, form: str, active: bool) -> None:
    if form == "route":
        builder.add(
            OUTBOUND_CONNECTOR,
            _OUTBOUND,
            IsTransportRuleScoped=True,
            UseMXRecord=False,
            SmartHosts=["mx1.gateway.example"],
            TlsSettings="EncryptionOnly",
            Enabled=active,
        )
    _add_rule(
        builder,
        f"Gateway: only by us ({form})",
        FromScope="NotInOrganization",
        State="Enabled" if active else "Disabled",
        **_RULES[form],
    )


def _certificate(builder: Builder, active: bool) -> None:
    """Add a connector that restricts by certificate.

    Mimecast's page "Inbound Lockdown" restricts by certificate and addresses.
    """
    builder.add(
        INBOUND_CONNECTOR,
        "Gateway certificate lock-down",
        ConnectorType="Partner",
        SenderDomains=["smtp:*;1"],
        TlsSenderCertificateName="*.gateway.example",
        RestrictDomainsToCertificate=True,
        RequireTls=True,
        Enabled=False,
        Comment="Switched off in favour of the address list" if active else "Contract ended",
    )


def _bypass(builder: Builder) -> None:
    """Add the rule that every guide begins with, and a connector that was never taken away.

    The rule sets SCL -1 for the gateway's addresses; the connector lets them in.
    """
    _add_rule(builder, "Gateway: bypass spam filter", SenderIpRanges=[_NETWORK], SetSCL="-1")
    builder.add(
        INBOUND_CONNECTOR,
        "Gateway inbound",
        ConnectorType="Partner",
        SenderDomains=["smtp:*;1"],
        SenderIPAddresses=[_NETWORK, "148.163.128.0/24"],
        EFSkipLastIP=True,
        RequireTls=True,
    )

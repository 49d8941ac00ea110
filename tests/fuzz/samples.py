# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of the services as they should be, by a word of the request that they answer."""

from __future__ import annotations

from typing import Any

from tests.unit.exchange.helpers import TENANT, jwt

ACCOUNT = "0123456789abcdef0123456789abcdef"
DATE = "2026-11-23T20:00:00Z"


def exchange(*values: dict[str, Any]) -> dict[str, Any]:
    """Return one page of a cmdlet's answer."""
    return {
        "@odata.context": "https://outlook.office365.com/adminapi/beta/x/$metadata",
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": ["The command completed successfully but no settings changed."],
        "value": list(values),
    }


def named(**values: Any) -> dict[str, Any]:
    """Return one object of Exchange Online."""
    return {"Name": "Default", "Identity": "tenant\\Default", "WhenChangedUTC": DATE, **values}


CONNECTOR = named(
    Name="Area 1",
    Identity="Area 1",
    Enabled=True,
    ConnectorType="Partner",
    SenderDomains=["smtp:*;1"],
    SenderIPAddresses=["192.0.2.1", "198.51.100.0/24"],
    RequireTls=False,
    EFSkipLastIP=True,
    EFUsers=[],
    WhenCreatedUTC=DATE,
    Comment="[mailflow.area1: staged 2026-11-23T20:00:00Z, due 2026-11-26T20:00:00Z, 2 domains]",
)
TRACED = {
    "Received": DATE,
    "Status": "Delivered",
    "SenderAddress": "a@b.example",
    "RecipientAddress": "c@a.example",
    "FromIP": "192.0.2.1",
    "MessageId": "<1@b.example>",
    "MessageTraceId": TENANT,
    "Subject": "s",
    "Size": 100,
}
EXCHANGE: dict[str, Any] = {
    "Get-AcceptedDomain": exchange(
        named(
            Name="contoso.onmicrosoft.com",
            DomainName="contoso.onmicrosoft.com",
            InitialDomain=True,
            DomainType="Authoritative",
        ),
        named(Name="a.example", DomainName="a.example", InitialDomain=False, Default=True),
    ),
    "Get-InboundConnector": {
        **exchange(CONNECTOR),
        "@odata.nextLink": "https://outlook.office365.com/adminapi/beta/x/InvokeCommand?$skip=1",
    },
    "Get-OutboundConnector": exchange(
        named(Enabled=True, RecipientDomains=["*"], SmartHosts=["x"])
    ),
    "Get-OrganizationConfig": exchange(named(IsDehydrated=False, RejectDirectSend=False)),
    "Get-HostedConnectionFilterPolicy": exchange(named(IPAllowList=["192.0.2.1"], IPBlockList=[])),
    "Get-HostedContentFilterPolicy": exchange(
        named(
            MarkAsSpamSpfRecordHardFail="Off", SpamAction="Quarantine", QuarantineRetentionPeriod=30
        )
    ),
    "Rule": exchange(
        named(
            Name="rule",
            State="Enabled",
            Priority=0,
            MessageSizeOver="10 MB (10,485,760 bytes)",
            SetSCL="9",
            FromScope="NotInOrganization",
            HeaderContainsWords=["a"],
            HostedContentFilterPolicy="Default",
            RecipientDomainIs=["a.example"],
            ActivationDate=DATE,
        )
    ),
    "Get-QuarantinePolicy": exchange(
        named(EndUserQuarantinePermissionsValue=27, ESNEnabled=True, AdminDisplayName="x")
    ),
    "Get-MessageTraceDetailV2": exchange(
        {
            **TRACED,
            "Event": "Receive",
            "Date": DATE,
            "Detail": "Message received by: X using TLS1.2",
            "Data": '<root><MEP Name="ServerHostName" String="x"/>ClientIP=192.0.2.1</root>',
        }
    ),
    "Get-MessageTraceV2": exchange(TRACED),
    "EXOModuleFile": {
        "value": [{"exportedCmdlets": "Get-OrganizationConfig,Set-InboundConnector"}]
    },
    "serviceConfigurationRecords": {
        "value": [{"recordType": "Mx", "mailExchange": "a.mail.example", "preference": 1}]
    },
    "$batch": {
        "responses": [
            {
                "id": "0",
                "status": 200,
                "headers": {"Retry-After": "1"},
                "body": {
                    "value": [{"recordType": "Mx", "mailExchange": "a.mail.example"}],
                    "@odata.nextLink": "https://graph.microsoft.com/v1.0/x",
                },
            }
        ]
    },
    "": {
        "error": {
            "code": "BadRequest",
            "message": "|Microsoft.Exchange.X|text",
            "details": [{"code": "Context", "target": "", "message": "Ex6F9304|A.B|text"}],
            "innererror": {"message": "m", "type": "t", "internalexception": {"message": "m"}},
        }
    },
}
SIGN_IN: dict[str, Any] = {
    "openid-configuration": {
        "token_endpoint": "https://login.microsoftonline.com/x/oauth2/v2.0/token",
        "authorization_endpoint": "https://login.microsoftonline.com/x/oauth2/v2.0/authorize",
        "issuer": "https://login.microsoftonline.com/x/v2.0",
    },
    "token": {"access_token": jwt(), "expires_in": 3599, "token_type": "Bearer"},
    "": {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: x\r\nTrace ID: 1",
        "error_codes": [7000215],
        "correlation_id": "1",
    },
}
MESSAGE = {
    "id": "4Njp3P0STMz2c02Q-2026-11-23T20:00:00",
    "postfix_id": "4Njp3P0STMz2c02Q",
    "message_id": "<1@b.example>",
    "from": "a@b.example",
    "to": ["c@a.example"],
    "envelope_from": "a@b.example",
    "envelope_to": ["c@a.example"],
    "subject": "s",
    "ts": "2026-11-23T20:00:00",
    "scanned_at": DATE,
    "final_disposition": "SPAM",
    "is_quarantined": True,
    "delivery_status": ["quarantined"],
    "post_delivery_operations": ["RELEASE"],
}
DOMAIN = {
    "id": 7,
    "domain": "a.example",
    "status": "active",
    "transport": "a.mail.example",
    "allowed_delivery_modes": ["DIRECT"],
    "lookback_hops": 1,
    "regions": ["GLOBAL"],
    "drop_dispositions": ["SPAM"],
    "ip_restrictions": [],
    "emails_processed": {"timestamp": DATE, "total_emails_processed": 1},
    "require_tls_outbound": True,
    "modified_at": DATE,
    "authorization": {"authorized": True, "timestamp": DATE},
}


def envelope(result: Any) -> dict[str, Any]:
    """Return an answer of Cloudflare's API."""
    return {
        "success": True,
        "errors": [{"code": 1000, "message": "m", "error_chain": [{"code": 1, "message": "n"}]}],
        "messages": [],
        "result": result,
        "result_info": {"page": 1, "per_page": 50, "count": 1, "total_count": 1, "cursor": "x"},
    }


AREA1: dict[str, Any] = {
    "/trace": envelope(
        {
            "inbound": {"lines": [{"lineno": 1, "message": "m", "ts": DATE}]},
            "outbound": {"lines": [{"lineno": 1, "message": "250 ok", "ts": 1}], "pending": False},
        }
    ),
    "/preview": envelope({"screenshot": "iVBORw0KGgo="}),
    "/raw": envelope({"raw": "From: a\r\n"}),
    "/action_log": envelope([{"operation": "RELEASE", "status": "success", "completed_at": DATE}]),
    "/release": envelope(
        [{"id": "4Njp3P0STMz2c02Q", "postfix_id": "4Njp3P0STMz2c02Q", "delivered": ["c@a.example"]}]
    ),
    "/investigate/": envelope(MESSAGE),
    "/investigate": envelope([MESSAGE]),
    "/verification": envelope({"status": "pending", "name": "_x.a.example", "value": "v"}),
    "/tokens/verify": envelope({"id": "1", "status": "active", "expires_on": DATE}),
    "/settings/domains": envelope([DOMAIN]),
}
CLOUDFLARE: dict[str, Any] = {
    "dns_records": envelope(
        [
            {
                "id": "r",
                "name": "a.example",
                "type": "MX",
                "content": "mx.example",
                "priority": 5,
                "ttl": 1,
                "modified_on": DATE,
                "comment": "c",
                "data": {"priority": 5},
            }
        ]
    ),
    "zones": envelope(
        [
            {
                "id": "z",
                "name": "a.example",
                "status": "active",
                "type": "full",
                "paused": False,
                "name_servers": ["a.ns.example"],
                "account": {"id": ACCOUNT},
            }
        ]
    ),
}
ZONE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/dnsZones/a.example"
AZURE: dict[str, Any] = {
    "openid-configuration": SIGN_IN["openid-configuration"],
    "token": SIGN_IN["token"],
    "/MX": {
        "id": ZONE + "/MX/@",
        "etag": "e",
        "properties": {
            "TTL": 3600,
            "fqdn": "a.example.",
            "MXRecords": [{"preference": 5, "exchange": "mx.example."}],
        },
    },
    "/TXT": {"etag": "e", "properties": {"TTL": 60, "TXTRecords": [{"value": ["a", "b"]}]}},
    "dnsZones": {
        "value": [
            {
                "id": ZONE,
                "name": "a.example",
                "etag": "1",
                "properties": {"nameServers": ["ns1.example."], "zoneType": "Public"},
            }
        ],
        "nextLink": "https://management.azure.com/x",
    },
    "": {"error": {"code": "x", "message": "m", "details": []}},
}
XMLNS = b'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"'
ROUTE53: dict[str, Any] = {
    "rrset": b'<?xml version="1.0"?><ListResourceRecordSetsResponse %b><ResourceRecordSets>'
    b"<ResourceRecordSet><Name>a.example.</Name><Type>MX</Type><TTL>300</TTL><ResourceRecords>"
    b"<ResourceRecord><Value>5 mx.example.</Value></ResourceRecord></ResourceRecords>"
    b"</ResourceRecordSet></ResourceRecordSets><IsTruncated>false</IsTruncated>"
    b"<MaxItems>300</MaxItems></ListResourceRecordSetsResponse>" % XMLNS,
    "hostedzonesbyname": b'<?xml version="1.0"?><ListHostedZonesByNameResponse %b><HostedZones>'
    b"<HostedZone><Id>/hostedzone/Z1</Id><Name>a.example.</Name><Config><PrivateZone>false"
    b"</PrivateZone></Config></HostedZone></HostedZones><IsTruncated>false</IsTruncated>"
    b"<MaxItems>100</MaxItems></ListHostedZonesByNameResponse>" % XMLNS,
    "hostedzone/": b"<GetHostedZoneResponse %b><HostedZone><Id>/hostedzone/Z1</Id><Name>a.example."
    b"</Name></HostedZone><DelegationSet><NameServers><NameServer>ns.example</NameServer>"
    b"</NameServers></DelegationSet></GetHostedZoneResponse>" % XMLNS,
    "hostedzone": b"<ListHostedZonesResponse %b><HostedZones><HostedZone><Id>/hostedzone/Z1</Id>"
    b"<Name>a.example.</Name></HostedZone></HostedZones><IsTruncated>true</IsTruncated>"
    b"<NextMarker>x</NextMarker></ListHostedZonesResponse>" % XMLNS,
    "": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
}
GODADDY: dict[str, Any] = {
    "records": [{"data": "mx.example", "name": "@", "priority": 5, "ttl": 3600, "type": "MX"}],
    "domains/": {"domain": "a.example", "status": "ACTIVE", "nameServers": ["ns1.example"]},
    "": {"code": "UNABLE", "message": "m", "fields": [{"code": "c", "path": "p", "message": "m"}]},
}

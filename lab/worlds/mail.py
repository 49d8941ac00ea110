# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tenants whose mail takes a way of its own, for example through a former gateway."""

from __future__ import annotations

import hashlib
from typing import Any

from lab.dns.hosts import MICROSOFT_HOSTS
from lab.exchange.nouns import INBOUND_CONNECTOR
from lab.mail.service import GATEWAY_ADDRESS, GATEWAY_HOST, STS_ADDRESS
from lab.mail.sts import policy_text
from lab.worlds.builder import DOMAINS, Builder

# [CF-3], in the form that Microsoft 365 takes: 42 entries
EGRESS = [
    "52.11.209.211",
    "52.89.255.11",
    "52.0.67.109",
    "54.173.50.115",
    "158.51.64.0/26",
    "158.51.65.0/26",
    "35.157.195.63",
    "52.58.35.43",
    *("104.30.%d.0/24" % third for third in range(32, 64)),
    "134.195.26.0/24",
    "134.195.27.0/24",
]
# the tutorial's example for the EU ([CF-2.1])
EU = [
    (5, "mailstream-eu1.mxrecord.io"),
    (10, "mailstream-central.mxrecord.mx"),
    (20, "mailstream-east.mxrecord.io"),
    (20, "mailstream-west.mxrecord.io"),
]
_GATEWAY_SOURCE = "127.0.7.2"
NEW_DOMAIN = "northwind-new.example"


def _move(builder: Builder, domain: str, hosts: list[tuple[int, str]], ttl: int) -> None:
    """Send the domain's mail elsewhere, since long ago."""
    zone = builder.world["cloudflare"]["zones"][domain]
    first = next(record for record in zone["records"] if record["type"] == "MX")
    moved = [
        {
            **first,
            "id": hashlib.sha256(f"MX {domain} {host}".encode()).hexdigest()[:32],
            "content": host,
            "priority": priority,
            "ttl": ttl,
        }
        for priority, host in hosts
    ]
    zone["records"] = [*moved, *(record for record in zone["records"] if record["type"] != "MX")]


def _add_record(
    builder: Builder, domain: str, kind: str, name: str, content: str, ttl: int = 300
) -> None:
    zone = builder.world["cloudflare"]["zones"][domain]
    model = next(record for record in zone["records"] if record["type"] == "A")
    identifier = hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:32]
    zone["records"].append(
        {**model, "id": identifier, "type": kind, "name": name, "content": content, "ttl": ttl}
    )


def _onboard(builder: Builder, domain: str) -> None:
    builder.world["cloudflare"]["email_security"]["domains"].append(
        {
            "domain": domain,
            "allowed_delivery_modes": ["DIRECT"],
            "transport": DOMAINS[domain][1],
            "lookback_hops": 1,
            "require_tls_outbound": True,
            "drop_dispositions": ["MALICIOUS", "SPAM", "SPOOF"],
            "regions": ["GLOBAL"],
            "ip_restrictions": [],
        }
    )


def _connector(builder: Builder, name: str, **fields: Any) -> None:
    given = {
        "ConnectorType": "Partner",
        "SenderDomains": ["smtp:*;1"],
        "SenderIPAddresses": list(EGRESS),
        "RequireTls": True,
        **fields,
    }
    builder.add(INBOUND_CONNECTOR, name, **given)


def former_gateway(builder: Builder) -> None:
    """Add a gateway that locked the tenant down for itself: Area 1's mail is refused [CUT-2.3]."""
    builder.world["dns"]["hosts"][GATEWAY_HOST] = GATEWAY_ADDRESS
    mail = builder.world["mail"]
    mail["addresses"][_GATEWAY_SOURCE] = "192.0.2.200"
    mail["gateway"] = {"host": GATEWAY_HOST, "source": _GATEWAY_SOURCE}
    for domain in DOMAINS:
        _move(builder, domain, [(10, GATEWAY_HOST)], 3600)
    builder.add(
        INBOUND_CONNECTOR,
        "Gateway Inbound Lockdown",
        ConnectorType="Partner",
        Comment="Only accept mail from the gateway",
        SenderDomains=["smtp:*;1"],
        SenderIPAddresses=["192.0.2.192/26"],
        RestrictDomainsToIPAddresses=True,
        RequireTls=False,
    )


def direct_senders(builder: Builder) -> None:
    """Add a scanner that sends as the customer's domain, and a service with Microsoft's host.

    Both deliver past any MX.
    """
    mail = builder.world["mail"]
    mail["addresses"] |= {"127.0.6.1": "192.0.2.77", "127.0.6.2": "198.51.100.222"}
    mail["spf"]["saas.example"] = "v=spf1 ip4:198.51.100.222 -all"
    mail["direct"] = [
        {"name": "scanner", "source": "127.0.6.1", "sender": "scanner@northwind.example"},
        {"name": "saas", "source": "127.0.6.2", "sender": "billing@saas.example"},
    ]


def locked_year_ago(builder: Builder) -> None:
    """Build a tenant that was deployed and locked down a year ago, under the tutorial's names.

    Since then it gained a domain, whose mail goes to Microsoft.
    """
    builder.world["tenant"]["connection_filter"]["IPAllowList"] = list(EGRESS)
    _connector(
        builder,
        "Area 1 Inbound Connector",
        Comment="Inbound connector for Enhanced Filtering",
        EFSkipLastIP=True,
    )
    _connector(
        builder,
        "Secure O365 Inbound",
        Comment="Only accept inbound email from Area 1",
        RestrictDomainsToIPAddresses=True,
        EFSkipLastIP=True,
    )
    for domain in DOMAINS:
        _onboard(builder, domain)
        _move(builder, domain, EU, 300)
    host = "northwind-new-example.mail.protection.outlook.com"
    builder.accept(NEW_DOMAIN, host)
    builder.zone(NEW_DOMAIN, host, 3600)


def half_finished(builder: Builder) -> None:
    """Build a tenant where somebody began by hand with today's pages [CF-1] and stopped half-way.

    There is a part of the addresses, no enhanced filtering, one domain that moved, and the
    lock-down, switched off.
    """
    builder.world["tenant"]["connection_filter"]["IPAllowList"] = EGRESS[:8]
    _connector(
        builder,
        "Email Security Inbound Connector",
        Comment="Inbound connector for Enhanced Filtering",
        SenderIPAddresses=EGRESS[:8],
    )
    _connector(
        builder,
        "Secure M365 Inbound",
        Comment="Only accept inbound email from Email Security",
        RestrictDomainsToIPAddresses=True,
        Enabled=False,
    )
    _onboard(builder, "northwind.example")
    _move(builder, "northwind.example", EU, 300)


def mta_sts(builder: Builder) -> None:
    """Add policies that admit Microsoft's hosts only: two domains enforce one, one tests [CUT-2.4].

    One host has DANE.
    """
    for domain, (_ttl, host) in DOMAINS.items():
        pattern = "*.mail.protection.outlook.com" if domain == "northwind-group.example" else host
        mode = "testing" if domain == "nw-labs.example" else "enforce"
        builder.world["mail"]["sts"][domain] = {"body": policy_text(mode, [pattern]), "mode": "ok"}
        _add_record(builder, domain, "A", "mta-sts.%s" % domain, STS_ADDRESS)
        _add_record(
            builder, domain, "TXT", "_mta-sts.%s" % domain, '"v=STSv1; id=20250101000000;"', 3600
        )
        _add_record(
            builder,
            domain,
            "TXT",
            "_smtp._tls.%s" % domain,
            '"v=TLSRPTv1; rua=mailto:tlsrpt@%s"' % domain,
            3600,
        )
    host = DOMAINS["nw-labs.example"][1]
    builder.world["dns"]["scenery"] = [
        {"type": "A", "name": host, "content": MICROSOFT_HOSTS["*.mx.microsoft"], "ttl": 300},
        {
            "type": "TLSA",
            "name": "_25._tcp.%s" % host,
            "content": "3 1 1 " + hashlib.sha256(host.encode()).hexdigest(),
            "ttl": 3600,
        },
    ]


def laggard(builder: Builder) -> None:
    """Make one of the two name servers show each change half an hour late."""
    builder.world["dns"]["servers"]["bob.ns.cloudflare.example"] |= {
        "mode": "lag",
        "lag_seconds": 1800,
    }


def one_down(builder: Builder) -> None:
    builder.world["dns"]["servers"]["bob.ns.cloudflare.example"]["mode"] = "down"


def long_ttl(builder: Builder) -> None:
    """Let caches keep the old mail hosts for a day."""
    for zone in builder.world["cloudflare"]["zones"].values():
        for record in zone["records"]:
            if record["type"] == "MX":
                record["ttl"] = 86400

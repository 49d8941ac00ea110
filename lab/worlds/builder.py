# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of which worlds are made: a tenant, its app registration, its zones."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lab import azure_dns, cloudflare, dns, godaddy, route53
from lab.entra.issuer import SUBJECT
from lab.exchange.nouns import (
    ACCEPTED_DOMAIN,
    CONNECTION_FILTER,
    CONTENT_FILTER,
    CONTENT_FILTER_RULE,
    INBOUND_CONNECTOR,
    OUTBOUND_CONNECTOR,
    QUARANTINE_POLICY,
    Noun,
    build,
    guid,
)
from lab.exchange.organization import configuration
from lab.mail.state import empty_state
from lab.worlds.settings import DEFAULT_SETTINGS

ORGANIZATION = "northwind.onmicrosoft.com"
TENANT_ID = guid("northwind", "tenant")
# a second tenant in the same Entra, without Exchange here: for tokens that are not Northwind's
OTHER_TENANT = "contoso.onmicrosoft.com"
CLIENT_ID = guid("northwind", "app")
ADMINISTRATOR = "admin@northwind.onmicrosoft.com"
MACHINE_IDENTITIES = ("system", "deployer")
ACCOUNT_ID = hashlib.sha256(b"northwind account").hexdigest()[:32]
NAME_SERVERS = ["ada.ns.cloudflare.example", "bob.ns.cloudflare.example"]
# name -> (TTL of the MX set in the fresh world, host that Graph names); 1 is Cloudflare's Auto
DOMAINS = {
    "northwind.example": (3600, "northwind-example.mail.protection.outlook.com"),
    "northwind-group.example": (3600, "northwind-group-example.mail.protection.outlook.com"),
    # new accepted domains live under mx.microsoft since July 2026 ([CUT-2.2],
    # MC1048624)
    "nw-labs.example": (1, "nw-labs-example.k-v1.mx.microsoft"),
}
# the tenant is older than anything that happens in the lab
AGE = timedelta(days=400)


@dataclass(frozen=True)
class Credentials:
    """The credentials that the process made at its start.

    They outlive a change of the world, so that the variables given out stay valid.
    """

    client_secret: str
    api_token: str
    certificate_pem: str
    aws_key: str = "AKIALABLABLABLABLAB1"
    aws_secret: str = "lab/secret-access-key+that-signs-requests"
    godaddy_token: str = "gd_pat_lab_personal_access_token"
    godaddy_key: str = "lab-godaddy-key"
    godaddy_secret: str = "lab-godaddy-key-secret"

    @property
    def secrets(self) -> list[str]:
        return [
            self.client_secret,
            self.api_token,
            self.aws_secret,
            self.godaddy_token,
            self.godaddy_secret,
        ]


class Builder:
    """Builds one world. Ids come from names, so that two runs of a world are the same."""

    def __init__(self, name: str, credentials: Credentials, now: datetime) -> None:
        self.credentials = credentials
        self.now = now
        self.born = (now - AGE).replace(microsecond=0)
        self.domains = list(DOMAINS)
        self.world: dict[str, Any] = {
            "name": name,
            "settings": copy.deepcopy(DEFAULT_SETTINGS),
            "entra": self._entra(),
            "tenant": self._tenant(),
            "cloudflare": self._cloudflare(),
            "azure_dns": self._azure_dns(),
            "route53": self._route53(),
            "godaddy": self._godaddy(),
            "dns": {**dns.empty_state(), "warm": True},
            "mail": empty_state(),
        }
        for domain in DOMAINS:
            ttl, host = DOMAINS[domain]
            self.accept(domain, host, default=domain == "northwind.example")
            self.zone(domain, host, ttl)

    def object(self, noun: Noun, name: str, **fields: Any) -> dict[str, Any]:
        return build(noun, name, ORGANIZATION, self.born, **fields)

    def add(self, noun: Noun, name: str, **fields: Any) -> None:
        self.world["tenant"][noun.collection].append(self.object(noun, name, **fields))

    def accept(self, domain: str, host: str | None, **fields: Any) -> None:
        """Add an accepted domain, and the host that Graph names for it."""
        fields = {key[:1].upper() + key[1:]: value for key, value in fields.items()}
        self.add(ACCEPTED_DOMAIN, domain, DomainName=domain, **fields)
        self.world["entra"]["verified_domains"].append(domain)
        if host:
            self.world["tenant"]["mail_hosts"][domain] = host

    def zone(self, domain: str, host: str, ttl: int) -> None:
        """Add a zone at Cloudflare whose mail goes to Microsoft."""
        self.world["cloudflare"]["zones"][domain] = {
            "id": hashlib.sha256(f"zone {domain}".encode()).hexdigest()[:32],
            "name": domain,
            "status": "active",
            "name_servers": list(NAME_SERVERS),
            "records": records(domain, [(0, host)], ttl, self.born),
        }

    def move_zone(self, domain: str, provider: str) -> None:
        """Bring a zone from Cloudflare to another provider, with its mail hosts."""
        old = self.world["cloudflare"]["zones"].pop(domain)
        mail = [
            (record["priority"], record["content"])
            for record in old["records"]
            if record["type"] == "MX"
        ]
        ttl = next(record["ttl"] for record in old["records"] if record["type"] == "MX")
        # Auto is Cloudflare's; 600 is the lowest that all of these take.
        ttl = 3600 if ttl == 1 else max(ttl, 600)
        self.host_zone(domain, provider, mail, ttl)

    def host_zone(self, domain: str, provider: str, mail: list[tuple[int, str]], ttl: int) -> None:
        """Add a zone at Azure DNS, Route 53 or GoDaddy, and its name servers."""
        number = len(self.world["dns"]["servers"]) % 80 + 1
        if provider == "azure":
            zone = azure_dns.zone(domain, mail, ttl, number=number)
            self.world["azure_dns"]["zones"].append(zone)
        elif provider == "route53":
            zone = route53.zone(domain, mail, ttl, number=number)
            self.world["route53"]["zones"][route53.identifier("Z", domain)] = zone
        else:
            zone = godaddy.domain(mail, ttl, number=number)
            self.world["godaddy"]["domains"][domain] = zone
        for index, server in enumerate(zone["name_servers"]):
            self.world["dns"]["servers"].setdefault(
                server.rstrip("."),
                {"address": dns.ADDRESSES[index % 2], "mode": "ok", "lag_seconds": 0},
            )

    def _azure_dns(self) -> dict[str, Any]:
        """Return the tenant's subscription; the app may change MX and TXT sets and read zones."""
        state = azure_dns.empty_state(TENANT_ID)
        scope = f"/subscriptions/{azure_dns.SUBSCRIPTION}"
        actions = [
            "Microsoft.Network/dnsZones/read",
            "Microsoft.Network/dnsZones/MX/*",
            "Microsoft.Network/dnsZones/TXT/*",
            "Microsoft.Network/dnsZones/CNAME/read",
        ]
        state["roles"] = {CLIENT_ID: [{"scope": scope, "actions": actions}]}
        return state

    def _route53(self) -> dict[str, Any]:
        state = route53.empty_state()
        state["keys"] = {self.credentials.aws_key: {"secret": self.credentials.aws_secret}}
        return state

    def _godaddy(self) -> dict[str, Any]:
        state = godaddy.empty_state()
        state["tokens"] = {
            self.credentials.godaddy_token: {
                "scopes": ["domains.domain:read", "domains.dns:update"]
            }
        }
        state["keys"] = {self.credentials.godaddy_key: {"secret": self.credentials.godaddy_secret}}
        return state

    def _entra(self) -> dict[str, Any]:
        return {
            "tenant_id": TENANT_ID,
            "initial_domain": ORGANIZATION,
            "verified_domains": [],
            "used_jti": {},
            "device_codes": {},
            "refresh_tokens": {},
            "users": {
                ADMINISTRATOR: {
                    "object_id": guid("northwind", "administrator"),
                    "directory_roles": ["Exchange Administrator"],
                    "hidden_parameters": {},
                }
            },
            # the machine that the identity endpoints are of; an "old" Arc agent knows only the
            # system's identity
            "machine": {
                "system_assigned": _identity("system"),
                "user_assigned": [_identity("deployer")],
                "arc_agent": "new",
            },
            "other_tenants": {OTHER_TENANT: guid("contoso", "tenant")},
            "apps": {
                CLIENT_ID: _registration(self.credentials),
                **{_identity(name)["client_id"]: _principal(name) for name in MACHINE_IDENTITIES},
            },
        }

    def _tenant(self) -> dict[str, Any]:
        tenant: dict[str, Any] = {
            "organization": configuration(ORGANIZATION, "Northwind", self.born, False),
            "hydration": {},
            "mail_hosts": {},
            "blocked_connectors": [],
            "accepted_domains": [
                # every tenant has both [EXO-2.7]
                self.object(
                    ACCEPTED_DOMAIN, ORGANIZATION, DomainName=ORGANIZATION, InitialDomain=True
                ),
                self.object(
                    ACCEPTED_DOMAIN,
                    "northwind.mail.onmicrosoft.com",
                    DomainName="northwind.mail.onmicrosoft.com",
                ),
            ],
            "connection_filter": self.object(CONNECTION_FILTER, "Default"),
            "content_filter_policies": [self.object(CONTENT_FILTER, "Default", IsDefault=True)],
            "quarantine_policies": _quarantine_policies(self.object),
        }
        tenant["mail_hosts"] = {ORGANIZATION: "northwind.mail.protection.outlook.com"}
        for noun in (CONTENT_FILTER_RULE, INBOUND_CONNECTOR, OUTBOUND_CONNECTOR):
            tenant[noun.collection] = []
        return tenant | {
            "eop_protection_rules": [],
            "atp_protection_rules": [],
            "transport_rules": [],
        }

    def _cloudflare(self) -> dict[str, Any]:
        state: dict[str, Any] = cloudflare.empty_state(ACCOUNT_ID)
        permissions = ["Zone Read", "DNS Write", "Cloud Email Security: Write"]
        state["tokens"] = {
            self.credentials.api_token: {
                "permissions": permissions,
                "zones": "*",
                "status": "active",
            }
        }
        return state


def _quarantine_policies(make: Any) -> list[dict[str, Any]]:
    """Return the built-in policies [EXO-2.6], and the global one that only its type shows."""
    return [
        make(QUARANTINE_POLICY, "AdminOnlyAccessPolicy", EndUserQuarantinePermissionsValue=0),
        make(QUARANTINE_POLICY, "DefaultFullAccessPolicy", EndUserQuarantinePermissionsValue=39),
        make(
            QUARANTINE_POLICY,
            "DefaultFullAccessWithNotificationPolicy",
            EndUserQuarantinePermissionsValue=39,
            ESNEnabled=True,
        ),
        make(QUARANTINE_POLICY, "DefaultGlobalTag", QuarantinePolicyType="GlobalQuarantinePolicy"),
    ]


def records(
    domain: str, mail: Iterable[tuple[int, str]], ttl: int, born: datetime
) -> list[dict[str, Any]]:
    """Return a zone's records in Cloudflare's shape: mail hosts, a web server, SPF; no MTA-STS."""
    date = born.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    rows: list[tuple[str, str, str, int, int | None]] = [
        ("MX", domain, host, ttl, priority) for priority, host in mail
    ]
    rows += [
        ("A", domain, "192.0.2.80", 300, None),
        ("A", f"www.{domain}", "192.0.2.80", 300, None),
        ("TXT", domain, '"v=spf1 include:spf.protection.outlook.com -all"', 3600, None),
        ("CNAME", f"autodiscover.{domain}", "autodiscover.outlook.com", 3600, None),
    ]
    found = []
    for kind, name, content, life, priority in rows:
        record: dict[str, Any] = {
            "id": hashlib.sha256(f"{kind} {name} {content}".encode()).hexdigest()[:32],
            "type": kind,
            "name": name,
            "content": content,
            "ttl": life,
            "comment": None,
            "tags": [],
            "created_on": date,
            "modified_on": date,
        }
        found.append(record if priority is None else {**record, "priority": priority})
    return found


def _identity(name: str) -> dict[str, Any]:
    """Return a managed identity, as the machine's endpoints select it."""
    return {
        "client_id": guid("northwind", "identity", name),
        "object_id": guid("northwind", "identity principal", name),
        "resource_id": (
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/mail/providers"
            f"/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        ),
    }


def _principal(name: str) -> dict[str, Any]:
    """Return the service principal of a managed identity: it has grants and no credential."""
    return {
        "name": name,
        "object_id": _identity(name)["object_id"],
        "roles": {"exchange": ["Exchange.ManageAsApp"], "graph": ["Domain.Read.All"]},
        "directory_roles": ["Exchange Administrator"],
        "denied_cmdlets": [],
        "silently_denied_cmdlets": [],
        "hidden_parameters": {},
    }


def _registration(credentials: Credentials) -> dict[str, Any]:
    """Return the app registration, with every credential that an app may have."""
    return {
        "name": "mailflow.area1",
        "object_id": guid("northwind", "service principal"),
        "secrets": [credentials.client_secret],
        "certificates": [credentials.certificate_pem],
        # [EXO-1.8]
        "roles": {"exchange": ["Exchange.ManageAsApp"], "graph": ["Domain.Read.All"]},
        "delegated": {"exchange": ["Exchange.Manage"], "graph": ["Domain.Read.All"]},
        "public_client": True,
        "federated": [
            {
                "issuer": "lab",
                "subject": SUBJECT,
                "audience": "api://AzureADTokenExchange",
            }
        ],
        "directory_roles": ["Exchange Administrator"],
        "denied_cmdlets": [],
        "silently_denied_cmdlets": [],
        "hidden_parameters": {},
    }

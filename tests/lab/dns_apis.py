# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the lab's Azure DNS, Route 53 and GoDaddy share: one small world, served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from lab import azure_dns, godaddy, route53
from lab.azure_dns import AzureDnsService
from lab.dns import empty_state as empty_dns
from lab.godaddy import GoDaddyService
from lab.route53 import Route53Service
from lab.server import Hub, Service, serve_https
from lab.tls import Authority
from lab.tokens import Tokens

NAME = "northwind.example"
OLD = "northwind-example.mail.protection.outlook.com"
TENANT, OTHER_TENANT = (
    "11111111-0000-4000-8000-000000000001",
    "11111111-0000-4000-8000-000000000002",
)
ADMIN, READER, SET_ADMIN = "app-admin", "app-reader", "app-set"
ZONE_ID = "Z0123456789ABCDEFGHIJ"
KEY, SECRET = "AKIATESTTESTTESTTEST", "secret/access+key"
PAT, READ_PAT, PAIR = "gd_pat_full", "gd_pat_read", ("key", "key-secret")
SUBSCRIPTION = azure_dns.SUBSCRIPTION
ZONE_PATH = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/dns/providers/Microsoft.Network/dnsZones/{NAME}"
)


def _azure() -> dict[str, Any]:
    state = azure_dns.empty_state(TENANT)
    state["zones"] = [azure_dns.zone(NAME, [(0, OLD)], 3600)]
    everything = [{"scope": f"/subscriptions/{SUBSCRIPTION}", "actions": ["*"]}]
    reading = [{"scope": f"/subscriptions/{SUBSCRIPTION}", "actions": ["*/read"]}]
    one_set = [{"scope": f"{ZONE_PATH}/MX/@", "actions": ["Microsoft.Network/dnsZones/*"]}]
    state["roles"] = {ADMIN: everything, READER: reading, SET_ADMIN: one_set}
    return state


def _route53() -> dict[str, Any]:
    state = route53.empty_state()
    state["keys"] = {KEY: {"secret": SECRET}}
    state["zones"] = {ZONE_ID: route53.zone(NAME, [(0, OLD)], 3600)}
    state["settings"]["requests_per_second"] = 0
    return state


def _godaddy() -> dict[str, Any]:
    state = godaddy.empty_state()
    state["tokens"] = {
        PAT: {"scopes": ["domains.domain:read", "domains.dns:update"]},
        READ_PAT: {"scopes": ["domains.domain:read"]},
    }
    state["keys"] = {PAIR[0]: {"secret": PAIR[1]}, "ote": {"secret": "o", "environment": "ote"}}
    state["domains"] = {NAME: godaddy.domain([(0, OLD)], 3600)}
    return state


def _world(kind: str) -> dict[str, Any]:
    """Only one provider has the zone."""
    apps = {name: {"object_id": f"object-{name}"} for name in (ADMIN, READER, SET_ADMIN)}
    states = {
        "arm": {"azure_dns": _azure()},
        "route53": {"route53": _route53()},
        "godaddy": {"godaddy": _godaddy()},
    }
    return {"entra": {"tenant_id": TENANT, "apps": apps}, "dns": empty_dns(), **states[kind]}


class Api:
    """A client of one service that knows nothing but the wire."""

    def __init__(self, hub: Hub, base: str, ca: Path, tokens: Tokens) -> None:
        self.hub = hub
        self.base = base
        self.tokens = tokens
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(ca)

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, self.base + path, timeout=10, **more)

    def bearer(self, client: str = ADMIN, tenant: str = TENANT) -> dict[str, str]:
        """Return the header with a token for Resource Manager."""
        app = self.hub.world["entra"]["apps"][client]
        token, _life = self.tokens.issue(tenant, client, app, "https://management.azure.com")
        return {"Authorization": f"Bearer {token}"}

    def history(self) -> list[dict[str, Any]]:
        """Return the moments of MX sets at the name servers."""
        found: list[dict[str, Any]] = self.hub.world["dns"]["history"]
        return found


@contextmanager
def serving(kind: str, directory: Path) -> Iterator[Api]:
    """Serve one of arm, route53 and godaddy over HTTPS."""
    hub = Hub()
    hub.world = _world(kind)
    tokens = Tokens(hub)
    services: dict[str, Service] = {
        "arm": AzureDnsService(hub, tokens),
        "route53": Route53Service(hub),
        "godaddy": GoDaddyService(hub),
    }
    authority = Authority()
    authority.write(directory / "ca.pem")
    server, port = serve_https(services[kind], "127.0.0.1", 0, authority.context(), hub)
    base = f"https://127.0.0.1:{port}"
    hub.urls[kind] = base
    try:
        yield Api(hub, base, directory / "ca.pem", tokens)
    finally:
        server.shutdown()
        server.server_close()

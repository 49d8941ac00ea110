# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the lab's Cloudflare share: a small world, served, and a client that knows
nothing but the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from lab.cloudflare import CloudflareService, empty_state
from lab.dns import DnsServers, empty_state as empty_dns
from lab.server import Hub, serve_https
from lab.tls import Authority

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "full-" + "t" * 40
DNS_READER = "reader-" + "r" * 40
ONE_ZONE = "onezone-" + "z" * 40
ACCOUNT_TOKEN = "account-" + "a" * 40
ALL = ["Zone Read", "DNS:Edit", "Cloud Email Security: Write"]
SERVERS = ["ada.ns.cloudflare.example", "bob.ns.cloudflare.example"]
OLD = "northwind-example.mail.protection.outlook.com"
EU = ((5, "mailstream-eu1.mxrecord.io"), (10, "mailstream-central.mxrecord.mx"))
DOMAINS = f"accounts/{ACCOUNT}/email-security/settings/domains"


def zone_of(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "name_servers": SERVERS,
        "records": [
            {"type": "MX", "name": name, "content": OLD, "priority": 0, "ttl": 3600},
            {
                "type": "TXT",
                "name": name,
                "content": '"v=spf1 include:spf.protection.outlook.com -all"',
                "ttl": 1,
            },
            {"type": "A", "name": f"www.{name}", "content": "192.0.2.10", "ttl": 300},
        ],
    }


def _world() -> dict[str, Any]:
    cloudflare = empty_state(ACCOUNT)
    cloudflare["tokens"] = {
        TOKEN: {"permissions": ALL, "zones": "*"},
        DNS_READER: {
            "permissions": ["Zone Read", "DNS Read", "Cloud Email Security: Read"],
            "zones": "*",
        },
        ONE_ZONE: {"permissions": ALL, "zones": ["nw-labs.example"]},
        ACCOUNT_TOKEN: {"permissions": ALL, "zones": "*", "kind": "account"},
    }
    cloudflare["zones"] = {name: zone_of(name) for name in ("northwind.example", "nw-labs.example")}
    dns_state = empty_dns()
    dns_state["zones"] = {"elsewhere.example": zone_of("elsewhere.example")}
    return {"cloudflare": cloudflare, "dns": dns_state}


class Api:
    """A client that knows nothing but the wire."""

    def __init__(self, hub: Hub, port: int, ca: Path) -> None:
        self.hub = hub
        self.base = f"https://127.0.0.1:{port}/client/v4/"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(ca)

    def __call__(
        self, method: str, path: str, json: Any = None, token: str | None = TOKEN, **params: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return self.session.request(
            method, self.base + path, json=json, params=params, headers=headers, timeout=10
        )

    def result(self, method: str, path: str, json: Any = None, **params: Any) -> Any:
        answer = self(method, path, json, **params)
        assert answer.ok, answer.text
        body = answer.json()
        assert body["success"] is True and body["errors"] == []
        return body["result"]

    def refused(
        self,
        status: int,
        method: str,
        path: str,
        json: Any = None,
        token: str | None = TOKEN,
        **params: Any,
    ) -> dict[str, Any]:
        answer = self(method, path, json, token, **params)
        body = answer.json()
        assert answer.status_code == status, answer.text
        assert body["success"] is False and body["result"] is None and body["messages"] == []
        error: dict[str, Any] = body["errors"][0]
        return error

    def set(self, **settings: Any) -> None:
        self.hub.world["cloudflare"]["settings"].update(settings)

    def zone_id(self, name: str) -> str:
        found: str = self.result("GET", "zones", name=name)[0]["id"]
        return found

    def mx(self, zone: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.result(
            "GET", f"zones/{self.zone_id(zone)}/dns_records", type="MX"
        )
        return found


@contextmanager
def serving(directory: Path) -> Iterator[Api]:
    """A fresh lab of Cloudflare alone, on a port of its own."""
    hub = Hub()
    hub.world = _world()
    hub.dns = DnsServers(hub)
    hub.dns.world_changed()
    authority, ca = Authority(), directory / "ca.pem"
    authority.write(ca)
    server, port = serve_https(CloudflareService(hub), "127.0.0.1", 0, authority.context(), hub)
    try:
        yield Api(hub, port, ca)
    finally:
        server.shutdown()
        server.server_close()


def domain(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "domain": name,
        "allowed_delivery_modes": ["DIRECT"],
        "drop_dispositions": ["MALICIOUS", "SPAM", "SPOOF"],
        "ip_restrictions": [],
        "regions": ["DE"],
        "lookback_hops": 1,
        "transport": OLD,
        "require_tls_outbound": True,
        **fields,
    }


def switch(old: dict[str, Any]) -> dict[str, Any]:
    new = [{"priority": priority, "content": host, "ttl": 300} for priority, host in EU]
    posts = [{"type": "MX", "name": old["name"], **each} for each in new[1:]]
    return {"patches": [{"id": old["id"], **new[0]}], "posts": posts}

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole lab in one process.

It builds the world, starts every service on a port of its own, and writes lab.json when all serve.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import azure_dns, recording, worlds
from lab.azure_dns import AzureDnsService
from lab.cloudflare import CloudflareService
from lab.control import ControlService
from lab.dns import DnsServers, DohService
from lab.entra import EntraService, IssuerService, MachineService
from lab.exchange import ExchangeService
from lab.godaddy import GoDaddyService
from lab.graph import GraphService
from lab.mail.service import MailServers
from lab.psrp.service import PsrpServers
from lab.route53 import Route53Service
from lab.server import Hub, LabServer, Service, serve_https
from lab.tls import Authority, ClientCertificate, client_certificate, write_private
from lab.tokens import Tokens

_HOST = "127.0.0.1"


class Laboratory:
    def __init__(self, world: str, directory: Path, latency_ms: float = 0.0) -> None:
        self.hub = Hub(latency_ms)
        self._directory = directory
        self._authority = Authority()
        self._certificate: ClientCertificate = client_certificate("mailflow.area1 lab client")
        self._passphrase = secrets.token_urlsafe(18)
        self._credentials = worlds.Credentials(
            client_secret=f"{secrets.token_urlsafe(8)}~{secrets.token_urlsafe(24)}",
            api_token=secrets.token_urlsafe(36),
            certificate_pem=self._certificate.certificate_pem,
            aws_key="AKIA" + secrets.token_hex(8).upper(),
            aws_secret=secrets.token_urlsafe(30),
            godaddy_token="gd_pat_" + secrets.token_urlsafe(30),
            godaddy_key=secrets.token_urlsafe(12),
            godaddy_secret=secrets.token_urlsafe(18),
        )
        self._domains: list[str] = []
        self._recording: recording.Recording | None = None
        self._servers: list[LabServer] = []
        self._dns = DnsServers(self.hub)
        self._mail = MailServers(self.hub, self._authority)
        self._psrp = PsrpServers(self.hub, self._authority, directory)
        self._issuer = IssuerService(self.hub)
        self._tokens = Tokens(self.hub)
        self._machine = MachineService(self.hub, self._tokens, directory)
        self._stop = threading.Event()
        self.hub.log.hide(self._secrets)
        self._build(world)

    @property
    def _secrets(self) -> list[str]:
        held = (self._passphrase, self._issuer.bearer, self._machine.identity_header)
        return [*self._credentials.secrets, *held, self._psrp.account.password]

    def _build(self, name: str) -> None:
        recorded = name.startswith(recording.PREFIX)
        self._recording = recording.read(name, self._credentials) if recorded else None
        if self._recording is not None:
            self.hub.clock.stand_at(self._recording.time)
            name = "fresh"
        self.hub.world, self._domains = worlds.build(name, self._credentials, self.hub.clock.now())
        if self._recording is not None:
            self.hub.world = self._recording.onto(self.hub.world)
            self._domains = self._recording.domains

    def replace_world(self, name: str) -> None:
        """Start another world, at real time and without faults; addresses and credentials stay."""
        with self.hub.lock:
            self.hub.clock.reset()
            self.hub.faults.clear()
            self._build(name)
        self._dns.world_changed()
        self._mail.world_changed()
        self._remember()
        self._write()

    def _remember(self) -> None:
        """Restore what a recorded world had outside of its state."""
        if self._recording is not None:
            self._dns.remember(self._recording.resolver)
            self._mail.remember(self._recording.journal, self._recording.mails)

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._authority.write(self._directory / "ca.pem")
        self._certificate.write_pem(self._directory / "client.pem")
        self._certificate.write_pfx(self._directory / "client.pfx", self._passphrase)
        self._certificate.write_vault(self._directory / "client.b64")
        self.hub.dns = self._dns
        self._dns.start()
        self.hub.mail = self._mail
        self._mail.start()
        self._remember()
        tokens = self._tokens
        self.hub.psrp = self._psrp
        self._psrp.start(tokens, self._certificate.certificate_pem)
        self._serve(tokens)
        self._write()

    def _serve(self, tokens: Tokens) -> None:
        """Start the services that are reached by HTTP, each on a port of its own."""
        services: dict[str, Service] = {
            "authority": EntraService(self.hub, tokens, self._issuer),
            "issuer": self._issuer,
            "exchange": ExchangeService(self.hub, tokens),
            "graph": GraphService(self.hub, tokens),
            "cloudflare": CloudflareService(self.hub),
            "doh": DohService(self.hub),
            "arm": AzureDnsService(self.hub, tokens),
            "route53": Route53Service(self.hub),
            "godaddy": GoDaddyService(self.hub),
        }
        context = self._authority.context()
        for key, service in services.items():
            server, port = serve_https(service, _HOST, 0, context, self.hub)
            self._servers.append(server)
            self.hub.urls[key] = f"https://{_HOST}:{port}"
        plain: dict[str, Service] = {
            "machine": self._machine,
            "control": ControlService(
                self.hub, self.replace_world, self._stop.set, self._issuer.mint
            ),
        }
        for key, service in plain.items():
            server, port = serve_https(service, _HOST, 0, None, self.hub)
            self._servers.append(server)
            self.hub.urls[key] = f"http://{_HOST}:{port}"

    def wait(self, seconds: float, alive: Callable[[], bool]) -> None:
        """Wait until the lab is stopped, the time is over, or `alive` (the parent) is false."""
        end = time.monotonic() + seconds
        while not self._stop.wait(0.5) and time.monotonic() < end and alive():
            pass

    def end(self) -> None:
        """Ask `wait` to return."""
        self._stop.set()

    def stop(self) -> None:
        self.hub.stopping.set()
        self._mail.stop()
        self._psrp.stop()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._dns.stop()

    def _write(self) -> None:
        write_private(
            self._directory / "lab.json", json.dumps(self.description(), indent=1).encode()
        )

    def description(self) -> dict[str, Any]:
        urls = self.hub.urls
        ca_path = str(self._directory / "ca.pem")
        return {
            "pid": os.getpid(),
            "control_url": urls["control"],
            "ca_path": ca_path,
            "world": self.hub.world["name"],
            "urls": {
                "authority": urls["authority"],
                "exchange": urls["exchange"],
                "graph": urls["graph"],
                "cloudflare": urls["cloudflare"] + "/client/v4",
                "doh": urls["doh"] + "/dns-query",
                "arm": urls["arm"],
                "route53": urls["route53"],
                "godaddy": urls["godaddy"],
            },
            "dns": {
                "resolvers": self._dns.resolvers,
                "authoritative_port": self._dns.authoritative_port,
            },
            "extra_vars": {
                "o365_tenant": worlds.ORGANIZATION,
                "o365_client_id": worlds.CLIENT_ID,
                "o365_client_secret": self._credentials.client_secret,
                "o365_authority_url": urls["authority"],
                "o365_exchange_url": urls["exchange"],
                "o365_graph_url": urls["graph"],
                "area1_account_id": worlds.ACCOUNT_ID,
                "area1_api_token": self._credentials.api_token,
                "area1_api_url": urls["cloudflare"] + "/client/v4",
                "area1_ca_path": ca_path,
                "area1_dns_resolvers": self._dns.resolvers,
                "area1_dns_authoritative_port": self._dns.authoritative_port,
                "area1_smtp_port": self._mail.smtp_port,
                "area1_mta_sts_port": self._mail.sts_port,
                "area1_dns_provider": "cloudflare",
                "area1_domains": self._domains,
                **self._dns_variables(),
            },
            "dns_accounts": self._dns_accounts(),
            "psrp": {"extra_vars": self._psrp.description(), **self._psrp.details()},
            "secrets": self._secrets,
            "certificates": {
                "pem": str(self._directory / "client.pem"),
                "pfx": str(self._directory / "client.pfx"),
                "vault": str(self._directory / "client.b64"),
                "passphrase": self._passphrase,
            },
            "workload": {
                "issuer": self._issuer.url,
                "request_url": self._issuer.request_url,
                "bearer": self._issuer.bearer,
            },
            "machine": {
                "imds": urls["machine"],
                "arc": urls["machine"] + "/arc/metadata/identity/oauth2/token",
                "app_service": urls["machine"] + "/appservice/token",
                "identity_header": self._machine.identity_header,
            },
            "tenant_id": worlds.TENANT_ID,
            "other_tenant": worlds.OTHER_TENANT,
        }

    def _dns_variables(self) -> dict[str, Any]:
        """Return the variables of the provider that has this world's zones; {} for Cloudflare."""
        provider = self.hub.world.get("dns_provider")
        if not provider:
            return {}
        options = self._dns_accounts()[provider]
        named = {f"area1_dns_{provider}_{key}": value for key, value in options.items()}
        return {"area1_dns_provider": provider, **named}

    def _dns_accounts(self) -> dict[str, dict[str, str]]:
        """Return the credentials for each provider of DNS, by the names of its options."""
        urls, known = self.hub.urls, self._credentials
        return {
            "azure": {
                "subscription": azure_dns.SUBSCRIPTION,
                "tenant": worlds.ORGANIZATION,
                "client_id": worlds.CLIENT_ID,
                "client_secret": known.client_secret,
                "authority_url": urls["authority"],
                "api_url": urls["arm"],
            },
            "route53": {
                "access_key": known.aws_key,
                "secret_key": known.aws_secret,
                "api_url": urls["route53"],
            },
            "godaddy": {"token": known.godaddy_token, "api_url": urls["godaddy"]},
        }

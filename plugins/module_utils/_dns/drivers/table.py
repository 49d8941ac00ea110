# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""From options to drivers: each provider's is made once per task, when the first domain needs
it.
"""

from __future__ import annotations

import threading
import typing as t

from ..._cloudflare_api import CloudflareApi
from ..._engine.context import Context
from ..._engine.errors import InputError
from ..options import API_TOKEN_ENV, KEY_SECRET_ENV, given, known_provider
from ..public.public_dns import PublicDns
from ..public.resolvers import Resolvers
from .contract import Driver


class Drivers:
    """The drivers and the world of one task; may be used by several threads."""

    def __init__(self, params: t.Mapping[str, t.Any], context: Context) -> None:
        self._params = params
        self._context = context
        self._drivers: dict[str, Driver] = {}
        self._world: PublicDns | None = None
        self._lock = threading.RLock()

    def provider_for(self, domain: str, own: str | None = None) -> str:
        """The domain's own provider, else the one for all."""
        return known_provider(own or given(self._params, "dns_provider"), domain)

    def get(self, provider: str) -> Driver:
        with self._lock:
            if provider not in self._drivers:
                self._drivers[provider] = self._make(provider)
            return self._drivers[provider]

    @property
    def world(self) -> PublicDns:
        with self._lock:
            if self._world is None:
                resolvers = Resolvers(
                    self._params.get("dns_resolvers"), given(self._params, "ca_path"), self._context
                )
                self._world = PublicDns(
                    resolvers, int(self._params.get("dns_authoritative_port") or 53), self._context
                )
            return self._world

    def _make(self, provider: str) -> Driver:
        if provider == "cloudflare":
            return self._cloudflare()
        if provider == "rfc2136":
            return self._rfc2136()
        if provider == "manual":
            from .manual import ManualDriver

            return ManualDriver(self.world)
        raise InputError("%r is not a dns_provider." % provider)

    def _cloudflare(self) -> Driver:
        """Where the module has a token of its own for Cloudflare (api_token), it serves the DNS
        too.
        """
        from .cloudflare import CloudflareDriver

        params = self._params
        token = (
            given(params, "dns_api_token")
            or given(params, "api_token")
            or given(params, "dns_api_token", API_TOKEN_ENV)
        )
        if not token:
            raise InputError(
                "The provider cloudflare needs an API token.",
                "Give dns_api_token (area1_dns_api_token) or set AREA1_DNS_API_TOKEN in the"
                " environment.",
            )
        url = given(params, "dns_api_url") or given(params, "api_url")
        return CloudflareDriver(
            CloudflareApi(
                url, token, given(params, "ca_path"), params.get("timeout") or 300, self._context
            )
        )

    def _rfc2136(self) -> Driver:
        from .rfc2136 import Rfc2136Driver

        params = self._params
        return Rfc2136Driver(
            given(params, "dns_server"),
            int(params.get("dns_port") or 53),
            self.world.resolvers,
            given(params, "dns_key_name"),
            given(params, "dns_key_secret", KEY_SECRET_ENV),
            given(params, "dns_key_algorithm") or "hmac-sha256",
        )

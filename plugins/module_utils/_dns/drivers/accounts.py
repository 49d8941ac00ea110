# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The drivers of one task: each is made once, when the first domain needs it."""

from __future__ import annotations

import threading
import typing as t

from ..._engine.context import Context
from ..options import given, known_provider
from ..public.public_dns import PublicDns
from ..public.resolvers import Resolvers
from .contract import Driver, DriverOptions, Surroundings
from .table import driver_class


class Drivers:
    """The drivers and the public DNS of one task; several threads may use it at the same time."""

    def __init__(self, params: t.Mapping[str, t.Any], context: Context) -> None:
        self._params = params
        self._context = context
        self._drivers: dict[str, Driver] = {}
        self._world: PublicDns | None = None
        self._lock = threading.RLock()

    def provider_for(self, domain: str, own: str | None = None) -> str:
        """Return the domain's own provider, else the one for all."""
        return known_provider(own or given(self._params, "dns_provider"), domain)

    def get(self, provider: str) -> Driver:
        """Return the driver of a provider; raise InputError where its options are incomplete."""
        with self._lock:
            if provider not in self._drivers:
                self._drivers[provider] = self._make(provider)
            return self._drivers[provider]

    @property
    def world(self) -> PublicDns:
        """Return the view of resolvers and name servers, made when it is first needed."""
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
        driver = driver_class(provider)
        surroundings = Surroundings(
            self._context,
            lambda: self.world,
            given(self._params, "ca_path"),
            float(self._params.get("timeout") or 300),
        )
        return driver.from_options(
            DriverOptions(provider, driver.OPTIONS, self._params), surroundings
        )

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The table of drivers: one entry per provider.

The imports are literal, because Ansible ships to a host only what it finds by reading import
statements, and they stand inside the branches, because a driver that is not used is not imported.
Ansible does not look into the cases of a ``match`` statement, so these are plain ``if`` statements.
"""

from __future__ import annotations

from ..._engine.errors import InputError
from .contract import Driver

PROVIDERS = ("cloudflare", "azure", "route53", "godaddy", "octodns", "rfc2136", "manual")


def driver_class(provider: str) -> type[Driver]:
    """Import the driver of one provider; raise InputError for a word that is none."""
    if provider == "cloudflare":
        from .cloudflare import CloudflareDriver

        return CloudflareDriver
    if provider == "azure":
        from .azure import AzureDriver

        return AzureDriver
    if provider == "route53":
        from .route53 import Route53Driver

        return Route53Driver
    if provider == "godaddy":
        from .godaddy import GoDaddyDriver

        return GoDaddyDriver
    if provider == "octodns":
        from .octodns import OctodnsDriver

        return OctodnsDriver
    if provider == "rfc2136":
        from .rfc2136 import Rfc2136Driver

        return Rfc2136Driver
    if provider == "manual":
        from .manual import ManualDriver

        return ManualDriver
    raise InputError(
        f"{provider!r} is not a dns_provider.", f"Choose one of {', '.join(PROVIDERS)}."
    )

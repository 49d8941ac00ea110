# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may call what: application role, directory roles, and the cmdlets of a role.

Sources: [EXO-1.7], [EXO-1.8].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.exchange.cmdlets import CMDLETS
from lab.tokens import Identity

APP_ROLE = "Exchange.ManageAsApp"
# The delegated permission, of an app that a person signs in with
USER_SCOPE = "Exchange.Manage"
_FULL = ("Exchange Administrator", "Global Administrator")
_READ = ("Global Reader",)
# seen live: these two work with Security Reader, connectors and the organization do not
_SECURITY_READ = ("Security Reader", "Security Administrator")
_SECURITY_CMDLETS = frozenset(
    {
        "Get-TransportRule",
        "Get-HostedContentFilterPolicy",
        "Get-HostedConnectionFilterPolicy",
        "Get-QuarantinePolicy",
    }
)


def has_directory_role(app: Mapping[str, Any]) -> bool:
    return any(role in (*_FULL, *_READ, *_SECURITY_READ) for role in app.get("directory_roles", []))


def granted(app: Mapping[str, Any]) -> list[str]:
    """Return the cmdlets that the identity's roles carry."""
    roles = app.get("directory_roles", [])
    allowed: set[str] = set()
    if any(role in _FULL for role in roles):
        allowed |= set(CMDLETS)
    if any(role in _READ for role in roles):
        allowed |= {name for name in CMDLETS if name.startswith("Get-")}
    if any(role in _SECURITY_READ for role in roles):
        allowed |= _SECURITY_CMDLETS
    return sorted(allowed)


def allowed(identity: Identity, cmdlet: str) -> bool:
    refused = [
        *identity.app.get("denied_cmdlets", []),
        *identity.app.get("silently_denied_cmdlets", []),
    ]
    return cmdlet in granted(identity.app) and cmdlet not in refused


def revealed(identity: Identity) -> list[str]:
    """Return what EXOModuleFile lists.

    That is what is allowed, and what is refused although the service did not say so
    (silently_denied_cmdlets).
    """
    return [
        name for name in granted(identity.app) if name not in identity.app.get("denied_cmdlets", [])
    ]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asks Resource Manager, and what Azure RBAC lets this caller do."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.azure_dns.errors import forbidden, unauthenticated
from lab.tokens import ARM, TokenRefused, Tokens


@dataclass(frozen=True)
class Caller:
    """One service principal and its role assignments."""

    client_id: str
    object_id: str
    roles: tuple[Mapping[str, Any], ...]

    def may(self, action: str, scope: str) -> bool:
        """Return whether an assignment allows an action at a scope.

        Assignments hold at their scope and below; actions may have wildcards; case is ignored
        (Azure RBAC documentation, "Understand Azure role definitions").
        """
        return any(
            _within(scope, str(role["scope"]))
            and any(
                fnmatch.fnmatchcase(action.lower(), allowed.lower()) for allowed in role["actions"]
            )
            for role in self.roles
        )

    def need(self, action: str, scope: str) -> None:
        """Refuse what no role allows."""
        if not self.may(action, scope):
            raise forbidden(self.client_id, self.object_id, action, scope)


def _within(scope: str, assigned: str) -> bool:
    return (scope.lower() + "/").startswith(assigned.lower().rstrip("/") + "/")


def authenticate(tokens: Tokens, headers: Mapping[str, str], state: dict[str, Any]) -> Caller:
    """Return the caller; 401 for a token that Resource Manager does not take.

    The codes are those of Resource Manager: AuthenticationFailed without a token,
    InvalidAuthenticationToken and ExpiredAuthenticationToken for a bad and an old one,
    InvalidAuthenticationTokenTenant for one of another tenant than the subscription's.
    """
    header = headers.get("Authorization")
    if not header:
        raise unauthenticated(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        )
    try:
        identity = tokens.check(header, ARM, own_tenant=False)
    except TokenRefused as error:
        if "expired" in str(error):
            raise unauthenticated(
                "ExpiredAuthenticationToken", "The access token expiry has passed."
            ) from None
        raise unauthenticated(
            "InvalidAuthenticationToken", f"The access token is invalid: {error}."
        ) from None
    if state.get("tenant_id") and identity.tenant_id != state["tenant_id"]:
        raise unauthenticated(
            "InvalidAuthenticationTokenTenant",
            f"The access token is from the wrong issuer 'https://sts.windows.net/"
            f"{identity.tenant_id}/'. It must match the tenant 'https://sts.windows.net/"
            f"{state['tenant_id']}/' associated with this subscription.",
        )
    roles = tuple(state.get("roles", {}).get(identity.client_id, ()))
    return Caller(identity.client_id, str(identity.app["object_id"]), roles)

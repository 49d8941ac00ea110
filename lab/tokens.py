# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access tokens of the lab: issued by its Entra, checked by its Exchange and Graph.

One key for all.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.server import Hub

# [EXO-1.2], [EXO-1.8]: hosts of the clouds, and the resource's application id
EXCHANGE = "exchange"
GRAPH = "graph"
ARM = "arm"
RESOURCES: dict[str, frozenset[str]] = {
    EXCHANGE: frozenset(
        {
            "outlook.office365.com",
            "outlook.office365.us",
            "outlook-dod.office365.us",
            "outlook.office365.cn",
            "partner.outlook.cn",
            "00000002-0000-0ff1-ce00-000000000000",
        }
    ),
    # the public names of Microsoft Graph and of its national clouds
    GRAPH: frozenset(
        {
            "graph.microsoft.com",
            "graph.microsoft.us",
            "dod-graph.microsoft.us",
            "microsoftgraph.chinacloudapi.cn",
            "00000003-0000-0000-c000-000000000000",
        }
    ),
    # Azure Resource Manager and its national clouds: the endpoint, and the older name under which a
    # token is asked for; in US Government the endpoint's own name is no resource (azure-mgmt-core,
    # get_arm_endpoints).
    ARM: frozenset(
        {
            "management.azure.com",
            "management.core.windows.net",
            "management.core.usgovcloudapi.net",
            "management.chinacloudapi.cn",
            "management.core.chinacloudapi.cn",
            "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        }
    ),
}
KEY_ID = "lab-token-key"


class TokenRefused(Exception):
    """Why a resource does not take this token (HTTP 401)."""


@dataclass(frozen=True)
class Identity:
    """Who calls: what the token says, and the app registration (or the person) behind it."""

    client_id: str
    tenant_id: str
    roles: frozenset[str]
    app: Mapping[str, Any]
    user: str = ""


class Tokens:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def resource_kind(self, resource: str) -> str | None:
        """Return the lab's service that a resource address or application id stands for."""
        parts = urlsplit(resource)
        host = (parts.hostname or "").lower() if parts.scheme else resource.lower()
        own = {kind: urlsplit(self._hub.urls.get(kind, "")) for kind in RESOURCES}
        for kind, names in RESOURCES.items():
            if host in names:
                return kind
            # An address that is overridden by options may be asked for by its own name, with its
            # port.
            if (
                host in ("127.0.0.1", "localhost")
                and parts.port is not None
                and parts.port == own[kind].port
            ):
                return kind
        return None

    def issue(
        self,
        tenant: str,
        client_id: str,
        app: Mapping[str, Any],
        resource: str,
        user: Mapping[str, Any] | None = None,
    ) -> tuple[str, int]:
        """Return a signed token and its life in seconds. Its dates are by the lab's clock.

        A person's token ("Access token claims reference", learn.microsoft.com) has scopes and a
        name in place of application roles.
        """
        kind = self.resource_kind(resource)
        now = int(self._hub.clock.time())
        lifetime = int(self._hub.setting("token_lifetime_seconds", 3600))
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": client_id,
            "tid": tenant,
            "ver": "1.0",
            "uti": uuid.uuid4().hex,
        }
        if user is None:
            own = app["object_id"]
            claims |= {"appidacr": "1", "idtyp": "app", "oid": own, "sub": own}
            roles = list(app.get("roles", {}).get(kind, []))
            if roles:
                claims["roles"] = roles
        else:
            own = user["object_id"]
            claims |= {"appidacr": "0", "idtyp": "user", "oid": own, "sub": own}
            claims |= {"upn": user["name"], "unique_name": user["name"]}
            claims["scp"] = " ".join(app.get("delegated", {}).get(kind, []))
        return (
            jwt.encode(
                claims, self._key, algorithm="RS256", headers={"kid": KEY_ID, "x5t": KEY_ID}
            ),
            lifetime - 1,
        )

    def ends(self, token: str) -> float:
        """Return the end of a token that was checked, in seconds since 1970."""
        claims = jwt.decode(token, options={"verify_signature": False})
        return float(claims["exp"])

    def identity(self, tenant: str, client_id: str, name: str, object_id: str) -> str:
        """Return a signed id token: who signed in (OpenID Connect Core 1.0, section 2)."""
        now = int(self._hub.clock.time())
        claims = {
            "iss": f"{self._hub.urls['authority']}/{tenant}/v2.0",
            "aud": client_id,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "oid": object_id,
            "sub": object_id,
            "tid": tenant,
            "preferred_username": name,
            "ver": "2.0",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def check(self, authorization: str | None, kind: str, own_tenant: bool = True) -> Identity:
        """Return the caller of a request to `kind`, or raise TokenRefused.

        The lab's clock decides about expiry. With `own_tenant` False the service itself decides
        about the token's tenant.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused("no bearer token")
        try:
            claims = jwt.decode(
                token.strip(),
                self._key.public_key(),
                algorithms=["RS256"],
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                    "require": ["exp", "aud", "tid"],
                },
            )
        except jwt.PyJWTError as error:
            raise TokenRefused("the token's signature or form is not valid") from error
        if self.resource_kind(str(claims["aud"])) != kind:
            raise TokenRefused("the token is for another audience")
        if claims["exp"] <= self._hub.clock.time():
            raise TokenRefused("the token has expired")
        app = self._hub.world["entra"]["apps"].get(claims["appid"])
        foreign = claims["tid"] != self._hub.world["entra"]["tenant_id"]
        if app is None or (own_tenant and foreign):
            raise TokenRefused("the token is of another tenant")
        granted = frozenset([*claims.get("roles", []), *claims.get("scp", "").split()])
        if "scp" in claims:
            # a person may do what the person's own roles allow
            person = self._hub.world["entra"]["users"][claims["upn"]]
            return Identity(claims["appid"], claims["tid"], granted, person, claims["upn"])
        return Identity(claims["appid"], claims["tid"], granted, app)

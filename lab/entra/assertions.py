# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assertions instead of a secret.

They are signed by a registered certificate, or by an issuer that a federated credential trusts.
Sources: RFC 7521, RFC 7523 section 3; "Microsoft identity platform application authentication
certificate credentials" (PS256 with x5t#S256, RS256 with x5t); "Workload identity federation" and
its "Considerations" (RS256 only; issuer, subject and audience must match exactly); what msal sends
was seen. How much clocks may differ is not documented: five minutes here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, cast

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lab.entra.errors import EntraError, missing
from lab.entra.issuer import IssuerService
from lab.server import Hub
from lab.tls import thumbprints

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY = 300
LONGEST_OWN = 24 * 3600
# AADSTS70023 names 1.01:00:00, a day and an hour.
LONGEST_FEDERATED = 25 * 3600
# The times are checked by Entra's own clock.
_NO_TIMES: dict[str, Any] = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


class Assertions:
    """Checks the assertion of a token request."""

    def __init__(self, hub: Hub, issuer: IssuerService) -> None:
        self._hub = hub
        self._issuer = issuer

    def check(
        self, client_id: str, app: Mapping[str, Any], form: Mapping[str, str], tenant: str
    ) -> None:
        """Let a valid assertion pass.

        :raises EntraError: what is wrong with it.
        """
        if form.get("client_assertion_type") != TYPE:
            raise missing("client_assertion_type")
        assertion = form["client_assertion"]
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise _invalid("it is not a JWT") from error
        if claims.get("iss") == client_id:
            self._own(client_id, app, assertion, header, tenant)
        else:
            self._federated(app, assertion, claims)

    def _now(self) -> float:
        """Return Entra's time: the real one, for the client's clock does not move with the lab's.

        The setting says how far Entra's clock is ahead of it.
        """
        return time.time() + float(self._hub.setting("entra_clock_offset_seconds", 0))

    def _own(
        self,
        client_id: str,
        app: Mapping[str, Any],
        assertion: str,
        header: Mapping[str, Any],
        tenant: str,
    ) -> None:
        key = x509.load_pem_x509_certificate(
            _certificate(app, header, client_id).encode()
        ).public_key()
        if not isinstance(key, RSAPublicKey):
            raise _invalid("its key is not an RSA key")
        base = self._hub.urls["authority"]
        names = (tenant, self._hub.world["entra"]["tenant_id"])
        try:
            claims = jwt.decode(
                assertion,
                key,
                algorithms=["PS256", "RS256"],
                audience=[f"{base}/{name}/oauth2/v2.0/token" for name in names],
                issuer=client_id,
                subject=client_id,
                options=cast("Any", {"require": ["exp", "iss", "sub", "aud", "jti"], **_NO_TIMES}),
            )
        except jwt.PyJWTError as error:
            raise _invalid(str(error)) from error
        self._check_times(claims)
        if claims["exp"] - self._now() > LONGEST_OWN:
            raise _invalid("it lives too long")
        used = self._hub.world["entra"].setdefault("used_jti", {})
        if str(claims["jti"]) in used:
            raise _invalid("it was used before (jti)")
        used[str(claims["jti"])] = int(claims["exp"])

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._now()
        start = float(claims.get("nbf") or claims.get("iat") or 0)
        if start - LEEWAY <= now <= float(claims["exp"]) + LEEWAY:
            return
        raise EntraError(
            401,
            "invalid_client",
            700024,
            "Client assertion is not within its valid time range. Current time:"
            f" {_stamp(now)}, assertion valid from {_stamp(start)}, expiry time of assertion"
            f" {_stamp(float(claims['exp']))}.",
        )

    def _federated(self, app: Mapping[str, Any], assertion: str, claims: Mapping[str, Any]) -> None:
        known = [
            {**item, "issuer": self._issuer.url if item["issuer"] == "lab" else item["issuer"]}
            for item in app.get("federated", [])
        ]
        for code, name, claim in ((700211, "issuer", "iss"), (700213, "subject", "sub")):
            known = [item for item in known if item[name] == claims.get(claim)]
            if not known:
                raise _unmatched(code, name, claims.get(claim))
        audience = claims.get("aud")
        if not any(item["audience"] == audience for item in known):
            raise _unmatched(700212, "audience", audience)
        try:
            jwt.decode(
                assertion,
                self._issuer.public_key,
                algorithms=["RS256"],
                audience=str(audience),
                options=cast("Any", {"require": ["exp", "iss", "sub", "aud"], **_NO_TIMES}),
            )
        except jwt.PyJWTError as error:
            raise EntraError(
                401, "invalid_client", 50013, f"Assertion failed signature validation. {error}"
            ) from error
        self._check_times(claims)
        if claims["exp"] - float(claims.get("iat", 0)) > LONGEST_FEDERATED:
            raise EntraError(
                400,
                "invalid_request",
                70023,
                "External OIDC Provider token must have a lifetime of less than or equal to"
                " 1.01:00:00.",
            )


def _certificate(app: Mapping[str, Any], header: Mapping[str, Any], client_id: str) -> str:
    for certificate in app.get("certificates", []):
        known = thumbprints(certificate)
        # msal pads the thumbprint, others do not
        if any(str(header.get(name, "")).rstrip("=") == value for name, value in known.items()):
            return str(certificate)
    shown = header.get("x5t") or header.get("x5t#S256") or ""
    raise _invalid(
        f"the key was not found. Thumbprint of key used by client: '{shown}', registered for the"
        f" app '{client_id}'"
    )


def _invalid(reason: str) -> EntraError:
    return EntraError(
        401,
        "invalid_client",
        700027,
        "The certificate with identifier used to sign the client assertion is not valid:"
        f" {reason}.",
    )


def _unmatched(code: int, name: str, value: Any) -> EntraError:
    return EntraError(
        401,
        "invalid_client",
        code,
        f"No matching federated identity record found for presented assertion {name} '{value}'."
        " Check your federated identity credential Subject, Audience and Issuer against the"
        " presented assertion.",
    )


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")

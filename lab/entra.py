# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entra's token endpoint for client credentials: secrets, and assertions by certificate.

Sources: [AUTH-1] (ways), [AUTH-5] (errors), [AUTH-2] (what msal sends, how assertions are checked),
RFC 6749, RFC 7523.
"""

from __future__ import annotations

import hmac
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lab.server import Hub, Request, Response
from lab.tls import thumbprints
from lab.tokens import Tokens

_PATH = re.compile(
    r"/(?P<tenant>[^/]+)/(?P<rest>v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token|discovery/v2\.0/keys)"
)
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_ASSERTION = 24 * 3600


class EntraError(Exception):
    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code = status, error, code


class EntraService:
    name = "entra"

    def __init__(self, hub: Hub, tokens: Tokens) -> None:
        self._hub = hub
        self._tokens = tokens

    def handle(self, request: Request) -> Response:
        request.notes["write"] = False
        found = _PATH.fullmatch(request.path)
        if not found:
            return Response(404, b"")
        try:
            with self._hub.lock:
                tenant = self._tenant(found["tenant"])
                if found["rest"].startswith("v2.0"):
                    return Response(200, self._configuration(found["tenant"], tenant))
                if found["rest"].startswith("discovery"):
                    return Response(200, {"keys": []})
                return self._token(request, tenant)
        except EntraError as error:
            return self._refusal(error)

    def _tenant(self, name: str) -> str:
        """Return the id of a tenant's name.

        The app has the consent of `other_tenants` too; a token of theirs is not valid at Northwind.
        """
        entra = self._hub.world["entra"]
        known = dict.fromkeys(
            [entra["tenant_id"], entra["initial_domain"], *entra["verified_domains"]],
            entra["tenant_id"],
        )
        for domain, identifier in entra["other_tenants"].items():
            known |= {domain: identifier, identifier: identifier}
        found = {item.lower(): identifier for item, identifier in known.items()}.get(name.lower())
        if found is None:
            # AADSTS90002: [AUTH-5]
            raise EntraError(
                400,
                "invalid_tenant",
                90002,
                f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and"
                " are signing into the correct cloud.",
            )
        return str(found)

    def _configuration(self, asked: str, tenant: str) -> dict[str, Any]:
        base = self._hub.urls["authority"]
        return {
            "token_endpoint": f"{base}/{asked}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "jwks_uri": f"{base}/{asked}/discovery/v2.0/keys",
            "issuer": f"{base}/{tenant}/v2.0",
            "authorization_endpoint": f"{base}/{asked}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/{asked}/oauth2/v2.0/devicecode",
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": "EU",
        }

    def _token(self, request: Request, tenant: str) -> Response:
        if request.method != "POST":
            raise EntraError(
                400, "invalid_request", 900561, "The endpoint only accepts POST requests."
            )
        form = {
            key: values[-1]
            for key, values in parse_qs(
                request.body.decode("utf-8", "replace"), keep_blank_values=True
            ).items()
        }
        grant = form.get("grant_type")
        if not grant:
            raise EntraError(
                400,
                "invalid_request",
                900144,
                "The request body must contain the following parameter: 'grant_type'.",
            )
        if grant != "client_credentials":
            raise EntraError(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{grant}'.",
            )
        client_id, app = self._app(form)
        self._authenticate(client_id, app, form, request)
        resource = self._resource(form.get("scope", ""))
        token, lifetime = self._tokens.issue(tenant, client_id, app, resource)
        request.notes["resource"] = resource
        return Response(
            200,
            {
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": token,
            },
            _NO_STORE,
        )

    def _app(self, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        client_id = form.get("client_id", "")
        if not client_id:
            raise EntraError(
                400,
                "invalid_request",
                900144,
                "The request body must contain the following parameter: 'client_id'.",
            )
        app = self._hub.world["entra"]["apps"].get(client_id.lower())
        if app is None:
            tenant = self._hub.world["tenant"]["organization"]["DisplayName"]
            raise EntraError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory"
                f" '{tenant}'. This can happen if the application has not been installed by the"
                " administrator of the tenant.",
            )
        return client_id.lower(), app

    def _authenticate(
        self, client_id: str, app: Mapping[str, Any], form: Mapping[str, str], request: Request
    ) -> None:
        if "client_assertion" in form:
            if form.get("client_assertion_type") != _ASSERTION_TYPE:
                raise EntraError(
                    400,
                    "invalid_request",
                    900144,
                    "The request body must contain the following parameter:"
                    " 'client_assertion_type'.",
                )
            self._check_assertion(client_id, app, form["client_assertion"], request)
            return
        given = form.get("client_secret", "")
        if not given:
            raise EntraError(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or"
                " 'client_secret'.",
            )
        if not any(
            hmac.compare_digest(given.encode(), secret.encode())
            for secret in app.get("secrets", [])
        ):
            raise EntraError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is"
                " the client secret value, not the client secret ID, for a secret added to app"
                f" '{client_id}'.",
            )

    def _check_assertion(
        self, client_id: str, app: Mapping[str, Any], assertion: str, request: Request
    ) -> None:
        """Check a client assertion (RFC 7523, section 3) as msal sends it [AUTH-2].

        Real time counts, because the client's clock does not move with the lab's.
        """
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.PyJWTError as error:
            raise _bad_assertion("it is not a JWT") from error
        key = x509.load_pem_x509_certificate(
            self._certificate(app, header, client_id).encode()
        ).public_key()
        if not isinstance(key, RSAPublicKey):
            raise _bad_assertion("its key is not an RSA key")
        base, tenant = self._hub.urls["authority"], request.path.split("/")[1]
        audiences = [
            f"{base}/{tenant}/oauth2/v2.0/token",
            f"{base}/{self._hub.world['entra']['tenant_id']}/oauth2/v2.0/token",
        ]
        try:
            claims = jwt.decode(
                assertion,
                key,
                algorithms=["PS256", "RS256"],
                audience=audiences,
                issuer=client_id,
                subject=client_id,
                leeway=300,
                options={"require": ["exp", "iss", "sub", "aud", "jti"]},
            )
        except jwt.PyJWTError as error:
            raise _bad_assertion(str(error)) from error
        used = self._hub.world["entra"].setdefault("used_jti", {})
        now = time.time()
        if claims["exp"] - now > _LONGEST_ASSERTION:
            raise _bad_assertion("it lives too long")
        if str(claims["jti"]) in used:
            raise _bad_assertion("it was used before (jti)")
        used[str(claims["jti"])] = int(claims["exp"])

    def _certificate(
        self, app: Mapping[str, Any], header: Mapping[str, Any], client_id: str
    ) -> str:
        for certificate in app.get("certificates", []):
            known = thumbprints(certificate)
            # [AUTH-2]: msal pads the thumbprint, others do not
            if any(str(header.get(name, "")).rstrip("=") == value for name, value in known.items()):
                return str(certificate)
        shown = header.get("x5t") or header.get("x5t#S256") or ""
        raise _bad_assertion(
            f"the key was not found. Thumbprint of key used by client: '{shown}', registered for"
            f" the app '{client_id}'"
        )

    def _resource(self, scope: str) -> str:
        scopes = [
            item for item in scope.split() if item not in ("openid", "profile", "offline_access")
        ]
        if len(scopes) != 1 or not scopes[0].endswith("/.default"):
            raise EntraError(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must"
                " have a scope value with /.default suffixed to the resource identifier"
                " (application ID URI).",
            )
        resource = scopes[0].removesuffix("/.default")
        if self._tokens.resource_kind(resource) is None:
            raise EntraError(
                400,
                "invalid_resource",
                500011,
                f"The resource principal named {urlsplit(resource).geturl()} was not found in the"
                " tenant. This can happen if the application has not been installed by the"
                " administrator of the tenant or consented to by any user in the tenant.",
            )
        return resource

    def _refusal(self, error: EntraError) -> Response:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = self._hub.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        text = (
            f"AADSTS{error.code}: {error} Trace ID: {trace} Correlation ID: {correlation}"
            f" Timestamp: {stamp}"
        )
        return Response(
            error.status,
            {
                "error": error.error,
                "error_description": text,
                "error_codes": [error.code],
                "timestamp": stamp,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"{self._hub.urls['authority']}/error?code={error.code}",
            },
            _NO_STORE,
        )


_NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def _bad_assertion(reason: str) -> EntraError:
    # AADSTS700027: [AUTH-5]
    return EntraError(
        401,
        "invalid_client",
        700027,
        "The certificate with identifier used to sign the client assertion is not valid:"
        f" {reason}.",
    )

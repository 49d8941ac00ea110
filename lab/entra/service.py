# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entra's endpoints: the look-up of a tenant, tokens, and the code for a device.

Sources: "Microsoft identity platform and the OAuth 2.0 client credentials flow", "... device
authorization grant flow", "Refresh tokens" (learn.microsoft.com); RFC 6749, RFC 8628; [AUTH-1],
[AUTH-5].
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lab.entra.assertions import Assertions
from lab.entra.device import GRANT, DeviceCodes
from lab.entra.errors import NO_STORE, EntraError, missing, refusal
from lab.entra.issuer import IssuerService
from lab.server import Hub, Request, Response
from lab.tokens import Tokens

_PATH = re.compile(
    r"/(?P<tenant>[^/]+)/(?P<rest>v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token"
    r"|oauth2/v2\.0/devicecode|discovery/v2\.0/keys)"
)
_OPENID = ("openid", "profile", "offline_access")


class EntraService:
    """The sign-in service of one cloud."""

    name = "entra"

    def __init__(self, hub: Hub, tokens: Tokens, issuer: IssuerService) -> None:
        self._hub = hub
        self._tokens = tokens
        self._assertions = Assertions(hub, issuer)
        self._devices = DeviceCodes(hub)

    def handle(self, request: Request) -> Response:
        request.notes["write"] = False
        response = self._answer(request)
        ahead = float(self._hub.setting("entra_clock_offset_seconds", 0))
        if ahead:
            date = formatdate(self._hub.clock.time() + ahead, usegmt=True)
            response.headers = {**response.headers, "Date": date}
        return response

    def _answer(self, request: Request) -> Response:
        if request.path == "/devicelogin" and request.method == "POST":
            with self._hub.lock:
                return Response(200 if self._devices.sign_in(_form(request)) else 404, b"")
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
                if found["rest"].endswith("devicecode"):
                    form = _form(request)
                    client_id, app = self._app(form)
                    code = self._devices.start(client_id, app, form.get("scope", ""))
                    return Response(200, code, dict(NO_STORE))
                return self._token(request, tenant)
        except EntraError as error:
            return refusal(self._hub, error)

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
        form = _form(request)
        grant = form.get("grant_type")
        if not grant:
            raise missing("grant_type")
        client_id, app = self._app(form)
        if grant == "client_credentials":
            self._authenticate(client_id, app, form, request.path.split("/")[1])
            return self._app_token(request, tenant, client_id, app, form)
        if grant == GRANT:
            user, scope = self._devices.redeem(client_id, form)
        elif grant == "refresh_token":
            user, scope = self._refreshed(client_id, form), form.get("scope", "")
        else:
            raise EntraError(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{grant}'.",
            )
        resource = self._resource(scope)
        request.notes["resource"] = resource
        return self._user_token(tenant, client_id, app, resource, user)

    def _app_token(
        self,
        request: Request,
        tenant: str,
        client_id: str,
        app: Mapping[str, Any],
        form: Mapping[str, str],
    ) -> Response:
        resource = self._resource(form.get("scope", ""))
        token, lifetime = self._tokens.issue(tenant, client_id, app, resource)
        request.notes["resource"] = resource
        return Response(200, _answer(token, lifetime), dict(NO_STORE))

    def _user_token(
        self, tenant: str, client_id: str, app: Mapping[str, Any], resource: str, user: str
    ) -> Response:
        """Return what a person gets: a token with scopes, one to renew it, and who signed in."""
        person = self._hub.world["entra"]["users"].get(user)
        if person is None:
            raise EntraError(
                400, "invalid_grant", 50034, f"The user account {user} does not exist."
            )
        token, lifetime = self._tokens.issue(
            tenant, client_id, app, resource, {"name": user, **person}
        )
        renewal = secrets.token_urlsafe(48)
        self._hub.world["entra"]["refresh_tokens"][renewal] = {"client": client_id, "user": user}
        self._hub.log.also_hide(renewal)
        about = json.dumps({"uid": person["object_id"], "utid": tenant}).encode()
        answer = {
            **_answer(token, lifetime),
            "scope": resource + "/.default",
            "refresh_token": renewal,
            "id_token": self._tokens.identity(tenant, client_id, user, person["object_id"]),
            "client_info": base64.urlsafe_b64encode(about).decode().rstrip("="),
        }
        return Response(200, answer, dict(NO_STORE))

    def _refreshed(self, client_id: str, form: Mapping[str, str]) -> str:
        entry = self._hub.world["entra"]["refresh_tokens"].get(form.get("refresh_token", ""))
        if entry is None or entry["client"] != client_id:
            raise EntraError(
                400, "invalid_grant", 70000, "The provided value for 'refresh_token' is not valid."
            )
        return str(entry["user"])

    def _app(self, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        client_id = form.get("client_id", "")
        if not client_id:
            raise missing("client_id")
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
        if app.get("disabled"):
            raise EntraError(
                401,
                "unauthorized_client",
                7000112,
                f"Application '{client_id}' is disabled.",
            )
        return client_id.lower(), app

    def _authenticate(
        self, client_id: str, app: Mapping[str, Any], form: Mapping[str, str], tenant: str
    ) -> None:
        if "client_assertion" in form:
            self._assertions.check(client_id, app, form, tenant)
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
        if _among(given, app.get("expired_secrets", [])):
            raise EntraError(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{client_id}' are expired.",
            )
        if not _among(given, app.get("secrets", [])):
            raise EntraError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is"
                " the client secret value, not the client secret ID, for a secret added to app"
                f" '{client_id}'.",
            )

    def _resource(self, scope: str) -> str:
        scopes = [item for item in scope.split() if item not in _OPENID]
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


def _form(request: Request) -> dict[str, str]:
    fields = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {key: values[-1] for key, values in fields.items()}


def _answer(token: str, lifetime: int) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": token,
    }


def _among(given: str, known: list[str]) -> bool:
    return any(hmac.compare_digest(given.encode(), item.encode()) for item in known)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The identity endpoints of a machine: of an Azure VM, an Azure Arc server, and App Service.

Sources: "How to use managed identities for Azure resources on an Azure VM to acquire an access
token" (request, error handling), "Authenticate against Azure resources with Azure Arc-enabled
servers" (the challenge names a key file), "How to use managed identities for App Service and Azure
Functions" (learn.microsoft.com). Plain HTTP, as there.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.server import Hub, Request, Response
from lab.tls import write_private
from lab.tokens import Tokens

_SELECTORS = {"client_id": "client_id", "object_id": "object_id", "msi_res_id": "resource_id"}


class MachineService:
    """Gives tokens of the identities in C(world["entra"]["machine"])."""

    name = "machine"

    def __init__(self, hub: Hub, tokens: Tokens, directory: Path) -> None:
        self._hub = hub
        self._tokens = tokens
        self._keys = directory / "azcmagent" / "tokens"
        self._secrets: dict[str, str] = {}
        self.identity_header = secrets.token_urlsafe(24)

    def handle(self, request: Request) -> Response:
        request.notes["write"] = False
        if request.method != "GET" or request.headers.get("X-Forwarded-For"):
            return _error(400, "invalid_request", "The request is not allowed.")
        version = (request.query.get("api-version") or [""])[0]
        with self._hub.lock:
            if request.path == "/metadata/identity/oauth2/token" and version == "2018-02-01":
                return self._virtual_machine(request)
            if request.path == "/arc/metadata/identity/oauth2/token" and version == "2020-06-01":
                return self._arc(request)
            if request.path == "/appservice/token" and version == "2019-08-01":
                return self._app_service(request)
        return _error(404, "invalid_request", "The path or its api-version is not known.")

    def _virtual_machine(self, request: Request) -> Response:
        if request.headers.get("Metadata") != "true":
            return _error(400, "invalid_request", "Required metadata header not specified")
        chosen = self._chosen(request.query, alone=True)
        if chosen is None:
            return _error(400, "invalid_request", "Identity not found")
        return self._token(request, chosen)

    def _arc(self, request: Request) -> Response:
        if request.headers.get("Metadata") != "true":
            return _error(400, "invalid_request", "Required metadata header not specified")
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        name = next((name for name, key in self._secrets.items() if key == value), "")
        if scheme != "Basic" or not name:
            name = f"{secrets.token_hex(8)}.key"
            self._secrets[name] = secrets.token_urlsafe(32)
            self._hub.log.also_hide(self._secrets[name])
            self._keys.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(self._keys / name, self._secrets[name].encode())
            challenge = {"WWW-Authenticate": f"Basic realm={self._keys / name}"}
            return Response(401, b"", challenge)
        del self._secrets[name]
        old = self._machine()["arc_agent"] == "old"
        chosen = self._chosen({} if old else request.query)
        if chosen is None:
            return _error(404, "not_found", "Identity not found")
        return self._token(request, chosen)

    def _app_service(self, request: Request) -> Response:
        if request.headers.get("X-IDENTITY-HEADER") != self.identity_header:
            return Response(401, {"statusCode": 401, "message": "Unauthorized"})
        chosen = self._chosen(request.query)
        if chosen is None:
            return Response(
                400,
                {"statusCode": 400, "message": "No User Assigned or Delegated Managed Identity"},
            )
        return self._token(request, chosen)

    def _machine(self) -> dict[str, Any]:
        found: dict[str, Any] = self._hub.world["entra"]["machine"]
        return found

    def _chosen(self, query: Mapping[str, list[str]], alone: bool = False) -> dict[str, Any] | None:
        """Return the identity that the request names, else the system's.

        On a VM without one the only user-assigned identity answers ("alone").
        """
        machine = self._machine()
        names = {**_SELECTORS, "mi_res_id": "resource_id"}
        for parameter, field in names.items():
            if parameter in query:
                wanted = query[parameter][0].lower()
                return next(
                    (item for item in machine["user_assigned"] if item[field].lower() == wanted),
                    None,
                )
        found: dict[str, Any] | None = machine["system_assigned"]
        if found is None and alone and len(machine["user_assigned"]) == 1:
            found = machine["user_assigned"][0]
        return found

    def _token(self, request: Request, identity: Mapping[str, Any]) -> Response:
        resource = (request.query.get("resource") or [""])[0]
        if self._tokens.resource_kind(resource) is None:
            return _error(
                400,
                "invalid_resource",
                f"AADSTS500011: The resource principal named {resource} was not found.",
            )
        entra = self._hub.world["entra"]
        app = entra["apps"][identity["client_id"]]
        token, lifetime = self._tokens.issue(
            entra["tenant_id"], identity["client_id"], app, resource
        )
        request.notes["resource"] = resource
        return Response(
            200,
            {
                "access_token": token,
                "client_id": identity["client_id"],
                "expires_in": str(lifetime),
                "expires_on": str(int(self._hub.clock.time()) + lifetime),
                "resource": resource,
                "token_type": "Bearer",
            },
        )


def _error(status: int, error: str, text: str) -> Response:
    return Response(status, {"error": error, "error_description": text})

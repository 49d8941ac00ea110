# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The admin API's HTTP side: addresses, redirects, sign-in, bodies, paging.

The cmdlets are in lab.exchange.cmdlets.

Sources: [EXO-1]. World settings that it reads are listed in lab/worlds/settings.py.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from typing import Any

from lab.exchange import access
from lab.exchange.call import Call
from lab.exchange.errors import CmdletError
from lab.exchange.invocation import NotBuilt, NotGranted, invoke
from lab.exchange.render import envelope, wire
from lab.server import Hub, Request, Response
from lab.tokens import EXCHANGE, Identity, TokenRefused, Tokens

_PATH = re.compile(r"/adminapi/(?P<version>[^/]+)/(?P<tenant>[^/]+)/(?P<rest>.+)", re.IGNORECASE)
_NUL_BODY = bytes(4096)
_MOST_REDIRECTS = "loop"


class ExchangeService:
    name = EXCHANGE

    def __init__(self, hub: Hub, tokens: Tokens) -> None:
        self._hub = hub
        self._tokens = tokens
        self._errors = 0
        self._answers = 0
        self._pages: dict[str, tuple[str, list[dict[str, Any]]]] = {}

    def operation(self, request: Request) -> str:
        """Return the cmdlet's name, for the log and for faults."""
        request.notes["write"] = False
        try:
            given = json.loads(request.body)["CmdletInput"]
            cmdlet = str(given["CmdletName"])
        except (ValueError, KeyError, TypeError):
            return ""
        request.notes["cmdlet"] = cmdlet
        request.notes["parameters"] = given.get("Parameters")
        request.notes["write"] = not cmdlet.lower().startswith(("get-", "validate-"))
        return cmdlet

    def handle(self, request: Request) -> Response:
        response = self._answer(request)
        response.headers.setdefault("request-id", str(uuid.uuid4()))
        if request.headers.get("client-request-id"):
            response.headers["client-request-id"] = request.headers["client-request-id"]
        response.headers.setdefault(
            "X-CalculatedBETarget", "am9p999mb0001.eurp999.prod.outlook.com"
        )
        return response

    def _answer(self, request: Request) -> Response:
        found = _PATH.fullmatch(request.path)
        if not found or found["version"].lower() not in ("beta", "v1.0"):
            return Response(404, b"")
        with self._hub.lock:
            redirect = self._redirect(request)
            if redirect:
                return redirect
            try:
                identity = self._identity(request, found["tenant"])
            except TokenRefused as error:
                request.notes["refused"] = str(error)
                return _unauthorized(str(error))
            if not access.has_directory_role(identity.app):
                # [EXO-1.7]: the application role is there, the directory role is not
                return Response(
                    403,
                    (
                        f"The role assigned to application {identity.client_id} isn't supported in"
                        " this scenario. Please check online documentation for assigning correct"
                        " Directory Roles to Azure AD Application for EXO App-Only Authentication."
                    ).encode(),
                    {"Content-Type": "text/plain"},
                )
            return self._route(request, found["rest"], found["tenant"], identity)

    def _redirect(self, request: Request) -> Response | None:
        """Return a 302 from the front door (127.0.0.1) to a "regional" host [EXO-1.2]."""
        kind = self._hub.setting("redirect")
        host, _, port = (request.headers.get("Host") or "").partition(":")
        if not kind or (host != "127.0.0.1" and kind != _MOST_REDIRECTS):
            return None
        target = {
            "port": f"https://localhost:{port}",
            "446": "https://localhost:446",
            "foreign": "https://outlook.example.net",
            "loop": f"https://localhost:{port}",
            "downgrade": f"http://localhost:{port}",
        }[kind]
        return Response(302, b"", {"Location": target + request.target})

    def _identity(self, request: Request, tenant: str) -> Identity:
        claims = self._hub.faults.take(self.name, request.names, ["claims_challenge"])
        if claims:
            raise TokenRefused("claims")
        identity = self._tokens.check(request.headers.get("Authorization"), EXCHANGE)
        entra = self._hub.world["entra"]
        names = {
            entra["tenant_id"].lower(),
            entra["initial_domain"].lower(),
            *(name.lower() for name in entra["verified_domains"]),
        }
        if tenant.lower() not in names:
            raise TokenRefused("the address names another tenant")
        # look-alike roles do not count [EXO-1.8]; a token without the role gets 401 [EXO-1.7]
        if (access.USER_SCOPE if identity.user else access.APP_ROLE) not in identity.roles:
            raise TokenRefused("the application role is missing")
        return identity

    def _route(self, request: Request, rest: str, tenant: str, identity: Identity) -> Response:
        if rest.lower() == "exomodulefile" and request.method == "GET":
            # [EXO-1.5], bootstrap GETs; one text separated by commas (CIPP splits it so)
            listed = access.revealed(identity) if request.headers.get("CommandName") == "*" else []
            return Response(
                200, self._envelope(tenant, [{"exportedCmdlets": ",".join(listed)}], [])
            )
        if rest.lower() != "invokecommand":
            return Response(404, b"")
        token = (request.query.get("$skiptoken") or [""])[0]
        if token:
            return self._next_page(request, tenant, token)
        if request.method != "POST":
            return Response(405, b"", {"Allow": "POST"})
        try:
            return self._invoke(request, tenant, identity)
        except CmdletError as error:
            return self._refusal(error)

    def _invoke(self, request: Request, tenant: str, identity: Identity) -> Response:
        if not (request.headers.get("Content-Type") or "").lower().startswith("application/json"):
            return Response(415, b"")
        cmdlet, parameters = _body(request)
        try:
            call, value = invoke(
                self._hub, cmdlet, parameters, identity, request.names, self._errors
            )
        except NotGranted:
            # no JSON at all: role lacks the cmdlet, or there is none of this name [EXO-1.7]
            return Response(403, _NUL_BODY)
        except NotBuilt as error:
            return Response(501, {"error": {"code": "LabLacksIt", "message": str(error)}})
        return self._done(request, tenant, call, value)

    def _done(
        self, request: Request, tenant: str, call: Call, value: list[dict[str, Any]]
    ) -> Response:
        if call.confirmation is not None:
            body = self._envelope(tenant, [], call.warnings)
            body["@adminapi.confirmationmessage"] = call.confirmation
            return Response(200, body)
        select = [
            name for item in request.query.get("$select", []) for name in item.split(",") if name
        ]
        items = [wire(item, select) for item in value]
        body = self._envelope(tenant, items, call.warnings)
        if not items and not call.cmdlet.startswith("Get-"):
            self._empty(body)
        fault = (
            self._hub.faults.take(self.name, request.names, ["nextlink"])
            if call.cmdlet.startswith("Get-")
            else None
        )
        if fault:
            self._cut(body, tenant, str(fault.options.get("mode", "post")))
        return Response(200, body)

    def _empty(self, body: dict[str, Any]) -> None:
        """Set the `value` of a successful Set: absent, null or [] [EXO-1.5].

        It takes them in turn, unless the world says which.
        """
        self._answers += 1
        form = self._hub.setting("set_value", "rotate")
        if form == "rotate":
            form = ("absent", "null", "empty")[self._answers % 3]
        if form == "absent":
            del body["value"]
        elif form == "null":
            body["value"] = None

    def _cut(self, body: dict[str, Any], tenant: str, mode: str) -> None:
        """Cut the answer to one object a page.

        Which verb the link wants is disputed [EXO-1.5]: mode is post, get or expired.
        """
        token = uuid.uuid4().hex
        self._pages[token] = (mode, body["value"][1:])
        body["value"] = body["value"][:1]
        body["@odata.nextLink"] = (
            f"{self._base()}/adminapi/beta/{tenant}/InvokeCommand?%24skiptoken={token}"
        )

    def _next_page(self, request: Request, tenant: str, token: str) -> Response:
        request.notes["write"] = False
        mode, rest = self._pages.get(token, ("expired", []))
        if mode.upper() != request.method:
            return self._refusal(
                CmdletError(
                    "System.InvalidOperationException",
                    "Expired or Invalid pagination request. Default Expiry time is 00:30:00",
                )
            )
        del self._pages[token]
        body = self._envelope(tenant, rest, [])
        if len(rest) > 1:
            self._cut(body, tenant, mode)
        return Response(200, body)

    def _envelope(self, tenant: str, value: Any, warnings: list[str]) -> dict[str, Any]:
        return envelope(self._base(), tenant, value, warnings)

    def _base(self) -> str:
        return self._hub.urls.get(EXCHANGE, "")

    def _refusal(self, error: CmdletError) -> Response:
        body = error.body(str(self._hub.setting("error_shape", "rotate")), self._errors)
        self._errors += 1
        return Response(error.status, body, {"x-ExceptionType": error.type_name.rpartition(".")[2]})


def _body(request: Request) -> tuple[str, dict[str, Any]]:
    body = request.json()
    given = body.get("CmdletInput") if isinstance(body, dict) else None
    if not isinstance(given, dict) or not isinstance(given.get("CmdletName"), str):
        raise CmdletError(
            "System.ArgumentException", "CmdletInput is missing or has no CmdletName."
        )
    parameters = given.get("Parameters")
    if not isinstance(parameters, dict):
        # must be {} when empty, not null ([EXO-1.4], seen live)
        raise CmdletError(
            "System.ArgumentNullException", "Value cannot be null. Parameter name: Parameters"
        )
    return given["CmdletName"], parameters


def _unauthorized(reason: str) -> Response:
    header = (
        'Bearer client_id="00000002-0000-0ff1-ce00-000000000000",'
        ' authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    )
    if reason == "claims":
        # [EXO-1.6], continuous access evaluation
        claims = base64.b64encode(
            b'{"access_token":{"nbf":{"essential":true,"value":"1"}}}'
        ).decode()
        header += f', error="insufficient_claims", claims="{claims}"'
    else:
        header += ', error="invalid_token"'
    return Response(
        401, b"UnAuthorized", {"WWW-Authenticate": header, "Content-Type": "text/plain"}
    )

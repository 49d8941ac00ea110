# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sign-in to Microsoft Entra: one class per task, one token per audience. msal is imported when a
token is asked for.
"""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from ..._engine.context import Context
from ..._engine.errors import AmbiguousWrite, InputError, ReadError, SignInError
from ..._engine.module import need
from ..._http import new_session, redact
from ..rest.wire import Wire
from .certificate import load_certificate
from .options import TOKEN_OPTION, WAYS, Connection, resolve
from .token import Token, check_token, is_guid, read_token

# Renew after a 401 only what has been in use for a while.
STALE_SECONDS = 300.0

_HINTS = {
    7000215: "The client secret is wrong: give its value, not its id.",
    7000222: "The client secret has expired: make a new one for the app.",
    700016: (
        "There is no app with this client_id in the tenant: check client_id and tenant, and that"
        " the cloud is right."
    ),
    700027: (
        "The certificate is not registered with the app, or the assertion was signed with another"
        " key: upload the public part."
    ),
    700024: "The assertion is not within its time range: check the clock of this machine.",
    700213: (
        "No federated credential of the app matches the token in federated_token_file: check"
        " issuer, subject and audience."
    ),
    700211: (
        "No federated credential of the app has the issuer of the token in federated_token_file."
    ),
    70021: "No federated credential of the app matches the token in federated_token_file.",
    90002: "The tenant was not found: check the option tenant, and that the cloud is right.",
    900023: "The option tenant is neither a domain nor a tenant id.",
    500011: (
        "The service has no service principal in this tenant: is there an Exchange Online licence,"
        " and is the cloud right?"
    ),
    7000112: "The app is disabled in the tenant.",
    53003: "A Conditional Access policy for workload identities blocks the app.",
    50076: "A person's multi-factor sign-in is asked for: use an app registration.",
}
_FEDERATED_HINT = "Give the file that the runner writes the token to."
_UNNAMED_HINT = (
    "Search for the code in the documentation of Microsoft Entra; the sign-in logs of the tenant"
    " tell more."
)


def sign_in(params: t.Mapping[str, t.Any], audience: str, context: Context) -> Token:
    """A token for C(exchange) or C(graph): the given one, checked, or a new one."""
    return SignIn(resolve(params), context).token(audience)


class SignIn:
    """Signs in to both audiences with one authority look-up."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self.connection = connection
        self._context = context
        self._wire = Wire(connection, context)
        self._issued: dict[str, float] = {}

    def token(self, audience: str, claims_challenge: str = "", renew: bool = False) -> Token:
        connection = self.connection
        tenant = connection.get("tenant")
        given = "" if renew else connection.given_token(audience)
        if given:
            token = read_token(given, audience, None, self._context.now(), given=True)
            return check_token(token, tenant, connection.endpoints)
        answer = self._ask(audience, claims_challenge)
        value = answer.get("access_token")
        if not value:
            raise self._refused(answer, audience)
        lifetime = float(answer.get("expires_in") or 0.0)
        self._issued[str(value)] = self._context.now()
        token = read_token(str(value), audience, lifetime, self._context.now(), given=False)
        return check_token(token, tenant, connection.endpoints)

    def is_stale(self, token: Token) -> bool:
        """Was it issued long enough ago that a new one may fare better?"""
        return self._context.now() - self._issued.get(token.value, 0.0) > STALE_SECONDS

    def _ask(self, audience: str, claims_challenge: str) -> dict[str, t.Any]:
        way = self._way(audience)
        msal = need("msal")
        resource = self.connection.endpoints.resource(audience)
        if way == "managed_identity":
            return self._ask_host(msal, resource)
        # A new one each time: msal would use an assertion (and a token) again, and each is good for
        # one request.
        app = self._application(msal, way)
        try:
            found = app.acquire_token_for_client(
                scopes=[resource + "/.default"], claims_challenge=claims_challenge or None
            )
        except (ReadError, AmbiguousWrite, InputError):
            raise
        except Exception as exc:
            raise SignInError(
                "The sign-in failed: %s." % self._clean(exc),
                "Check the addresses and options of the sign-in.",
            ) from None
        return found if isinstance(found, dict) else {}

    def _way(self, audience: str) -> str:
        connection = self.connection
        way = connection.way()
        a_token_is_given = any(connection.given_token(name) for name in TOKEN_OPTION)
        if not way or (a_token_is_given and not connection.can_sign_in()):
            raise SignInError(
                "No way to sign in to %s is given." % audience,
                "Give one of %s, or %s; the documentation names the environment variables that"
                " count too." % (", ".join(WAYS), TOKEN_OPTION[audience]),
            )
        missing = (
            []
            if way == "managed_identity"
            else [name for name in ("tenant", "client_id") if not connection.get(name)]
        )
        if missing:
            raise InputError(
                "To sign in with %s, %s must be given too." % (way, " and ".join(missing)),
                "Give the options or set %s."
                % " and ".join("O365_" + name.upper() for name in missing),
            )
        return way

    def _application(self, msal: t.Any, way: str) -> t.Any:
        connection = self.connection
        credential = self._credential(way)
        wire = self._wire
        tenant = connection.get("tenant")
        try:
            return msal.ConfidentialClientApplication(
                connection.get("client_id"),
                client_credential=credential,
                authority="%s/%s"
                % (connection.endpoints.authority, urllib.parse.quote(tenant, safe="")),
                http_client=wire,
                # Our table of clouds is the instance discovery; msal's own would ask a public host
                # about any other.
                instance_discovery=False,
                client_capabilities=["CP1"],
            )
        except (ReadError, AmbiguousWrite, InputError):
            raise
        except Exception as exc:
            # msal quotes the answer to its look-up of the authority in the exception's text.
            code = _code_of(wire.last_text)
            text = _first_sentence(wire.last_text) if code else self._clean(exc)
            raise SignInError(
                "The sign-in to tenant %s at %s failed: %s"
                % (tenant, connection.endpoints.authority, redact(text, connection.secrets)),
                _HINTS.get(code, "Check the option tenant and authority_url."),
                code="AADSTS%d" % code if code else "",
            ) from None

    def _credential(self, way: str) -> t.Any:
        connection = self.connection
        if way == "client_secret":
            return connection.get("client_secret")
        if way == "certificate_path":
            return load_certificate(
                connection.get(way), connection.get("certificate_passphrase"), self._context.now()
            ).credential()
        path = connection.get("federated_token_file")
        _federated_token(path)
        return {"client_assertion": lambda: _federated_token(path)}

    def _ask_host(self, msal: t.Any, resource: str) -> dict[str, t.Any]:
        """The token comes from the machine's own metadata service; no tenant, app or secret is
        involved.
        """
        chosen = self.connection.get("managed_identity")
        identity = (
            msal.UserAssignedManagedIdentity(client_id=chosen)
            if is_guid(chosen)
            else (
                msal.SystemAssignedManagedIdentity()
                if chosen.lower() in ("system", "true", "yes", "on", "1")
                else None
            )
        )
        if identity is None:
            raise InputError(
                "managed_identity is neither 'system' nor the client id of a user-assigned"
                " identity.",
                "Give one of the two.",
            )
        session = new_session(None)
        # The metadata service is on this machine; a proxy must never see its answer.
        session.trust_env = False
        session.request = _with_timeout(session.request, min(self.connection.timeout, 30))
        try:
            answer = msal.ManagedIdentityClient(
                identity, http_client=session
            ).acquire_token_for_client(resource=resource)
        except Exception as exc:
            raise SignInError(
                "The managed identity gave no token: %s." % self._clean(exc),
                "This way works on Azure machines and Arc servers that have an identity, and for"
                " the user who may reach it.",
            ) from None
        return answer if isinstance(answer, dict) else {}

    def _refused(self, answer: t.Mapping[str, t.Any], audience: str) -> SignInError:
        description = str(
            answer.get("error_description") or answer.get("error") or "no reason given"
        )
        codes = answer.get("error_codes") or []
        code = int(codes[0]) if codes and str(codes[0]).isdigit() else _code_of(description)
        text = redact(_first_sentence(description), self.connection.secrets)
        details = {"code": "AADSTS%d" % code if code else str(answer.get("error") or "")}
        if answer.get("correlation_id"):
            details["correlation_id"] = str(answer["correlation_id"])
        where = (
            "tenant %s" % self.connection.get("tenant")
            if self.connection.get("tenant")
            else "the tenant"
        )
        return SignInError(
            "The sign-in to %s for %s was refused: %s" % (where, audience, text),
            _HINTS.get(code, _UNNAMED_HINT),
            **details,
        )

    def _clean(self, exc: BaseException) -> str:
        text = " ".join(str(exc).split()) or type(exc).__name__
        return redact(text, self.connection.secrets)[:300].rstrip(".")


def _federated_token(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            value = stream.read().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(
            "federated_token_file: %s cannot be read (%s)." % (path, type(exc).__name__),
            _FEDERATED_HINT,
        ) from None
    if value.count(".") != 2:
        raise InputError(
            "federated_token_file: %s does not hold a JSON web token." % path, _FEDERATED_HINT
        )
    return value


def _with_timeout(request: t.Callable[..., t.Any], seconds: float) -> t.Callable[..., t.Any]:
    def timed(*args: t.Any, **options: t.Any) -> t.Any:
        options.setdefault("timeout", seconds)
        return request(*args, **options)

    return timed


def _code_of(text: str) -> int:
    found = re.search(r"AADSTS(\d+)", text)
    return int(found.group(1)) if found else 0


def _first_sentence(text: str) -> str:
    """Without the trace ids and time stamps that follow; the description of a JSON error body where
    it is one.
    """
    found = re.search(r"AADSTS\d+:[^\"\r\n]*", text)
    line = (
        (found.group(0) if found else text.strip().splitlines()[0] if text.strip() else text)
        .replace("\\r", "\r")
        .replace("\\n", "\n")
    )
    return " ".join(re.split(r"\r|\n|Trace ID:", line)[0].split())[:400]

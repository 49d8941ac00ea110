# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Tokens of Microsoft Entra for one resource of Azure: app registration or managed identity.

Knows no service and no option; msal is imported when the first token is requested.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import threading
import typing as t
import urllib.parse

from ._engine.context import Context
from ._engine.errors import InputError, MailflowError, SignInError
from ._engine.module import need
from ._engine.outside_text import clean
from ._http import HttpClient, new_session

# A token that ends sooner is renewed before it is used.
MARGIN_SECONDS = 300.0
MACHINE_SECONDS = 10.0
# After a sign-in that failed, none is tried for this time.
REST_SECONDS = 60.0
SYSTEM_IDENTITY = "system"

# "Microsoft Entra authentication & authorization error codes". The page says that they may change,
# so they choose a hint and nothing else.
_HINTS = {
    7000215: "The client secret is wrong: give its value, not its id.",
    7000222: "The client secret has expired: make a new one for the app.",
    700016: "There is no such app in this tenant: check the client id and the tenant.",
    700027: "Register the certificate with the app.",
    90002: "There is no such tenant at this authority: check the tenant and the cloud.",
    900023: "The tenant is neither a domain nor an id.",
    500011: "The tenant does not know Azure Resource Manager under this name: check the cloud.",
}
_FEDERATED = (
    "Compare issuer, subject and audience of the app's federated credential with what the token"
    " presents; a new credential takes minutes to become valid."
)
_OTHERWISE = "Check the tenant, the client id and the credential of the app registration."


@dataclasses.dataclass(frozen=True)
class AzureIdentity:
    """Who signs in, and how: exactly one of the last four is given.

    ``managed_identity`` is C(system) or the client id of a user-assigned identity; it needs neither
    tenant nor client id.
    """

    tenant: str = ""
    client_id: str = ""
    client_secret: str = dataclasses.field(default="", repr=False)
    certificate_path: str = ""
    certificate_passphrase: str = dataclasses.field(default="", repr=False)
    federated_token_file: str = ""
    managed_identity: str = ""


class AzureTokens:
    """Tokens for one resource; several threads may ask, one of them signs in.

    :param authority: base address of the sign-in service, without the tenant.
    :param resource: what the token is for, like C(https://management.azure.com).
    """

    def __init__(
        self,
        identity: AzureIdentity,
        authority: str,
        resource: str,
        context: Context,
        ca_path: str | None = None,
        timeout: float = 300.0,
    ) -> None:
        self._identity = identity
        self._authority = authority.rstrip("/")
        self._resource = resource.rstrip("/")
        self._context = context
        self._wire = _Wire(self._authority, context, ca_path, timeout)
        self._lock = threading.Lock()
        self._token = ""
        self._ends = 0.0
        self._failure: MailflowError | None = None
        self._failed_until = 0.0

    def token(self, refused: str = "") -> str:
        """Return a token; a new one where the old would end soon or is the one ``refused``.

        :raises SignInError: the sign-in service gave none.
        :raises InputError: the credential cannot be read.
        """
        with self._lock:
            left = self._ends - self._context.now()
            if not self._token or left < MARGIN_SECONDS or self._token == refused:
                self._sign_in_once()
            return self._token

    def _sign_in_once(self) -> None:
        """Sign in, or raise again what failed a moment ago.

        So many domains do not each wait for a service that is down.
        """
        if self._failure is not None and self._context.now() < self._failed_until:
            found = self._failure
            raise type(found)(found.message, found.hint, **found.details)
        try:
            self._sign_in()
        except MailflowError as exc:
            self._failure, self._failed_until = exc, self._context.now() + REST_SECONDS
            raise
        self._failure = None

    def _sign_in(self) -> None:
        logging.getLogger("msal").addHandler(logging.NullHandler())
        logging.getLogger("msal").propagate = False
        msal = need("msal")
        try:
            if self._identity.managed_identity:
                answer = self._from_machine(msal)
            else:
                answer = self._from_app(msal)
        except MailflowError:
            raise
        except Exception as exc:
            # msal's own errors quote addresses and answers; the answer itself has the code.
            raise self._refused(self._wire.last_text or str(exc)) from None
        if not answer.get("access_token"):
            raise self._refused(str(answer.get("error_description") or answer.get("error") or ""))
        self._token = str(answer["access_token"])
        self._ends = self._context.now() + float(answer.get("expires_in") or 0.0)

    def _from_app(self, msal: t.Any) -> dict[str, t.Any]:
        # A new application object each time: msal would use the token again that was refused.
        app = msal.ConfidentialClientApplication(
            self._identity.client_id,
            client_credential=self._credential(),
            authority=f"{self._authority}/{urllib.parse.quote(self._identity.tenant, safe='')}",
            http_client=self._wire,
            instance_discovery=False,
        )
        found = app.acquire_token_for_client(scopes=[f"{self._resource}/.default"])
        return found if isinstance(found, dict) else {}

    def _from_machine(self, msal: t.Any) -> dict[str, t.Any]:
        chosen = self._identity.managed_identity
        if chosen == SYSTEM_IDENTITY:
            identity = msal.SystemAssignedManagedIdentity()
        else:
            identity = msal.UserAssignedManagedIdentity(client_id=chosen)
        session = new_session(None)
        session.trust_env = False  # the machine's own service; a proxy must not see the answer
        send = session.request
        session.request = lambda *words, **more: send(
            *words, **{"timeout": MACHINE_SECONDS, **more}
        )
        client = msal.ManagedIdentityClient(identity, http_client=session)
        found = client.acquire_token_for_client(resource=self._resource)
        return found if isinstance(found, dict) else {}

    def _credential(self) -> t.Any:
        identity = self._identity
        if identity.client_secret:
            return identity.client_secret
        if identity.certificate_path:
            return _certificate(identity.certificate_path, identity.certificate_passphrase)
        return {"client_assertion": lambda: _text_of(identity.federated_token_file, "token")}

    def _refused(self, text: str) -> SignInError:
        found = re.search(r"AADSTS(\d{1,9})", text)
        code = int(found[1]) if found else 0
        shown = clean(re.split(r"Trace ID:|\r|\n", text)[0], self._secrets(), 400) or "no reason"
        hint = _HINTS.get(code) or (_FEDERATED if 700210 <= code <= 700213 else _OTHERWISE)
        if self._identity.managed_identity:
            who = "The managed identity"
            hint = "The machine needs this identity, and this process must reach its service."
        else:
            who = f"The sign-in to the tenant {self._identity.tenant} for Azure"
        return SignInError(
            f"{who} was refused: {shown}", hint, **({"code": f"AADSTS{code}"} if code else {})
        )

    def _secrets(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._identity.client_secret, self._token)))


class _Wire:
    """The HTTP client that msal is given: deadlines, ca_path and the ban on redirects hold."""

    def __init__(
        self, authority: str, context: Context, ca_path: str | None, timeout: float
    ) -> None:
        parts = urllib.parse.urlsplit(authority)
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._http = HttpClient(
            self._base,
            ca_path=ca_path,
            deadline=timeout,
            timeout=min(60.0, timeout),
            sleep=context.sleep,
        )
        self.last_text = ""

    def get(self, url: str, params: t.Any = None, headers: t.Any = None, **_more: t.Any) -> _Answer:
        return self._send("GET", url, params, None, headers)

    def post(
        self,
        url: str,
        params: t.Any = None,
        data: t.Any = None,
        headers: t.Any = None,
        **_more: t.Any,
    ) -> _Answer:
        body = data if isinstance(data, str) else urllib.parse.urlencode(data or {})
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._send("POST", url, params, body.encode("utf-8"), form)

    def close(self) -> None:
        """Do nothing: msal calls this."""

    def _send(
        self, method: str, url: str, params: t.Any, body: bytes | None, headers: t.Any
    ) -> _Answer:
        if not url.startswith(self._base + "/"):
            raise InputError(
                f"The sign-in service at {self._base} sends the sign-in on to another host.",
                "Check the authority and the cloud; no secret was sent there.",
            )
        # Asking for a token changes nothing, so it may be sent again.
        reply = self._http.request(
            method, url[len(self._base) :], params, data=body, headers=headers, write=False
        )
        self.last_text = reply.body.decode("utf-8", "replace")
        reply.json()  # a ReadError without the text, which might quote the credential
        return _Answer(reply.status, self.last_text, dict(reply.headers))


class _Answer:
    """What msal reads of an answer."""

    def __init__(self, status_code: int, text: str, headers: t.Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self.headers = headers

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise SignInError(f"The sign-in service answered {self.status_code}.", _OTHERWISE)


def _certificate(path: str, passphrase: str) -> dict[str, str]:
    """Return a client certificate as msal takes it, from a PFX file or a PEM file with its key."""
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as exc:
        raise InputError(
            f"The certificate {path} cannot be read: {exc.strerror or exc}.",
            "Give one file with the private key and its certificate (PEM), or a PFX file.",
        ) from None
    if b"-----BEGIN " not in content:
        return {"private_key_pfx_path": path, "passphrase": passphrase}
    text = content.decode("ascii", "replace")
    key = re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [^\n]*-----", text, re.DOTALL)
    own = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)
    if key is None or own is None:
        missing = "private key" if key is None else "certificate"
        raise InputError(
            f"The file {path} holds no {missing}.",
            "Give one file with the private key and its certificate (PEM), or a PFX file.",
        )
    made = {"private_key": key[0], "public_certificate": own[0]}
    return {**made, "passphrase": passphrase} if "ENCRYPTED" in key[0] else made


def _text_of(path: str, what: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(
            f"The file {path} with the {what} cannot be read ({type(exc).__name__}).",
            "Give the file that the platform writes the token to.",
        ) from None

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The connection of a management host to Exchange Online: made, proven, renewed, ended."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine.context import Context
from ..._engine.errors import (
    Conflict,
    InputError,
    MailflowError,
    PermissionDenied,
    ReadError,
    SignInError,
)
from ..._engine.timestamps import iso, parse_time
from ..auth.connection import Connection
from ..auth.signin import SignIn
from ..auth.token import Token, claims_of, is_guid
from ..cmdlets import CMDLETS
from ..fault import Fault
from .answers import Document, is_denied, is_unauthorized, is_unknown_command, parse_document
from .host_script import CONNECT, CONNECTIONS, DISCONNECT, OLDEST_MODULE
from .options import ACCESS_TOKEN, MANAGED_IDENTITY, THUMBPRINT, ManagementHost
from .session import HostAnswer, RemoteSession

# Five to twenty seconds are usual; a slow host and a proxy make more of it.
CONNECT_SECONDS = 180.0
_SHORT_SECONDS = 60.0
# A connection that ends sooner is renewed before a cmdlet runs in it.
_MARGIN_SECONDS = 120.0
_CLOCK_SECONDS = 300.0
_CLOUDS = {
    "gcc_high": "O365USGovGCCHigh",
    "dod": "O365USGovDoD",
    "china": "O365China",
}
_INITIAL = (".onmicrosoft.com", ".onmicrosoft.us", ".onmschina.cn")


@dataclasses.dataclass(frozen=True)
class Proof:
    """What Get-ConnectionInformation said. ``ends``: seconds since 1970, 0.0 if it does not end."""

    tenant_id: str
    organization: str
    ends: float
    cmdlets: frozenset[str]


class ExchangeConnection:
    """Connects a session to the tenant that the options name, and to no other."""

    def __init__(
        self,
        host: ManagementHost,
        connection: Connection,
        sign_in: SignIn,
        session: RemoteSession,
        context: Context,
    ) -> None:
        self._host = host
        self._connection = connection
        self._sign_in = sign_in
        self._session = session
        self._context = context
        self._token: Token | None = None
        self.proof: Proof | None = None

    @property
    def tenant_option(self) -> str:
        """The tenant as the operator named it."""
        return self._connection.get("tenant")

    @property
    def needs_token(self) -> bool:
        """Whether the host gets a token of ours."""
        return self._host.connect == ACCESS_TOKEN

    def validate(self) -> None:
        """Check the options without the network.

        :raises InputError: what is missing.
        """
        if self.needs_token:
            return
        tenant = self.tenant_option.lower()
        if not tenant.endswith(_INITIAL):
            raise InputError(
                "psrp_connect %s needs the tenant's initial domain in tenant, not %r."
                % (self._host.connect, self.tenant_option),
                "Give it like contoso.onmicrosoft.com: the module takes no other name.",
            )
        if self._host.connect == THUMBPRINT and not self._connection.get("client_id"):
            raise InputError(
                "psrp_connect certificate_thumbprint needs client_id (O365_CLIENT_ID).",
                "Give the id of the app that the certificate is registered with.",
            )

    def make(self, renew: bool = False) -> None:
        """Connect, and prove the tenant. ``renew``: the service did not take the last token."""
        self.proof = None
        parameters = self._parameters(renew)
        answer = self._session.call(CONNECT, parameters, CONNECT_SECONDS)
        if answer.fault is not None:
            raise self._refused(answer.fault)
        self.prove()

    def still_good(self) -> bool:
        """Return whether a session of an earlier task is connected as this one wants it."""
        try:
            self.prove()
        except MailflowError:
            return False
        return not self.ends_soon()

    def ends_soon(self) -> bool:
        """Return whether the connection ends before a cmdlet may be done."""
        ends = self.proof.ends if self.proof else 0.0
        return bool(ends) and ends - self._context.now() < _MARGIN_SECONDS

    def prove(self) -> None:
        """Read which tenant the session is connected to; refuse every other than the wanted one.

        :raises SignInError: it is another tenant, or the host does not say.
        """
        answer = self._session.call(CONNECTIONS, {}, _SHORT_SECONDS)
        document = self._document(CONNECTIONS, answer)
        alive = [
            item
            for item in document.values
            if str(item.get("State")).lower() == "connected"
            and str(item.get("TokenStatus") or "active").lower() == "active"
        ]
        if not alive:
            raise SignInError(
                "%s is not connected to Exchange Online any more." % self._host.where,
                "Run again. Is the version of ExchangeOnlineManagement at least %s?"
                % OLDEST_MODULE,
            )
        self.proof = self._checked(alive[-1], document)

    def end(self) -> None:
        """End the connection, so that the module removes its files from the host."""
        self._session.call(DISCONNECT, {"Confirm": False}, _SHORT_SECONDS)

    def renew(self) -> bool:
        """Connect with a new token, if there is one to get; false where that cannot help."""
        used = self._token
        if not self.needs_token or used is None:
            return False
        worn_out = self._connection.can_sign_in() if used.given else self._sign_in.is_stale(used)
        if worn_out:
            self.end()
            self.make(renew=True)
        return worn_out

    def _parameters(self, renew: bool) -> dict[str, t.Any]:
        parameters: dict[str, t.Any] = {
            "ShowBanner": False,
            "SkipLoadingFormatData": True,
            "CommandName": list(CMDLETS),
        }
        cloud = _CLOUDS.get(self._connection.get("cloud"))
        if cloud:
            parameters["ExchangeEnvironmentName"] = cloud
        if self.needs_token:
            token = self._token = self._sign_in.token("exchange", renew=renew)
            self._session.secrets.append(token.value)
            parameters["AccessToken"] = token.value
            parameters["Organization"] = self.tenant_option or token.tenant_id
            return parameters
        parameters["Organization"] = self.tenant_option
        if self._host.connect == THUMBPRINT:
            parameters["CertificateThumbprint"] = self._host.thumbprint
            parameters["AppId"] = self._connection.get("client_id")
        if self._host.connect == MANAGED_IDENTITY:
            parameters["ManagedIdentity"] = True
            selected = self._connection.get("managed_identity")
            if is_guid(selected):
                parameters["ManagedIdentityAccountId"] = selected
        return parameters

    def _checked(self, found: t.Mapping[str, t.Any], document: Document) -> Proof:
        tenant_id = str(found.get("TenantID") or "").lower()
        organization = str(found.get("Organization") or "").lower()
        if not is_guid(tenant_id):
            raise SignInError(
                "%s does not say which tenant it is connected to." % self._host.where,
                "Update its module ExchangeOnlineManagement; nothing was changed.",
            )
        wanted = self.tenant_option.lower()
        given = self._given_tenant()
        if (given and given != tenant_id) or (is_guid(wanted) and wanted != tenant_id):
            raise SignInError(
                "%s is connected to the tenant %s, not to %s."
                % (self._host.where, tenant_id, given or wanted),
                "Nothing was changed. Check the tenant and the credentials.",
            )
        # Without a token only the name tells; the module takes the initial domain there.
        named = not given and bool(wanted) and not is_guid(wanted)
        if named and organization not in ("", wanted, tenant_id):
            raise SignInError(
                "%s is connected to %s, not to %s." % (self._host.where, organization, wanted),
                "Nothing was changed. Check the tenant and the credentials.",
            )
        ends = parse_time(found.get("TokenExpiryTimeUTC")) if self.needs_token else None
        self._check_clock(document.date)
        return Proof(tenant_id, organization, ends.timestamp() if ends else 0.0, document.cmdlets)

    def _given_tenant(self) -> str:
        """Return the tenant of the token that is in use or was given, without asking for one."""
        value = self._token.value if self._token else self._connection.given_token("exchange")
        return str(claims_of(value).get("tid") or "").lower() if self.needs_token and value else ""

    def _check_clock(self, date: datetime.datetime | None) -> None:
        """Refuse a host whose clock contradicts a token that the service takes.

        Its clock stands for the service's, which decides how long a lock-down waits.
        """
        value = self._token.value if self._token else self._connection.given_token("exchange")
        claims = claims_of(value) if self.needs_token and value else {}
        issued, ends = claims.get("nbf"), claims.get("exp")
        if date is None or not isinstance(issued, (int, float)):
            return
        off = date.timestamp() < issued - _CLOCK_SECONDS or (
            isinstance(ends, (int, float)) and date.timestamp() > ends + _CLOCK_SECONDS
        )
        if off:
            raise Conflict(
                "The clock of %s says %s, outside the life of a token that Exchange Online takes."
                % (self._host.where, iso(date)),
                "Set the host's clock (w32tm /resync).",
            )

    def _document(self, cmdlet: str, answer: HostAnswer) -> Document:
        if answer.fault is not None:
            raise self._refused(answer.fault, cmdlet)
        document = parse_document(answer.text)
        if document is None:
            raise ReadError(
                "%s answered %s with what is not its function's JSON." % (self._host.where, cmdlet),
                "Is the function of docs/examples/jea the one of this version?",
            )
        return document

    def _refused(self, fault: Fault, cmdlet: str = CONNECT) -> MailflowError:
        where = self._host.where
        if is_unknown_command(fault):
            return PermissionDenied(
                "%s does not have what %s needs: %s" % (where, cmdlet, fault.text),
                "Install ExchangeOnlineManagement %s or later there, or the function of"
                " docs/examples/jea in the session configuration %s."
                % (OLDEST_MODULE, self._host.configuration),
            )
        hint = "docs/psrp.md lists what Connect-ExchangeOnline needs on the host."
        if is_unauthorized(fault):
            hint = "The token has expired or is another tenant's, or the app lacks its grants."
        kind = PermissionDenied if is_denied(fault) and not is_unauthorized(fault) else SignInError
        return kind("%s: %s failed: %s" % (where, cmdlet, fault.text or "no text"), hint)

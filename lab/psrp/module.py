# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ExchangeOnlineManagement as it behaves in a session ([PSRP-2], [PSRP-4]).

That is connections and their end, the cmdlets that the identity's roles carry, and errors as
records.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from lab.exchange import access
from lab.exchange.errors import CmdletError
from lab.exchange.invocation import NotBuilt, NotGranted, invoke
from lab.server import Hub
from lab.tokens import EXCHANGE, Identity, TokenRefused, Tokens

_CONNECT_NAME = "Connect-ExchangeOnline"
_DISCONNECT_NAME = "Disconnect-ExchangeOnline"
_INFORMATION_NAME = "Get-ConnectionInformation"
_SWITCHES = ("ShowBanner", "SkipLoadingFormatData", "DisableWAM", "SkipLoadingCmdletHelp")
_CONNECT = {
    name.lower(): name
    for name in (
        "AccessToken",
        "AppId",
        "CertificateThumbprint",
        "CommandName",
        "DelegatedOrganization",
        "ExchangeEnvironmentName",
        "ManagedIdentity",
        "ManagedIdentityAccountId",
        "Organization",
        "UserPrincipalName",
        *_SWITCHES,
    )
}
_CLOUDS = ("O365Default", "O365USGovGCCHigh", "O365USGovDoD", "O365China")


class CommandError(Exception):
    """An error record. Without ``terminating`` it ends a pipeline only with ErrorAction Stop."""

    def __init__(
        self,
        type_name: str,
        message: str,
        identifier: str = "",
        target: str = "",
        terminating: bool = False,
    ) -> None:
        super().__init__(message)
        self.type_name, self.message = type_name, message
        self.identifier = identifier or type_name.rpartition(".")[2]
        self.target = target
        self.terminating = terminating


@dataclass
class Outcome:
    """What a command gave. ``question``: it asks a person for confirmation, and waits."""

    values: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    question: str = ""


@dataclass
class Connection:
    """One connection. ``renews``: the module gets new tokens by itself, so that it does not end."""

    identity: Identity
    organization: str
    expires: float
    cmdlets: dict[str, str]
    renews: bool = False
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))


class ExchangeModule:
    """The module in one session.

    ``certificates``: thumbprint and PEM of what lies in the certificate store of the host.
    """

    def __init__(
        self, hub: Hub, tokens: Tokens, certificates: Mapping[str, str], errors: list[int]
    ) -> None:
        self._hub = hub
        self._tokens = tokens
        self._certificates = certificates
        self._errors = errors
        self._answers = 0
        self._connections: list[Connection] = []

    def now(self) -> str:
        """Return the host's clock in PowerShell's round-trip format."""
        moment = self._hub.clock.now().astimezone(timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}0Z"

    @property
    def shows_own_types_only(self) -> bool:
        return bool(self._hub.setting("psrp_own_types_only", False))

    def note_script(self, text: str) -> None:
        """Record script text, which reaches a host's event log (script block logging)."""
        self._hub.log.add("psrp", operation="script", write=False, script=text)

    def commands(self) -> list[str]:
        """Return what Get-Command finds: the module's own, and those of the last connection."""
        found = [_CONNECT_NAME, _DISCONNECT_NAME, _INFORMATION_NAME]
        return [*found, *(self._connections[-1].cmdlets.values() if self._connections else ())]

    def listed(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object as ConvertTo-Json writes it; Windows PowerShell 5.1 wraps some lists."""
        self._answers += 1
        wrap = self._hub.setting("psrp_wrapped_lists", "rotate")
        if not (wrap is True or (wrap == "rotate" and self._answers % 2)):
            return dict(value)
        return {
            name: {"value": item, "Count": len(item)} if isinstance(item, list) else item
            for name, item in value.items()
        }

    def call(self, name: str, parameters: Mapping[str, Any]) -> Outcome:
        own: dict[str, Callable[[Mapping[str, Any]], Outcome]] = {
            _CONNECT_NAME.lower(): self._connect,
            _INFORMATION_NAME.lower(): self._information,
            _DISCONNECT_NAME.lower(): self._disconnect,
        }
        with self._hub.lock:
            handler = own.get(name.lower())
            if handler:
                self._hub.log.add("psrp", operation=name, write=False)
                return handler(parameters)
            return self._tenant_cmdlet(name, parameters)

    def disconnect(self) -> None:
        self._connections.clear()

    def _connect(self, given: Mapping[str, Any]) -> Outcome:
        bound = {}
        for name, value in given.items():
            if name.lower() not in _CONNECT:
                raise CommandError(
                    "System.Management.Automation.ParameterBindingException",
                    f"A parameter cannot be found that matches parameter name '{name}'.",
                    "NamedParameterNotFound,Connect-ExchangeOnline",
                    terminating=True,
                )
            bound[_CONNECT[name.lower()]] = value
        if bound.get("ExchangeEnvironmentName", _CLOUDS[0]) not in _CLOUDS:
            raise CommandError("System.ArgumentException", "ExchangeEnvironmentName is not valid.")
        organization = str(bound.get("DelegatedOrganization") or bound.get("Organization") or "")
        if not organization and not bound.get("UserPrincipalName"):
            raise CommandError(
                "System.ArgumentException",
                "Organization, DelegatedOrganization or UserPrincipalName is needed here.",
            )
        connection = self._authenticated(bound, organization)
        wanted = {str(item).lower() for item in bound.get("CommandName") or ["*"]}
        for name in access.revealed(connection.identity):
            if name.lower() in wanted or "*" in wanted:
                connection.cmdlets[name.lower()] = name
        self._connections.append(connection)
        return Outcome()

    def _authenticated(self, bound: Mapping[str, Any], organization: str) -> Connection:
        entra = self._hub.world["entra"]
        now = self._hub.clock.time()
        if bound.get("AccessToken"):
            return self._by_token(str(bound["AccessToken"]), organization)
        if bound.get("CertificateThumbprint"):
            app_id = str(bound.get("AppId") or "")
            app = self._by_certificate(str(bound["CertificateThumbprint"]).upper(), app_id)
        elif bound.get("ManagedIdentity"):
            app_id = str(self._hub.setting("psrp_managed_identity", ""))
            app = entra["apps"].get(app_id)
        else:
            raise CommandError("System.Exception", "No window can be shown in this session.")
        if app is None:
            raise CommandError(
                "Azure.Identity.CredentialUnavailableException",
                "ManagedIdentityCredential authentication unavailable. No identity has been"
                " assigned to this resource.",
            )
        if organization != entra["initial_domain"]:
            # the primary .onmicrosoft.com domain and no other [PSRP-2]
            raise CommandError(
                "System.UnauthorizedAccessException",
                "The role assigned to application isn't supported in this scenario.",
            )
        roles = frozenset(app.get("roles", {}).get(EXCHANGE, []))
        identity = Identity(app_id, entra["tenant_id"], roles, app)
        return self._allowed(Connection(identity, organization, now + 3600, {}, renews=True))

    def _by_certificate(self, thumbprint: str, app_id: str) -> dict[str, Any]:
        pem = self._certificates.get(thumbprint)
        if pem is None:
            raise CommandError(
                "System.Exception",
                f"Could not find a certificate with the thumbprint {thumbprint} in the store.",
            )
        app: dict[str, Any] | None = self._hub.world["entra"]["apps"].get(app_id)
        if app is None or pem not in app["certificates"]:
            raise CommandError(
                "Microsoft.Identity.Client.MsalServiceException",
                f"AADSTS700027: The certificate is not registered on the application {app_id}.",
            )
        return app

    def _by_token(self, token: str, organization: str) -> Connection:
        try:
            identity = self._tokens.check("Bearer " + token, EXCHANGE)
        except TokenRefused as error:
            raise unauthorized(str(error)) from None
        entra = self._hub.world["entra"]
        names = {entra["tenant_id"], entra["initial_domain"], *entra["verified_domains"]}
        if organization.lower() not in {name.lower() for name in names}:
            raise unauthorized("the organization is another tenant's")
        return self._allowed(Connection(identity, organization, self._tokens.ends(token), {}))

    def _allowed(self, connection: Connection) -> Connection:
        if access.APP_ROLE not in connection.identity.roles:
            raise unauthorized("the application role is missing")
        if not access.has_directory_role(connection.identity.app):
            raise CommandError(
                "System.UnauthorizedAccessException",
                f"The role assigned to application {connection.identity.client_id} isn't supported"
                " in this scenario. Please check online documentation for assigning correct"
                " Directory Roles to Azure AD Application for EXO App-Only Authentication.",
            )
        return connection

    def _information(self, given: Mapping[str, Any]) -> Outcome:
        return Outcome([self._described(connection) for connection in self._connections])

    def _described(self, connection: Connection) -> dict[str, Any]:
        ended = self._has_ended(connection)
        moment = datetime.fromtimestamp(connection.expires, timezone.utc)
        return {
            "ConnectionId": connection.identifier,
            "State": "Connected",
            "TokenStatus": "Expired" if ended else "Active",
            "TokenExpiryTimeUTC": moment.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            "TenantID": connection.identity.tenant_id,
            "Organization": connection.organization,
            "AppId": connection.identity.client_id,
            "CertificateAuthentication": connection.renews,
            "IsEopSession": False,
            "ModulePrefix": "",
        }

    def _disconnect(self, given: Mapping[str, Any]) -> Outcome:
        if given.get("Confirm") is not False:
            return Outcome(question="Running this cmdlet clears all active connections.")
        self.disconnect()
        return Outcome()

    def _has_ended(self, connection: Connection) -> bool:
        return not connection.renews and connection.expires <= self._hub.clock.time()

    def _tenant_cmdlet(self, name: str, parameters: Mapping[str, Any]) -> Outcome:
        connection = self._connections[-1] if self._connections else None
        own = connection.cmdlets.get(name.lower()) if connection else None
        if connection is None or own is None:
            raise unknown_command(name)
        reads = own.startswith("Get-")
        # The module sends it to the service; here it is logged as what arrives there.
        sent = {key: _typed(value) for key, value in parameters.items()}
        entry = {"cmdlet": own, "parameters": self._hub.log.mask_tree(sent), "write": not reads}
        try:
            if self._has_ended(connection):
                raise unauthorized("the token has expired")
            call, values = invoke(
                self._hub, own, sent, connection.identity, ["PSRP " + own, own], self._errors[0]
            )
        except NotGranted:
            self._log(entry, 403)
            raise CommandError("System.UnauthorizedAccessException", "Access denied.") from None
        except NotBuilt as error:
            self._log(entry, 501)
            raise CommandError("System.NotImplementedException", str(error)) from None
        except CommandError:
            self._log(entry, 401)
            raise
        except CmdletError as error:
            self._log(entry, error.status)
            raise self._record(error) from None
        self._log(entry, 200)
        return Outcome(values, list(call.warnings), call.confirmation or "")

    def _log(self, entry: Mapping[str, Any], status: int) -> None:
        self._hub.log.add(
            EXCHANGE,
            method="PSRP",
            path="",
            query="",
            status=status,
            headers={},
            body="",
            fault=None,
            **entry,
        )

    def _record(self, error: CmdletError) -> CommandError:
        """Return an error record: a text of three parts, and an id with server, request, time.

        Source: [PSRP-4].
        """
        self._errors[0] += 1
        prefix = f"Ex{0x6F9304 + self._errors[0]:06X}" if self._errors[0] % 2 else ""
        identifier = f"[Server=AM9P999MB0001,RequestId={uuid.uuid4()},TimeStamp={self.now()}]"
        return CommandError(
            error.type_name,
            f"{prefix}|{error.type_name}|{error.text}",
            f"{identifier},Write-ErrorMessage",
        )


def unauthorized(reason: str) -> CommandError:
    return CommandError("System.UnauthorizedAccessException", f"UnAuthorized ({reason})")


def _typed(value: Any) -> Any:
    """Return a hash table as the module hands it to the service."""
    if isinstance(value, Mapping):
        changes = {str(key).lower(): item for key, item in value.items()}
        return {"@odata.type": "#Exchange.GenericHashTable", **changes}
    return value


def unknown_command(name: str) -> CommandError:
    return CommandError(
        "System.Management.Automation.CommandNotFoundException",
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or"
        " operable program. Check the spelling of the name, or if a path was included, verify that"
        " the path is correct and try again.",
        "CommandNotFoundException",
        terminating=True,
    )

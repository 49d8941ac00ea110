# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Turn a fault of Exchange Online into the error that the operator sees, with what to do next."""

from __future__ import annotations

import typing as t

from .._engine.errors import (
    AlreadyExists,
    AmbiguousWrite,
    MailflowError,
    NotFound,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from .auth.clouds import EXCHANGE_APP_ID
from .auth.token import Token
from .cmdlets import is_read
from .fault import Fault

MANAGE_AS_APP = "Exchange.ManageAsApp"
MANAGE_AS_APP_ID = "dc50a0fb-09a3-484d-be87-e023b12c6440"

# Answered with HTTP 400 although another try may succeed, or the cmdlet may have run.
TRANSIENT_TYPES = (
    "CmdletProxyNotAvailableFailure",
    "ServerBusyException",
    "TransientException",
    "BackendCommunicationException",
    "DCOverloadedException",
    "SuitabilityDirectoryException",
    "ServerInMMException",
    "ADServerSettingsChangedException",
    "UnableToWriteToAadException",
)
TRANSIENT_TEXTS = ("maximum number of concurrent requests per tenant", "issue may be transient")

# Which management role carries a cmdlet; inferred, so the message says "usually".
_ROLES = (
    ("InboundConnector", "Remote and Accepted Domains"),
    ("OutboundConnector", "Remote and Accepted Domains"),
    ("AcceptedDomain", "Remote and Accepted Domains"),
    ("TransportRule", "Transport Rules"),
    ("HostedConnectionFilter", "Transport Hygiene"),
    ("HostedContentFilter", "Transport Hygiene"),
    ("ProtectionPolicyRule", "Transport Hygiene"),
    ("QuarantinePolicy", "Transport Hygiene"),
    ("Organization", "Organization Configuration"),
    ("MessageTrace", "Message Tracking"),
)


class Dehydrated(MailflowError):
    """The tenant must run Enable-OrganizationCustomization before this cmdlet is allowed."""

    kind = "dehydrated"


class NotRequired(MailflowError):
    """The wanted state is in place, or on its way, already."""

    kind = "not_required"


def is_transient(fault: Fault) -> bool:
    return fault.named(*TRANSIENT_TYPES) or fault.says(*TRANSIENT_TEXTS)


def to_error(
    fault: Fault, cmdlet: str, token: Token | None = None, challenged: bool = False
) -> MailflowError:
    """Return the error for a fault of ``cmdlet``.

    :param token: the token that was used, for what is said about a 401.
    :param challenged: the 401 carried a claims challenge that a new token did not satisfy.
    """
    if fault.status == 401:
        return _unauthorized(cmdlet, token, challenged)
    if fault.status == 403:
        return _forbidden(fault, cmdlet)
    if cmdlet.startswith(("Enable-", "Disable-")) and fault.says(
        "already", "not required", "isn't required", "in progress"
    ):
        return _error(NotRequired, fault, cmdlet)
    if fault.says("Enable-OrganizationCustomization") or fault.named(
        "InvalidOperationInDehydratedContextException"
    ):
        return _error(
            Dehydrated,
            fault,
            cmdlet,
            "Run mailflow.area1.o365_organization with customization enabled first; it may take a"
            " day to act.",
        )
    if fault.structured and _is_not_found(fault):
        return _error(NotFound, fault, cmdlet)
    if fault.named("AlreadyExists") or fault.says("already exists"):
        return _error(AlreadyExists, fault, cmdlet)
    if is_transient(fault):
        hint = "The service is busy; run again later."
        return _error(ReadError if is_read(cmdlet) else AmbiguousWrite, fault, cmdlet, hint)
    if fault.structured and fault.status < 500 or fault.status == 200:
        return _error(Refused, fault, cmdlet, _refusal_hint(fault))
    if is_read(cmdlet) or fault.status < 500:
        return _error(
            ReadError if is_read(cmdlet) else Refused, fault, cmdlet, _unclear_hint(fault.status)
        )
    return _error(AmbiguousWrite, fault, cmdlet)


def _error(kind: type[MailflowError], fault: Fault, cmdlet: str, hint: str = "") -> MailflowError:
    text = fault.text or "no text"
    if not text.endswith((".", "!", "?")):
        text += "."
    details: dict[str, t.Any] = {"cmdlet": cmdlet}
    if fault.status:
        details["status"] = fault.status
    if fault.type_name:
        details["type"] = fault.type_name
    # A PowerShell host tells no HTTP status.
    answered = "was answered with %d" % fault.status if fault.status else "failed"
    return kind("%s %s: %s" % (cmdlet, answered, text), hint, **details)


def _is_not_found(fault: Fault) -> bool:
    return (
        fault.named("ManagementObjectNotFound")
        or fault.status == 404
        or fault.says("couldn't be found", "wasn't found", "could not be found")
    )


def _unclear_hint(status: int) -> str:
    if status == 429 or status >= 500:
        return "The service is busy or out of order; run again later."
    return "Is exchange_url right, and is there a proxy in between?"


def _refusal_hint(fault: Fault) -> str:
    if fault.named("AmbiguousParameterSetException"):
        return "A parameter is unknown to the service, or the app's role hides it."
    if fault.named("ParameterTransformationException"):
        return "The text lists the values that the service takes."
    return ""


def _unauthorized(cmdlet: str, token: Token | None, challenged: bool) -> MailflowError:
    details = {"cmdlet": cmdlet, "status": 401}
    app = token.app_id if token and token.app_id else "the app"
    grant = (
        "Grant %s the application permission %s (%s of Office 365 Exchange Online, %s), with admin"
        " consent, and the directory role Exchange Administrator. A new grant needs a new token."
        % (app, MANAGE_AS_APP, MANAGE_AS_APP_ID, EXCHANGE_APP_ID)
    )
    if token is not None and token.roles is not None and MANAGE_AS_APP not in token.roles:
        return PermissionDenied(
            "%s was answered with 401: the token lacks the application permission %s."
            % (cmdlet, MANAGE_AS_APP),
            grant,
            **details,
        )
    until = (
        " (it says that it is valid until %s)" % token.expires_text
        if token and token.expires_text
        else ""
    )
    if challenged:
        return SignInError(
            "%s was answered with 401: the service demands a new sign-in." % cmdlet,
            "A Conditional Access policy may block the app.",
            **details,
        )
    hint = (
        "The token has expired, was revoked or is for another service or another tenant%s: check"
        " o365_tenant, get a new one. Otherwise: %s" % (until, grant)
    )
    return SignInError(
        "%s was answered with 401: the service does not take the access token." % cmdlet,
        hint,
        **details,
    )


def not_granted(cmdlet: str, what: str, **details: t.Any) -> PermissionDenied:
    """Return the error for a cmdlet that the identity's roles do not carry.

    ``what`` says how that showed.
    """
    role = next((role for part, role in _ROLES if part in cmdlet), "")
    usual = " (usually in the management role %s)" % role if role else ""
    return PermissionDenied(
        "%s %s: the app's role does not contain this cmdlet%s, or it does not exist."
        % (cmdlet, what, usual),
        "Give the service principal the directory role Exchange Administrator, or add it to a"
        " role group with that management role. Global Reader is enough for reading only.",
        cmdlet=cmdlet,
        **details,
    )


def _forbidden(fault: Fault, cmdlet: str) -> MailflowError:
    details = {"cmdlet": cmdlet, "status": 403}
    if not fault.has_text:
        return not_granted(cmdlet, "was answered with 403 and no text", status=403)
    return PermissionDenied(
        "%s was answered with 403: %s" % (cmdlet, fault.text or "an answer that is not JSON"),
        "Give the service principal the directory role Exchange Administrator (Global Reader for"
        " reading only). Minutes to two hours may pass until it acts.",
        **details,
    )

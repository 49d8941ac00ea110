# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The options that name a Windows management host, and which combinations of them can work."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ..._engine.errors import InputError

TLS_PORT, PLAIN_PORT = 5986, 5985
AUTHS = ("negotiate", "kerberos", "ntlm", "certificate", "basic", "credssp")
ACCESS_TOKEN, THUMBPRINT, MANAGED_IDENTITY = (
    "access_token",
    "certificate_thumbprint",
    "managed_identity",
)

PSRP_OPTIONS: dict[str, t.Any] = {
    "psrp_host": {"type": "str"},
    "psrp_port": {"type": "int", "default": TLS_PORT},
    "psrp_auth": {"type": "str", "choices": list(AUTHS), "default": "negotiate"},
    "psrp_user": {"type": "str"},
    "psrp_password": {"type": "str", "no_log": True},
    "psrp_certificate_path": {"type": "path"},
    "psrp_configuration": {"type": "str", "default": "Microsoft.PowerShell"},
    "psrp_connect": {
        "type": "str",
        "choices": [ACCESS_TOKEN, THUMBPRINT, MANAGED_IDENTITY],
        "default": ACCESS_TOKEN,
    },
    "psrp_certificate_thumbprint": {"type": "str"},
}
PSRP_ENVIRONMENT = {"psrp_user": "O365_PSRP_USER", "psrp_password": "O365_PSRP_PASSWORD"}
SHORTEST_PASSWORD = 8
# Endpoints that Windows and PowerShell 7 register by themselves, open to every command.
_OPEN_ENDPOINTS = ("microsoft.powershell", "powershell.")


@dataclasses.dataclass(frozen=True)
class ManagementHost:
    """Where cmdlets run, how to sign in there, and how it connects to Exchange Online.

    ``thumbprint`` is the certificate on the host that ``connect`` certificate_thumbprint uses.
    """

    host: str
    port: int
    auth: str
    user: str
    password: str = dataclasses.field(repr=False)
    certificate_path: str
    configuration: str
    connect: str
    thumbprint: str

    @property
    def tls(self) -> bool:
        """Whether the connection is HTTPS. Port 5985 is WinRM's plain one."""
        return self.port != PLAIN_PORT

    @property
    def is_constrained(self) -> bool:
        """Whether the session configuration offers one function only (JEA) and takes no script."""
        return not self.configuration.lower().startswith(_OPEN_ENDPOINTS)

    @property
    def where(self) -> str:
        return "%s:%d" % (self.host, self.port)


def management_host(
    params: t.Mapping[str, t.Any], environ: t.Mapping[str, str] | None = None
) -> ManagementHost:
    """Return the host that the options name; raise InputError where they cannot work."""
    environ = os.environ if environ is None else environ
    given = {name: _text(params.get(name)) for name in PSRP_OPTIONS}
    for name, variable in PSRP_ENVIRONMENT.items():
        given[name] = given[name] or _text(environ.get(variable))
    found = ManagementHost(
        host=given["psrp_host"],
        port=int(given["psrp_port"] or TLS_PORT),
        auth=given["psrp_auth"] or "negotiate",
        user=given["psrp_user"],
        password=given["psrp_password"],
        certificate_path=given["psrp_certificate_path"],
        configuration=given["psrp_configuration"] or "Microsoft.PowerShell",
        connect=given["psrp_connect"] or ACCESS_TOKEN,
        thumbprint=given["psrp_certificate_thumbprint"].replace(" ", "").upper(),
    )
    _check_address(found)
    _check_sign_in(found)
    if found.connect == THUMBPRINT and not found.thumbprint:
        raise InputError(
            "psrp_connect is certificate_thumbprint, but psrp_certificate_thumbprint is missing.",
            "Give the thumbprint of a certificate in a store of the management host.",
        )
    return found


def connects_by_itself(params: t.Mapping[str, t.Any]) -> bool:
    """Return whether the host signs in to Exchange Online, so that no token of ours is needed."""
    transport = _text(params.get("transport")).lower()
    return transport == "psrp" and _text(params.get("psrp_connect")) in (
        THUMBPRINT,
        MANAGED_IDENTITY,
    )


def _check_address(found: ManagementHost) -> None:
    if not found.host:
        raise InputError(
            "The transport psrp needs psrp_host (o365_psrp_host).",
            "Give the name of the Windows management host, or use the transport rest.",
        )
    if any(character in found.host for character in "/:@ "):
        raise InputError(
            "psrp_host must be a bare host name or IPv4 address.",
            "Give the port in psrp_port, and user and password in options of their own.",
        )
    if not 1 <= found.port <= 65535:
        raise InputError("psrp_port must be from 1 to 65535.", "WinRM over HTTPS listens on 5986.")


def _check_sign_in(found: ManagementHost) -> None:
    if found.auth not in AUTHS:
        raise InputError(
            "psrp_auth takes one of %s." % ", ".join(AUTHS), "Use negotiate if in doubt."
        )
    if found.auth in ("basic", "certificate") and not found.tls:
        raise InputError(
            "psrp_auth %s sends what it has in clear on port %d." % (found.auth, found.port),
            "Use WinRM over HTTPS (port 5986), or negotiate, which encrypts its messages.",
        )
    if found.auth == "certificate":
        if not found.certificate_path:
            raise InputError(
                "psrp_auth certificate needs psrp_certificate_path.",
                "Give a PEM file with the certificate and its private key.",
            )
        if not os.path.exists(found.certificate_path):
            raise InputError(
                "psrp_certificate_path: there is no file %s on the machine that runs the task."
                % found.certificate_path,
                "Give a PEM file with the certificate and its private key.",
            )
        return
    needs_both = found.auth in ("basic", "ntlm", "credssp")
    missing = [
        "%s (%s)" % (name, variable)
        for name, variable in PSRP_ENVIRONMENT.items()
        if not (found.user if name == "psrp_user" else found.password)
    ]
    if needs_both and missing:
        raise InputError(
            "psrp_auth %s needs %s." % (found.auth, " and ".join(missing)),
            "Without a password only kerberos and negotiate work, with a ticket of kinit.",
        )
    if found.password and len(found.password) < SHORTEST_PASSWORD:
        raise InputError(
            "The value of psrp_password has fewer than %d characters." % SHORTEST_PASSWORD,
            "Ansible masks a secret wherever it occurs, so a short one would blacken the output.",
        )


def _text(value: t.Any) -> str:
    return "" if value is None else str(value).strip()

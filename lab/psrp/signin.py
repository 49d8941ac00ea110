# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign-in to WinRM: Basic, a client certificate, and NTLM by Negotiate with message encryption.

NTLM is pyspnego's acceptor; one security context belongs to one TCP connection. Kerberos and
CredSSP need a domain and are not here [PSRP-7].
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass, field
from typing import Any

_CERTIFICATE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_PART = re.compile(rb"--\s*Encrypted Boundary\r\n")
_LENGTH = re.compile(rb"Length=(\d+)")
_SPNEGO = "application/HTTP-SPNEGO-session-encrypted"


@dataclass(frozen=True)
class Account:
    """Who may sign in. ``subject`` is the common name of a client certificate mapped to it."""

    user: str
    password: str = field(repr=False)
    subject: str


@dataclass
class SignedIn:
    """The outcome for one request: who, or the headers of a 401."""

    user: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


class SignIn:
    """The sign-in state of one TCP connection."""

    def __init__(self, account: Account, tls: bool, subject: str) -> None:
        self._account = account
        self._tls = tls
        self._subject = subject
        self._context: Any = None
        self._user = ""

    def check(self, authorization: str) -> SignedIn:
        """Judge one request by its header Authorization, and by what the connection did before."""
        scheme, _, value = authorization.partition(" ")
        if authorization == _CERTIFICATE:
            return self._certificate()
        if scheme.lower() == "basic" and self._tls:
            return self._basic(value)
        if scheme.lower() in ("negotiate", "ntlm"):
            return self._negotiate(scheme, value)
        # NTLM signs in the connection, not the request
        return SignedIn(self._user) if self._user and not authorization else self._refused()

    def _refused(self) -> SignedIn:
        offered = ["Negotiate", *(['Basic realm="WSMAN"'] if self._tls else [])]
        return SignedIn(headers=[("WWW-Authenticate", ", ".join(offered))])

    def _certificate(self) -> SignedIn:
        if self._tls and self._subject == self._account.subject:
            return SignedIn(self._account.user)
        return self._refused()

    def _basic(self, value: str) -> SignedIn:
        try:
            user, _, password = base64.b64decode(value).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return self._refused()
        if (user.lower(), password) == (self._account.user.lower(), self._account.password):
            return SignedIn(self._account.user)
        return self._refused()

    def _negotiate(self, scheme: str, value: str) -> SignedIn:
        import spnego
        from spnego.exceptions import SpnegoError

        if self._context is None or self._context.complete:
            # WinRM encrypts over plain HTTP only
            options = spnego.NegotiateOptions(0)
            if not self._tls:
                options |= spnego.NegotiateOptions.wrapping_winrm
            self._user = ""
            self._context = spnego.server(
                options=options, protocol="ntlm" if scheme.lower() == "ntlm" else "negotiate"
            )
        try:
            token = self._context.step(base64.b64decode(value))
        except (SpnegoError, binascii.Error, ValueError, struct.error):
            self._context = None
            return self._refused()
        if self._context.complete:
            self._user = self._account.user
        # the last token goes with the answer, whatever that is
        headers = (
            [("WWW-Authenticate", f"{scheme} {base64.b64encode(token).decode()}")] if token else []
        )
        return SignedIn(self._user, headers)

    def unwrap(self, content_type: str, body: bytes) -> bytes:
        """Return the message of an encrypted body; raise ValueError for one in the clear."""
        if not content_type.lower().startswith("multipart/encrypted"):
            if not self._tls and body:
                raise ValueError("the message is not encrypted")
            return body
        parts = [part for part in _PART.split(body) if part]
        if self._context is None or len(parts) != 2:
            raise ValueError("an encrypted message without a security context")
        length = _LENGTH.search(parts[0])
        payload = parts[1].removesuffix(b"--Encrypted Boundary--\r\n")
        payload = payload.removeprefix(b"\tContent-Type: application/octet-stream\r\n")
        (size,) = struct.unpack("<i", payload[:4])
        plain: bytes = self._context.unwrap_winrm(payload[4 : 4 + size], payload[4 + size :])
        if length is None or len(plain) != int(length.group(1)):
            raise ValueError("the message is not as long as it says")
        return plain

    def wrap(self, message: bytes) -> tuple[str, bytes]:
        """Return content type and body of an answer, encrypted over plain HTTP."""
        if self._tls:
            return "application/soap+xml;charset=UTF-8", message
        header, data, padding = self._context.wrap_winrm(message)
        content = f"type=application/soap+xml;charset=UTF-8;Length={len(message) + padding}"
        head = (
            "--Encrypted Boundary\r\n"
            f"\tContent-Type: {_SPNEGO}\r\n"
            f"\tOriginalContent: {content}\r\n"
            "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        ).encode()
        sealed = struct.pack("<i", len(header)) + header + data
        content_type = f'multipart/encrypted;protocol="{_SPNEGO}";boundary="Encrypted Boundary"'
        return content_type, head + sealed + b"--Encrypted Boundary--\r\n"

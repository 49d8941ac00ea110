# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's certificate authority, and the client certificate of its app registration."""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority for the lab's addresses and the names of mail and policy hosts."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self._server = self._ca.issue_cert("127.0.0.1", "localhost")
        self._mail: dict[str, ssl.SSLContext] = {}
        self._issued: dict[tuple[str, ...], ssl.SSLContext] = {}

    def write(self, path: Path) -> None:
        self._ca.cert_pem.write_to_path(str(path))

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.configure_cert(context)
        return context

    def named_context(self, default: str, choose: Callable[[str], str]) -> ssl.SSLContext:
        """Return a context whose certificate has the name that a client asks for (SNI).

        ``choose`` may make another name of it.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(default).configure_cert(context)

        def chosen(
            connection: ssl.SSLObject | ssl.SSLSocket, asked: str | None, _context: ssl.SSLContext
        ) -> None:
            connection.context = self._named(choose(asked)) if asked else context

        context.sni_callback = chosen
        return context

    def mail_context(self, name: str) -> ssl.SSLContext:
        """Return the context of a mail host.

        For `*.suffix` its certificate has the wildcards of Microsoft's edge, and any deeper name
        below it that is asked for. A client may show a certificate of its own; connectors can ask
        for one ([EXO-2.3], TlsSenderCertificateName).
        """
        if name not in self._mail:
            self._mail[name] = self._mail_context(name)
        return self._mail[name]

    def _mail_context(self, name: str) -> ssl.SSLContext:
        context = self._named(name, name.removeprefix("*."))
        self._accept_clients(context)
        suffix = name.removeprefix("*")

        def chosen(
            connection: ssl.SSLObject | ssl.SSLSocket, asked: str | None, _context: ssl.SSLContext
        ) -> None:
            if (
                asked
                and name.startswith("*.")
                and asked.lower().endswith(suffix)
                and asked.count(".") > name.count(".")
            ):
                connection.context = self._accept_clients(self._named(asked.lower()))

        context.sni_callback = chosen
        return context

    def _accept_clients(self, context: ssl.SSLContext) -> ssl.SSLContext:
        self._ca.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def optional_client_context(self) -> ssl.SSLContext:
        """Return a server's context that asks for a client certificate, but does not insist."""
        return self._accept_clients(self.context())

    def write_client(self, path: Path, name: str) -> None:
        """Write a client's certificate of this authority with its key."""
        issued = self._ca.issue_cert(name, common_name=name)
        write_private(path, issued.private_key_and_cert_chain_pem.bytes())

    def _named(self, *names: str) -> ssl.SSLContext:
        if names not in self._issued:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._ca.issue_cert(*dict.fromkeys(names)).configure_cert(context)
            self._issued[names] = context
        return self._issued[names]

    def client_contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return two contexts for senders: one takes any certificate, one checks it."""
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        plain.check_hostname = False
        plain.verify_mode = ssl.CERT_NONE
        strict = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(strict)
        return plain, strict


@dataclass(frozen=True)
class ClientCertificate:
    """A key pair of an app registration, as PEM and as PFX."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def write_pem(self, path: Path) -> None:
        write_private(path, (self.key_pem + self.certificate_pem).encode())

    def write_pfx(self, path: Path, passphrase: str) -> None:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
        write_private(
            path,
            pkcs12.serialize_key_and_certificates(
                b"lab", self.key, self.certificate, None, encryption
            ),
        )

    def write_vault(self, path: Path) -> None:
        """Write it as Azure Key Vault gives it: a PFX without passphrase, in base64."""
        pfx = pkcs12.serialize_key_and_certificates(
            b"lab", self.key, self.certificate, None, serialization.NoEncryption()
        )
        write_private(path, base64.b64encode(pfx))


def client_certificate(name: str) -> ClientCertificate:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=400))
        .sign(key, hashes.SHA256())
    )
    return ClientCertificate(certificate, key)


def thumbprints(certificate_pem: str) -> dict[str, str]:
    """Return how an assertion's header names a certificate: base64url, here without padding."""
    der = x509.load_pem_x509_certificate(certificate_pem.encode()).public_bytes(
        serialization.Encoding.DER
    )
    # SHA-1 is what the header x5t means (RFC 7515 §4.1.7); it names the certificate, it does not
    # protect it.
    return {
        "x5t": _base64url(hashlib.sha1(der, usedforsecurity=False).digest()),
        "x5t#S256": _base64url(hashlib.sha256(der).digest()),
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    temporary.replace(path)

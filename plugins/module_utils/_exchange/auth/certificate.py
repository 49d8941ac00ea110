# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A client certificate with its key, checked before anything is sent.

PEM or PFX, from a file or as text.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import typing as t

from ..._engine.errors import InputError, MissingLibrary
from ..._engine.module import need
from .library import load

PEM_HINT = (
    "Give the private key and its certificate together, as PEM or PFX, and certificate_passphrase"
    " if they are protected."
)
# From this version on msal makes the SHA-256 thumbprint itself.
OLDEST_MSAL = (1, 35)


@dataclasses.dataclass(frozen=True)
class ClientCertificate:
    """Key and certificate as PEM text, as msal takes them; ``not_after`` in seconds since 1970."""

    private_key: str = dataclasses.field(repr=False)
    certificate: str
    thumbprint: str
    not_after: float
    source: str

    @property
    def end(self) -> str:
        """Return when it expires, in UTC."""
        return _text(self.not_after)

    def credential(self) -> dict[str, str]:
        """Return what msal takes as client_credential.

        With the certificate instead of a SHA-1 thumbprint, msal signs with PS256 and names it by
        SHA-256.
        """
        msal = load()
        if tuple(int(part) for part in msal.__version__.split(".")[:2]) < OLDEST_MSAL:
            raise MissingLibrary(
                "msal %s is too old for certificates." % msal.__version__,
                "Install msal 1.35 or later.",
            )
        return {"private_key": self.private_key, "public_certificate": self.certificate}


def load_certificate(path: str, passphrase: str, now: float) -> ClientCertificate:
    """Read a file with key and certificate: PEM, PFX, or a PFX in base64."""
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as exc:
        raise InputError(
            "certificate_path: %s cannot be read: %s." % (path, exc.strerror or exc), PEM_HINT
        ) from None
    return parse_certificate("certificate_path: %s" % path, content, passphrase, now)


def parse_certificate(
    source: str, content: bytes, passphrase: str, now: float
) -> ClientCertificate:
    """Find the key, and the certificate that belongs to it; others (a chain) are passed over.

    ``source`` names for messages what is read; ``now``: seconds since 1970.
    """
    need("cryptography")
    secret = passphrase.encode("utf-8") or None
    is_pem = b"-----BEGIN " in content
    if not is_pem:
        content = _decoded(content)
    key, certificates = (_from_pem if is_pem else _from_pfx)(source, content, secret)
    certificate = _matching(source, key, certificates)
    _check_dates(source, certificate, now)
    return _to_pem(source, key, certificate)


def _decoded(content: bytes) -> bytes:
    """Return what base64 stands for, as Azure Key Vault gives a PFX; else the content as it is."""
    try:
        found = base64.b64decode(b"".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return content
    # A PFX is a DER sequence (RFC 7292, section 4).
    return found if found.startswith(b"\x30") else content


def _from_pem(source: str, content: bytes, secret: bytes | None) -> tuple[t.Any, list[t.Any]]:
    serialization = need("cryptography.hazmat.primitives.serialization")
    x509 = need("cryptography.x509")
    if b"PRIVATE KEY-----" not in content:
        raise InputError("%s holds no private key." % source, PEM_HINT)
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise InputError("%s holds a private key but no certificate." % source, PEM_HINT)
    try:
        key = _pem_key(serialization, content, secret)
    except TypeError:
        raise InputError(
            "%s: the private key is encrypted." % source, "Give certificate_passphrase."
        ) from None
    except ValueError:
        reason = (
            "cannot be decrypted with certificate_passphrase, or is damaged"
            if secret
            else "is damaged or of an unknown form"
        )
        raise InputError("%s: the private key %s." % (source, reason), PEM_HINT) from None
    try:
        return key, x509.load_pem_x509_certificates(content)
    except ValueError:
        raise InputError("%s: the certificate is damaged." % source, PEM_HINT) from None


def _pem_key(serialization: t.Any, content: bytes, secret: bytes | None) -> t.Any:
    label = content.index(b"PRIVATE KEY-----")
    block = content[content.rindex(b"-----BEGIN ", 0, label) :]
    try:
        return serialization.load_pem_private_key(block, secret)
    except TypeError:
        if secret is None:
            raise
        # A passphrase for a key that has none: no reason to fail.
        return serialization.load_pem_private_key(block, None)


def _from_pfx(source: str, content: bytes, secret: bytes | None) -> tuple[t.Any, list[t.Any]]:
    pkcs12 = need("cryptography.hazmat.primitives.serialization.pkcs12")
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, secret)
    except ValueError:
        raise InputError(
            "%s is neither PEM nor a PFX that certificate_passphrase %s."
            % (source, "opens" if secret else "(not given) would open"),
            PEM_HINT,
        ) from None
    if key is None or certificate is None:
        raise InputError("%s holds no private key with its certificate." % source, PEM_HINT)
    return key, [certificate, *others]


def _matching(source: str, key: t.Any, certificates: t.Sequence[t.Any]) -> t.Any:
    rsa = need("cryptography.hazmat.primitives.asymmetric.rsa")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InputError(
            "%s: the key is not an RSA key." % source, "Microsoft Entra takes RSA keys only."
        )
    numbers = key.public_key().public_numbers()
    for certificate in certificates:
        public = certificate.public_key()
        if isinstance(public, rsa.RSAPublicKey) and public.public_numbers() == numbers:
            return certificate
    raise InputError("%s: no certificate belongs to the private key." % source, PEM_HINT)


def _check_dates(source: str, certificate: t.Any, now: float) -> None:
    end, start = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if end.timestamp() < now:
        raise InputError(
            "%s: the certificate expired at %s." % (source, _text(end.timestamp())),
            "Register a new one with the app, and give it here (docs/sign-in.md, certificate"
            " rotation).",
        )
    if start.timestamp() > now + 300:
        raise InputError(
            "%s: the certificate is valid from %s on." % (source, _text(start.timestamp())),
            "Check the clock of this machine, or give the certificate that is valid now.",
        )


def _text(moment: float) -> str:
    when = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _to_pem(source: str, key: t.Any, certificate: t.Any) -> ClientCertificate:
    serialization = need("cryptography.hazmat.primitives.serialization")
    hashes = need("cryptography.hazmat.primitives.hashes")
    return ClientCertificate(
        private_key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode("ascii"),
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        thumbprint=certificate.fingerprint(hashes.SHA256()).hex().upper(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        source=source,
    )

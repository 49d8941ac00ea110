# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A client certificate with its key, from one PEM or PFX file, checked before anything is sent."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine.errors import InputError, MissingLibrary
from ..._engine.module import need

PEM_HINT = (
    "Give one file with the private key and its certificate (PEM), or a PFX file, and"
    " certificate_passphrase if it is protected."
)
# From this version on msal makes the SHA-256 thumbprint itself.
OLDEST_MSAL = (1, 35)


@dataclasses.dataclass(frozen=True)
class ClientCertificate:
    """Key and certificate as PEM text, as msal takes them."""

    private_key: str = dataclasses.field(repr=False)
    certificate: str
    thumbprint: str

    def credential(self) -> dict[str, str]:
        """With the certificate instead of a SHA-1 thumbprint, msal signs with PS256 and names it by
        SHA-256.
        """
        msal = need("msal")
        if tuple(int(part) for part in msal.__version__.split(".")[:2]) < OLDEST_MSAL:
            raise MissingLibrary(
                "msal %s is too old for certificates." % msal.__version__,
                "Install msal 1.35 or later.",
            )
        return {"private_key": self.private_key, "public_certificate": self.certificate}


def load_certificate(path: str, passphrase: str, now: float) -> ClientCertificate:
    need("cryptography")
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as exc:
        raise InputError(
            "certificate_path: %s cannot be read: %s." % (path, exc.strerror or exc), PEM_HINT
        ) from None
    secret = passphrase.encode("utf-8") or None
    is_pem = b"-----BEGIN " in content
    key, certificates = (_from_pem if is_pem else _from_pfx)(path, content, secret)
    certificate = _matching(path, key, certificates)
    _check_dates(path, certificate, now)
    return _to_pem(key, certificate)


def _from_pem(path: str, content: bytes, secret: bytes | None) -> tuple[t.Any, list[t.Any]]:
    serialization = need("cryptography.hazmat.primitives.serialization")
    x509 = need("cryptography.x509")
    if b"PRIVATE KEY-----" not in content:
        raise InputError("certificate_path: %s holds no private key." % path, PEM_HINT)
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise InputError(
            "certificate_path: %s holds a private key but no certificate." % path, PEM_HINT
        )
    try:
        key = _pem_key(serialization, content, secret)
    except TypeError:
        raise InputError(
            "certificate_path: the private key in %s is encrypted." % path,
            "Give certificate_passphrase.",
        ) from None
    except ValueError:
        reason = (
            "cannot be decrypted with certificate_passphrase, or is damaged"
            if secret
            else "is damaged or of an unknown form"
        )
        raise InputError(
            "certificate_path: the private key in %s %s." % (path, reason), PEM_HINT
        ) from None
    try:
        return key, x509.load_pem_x509_certificates(content)
    except ValueError:
        raise InputError(
            "certificate_path: the certificate in %s is damaged." % path, PEM_HINT
        ) from None


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


def _from_pfx(path: str, content: bytes, secret: bytes | None) -> tuple[t.Any, list[t.Any]]:
    pkcs12 = need("cryptography.hazmat.primitives.serialization.pkcs12")
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, secret)
    except ValueError:
        raise InputError(
            "certificate_path: %s is neither PEM nor a PFX file that certificate_passphrase %s."
            % (path, "opens" if secret else "(not given) would open"),
            PEM_HINT,
        ) from None
    if key is None or certificate is None:
        raise InputError(
            "certificate_path: %s holds no private key with its certificate." % path, PEM_HINT
        )
    return key, [certificate, *others]


def _matching(path: str, key: t.Any, certificates: t.Sequence[t.Any]) -> t.Any:
    rsa = need("cryptography.hazmat.primitives.asymmetric.rsa")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InputError(
            "certificate_path: the key in %s is not an RSA key." % path,
            "Microsoft Entra takes RSA keys only.",
        )
    numbers = key.public_key().public_numbers()
    for certificate in certificates:
        public = certificate.public_key()
        if isinstance(public, rsa.RSAPublicKey) and public.public_numbers() == numbers:
            return certificate
    raise InputError(
        "certificate_path: no certificate in %s belongs to its private key." % path, PEM_HINT
    )


def _check_dates(path: str, certificate: t.Any, now: float) -> None:
    end = certificate.not_valid_after_utc
    if end.timestamp() < now:
        raise InputError(
            "certificate_path: the certificate in %s expired at %s."
            % (path, end.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")),
            "Register a new one with the app.",
        )


def _to_pem(key: t.Any, certificate: t.Any) -> ClientCertificate:
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
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.certificate import (
    load_certificate,
)

PASSPHRASE = "correct-horse"


def make_certificate(key: Any, days: int = 30) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = now - datetime.timedelta(days=60), now + datetime.timedelta(days=days)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), start, end
    )
    return builder.sign(key, hashes.SHA256())


def pem_key(key: Any, passphrase: str = "", form: Any = serialization.PrivateFormat.PKCS8) -> bytes:
    protection = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, form, protection)
    return pem


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    return make_certificate(key)


def load(directory: Path, content: bytes, passphrase: str = "") -> Any:
    path = directory / "client.bin"
    path.write_bytes(content)
    return load_certificate(str(path), passphrase, time.time())


def test_all_forms_give_the_same(
    tmp_path: Path, key: rsa.RSAPrivateKey, certificate: x509.Certificate
) -> None:
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    other = make_certificate(rsa.generate_private_key(65537, 2048))
    protection = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    forms = [
        (pem_key(key) + pem(certificate), ""),
        (pem(certificate) + pem_key(key, form=traditional), ""),
        (pem(other) + pem(certificate) + pem_key(key, PASSPHRASE), PASSPHRASE),
        (
            b"Bag Attributes\n  friendlyName: x\n"
            + pem_key(key)
            + b"more text\n"
            + pem(certificate),
            "unneeded-one",
        ),
        (
            pkcs12.serialize_key_and_certificates(b"n", key, certificate, [other], protection),
            PASSPHRASE,
        ),
        # as Azure Key Vault gives it
        (
            base64.encodebytes(
                pkcs12.serialize_key_and_certificates(
                    b"n", key, certificate, [other], serialization.NoEncryption()
                )
            ),
            "",
        ),
        (
            pkcs12.serialize_key_and_certificates(
                b"n", key, certificate, None, serialization.NoEncryption()
            ),
            "",
        ),
    ]
    found = [load(tmp_path, content, passphrase) for content, passphrase in forms]
    assert {item.thumbprint for item in found} == {
        certificate.fingerprint(hashes.SHA256()).hex().upper()
    }
    assert {item.private_key for item in found} == {pem_key(key).decode()}
    assert set(found[0].credential()) == {"private_key", "public_certificate"}
    assert "PRIVATE" not in repr(found[0])


def test_what_cannot_be_right_is_refused_with_a_reason(
    tmp_path: Path, key: rsa.RSAPrivateKey, certificate: x509.Certificate
) -> None:
    other_key = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    protection = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    whole = pem_key(key) + pem(certificate)
    cases = [
        (pem(certificate), "", "holds no private key"),
        (pem_key(key), "", "no certificate"),
        (pem_key(key, PASSPHRASE) + pem(certificate), "", "is encrypted"),
        (pem_key(key, PASSPHRASE) + pem(certificate), "wrong-passphrase", "cannot be decrypted"),
        (whole.replace(b"MII", b"AAA", 1), "", "damaged"),
        (
            pem_key(key) + pem(certificate).replace(b"MII", b"AAA", 1),
            "",
            "the certificate is damaged",
        ),
        (pem_key(other_key) + pem(certificate), "", "no certificate belongs"),
        (pem_key(curve) + pem(make_certificate(curve)), "", "not an RSA key"),
        (pem_key(key) + pem(make_certificate(key, days=-1)), "", "expired at"),
        (b"nonsense", "", "neither PEM nor a PFX"),
        (
            pkcs12.serialize_key_and_certificates(b"n", key, certificate, None, protection),
            "wrong-passphrase",
            "neither PEM nor a PFX",
        ),
        (
            pkcs12.serialize_key_and_certificates(b"n", None, None, [certificate], protection),
            PASSPHRASE,
            "no private key with",
        ),
    ]
    for content, passphrase, words in cases:
        with pytest.raises(InputError, match=words) as caught:
            load(tmp_path, content, passphrase)
        assert not passphrase or passphrase not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_certificate(str(tmp_path / "none.pem"), "", 0.0)

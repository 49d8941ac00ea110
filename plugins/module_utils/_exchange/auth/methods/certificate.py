# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sign-in with a certificate of an app registration."""

from __future__ import annotations

import typing as t

from ...._engine.errors import InputError
from ..certificate import ClientCertificate, load_certificate, parse_certificate
from .contract import AppMethod

# A new certificate can be registered beside the old one: this leaves time to do it.
WARN_DAYS = 30.0
_DAY = 86400.0


class _Certificate(AppMethod):
    beside = ("certificate_passphrase",)
    _loaded: ClientCertificate | None = None

    def _load(self) -> ClientCertificate:
        raise NotImplementedError

    def validate(self) -> None:
        if self._loaded is None:
            self._loaded = self._load()
            days = (self._loaded.not_after - self.context.now()) / _DAY
            if days < WARN_DAYS:
                self.context.warn_once(
                    "The certificate in %s expires in %d days, at %s. Register a new one beside it"
                    " with the app before that (docs/sign-in.md, certificate rotation)."
                    % (self._loaded.source, int(days), self._loaded.end)
                )

    def credential(self) -> dict[str, str]:
        self.validate()
        if self._loaded is None:
            raise InputError("%s was not read." % self.option)
        return self._loaded.credential()

    def presented(self) -> str:
        loaded = self._loaded
        return "certificate thumbprint (SHA-256) %s" % loaded.thumbprint if loaded else ""


class CertificateFile(_Certificate):
    """The app proves itself by a certificate and key in a file."""

    option = "certificate_path"
    SPEC: t.ClassVar[dict[str, t.Any]] = {
        "certificate_path": {"type": "path"},
        "certificate_passphrase": {"type": "str", "no_log": True},
    }
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {
        "certificate_path": "O365_CERTIFICATE_PATH",
        "certificate_passphrase": "O365_CERTIFICATE_PASSPHRASE",
    }

    def _load(self) -> ClientCertificate:
        passphrase = self.connection.get("certificate_passphrase")
        return load_certificate(self.given, passphrase, self.context.now())


class CertificateContent(_Certificate):
    """The app proves itself by a certificate and key that are given as text.

    A PFX in base64, as Azure Key Vault gives a certificate's secret, or PEM.
    """

    option = "certificate_content"
    SPEC: t.ClassVar[dict[str, t.Any]] = {
        "certificate_content": {"type": "str", "no_log": True},
    }
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {
        "certificate_content": "O365_CERTIFICATE_CONTENT",
    }

    def _load(self) -> ClientCertificate:
        passphrase = self.connection.get("certificate_passphrase")
        content = self.given.encode("utf-8")
        return parse_certificate(self.option, content, passphrase, self.context.now())

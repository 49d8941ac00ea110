# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""All ways to sign in. The imports are literal, so that Ansible ships the files."""

from __future__ import annotations

import typing as t

from .certificate import CertificateContent, CertificateFile
from .client_secret import ClientSecret
from .contract import Method
from .device_code import DeviceCode
from .federated import FederatedFile, FederatedRequest, FederatedToken
from .managed_identity import ManagedIdentity

METHODS: dict[str, type[Method]] = {
    method.option: method
    for method in (
        ClientSecret,
        CertificateFile,
        CertificateContent,
        FederatedFile,
        FederatedToken,
        FederatedRequest,
        ManagedIdentity,
        DeviceCode,
    )
}
SPEC: dict[str, t.Any] = {
    name: spec for method in METHODS.values() for name, spec in method.SPEC.items()
}
ENVIRONMENT: dict[str, str] = {
    name: variable for method in METHODS.values() for name, variable in method.ENVIRONMENT.items()
}
# Options that belong to a way and mean nothing without it.
BESIDE: dict[str, tuple[str, ...]] = {
    name: tuple(way for way, method in METHODS.items() if name in method.beside)
    for method in METHODS.values()
    for name in method.beside
}

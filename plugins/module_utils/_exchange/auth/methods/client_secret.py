# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sign-in with a client secret of an app registration."""

from __future__ import annotations

import typing as t

from ...._engine.errors import InputError
from ..token import is_guid
from .contract import AppMethod


class ClientSecret(AppMethod):
    """The app proves itself by a secret text."""

    option = "client_secret"
    SPEC: t.ClassVar[dict[str, t.Any]] = {"client_secret": {"type": "str", "no_log": True}}
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {"client_secret": "O365_CLIENT_SECRET"}

    def validate(self) -> None:
        if is_guid(self.given):
            raise InputError(
                "client_secret has the form of an id and cannot be a secret.",
                "Give the secret's value, which is shown once when it is made, not its id.",
            )

    def credential(self) -> str:
        return self.given

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sign-in with a token of another issuer (workload identity federation).

It comes from a file, a text or a request address, and is read when it is sent: runners write it
anew, and GitHub's lives five minutes. Sources: "Workload identity federation" and its
"Considerations" (learn.microsoft.com); "OpenID Connect reference" (docs.github.com).
"""

from __future__ import annotations

import typing as t
import urllib.parse

from ...._engine.errors import InputError, ReadError, SignInError
from ...._http import HttpClient, check_url
from ..token import claims_of
from .contract import AppMethod

FETCH_SECONDS = 30.0


class _Federated(AppMethod):
    _last = ""

    def _read(self) -> str:
        """Return the token as it is now."""
        raise NotImplementedError

    def assertion(self) -> str:
        """Return the token, checked for its form; msal calls this when it sends a request."""
        value = self._read()
        if value.count(".") != 2 or any(letter.isspace() for letter in value):
            raise InputError(
                "%s: %s does not hold a JSON web token." % (self.option, self._place()),
                "It is three parts with a dot between them, as the runner gives it.",
            )
        self._last = value
        return value

    def _place(self) -> str:
        return "the given text"

    def validate(self) -> None:
        self.assertion()

    def credential(self) -> dict[str, t.Any]:
        return {"client_assertion": self.assertion}

    @property
    def secrets(self) -> list[str]:
        return [*super().secrets, *([self._last] if self._last else [])]

    def presented(self) -> str:
        claims = claims_of(self._last)
        names = (("issuer", "iss"), ("subject", "sub"), ("audience", "aud"))
        found = ["%s '%s'" % (name, claims[claim]) for name, claim in names if claims.get(claim)]
        return "the token presents " + ", ".join(found) if found else ""


class FederatedFile(_Federated):
    """The token lies in a file, as in Kubernetes."""

    option = "federated_token_file"
    SPEC: t.ClassVar[dict[str, t.Any]] = {
        "federated_token_file": {"type": "path", "no_log": False},
    }
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {
        "federated_token_file": "O365_FEDERATED_TOKEN_FILE",
    }

    def _read(self) -> str:
        try:
            with open(self.given, encoding="utf-8") as stream:
                return stream.read().strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise InputError(
                "federated_token_file: %s cannot be read (%s)." % (self.given, type(exc).__name__),
                "Give the file that the runner writes the token to.",
            ) from None

    def _place(self) -> str:
        return self.given


class FederatedToken(_Federated):
    """The token is given as text, as GitLab puts it in the environment."""

    option = "federated_token"
    SPEC: t.ClassVar[dict[str, t.Any]] = {
        "federated_token": {"type": "str", "no_log": True},
    }
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {"federated_token": "O365_FEDERATED_TOKEN"}

    def _read(self) -> str:
        return self.given


class FederatedRequest(_Federated):
    """The token is asked for at an address of the runner, as GitHub Actions has it."""

    option = "federated_token_url"
    beside = ("federated_token_bearer",)
    SPEC: t.ClassVar[dict[str, t.Any]] = {
        "federated_token_url": {"type": "str", "no_log": False},
        "federated_token_bearer": {"type": "str", "no_log": True},
    }
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {
        "federated_token_url": "O365_FEDERATED_TOKEN_URL",
        "federated_token_bearer": "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    }

    def validate(self) -> None:
        """Check the address; the token itself is asked for when it is sent."""
        try:
            check_url(self.given)
        except InputError as exc:
            raise InputError("federated_token_url: %s" % exc.message, exc.hint) from None
        if not self.connection.get("federated_token_bearer"):
            raise InputError(
                "federated_token_url is given, and federated_token_bearer is not.",
                "On GitHub the job needs 'permissions: id-token: write', which sets"
                " ACTIONS_ID_TOKEN_REQUEST_TOKEN.",
            )

    def _read(self) -> str:
        self.validate()
        parts = urllib.parse.urlsplit(self.given)
        query = {
            "audience": self.connection.endpoints.cloud.token_exchange,
            **dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True)),
        }
        bearer = "Bearer " + self.connection.get("federated_token_bearer")
        client = HttpClient(
            "%s://%s" % (parts.scheme, parts.netloc),
            headers={"Authorization": bearer, "Accept": "application/json"},
            ca_path=self.connection.ca_path,
            deadline=min(FETCH_SECONDS, float(self.connection.timeout)),
            sleep=self.context.sleep,
        )
        reply = client.get(parts.path or "/", params=query)
        if not reply.ok:
            raise SignInError(
                "The runner gave no token: %s answered %d." % (reply.where, reply.status),
                "Does the job have 'permissions: id-token: write', and does it still run?",
            )
        return _value(reply.json(), reply.where)


def _value(document: t.Any, where: str) -> str:
    value = document.get("value") if isinstance(document, dict) else None
    if not isinstance(value, str):
        raise ReadError(
            "%s answered without a token." % where,
            "federated_token_url must be an address like GitHub's ACTIONS_ID_TOKEN_REQUEST_URL.",
        )
    return value

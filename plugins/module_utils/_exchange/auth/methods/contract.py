# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What one way to sign in is: a class with its options, an offline check, and a sign-in."""

from __future__ import annotations

import typing as t
import urllib.parse

from ...._engine.context import Context
from ...._engine.errors import MailflowError, SignInError
from ..aadsts import hint_of
from ..connection import Connection
from ..library import load
from ..texts import clean, code_of, shown
from ..wire import Wire

Answer = t.Mapping[str, t.Any]


class Method:
    """One way to sign in.

    A new one needs a file here, a line in ``table.py``, its options' documentation in the fragment
    ``exchange``, a section in ``docs/sign-in.md``, and the lab's side of it.

    ``option`` chooses it, and ``beside`` are options that belong to it. ``needs`` are shared
    options that must be given, too. ``SPEC`` holds the argument specs, ``ENVIRONMENT`` the
    variables that count where an option is not given.
    """

    option: t.ClassVar[str]
    beside: t.ClassVar[tuple[str, ...]] = ()
    needs: t.ClassVar[tuple[str, ...]] = ("tenant", "client_id")
    SPEC: t.ClassVar[dict[str, t.Any]]
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {}

    def __init__(self, connection: Connection, context: Context, wire: Wire) -> None:
        self.connection = connection
        self.context = context
        self.wire = wire

    def validate(self) -> None:
        """Check what can be checked without the network.

        :raises InputError: what was wrong, where, and what would be right.
        """

    def authenticate(self, resource: str, claims: str) -> Answer:
        """Ask for a token for the resource.

        ``claims``: what a claims challenge of the service asked for (JSON text), or "". Returns
        msal's answer: C(access_token) and C(expires_in), or C(error) and C(error_description).
        """
        raise NotImplementedError

    def presented(self) -> str:
        """Return who the credential says that it is, for a refusal's text; "" if it is silent."""
        return ""

    @property
    def given(self) -> str:
        """Return the value of the option that chose this way."""
        return self.connection.get(self.option)

    @property
    def secrets(self) -> list[str]:
        """Return what no text may show."""
        return self.connection.secrets

    @property
    def authority(self) -> str:
        """Return the address of the tenant at the sign-in service."""
        tenant = urllib.parse.quote(self.connection.get("tenant"), safe="")
        return "%s/%s" % (self.connection.endpoints.authority, tenant)

    def options(self) -> dict[str, t.Any]:
        """Return what every application object of msal is given.

        The table of clouds is our instance discovery; msal's own would ask a public host about any
        other. CP1 says that claims challenges are answered.
        """
        return {
            "authority": self.authority,
            "http_client": self.wire,
            "instance_discovery": False,
            "client_capabilities": ["CP1"],
        }

    def application(self, make: t.Callable[..., t.Any], **options: t.Any) -> t.Any:
        """Return an application object of msal, which looks the authority up."""
        try:
            return make(self.connection.get("client_id"), **self.options(), **options)
        except MailflowError:
            raise
        except Exception as exc:
            # msal hides why the look-up of the authority was refused: the answer itself tells.
            code = code_of(self.wire.last_text)
            text = shown(self.wire.last_text if code else str(exc), self.secrets)
            raise SignInError(
                "The sign-in to tenant %s at %s failed: %s"
                % (self.connection.get("tenant"), self.connection.endpoints.authority, text),
                hint_of(code) if code else "Check the option tenant and authority_url.",
                code="AADSTS%d" % code if code else "",
            ) from None

    def failed(self, exc: BaseException) -> SignInError:
        """Return the error for an exception of msal."""
        text = clean(" ".join(str(exc).split()) or type(exc).__name__, self.secrets)
        return SignInError(
            "The sign-in with %s failed: %s." % (self.option, text[:300].rstrip(".")),
            "Check the addresses and options of the sign-in.",
        )


class AppMethod(Method):
    """An app registration that proves itself (client credentials grant)."""

    def credential(self) -> t.Any:
        """Return what msal takes as client_credential."""
        raise NotImplementedError

    def authenticate(self, resource: str, claims: str) -> Answer:
        msal = load()
        # A new one each time: msal would use an assertion (and a token) again, and each is good for
        # one request. The look-up of the authority is kept by the wire.
        app = self.application(
            msal.ConfidentialClientApplication, client_credential=self.credential()
        )
        try:
            found = app.acquire_token_for_client(
                scopes=[resource + "/.default"], claims_challenge=claims or None
            )
        except MailflowError:
            raise
        except Exception as exc:
            raise self.failed(exc) from None
        return found if isinstance(found, dict) else {}

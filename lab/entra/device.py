# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The device code flow: a code for a person, who signs in elsewhere, and a token for who waits.

Sources: RFC 8628; "Microsoft identity platform and the OAuth 2.0 device authorization grant flow"
(learn.microsoft.com). Whether a policy that blocks the flow shows in the browser only or in the
answer to the waiting client, too, is not documented: here the client is told.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from lab.entra.errors import EntraError, missing
from lab.server import Hub

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LIFETIME = 900
INTERVAL = 5
# Without vowels and what looks alike
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


class DeviceCodes:
    """The codes that were given out, in C(world["entra"]["device_codes"])."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    @property
    def _codes(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self._hub.world["entra"]["device_codes"]
        return found

    def start(self, client_id: str, app: Mapping[str, Any], scope: str) -> dict[str, Any]:
        """Return a new code for a person."""
        if not app.get("public_client"):
            raise EntraError(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or"
                " 'client_secret'.",
            )
        device, user = (
            secrets.token_urlsafe(48),
            "".join(secrets.choice(_LETTERS) for _ in range(9)),
        )
        self._codes[device] = {
            "client_id": client_id,
            "scope": scope,
            "user_code": user,
            "end": self._hub.clock.time() + LIFETIME,
            "user": None,
            "declined": False,
        }
        page = f"{self._hub.urls['authority']}/devicelogin"
        return {
            "user_code": user,
            "device_code": device,
            "verification_uri": page,
            "expires_in": LIFETIME,
            "interval": INTERVAL,
            "message": (
                f"To sign in, use a web browser to open the page {page} and enter the code {user}"
                " to authenticate."
            ),
        }

    def sign_in(self, form: Mapping[str, str]) -> bool:
        """Do what the person does on the page: enter the code, and sign in or decline."""
        for entry in self._codes.values():
            if entry["user_code"] == form.get("user_code"):
                entry["declined"] = bool(form.get("decline"))
                entry["user"] = form.get("username") or None
                return True
        return False

    def redeem(self, client_id: str, form: Mapping[str, str]) -> tuple[str, str]:
        """Return the name of the person who signed in with the code, and the scope it is for.

        :raises EntraError: nobody did yet, or it is no good any more.
        """
        code = form.get("device_code") or form.get("code")
        if not code:
            raise missing("device_code")
        entry = self._codes.get(code)
        if entry is None or entry["client_id"] != client_id:
            raise EntraError(400, "bad_verification_code", 70018, "Bad verification code.")
        if entry["end"] <= self._hub.clock.time():
            raise EntraError(
                400, "expired_token", 70019, "Verification code expired. Please start over."
            )
        if entry["declined"]:
            raise EntraError(
                400, "authorization_declined", 90120, "The end user denied the request."
            )
        if entry["user"] is None:
            raise EntraError(
                400,
                "authorization_pending",
                70016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            )
        if self._hub.setting("device_code_policy", "allow") == "block":
            raise EntraError(
                400,
                "invalid_grant",
                53003,
                "Access has been blocked by Conditional Access policies. The access policy does"
                " not allow token issuance.",
            )
        del self._codes[code]
        return str(entry["user"]), str(entry["scope"])

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sign-in of a person in a browser, by a code that the terminal shows (RFC 8628)."""

from __future__ import annotations

import typing as t

from ...._engine.errors import InputError, MailflowError, SignInError
from ..library import load
from ..texts import clean
from .contract import Answer, Method

# The service's own interval, should its answer name none (RFC 8628, section 3.2).
INTERVAL = 5.0
_WAITING = ("authorization_pending", "slow_down")


class DeviceCode(Method):
    """A person signs in; what may be done is what the person may do.

    For a first set-up at a terminal: many tenants block it by policy, and nobody sits at a
    runner's.
    """

    option = "device_code"
    SPEC: t.ClassVar[dict[str, t.Any]] = {"device_code": {"type": "bool"}}
    _app: t.Any = None

    def authenticate(self, resource: str, claims: str) -> Answer:
        msal = load()
        scopes = [resource + "/.default"]
        if self._app is None:
            self._app = self.application(msal.PublicClientApplication)
        try:
            return self._silent(scopes, claims) or self._ask(scopes, claims)
        except MailflowError:
            raise
        except Exception as exc:
            raise self.failed(exc) from None

    def _silent(self, scopes: list[str], claims: str) -> Answer:
        """Return a token for another service from the sign-in that was made, {} without one."""
        accounts = self._app.get_accounts()
        if not accounts:
            return {}
        found = self._app.acquire_token_silent(scopes, accounts[0], claims_challenge=claims or None)
        return found if isinstance(found, dict) else {}

    def _ask(self, scopes: list[str], claims: str) -> Answer:
        flow = self._app.initiate_device_flow(scopes=scopes, claims_challenge=claims or None)
        if "user_code" not in flow:
            return t.cast("Answer", flow)
        place = clean(str(flow.get("verification_uri") or ""), self.secrets)[:200]
        answer = self.context.ask(
            "To sign in, open %s in a browser and enter the code %s."
            " Press Enter here when the browser says that you are signed in."
            % (place, clean(str(flow["user_code"]), self.secrets)[:20])
        )
        if answer is None:
            raise InputError(
                "device_code needs a person who reads the code, and nobody can read it here.",
                "Run ansible-playbook at a terminal, on the controller; on a runner use a"
                " certificate, a federated token or a managed identity.",
            )
        return self._poll(flow, claims)

    def _poll(self, flow: dict[str, t.Any], claims: str) -> Answer:
        left = float(flow.get("expires_in") or 900)
        while True:
            found: Answer = self._app.acquire_token_by_device_flow(
                flow, claims_challenge=claims or None, exit_condition=lambda flow: True
            )
            interval = max(float(flow.get("interval") or INTERVAL), 1.0)
            left -= interval
            if found.get("error") not in _WAITING:
                return found
            if left <= 0:
                raise SignInError(
                    "Nobody signed in with the code in time.",
                    "Run again and use the new code within its time.",
                )
            self.context.sleep(interval)

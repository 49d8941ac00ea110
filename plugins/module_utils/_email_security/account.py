# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One account with one token: what Cloudflare says of the token, and why it refused a call."""

from __future__ import annotations

import typing as t

from .._cloudflare_api import CloudflareApi
from .._engine.errors import MailflowError, NotFound, PermissionDenied, SignInError

ResultT = t.TypeVar("ResultT")

READ = "Cloud Email Security: Read"
WRITE = "Cloud Email Security: Write"


class Account:
    """One Cloudflare account, usable by several threads at once.

    ``path`` is the address of the account's Email Security below the API's base.
    """

    def __init__(self, api: CloudflareApi, account: str) -> None:
        self.api = api
        self.path = "accounts/%s/email-security" % account
        self._account = account
        self._token: str | None = None

    def token_status(self) -> dict[str, t.Any]:
        """Return what Cloudflare says of the token.

        The keys are ``status``, ``kind``, ``expires_on`` and ``refused``; ``status`` is empty where
        the service does not say. The token of an account is unknown at the address for the tokens
        of users, and the other way round, so both addresses are asked. The answer only informs: a
        failure to answer is no failure of the caller, and does not count against the token.
        """
        refused, unsure = False, False
        for kind, path in (
            ("user", "user/tokens/verify"),
            ("account", "accounts/%s/tokens/verify" % self._account),
        ):
            try:
                found = self.api.get(path)
            except (NotFound, PermissionDenied):
                continue
            except SignInError:
                refused = True
                continue
            except MailflowError:
                unsure = True
                continue
            if isinstance(found, dict) and found.get("status"):
                return {
                    "kind": kind,
                    "status": str(found["status"]).lower(),
                    "expires_on": found.get("expires_on"),
                    "refused": False,
                }
        return {"kind": "", "status": "", "expires_on": None, "refused": refused and not unsure}

    def explained(self, call: t.Callable[[], ResultT], permission: str) -> ResultT:
        """Return the answer of ``call``, or raise its refusal with the likely cause."""
        try:
            return call()
        except (PermissionDenied, SignInError) as exc:
            raise self._why(exc, permission) from None

    def _why(self, exc: MailflowError, permission: str) -> MailflowError:
        """Return the error that names the cause of a refusal.

        Three causes look alike at the API: no subscription, a token without the permission, an
        invalid token.
        """
        if "not available in the current subscription" in exc.message.lower():
            return PermissionDenied(
                "The Cloudflare account has no Email Security: %s" % exc.message,
                "Check area1_account_id, or ask Cloudflare for an Email Security subscription of"
                " this account.",
                **exc.details,
            )
        status = self._token_word()
        if status in ("", "active") and isinstance(exc, PermissionDenied):
            return PermissionDenied(
                exc.message,
                "Give the API token the permission %s for this account%s."
                % (permission, "" if status else ", and check that it is not expired"),
                **exc.details,
            )
        if status in ("", "active"):
            return exc
        return SignInError(
            "%s The API token is %s." % (exc.message, status),
            "Make a new one in the Cloudflare dashboard.",
            **exc.details,
        )

    def _token_word(self) -> str:
        """Return the token's status, asked once: one reason may refuse many objects."""
        if self._token is None:
            found = self.token_status()
            self._token = "not known to Cloudflare" if found["refused"] else str(found["status"])
        return self._token

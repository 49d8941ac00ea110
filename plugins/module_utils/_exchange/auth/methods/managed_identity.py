# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sign-in as the managed identity of the Azure machine, container, function or Arc server.

Sources: "How to use managed identities on an Azure VM to acquire an access token", "Authenticate
against Azure resources with Azure Arc-enabled servers" (learn.microsoft.com); the request itself is
msal's.
"""

from __future__ import annotations

import re
import typing as t

from ...._engine.errors import InputError, MailflowError, SignInError
from ...._http import new_session
from ..library import load
from ..texts import clean, shown
from ..token import claims_of, is_guid
from .contract import Answer, Method

LONGEST_SECONDS = 30.0
# Outside Azure nothing answers at the address of the metadata service.
CONNECT_SECONDS = 5.0
TRIES = 3
# "Error handling" of the VM's page: these pass; 404 and 410 come while the service is renewed.
TRANSIENT = frozenset({404, 410, 429, 500, 502, 503, 504})
_SYSTEM = ("system", "true", "yes", "on", "1")
_RESOURCE_ID = re.compile(r"/subscriptions/[^\s]+/userAssignedIdentities/[^\s/]+", re.IGNORECASE)
_ANYWHERE = (
    "This way works on Azure machines and Arc servers that have an identity, and for the user who"
    " may reach it; a container needs the host's network or a federated credential instead."
)


class ManagedIdentity(Method):
    """The machine's own identity; no tenant, app or secret is involved."""

    option = "managed_identity"
    needs = ()
    SPEC: t.ClassVar[dict[str, t.Any]] = {"managed_identity": {"type": "str"}}
    ENVIRONMENT: t.ClassVar[dict[str, str]] = {"managed_identity": "O365_MANAGED_IDENTITY"}
    _status = 0

    def validate(self) -> None:
        self._selector()

    def _selector(self) -> dict[str, str]:
        """Return the argument of msal's user-assigned identity, {} for the system's.

        It is always sent: a machine with one user-assigned identity would answer without it, and
        with another one on the day that it gets a second.
        """
        chosen = self.given
        if chosen.lower() in _SYSTEM:
            return {}
        if is_guid(chosen):
            return {"client_id": chosen}
        kind, _colon, rest = chosen.partition(":")
        if kind == "object_id" and is_guid(rest):
            return {"object_id": rest}
        if _RESOURCE_ID.fullmatch(chosen):
            return {"resource_id": chosen}
        raise InputError(
            "managed_identity is neither 'system' nor names a user-assigned identity.",
            "Give system, or the identity's client id, its resource id (/subscriptions/...), or its"
            " object id as object_id:<id>.",
        )

    def authenticate(self, resource: str, claims: str) -> Answer:
        msal = load()
        selector = self._selector()
        identity = (
            msal.UserAssignedManagedIdentity(**selector)
            if selector
            else msal.SystemAssignedManagedIdentity()
        )
        for attempt in range(1, TRIES + 1):
            answer, problem = self._once(msal, identity, resource, claims)
            if answer.get("access_token"):
                return self._checked(answer, selector)
            if self._status not in TRANSIENT or attempt == TRIES:
                break
            self.context.sleep(2.0**attempt)
        raise self._no_token(answer, problem)

    def _once(
        self, msal: t.Any, identity: t.Any, resource: str, claims: str
    ) -> tuple[dict[str, t.Any], BaseException | None]:
        client = msal.ManagedIdentityClient(identity, http_client=self._session())
        self._status = 0
        try:
            answer = client.acquire_token_for_client(
                resource=resource, claims_challenge=claims or None
            )
        except MailflowError:
            raise
        except Exception as exc:
            return {}, exc
        return (answer if isinstance(answer, dict) else {}), None

    def _session(self) -> t.Any:
        session = new_session(None)
        # The metadata service is on this machine; a proxy must never see its answer.
        session.trust_env = False
        seconds = min(float(self.connection.timeout), LONGEST_SECONDS)
        session.request = _with_timeout(session.request, (min(CONNECT_SECONDS, seconds), seconds))
        session.hooks["response"].append(self._note)
        return session

    def _note(self, reply: t.Any, *ignored: t.Any, **also_ignored: t.Any) -> None:
        """Keep the status: msal's answer does not always tell it."""
        self._status = int(reply.status_code)

    def _checked(self, answer: dict[str, t.Any], selector: t.Mapping[str, str]) -> Answer:
        """Refuse the token of another identity than the one that was named."""
        wanted = selector.get("client_id", "")
        found = str(claims_of(str(answer["access_token"])).get("appid") or "")
        if wanted and found and found.lower() != wanted.lower():
            raise SignInError(
                "The machine answered with the identity %s, not with %s." % (found, wanted),
                "Assign the named identity to this machine; an old Azure Arc agent knows only the"
                " system's.",
            )
        return answer

    def _no_token(
        self, answer: t.Mapping[str, t.Any], problem: BaseException | None
    ) -> MailflowError:
        status = " (status %d)" % self._status if self._status else ""
        if isinstance(problem, PermissionError):
            return SignInError(
                "The managed identity gave no token: the Azure Arc agent's key cannot be read.",
                "Run as root, or add the user to the group himds.",
            )
        if isinstance(problem, ValueError) and self._status:
            return SignInError(
                "The managed identity gave no token: the machine's service answered%s with what is"
                " no token answer." % status,
                _ANYWHERE,
            )
        if problem is not None:
            text = clean(" ".join(str(problem).split()) or type(problem).__name__, self.secrets)
            return SignInError(
                "The managed identity gave no token: %s." % text[:300].rstrip("."), _ANYWHERE
            )
        text = shown(
            str(answer.get("error_description") or answer.get("error") or "no reason"), self.secrets
        )
        return SignInError(
            "The managed identity gave no token%s: %s" % (status, text),
            _ANYWHERE
            if "not found" not in text.lower()
            else "Assign the identity to this machine, and check managed_identity.",
            code=str(answer.get("error") or ""),
        )


def _with_timeout(request: t.Callable[..., t.Any], seconds: t.Any) -> t.Callable[..., t.Any]:
    def timed(*args: t.Any, **options: t.Any) -> t.Any:
        options.setdefault("timeout", seconds)
        return request(*args, **options)

    return timed

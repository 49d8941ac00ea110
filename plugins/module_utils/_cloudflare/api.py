# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The account's Email Security domains over the API: list, read, create, change, verification, token. Never removes one."""

from __future__ import annotations

import threading
import typing as t
import urllib.parse

from .._cloudflare_api import CloudflareApi
from .._engine.errors import MailflowError, NotFound, PermissionDenied, ReadError, Refused, SignInError
from .._engine.values import host_name
from .readiness import PROOF_FIELDS

Domain = dict[str, t.Any]
ResultT = t.TypeVar("ResultT")

READ = "Cloud Email Security: Read"
WRITE = "Cloud Email Security: Write"
PER_PAGE = 50
NOT_OFFERED = (400, 404, 405, 501)


class _FirstWrite:
    """The first write goes alone: the grant is the account's, so that one refusal settles it for the writes that wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._granted = False
        self._refusal: PermissionDenied | None = None

    def first(self, write: t.Callable[[], ResultT]) -> ResultT:
        if not self._granted:
            with self._lock:
                if self._refusal is not None:
                    raise self._refusal
                if not self._granted:
                    return self._alone(write)
        return write()

    def _alone(self, write: t.Callable[[], ResultT]) -> ResultT:
        try:
            answer = write()
        except PermissionDenied as exc:
            self._refusal = exc
            raise
        self._granted = True
        return answer


class EmailSecurity:
    """One account. May be used by several threads."""

    def __init__(self, api: CloudflareApi, account: str) -> None:
        self._api = api
        self._account = account
        self._path = "accounts/%s/email-security/settings/domains" % account
        self._token: str | None = None
        self._may_write = _FirstWrite()

    def list(self) -> dict[str, Domain]:
        """All domains by canonical name. An element without a name is an error: it could be the one that is looked for."""
        found: dict[str, Domain] = {}
        for item in self._explained(
            lambda: [*self._api.pages(self._path, {}, per_page=PER_PAGE, permission=READ)], READ
        ):
            record = _record(item, "The list of Email Security domains")
            found[host_name(record["domain"])] = record
        return found

    def read(self, domain_id: t.Any) -> Domain | None:
        """One domain; None where the service says that there is none of this id."""
        try:
            return _record(
                self._explained(lambda: self._api.get(self._one(domain_id), permission=READ), READ),
                "The Email Security domain",
            )
        except NotFound:
            return None

    def create(self, body: Domain) -> Domain:
        try:
            return self._answer(
                self._written("POST", self._path, body)
            )
        except (NotFound, Refused) as exc:
            if exc.details.get("status") not in (404, 405):
                raise
            raise Refused(
                "This account's API cannot create Email Security domains: %s" % exc.message,
                "Add %s in the Cloudflare dashboard (Email security, Settings, Domains), then run again."
                % body["domain"],
                **exc.details,
            ) from None

    def update(self, domain_id: t.Any, body: Domain) -> Domain:
        return self._answer(
            self._written("PATCH", self._one(domain_id), body)
        )

    def verification(self, domain_id: t.Any) -> Domain | None:
        """The proof of ownership that the service asks for; None where it offers none, or names neither status nor record."""
        try:
            found = self._explained(
                lambda: self._api.get("%s/verification" % self._one(domain_id), permission=READ), READ
            )
        except (NotFound, ReadError) as exc:
            if exc.details.get("status") not in NOT_OFFERED:
                raise
            return None
        if found is not None and not isinstance(found, dict):
            raise ReadError(
                "The verification of an Email Security domain is not an object.", "Is the API address right?"
            )
        return found if found and any(found.get(key) for key in PROOF_FIELDS) else None

    def token_status(self) -> dict[str, t.Any]:
        """What the service says of the token: C(status), C(kind), C(expires_on), C(refused); C(status) empty where it does not say.

        A token of an account is unknown at the address for tokens of users and the other way round. What is said here only
        informs: a failure to answer is no failure of the caller, and no word against the token either.
        """
        refused, unsure = False, False
        for kind, path in (("user", "user/tokens/verify"), ("account", "accounts/%s/tokens/verify" % self._account)):
            try:
                found = self._api.get(path)
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

    def _one(self, domain_id: t.Any) -> str:
        return "%s/%s" % (self._path, urllib.parse.quote(str(domain_id), safe=""))

    def _written(self, method: str, path: str, body: Domain) -> t.Any:
        return self._may_write.first(
            lambda: self._explained(lambda: self._api.write(method, path, body, permission=WRITE), WRITE)
        )

    def _answer(self, item: t.Any) -> Domain:
        """What a write answers is a courtesy: what counts is read back."""
        return item if isinstance(item, dict) else {}

    def _explained(self, call: t.Callable[[], ResultT], permission: str) -> ResultT:
        try:
            return call()
        except (PermissionDenied, SignInError) as exc:
            raise self._why(exc, permission) from None

    def _why(self, exc: MailflowError, permission: str) -> MailflowError:
        """Three things look alike at the API: no subscription, a token without the grant, and no valid token."""
        if "not available in the current subscription" in exc.message.lower():
            return PermissionDenied(
                "The Cloudflare account has no Email Security: %s" % exc.message,
                "Check area1_account_id, or ask Cloudflare for an Email Security subscription of this account.",
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
        """Asked once: many domains may be refused for the same reason."""
        if self._token is None:
            found = self.token_status()
            self._token = "not known to Cloudflare" if found["refused"] else str(found["status"])
        return self._token


def _record(item: t.Any, what: str) -> Domain:
    if not isinstance(item, dict) or not item.get("domain"):
        raise ReadError(
            "%s came without the domain's name." % what, "Is api_url the address of Cloudflare's API, with /client/v4?"
        )
    return item

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The account's Email Security domains over the API: list, read, create, change, verification.

Nothing here removes a domain.
"""

from __future__ import annotations

import threading
import typing as t
import urllib.parse

from .._cloudflare_api import CloudflareApi
from .._engine.errors import NotFound, PermissionDenied, ReadError, Refused
from .._engine.values import host_name
from .account import READ, WRITE, Account
from .readiness import PROOF_FIELDS

Domain = dict[str, t.Any]
ResultT = t.TypeVar("ResultT")

PER_PAGE = 50
NOT_OFFERED = (400, 404, 405, 501)


class _FirstWrite:
    """A gate for writes: the first one goes alone, the others wait for it.

    The permission is the account's, so one refusal settles all writes that wait.
    """

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
    """The Email Security domains of one account, usable by several threads at once."""

    def __init__(self, api: CloudflareApi, account: str) -> None:
        self._api = api
        self._owner = Account(api, account)
        self._path = "%s/settings/domains" % self._owner.path
        self._may_write = _FirstWrite()

    def list(self) -> dict[str, Domain]:
        """Return all domains by canonical name.

        Raise ReadError for an element without a name: it could be the one that is looked for.
        """
        found: dict[str, Domain] = {}
        for item in self._explained(
            lambda: [*self._api.pages(self._path, {}, per_page=PER_PAGE, permission=READ)], READ
        ):
            record = _record(item, "The list of Email Security domains")
            found[host_name(record["domain"])] = record
        return found

    def read(self, domain_id: t.Any) -> Domain | None:
        """Return one domain, or None where the service knows no domain of this id."""
        try:
            return _record(
                self._explained(lambda: self._api.get(self._one(domain_id), permission=READ), READ),
                "The Email Security domain",
            )
        except NotFound:
            return None

    def create(self, body: Domain) -> Domain:
        try:
            return self._answer(self._written("POST", self._path, body))
        except (NotFound, Refused) as exc:
            if exc.details.get("status") not in (404, 405):
                raise
            raise Refused(
                "This account's API cannot create Email Security domains: %s" % exc.message,
                "Add %s in the Cloudflare dashboard (Email security, Settings, Domains), then run"
                " again." % body["domain"],
                **exc.details,
            ) from None

    def update(self, domain_id: t.Any, body: Domain) -> Domain:
        return self._answer(self._written("PATCH", self._one(domain_id), body))

    def verification(self, domain_id: t.Any) -> Domain | None:
        """Return the proof of ownership that the service asks for, or None.

        None: it offers no verification of this domain, or names neither status nor record.
        """
        try:
            found = self._explained(
                lambda: self._api.get("%s/verification" % self._one(domain_id), permission=READ),
                READ,
            )
        except (NotFound, ReadError) as exc:
            if exc.details.get("status") not in NOT_OFFERED:
                raise
            return None
        if found is not None and not isinstance(found, dict):
            raise ReadError(
                "The verification of an Email Security domain is not an object.",
                "Is the API address right?",
            )
        return found if found and any(found.get(key) for key in PROOF_FIELDS) else None

    def token_status(self) -> dict[str, t.Any]:
        return self._owner.token_status()

    def _one(self, domain_id: t.Any) -> str:
        return "%s/%s" % (self._path, urllib.parse.quote(str(domain_id), safe=""))

    def _written(self, method: str, path: str, body: Domain) -> t.Any:
        return self._may_write.first(
            lambda: self._explained(
                lambda: self._api.write(method, path, body, permission=WRITE), WRITE
            )
        )

    def _answer(self, item: t.Any) -> Domain:
        """Return the object that a write answered with, or {}: it is read back anyway."""
        return item if isinstance(item, dict) else {}

    def _explained(self, call: t.Callable[[], ResultT], permission: str) -> ResultT:
        return self._owner.explained(call, permission)


def _record(item: t.Any, what: str) -> Domain:
    if not isinstance(item, dict) or not item.get("domain"):
        raise ReadError(
            "%s came without the domain's name." % what,
            "Is api_url the address of Cloudflare's API, with /client/v4?",
        )
    return item

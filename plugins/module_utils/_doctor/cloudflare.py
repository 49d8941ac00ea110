# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Cloudflare's side: which account, and what the token may do."""

from __future__ import annotations

import typing as t

from .._cloudflare_api import CloudflareApi
from .._email_security.account import READ, Account
from .._email_security.options import account_of, api_of, given
from .._engine.context import Context
from .._engine.errors import MailflowError, NotFound, PermissionDenied
from .findings import Findings

SECTION = "cloudflare"
ZONES_READ = "Zone: Read"
DNS_WRITE = "DNS: Write"
_PLACES = {
    "account_id": "area1_account_id (environment AREA1_ACCOUNT_ID)",
    "api_token": "area1_api_token (environment AREA1_API_TOKEN)",
}


def missing(params: t.Mapping[str, t.Any]) -> list[str]:
    """Return what is not given, each with every place for it."""
    return [place for name, place in _PLACES.items() if not given(params, name)]


def look(found: Findings, params: t.Mapping[str, t.Any], context: Context) -> None:
    """Ask Cloudflare what it knows of the token, and try the reads that runs need."""
    lacking = missing(params)
    if lacking:
        found.problem(SECTION, "Cloudflare: not given: %s." % "; ".join(lacking))
        return
    with found.caught(SECTION):
        account, api = account_of(params), api_of(params, context)
        security = Account(api, account)
        _token(found, security, account)
        _account(found, api, account, context)
        domains = security.path + "/settings/domains"
        _try(found, "email_security", lambda: next(api.pages(domains), None), READ)
        _try(found, "zones", lambda: next(api.pages("zones", per_page=5), None), ZONES_READ)


def _token(found: Findings, security: Account, account: str) -> None:
    status = security.token_status()
    found.note(
        SECTION,
        account_id=account,
        token={name: status[name] for name in ("kind", "status", "expires_on")},
    )
    if status["refused"] or status["status"] not in ("", "active"):
        found.problem(
            SECTION,
            "The API token is %s." % (status["status"] or "not known to Cloudflare"),
            "Make a new one with the permissions Account: %s and Zone: %s." % (READ, DNS_WRITE),
        )


def _account(found: Findings, api: CloudflareApi, account: str, context: Context) -> None:
    try:
        answer = api.call("GET", "accounts/%s" % account)
    except (NotFound, PermissionDenied):
        found.note(SECTION, account="the token may not read it, and need not")
        return
    if answer.date:
        found.skews["Cloudflare"] = answer.date.timestamp() - context.now()
    result = answer.result
    name = result.get("name") if isinstance(result, dict) else None
    found.note(SECTION, account=str(name or ""))


def _try(found: Findings, what: str, read: t.Callable[[], t.Any], permission: str) -> None:
    """Note whether a read works; Cloudflare does not tell a token's permissions otherwise."""
    try:
        read()
    except MailflowError as exc:
        found.note(SECTION, **{what: "refused"})
        found.problem(
            SECTION,
            "%s cannot be read: %s" % (what.replace("_", " "), exc.message),
            "Does the token have the permission %s?" % permission,
        )
        return
    found.note(SECTION, **{what: "readable"})

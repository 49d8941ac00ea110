# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whether each service's address answers at all, without any credential, and its clock."""

from __future__ import annotations

import typing as t

from .._cloudflare_api import DEFAULT_API_URL
from .._engine.context import Context
from .._engine.errors import MailflowError
from .._exchange.auth.options import resolve
from .._http import HttpClient
from .findings import Findings

SECTION = "services"
SECONDS = 10.0


def look(found: Findings, params: t.Mapping[str, t.Any], context: Context) -> None:
    """Ask each address for anything; whatever it answers, it was reached."""
    addresses = {"Cloudflare": str(params.get("api_url") or DEFAULT_API_URL)}
    # What is wrong with the options is said elsewhere.
    try:
        ends = resolve(params).endpoints
        addresses |= {
            "sign-in service": ends.authority,
            "Exchange Online": ends.exchange,
            "Microsoft Graph": ends.graph,
        }
    except MailflowError:
        pass
    for name, address in addresses.items():
        _reach(found, params, context, name, address)


def _reach(
    found: Findings, params: t.Mapping[str, t.Any], context: Context, name: str, address: str
) -> None:
    with found.caught(SECTION):
        found.note(SECTION, **{name: "not reached"})
        client = HttpClient(
            address,
            ca_path=params.get("ca_path") or None,
            deadline=SECONDS,
            timeout=SECONDS,
            sleep=context.sleep,
            tries=1,
        )
        reply = client.get("/")
        found.note(SECTION, **{name: "reached (%d)" % reply.status})
        if reply.date:
            found.skews[name] = reply.date.timestamp() - context.now()

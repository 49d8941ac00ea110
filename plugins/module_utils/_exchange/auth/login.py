# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One sign-in for many tasks: the logic of o365_login."""

from __future__ import annotations

import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError, SignInError
from ..._engine.module import Result
from .options import EXCHANGE_OPTIONS, TOKEN_OPTION, resolve
from .signin import SignIn
from .token import Token

ARGUMENT_SPEC: dict[str, t.Any] = {
    **EXCHANGE_OPTIONS,
    "audiences": {
        "type": "list",
        "elements": "str",
        "choices": ["exchange", "graph"],
        "default": ["exchange", "graph"],
    },
}
TOKENS = tuple(TOKEN_OPTION.values())


def login(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Return tokens for the audiences asked for. Nothing but the sign-in service is talked to."""
    connection = resolve(params)
    wanted = list(dict.fromkeys(params.get("audiences") or ["exchange", "graph"]))
    sign_in = SignIn(connection, context)
    if not any(map(connection.given_token, TOKEN_OPTION)):
        sign_in.validate()
    tokens: dict[str, Token] = {}
    for audience in wanted:
        if (
            audience == "graph"
            and "exchange" in tokens
            and not (connection.given_token("graph") or connection.can_sign_in())
        ):
            # An access token alone is enough for all but the forwarding hosts.
            context.warn_once(
                "There is no token for Microsoft Graph: only an access token for Exchange Online"
                " was given. Forwarding hosts cannot be read from Graph."
            )
            continue
        tokens[audience] = sign_in.token(audience)
    if not tokens:
        raise InputError("audiences is empty.", "Name exchange, graph or both.")
    _same_tenant(list(tokens.values()))
    first = tokens.get("exchange") or next(iter(tokens.values()))
    values: dict[str, t.Any] = {
        TOKEN_OPTION[audience]: token.value for audience, token in tokens.items()
    }
    ends = [token for token in tokens.values() if token.expires_at]
    values.update(
        expires_at=min(ends, key=lambda token: token.expires_at).expires_text if ends else "",
        tenant_id=first.tenant_id or connection.get("tenant"),
        app_id=first.app_id or connection.get("client_id"),
        exchange_url=connection.endpoints.exchange,
    )
    return Result(values=values)


def _same_tenant(tokens: t.Sequence[Token]) -> None:
    tenants = {token.tenant_id.lower() for token in tokens if token.tenant_id}
    if len(tenants) > 1:
        raise SignInError(
            "The tokens are for different tenants: %s." % ", ".join(sorted(tenants)),
            "Give tokens of one tenant.",
        )

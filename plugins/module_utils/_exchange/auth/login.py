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
from ..psrp.options import connects_by_itself
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
    # The management host has an identity of its own.
    hosted = connects_by_itself(params)
    for audience in wanted:
        if audience == "exchange" and hosted:
            continue
        if audience == "graph" and ("exchange" in tokens or hosted) and not _reaches_graph(params):
            # Exchange Online alone is enough for all but the forwarding hosts.
            context.warn_once(
                "There is no token for Microsoft Graph: %s. Forwarding hosts cannot be read from"
                " Graph."
                % (
                    "only the management host can sign in"
                    if hosted
                    else "only an access token for Exchange Online was given"
                )
            )
            continue
        tokens[audience] = sign_in.token(audience)
    if not tokens and not hosted:
        raise InputError("audiences is empty.", "Name exchange, graph or both.")
    _same_tenant(list(tokens.values()))
    first = tokens.get("exchange") or next(iter(tokens.values()), None)
    values: dict[str, t.Any] = {
        TOKEN_OPTION[audience]: token.value for audience, token in tokens.items()
    }
    ends = [token for token in tokens.values() if token.expires_at]
    values.update(
        expires_at=min(ends, key=lambda token: token.expires_at).expires_text if ends else "",
        tenant_id=(first.tenant_id if first else "") or connection.get("tenant"),
        app_id=(first.app_id if first else "") or connection.get("client_id"),
        exchange_url=connection.endpoints.exchange,
    )
    return Result(values=values)


def _reaches_graph(params: t.Mapping[str, t.Any]) -> bool:
    """Return whether there is a token for Graph, or a way to get one on this machine."""
    connection = resolve(params)
    if connection.given_token("graph"):
        return True
    # With a host that connects by itself this option names the host's identity.
    elsewhere = connects_by_itself(params) and connection.way() == "managed_identity"
    return connection.can_sign_in() and not elsewhere


def _same_tenant(tokens: t.Sequence[Token]) -> None:
    tenants = {token.tenant_id.lower() for token in tokens if token.tenant_id}
    if len(tenants) > 1:
        raise SignInError(
            "The tokens are for different tenants: %s." % ", ".join(sorted(tenants)),
            "Give tokens of one tenant.",
        )

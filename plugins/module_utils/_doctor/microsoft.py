# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Microsoft's side: who signs in, to which tenant, and what that identity may do."""

from __future__ import annotations

import typing as t

from .._engine.context import Context
from .._engine.errors import MailflowError, PermissionDenied, SignInError
from .._exchange.auth.connection import Connection
from .._exchange.auth.options import missing_inputs, resolve
from .._exchange.auth.signin import SignIn
from .._exchange.auth.token import Token
from .._exchange.cmdlets import CMDLETS, is_read
from .._exchange.psrp.options import connects_by_itself, management_host
from .._exchange.reads.graph import forwarding_hosts
from .._exchange.reads.mail_flow import check_tenant
from .._exchange.transport import Transport, open_transport
from .findings import Findings
from .grants import (
    EXCHANGE_ROLE,
    GRAPH_ROLE,
    directory_role_commands,
    permission_commands,
    role_names,
)

SIGN_IN, EXCHANGE, GRAPH = "sign_in", "exchange", "graph"
PROPAGATION = (
    "A new grant needs a new token, and up to an hour; a managed identity's token lives a day."
)
_READS = tuple(name for name in CMDLETS if is_read(name))


def missing(params: t.Mapping[str, t.Any]) -> list[str]:
    """Return what is not given, each with every place for it.

    :raises InputError: what is given cannot work.
    """
    if str(params.get("transport") or "rest") == "psrp":
        management_host(params)
    if connects_by_itself(params):
        # The host signs in, and its own check names what it needs; Graph then goes without.
        tenant = resolve(params).get("tenant")
        return [] if tenant else ["o365_tenant (environment O365_TENANT)"]
    return missing_inputs(params)


def look(found: Findings, params: t.Mapping[str, t.Any], context: Context) -> None:
    """Sign in and ask each service what this identity may do; nothing is changed."""
    with found.caught(SIGN_IN):
        lacking = missing(params)
        if lacking:
            found.problem(SIGN_IN, "Microsoft 365: not given: %s." % "; ".join(lacking))
            return
        connection = resolve(params)
        _note_connection(found, connection, params)
        sign_in = SignIn(connection, context)
        token = _token(found, sign_in, "exchange")
        graph = _token(found, sign_in, "graph") if token else None
        if sign_in.wire.skew is not None:
            found.skews["sign-in service"] = sign_in.wire.skew
        if token:
            _exchange(found, params, context, connection, token)
        if graph:
            _graph(found, params, context, sign_in, graph)


def _note_connection(
    found: Findings, connection: Connection, params: t.Mapping[str, t.Any]
) -> None:
    ends = connection.endpoints
    way = connection.way() or "access_token"
    found.note(
        SIGN_IN,
        way=way,
        source=connection.sources.get(way, ""),
        tenant=connection.get("tenant"),
        client_id=connection.get("client_id"),
        cloud=ends.cloud.name,
        authority=ends.authority,
        exchange=ends.exchange,
        graph=ends.graph,
        disputed=list(ends.cloud.disputed),
        transport=str(params.get("transport") or "rest"),
    )


def _token(found: Findings, sign_in: SignIn, audience: str) -> Token | None:
    """Return the token for a service, or note why there is none."""
    connection = sign_in.connection
    if audience == "graph" and not (connection.given_token("graph") or connection.can_sign_in()):
        found.note(GRAPH, skipped="only an access token for Exchange Online is given")
        return None
    try:
        token = sign_in.token(audience)
    except MailflowError as exc:
        found.problem(SIGN_IN, exc.message, exc.hint)
        return None
    found.note(
        audience,
        tenant_id=token.tenant_id,
        app_id=token.app_id,
        user=token.user,
        expires_at=token.expires_text,
        permissions=None if token.roles is None else list(token.roles),
        directory_roles=role_names(token.directory_roles),
    )
    return token


def _exchange(
    found: Findings,
    params: t.Mapping[str, t.Any],
    context: Context,
    connection: Connection,
    token: Token,
) -> None:
    graph, app = connection.endpoints.graph, token.app_id or connection.get("client_id")
    managed = connection.way() == "managed_identity"
    if token.roles is not None and EXCHANGE_ROLE[0] not in token.roles:
        found.problem(
            EXCHANGE,
            "The token lacks the application permission %s." % EXCHANGE_ROLE[0],
            PROPAGATION,
            permission_commands(app, "exchange", graph, managed),
        )
    commands = directory_role_commands(app, graph)
    try:
        _cmdlets(found, open_transport(params, context), context, commands)
    except (PermissionDenied, SignInError) as exc:
        found.problem(EXCHANGE, exc.message, exc.hint, commands)
    except MailflowError as exc:
        found.problem(EXCHANGE, exc.message, exc.hint)


def _cmdlets(
    found: Findings, client: Transport, context: Context, commands: t.Sequence[str]
) -> None:
    answer = client.invoke("Get-OrganizationConfig")
    found.skews["Exchange Online"] = answer.date.timestamp() - context.now()
    found.note(
        EXCHANGE,
        reached=True,
        dehydrated=next((item.get("IsDehydrated") for item in answer.values), None),
        address=str(getattr(client, "host", "")),
    )
    with found.caught(EXCHANGE):
        check_tenant(client, client.invoke("Get-AcceptedDomain").values)
    exported = client.exported_cmdlets()
    if not exported:
        found.note(EXCHANGE, cmdlets="the service does not say which")
        return
    denied = [name for name in CMDLETS if name.lower() not in exported]
    found.note(
        EXCHANGE,
        cmdlets={"allowed": len(CMDLETS) - len(denied), "of": len(CMDLETS), "denied": denied},
    )
    if denied:
        reads = [name for name in denied if name in _READS]
        found.problem(
            EXCHANGE,
            "This identity may not run %s." % ", ".join(denied),
            "Reading does not work either." if reads else "Audits work, deployments do not.",
            commands,
        )


def _graph(
    found: Findings,
    params: t.Mapping[str, t.Any],
    context: Context,
    sign_in: SignIn,
    token: Token,
) -> None:
    connection = sign_in.connection
    try:
        tenant = connection.get("tenant")
        names = [tenant] if "." in tenant else []
        forwarding_hosts(params, context, names, sign_in)
        found.note(GRAPH, reached=bool(names) or None)
    except PermissionDenied as exc:
        managed = connection.way() == "managed_identity"
        app = token.app_id or connection.get("client_id")
        commands = permission_commands(app, "graph", connection.endpoints.graph, managed)
        found.problem(
            GRAPH,
            exc.message,
            "It serves the reading of forwarding hosts (%s). %s" % (GRAPH_ROLE[0], PROPAGATION),
            commands,
        )
    except MailflowError as exc:
        found.problem(GRAPH, exc.message, exc.hint)

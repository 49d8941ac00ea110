# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sign-in to Microsoft Entra: one class per task, one token per audience.

msal is imported when a token is asked for.
"""

from __future__ import annotations

import platform
import threading
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError, SignInError
from .aadsts import FEDERATED, TIMED, hint_of
from .connection import TOKEN_OPTION, Connection
from .methods.contract import Answer, Method
from .methods.table import METHODS
from .options import ENVIRONMENT, WAYS, resolve
from .store import TokenStore
from .texts import code_of, shown
from .token import Token, check_token, ends_within, read_token
from .wire import Wire

# Renew after a 401 only what has been in use for a while.
STALE_SECONDS = 300.0
# A token that ends sooner is renewed before it is used: a cmdlet may take some minutes.
MARGIN_SECONDS = 120.0
# A clock that differs less is no reason for a refusal.
SKEW_SECONDS = 60.0


def sign_in(params: t.Mapping[str, t.Any], audience: str, context: Context) -> Token:
    """Return a token for C(exchange) or C(graph): the given one, checked, or a new one."""
    return SignIn(resolve(params), context).token(audience)


class SignIn:
    """Signs in to both audiences with one authority look-up, and once to each."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self.connection = connection
        self._context = context
        self.wire = Wire(connection, context)
        self._method: Method | None = None
        self._tokens: dict[str, Token] = {}
        self._issued: dict[str, float] = {}
        self._lock = threading.RLock()
        path = connection.get("token_cache")
        self._store = TokenStore(path, context.now) if path else None

    def token(self, audience: str, claims_challenge: str = "", renew: bool = False) -> Token:
        """Return the run's token for an audience; a new one where the old would end too soon.

        ``claims_challenge``: what the service wants a new token to prove (JSON text). ``renew``:
        the service did not take the last one.
        """
        with self._lock:
            known = self._tokens.get(audience)
            if known and not renew and not claims_challenge and not self.ends_soon(known):
                return known
            self._tokens[audience] = self._new(audience, claims_challenge, renew)
            return self._tokens[audience]

    def validate(self) -> None:
        """Check the way to sign in without the network.

        :raises InputError: what is missing or wrong.
        """
        if self.connection.way():
            self.method().validate()

    def ends_soon(self, token: Token) -> bool:
        """Return whether a token ends before a task's next step is done, by this clock."""
        return ends_within(token, self._context.now(), MARGIN_SECONDS)

    def is_stale(self, token: Token) -> bool:
        """Return whether it was issued so long ago that a new one may fare better."""
        return self._context.now() - self._issued.get(token.value, 0.0) > STALE_SECONDS

    def _new(self, audience: str, claims: str, renew: bool) -> Token:
        given = "" if renew else self.connection.given_token(audience)
        if given:
            token = read_token(given, audience, None, self._context.now(), given=True)
            if not (self.ends_soon(token) and self.connection.can_sign_in()):
                return self._checked(token)
        way = self._way(audience)
        resource = self.connection.endpoints.resource(audience)
        if self._store is None:
            return self._ask(audience, resource, claims)
        with self._store.locked(self._key(way, resource)) as entry:
            kept = "" if renew or claims else entry.read()
            if kept:
                return self._checked(
                    read_token(kept, audience, None, self._context.now(), given=False)
                )
            token = self._ask(audience, resource, claims)
            entry.write(token.value, token.expires_at)
            return token

    def _key(self, way: str, resource: str) -> list[str]:
        """Say whose token it is. No secret is part of it: a digest would be one to guess at."""
        connection = self.connection
        # An identity is the machine's, and its user's home may be on several machines.
        identity = [connection.get(way), platform.node()] if way == "managed_identity" else []
        names = (connection.get("tenant"), connection.get("client_id"))
        return [connection.endpoints.authority, *names, way, *identity, resource]

    def _ask(self, audience: str, resource: str, claims: str) -> Token:
        method = self.method()
        method.validate()
        answer = method.authenticate(resource, claims)
        value = answer.get("access_token")
        if not value:
            raise self._refused(method, answer, audience)
        now = self._context.now()
        self._issued[str(value)] = now
        lifetime = float(answer.get("expires_in") or 0.0)
        return self._checked(read_token(str(value), audience, lifetime, now, given=False))

    def _checked(self, token: Token) -> Token:
        return check_token(
            token, self.connection.get("tenant"), self.connection.endpoints, self._context.now()
        )

    def method(self) -> Method:
        """Return the way to sign in that counts."""
        if self._method is None:
            chosen = METHODS[self.connection.way()]
            self._method = chosen(self.connection, self._context, self.wire)
        return self._method

    def _way(self, audience: str) -> str:
        connection = self.connection
        way = connection.way()
        a_token_is_given = any(connection.given_token(name) for name in TOKEN_OPTION)
        if not way or (a_token_is_given and not connection.can_sign_in()):
            raise SignInError(
                "No way to sign in to %s is given." % audience,
                "Give one of %s, or %s; the documentation names the environment variables that"
                " count too." % (", ".join(WAYS), TOKEN_OPTION[audience]),
            )
        missing = connection.missing()
        if missing:
            raise InputError(
                "To sign in with %s (%s), %s must be given too."
                % (way, connection.sources[way], " and ".join(missing)),
                "Give the options or set %s." % " and ".join(ENVIRONMENT[name] for name in missing),
            )
        return way

    def _refused(self, method: Method, answer: Answer, audience: str) -> SignInError:
        description = str(
            answer.get("error_description") or answer.get("error") or "no reason given"
        )
        codes = answer.get("error_codes") or []
        code = int(codes[0]) if codes and str(codes[0]).isdecimal() else code_of(description)
        details = {"code": "AADSTS%d" % code if code else str(answer.get("error") or "")}
        if answer.get("correlation_id"):
            details["correlation_id"] = str(answer["correlation_id"])
        tenant = self.connection.get("tenant")
        presented = method.presented()
        hint = hint_of(code)
        if presented and (code in FEDERATED or presented.startswith("certificate")):
            details["presented"] = presented
            hint = "%s Here %s." % (hint, presented)
        skew = self.wire.skew
        if code in TIMED and skew is not None and abs(skew) > SKEW_SECONDS:
            hint = "%s This machine's clock is %d minutes %s." % (
                hint,
                round(abs(skew) / 60),
                "behind the service's" if skew > 0 else "ahead of the service's",
            )
        return SignInError(
            "The sign-in to %s for %s was refused: %s"
            % (
                "tenant %s" % tenant if tenant else "the tenant",
                audience,
                shown(description, method.secrets),
            ),
            hint,
            **details,
        )

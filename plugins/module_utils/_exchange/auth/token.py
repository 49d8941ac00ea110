# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Access tokens: what can be read from them, and early refusals.

They are not verified: that is the service's task.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import json
import re
import typing as t

from ..._engine.errors import SignInError
from .clouds import Endpoints

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
_USER = re.compile(r"[!-~]{1,320}")
# A token that ended less long ago is sent all the same: this machine's clock may be wrong, and the
# service's 401 names the time.
CLOCK_SECONDS = 3600.0
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Token:
    """One access token and what it says of itself.

    ``expires_at`` in seconds since 1970, 0.0 where it is not known (a token that cannot be read);
    ``user``: name of the person who signed in, "" for an app.
    """

    value: str = dataclasses.field(repr=False)
    expires_at: float
    tenant_id: str
    app_id: str
    audience: str
    roles: tuple[str, ...] | None = None
    directory_roles: tuple[str, ...] = ()
    given: bool = False
    user: str = ""

    @property
    def expires_text(self) -> str:
        """Return when it ends, in UTC; "" where that is not known."""
        if not self.expires_at:
            return ""
        try:
            moment = datetime.datetime.fromtimestamp(self.expires_at, datetime.timezone.utc)
        except (OverflowError, OSError, ValueError):
            return ""
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_guid(text: str) -> bool:
    """Return whether a text is an id as Microsoft writes them."""
    return bool(_GUID.fullmatch(text))


def claims_of(value: str) -> dict[str, t.Any]:
    """Return the claims of a JWT, unverified.

    {} for a token that is not one: tokens are opaque by contract.
    """
    parts = value.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def read_token(value: str, audience: str, lifetime: float | None, now: float, given: bool) -> Token:
    """Read what a token says of itself.

    ``lifetime``: seconds as the authority said, for a token that does not tell.
    """
    claims = claims_of(value)
    expires = claims.get("exp")
    roles = claims.get("roles")
    return Token(
        value=value,
        expires_at=(
            float(expires)
            if isinstance(expires, (int, float))
            else (now + lifetime if lifetime else 0.0)
        ),
        tenant_id=str(claims.get("tid") or ""),
        app_id=str(claims.get("appid") or claims.get("azp") or ""),
        audience=audience,
        # An app-only token without a single app role has no roles claim; a delegated one has scp
        # instead.
        roles=(
            _texts(roles) if roles is not None else (None if "scp" in claims or not claims else ())
        ),
        directory_roles=_texts(claims.get("wids")),
        given=given,
        user=_user(claims) if "scp" in claims else "",
    )


def ends_within(token: Token, now: float, seconds: float) -> bool:
    """Return whether the token ends within so many seconds; False if it does not tell."""
    return bool(token.expires_at) and token.expires_at - now < seconds


def check_token(token: Token, tenant: str, endpoints: Endpoints, now: float) -> Token:
    """Return the token, or refuse it before it is sent.

    The service would refuse it, or worse, carry out the request in another tenant.

    :raises SignInError: what is wrong with it.
    """
    name = "The given access token" if token.given else "The token that was issued"
    if not _TOKEN.fullmatch(token.value):
        raise SignInError(
            "%s for %s is not a bearer token." % (name, token.audience),
            "Give the bare token, without quotes, blanks or the word Bearer.",
        )
    if is_guid(tenant) and token.tenant_id and token.tenant_id.lower() != tenant.lower():
        raise SignInError(
            "%s for %s is for the tenant %s, not for %s."
            % (name, token.audience, token.tenant_id, tenant),
            "Give a token of the tenant named in the option tenant.",
        )
    _check_audience(token, name, endpoints)
    if ends_within(token, now, -CLOCK_SECONDS):
        raise SignInError(
            "%s for %s expired at %s." % (name, token.audience, token.expires_text),
            "Get a new one, or check the clock of this machine.",
        )
    return token


def _check_audience(token: Token, name: str, endpoints: Endpoints) -> None:
    audience = claims_of(token.value).get("aud")
    named = [
        str(item).rstrip("/").lower()
        for item in (audience if isinstance(audience, list) else [audience])
        if item
    ]
    if named and not set(named) & set(endpoints.audiences(token.audience)):
        raise SignInError(
            "%s is for %s and not for %s."
            % (name, ", ".join(named), endpoints.resource(token.audience)),
            "Ask for a token of the scope %s/.default." % endpoints.resource(token.audience),
        )


def _user(claims: t.Mapping[str, t.Any]) -> str:
    name = str(claims.get("upn") or claims.get("unique_name") or "")
    # It goes into a header of the request.
    return name if _USER.fullmatch(name) else ""


def _texts(value: t.Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()

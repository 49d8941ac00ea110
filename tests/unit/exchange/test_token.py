# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import SignInError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.clouds import endpoints
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.token import (
    check_token,
    claims_of,
    read_token,
)
from tests.unit.exchange.helpers import APP, OTHER_TENANT, TENANT, jwt

PUBLIC = endpoints("public")


def check(value: str, audience: str = "exchange", tenant: str = TENANT, given: bool = True) -> None:
    now = time.time()
    check_token(read_token(value, audience, None, now, given=given), tenant, PUBLIC, now)


def test_claims_are_read_not_verified() -> None:
    token = read_token(jwt(wids=["w"]), "exchange", None, 0.0, given=True)
    assert (token.tenant_id, token.app_id, token.roles, token.directory_roles) == (
        TENANT,
        APP,
        ("Exchange.ManageAsApp",),
        ("w",),
    )
    assert token.expires_text.endswith("Z") and token.value not in repr(token)


@pytest.mark.parametrize("value", ["opaque", "a.b", "a.!.c", "a.W10.c", "a.eyJ.c"])
def test_an_opaque_token_tells_nothing_and_is_taken(value: str) -> None:
    assert claims_of(value) == {}
    token = read_token(value, "exchange", 60.0, 1000.0, given=True)
    assert (token.tenant_id, token.expires_at, token.roles) == ("", 1060.0, None)


def test_missing_roles_and_delegated_tokens_differ() -> None:
    assert read_token(jwt(roles=None), "exchange", None, 0.0, True).roles == ()
    assert (
        read_token(jwt(roles=None, scp="Exchange.Manage"), "exchange", None, 0.0, True).roles
        is None
    )


def test_another_tenant_is_refused_if_the_option_is_an_id() -> None:
    with pytest.raises(SignInError, match=OTHER_TENANT):
        check(jwt(tid=OTHER_TENANT))
    check(jwt(tid=OTHER_TENANT), tenant="contoso.onmicrosoft.com")
    check(jwt(tid=TENANT.upper()))


@pytest.mark.parametrize(
    "audience",
    [
        "https://outlook.office365.com/",
        "https://outlook.office.com",
        "00000002-0000-0ff1-ce00-000000000000",
    ],
)
def test_names_of_exchange_online(audience: str) -> None:
    check(jwt(aud=audience))


@pytest.mark.parametrize(
    ("service", "audience"),
    [
        ("exchange", "https://graph.microsoft.com"),
        ("graph", "https://outlook.office365.com"),
        ("exchange", "https://evil.example"),
    ],
)
def test_a_token_for_another_service_is_refused(service: str, audience: str) -> None:
    with pytest.raises(SignInError, match=r"Ask for a token of the scope .*/\.default"):
        check(jwt(aud=audience), service)


def test_a_token_that_ended_long_ago_is_refused_and_a_wrong_clock_forgiven() -> None:
    """Within an hour this machine's clock may be wrong, and the service's 401 names the time."""
    check(jwt(exp=int(time.time()) - 3000))
    check(jwt(exp=int(time.time()) - 3000), given=False)
    with pytest.raises(SignInError, match="The given access token for exchange expired at 2"):
        check(jwt(exp=int(time.time()) - 4000))


def test_one_of_several_audiences_will_do() -> None:
    check(jwt(aud=["https://evil.example", "https://outlook.office365.com/"]))
    with pytest.raises(SignInError, match="evil.example"):
        check(jwt(aud=["https://evil.example"]))


@pytest.mark.parametrize(
    "value",
    ["Bearer abcdefgh", "two words", '"quoted-token"', "line\nbreak", "\u00fcml\u00e4ut-token"],
)
def test_what_is_no_token_is_refused_without_echo(value: str) -> None:
    with pytest.raises(SignInError) as caught:
        check(value)
    assert value not in str(caught.value)

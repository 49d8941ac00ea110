# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.clouds import (
    CLOUDS,
    endpoints,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    ENVIRONMENT,
    EXCHANGE_OPTIONS,
    SECRETS,
    WAYS,
    missing_inputs,
    resolve,
)
from tests.unit.exchange.helpers import APP, SECRET, TENANT, jwt

IDENTITY = {"tenant": TENANT, "client_id": APP}


def test_empty_counts_as_not_given() -> None:
    connection = resolve(
        {"tenant": "", "client_id": None, "client_secret": " ", "cloud": ""},
        {"O365_TENANT": TENANT, "O365_CLIENT_SECRET": SECRET},
    )
    assert connection.get("tenant") == TENANT and connection.get("client_id") == ""
    assert (connection.way(), connection.get("client_secret")) == ("client_secret", SECRET)
    assert connection.endpoints.cloud.name == "public"


def test_every_environment_variable_counts() -> None:
    environ = {variable: "value-of-" + name for name, variable in ENVIRONMENT.items()}
    environ.update(O365_CLOUD="dod")
    del environ["O365_CLIENT_SECRET"]
    connection = resolve({}, environ)
    for name in (
        "tenant",
        "client_id",
        "certificate_path",
        "certificate_passphrase",
        "access_token",
    ):
        assert connection.get(name) == "value-of-" + name
    assert connection.endpoints.exchange == "https://outlook-dod.office365.us"


@pytest.mark.parametrize(
    ("params", "environ", "way"),
    [
        ({"client_secret": SECRET}, {"O365_CERTIFICATE_PATH": "c.pem"}, "client_secret"),
        ({"certificate_path": "c.pem"}, {"O365_CLIENT_SECRET": SECRET}, "certificate_path"),
        # The same secret in both places: the option still decides.
        (
            {"client_secret": SECRET},
            {"O365_CLIENT_SECRET": SECRET, "O365_CERTIFICATE_PATH": "c.pem"},
            "client_secret",
        ),
        (
            {"federated_token_file": "t"},
            {"O365_CLIENT_SECRET": SECRET, "O365_CERTIFICATE_PATH": "c.pem"},
            "federated_token_file",
        ),
        ({"managed_identity": "True"}, {"O365_CLIENT_SECRET": SECRET}, "managed_identity"),
        ({"managed_identity": "false"}, {"O365_CLIENT_SECRET": SECRET}, "client_secret"),
        ({}, {}, ""),
    ],
)
def test_one_way_to_sign_in(params: dict[str, Any], environ: dict[str, str], way: str) -> None:
    connection = resolve({**IDENTITY, **params}, environ)
    assert connection.way() == way
    assert all(
        not connection.get(name)
        for name in (
            "client_secret",
            "certificate_path",
            "federated_token_file",
            "managed_identity",
        )
        if name != way
    )


def test_two_explicit_ways_are_refused() -> None:
    with pytest.raises(
        InputError,
        match=r"More than one way to sign in is given: client_secret \(option, variable"
        r" o365_client_secret\), certificate_path \(option",
    ):
        resolve({"client_secret": SECRET, "certificate_path": "c.pem"}, {})
    with pytest.raises(InputError, match="More than one way"):
        resolve({"client_secret": SECRET, "certificate_path": "c.pem", "access_token": jwt()}, {})


def test_two_ways_in_the_environment_are_refused_by_name() -> None:
    environ = {"O365_CLIENT_SECRET": SECRET, "O365_CERTIFICATE_PATH": "c.pem"}
    with pytest.raises(InputError) as caught:
        resolve(IDENTITY, environ)
    assert (
        "O365_CLIENT_SECRET" in str(caught.value)
        and "O365_CERTIFICATE_PATH" in str(caught.value)
        and SECRET not in str(caught.value)
    )
    # A token makes the question one of the other audience.
    connection = resolve({**IDENTITY, "access_token": jwt()}, environ)
    with pytest.raises(InputError, match="O365_CLIENT_SECRET"):
        connection.can_sign_in()


def test_an_explicit_way_makes_a_token_of_the_environment_not_count() -> None:
    environ = {"O365_ACCESS_TOKEN": jwt()}
    assert resolve({**IDENTITY, "client_secret": SECRET}, environ).given_token("exchange") == ""
    assert resolve(IDENTITY, environ).given_token("exchange") == environ["O365_ACCESS_TOKEN"]


@pytest.mark.parametrize(
    ("params", "possible"),
    [
        ({"client_secret": SECRET}, True),
        ({"client_secret": SECRET, "client_id": ""}, False),
        ({"client_secret": SECRET, "tenant": ""}, False),
        ({"managed_identity": "system", "tenant": "", "client_id": ""}, True),
        ({}, False),
    ],
)
def test_credentials_beside_a_token_count_if_complete(
    params: dict[str, Any], possible: bool
) -> None:
    assert resolve({**IDENTITY, "access_token": jwt(), **params}, {}).can_sign_in() is possible


@pytest.mark.parametrize("name", SECRETS)
def test_short_secrets_are_refused_without_echo(name: str) -> None:
    params = {**IDENTITY, name: "zq7"}
    owner = {
        "certificate_passphrase": "certificate_path",
        "federated_token_bearer": "federated_token_url",
    }.get(name)
    if owner:
        params[owner] = "/some/where"
    with pytest.raises(InputError) as caught:
        resolve(params, {})
    assert name in str(caught.value) and "zq7" not in str(caught.value)


def test_the_transport_takes_no_part_in_the_sign_in() -> None:
    assert resolve({**IDENTITY, "client_secret": SECRET, "transport": "psrp"}, {}).way()


@pytest.mark.parametrize(
    "params",
    [
        {"cloud": "moon"},
        {"exchange_url": "http://outlook.office365.com"},
        {"graph_url": "graph"},
        {"authority_url": "http://127.0.0.1:1"},
        {"ca_path": "/nowhere/ca.pem"},
        {"timeout": 0},
        {"exchange_url": "https://user:password@host"},
    ],
)
def test_impossible_options(params: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        resolve(params, {})
    assert next(iter(params)).split("_")[0] in str(caught.value) and "password@" not in str(
        caught.value
    )


def test_secrets_are_hidden_from_ansible_and_from_repr() -> None:
    hidden = {name for name, option in EXCHANGE_OPTIONS.items() if option.get("no_log")}
    assert hidden == {*SECRETS, "psrp_password"}
    assert SECRET not in repr(resolve({**IDENTITY, "client_secret": SECRET}, {}))


@pytest.mark.parametrize(
    ("cloud", "urls", "exchange_resource", "graph_resource"),
    [
        ("public", {}, "https://outlook.office365.com", "https://graph.microsoft.com"),
        ("gcc_high", {}, "https://outlook.office365.us", "https://graph.microsoft.us"),
        ("dod", {}, "https://outlook-dod.office365.us", "https://dod-graph.microsoft.us"),
        ("china", {}, "https://outlook.office365.cn", "https://microsoftgraph.chinacloudapi.cn"),
        # the pages disagree about 21Vianet's host and sign-in service: either answer works
        (
            "china",
            {
                "exchange_url": "https://partner.outlook.cn",
                "authority_url": "https://login.partner.microsoftonline.cn",
            },
            "https://partner.outlook.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
        # a region, a proxy, the lab: still the cloud's own tokens
        (
            "public",
            {"exchange_url": "https://eurprd01.outlook.office365.com"},
            "https://outlook.office365.com",
            "https://graph.microsoft.com",
        ),
        (
            "public",
            {"exchange_url": "https://proxy.example"},
            "https://outlook.office365.com",
            "https://graph.microsoft.com",
        ),
        (
            "public",
            {
                "exchange_url": "https://127.0.0.1:1",
                "authority_url": "https://127.0.0.1:2",
                "graph_url": "https://127.0.0.1:3",
            },
            "https://outlook.office365.com",
            "https://graph.microsoft.com",
        ),
        # a cloud that is not in the table
        (
            "public",
            {
                "exchange_url": "https://outlook.new.example",
                "authority_url": "https://login.new.example",
                "graph_url": "https://graph.new.example",
            },
            "https://outlook.new.example",
            "https://graph.new.example",
        ),
    ],
)
def test_resources(
    cloud: str, urls: dict[str, str], exchange_resource: str, graph_resource: str
) -> None:
    found = endpoints(cloud, **urls)
    assert (found.exchange_resource, found.graph_resource) == (exchange_resource, graph_resource)


def test_the_clouds_are_those_of_the_option() -> None:
    assert list(CLOUDS) == EXCHANGE_OPTIONS["cloud"]["choices"]


@pytest.mark.parametrize(
    ("environ", "way"),
    [
        ({"O365_CERTIFICATE_CONTENT": "base64-of-a-pfx"}, "certificate_content"),
        ({"O365_FEDERATED_TOKEN": "head.body.signature"}, "federated_token"),
        ({"O365_FEDERATED_TOKEN_FILE": "/some/file"}, "federated_token_file"),
        ({"O365_FEDERATED_TOKEN_URL": "https://runner.example/t"}, "federated_token_url"),
        ({"O365_MANAGED_IDENTITY": "system"}, "managed_identity"),
        ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer-of-the-job"}, ""),
    ],
)
def test_ways_of_the_environment(environ: dict[str, str], way: str) -> None:
    """GitHub sets its bearer in every job that may have one: alone it chooses nothing."""
    connection = resolve(IDENTITY, environ)
    assert connection.way() == way
    assert not way or connection.sources[way].startswith("environment O365_")
    assert connection.get("federated_token_bearer") == ""


def test_a_switch_that_is_off_is_no_way() -> None:
    for name in ("device_code", "managed_identity"):
        assert resolve({**IDENTITY, name: "false", "client_secret": SECRET}, {}).way() == (
            "client_secret"
        )
        assert resolve({**IDENTITY, name: False}, {}).way() == ""
    assert resolve({**IDENTITY, "device_code": True}, {}).way() == "device_code"


def test_what_is_missing_is_named_with_all_its_places(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)
    tenant, client_id, ways = missing_inputs({})
    assert tenant == "o365_tenant (environment O365_TENANT)"
    assert client_id == "o365_client_id (environment O365_CLIENT_ID)"
    assert all("o365_" + way in ways for way in WAYS) and "o365_access_token" in ways
    assert missing_inputs({"client_secret": SECRET, "tenant": TENANT}) == [client_id]
    assert missing_inputs({"managed_identity": "system"}) == []
    assert missing_inputs({"access_token": jwt()}) == []
    with pytest.raises(InputError, match="More than one way"):
        missing_inputs({**IDENTITY, "client_secret": SECRET, "managed_identity": "system"})

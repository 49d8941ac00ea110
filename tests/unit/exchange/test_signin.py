# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign-in against a tiny authority over real TLS, so that msal and our HTTP client below it really
run.
"""

from __future__ import annotations

import base64
import http.server
import json
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    PermissionDenied,
    ReadError,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import login
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import resolve
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.signin import (
    SignIn,
    sign_in,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.rest.transport import (
    ExchangeClient,
)
from tests.unit.exchange.helpers import (
    APP,
    OTHER_TENANT,
    SECRET,
    TENANT,
    Script,
    TlsServer,
    jwt,
    reply,
)


class Authority:
    """Answers like Entra; ``refuse`` is (status, code, text) for the next tokens, ``first`` answers
    go out before any other.
    """

    def __init__(self) -> None:
        self.url = ""
        self.server: TlsServer
        self.refuse: tuple[int, int, str] | None = None
        self.first: list[tuple[int, Any, dict[str, str]]] = []
        self.claims: dict[str, Any] = {}
        self.forms: list[dict[str, str]] = []
        self.token_host = ""

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        if self.first:
            return self.first.pop(0)
        if path.endswith("openid-configuration"):
            base = "%s/%s" % (self.token_host or self.url, TENANT)
            return (
                200,
                {
                    "token_endpoint": base + "/oauth2/v2.0/token",
                    "authorization_endpoint": base + "/a",
                    "issuer": base,
                },
                {},
            )
        form = dict(urllib.parse.parse_qsl(body.decode()))
        self.forms.append(form)
        if self.refuse:
            status, code, text = self.refuse
            description = "AADSTS%d: %s\r\nTrace ID: 1\r\nCorrelation ID: 2" % (code, text)
            return (
                status,
                {
                    "error": "invalid_client",
                    "error_description": description,
                    "error_codes": [code],
                    "correlation_id": "2",
                },
                {},
            )
        token = jwt(
            **{
                "aud": form["scope"].removesuffix("/.default"),
                "jti": str(len(self.forms)),
                **self.claims,
            }
        )
        return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token}, {}


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    found = Authority()
    with TlsServer(tmp_path, found.handle).serving() as server:
        found.url = server.url
        found.server = server
        yield found


def params(authority: Authority, **options: Any) -> dict[str, Any]:
    ca_path = authority.server.ca_path
    return {
        "tenant": TENANT,
        "client_id": APP,
        "authority_url": authority.url,
        "ca_path": ca_path,
        "timeout": 20,
        "client_secret": SECRET,
        **options,
    }


def quick(**options: Any) -> Context:
    return Context(sleep=lambda seconds: None, **options)


@pytest.fixture(autouse=True)
def other_bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """These variables would override requests' verify: ca_path must win."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "none.pem"))


def test_a_secret_gives_a_token_per_audience_with_one_lookup(authority: Authority) -> None:
    session = SignIn(resolve(params(authority)), quick())
    exchange, graph = session.token("exchange"), session.token("graph")
    assert (exchange.tenant_id, exchange.app_id, exchange.given) == (TENANT, APP, False)
    assert [form["scope"] for form in authority.forms] == [
        "https://outlook.office365.com/.default",
        "https://graph.microsoft.com/.default",
    ]
    assert authority.forms[0]["client_secret"] == SECRET
    assert exchange.value != graph.value
    requests = authority.server.requests
    assert [method for method, *_ in requests] == ["GET", "POST", "POST"]
    assert all(SECRET not in path for _, path, *_ in requests)


def test_a_federated_token_is_read_from_its_file(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("head.body.signature\n")
    sign_in(
        params(authority, client_secret=None, federated_token_file=str(path)), "exchange", quick()
    )
    assert authority.forms[0]["client_assertion"] == "head.body.signature"
    for content in ("", "nothing"):
        path.write_text(content)
        with pytest.raises(InputError, match="does not hold a JSON web token"):
            sign_in(
                params(authority, client_secret=None, federated_token_file=str(path)),
                "exchange",
                quick(),
            )
    with pytest.raises(InputError, match="cannot be read"):
        sign_in(
            params(authority, client_secret=None, federated_token_file=str(tmp_path / "none")),
            "exchange",
            quick(),
        )


def test_a_bad_certificate_is_found_before_the_network(
    authority: Authority, tmp_path: Path
) -> None:
    path = tmp_path / "bad.pem"
    path.write_text(
        "-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n-----BEGIN"
        " CERTIFICATE-----\n-----END CERTIFICATE-----\n"
    )
    with pytest.raises(InputError, match="damaged"):
        sign_in(
            params(authority, client_secret=None, certificate_path=str(path)), "exchange", quick()
        )
    assert authority.server.requests == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, 7000215, "its value, not its id"),
        (400, 700016, "no app with this client_id"),
        (401, 700027, "not registered with the app"),
        (400, 90002, "tenant was not found"),
        (400, 50076, "app registration"),
        (400, 123456, "sign-in logs"),
    ],
)
def test_refusals_carry_a_hint_and_no_secret(
    authority: Authority, status: int, code: int, words: str
) -> None:
    authority.refuse = (status, code, "No, not with " + SECRET)
    with pytest.raises(SignInError) as caught:
        sign_in(params(authority), "exchange", quick())
    error = caught.value
    assert (
        words in error.hint
        and "AADSTS%d" % code in error.message
        and error.details["code"] == "AADSTS%d" % code
    )
    assert SECRET not in str(error) and SECRET not in json.dumps(error.to_result())
    assert "Trace ID" not in error.message


def test_an_unknown_tenant_fails_in_the_lookup(authority: Authority) -> None:
    body = {
        "error": "invalid_tenant",
        "error_description": "AADSTS90002: Tenant 'x' not found.\r\nTrace ID: 1",
        "error_codes": [90002],
    }
    authority.first = [(400, body, {})]
    with pytest.raises(SignInError) as caught:
        sign_in(params(authority), "exchange", quick())
    assert (
        "AADSTS90002: Tenant 'x' not found." in caught.value.message
        and "tenant was not found" in caught.value.hint
    )


def test_a_busy_authority_is_asked_again_as_it_says(authority: Authority) -> None:
    authority.first = [(429, {}, {"Retry-After": "3"}), (503, {}, {})]
    slept: list[float] = []
    token = sign_in(params(authority), "exchange", Context(sleep=slept.append))
    assert token.value and slept[0] == 3.0 and len(slept) == 2


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_of_the_authority_is_not_followed(authority: Authority, status: int) -> None:
    authority.first = [(status, b"", {"Location": "https://evil.example/"})]
    with pytest.raises(ReadError, match="answered %d" % status):
        sign_in(params(authority), "exchange", quick())


def test_a_foreign_token_endpoint_gets_no_secret(authority: Authority) -> None:
    authority.token_host = "https://login.evil.example"
    with pytest.raises(InputError, match="no secret was sent there"):
        sign_in(params(authority), "exchange", quick())
    assert authority.forms == []


def test_an_untrusted_authority(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name)
    with pytest.raises(ReadError, match="CERTIFICATE_VERIFY_FAILED.*name the CA bundle"):
        sign_in(params(authority, ca_path=None), "exchange", quick())
    assert authority.forms == []


def test_what_is_missing_is_named(authority: Authority) -> None:
    with pytest.raises(InputError, match="client_id must be given.*O365_CLIENT_ID"):
        sign_in(params(authority, client_id=""), "exchange", quick())
    with pytest.raises(SignInError, match="No way to sign in to exchange is given"):
        sign_in(params(authority, client_secret=""), "exchange", quick())


def test_incomplete_credentials_beside_a_token_do_not_count(authority: Authority) -> None:
    with pytest.raises(SignInError, match="No way to sign in to graph is given"):
        sign_in(params(authority, client_id="", access_token=jwt()), "graph", quick())


def test_a_token_of_another_tenant_is_not_used(authority: Authority) -> None:
    authority.claims = {"tid": OTHER_TENANT}
    with pytest.raises(
        SignInError,
        match="The token that was issued for exchange is for the tenant " + OTHER_TENANT,
    ):
        sign_in(params(authority), "exchange", quick())


def test_a_given_token_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msal", None)
    token = jwt()
    assert sign_in({"access_token": token}, "exchange", quick()).value == token


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The metadata service of an Azure machine (plain HTTP, as there); yields the paths that were
    asked.
    """
    asked: list[str] = []

    class Metadata(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = json.dumps(
                {
                    "access_token": jwt(),
                    "expires_in": "3600",
                    "resource": "x",
                    "token_type": "Bearer",
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    monkeypatch.setenv(
        "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:%d" % server.server_address[1]
    )
    yield asked
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_managed_identity_asks_the_machine_and_no_proxy(
    metadata: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert sign_in({"managed_identity": "system"}, "exchange", quick()).tenant_id == TENANT
    sign_in({"managed_identity": APP}, "exchange", quick())
    asked = [urllib.parse.parse_qs(urllib.parse.urlsplit(path).query) for path in metadata]
    assert asked[0]["resource"] == ["https://outlook.office365.com"] and "client_id" not in asked[0]
    assert asked[1]["client_id"] == [APP]


def test_managed_identities_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="neither 'system' nor"):
        sign_in({"managed_identity": "that one"}, "exchange", quick())
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    with pytest.raises(SignInError, match="gave no token"):
        sign_in({"managed_identity": "system"}, "exchange", quick())


# Renewal after a 401


def challenge(claims: str) -> str:
    return (
        'Bearer realm="", error="insufficient_claims", claims="%s"'
        % base64.b64encode(claims.encode()).decode()
    )


def exchange(
    authority: Authority, script: Script, context: Context, **options: Any
) -> ExchangeClient:
    return ExchangeClient(params(authority, **options), context, connect=script)


def test_a_claims_challenge_is_answered_once(authority: Authority) -> None:
    claims = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'
    script = Script(
        reply(401, b"", WWW_Authenticate=challenge(claims)), reply(200, {"value": [{"N": 1}]})
    )
    assert exchange(authority, script, quick()).invoke("Get-X").values == [{"N": 1}]
    assert json.loads(authority.forms[1]["claims"])["access_token"]["nbf"]["essential"] is True
    tokens = [call["headers"]["Authorization"] for call in script.calls]
    assert tokens[0] != tokens[1]
    again = Script(*[reply(401, b"", WWW_Authenticate=challenge(claims)) for _ in range(3)])
    with pytest.raises(SignInError, match="demands a new sign-in"):
        exchange(authority, again, quick()).invoke("Get-X")
    assert len(again.calls) == 2


def test_an_old_token_is_renewed_and_a_fresh_one_is_not(authority: Authority) -> None:
    moment = [time.time()]
    script = Script(reply(), reply(401, b""), reply(), reply(401, b""))
    client = exchange(authority, script, quick(now=lambda: moment[0]))
    client.invoke("Get-X")
    moment[0] += 1800
    client.invoke("Set-X")
    assert len(authority.forms) == 2
    with pytest.raises(SignInError):
        client.invoke("Get-X")
    assert len(authority.forms) == 2 and script.replies == []


def test_a_given_token_that_wore_out_is_renewed_where_one_can_sign_in(authority: Authority) -> None:
    """A task of a long run got it from the run's first task; beside it stand the credentials."""
    script = Script(reply(401, b""), reply(200, {"value": [{"N": 1}]}))
    given = jwt()
    assert exchange(authority, script, quick(), access_token=given).invoke("Get-X").values == [
        {"N": 1}
    ]
    assert len(authority.forms) == 1
    tokens = [call["headers"]["Authorization"] for call in script.calls]
    assert tokens[0] == "Bearer " + given != tokens[1]


def test_a_given_token_alone_is_never_renewed(authority: Authority) -> None:
    script = Script(reply(401, b"", WWW_Authenticate=challenge("{}")))
    with pytest.raises(SignInError):
        exchange(authority, script, quick(), access_token=jwt(), client_secret="").invoke("Get-X")
    assert authority.forms == []


# o365_login


def test_login_returns_what_later_tasks_need(authority: Authority) -> None:
    values = login(params(authority), quick()).values
    assert set(values) == {
        "access_token",
        "graph_access_token",
        "expires_at",
        "tenant_id",
        "app_id",
        "exchange_url",
    }
    assert (values["tenant_id"], values["app_id"], values["exchange_url"]) == (
        TENANT,
        APP,
        "https://outlook.office365.com",
    )
    assert login(params(authority, audiences=["graph"]), quick()).values.keys() == values.keys() - {
        "access_token"
    }


def test_login_passes_a_given_token_through(authority: Authority) -> None:
    warned: list[str] = []
    token = jwt()
    values = login({"access_token": token}, quick(warn=warned.append)).values
    assert values["access_token"] == token and "graph_access_token" not in values
    assert warned and "Microsoft Graph" in warned[0]
    both = login(params(authority, access_token=token), quick(warn=warned.append)).values
    assert both["access_token"] == token and len(authority.forms) == 1 and len(warned) == 1
    assert (
        authority.forms[0]["scope"] == "https://graph.microsoft.com/.default"
        and both["graph_access_token"]
    )


def test_login_refuses_tokens_of_two_tenants() -> None:
    tokens = {
        "access_token": jwt(),
        "graph_access_token": jwt(tid=OTHER_TENANT, aud="https://graph.microsoft.com"),
    }
    with pytest.raises(SignInError, match="different tenants"):
        login(tokens, quick())
    with pytest.raises(SignInError, match="No way to sign in to graph"):
        login({"access_token": jwt(), "audiences": ["graph"]}, quick())


def test_the_role_is_checked_by_the_service_alone(authority: Authority) -> None:
    """A role under another name may do one day: the sign-in itself does not ask for it."""
    authority.claims = {"roles": None}
    with pytest.raises(PermissionDenied, match="lacks the application permission"):
        exchange(authority, Script(reply(401, b"")), quick()).invoke("Get-X")

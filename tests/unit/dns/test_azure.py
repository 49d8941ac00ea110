# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure DNS without the network: sign-in, calls, both shapes of errors, strings of TXT records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils import _azure_token
from ansible_collections.mailflow.area1.plugins.module_utils._azure_token import (
    AzureIdentity,
    AzureTokens,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers import azure
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.azure_arm import (
    ArmApi,
    error_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.azure_options import (
    CLOUDS,
    OPTIONS,
    identity_from,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    DriverOptions,
    Surroundings,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._http import Reply

URL = "https://management.azure.com"
ZONE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/dnszones/a.example"
SECRET = "a-client-secret~of/some length"


def reply(status: int, body: Any = None) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Reply(status, {}, data, f"GET {URL}")


class Http:
    """Answers from a list; keeps what was sent."""

    base_url = URL

    def __init__(self, *answers: Reply) -> None:
        self._answers = list(answers)
        self.sent: list[tuple[str, str, Mapping[str, str]]] = []

    def request(self, method: str, path: str, payload: Any = None, headers: Any = None) -> Reply:
        self.sent.append((method, path, headers))
        return self._answers.pop(0)


class Tokens:
    """Gives a new token for each one that was refused."""

    def __init__(self) -> None:
        self.number = 1

    def token(self, refused: str = "") -> str:
        if refused == f"token{self.number}":
            self.number += 1
        return f"token{self.number}"


def _no_dns() -> Any:
    raise AssertionError("nobody looks")


def arm(*answers: Reply) -> tuple[ArmApi, Http, list[float]]:
    slept: list[float] = []
    surroundings = Surroundings(Context(sleep=slept.append), _no_dns)
    api = ArmApi(URL, Tokens(), surroundings)  # type: ignore[arg-type]
    http = Http(*answers)
    api._http = http  # type: ignore[assignment]
    return api, http, slept


def test_a_refused_token_is_renewed_once() -> None:
    api, http, _slept = arm(reply(401), reply(200))
    assert api.get("a.example", ZONE).status == 200
    tokens = [headers["Authorization"] for _method, _path, headers in http.sent]
    assert tokens == ["Bearer token1", "Bearer token2"]
    api, http, _slept = arm(reply(401), reply(401))
    with pytest.raises(SignInError, match="a.example"):
        api.get("a.example", ZONE)
    assert len(http.sent) == 2


@pytest.mark.parametrize("shape", ["wrapped", "bare"])
def test_a_pending_operation_is_waited_for_and_is_no_lost_race(shape: str) -> None:
    text = {"code": "Conflict", "message": "Another operation is pending for requested object."}
    pending = reply(409, {"error": text} if shape == "wrapped" else text)
    api, http, slept = arm(pending, pending, reply(200))
    assert api.put("a.example", f"{ZONE}/MX/@", {}, {"If-Match": "e"}).ok
    assert slept == [1.0, 2.0] and {headers["If-Match"] for _m, _p, headers in http.sent} == {"e"}
    api, http, slept = arm(*[pending] * 8)
    with pytest.raises(Refused, match="pending"):
        api.put("a.example", f"{ZONE}/MX/@", {}, {})
    assert len(http.sent) == 8


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (403, "AuthorizationFailed", "no", PermissionDenied),
        (409, "ScopeLocked", "locked", Refused),
        (409, "Conflict", "The CNAME record could not be created because", InputError),
        (400, "CannotCreateRecordDueToCNameNamingRestriction", "no", InputError),
        (400, "BadRequest", "no", Refused),
        (404, "ResourceGroupNotFound", "no", InputError),
        (429, "TooManyRequests", "no", Refused),
        (503, "ServerBusy", "no", ReadError),
    ],
)
def test_what_errors_mean(status: int, code: str, message: str, kind: type[Exception]) -> None:
    for body in ({"error": {"code": code, "message": message}}, {"code": code, "message": message}):
        api, _http, _slept = arm(reply(status, body))
        with pytest.raises(kind) as caught:
            api.get("a.example", f"{ZONE}/MX/@")
        assert "a.example" in str(caught.value) and code in str(caught.value)


def test_errors_of_no_known_shape() -> None:
    for body in (b"<html>", b"[]", b'{"error": "text"}', b"{}", b""):
        assert error_of(reply(500, body)) == ("", "")


def test_pages_stay_at_the_host_and_end() -> None:
    def page(link: str, *names: str) -> Reply:
        return reply(200, {"value": list(names), **({"nextLink": link} if link else {})})

    following = f"{URL}/subscriptions/s/zones?api-version=2018-05-01&%24skipToken=x"
    api, http, _slept = arm(page(following, "a"), page("", "b"))
    assert list(api.pages("zones", "subscriptions/s/zones")) == ["a", "b"]
    assert http.sent[1][1].endswith("%24skipToken=x")
    api, http, _slept = arm(page("https://management.azure.com.evil.example/x", "a"))
    with pytest.raises(ReadError, match="another host"):
        list(api.pages("zones", "subscriptions/s/zones"))
    assert len(http.sent) == 1
    api, _http, _slept = arm(reply(404, {"code": "NotFound", "message": "no"}))
    with pytest.raises(ReadError):
        list(api.pages("zones", "subscriptions/s/zones"))


def test_txt_strings_have_255_bytes() -> None:
    parts = azure._strings("ü" * 200)
    assert "".join(parts) == "ü" * 200 and [len(part.encode()) for part in parts] == [254, 146]


# Options


NAMES = sorted({name for option in OPTIONS for name in option.environment})


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def identity(**values: str) -> tuple[AzureIdentity, str, Any]:
    named = {f"dns_azure_{key}": value for key, value in values.items()}
    return identity_from(DriverOptions("azure", OPTIONS, named))


APP = {"subscription": "s", "tenant": "t", "client_id": "c"}


def test_all_that_is_missing_is_named_at_once(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as caught:
        identity()
    for name in ("subscription", "tenant", "client_id", "client_secret"):
        assert f"dns_azure_{name}" in caught.value.message
    assert identity(subscription="s", managed_identity="system")[0].managed_identity == "system"


def test_a_way_that_is_given_wins_over_the_environment(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AZURE_CLIENT_SECRET", SECRET)
    bare.setenv("AZURE_FEDERATED_TOKEN_FILE", "/token")
    assert identity(**APP)[0].client_secret == SECRET
    found = identity(**APP, certificate_path="/c.pem")[0]
    assert found.certificate_path == "/c.pem" and not found.client_secret
    with pytest.raises(InputError, match="More than one way"):
        identity(**APP, certificate_path="/c.pem", managed_identity="system")


def test_the_environment_of_awx(bare: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AZURE_SUBSCRIPTION_ID", "s"),
        ("AZURE_TENANT", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_SECRET", SECRET),
        ("AZURE_CLOUD_ENVIRONMENT", "AzureUSGovernment"),
    ):
        bare.setenv(name, value)
    found, authority, cloud = identity()
    assert (found.tenant, found.client_id, found.client_secret) == ("t", "c", SECRET)
    assert authority == "https://login.microsoftonline.us"
    assert cloud.endpoint == "https://management.usgovcloudapi.net"
    assert cloud.resource == "https://management.core.usgovcloudapi.net"
    assert SECRET not in repr(found)
    with pytest.raises(InputError, match="no cloud"):
        identity(cloud="moon")
    assert [cloud.names[0] for cloud in CLOUDS] == ["public", "us_gov", "china"]


# Tokens


class EntraWire:
    """What msal is given in place of the network."""

    def __init__(self, answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> None:
        self._answer = answer
        self.forms: list[dict[str, Any]] = []
        self.last_text = ""

    def get(self, url: str, **_more: Any) -> Any:
        base = url.split("/v2.0/")[0]
        found = {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
        }
        return _azure_token._Answer(200, json.dumps(found), {})

    def post(self, url: str, data: Any = None, **_more: Any) -> Any:
        self.forms.append(data)
        status, body = self._answer(data)
        self.last_text = json.dumps(body)
        return _azure_token._Answer(status, self.last_text, {})

    def close(self) -> None:
        pass


def tokens(
    identity: AzureIdentity, answer: Callable[[dict[str, Any]], tuple[int, Any]], now: list[float]
) -> tuple[AzureTokens, EntraWire]:
    context = Context(now=lambda: now[0])
    made = AzureTokens(identity, "https://login.microsoftonline.com", URL, context)
    wire = EntraWire(answer)
    made._wire = wire  # type: ignore[assignment]
    return made, wire


def numbered() -> Callable[[dict[str, Any]], tuple[int, Any]]:
    count = iter(range(1, 100))
    return lambda _form: (
        200,
        {"token_type": "Bearer", "expires_in": 3600, "access_token": f"t{next(count)}"},
    )


def test_one_token_until_it_ends_soon_or_is_refused() -> None:
    now = [0.0]
    made, wire = tokens(AzureIdentity("t", "c", client_secret=SECRET), numbered(), now)
    assert [made.token(), made.token()] == ["t1", "t1"]
    assert wire.forms[0]["scope"] == f"{URL}/.default"
    assert made.token(refused="t1") == "t2" and made.token(refused="t1") == "t2"
    now[0] = 3600.0 - _azure_token.MARGIN_SECONDS + 1
    assert made.token() == "t3" and len(wire.forms) == 3


def test_a_federated_token_is_read_when_it_is_sent(tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_text("first.token.text\n", encoding="utf-8")
    identity = AzureIdentity("t", "c", federated_token_file=str(place))
    made, wire = tokens(identity, numbered(), [0.0])
    made.token()
    place.write_text("second.token.text", encoding="utf-8")
    made.token(refused="t1")
    sent = [form["client_assertion"] for form in wire.forms]
    assert sent == ["first.token.text", "second.token.text"]
    place.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        made.token(refused="t2")


def test_a_sign_in_that_failed_is_not_tried_for_each_domain() -> None:
    now = [0.0]
    refusal = (401, {"error": "invalid_client", "error_description": "AADSTS7000222: expired"})
    made, wire = tokens(AzureIdentity("t", "c", client_secret=SECRET), lambda _form: refusal, now)
    for _domain in range(20):
        with pytest.raises(SignInError, match="7000222"):
            made.token()
    assert len(wire.forms) == 1
    now[0] += _azure_token.REST_SECONDS
    with pytest.raises(SignInError):
        made.token()
    assert len(wire.forms) == 2


def test_a_refusal_shows_the_text_and_no_secret() -> None:
    text = f"AADSTS7000215: Invalid client secret provided: {SECRET}. Trace ID: 1"
    made, _wire = tokens(
        AzureIdentity("t", "c", client_secret=SECRET),
        lambda _form: (401, {"error": "invalid_client", "error_description": text}),
        [0.0],
    )
    with pytest.raises(SignInError) as caught:
        made.token()
    assert "AADSTS7000215" in caught.value.message and "Trace" not in caught.value.message
    assert SECRET not in str(caught.value) + str(caught.value.to_result())
    assert "its value, not its id" in caught.value.hint


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    for text, words in (("-----BEGIN X-----", "no private key"), (None, "cannot be read")):
        place = tmp_path / "app.pem"
        place.unlink(missing_ok=True)
        if text is not None:
            place.write_text(text, encoding="utf-8")
        made, _wire = tokens(AzureIdentity("t", "c", certificate_path=str(place)), numbered(), [0])
        with pytest.raises(InputError, match=words):
            made.token()


def test_no_secret_follows_the_sign_in_service_elsewhere() -> None:
    wire = _azure_token._Wire("https://login.microsoftonline.com", Context(), None, 5.0)
    with pytest.raises(InputError, match="another host"):
        wire.post("https://login.microsoftonline.com.evil.example/token", data={"s": SECRET})

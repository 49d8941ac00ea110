# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each way to sign in against the lab's Entra, and each refusal with a message of its own."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    MailflowError,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import login
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    ENVIRONMENT,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.token import claims_of
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.rest.transport import (
    ExchangeClient,
)
from lab.client import Lab
from tests.module.ways import WAYS

ADDRESSES = ("authority_url", "exchange_url", "graph_url")
ADMINISTRATOR = "admin@northwind.onmicrosoft.com"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    running.faults([])
    running.reset("fresh")
    for name in ENVIRONMENT.values():
        monkeypatch.delenv(name, raising=False)
    return running


def params(lab: Lab, **options: Any) -> dict[str, Any]:
    names = ("tenant", "client_id", *ADDRESSES)
    return {
        "ca_path": lab.ca_path,
        "timeout": 30,
        **{name: lab.extra_vars["o365_" + name] for name in names},
        **options,
    }


def quick(**options: Any) -> Context:
    return Context(sleep=lambda seconds: None, **options)


def app(lab: Lab, **changes: Any) -> None:
    """Change the lab's app registration."""
    for name, value in changes.items():
        lab.mutate(["entra", "apps", lab.extra_vars["o365_client_id"], name], value=value)


@pytest.mark.parametrize("name", WAYS)
def test_every_way_gives_tokens_that_the_services_take(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    options, environment = WAYS[name](lab, tmp_path)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    found = login(params(lab, **options), quick()).values
    assert found["tenant_id"] == lab.info["tenant_id"]
    given = {name: found[name] for name in ("access_token", "graph_access_token")}
    for variable in environment:
        monkeypatch.delenv(variable)
    client = ExchangeClient(params(lab, **given), quick())
    assert client.invoke("Get-OrganizationConfig").values


def refused(lab: Lab, **options: Any) -> SignInError:
    with pytest.raises(SignInError) as caught:
        login(params(lab, **options), quick())
    text = json.dumps(caught.value.to_result()) + str(caught.value)
    assert not [secret for secret in lab.secrets if secret in text]
    assert "eyJ" not in text
    return caught.value


def test_a_revoked_secret_and_an_expired_one(lab: Lab) -> None:
    secret = lab.extra_vars["o365_client_secret"]
    app(lab, secrets=[])
    error = refused(lab, client_secret=secret)
    assert error.details["code"] == "AADSTS7000215" and "deleted or replaced" in error.hint
    app(lab, expired_secrets=[secret])
    error = refused(lab, client_secret=secret)
    assert error.details["code"] == "AADSTS7000222" and "has expired" in error.hint


def test_a_disabled_app(lab: Lab) -> None:
    app(lab, disabled=True)
    error = refused(lab, client_secret=lab.extra_vars["o365_client_secret"])
    assert error.details["code"] == "AADSTS7000112" and "disabled" in error.hint


def test_the_wrong_tenant(lab: Lab) -> None:
    error = refused(lab, client_secret=lab.extra_vars["o365_client_secret"], tenant="x.example")
    assert error.details["code"] == "AADSTS90002" and "that the cloud is right" in error.hint


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-600, "10 minutes ahead of the service's"), (1500, "25 minutes behind the service's")],
)
def test_a_clock_that_is_off_is_named_with_its_difference(
    lab: Lab, seconds: int, words: str
) -> None:
    lab.setting("entra_clock_offset_seconds", seconds)
    error = refused(lab, certificate_path=lab.info["certificates"]["pem"])
    assert error.details["code"] == "AADSTS700024"
    assert words in error.hint and "Set the clock" in error.hint


def test_a_throttled_endpoint(lab: Lab) -> None:
    lab.faults([{"service": "entra", "kind": "throttle", "times": -1, "seconds": 1}])
    error = refused(lab, client_secret=lab.extra_vars["o365_client_secret"])
    assert "is throttling" in error.message and "token_cache" in error.hint
    lab.faults([])


def make_certificate(directory: Path, days: float) -> tuple[str, str]:
    """(path of a PEM file with the key, the certificate as PEM)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
    now = datetime.datetime.now(datetime.timezone.utc)
    end = now + datetime.timedelta(days=days)
    start = now - datetime.timedelta(days=300)
    number = x509.random_serial_number()
    certificate = x509.CertificateBuilder(name, name, key.public_key(), number, start, end).sign(
        key, hashes.SHA256()
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path = directory / ("client%d.pem" % days)
    path.write_bytes(pem + text)
    return str(path), text.decode()


def test_a_certificate_that_expired_yesterday_goes_nowhere(lab: Lab, tmp_path: Path) -> None:
    path, _ = make_certificate(tmp_path, -1)
    since = lab.mark()
    with pytest.raises(InputError, match="expired at .*certificate rotation"):
        login(params(lab, certificate_path=path), quick())
    assert lab.log(since) == []


def test_a_certificate_that_ends_next_week_works_and_warns_once(lab: Lab, tmp_path: Path) -> None:
    path, text = make_certificate(tmp_path, 7.5)
    app(lab, certificates=[text])
    warned: list[str] = []
    assert login(params(lab, certificate_path=path), quick(warn=warned.append)).values
    assert len(warned) == 1 and "expires in 7 days" in warned[0]


def test_a_certificate_that_is_not_registered_is_named_by_its_thumbprint(
    lab: Lab, tmp_path: Path
) -> None:
    path, _ = make_certificate(tmp_path, 100)
    error = refused(lab, certificate_path=path)
    assert error.details["code"] == "AADSTS700027" and "thumbprint (SHA-256)" in error.hint


@pytest.mark.parametrize(
    ("claims", "code", "shown"),
    [
        ({"subject": "repo:northwind/mail:ref:refs/heads/main"}, 700213, "repo:northwind/mail:ref"),
        ({"issuer": "https://gitlab.example"}, 700211, "https://gitlab.example"),
        ({"audience": "api://other"}, 700212, "api://other"),
        ({"lifetime": 30 * 3600}, 70023, "1.01:00:00"),
    ],
)
def test_a_federated_credential_that_does_not_match_shows_what_the_token_presents(
    lab: Lab, claims: dict[str, Any], code: int, shown: str
) -> None:
    error = refused(lab, federated_token=lab.workload_token(**claims))
    assert error.details["code"] == "AADSTS%d" % code
    assert shown in error.message
    for presented in claims.values():
        assert isinstance(presented, int) or "'%s'" % presented in error.hint


def test_a_federated_token_that_is_over(lab: Lab) -> None:
    error = refused(lab, federated_token=lab.workload_token(age=3600, lifetime=300))
    assert error.details["code"] == "AADSTS700024"


def test_the_runner_that_gives_no_token(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    address = lab.info["workload"]["request_url"]
    with pytest.raises(InputError, match="id-token: write"):
        login(params(lab, federated_token_url=address), quick())
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "not-the-job's")
    error = refused(lab, federated_token_url=address)
    assert "answered 401" in error.message and "id-token: write" in error.hint


def test_an_identity_that_the_machine_does_not_have(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", lab.info["machine"]["imds"])
    error = refused(lab, managed_identity="00000000-1111-2222-3333-444444444444")
    assert "Identity not found" in error.message and "Assign the identity" in error.hint
    lab.faults([{"service": "machine", "kind": "garbage", "times": -1}])
    assert "no token answer" in refused(lab, managed_identity="system").message
    lab.faults([])
    lab.faults([{"service": "machine", "kind": "status", "status": 410, "times": 1}])
    assert login(params(lab, managed_identity="system"), quick()).values["access_token"]


@pytest.mark.parametrize("agent", ["new", "old"])
def test_an_arc_server(lab: Lab, monkeypatch: pytest.MonkeyPatch, agent: str) -> None:
    prefixes = "msal.managed_identity._supported_arc_platforms_and_their_prefixes"
    monkeypatch.setattr(prefixes, {"linux": str(lab.directory / "azcmagent" / "tokens")})
    monkeypatch.setenv("IDENTITY_ENDPOINT", lab.info["machine"]["arc"])
    monkeypatch.setenv("IMDS_ENDPOINT", "http://127.0.0.1:1")
    lab.mutate(["entra", "machine", "arc_agent"], value=agent)
    machine = lab.state()["entra"]["machine"]
    found = login(params(lab, managed_identity="system"), quick()).values
    assert found["app_id"] == machine["system_assigned"]["client_id"]
    chosen = machine["user_assigned"][0]["client_id"]
    if agent == "old":
        assert refused(lab, managed_identity=chosen)
    else:
        assert login(params(lab, managed_identity=chosen), quick()).values["app_id"] == chosen


class Person:
    """Reads the question on the terminal and acts in the browser."""

    def __init__(self, lab: Lab, answer: str | None = "", **browser: Any) -> None:
        self.lab, self.answer, self.browser = lab, answer, browser
        self.questions: list[str] = []

    def __call__(self, question: str) -> str | None:
        self.questions.append(question)
        if self.answer is not None:
            code = question.split("enter the code ")[1].split(".")[0]
            self.lab.enter_device_code(code, **{"user": ADMINISTRATOR, **self.browser})
        return self.answer


def test_a_person_signs_in_once_for_both_services(lab: Lab) -> None:
    person = Person(lab)
    found = login(params(lab, device_code=True), quick(ask=person)).values
    assert len(person.questions) == 1 and "/devicelogin in a browser" in person.questions[0]
    claims = claims_of(found["access_token"])
    assert (claims["upn"], claims["scp"]) == (ADMINISTRATOR, "Exchange.Manage")
    since = lab.mark()
    client = ExchangeClient(params(lab, access_token=found["access_token"]), quick())
    assert client.invoke("Get-OrganizationConfig").values
    anchors = [entry["headers"].get("X-AnchorMailbox") for entry in lab.requests("exchange", since)]
    assert anchors == ["UPN:" + ADMINISTRATOR]


def test_a_code_that_nobody_can_read_is_refused(lab: Lab) -> None:
    with pytest.raises(InputError, match="nobody can read it here"):
        login(params(lab, device_code=True), quick(ask=Person(lab, answer=None)))


def test_what_becomes_of_a_device_code(lab: Lab) -> None:
    def error(**browser: Any) -> MailflowError:
        with pytest.raises(MailflowError) as caught:
            login(params(lab, device_code=True), quick(ask=Person(lab, **browser)))
        return caught.value

    assert error(decline=True).details["code"] == "AADSTS90120"
    lab.setting("device_code_policy", "block")
    blocked = error()
    assert blocked.details["code"] == "AADSTS53003" and "Block device code flow" in blocked.hint
    lab.setting("device_code_policy", "allow")
    assert "Nobody signed in with the code in time" in error(user="").message
    app(lab, public_client=False)
    closed = error()
    assert closed.details["code"] == "AADSTS7000218" and "Allow public client flows" in closed.hint


def test_a_token_that_ends_in_mid_run_is_renewed(lab: Lab) -> None:
    """By the service's clock, which alone knows; then by this machine's, before it is sent."""
    secret = lab.extra_vars["o365_client_secret"]
    found = login(params(lab, client_secret=secret), quick()).values
    given = params(lab, client_secret=secret, access_token=found["access_token"])
    client = ExchangeClient(given, quick())
    assert client.invoke("Get-OrganizationConfig").values
    lab.advance(hours=2)
    since = lab.mark()
    assert client.invoke("Get-OrganizationConfig").values
    assert [entry["status"] for entry in lab.requests("exchange", since)] == [401, 200]
    lab.setting("token_lifetime_seconds", -7200 + 60)
    short = login(params(lab, client_secret=secret), quick()).values["access_token"]
    lab.setting("token_lifetime_seconds", 3600)
    since = lab.mark()
    client = ExchangeClient({**given, "access_token": short}, quick())
    assert client.invoke("Get-OrganizationConfig").values
    assert [entry["status"] for entry in lab.requests("exchange", since)] == [200]


def test_a_claims_challenge_is_answered(lab: Lab) -> None:
    lab.faults([{"service": "exchange", "kind": "claims_challenge", "times": 1}])
    since = lab.mark()
    client = ExchangeClient(
        params(lab, client_secret=lab.extra_vars["o365_client_secret"]), quick()
    )
    assert client.invoke("Get-OrganizationConfig").values
    bodies = [entry["body"] for entry in lab.requests("entra", since) if entry["method"] == "POST"]
    assert len(bodies) == 2 and "nbf" in bodies[1] and "nbf" not in bodies[0]


def test_kept_tokens_serve_the_next_run(lab: Lab, tmp_path: Path) -> None:
    secret = lab.extra_vars["o365_client_secret"]
    given = params(lab, client_secret=secret, token_cache=str(tmp_path / "tokens"))
    first = login(given, quick()).values
    since = lab.mark()
    assert login(given, quick()).values == first
    assert lab.log(since) == []
    names = "".join(path.name for path in (tmp_path / "tokens").iterdir())
    tenant, client_id = given["tenant"], given["client_id"]
    assert not [text for text in (secret, tenant, client_id) if text in names]
    other = {**given, "client_id": "00000000-1111-2222-3333-444444444444"}
    with pytest.raises(SignInError, match="AADSTS700016"):
        login(other, quick())

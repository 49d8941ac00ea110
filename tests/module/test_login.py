# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""o365_login, the sign-in and the client below it, against the lab: as a function, as an action
plugin and as a module.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AmbiguousWrite,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import login
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.cmdlets import Delta
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.graph import (
    forwarding_hosts,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.rest.transport import (
    ExchangeClient,
)
from lab.client import Lab

ROOT = Path(__file__).resolve().parents[2]
CONNECTION = ("authority_url", "exchange_url", "graph_url")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=600) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.faults([])
    running.reset("fresh")
    return running


def params(lab: Lab, **options: Any) -> dict[str, Any]:
    names = ("tenant", "client_id", "client_secret", *CONNECTION)
    return {
        "ca_path": lab.ca_path,
        "timeout": 30,
        **{name: lab.extra_vars["o365_" + name] for name in names},
        **options,
    }


def quick() -> Context:
    return Context(sleep=lambda seconds: None)


def test_one_lookup_and_one_token_request_per_audience(lab: Lab) -> None:
    since = lab.mark()
    values = login(params(lab), quick()).values
    assert [entry["method"] for entry in lab.requests("entra", since)] == ["GET", "POST", "POST"]
    tokens = {name: values[name] for name in ("access_token", "graph_access_token")}
    since = lab.mark()
    given = {"client_secret": None, "tenant": values["tenant_id"], **tokens}
    assert ExchangeClient(params(lab, **given), quick()).invoke("Get-AcceptedDomain").values
    hosts = forwarding_hosts(params(lab, **given), quick(), lab.extra_vars["area1_domains"])
    assert all(found["hosts"] and not found["error"] for found in hosts.values())
    assert lab.requests("entra", since) == []


@pytest.mark.parametrize("kind", ["pem", "pfx"])
def test_certificates(lab: Lab, kind: str) -> None:
    certificates = lab.info["certificates"]
    passphrase = certificates["passphrase"] if kind == "pfx" else None
    way = {
        "client_secret": None,
        "certificate_path": certificates[kind],
        "certificate_passphrase": passphrase,
    }
    assert login(params(lab, **way), quick()).values["access_token"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"client_secret": "wrong-secret-value"}, "AADSTS7000215"),
        ({"client_id": "00000000-1111-2222-3333-444444444444"}, "AADSTS700016"),
        ({"tenant": "nobody.onmicrosoft.com"}, "AADSTS90002"),
    ],
)
def test_refusals_of_the_sign_in(lab: Lab, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SignInError, match=words) as caught:
        login(params(lab, **options), quick())
    assert caught.value.hint and "wrong-secret-value" not in str(caught.value)


def test_a_token_for_another_tenant_or_service_goes_nowhere(lab: Lab) -> None:
    values = login(params(lab), quick()).values
    since = lab.mark()
    for options in (
        {"tenant": "99999999-2222-3333-4444-555555555555", "access_token": values["access_token"]},
        {"access_token": values["graph_access_token"]},
    ):
        with pytest.raises(SignInError):
            ExchangeClient(params(lab, **options), quick()).invoke("Get-OrganizationConfig")
    assert lab.log(since) == []


def test_what_is_not_allowed_is_named(lab: Lab) -> None:
    client = ExchangeClient(params(lab), quick())
    with pytest.raises(PermissionDenied, match="Get-Nonsense was answered with 403 and no text"):
        client.invoke("Get-Nonsense")


def test_a_token_that_the_service_does_not_take_any_more(lab: Lab) -> None:
    """The lab's clock moves on and the client's does not: only the service knows that the token is
    over.
    """
    values = login(params(lab), quick()).values
    lab.advance(hours=3)
    with pytest.raises(SignInError, match="expired"):
        ExchangeClient(
            params(lab, client_secret=None, access_token=values["access_token"]), quick()
        ).invoke("Get-OrganizationConfig")
    assert ExchangeClient(params(lab), quick()).invoke("Get-OrganizationConfig").values


def test_reads_are_tried_again_and_writes_are_not(lab: Lab) -> None:
    client = ExchangeClient(params(lab), quick())
    lab.faults(
        [
            {
                "service": "exchange",
                "match": "Get-OrganizationConfig",
                "kind": "status",
                "status": 503,
                "times": 2,
            }
        ]
    )
    since = lab.mark()
    assert client.invoke("Get-OrganizationConfig").values
    assert len(lab.requests("exchange", since)) == 3
    lab.faults(
        [
            {
                "service": "exchange",
                "match": "Set-HostedConnectionFilterPolicy",
                "kind": "status",
                "status": 503,
                "times": 1,
            }
        ]
    )
    since = lab.mark()
    with pytest.raises(AmbiguousWrite, match="Set-HostedConnectionFilterPolicy"):
        client.invoke(
            "Set-HostedConnectionFilterPolicy",
            {"Identity": "Default", "IPAllowList": Delta(add=["192.0.2.7"])},
        )
    assert len(lab.requests("exchange", since)) == 1


@pytest.mark.parametrize("mode", ["post", "get", "expired"])
def test_pages_are_joined_or_the_read_fails(lab: Lab, mode: str) -> None:
    client = ExchangeClient(params(lab), quick())
    whole = client.invoke("Get-AcceptedDomain").values
    lab.faults(
        [
            {
                "service": "exchange",
                "match": "Get-AcceptedDomain",
                "kind": "nextlink",
                "mode": mode,
                "times": 1,
            }
        ]
    )
    if mode == "expired":
        with pytest.raises(ReadError, match="next page"):
            client.invoke("Get-AcceptedDomain")
    else:
        assert client.invoke("Get-AcceptedDomain").values == whole and len(whole) > 2


@pytest.mark.parametrize("redirect", ["port", "446"])
def test_the_regional_host_is_followed(lab: Lab, redirect: str) -> None:
    lab.setting("redirect", redirect)
    client = ExchangeClient(params(lab), quick())
    assert client.invoke("Get-OrganizationConfig").values
    assert client.host.startswith("https://localhost:")


@pytest.mark.parametrize("redirect", ["foreign", "downgrade", "loop"])
def test_no_token_goes_astray(lab: Lab, redirect: str) -> None:
    lab.setting("redirect", redirect)
    since = lab.mark()
    with pytest.raises((Refused, ReadError), match="redirected"):
        ExchangeClient(params(lab), quick()).invoke("Get-OrganizationConfig")
    assert len(lab.requests("exchange", since)) <= 5


PLAY = """
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - name: Sign in
      mailflow.area1.o365_login: &way
        tenant: "{{ o365_tenant }}"
        client_id: "{{ o365_client_id }}"
        client_secret: "{{ o365_client_secret }}"
        authority_url: "{{ o365_authority_url }}"
        exchange_url: "{{ o365_exchange_url }}"
        ca_path: "{{ area1_ca_path }}"
      register: first
    - name: Pass a token through, on the controller and as a module
      mailflow.area1.o365_login:
        access_token: "{{ first.access_token }}"
        audiences: [exchange]
      delegate_to: "{{ item | default(omit, true) }}"
      loop: ['', localhost]
      register: passed
    - name: The environment alone
      mailflow.area1.o365_login:
        tenant: ''
        authority_url: "{{ o365_authority_url }}"
        ca_path: "{{ area1_ca_path }}"
      environment: &environment
        O365_TENANT: "{{ o365_tenant }}"
        O365_CLIENT_ID: "{{ o365_client_id }}"
        O365_CLIENT_SECRET: "{{ o365_client_secret }}"
      register: environment_alone
    - name: Two ways in the environment
      mailflow.area1.o365_login:
      environment:
        <<: *environment
        O365_CERTIFICATE_PATH: /nowhere
      register: two_ways
      ignore_errors: true
    - name: A wrong secret
      mailflow.area1.o365_login:
        <<: *way
        client_secret: "{{ o365_client_secret }}-and-more"
      delegate_to: "{{ item | default(omit, true) }}"
      loop: ['', localhost]
      register: wrong
      ignore_errors: true
    - name: A wrong option
      mailflow.area1.o365_login:
        tenannt: x
        client_secret: "{{ o365_client_secret }}"
      register: misspelt
      ignore_errors: true
    - name: Tell
      ansible.builtin.copy:
        dest: "{{ outcome }}"
        mode: '0600'
        content: >-
          {{ dict(first=first, passed=passed, environment_alone=environment_alone,
                  two_ways=two_ways, wrong=wrong, misspelt=misspelt) | to_json }}
      no_log: true
      check_mode: false
"""


@pytest.mark.matrix
@pytest.mark.parametrize("mode", ["", "--check"])
def test_in_a_playbook(lab: Lab, tmp_path: Path, mode: str) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    outcome = tmp_path / "outcome.json"
    extra = {
        **lab.extra_vars,
        "outcome": str(outcome),
        "ansible_python_interpreter": sys.executable,
    }
    (tmp_path / "vars.json").write_text(json.dumps(extra))
    since = lab.mark()
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "-vvv",
            "-i",
            "localhost,",
            "-e",
            "@vars.json",
            "play.yml",
            *filter(None, [mode]),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible_root"),
            "ANSIBLE_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    found = json.loads(outcome.read_text())
    check_outcome(found)
    # hidden where it went well, told where it did not
    assert output.count('"censored"') >= 3
    assert output.count("AADSTS7000215") >= 2 and "O365_CERTIFICATE_PATH" in output
    tokens = [
        found["first"]["access_token"],
        found["first"]["graph_access_token"],
        found["environment_alone"]["access_token"],
    ]
    assert not [secret for secret in [*lab.secrets, *tokens] if secret in output]
    assert not re.search(r"eyJ[\w-]{8,}\.", output)
    log = json.dumps([[entry["path"], entry.get("query")] for entry in lab.log(since)])
    assert not [secret for secret in [*lab.secrets, *tokens] if secret in log]
    assert lab.writes(since) == []


def check_outcome(found: dict[str, Any]) -> None:
    first = found["first"]
    assert (
        not first["changed"]
        and {
            "access_token",
            "graph_access_token",
            "expires_at",
            "tenant_id",
            "app_id",
            "exchange_url",
        }
        <= first.keys()
    )
    assert [item["access_token"] for item in found["passed"]["results"]] == [
        first["access_token"]
    ] * 2
    assert found["environment_alone"]["tenant_id"] == first["tenant_id"]
    assert found["two_ways"]["failed"] and found["two_ways"]["error"]["kind"] == "input"
    assert all(
        item["failed"] and item["error"]["code"] == "AADSTS7000215"
        for item in found["wrong"]["results"]
    )
    assert found["misspelt"]["failed"] and "tenannt" in found["misspelt"]["msg"]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""o365_debug and the playbook doctor, against the lab: what is right, and what is not."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailflow.area1.plugins.module_utils._dns.options import DNS_OPTIONS
from ansible_collections.mailflow.area1.plugins.module_utils._doctor import controller
from ansible_collections.mailflow.area1.plugins.module_utils._doctor.debug import debug
from ansible_collections.mailflow.area1.plugins.module_utils._doctor.network import provider_of
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    AREA1_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    ENVIRONMENT,
)
from lab.client import Lab
from tests.support.controller import controller_environment

ROOT = Path(__file__).resolve().parents[2]
O365 = ("tenant", "client_id", "client_secret", "authority_url", "exchange_url", "graph_url")
APP = ["entra", "apps"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=600) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    running.faults([])
    running.reset("fresh")
    for name in (*ENVIRONMENT.values(), "AREA1_ACCOUNT_ID", "AREA1_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return running


def params(lab: Lab, **options: Any) -> dict[str, Any]:
    known = lab.extra_vars
    return {
        **{name: known["o365_" + name] for name in O365},
        "account_id": known["area1_account_id"],
        "api_token": known["area1_api_token"],
        "api_url": known["area1_api_url"],
        "dns_provider": known["area1_dns_provider"],
        "dns_api_token": known["area1_api_token"],
        "dns_api_url": known["area1_api_url"],
        "dns_resolvers": known["area1_dns_resolvers"],
        "dns_authoritative_port": known["area1_dns_authoritative_port"],
        "domains": known["area1_domains"],
        "ca_path": lab.ca_path,
        "timeout": 30,
        "smtp": False,
        **options,
    }


def look(lab: Lab, **options: Any) -> dict[str, Any]:
    since = lab.mark()
    found = debug(params(lab, **options), Context(sleep=lambda seconds: None)).values
    assert lab.writes(since) == []
    text = json.dumps(found)
    assert not [secret for secret in lab.secrets if secret in text]
    assert "eyJ" not in text
    return found


def the_app(lab: Lab, name: str, value: Any) -> None:
    lab.mutate([*APP, lab.extra_vars["o365_client_id"], name], value=value)


def test_all_is_well(lab: Lab) -> None:
    found = look(lab)
    assert found["problems"] == [] and found["table"][-1] == "No problem was found."
    facts = found["facts"]
    assert facts["sign_in"]["way"] == "client_secret"
    assert facts["sign_in"]["source"] == "option, variable o365_client_secret"
    assert facts["exchange"]["tenant_id"] == lab.info["tenant_id"]
    assert facts["exchange"]["permissions"] == ["Exchange.ManageAsApp"]
    assert facts["exchange"]["cmdlets"]["denied"] == []
    assert facts["cloudflare"]["token"]["status"] == "active"
    assert facts["cloudflare"]["email_security"] == facts["cloudflare"]["zones"] == "readable"
    assert {entry["answer"] for entry in facts["resolvers"].values()} == {"ok"}
    assert set(facts["domains"]) == {
        item["name"] if isinstance(item, dict) else item for item in lab.extra_vars["area1_domains"]
    }
    assert facts["controller"]["libraries"]["msal"]
    assert len(facts["services"]) == 4
    assert all(value.startswith("reached (") for value in facts["services"].values())
    assert set(facts["clock"]["ahead_of_this_machine"]) == set(facts["services"])


def test_a_service_that_does_not_answer_is_named(lab: Lab) -> None:
    nowhere = "https://127.0.0.1:9"
    found = look(lab, checks=["network"], exchange_url=nowhere, client_secret="x" * 9)
    assert found["facts"]["services"]["Exchange Online"] == "not reached"
    assert found["facts"]["services"]["Microsoft Graph"].startswith("reached")
    assert nowhere in problem(found, "services")["message"]


def problem(found: dict[str, Any], section: str) -> dict[str, Any]:
    return next(item for item in found["problems"] if item["section"] == section)


def test_nothing_given_is_one_message_with_every_place(lab: Lab) -> None:
    names = ("tenant", "client_id", "client_secret", "account_id", "api_token", "dns_provider")
    empty = dict.fromkeys(names, "")
    found = look(lab, **empty)
    inputs = [item for item in found["problems"] if item["section"] == "inputs"]
    assert len(inputs) == 1 and len(found["problems"]) == 1
    message = inputs[0]["message"]
    for name in (
        "o365_tenant (environment O365_TENANT)",
        "o365_client_id (environment O365_CLIENT_ID)",
        "o365_certificate_path (environment O365_CERTIFICATE_PATH)",
        "o365_federated_token_url (environment O365_FEDERATED_TOKEN_URL)",
        "area1_account_id (environment AREA1_ACCOUNT_ID)",
        "area1_api_token (environment AREA1_API_TOKEN)",
        "area1_dns_provider",
    ):
        assert name in message
    failed = debug(
        params(lab, **empty, checks=["inputs"], fail_on_problem=True), Context()
    ).failed_message
    assert failed.startswith("Not given: o365_tenant")


def test_all_missing_libraries_at_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    absent = ("msal", "dns")
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name in absent else real(name, *more),
    )
    found = look(lab)
    assert len(found["problems"]) == 1
    told = found["problems"][0]
    assert "msal (for signing in) is missing" in told["message"]
    assert "dnspython (for the DNS) is missing" in told["message"]
    assert told["commands"] == ["python -m pip install --upgrade msal dnspython"]


def test_an_old_library(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    real = controller.version_of
    monkeypatch.setattr(
        controller, "version_of", lambda name: "1.28.0" if name == "msal" else real(name)
    )
    assert "msal 1.28.0 (at least 1.35.0)" in problem(look(lab), "controller")["message"]


def test_a_missing_permission_comes_with_its_commands(lab: Lab) -> None:
    client_id = lab.extra_vars["o365_client_id"]
    the_app(lab, "roles", {"exchange": [], "graph": []})
    found = look(lab)
    told = problem(found, "exchange")
    assert told["commands"][0] == (
        "az ad app permission add --id %s --api 00000002-0000-0ff1-ce00-000000000000"
        " --api-permissions dc50a0fb-09a3-484d-be87-e023b12c6440=Role" % client_id
    )
    assert any("dbb9058a-0e50-45d7-ae91-66909b5d4664" in line for line in found["table"])


def test_a_missing_directory_role_and_missing_cmdlets(lab: Lab) -> None:
    the_app(lab, "directory_roles", [])
    told = problem(look(lab), "exchange")
    assert any("29232cdf-9323-42fd-ade2-1d097af3e4de" in line for line in told["commands"])
    the_app(lab, "directory_roles", ["Global Reader"])
    told = problem(look(lab), "exchange")
    assert "New-InboundConnector" in told["message"] and "Get-" not in told["message"]
    assert told["hint"] == "Audits work, deployments do not."


def test_a_managed_identity_gets_commands_of_its_own(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", lab.info["machine"]["imds"])
    identity = lab.state()["entra"]["machine"]["system_assigned"]["client_id"]
    lab.mutate([*APP, identity, "roles"], value={"exchange": [], "graph": []})
    found = look(lab, client_secret=None, managed_identity="system", checks=["microsoft"])
    commands = problem(found, "exchange")["commands"]
    assert commands[0] == "principal=$(az ad sp show --id %s --query id -o tsv)" % identity
    assert "appRoleAssignments" in commands[2]


def test_one_failure_hides_no_other(lab: Lab) -> None:
    found = look(lab, client_secret="wrong-secret-value", api_token="x" * 40, dns_resolvers=["::1"])
    assert {item["section"] for item in found["problems"]} >= {"sign_in", "cloudflare", "resolvers"}
    assert "AADSTS7000215" in problem(found, "sign_in")["message"]


def test_a_wrong_clock(lab: Lab) -> None:
    lab.advance(minutes=10)
    told = problem(look(lab), "clock")
    assert "s behind the clock of" in told["message"]
    assert 590 <= int(told["message"].split(" is ")[1].split(" s ")[0]) <= 600


def test_port_25(lab: Lab) -> None:
    found = look(lab, smtp=True, smtp_port=lab.extra_vars["area1_smtp_port"], checks=["network"])
    assert found["facts"]["smtp"]["greeting"] == 220
    found = look(lab, smtp=True, smtp_port=9, checks=["network"])
    assert "area1_probe_host" in problem(found, "smtp")["hint"]


@pytest.mark.parametrize(
    ("hosts", "provider"),
    [
        (["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"], "cloudflare"),
        (["ns-1.awsdns-00.com", "ns-1536.awsdns-00.co.uk"], "route53"),
        (["ns1-07.azure-dns.com", "ns2-07.azure-dns.net"], "azure"),
        (["ns07.domaincontrol.com"], "godaddy"),
        (["ada.ns.cloudflare.com", "ns07.domaincontrol.com"], ""),
        (["ns.cloudflare.com.evil.example"], ""),
        ([], ""),
    ],
)
def test_whose_name_servers_they_are(hosts: list[str], provider: str) -> None:
    assert provider_of(hosts) == provider


def test_tables_match_their_files() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert controller.COLLECTION == galaxy["version"]
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = dict(line.split(">=") for line in lines if ">=" in line)
    known = {
        library.package: ".".join(map(str, library.lowest)) for library in controller.LIBRARIES
    }
    assert known == wanted
    assert not set(DNS_OPTIONS) & set(AREA1_OPTIONS) - {"ca_path", "timeout"}


@pytest.mark.parametrize("mode", ["", "--check"])
def test_the_playbook(lab: Lab, tmp_path: Path, mode: str) -> None:
    the_app(lab, "directory_roles", ["Global Reader"])
    (tmp_path / "vars.json").write_text(
        json.dumps({**lab.extra_vars, "ansible_python_interpreter": sys.executable})
    )
    since = lab.mark()
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-vvvv",
        "-i",
        "tenant,",
        "-e",
        "@%s" % (tmp_path / "vars.json"),
        str(ROOT / "playbooks" / "doctor.yml"),
        *filter(None, [mode]),
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **controller_environment(), "ANSIBLE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "! exchange: This identity may not run" in output
    assert not [secret for secret in lab.secrets if secret in output] and "eyJ" not in output
    assert lab.writes(since) == []

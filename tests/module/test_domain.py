# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""area1_domain and area1_domain_info against the lab: judged by its state and its request log."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._cloudflare_api import CloudflareApi
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.api import (
    EmailSecurity,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domains import inform
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import ReadError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.modules import area1_domain, area1_domain_info
from lab.client import Lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
UC1 = ["MALICIOUS", "SPAM", "SPOOF"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lab]:
    with Lab.start(
        world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=600
    ) as started:
        yield started


@pytest.fixture
def lab(running: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.delenv("AREA1_ACCOUNT_ID", raising=False)
    monkeypatch.delenv("AREA1_API_TOKEN", raising=False)
    running.reset("fresh")
    running.faults([])
    return running


def connection(lab: Lab) -> dict[str, t.Any]:
    given = lab.extra_vars
    return {
        "account_id": given["area1_account_id"],
        "api_token": given["area1_api_token"],
        "api_url": given["area1_api_url"],
        "ca_path": given["area1_ca_path"],
    }


def run(
    spec: dict[str, t.Any], logic: t.Any, params: dict[str, t.Any], check: bool = False
) -> tuple[bool, dict[str, t.Any], list[str]]:
    """(failed, result, warnings) of one task, with the options validated as Ansible does."""
    validated = ArgumentSpecValidator(spec).validate(params)
    assert not validated.error_messages
    warnings: list[str] = []
    context = Context(check_mode=check, diff=True, warn=warnings.append, sleep=lambda seconds: None)
    failed, result = evaluate(logic, validated.validated_parameters, context)
    return failed, result, warnings


def domain(
    lab: Lab, check: bool = False, **params: t.Any
) -> tuple[bool, dict[str, t.Any], list[str]]:
    given: dict[str, t.Any] = {
        **connection(lab),
        "drop_dispositions": UC1,
        "regions": ["DE", "US"],
        "domains": wanted(lab),
    }
    given.update(params)
    return run(area1_domain.ARGUMENT_SPEC, area1_domain.run, given, check)


def info(lab: Lab, **params: t.Any) -> tuple[bool, dict[str, t.Any], list[str]]:
    return run(area1_domain_info.ARGUMENT_SPEC, inform, {**connection(lab), **params})


def forwarding_host(name: str) -> str:
    return "%s.mail.protection.outlook.com" % name.replace(".", "-")


def wanted(lab: Lab) -> list[dict[str, t.Any]]:
    return [
        {"name": name, "forward_to": forwarding_host(name)}
        for name in lab.extra_vars["area1_domains"]
    ]


def there(lab: Lab) -> dict[str, dict[str, t.Any]]:
    return {item["domain"]: item for item in lab.state()["cloudflare"]["email_security"]["domains"]}


def setting(lab: Lab, name: str, value: t.Any) -> None:
    lab.mutate(["cloudflare", "settings", name], value=value)


def unproven(lab: Lab) -> str:
    """A domain that Email Security got to know while its zone was not active in the account: it
    asks for the TXT record.
    """
    one = wanted(lab)[:1]
    name = str(one[0]["name"])
    lab.mutate(["cloudflare", "zones", name, "status"], value="pending")
    failed, result, _warnings = domain(lab, domains=one)
    assert not failed and result["results"][0]["ready"] == "not_yet"
    lab.mutate(["cloudflare", "zones", name, "status"], value="active")
    return name


def test_check_mode_writes_nothing_and_predicts_what_then_happens(lab: Lab) -> None:
    mark = lab.mark()
    failed, planned, _warnings = domain(lab, check=True)
    assert not failed and planned["changed"]
    assert lab.writes(mark) == [] and there(lab) == {}
    assert {entry["ready"] for entry in planned["results"]} == {"not_yet"}

    failed, done, _warnings = domain(lab)
    assert not failed and done["changed"]
    assert done["plan"] == planned["plan"] and done["diff"] == planned["diff"]
    for before, after in zip(planned["results"], done["results"], strict=True):
        assert (before["before"], before["after"]) == (after["before"], after["after"])


def test_domains_are_as_the_tutorial_says_and_ready(lab: Lab) -> None:
    mark = lab.mark()
    failed, result, warnings = domain(lab)
    assert not failed and warnings == []
    assert [entry["ready"] for entry in result["results"]] == ["ready"] * 3
    assert {entry["message"] for entry in result["results"]} == {
        "Pending only because no mail has arrived yet."
    }
    assert set(there(lab)) == set(lab.extra_vars["area1_domains"])
    for name, found in there(lab).items():
        assert found["allowed_delivery_modes"] == ["DIRECT"] and found["lookback_hops"] == 1
        assert found["transport"] == forwarding_host(name)
        assert found["require_tls_outbound"] is True and found["ip_restrictions"] == []
        assert found["regions"] == ["DE", "US"] and sorted(found["drop_dispositions"]) == UC1
    assert [entry["method"] for entry in lab.writes(mark)] == ["POST"] * 3
    lists = [
        entry
        for entry in lab.requests("cloudflare", mark)
        if entry["path"].endswith("/settings/domains") and not entry["write"]
    ]
    assert len(lists) == 1


def test_second_run_changes_nothing_on_the_wire(lab: Lab) -> None:
    domain(lab)
    mark = lab.mark()
    failed, result, _warnings = domain(lab)
    assert not failed and not result["changed"] and "plan" not in result and "diff" not in result
    assert lab.writes(mark) == []


def test_update_sends_only_what_differs_and_the_restrictions(lab: Lab) -> None:
    domain(lab)
    mark = lab.mark()
    failed, result, _warnings = domain(
        lab, drop_dispositions=["MALICIOUS"], domains=wanted(lab)[:1]
    )
    assert not failed and result["results"][0]["before"] == {"drop_dispositions": UC1}
    (write,) = lab.writes(mark)
    assert write["method"] == "PATCH" and json.loads(write["body"]) == {
        "drop_dispositions": ["MALICIOUS"],
        "ip_restrictions": [],
    }


def test_options_that_are_not_given_leave_what_is_there(lab: Lab) -> None:
    domain(lab)
    names = lab.extra_vars["area1_domains"]
    mark = lab.mark()
    failed, result, _warnings = domain(lab, domains=names, regions=None, drop_dispositions=None)
    assert not failed and not result["changed"] and lab.writes(mark) == []


def test_other_delivery_modes_stay_allowed(lab: Lab) -> None:
    name = lab.extra_vars["area1_domains"][0]
    lab.mutate(
        ["cloudflare", "email_security", "domains"],
        append={"domain": name, "allowed_delivery_modes": ["API", "RETRO_SCAN"]},
    )
    failed, _result, _warnings = domain(lab, domains=wanted(lab)[:1])
    assert not failed and there(lab)[name]["allowed_delivery_modes"] == [
        "API",
        "RETRO_SCAN",
        "DIRECT",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("domain_ids", "int"),
        ("status_case", "upper"),
        ("modified_keys", "last_modified"),
        ("patch_needs_ip_restrictions", True),
    ],
)
def test_drift_of_the_api_is_tolerated(lab: Lab, name: str, value: t.Any) -> None:
    setting(lab, name, value)
    failed, result, _warnings = domain(lab)
    assert not failed and {entry["ready"] for entry in result["results"]} == {"ready"}
    failed, result, _warnings = domain(lab, require_tls_outbound=False)
    assert not failed and result["changed"]
    assert {found["require_tls_outbound"] for found in there(lab).values()} == {False}


def test_service_that_keeps_dispositions_is_a_warning(lab: Lab) -> None:
    setting(lab, "keep_malicious_and_spam", True)
    failed, result, warnings = domain(lab, drop_dispositions=[], domains=wanted(lab)[:1])
    assert not failed and result["changed"]
    assert len(warnings) == 1 and "MALICIOUS, SPAM" in warnings[0]
    failed, result, warnings = domain(lab, drop_dispositions=[], domains=wanted(lab)[:1])
    assert not failed and not result["changed"] and "plan" not in result and len(warnings) == 1


def test_write_dropped_after_commit_is_looked_at_not_repeated(lab: Lab) -> None:
    lab.faults(
        [
            {
                "service": "cloudflare",
                "match": "POST /client/v4/accounts",
                "kind": "drop_after_commit",
            }
        ]
    )
    mark = lab.mark()
    failed, result, _warnings = domain(lab, domains=wanted(lab)[:1])
    assert not failed and result["changed"] and len(there(lab)) == 1
    assert len([entry for entry in lab.writes(mark) if entry["method"] == "POST"]) == 1


def test_one_list_serves_paged_accounts(lab: Lab) -> None:
    for number in range(120):
        lab.mutate(
            ["cloudflare", "email_security", "domains"],
            append={"domain": "other-%03d.example" % number, "transport": "mx.other.example"},
        )
    failed, _result, _warnings = domain(lab)
    assert not failed and len(there(lab)) == 123
    failed, listed, _warnings = info(lab, domains=["other-119.example", "absent.example"])
    assert (
        not failed
        and list(listed["domains"]) == ["other-119.example"]
        and listed["missing"] == ["absent.example"]
    )


def test_ownership_record_is_published_and_waited_for(lab: Lab) -> None:
    name = unproven(lab)
    one = wanted(lab)[:1]
    failed, result, _warnings = domain(lab, domains=one)
    (entry,) = result["results"]
    assert not failed and entry["ready"] == "not_yet" and not result["changed"]
    assert (
        "_cf-email-sec-challenge.%s" % name in entry["message"]
        and entry["verification"]["value"] in entry["message"]
    )

    failed, planned, _warnings = domain(lab, check=True, domains=one, dns_provider="cloudflare")
    assert not failed and planned["changed"] and planned["results"][0]["after"] == {}
    failed, result, _warnings = domain(lab, domains=one, dns_provider="cloudflare")
    assert not failed and result["changed"] and result["results"][0]["ready"] == "not_yet"
    records = lab.state()["cloudflare"]["zones"][name]["records"]
    assert [
        record["type"] for record in records if record["name"] == entry["verification"]["name"]
    ] == ["TXT"]

    mark = lab.mark()
    failed, result, _warnings = domain(lab, domains=one, dns_provider="cloudflare")
    assert not failed and not result["changed"] and lab.writes(mark) == []
    lab.advance(minutes=5)
    failed, result, _warnings = domain(lab, domains=one, dns_provider="cloudflare")
    assert not failed and not result["changed"] and result["results"][0]["ready"] == "ready"


def test_manual_provider_names_the_record(lab: Lab) -> None:
    unproven(lab)
    given = lab.extra_vars
    failed, result, warnings = domain(
        lab,
        domains=wanted(lab)[:1],
        dns_provider="manual",
        dns_resolvers=given["area1_dns_resolvers"],
        dns_authoritative_port=given["area1_dns_authoritative_port"],
    )
    assert not failed and result["results"][0]["ready"] == "not_yet"
    assert (
        len(warnings) == 1
        and "TXT" in warnings[0]
        and result["results"][0]["verification"]["value"] in warnings[0]
    )


def test_one_failing_domain_does_not_stop_the_others(lab: Lab, tmp_path: pathlib.Path) -> None:
    domain(lab, domains=wanted(lab)[:1])
    path = str(tmp_path / "run" / "observation.json")
    info(lab, observation_path=path)
    identity = next(iter(there(lab).values()))["id"]
    update = "PATCH /client/v4/accounts/%s/email-security/settings/domains/%s" % (
        lab.extra_vars["area1_account_id"],
        identity,
    )
    lab.faults([{"service": "cloudflare", "match": update, "kind": "status", "status": 400}])
    failed, result, _warnings = domain(lab, drop_dispositions=[], observation_path=path)
    assert failed and "1 of 3 domains failed" in result["msg"]
    assert [bool(entry["error"]) for entry in result["results"]] == [True, False, False]
    assert [entry["changed"] for entry in result["results"]] == [False, True, True] and len(
        there(lab)
    ) == 3
    section = Observation(path).get("email_security")
    assert set(section) == set(there(lab)), "what became of the others is handed on"
    assert [sorted(section[entry["name"]]["drop_dispositions"]) for entry in wanted(lab)] == [
        sorted(UC1),
        [],
        [],
    ], "and how the failed one is left"
    assert {item["readiness"]["status"] for item in section.values()} == {"ready"}


def test_a_failed_domain_that_cannot_be_read_either_is_left_out(
    lab: Lab, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain(lab)
    path = str(tmp_path / "run" / "observation.json")
    info(lab, observation_path=path)
    first, *others = [str(entry["name"]) for entry in wanted(lab)]
    lab.faults(
        [
            {
                "service": "cloudflare",
                "match": "PATCH /client",
                "kind": "status",
                "status": 400,
                "times": 1,
            }
        ]
    )
    looks = iter([EmailSecurity.list])

    def once(service: EmailSecurity) -> t.Any:
        try:
            return next(looks)(service)
        except StopIteration:
            raise ReadError("timed out") from None

    monkeypatch.setattr(EmailSecurity, "list", once)
    failed, _result, _warnings = domain(
        lab, domains=wanted(lab)[:1], drop_dispositions=[], observation_path=path
    )
    assert failed and set(Observation(path).get("email_security")) == set(others), first


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"domains": ["northwind.example"]}, "no forwarding host"),
        ({"forward_to": "mailstream-eu1.mxrecord.io", "domains": ["northwind.example"]}, "circle"),
        (
            {
                "forward_to": "mx.own.example",
                "mx_hosts": ["MX.own.example."],
                "domains": ["northwind.example"],
            },
            "circle",
        ),
        ({"regions": ["MARS"]}, "GLOBAL, AU, DE, IN, US"),
        ({"drop_dispositions": ["RUBBISH"]}, "MALICIOUS-BEC"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    lab: Lab, params: dict[str, t.Any], said: str
) -> None:
    mark = lab.mark()
    failed, result, _warnings = domain(lab, **params)
    assert failed and said in result["msg"] and result["error"]["kind"] == "input"
    assert lab.writes(mark) == []


def test_one_domain_without_a_host_stops_all_before_the_first_write(lab: Lab) -> None:
    mark = lab.mark()
    failed, result, _warnings = domain(
        lab, domains=[*wanted(lab)[:2], lab.extra_vars["area1_domains"][2]]
    )
    assert failed and "no forwarding host" in result["msg"] and lab.writes(mark) == []


def test_account_without_subscription(lab: Lab) -> None:
    setting(lab, "entitled", False)
    failed, result, _warnings = info(lab)
    assert (
        failed
        and result["error"]["kind"] == "permission"
        and "has no Email Security" in result["msg"]
    )


def test_token_without_the_grant_names_it(lab: Lab) -> None:
    token = lab.extra_vars["area1_api_token"]
    lab.mutate(["cloudflare", "tokens", token, "permissions"], value=["Cloud Email Security: Read"])
    failed, result, _warnings = domain(lab)
    assert failed and {entry["error"]["kind"] for entry in result["results"]} == {"permission"}
    assert "Cloud Email Security: Write" in result["msg"] and token not in json.dumps(result)


def test_wrong_token_is_a_sign_in_error(lab: Lab) -> None:
    wrong = "w" * 40
    failed, result, _warnings = info(lab, api_token=wrong)
    assert (
        failed
        and result["error"]["kind"] in ("sign_in", "permission")
        and wrong not in json.dumps(result)
    )


def test_observation_saves_requests_and_is_kept_up_to_date(
    lab: Lab, tmp_path: pathlib.Path
) -> None:
    path = str(tmp_path / "run" / "observation.json")
    failed, read, _warnings = info(lab, observation_path=path)
    assert not failed and read["domains"] == {} and read["token"]["status"] == "active"
    mark = lab.mark()
    failed, planned, _warnings = domain(lab, check=True, observation_path=path)
    assert not failed and planned["changed"] and lab.requests("cloudflare", mark) == []
    predicted = Observation(path).get("email_security")
    assert {item["readiness"]["status"] for item in predicted.values()} == {"not_yet"}
    assert all("id" not in item and item["transport"] for item in predicted.values())
    assert {note["status"] for note in Observation(path).journal} == {"would change"}

    failed, _result, _warnings = info(lab, observation_path=path)
    failed, done, _warnings = domain(lab, observation_path=path)
    assert not failed and done["changed"]
    section = Observation(path).get("email_security")
    assert {item["readiness"]["status"] for item in section.values()} == {"ready"} and set(
        section
    ) == set(there(lab))
    mark = lab.mark()
    failed, again, _warnings = domain(lab, observation_path=path)
    assert not failed and not again["changed"] and lab.requests("cloudflare", mark) == []
    assert [entry["ready"] for entry in again["results"]] == ["ready"] * 3


def test_active_domain_is_ready_without_a_look_at_its_verification(lab: Lab) -> None:
    name = lab.extra_vars["area1_domains"][0]
    domain(lab, domains=wanted(lab)[:1])
    zone = lab.state()["cloudflare"]["zones"][name]
    record = next(record for record in zone["records"] if record["type"] == "MX")
    api = CloudflareApi(
        lab.extra_vars["area1_api_url"], lab.extra_vars["area1_api_token"], lab.ca_path
    )
    api.write(
        "PATCH",
        "zones/%s/dns_records/%s" % (zone["id"], record["id"]),
        {"content": "mailstream-eu1.mxrecord.io"},
    )
    lab.advance(hours=2)
    mark = lab.mark()
    failed, read, _warnings = info(lab, domains=[name])
    assert not failed and read["domains"][name]["readiness"]["message"] == "Active."
    assert not [
        entry
        for entry in lab.requests("cloudflare", mark)
        if entry["path"].endswith("/verification")
    ]


def test_real_task_with_credentials_from_the_environment(lab: Lab, tmp_path: pathlib.Path) -> None:
    """Through Ansible itself: argument spec, no_log, and the example's options."""
    given = lab.extra_vars
    name = given["area1_domains"][0]
    options = {
        "domains": [{"name": name, "forward_to": forwarding_host(name)}],
        "api_url": given["area1_api_url"],
        "ca_path": given["area1_ca_path"],
    }
    environment = {
        **os.environ,
        "AREA1_ACCOUNT_ID": given["area1_account_id"],
        "AREA1_API_TOKEN": given["area1_api_token"],
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible_root"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path),
        "ANSIBLE_HOME": str(tmp_path),
    }
    command = [
        str(pathlib.Path(sys.executable).parent / "ansible"),
        "localhost",
        "-i",
        "localhost,",
        "-c",
        "local",
        "-vvv",
        "-e",
        "ansible_python_interpreter=%s" % sys.executable,
        "-m",
        "mailflow.area1.area1_domain",
        "-a",
        json.dumps(options),
    ]
    finished = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "CHANGED" in finished.stdout and there(lab)[name]["transport"] == forwarding_host(name)
    assert given["area1_api_token"] not in finished.stdout + finished.stderr

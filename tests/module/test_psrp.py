# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules on the lab's Windows management host: hostile values, broken sessions, ends of tokens,
ways to sign in. Where it matters, side by side with REST.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import login
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import (
    connectors,
    content_filter,
    filters,
    organization,
    transport_rules,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads import mail_flow
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.transport import (
    open_transport,
)
from lab.client import Lab
from tests.module.plays import exchange_defaults, play, psrp_defaults

NASTY: dict[str, str] = {
    "quotes": "it's \"quoted\" ''twice'' \u2018curly\u2019 \u201cones\u201d",
    "subexpression": "$(Remove-Item C:\\ -Recurse) $env:PATH ${x} $true",
    "backtick": "a`nb`tc`0 `$x `",
    "separators": "a; Set-OrganizationConfig -RejectDirectSend $true | Out-Null & whoami",
    "here-string": "'@\n\"@\n@'\n@\"",
    "braces": "} { ) ( ] [ #> <# # %{0} {0}",
    "escapes of CLIXML": "_x000A_ _X0041_ _x005F_x0041_ _x_ __x0000__",
    "XML": '<Obj RefId="0"><S>x</S></Obj> &amp; ]]> <![CDATA[ <!-- --> &#0;',
    "JSON": '{"values":[]} \\u0000 \\" \\/Date(0)\\/',
    "Unicode": "Gr\u00fc\u00dfe \u4f60\u597d \U0001f4e7 e\u0301 \u200b\ufeff",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069",
    "controls": "tab\there",
    "template": "{{ lookup('pipe', 'id') }} {% raw %} !unsafe",
    "leading": "-Confirm:$false",
    "number": "0012",
    "null": "$null",
}
LINES = "first\r\nsecond\nthird\rfourth"
LONG = "0123456789abcdef" * 4096


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="busy", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.reset("busy")
    return running


def defaults(lab: Lab, transport: str, **more: Any) -> dict[str, Any]:
    if transport == "psrp":
        return psrp_defaults(lab, timeout=30, **more)
    return {**exchange_defaults(lab, signed_in=True), "timeout": 30, **more}


def task(lab: Lab, logic: Any, given: dict[str, Any], **options: Any) -> dict[str, Any]:
    """One task, as its door in the controller's process runs it."""
    context = Context(diff=True, sleep=lambda seconds: lab.advance(seconds=seconds))
    failed, result = evaluate(
        logic,
        {"state": "present", "scope": "identity", "identity": "Default", **given, **options},
        context,
    )
    assert "exception" not in result, result
    return {**result, "failed": failed}


def strings(lab: Lab, given: dict[str, Any], value: str) -> list[str]:
    """Put the value into a string option of each kind of object; what the tenant has then."""
    short = value[:64]
    results = [
        task(lab, connectors.run_connector, given, name="Nasty", comment=value,
             sender_domains={"set": ["*"]}),
        task(lab, filters.run_connection_filter, given, admin_display_name=value),
        task(lab, content_filter.run_content_filter, given, admin_display_name=value,
             modify_subject_value=value),
        task(lab, transport_rules.run_transport_rule, given, name="Nasty", comments=value[:1024],
             subject_or_body_contains_words=None, prepend_subject=short,
             parameters={"SubjectContainsWords": [short]}),
    ]  # fmt: skip
    assert not [result for result in results if result["failed"]], results
    tenant = lab.state()["tenant"]
    named = {
        section: {item["Name"]: item for item in tenant[section]}
        for section in ("inbound_connectors", "content_filter_policies", "transport_rules")
    }
    policy = named["content_filter_policies"]["Default"]
    rule = named["transport_rules"]["Nasty"]
    return [
        named["inbound_connectors"]["Nasty"]["Comment"],
        tenant["connection_filter"]["AdminDisplayName"],
        policy["AdminDisplayName"],
        policy["ModifySubjectValue"],
        rule["Comments"],
        rule["PrependSubject"],
        rule["SubjectContainsWords"][0],
    ]


@pytest.mark.parametrize("transport", ["rest", "psrp"])
def test_hostile_values_arrive_as_they_are_and_run_nothing(lab: Lab, transport: str) -> None:
    given = defaults(lab, transport)
    since, before = lab.mark(), lab.state()["tenant"]["organization"]
    for kind, value in NASTY.items():
        short = value[:64]
        assert strings(lab, given, value) == [value] * 4 + [value, short, short], kind
        again = task(
            lab, connectors.run_connector, given, name="Nasty", comment=value,
        )  # fmt: skip
        assert again["changed"] is False, "%s is not the same when it is read back" % kind
    assert lab.state()["tenant"]["organization"] == before
    called = {entry["cmdlet"] for entry in lab.requests("exchange", since) if entry.get("cmdlet")}
    assert not [name for name in called if "Organization" in name or name.startswith("Remove-")]
    scripts = {entry["script"] for entry in lab.requests("psrp", since) if entry.get("script")}
    assert len(scripts) == (1 if transport == "psrp" else 0), "one script, and never a value in it"


@pytest.mark.parametrize("transport", ["rest", "psrp"])
@pytest.mark.parametrize("value", [LINES, LONG], ids=["lines", "64 KB"])
def test_lines_and_long_values_arrive_whole(lab: Lab, transport: str, value: str) -> None:
    given = defaults(lab, transport)
    made = task(lab, connectors.run_connector, given, name="Nasty", comment=value)
    assert made["changed"] and not made["failed"]
    found = {item["Name"]: item for item in lab.state()["tenant"]["inbound_connectors"]}
    assert found["Nasty"]["Comment"] == value
    assert not task(lab, connectors.run_connector, given, name="Nasty", comment=value)["changed"]


def test_a_whole_reading_is_the_same_over_both(lab: Lab) -> None:
    found = []
    for transport in ("rest", "psrp"):
        result = task(lab, mail_flow.run_mail_flow_info, defaults(lab, transport), sections=None)
        assert not result["failed"]
        found.append({name: result[name] for name in ("mail_flow", "tenant_id", "domain_names")})
    assert found[0] == found[1]


BREAKS = ("drop_after_commit", "error_after_commit", "timeout_after_commit")


@pytest.mark.parametrize("kind", BREAKS)
def test_a_write_that_broke_off_is_looked_at_and_not_sent_again(lab: Lab, kind: str) -> None:
    lab.faults([{"service": "psrp", "kind": kind, "writes": True}])
    since = lab.mark()
    made = task(
        lab, organization.run_organization, defaults(lab, "psrp"),
        customization=False, reject_direct_send=True,
    )  # fmt: skip
    sent = [entry["cmdlet"] for entry in lab.writes(since)]
    assert sent == ["Set-OrganizationConfig"], sent
    assert lab.state()["tenant"]["organization"]["RejectDirectSend"] is True
    # this cmdlet is written once and read back by the task; its outcome is told as unknown
    assert made["failed"] and made["error"]["kind"] == "ambiguous_write"
    made = task(
        lab, organization.run_organization, defaults(lab, "psrp"),
        customization=False, reject_direct_send=True,
    )  # fmt: skip
    assert not made["failed"] and not made["changed"]


def test_a_connector_whose_answer_was_lost_is_found_by_the_look_that_follows(lab: Lab) -> None:
    lab.faults([{"service": "psrp", "kind": "drop_after_commit", "writes": True}])
    since = lab.mark()
    made = task(lab, connectors.run_connector, defaults(lab, "psrp"), name="Lost", comment="x")
    assert not made["failed"] and made["changed"]
    assert [entry["cmdlet"] for entry in lab.writes(since)] == ["New-InboundConnector"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "unavailable"},
        {"kind": "drop", "match": "Receive", "skip": 3},
        {"kind": "status", "status": 500, "match": "Command", "skip": 3},
        {"kind": "garbage", "match": "Command", "skip": 3},
    ],
    ids=lambda fault: "%(kind)s" % fault + str(fault.get("match", "")),
)
def test_a_broken_read_is_done_again(lab: Lab, fault: dict[str, Any]) -> None:
    lab.faults([{"service": "psrp", **fault}])
    context = Context(sleep=lambda seconds: None)
    client = open_transport(defaults(lab, "psrp"), context)
    assert client.invoke("Get-InboundConnector").values
    assert lab.faults_left() == []
    context.end()


def test_a_cmdlet_that_asks_is_given_up_and_the_session_goes(lab: Lab) -> None:
    """The lab's Disconnect asks where Confirm is not false: nobody answers."""
    context = Context(sleep=lambda seconds: None)
    client = open_transport({**defaults(lab, "psrp"), "timeout": 3}, context)
    client.invoke("Get-AcceptedDomain")
    failed, result = evaluate(
        lambda params, context: client.invoke("Disconnect-ExchangeOnline", {"Confirm": None}),  # type: ignore[arg-type, return-value]
        {},
        context,
    )
    assert failed and result["error"]["kind"] == "ambiguous_write"
    assert "no answer came within" in result["msg"]


def test_a_token_that_ended_is_told_and_one_of_ours_is_renewed(lab: Lab) -> None:
    given = defaults(lab, "psrp")
    lab.advance(minutes=61)
    ended = task(lab, filters.run_connection_filter, given, enable_safe_list=True)
    assert ended["failed"] and ended["error"]["kind"] == "sign_in"
    signs_in = psrp_defaults(lab)
    del signs_in["access_token"], signs_in["graph_access_token"]
    signs_in |= exchange_defaults(lab)
    context = Context(sleep=lambda seconds: None)
    client = open_transport(signs_in, context)
    client.invoke("Get-AcceptedDomain")
    client._exchange._sign_in.is_stale = lambda token: True  # type: ignore[attr-defined]
    for _ in range(5):  # the session stays in use, the token ends
        lab.advance(minutes=13)
        assert client.invoke("Get-AcceptedDomain").values
    context.end()


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"psrp_password": "not the password"}, "sign_in", "refused the sign-in by negotiate"),
        ({"psrp_port": 1}, "read", "could not be run on 127.0.0.1:1"),
        ({"psrp_configuration": "Nowhere"}, "read", "session configuration Nowhere"),
        ({"ca_path": ""}, "read", "not trusted"),
        ({"psrp_host": ""}, "input", "needs psrp_host"),
        ({"tenant": "contoso.onmicrosoft.com"}, "sign_in", "UnAuthorized"),
        ({"psrp_auth": "credssp"}, "sign_in", "not possible here"),
    ],
)
def test_what_does_not_work_is_said(
    lab: Lab, changes: dict[str, Any], kind: str, message: str
) -> None:
    since = lab.mark()
    result = task(
        lab, filters.run_connection_filter, {**defaults(lab, "psrp"), **changes},
        enable_safe_list=False,
    )  # fmt: skip
    assert result["failed"] and result["error"]["kind"] == kind, result
    assert message in result["msg"] and lab.writes(since) == []
    secrets = [*lab.secrets, "not the password"]
    assert not [secret for secret in secrets if secret in json.dumps(result)]


WAYS: dict[str, dict[str, Any]] = {
    "ntlm": {"psrp_auth": "ntlm"},
    "basic over TLS": {"psrp_auth": "basic"},
    "certificate": {"psrp_auth": "certificate", "psrp_user": "", "psrp_password": ""},
    "encrypted over HTTP": {"psrp_auth": "negotiate"},
    "PowerShell 7": {"psrp_configuration": "PowerShell.7"},
    "constrained": {"psrp_configuration": "Area1"},
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_the_host(lab: Lab, way: str) -> None:
    details = lab.info["psrp"]
    given = {**defaults(lab, "psrp"), **WAYS[way]}
    given["psrp_certificate_path"] = details["certificate_path"]
    if way == "encrypted over HTTP":
        # the lab's plain port is not 5985, which is how a user says that it is plain HTTP
        import ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.options as o

        given["psrp_port"], o.PLAIN_PORT = details["plain_port"], details["plain_port"]
    since = lab.mark()
    try:
        done = task(lab, filters.run_connection_filter, given, enable_safe_list=False)
    finally:
        if way == "encrypted over HTTP":
            o.PLAIN_PORT = 5985
    assert not done["failed"] and done["changed"], done
    assert lab.state()["psrp"]["sessions"] == [], "nothing is left open"
    messages = [item for item in lab.requests("psrp", since) if item["operation"] == "Command"]
    assert {item["tls"] for item in messages} == {way != "encrypted over HTTP"}


@pytest.mark.parametrize("connect", ["certificate_thumbprint", "managed_identity"])
def test_the_host_may_connect_by_itself(lab: Lab, connect: str) -> None:
    """No secret of the tenant leaves this machine, because there is none on it."""
    known = lab.extra_vars
    given = {
        **psrp_defaults(lab),
        "psrp_connect": connect,
        "psrp_certificate_thumbprint": lab.info["psrp"]["thumbprint"],
        "client_id": known["o365_client_id"],
    }
    del given["access_token"], given["graph_access_token"]
    if connect == "managed_identity":
        lab.setting("psrp_managed_identity", known["o365_client_id"])
    since = lab.mark()
    done = task(lab, filters.run_connection_filter, given, enable_safe_list=False)
    assert not done["failed"] and done["changed"], done
    assert lab.requests("entra", since) == [], "no token was asked for"


@pytest.mark.parametrize("identity", ["", "system"])
def test_such_a_host_needs_no_login(lab: Lab, identity: str) -> None:
    given = {**psrp_defaults(lab), "psrp_connect": "managed_identity", "managed_identity": identity}
    del given["access_token"], given["graph_access_token"]
    told: list[str] = []
    since = lab.mark()
    values = login({**given, "audiences": ["exchange", "graph"]}, Context(warn=told.append)).values
    assert "access_token" not in values and values["tenant_id"] == given["tenant"]
    assert "only the management host can sign in" in told[0]
    assert lab.requests("entra", since) == []


def test_no_log_of_a_library_holds_a_secret(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    given = defaults(lab, "psrp")
    with caplog.at_level(logging.DEBUG):
        assert task(lab, filters.run_connection_filter, given, enable_safe_list=False)["changed"]
    assert caplog.records, "something was logged at all"
    secrets = [*lab.secrets, given["access_token"], given["access_token"][:40]]
    assert not [secret for secret in secrets if secret in caplog.text]


def test_a_module_in_a_process_of_its_own_works_too(lab: Lab, tmp_path: Path) -> None:
    """With asynchronous tasks the module itself runs: all of its files must be shipped with it."""
    tasks = [
        {
            "name": "filter",
            "mailflow.area1.o365_connection_filter": {"enable_safe_list": False},
            "async": 120,
            "poll": 1,
        }
    ]
    played = play(tmp_path, tasks, {"exchange": psrp_defaults(lab)})
    assert played.rc == 0 and played["filter"]["changed"], played.stdout
    assert not [secret for secret in lab.secrets if secret in played.stdout]

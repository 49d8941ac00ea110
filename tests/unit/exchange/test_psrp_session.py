# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made of pypsrp's exceptions and records, and how it is called."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import urllib3
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    MailflowError,
    PermissionDenied,
    ReadError,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.errors import to_error
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp import answers
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.options import (
    ManagementHost,
    management_host,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.session import (
    is_unsent,
    opening_error,
    problem,
    wsman_options,
)

PASSWORD = "correct horse battery"


def host(**changes: Any) -> ManagementHost:
    given = {"psrp_host": "mgmt.example", "psrp_user": "svc", "psrp_password": PASSWORD, **changes}
    return management_host(given, {})


def wrapped(inner: Exception) -> requests.exceptions.ConnectionError:
    """As requests raises it: urllib3's exhausted retries around the reason."""
    pool = urllib3.HTTPSConnectionPool("mgmt.example")
    return requests.exceptions.ConnectionError(
        urllib3.exceptions.MaxRetryError(pool, "/wsman", inner)
    )


def fault(code: int) -> WSManFaultError:
    return WSManFaultError(code, "mgmt", "a reason with %s" % PASSWORD, None, None, None)


NO_SUCH_SHELL, ACCESS_DENIED, TIMED_OUT, ABORTED = 2150858843, 5, 2150858793, 995
CONNECTION = urllib3.connection.HTTPSConnection("mgmt.example")
REFUSED = wrapped(urllib3.exceptions.NewConnectionError(CONNECTION, "refused"))
RESET = requests.exceptions.ConnectionError(
    urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
)


@pytest.mark.parametrize(
    ("raised", "unsent", "text"),
    [
        (REFUSED, True, "NewConnectionError"),
        (requests.exceptions.ConnectTimeout("x"), True, "ConnectTimeout"),
        (wrapped(urllib3.exceptions.SSLError("bad certificate")), True, "SSLError"),
        (AuthenticationError("no"), True, "the sign-in was refused"),
        (fault(NO_SUCH_SHELL), True, "WinRM refused it (code 2150858843)"),
        (fault(ACCESS_DENIED), True, "WinRM refused it (code 5)"),
        (fault(TIMED_OUT), False, "WinRM refused it (code 2150858793)"),
        (fault(ABORTED), False, "WinRM refused it (code 995)"),
        (RESET, False, "ConnectionResetError"),
        (requests.exceptions.ReadTimeout("x"), False, "ReadTimeout"),
        (WinRMTransportError("http", 503, PASSWORD), False, "WinRM answered 503"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_only_what_the_host_certainly_did_not_take_is_unsent(
    raised: Exception, unsent: bool, text: str
) -> None:
    assert is_unsent(raised) is unsent
    assert problem(raised) == text and PASSWORD not in problem(raised)


OPENING: list[tuple[Exception, type[MailflowError], str]] = [
    (AuthenticationError("no"), SignInError, "refused the sign-in by negotiate as svc"),
    (wrapped(urllib3.exceptions.SSLError("x")), ReadError, "not trusted"),
    (fault(ACCESS_DENIED), PermissionDenied, "denies svc access"),
    (fault(2150858819), ReadError, r"could not open a session \(code 2150858819\)"),
    (ImportError("requests_credssp"), SignInError, "not possible here"),
]


@pytest.mark.parametrize(("raised", "kind", "message"), OPENING)
def test_a_session_that_cannot_be_opened_says_why(
    raised: Exception, kind: type[MailflowError], message: str
) -> None:
    found = opening_error(raised, host())
    with pytest.raises(kind, match=message):
        raise found or AssertionError("no error")
    assert PASSWORD not in str(found)


@pytest.mark.parametrize("raised", [REFUSED, RESET, WinRMTransportError("http", 503, "")])
def test_a_session_that_may_open_later_is_tried_again(raised: Exception) -> None:
    assert opening_error(raised, host()) is None


def test_messages_are_never_in_the_clear() -> None:
    over_tls = wsman_options(host(), "/ca.pem")
    assert (over_tls["ssl"], over_tls["cert_validation"]) == (True, "/ca.pem")
    assert wsman_options(host(), None)["cert_validation"] is True
    plain = wsman_options(host(psrp_port=5985), None)
    assert (plain["ssl"], plain["encryption"]) == (False, "always")
    for auth in ("negotiate", "kerberos", "ntlm", "credssp"):
        given = wsman_options(host(psrp_auth=auth, psrp_port=5985), None)
        assert given["encryption"] == "always" and given["auth"] == auth
    assert over_tls["read_timeout"] > over_tls["operation_timeout"]


def test_a_client_certificate_goes_without_a_password(tmp_path: Any) -> None:
    file = tmp_path / "client.pem"
    file.write_text("x")
    given = wsman_options(host(psrp_auth="certificate", psrp_certificate_path=str(file)), None)
    assert given["certificate_pem"] == given["certificate_key_pem"] == str(file)
    assert "password" not in given and "username" not in given


def record(text: str, reason: str = "", identifier: str = "") -> Any:
    class Record(SimpleNamespace):
        def __str__(self) -> str:
            return text

    return Record(reason=reason, fq_error=identifier)


def test_an_error_record_becomes_the_fault_that_rest_would_tell() -> None:
    text = "Ex6F9304|X.ManagementObjectNotFoundException|The object couldn't be found."
    found = answers.fault_of(record(text, "ManagementObjectNotFoundException"))
    assert (found.type_name, found.text) == (
        "X.ManagementObjectNotFoundException",
        "The object couldn't be found.",
    )
    assert "status" not in to_error(found, "Set-InboundConnector").details
    plain = answers.fault_of(record("Something", "IOException", "NoFile,X"))
    assert (plain.type_name, plain.code) == ("IOException", "NoFile,X")
    hidden = answers.fault_of(record("token %s ended" % PASSWORD), [PASSWORD])
    assert PASSWORD not in hidden.text


@pytest.mark.parametrize(
    ("text", "identifier", "told"),
    [
        ("UnAuthorized", "", "unauthorized"),
        ("Response status code does not indicate success: 401 (Unauthorized).", "", "unauthorized"),
        ("Attempted to perform an unauthorized operation.", "", ""),
        ("x", "ThrottlingError", "throttled"),
        ("The term 'X' is not recognized", "CommandNotFoundException", "unknown"),
    ],
)
def test_kinds_of_errors(text: str, identifier: str, told: str) -> None:
    found = answers.fault_of(record(text, "", identifier))
    kinds = {
        "unauthorized": answers.is_unauthorized(found),
        "throttled": answers.is_throttled(found),
        "unknown": answers.is_unknown_command(found),
    }
    assert [name for name, is_it in kinds.items() if is_it] == ([told] if told else [])


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"value": []}', "<html>", '"x"'])
def test_what_is_not_the_functions_answer(text: str) -> None:
    assert answers.parse_document(text) is None


def test_the_functions_answer() -> None:
    values = {"value": [{"Name": "a", "On": True}], "Count": 1}
    document = {"values": values, "date": "2026-11-29T06:00:00.1234567Z", "cmdlets": ["Get-X"]}
    found = answers.parse_document(json.dumps(document))
    assert found is not None and found.values == [{"Name": "a", "On": True}]
    assert found.date is not None and found.date.hour == 6 and found.cmdlets == {"get-x"}
    single = answers.parse_document('{"values": {"Name": "a"}, "date": null}')
    assert single is not None and single.values == [{"Name": "a"}] and single.date is None

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json
import threading
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AlreadyExists,
    AmbiguousWrite,
    MailflowError,
    NotFound,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.cmdlets import Delta
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.errors import (
    Dehydrated,
    NotRequired,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.rest.body import request_body
from tests.unit.exchange.helpers import TENANT, Script, client, jwt, reply

NOT_FOUND_TYPE = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
NOT_FOUND_TEXT = "The operation couldn't be performed because object 'X' couldn't be found on 'Y'."
ENABLED_TEXT = "This operation is not required. Organization is already enabled for customization."
DEHYDRATED_TEXT = (
    "The command you tried to run isn\u2019t currently allowed in your organization. To run this"
    " command, you first need to run the command: Enable-OrganizationCustomization."
)


def error_body(
    message: str, internal: tuple[str, str] | None = None, code: str = "BadRequest"
) -> dict[str, Any]:
    inner = (
        {
            "message": "",
            "type": "X",
            "internalexception": {"message": internal[1], "type": internal[0]},
        }
        if internal
        else {}
    )
    return {
        "error": {
            "code": code,
            "message": "Error executing cmdlet",
            "details": [{"code": "Context", "message": message}],
            "innererror": inner,
        }
    }


def invoke_error(
    status: int, body: Any, cmdlet: str = "Get-InboundConnector", **headers: str
) -> MailflowError:
    with pytest.raises(MailflowError) as caught:
        client(Script(reply(status, body, **headers))).invoke(cmdlet)
    return caught.value


def test_one_request_as_the_service_wants_it() -> None:
    script = Script(reply(200, {"value": [{"Name": "A"}]}))
    answer = client(script).invoke(
        "Get-InboundConnector", {"Identity": "A"}, select=["Name", "Enabled"]
    )
    [call] = script.calls
    assert call["base"] == "https://outlook.office365.com"
    assert call["path"] == "adminapi/beta/%s/InvokeCommand?$select=Name,Enabled" % TENANT
    assert call["method"] == "POST" and call["write"] is False
    assert (
        call["headers"]["X-AnchorMailbox"]
        == "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@" + TENANT
    )
    assert call["headers"]["X-CmdletName"] == "Get-InboundConnector"
    assert call["headers"]["Authorization"].startswith("Bearer ")
    assert (call["headers"]["X-ResponseFormat"], call["headers"]["Prefer"]) == (
        "json",
        "odata.maxpagesize=1000",
    )
    assert json.loads(call["data"]) == {
        "CmdletInput": {
            "CmdletName": "Get-InboundConnector",
            "Parameters": {"Identity": "A", "ResultSize": "Unlimited"},
        }
    }
    assert answer.values == [{"Name": "A"}]
    assert answer.date == datetime.datetime(2026, 11, 23, 20, 0, tzinfo=datetime.timezone.utc)


def test_parameters_are_an_object_even_if_empty() -> None:
    assert json.loads(request_body("Get-OrganizationConfig", {}))["CmdletInput"]["Parameters"] == {}


@pytest.mark.parametrize(
    ("cmdlet", "confirm"),
    [
        ("Set-InboundConnector", True),
        ("Remove-TransportRule", True),
        ("Enable-OrganizationCustomization", True),
        ("Disable-TransportRule", True),
        ("New-InboundConnector", False),
        ("Remove-QuarantinePolicy", False),
        ("Set-ExternalInOutlook", False),
        ("Get-TransportConfig", False),
    ],
)
def test_confirm_is_sent_where_the_cmdlet_has_it(cmdlet: str, confirm: bool) -> None:
    parameters = json.loads(request_body(cmdlet, {}))["CmdletInput"]["Parameters"]
    assert parameters == ({"Confirm": False} if confirm else {})


def test_typed_bodies() -> None:
    script = Script(reply(200, {}))
    client(script).invoke(
        "Set-HostedConnectionFilterPolicy",
        {
            "Identity": "Default",
            "IPAllowList": Delta(add=["192.0.2.1"], remove=["192.0.2.2"]),
            "IPBlockList": Delta(),
            "EnableSafeList": True,
            "AdminDisplayName": None,
        },
    )
    assert script.bodies == [
        {
            "Identity": "Default",
            "IPAllowList": {
                "@odata.type": "#Exchange.GenericHashTable",
                "add": ["192.0.2.1"],
                "remove": ["192.0.2.2"],
            },
            "EnableSafeList": True,
            "AdminDisplayName": None,
            "Confirm": False,
        }
    ]
    assert script.calls[0]["write"] is True


def test_sidecars_are_dropped_and_bare_objects_taken() -> None:
    value = {
        "Name": "A",
        "Name@odata.type": "#String",
        "Deep": {"X": 1, "X@data.type": "System.Int32"},
        "List": [{"Y@data.type": "z", "Y": 2}],
    }
    wanted = [{"Name": "A", "Deep": {"X": 1}, "List": [{"Y": 2}]}]
    for body in (
        {"@odata.context": "c", "value": [value]},
        {"value": value},
        {"@odata.context": "c", "adminapi.warnings@odata.type": "t", **value},
    ):
        assert client(Script(reply(200, body))).invoke("Get-X").values == wanted
    empties: list[dict[str, Any]] = [{"value": None}, {"value": []}, {"@odata.context": "c"}]
    for empty in empties:
        assert client(Script(reply(200, empty))).invoke("Set-X").values == []


def test_warnings_are_surfaced_except_that_nothing_changed() -> None:
    shown: list[str] = []
    nothing = "The command completed successfully but no settings of 'A' have been modified."
    script = Script(
        reply(
            200, {"@adminapi.warnings": [nothing, "Beware."], "adminapi.warnings@odata.type": "x"}
        )
    )
    answer = client(script, shown).invoke("Set-InboundConnector", {"Identity": "A"})
    assert answer.warnings == [nothing, "Beware."]
    assert shown == ["Set-InboundConnector: Beware."]


@pytest.mark.parametrize(
    "message",
    [
        "|%s|%s" % (NOT_FOUND_TYPE, NOT_FOUND_TEXT),
        "Ex6F9304|%s|%s" % (NOT_FOUND_TYPE, NOT_FOUND_TEXT),
        json.dumps(
            {
                "Message": NOT_FOUND_TEXT,
                "TypeName": NOT_FOUND_TYPE,
                "StackTrace": "at X",
                "InnerError": None,
            }
        ),
    ],
)
@pytest.mark.parametrize("status", [400, 404])
def test_the_three_shapes_of_an_error(message: str, status: int) -> None:
    error = invoke_error(status, error_body(message))
    assert isinstance(error, NotFound)
    assert NOT_FOUND_TEXT in error.message and "StackTrace" not in error.message
    assert error.details["type"] == NOT_FOUND_TYPE


def test_the_inner_exception_tells_most() -> None:
    error = invoke_error(
        400,
        error_body(
            "|Some.Outer|Invalid Operation",
            ("Microsoft.Exchange.Management.Tasks.ValidationException", "Really this."),
        ),
    )
    assert isinstance(error, Refused) and "Really this." in error.message
    assert error.details["type"].endswith("ValidationException")


@pytest.mark.parametrize(
    ("cmdlet", "status", "message", "kind", "words"),
    [
        (
            "New-InboundConnector",
            400,
            "|Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException|It already exists.",
            AlreadyExists,
            "already exists",
        ),
        (
            "Set-HostedConnectionFilterPolicy",
            400,
            "|Microsoft.Exchange.X.InvalidOperationInDehydratedContextException|no",
            Dehydrated,
            "o365_organization",
        ),
        (
            "Set-HostedConnectionFilterPolicy",
            400,
            DEHYDRATED_TEXT,
            Dehydrated,
            "Enable-OrganizationCustomization",
        ),
        (
            "Enable-OrganizationCustomization",
            400,
            "|System.InvalidOperationException|" + ENABLED_TEXT,
            NotRequired,
            "already",
        ),
        (
            "Set-InboundConnector",
            400,
            "|Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException|x",
            Refused,
            "role hides it",
        ),
        (
            "Set-X",
            400,
            (
                "|System.Management.Automation.ParameterTransformationException|The possible values"
                " are Off, On"
            ),
            Refused,
            "Off, On",
        ),
        ("Set-X", 400, "|System.ArgumentException|already", Refused, "already"),
        ("Set-X", 400, "|Microsoft.Exchange.ServerBusyException|busy", AmbiguousWrite, "busy"),
        (
            "Get-X",
            400,
            "|Microsoft.Exchange.Data.StorageTransientException|busy",
            ReadError,
            "busy",
        ),
    ],
)
def test_types_become_errors(
    cmdlet: str, status: int, message: str, kind: type[MailflowError], words: str
) -> None:
    error = invoke_error(status, error_body(message), cmdlet)
    assert type(error) is kind
    assert words in str(error)
    assert error.details["cmdlet"] == cmdlet


def test_a_missing_app_role_is_named() -> None:
    token = jwt(roles=None)
    with pytest.raises(PermissionDenied) as caught:
        client(Script(reply(401, b"")), access_token=token).invoke("Get-X")
    assert "Exchange.ManageAsApp" in str(
        caught.value
    ) and "dc50a0fb-09a3-484d-be87-e023b12c6440" in str(caught.value)
    assert "00000002-0000-0ff1-ce00-000000000000" in str(caught.value)
    assert token not in str(caught.value)


def test_a_refused_token_with_the_role_may_have_expired() -> None:
    error = invoke_error(401, b"UnAuthorized")
    assert (
        isinstance(error, SignInError)
        and "expired" in error.hint
        and "Exchange.ManageAsApp" in error.hint
    )


def test_403_with_text_asks_for_a_directory_role() -> None:
    text = b"The role assigned to application 1234 isn't supported in this scenario."
    error = invoke_error(403, text)
    assert isinstance(error, PermissionDenied)
    assert "isn't supported in this scenario" in error.message and "directory role" in error.hint


@pytest.mark.parametrize("body", [b"\0" * 64, b""])
def test_403_without_text_names_the_cmdlet(body: bytes) -> None:
    error = invoke_error(403, body, "Set-InboundConnector")
    assert isinstance(error, PermissionDenied)
    assert (
        "Set-InboundConnector" in error.message and "Remote and Accepted Domains" in error.message
    )


def test_a_missing_page_is_not_a_missing_object() -> None:
    """ "Absent" is only what the service says in its own form; a proxy's 404 is a failed read."""
    error = invoke_error(404, b"<html>Not Found</html>")
    assert isinstance(error, ReadError)


@pytest.mark.parametrize(("cmdlet", "kind"), [("Get-X", ReadError), ("Set-X", AmbiguousWrite)])
def test_success_that_is_not_json_is_a_failure(cmdlet: str, kind: type[MailflowError]) -> None:
    for body in (b"<html>hello</html>", b"[]", b""):
        assert type(invoke_error(200, body, cmdlet)) is kind


def test_errors_inside_a_success() -> None:
    error = invoke_error(
        200, {"@adminapi.errors": ["|%s|%s" % (NOT_FOUND_TYPE, NOT_FOUND_TEXT)], "value": []}
    )
    assert isinstance(error, NotFound)


def test_a_demand_for_confirmation_is_no_success() -> None:
    error = invoke_error(200, {"@adminapi.confirmationmessage": "Are you sure?"}, "Remove-X")
    assert isinstance(error, Refused) and "Are you sure?" in error.message


def test_transient_400_is_marked_for_another_try() -> None:
    script = Script(reply())
    client(script).invoke("Get-X")
    transient = script.calls[0]["transient"]
    assert transient(reply(400, error_body("|Microsoft.Exchange.Data.StorageTransientException|x")))
    assert transient(
        reply(
            400,
            error_body(
                "You have reached the maximum number of concurrent requests per tenant. Please wait"
                " and try again"
            ),
        )
    )
    assert transient(reply(400, error_body("x"), X_ExceptionType="UnableToWriteToAadException"))
    assert not transient(reply(400, error_body("|System.ArgumentException|x")))
    assert not transient(reply(404, error_body("|ServerBusyException|x")))


def test_lower_failures_name_the_cmdlet() -> None:
    with pytest.raises(AmbiguousWrite, match="^Set-X: broke off"):
        client(Script(AmbiguousWrite("broke off"))).invoke("Set-X")
    with pytest.raises(ReadError, match="^Get-X: not reached"):
        client(Script(ReadError("not reached"))).invoke("Get-X")


# Redirects


def moved(location: str, status: int = 302) -> Any:
    return reply(status, b"", Location=location)


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_regional_redirect_is_followed_and_remembered(status: int) -> None:
    script = Script(
        moved("https://eurprd01.outlook.office365.com:446/adminapi/beta/x/InvokeCommand", status),
        reply(),
        reply(),
    )
    exchange = client(script)
    exchange.invoke("Set-X", {"A": 1})
    exchange.invoke("Get-X")
    assert [call["base"] for call in script.calls] == ["https://outlook.office365.com"] + [
        "https://eurprd01.outlook.office365.com"
    ] * 2
    first, second = script.calls[:2]
    assert (first["data"], first["path"], first["method"]) == (
        second["data"],
        second["path"],
        second["method"],
    )
    assert second["headers"]["Authorization"] == first["headers"]["Authorization"]
    assert exchange.host == "https://eurprd01.outlook.office365.com"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/adminapi",
        "https://outlook.office365.com.evil.example/",
        "https://eviloutlook.office365.com/",
        "http://eurprd01.outlook.office365.com/",
        "https://eurprd01.outlook.office365.com:8443/",
        "https://127.0.0.1/",
        "https://user@evil.example/",
        "https://outlook.office365.com:port/",
        "/relative",
        "",
    ],
)
def test_no_other_redirect_is_followed(location: str) -> None:
    script = Script(moved(location), reply())
    with pytest.raises((Refused, ReadError)):
        client(script).invoke("Get-X")
    assert len(script.calls) == 1


def test_redirects_end() -> None:
    script = Script(*[moved("https://r%d.outlook.office365.com/" % number) for number in range(9)])
    with pytest.raises(ReadError, match="more than 4"):
        client(script).invoke("Get-X")
    assert len(script.calls) == 5


@pytest.mark.parametrize(
    ("exchange_url", "location", "target"),
    [
        ("https://127.0.0.1:8443", "https://localhost:8443/x", "https://localhost:8443"),
        ("https://127.0.0.1:8443", "https://localhost:446/x", "https://localhost:8443"),
        ("https://127.0.0.1:8443", "https://localhost:9443/x", "https://localhost:9443"),
        ("https://127.0.0.1:8443", "https://eurprd01.outlook.office365.com/x", ""),
        (
            "https://exo.contoso.example",
            "https://eu.exo.contoso.example/x",
            "https://eu.exo.contoso.example",
        ),
        ("https://exo.contoso.example", "https://eurprd01.outlook.office365.com/x", ""),
        (
            "https://eurprd01.outlook.office365.com",
            "https://namprd02.outlook.office365.com:446/",
            "https://namprd02.outlook.office365.com",
        ),
    ],
)
def test_redirects_of_an_overridden_address(exchange_url: str, location: str, target: str) -> None:
    script = Script(moved(location), reply())
    exchange = client(script, exchange_url=exchange_url)
    if target:
        exchange.invoke("Get-X")
        assert exchange.host == target
    else:
        with pytest.raises(Refused, match="not an address of this cloud"):
            exchange.invoke("Get-X")


# Pages


def test_pages_are_joined_by_the_same_request() -> None:
    link = "https://outlook.office365.com/adminapi/beta/t/InvokeCommand?$skiptoken=abc"
    script = Script(
        reply(200, {"value": [{"N": 1}], "@odata.nextLink": link}),
        reply(200, {"value": [{"N": 2}], "@adminapi.warnings": ["w"]}),
    )
    answer = client(script).invoke("Get-X", {"A": 1})
    assert answer.values == [{"N": 1}, {"N": 2}] and answer.warnings == ["w"]
    assert script.calls[0]["data"] == script.calls[1]["data"]
    assert script.calls[1]["path"] == "/adminapi/beta/t/InvokeCommand?$skiptoken=abc"


LINK = "https://outlook.office365.com/adminapi/beta/t/InvokeCommand?$skiptoken=abc"
EXPIRED = {"error": {"code": "BadRequest", "message": "Expired or Invalid pagination request."}}


@pytest.mark.parametrize(
    "second", [reply(400, EXPIRED), reply(200, b"no"), ReadError("gone"), reply(401, b"")]
)
def test_half_a_list_is_no_list(second: Any) -> None:
    script = Script(reply(200, {"value": [{"N": 1}], "@odata.nextLink": LINK}), second, second)
    with pytest.raises(ReadError, match="next page"):
        client(script).invoke("Get-X")
    assert [call["method"] for call in script.calls] == ["POST", "POST", "GET"]


def test_a_next_page_may_want_to_be_got() -> None:
    script = Script(
        reply(200, {"value": [{"N": 1}], "@odata.nextLink": LINK}),
        reply(400, EXPIRED),
        reply(200, {"value": [{"N": 2}]}),
    )
    assert client(script).invoke("Get-X").values == [{"N": 1}, {"N": 2}]
    assert script.calls[2]["method"] == "GET" and script.calls[2]["data"] is None


def test_a_write_is_never_sent_again_for_its_second_page() -> None:
    script = Script(reply(200, {"value": [{"N": 1}], "@odata.nextLink": LINK}), reply())
    with pytest.raises(AmbiguousWrite, match="was carried out"):
        client(script).invoke("New-X")
    assert len(script.calls) == 1


def test_a_foreign_or_endless_next_page_is_refused() -> None:
    script = Script(reply(200, {"value": [], "@odata.nextLink": "https://evil.example/next"}))
    with pytest.raises(ReadError, match="evil.example"):
        client(script).invoke("Get-X")
    link = "https://outlook.office365.com/next"
    endless = Script(
        *[reply(200, {"value": [{"N": 1}], "@odata.nextLink": link}) for _ in range(3)]
    )
    with pytest.raises(ReadError, match="do not come to an end"):
        client(endless).invoke("Get-X")


def test_one_token_for_concurrent_calls() -> None:
    script = Script(*[reply() for _ in range(8)])
    exchange = client(script)
    threads = [threading.Thread(target=exchange.invoke, args=("Get-X",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({call["headers"]["client-request-id"] for call in script.calls}) == 8


def test_the_tenant_comes_from_the_token_else_from_the_option() -> None:
    script = Script(reply(), reply())
    client(script, tenant="contoso.onmicrosoft.com").invoke("Get-X")
    client(script, tenant="contoso.onmicrosoft.com", access_token="opaque-token").invoke("Get-X")
    assert [call["path"].split("/")[2] for call in script.calls] == [
        TENANT,
        "contoso.onmicrosoft.com",
    ]
    assert "X-AnchorMailbox" not in script.calls[1]["headers"]
    with pytest.raises(Refused, match="does not tell its tenant"):
        client(script, tenant=None, access_token="opaque-token").invoke("Get-X")

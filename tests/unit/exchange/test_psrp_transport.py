# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the PSRP transport makes of a host's answers: what is repeated, refused, renewed, kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AlreadyExists,
    AmbiguousWrite,
    Conflict,
    InputError,
    MailflowError,
    NotFound,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.cmdlets import (
    CMDLETS,
    Delta,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.fault import Fault
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.host_script import (
    definition,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.session import (
    HostAnswer,
    SessionLost,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.transport import (
    PsrpTransport,
    host_value,
)
from tests.unit.exchange.helpers import APP, OTHER_TENANT, TENANT, jwt

ROOT = Path(__file__).resolve().parents[3]
CONNECT, CONNECTIONS, DISCONNECT = (
    "Connect-ExchangeOnline",
    "Get-ConnectionInformation",
    "Disconnect-ExchangeOnline",
)
LOST = SessionLost("ConnectionResetError")
UNSENT = SessionLost("NewConnectionError", unsent=True)
UNAUTHORIZED = Fault(0, "System.UnauthorizedAccessException", "UnAuthorized", structured=True)
SESSION = "11111111-2222-3333-4444-555555555555"


def now_text() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())


def answer(*values: Any, warnings: tuple[str, ...] = (), **more: Any) -> HostAnswer:
    document = {"values": list(values), "date": now_text(), **more}
    return HostAnswer(json.dumps(document), list(warnings), None)


def failed(text: str, type_name: str = "", code: str = "") -> HostAnswer:
    return HostAnswer("", [], Fault(0, type_name, text, code, structured=True, has_text=True))


def connected(tenant: str = TENANT, seconds: float = 3600, **more: Any) -> HostAnswer:
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    connection = {
        "State": "Connected",
        "TokenStatus": "Active",
        "TenantID": tenant,
        "Organization": TENANT,
        "TokenExpiryTimeUTC": ends,
        **more,
    }
    return answer(connection, cmdlets=["Get-OrganizationConfig", "Set-InboundConnector"])


class Host:
    """Stands for ``RemoteSession``: answers each cmdlet of the tenant with the next of ``script``.

    Connections succeed unless ``connects`` says otherwise.
    """

    def __init__(self, *script: HostAnswer | Exception, **options: Any) -> None:
        self.script = list(script)
        self.proofs: list[HostAnswer] = options.get("proofs", [])
        self.connects: list[HostAnswer | Exception] = options.get("connects", [])
        self.opens: list[Exception | None] = options.get("opens", [])
        self.keeps: bool = options.get("keeps", True)
        self.secrets: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.events: list[str] = []
        self.is_open = False

    def open(self) -> None:
        self.events.append("open")
        problem = self.opens.pop(0) if self.opens else None
        if problem:
            raise problem
        self.is_open = True

    def attach(self, identifier: str) -> bool:
        self.events.append("attach")
        self.is_open = self.keeps
        return self.keeps

    def detach(self) -> str:
        self.events.append("detach")
        self.is_open = False
        return SESSION if self.keeps else ""

    def close(self) -> None:
        self.events.append("close")
        self.is_open = False

    def discard(self) -> None:
        self.events.append("discard")
        self.is_open = False

    def call(self, cmdlet: str, parameters: Mapping[str, Any], seconds: float) -> HostAnswer:
        self.calls.append((cmdlet, dict(parameters)))
        found: HostAnswer | Exception
        if cmdlet == CONNECT:
            found = self.connects.pop(0) if self.connects else answer()
        elif cmdlet == CONNECTIONS:
            found = self.proofs.pop(0) if self.proofs else connected()
        elif cmdlet == DISCONNECT:
            found = answer()
        else:
            found = self.script.pop(0)
        if isinstance(found, Exception):
            self.is_open = False
            raise found
        return found

    def sent(self, cmdlet: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == cmdlet]


def transport(
    host: Host, warnings: list[str] | None = None, **params: Any
) -> tuple[PsrpTransport, Context]:
    context = Context(
        warn=(warnings if warnings is not None else []).append, sleep=lambda seconds: None
    )
    given = {
        "transport": "psrp",
        "tenant": TENANT,
        "access_token": jwt(nbf=int(time.time()) - 60),
        "psrp_host": "mgmt.example",
        "psrp_user": "svc",
        "psrp_password": "correct horse battery",
        "timeout": 60,
        **params,
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return PsrpTransport(kept, context, session=host), context  # type: ignore[arg-type]


def test_the_tenant_is_proven_before_the_first_cmdlet() -> None:
    host = Host(answer({"Name": "a"}))
    client, _context = transport(host)
    assert client.invoke("Get-TransportRule").values == [{"Name": "a"}]
    assert [name for name, _ in host.calls] == [CONNECT, CONNECTIONS, "Get-TransportRule"]
    (given,) = host.sent(CONNECT)
    assert given["CommandName"] == list(CMDLETS) and given["ShowBanner"] is False
    assert given["Organization"] == TENANT and client.tenant_id == TENANT
    assert client.exported_cmdlets() == {"get-organizationconfig", "set-inboundconnector"}
    assert given["AccessToken"] in host.secrets


WRONG_PROOFS: dict[str, tuple[HostAnswer, str]] = {
    "another tenant": (connected(OTHER_TENANT), "connected to the tenant %s" % OTHER_TENANT),
    "no tenant": (connected(TenantID=""), "does not say which tenant"),
    "no connection": (answer(), "not connected to Exchange Online"),
    "an expired one": (connected(TokenStatus="Expired"), "not connected"),
}


@pytest.mark.parametrize("kind", WRONG_PROOFS)
def test_nothing_is_written_where_the_tenant_is_not_proven(kind: str) -> None:
    proof, message = WRONG_PROOFS[kind]
    host = Host(proofs=[proof])
    client, _context = transport(host, tenant="northwind.onmicrosoft.com")
    with pytest.raises(SignInError, match=message):
        client.invoke("Set-InboundConnector", {"Identity": "x"})
    assert host.sent("Set-InboundConnector") == []


def test_a_host_whose_clock_contradicts_the_token_is_refused() -> None:
    proof = json.loads(connected().text)
    proof["date"] = "2019-01-01T00:00:00.0000000Z"
    host = Host(proofs=[HostAnswer(json.dumps(proof), [], None)])
    client, _context = transport(host)
    with pytest.raises(Conflict, match="The clock of mgmt.example:5986 says 2019"):
        client.invoke("Get-TransportRule")


def test_a_broken_write_is_never_repeated() -> None:
    host = Host(LOST, answer())
    client, _context = transport(host)
    with pytest.raises(AmbiguousWrite, match="whether it was carried out is not known"):
        client.invoke("Set-InboundConnector", {"Identity": "x"})
    assert len(host.sent("Set-InboundConnector")) == 1
    # the look that follows has a session of its own
    host.script = [answer({"Name": "x"})]
    assert client.invoke("Get-InboundConnector").values
    assert host.events.count("open") == 2 and len(host.sent(CONNECT)) == 2


def test_a_write_that_was_not_taken_is_sent_again() -> None:
    host = Host(UNSENT, answer())
    client, _context = transport(host)
    client.invoke("Set-InboundConnector", {"Identity": "x"})
    assert len(host.sent("Set-InboundConnector")) == 2


def test_a_broken_read_is_repeated_within_bounds() -> None:
    host = Host(LOST, LOST, answer({"Name": "x"}))
    client, _context = transport(host)
    assert client.invoke("Get-InboundConnector").values == [{"Name": "x"}]
    host.script = [LOST] * 9
    with pytest.raises(ReadError, match="ConnectionResetError"):
        client.invoke("Get-InboundConnector")
    assert len(host.script) == 5


def test_a_host_out_of_reach_is_tried_again_and_then_named() -> None:
    host = Host(answer(), opens=[UNSENT, UNSENT])
    client, _context = transport(host)
    client.invoke("Get-TransportRule")
    gone = Host(opens=[UNSENT] * 9)
    client, _context = transport(gone)
    with pytest.raises(ReadError, match=r"mgmt.example:5986: NewConnectionError.*WinRM listening"):
        client.invoke("Set-InboundConnector", {"Identity": "x"})
    assert gone.events.count("open") == 4


NOT_FOUND = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
ERRORS: list[tuple[str, HostAnswer, type[MailflowError], str]] = [
    ("Set-InboundConnector", failed("couldn't be found", NOT_FOUND), NotFound, "failed: couldn"),
    ("New-InboundConnector", failed("The object already exists"), AlreadyExists, "already"),
    ("Set-InboundConnector", failed("Bad value", "X.ValidationException"), Refused, "Bad value"),
    ("Set-InboundConnector", failed("busy", "X.ServerBusyException"), AmbiguousWrite, "busy"),
    (
        "Set-InboundConnector",
        failed("The term is not recognized", "X.CommandNotFoundException"),
        PermissionDenied,
        "is not in the session of mgmt.example:5986.*Remote and Accepted Domains",
    ),
    (
        "Get-TransportRule",
        failed("Access denied.", "System.UnauthorizedAccessException"),
        PermissionDenied,
        "was denied: Access denied",
    ),
    ("Get-TransportRule", HostAnswer("UnAuthorized", [], UNAUTHORIZED), SignInError, "new one"),
    ("Get-TransportRule", HostAnswer("<html>", [], None), ReadError, "not its function's JSON"),
    ("Set-TransportRule", HostAnswer("", [], None), AmbiguousWrite, "is not known"),
]


@pytest.mark.parametrize(("cmdlet", "said", "kind", "message"), ERRORS)
def test_errors_are_those_of_the_other_transport(
    cmdlet: str, said: HostAnswer, kind: type[MailflowError], message: str
) -> None:
    client, _context = transport(Host(said))
    with pytest.raises(kind, match=message) as caught:
        client.invoke(cmdlet, {"Identity": "x"})
    assert type(caught.value) is kind


def test_a_busy_service_is_asked_again_for_a_read() -> None:
    host = Host(failed("busy", "X.ServerBusyException"), answer({"Name": "x"}))
    client, _context = transport(host)
    assert client.invoke("Get-TransportRule").values == [{"Name": "x"}]


def test_a_token_that_ends_is_replaced_where_a_new_one_can_be_had() -> None:
    host = Host(answer(), proofs=[connected(seconds=30), connected()])
    client, _context = transport(host, access_token=None, client_id=APP, client_secret="x" * 12)
    tokens = iter(
        [jwt(exp=int(time.time()) + 3600, nbf=0), jwt(exp=int(time.time()) + 7200, nbf=0)]
    )
    sign_in = client._exchange._sign_in
    sign_in.token = lambda *arguments, **options: read(next(tokens))  # type: ignore[method-assign]
    sign_in.is_stale = lambda token: True  # type: ignore[method-assign]
    client.exported_cmdlets()
    client.invoke("Get-TransportRule")
    assert len(host.sent(CONNECT)) == 2 and len(host.sent(DISCONNECT)) == 1
    # and one that the service does not take any more: a write was refused, so it may be sent again
    tokens = iter([jwt(nbf=0)])
    host.script = [HostAnswer("", [], UNAUTHORIZED), answer()]
    client.invoke("Set-TransportRule", {"Identity": "x"})
    assert len(host.sent(CONNECT)) == 3 and len(host.sent("Set-TransportRule")) == 2


def read(value: str) -> Any:
    from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.token import (
        read_token,
    )

    return read_token(value, "exchange", None, time.time(), given=False)


def test_a_given_token_that_ended_is_told() -> None:
    host = Host(HostAnswer("", [], UNAUTHORIZED))
    client, _context = transport(host)
    with pytest.raises(SignInError, match="does not take the access token any more"):
        client.invoke("Set-TransportRule", {"Identity": "x"})
    assert len(host.sent("Set-TransportRule")) == 1


CONNECT_FAULTS: list[tuple[HostAnswer, type[MailflowError], str]] = [
    (HostAnswer("", [], UNAUTHORIZED), SignInError, "lacks its grants"),
    (
        failed("The term 'Connect-ExchangeOnline' is not", "X.CommandNotFoundException"),
        PermissionDenied,
        "Install ExchangeOnlineManagement",
    ),
    (
        failed("isn't supported in this scenario", "System.UnauthorizedAccessException"),
        PermissionDenied,
        "isn't supported",
    ),
]


@pytest.mark.parametrize(("said", "kind", "message"), CONNECT_FAULTS)
def test_a_connection_that_fails_says_why(
    said: HostAnswer, kind: type[MailflowError], message: str
) -> None:
    host = Host(connects=[said])
    client, context = transport(host)
    with pytest.raises(kind, match=message):
        client.invoke("Get-TransportRule")
    context.end()
    assert host.events[-1] == "close"


def test_ways_to_connect_that_need_no_token() -> None:
    given: dict[str, Any] = {
        "access_token": None,
        "tenant": "northwind.onmicrosoft.com",
        "client_id": APP,
        "psrp_connect": "certificate_thumbprint",
        "psrp_certificate_thumbprint": "ab" * 20,
    }
    proof = connected(Organization="northwind.onmicrosoft.com")
    host = Host(answer(), proofs=[proof])
    transport(host, **given)[0].invoke("Get-TransportRule")
    (sent,) = host.sent(CONNECT)
    assert (sent["CertificateThumbprint"], sent["AppId"]) == ("AB" * 20, APP)
    assert "AccessToken" not in sent
    host = Host(answer(), proofs=[proof])
    given |= {"psrp_connect": "managed_identity", "managed_identity": APP, "cloud": "dod"}
    transport(host, **given)[0].invoke("Get-TransportRule")
    (sent,) = host.sent(CONNECT)
    assert sent["ManagedIdentity"] is True and sent["ManagedIdentityAccountId"] == APP
    assert sent["ExchangeEnvironmentName"] == "O365USGovDoD"
    wrong = Host(proofs=[connected(Organization="contoso.onmicrosoft.com")])
    with pytest.raises(SignInError, match="connected to contoso.onmicrosoft.com, not to northwind"):
        transport(wrong, **given)[0].invoke("Set-TransportRule", {"Identity": "x"})
    assert wrong.sent("Set-TransportRule") == []
    with pytest.raises(InputError, match="initial domain"):
        transport(Host(), **{**given, "tenant": TENANT})
    with pytest.raises(InputError, match="needs client_id"):
        transport(Host(), **{**given, "psrp_connect": "certificate_thumbprint", "client_id": None})


def test_lists_come_back_as_lists_however_the_host_writes_them() -> None:
    wrapped = {
        "Name": "x",
        "Domains": {"value": ["a", "b"], "Count": 2},
        "None": {"value": [], "Count": 0},
        "Networks": [{"Address": "192.0.2.1"}],
        "RunspaceId": "r",
        "PSComputerName": "mgmt",
    }
    client, _context = transport(Host(answer(wrapped)))
    assert client.invoke("Get-InboundConnector").values == [
        {"Name": "x", "Domains": ["a", "b"], "None": [], "Networks": ["192.0.2.1"]}
    ]


def test_values_go_as_data() -> None:
    nasty = 'it\'s "$(Get-Date)" `n ; \'@\n"@ \u202e'
    assert host_value(nasty) == nasty
    assert host_value(Delta(add=["a"], remove=["b"])) == {"Add": ["a"], "Remove": ["b"]}
    assert host_value(("a", None, True)) == ["a", None, True]


def test_warnings_are_told_once() -> None:
    warnings: list[str] = []
    host = Host(answer(warnings=("Look here",)), answer(warnings=("Look here",)))
    client, _context = transport(host, warnings)
    client.invoke("Set-TransportRule", {"Identity": "x"})
    client.invoke("Set-TransportRule", {"Identity": "x"})
    assert warnings == ["Set-TransportRule: Look here"]


def run_folder(tmp_path: Path) -> str:
    folder = tmp_path / "mailflow.area1.test"
    folder.mkdir(mode=0o700)
    return str(folder / "observation.json")


def test_a_session_is_kept_for_the_run_and_taken_over(tmp_path: Path) -> None:
    path = run_folder(tmp_path)
    host = Host(answer(), answer(), answer())
    for _task in range(2):
        client, context = transport(host, observation_path=path)
        client.invoke("Get-TransportRule")
        context.end()
    assert host.events == ["open", "detach", "attach", "detach"] and len(host.sent(CONNECT)) == 1
    (file,) = Path(path).parent.glob("psrp-*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {"session": SESSION}
    # another tenant, or another account, does not find it
    others: list[dict[str, Any]] = [
        {"tenant": OTHER_TENANT, "access_token": jwt(tid=OTHER_TENANT)},
        {"psrp_user": "x"},
    ]
    for other in others:
        stranger = Host(opens=[UNSENT] * 4)
        client, context = transport(stranger, observation_path=path, **other)
        with pytest.raises(ReadError):
            client.invoke("Get-TransportRule")
        assert "attach" not in stranger.events
    client, context = transport(host, observation_path=path)
    client.end_run()
    assert host.events[-2:] == ["attach", "close"] and host.sent(DISCONNECT)
    assert list(Path(path).parent.glob("psrp-*.json")) == []


def test_a_session_that_is_gone_or_another_tenants_is_not_used(tmp_path: Path) -> None:
    path = run_folder(tmp_path)
    host = Host(*[answer()] * 3)
    client, context = transport(host, observation_path=path)
    client.invoke("Get-TransportRule")
    context.end()
    host.proofs = [connected(OTHER_TENANT), connected()]
    client, context = transport(host, observation_path=path)
    client.invoke("Get-TransportRule")
    assert len(host.sent(CONNECT)) == 2, "connected anew"
    context.end()
    host.keeps = False
    client, context = transport(host, observation_path=path)
    client.invoke("Get-TransportRule")
    context.end()
    assert host.events[-3:] == ["attach", "open", "detach"]


@pytest.mark.parametrize("kind", ["no folder", "somebody's folder", "open folder"])
def test_without_a_folder_of_the_run_nothing_is_kept(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / ("mailflow.area1.test" if kind == "open folder" else "somewhere")
    folder.mkdir()
    os.chmod(folder, 0o755)
    host = Host(answer())
    path = None if kind == "no folder" else str(folder / "observation.json")
    client, context = transport(host, observation_path=path)
    client.invoke("Get-TransportRule")
    context.end()
    assert host.events == ["open", "close"] and list(folder.iterdir()) == []


def test_the_script_never_changes_and_is_what_is_shipped() -> None:
    shipped = (ROOT / "docs/examples/jea/Area1.psrc").read_text()
    body = definition().partition("{")[2].rpartition("}")[0]
    assert body in shipped and definition() == definition()
    for name in CMDLETS:
        assert "'%s'" % name in body


IMPORTS = """
import sys
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.transport import (
    open_transport,
)
params = {"transport": sys.argv[1], "tenant": sys.argv[2], "access_token": sys.argv[3],
          "psrp_host": "h", "psrp_user": "u", "psrp_password": "p" * 9}
open_transport(params, Context())
print(" ".join(sorted(sys.modules)))
"""


@pytest.mark.parametrize("name", ["rest", "psrp"])
def test_a_task_loads_the_libraries_of_its_own_transport_only(name: str) -> None:
    """And none before it is used: a token that is at hand needs neither msal nor a session."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, name, TENANT, jwt()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"msal", "pypsrp", "spnego", "requests"}
    rooms = {module for module in loaded if "._exchange.psrp.transport" in module}
    assert bool(rooms) is (name == "psrp")

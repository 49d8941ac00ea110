# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Windows management host as pypsrp sees it, with its traps [PSRP]."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pypsrp.complex_objects import RunspacePoolState
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from lab.client import Lab
from tests.lab.conftest import Tenant

COMPLETED, FAILED = 4, 5
NORTHWIND = "northwind.onmicrosoft.com"
OTHER_SHELL = "11111111-2222-3333-4444-555555555555"


def wsman(lab: Lab, **options: Any) -> WSMan:
    given = lab.info["psrp"]["extra_vars"]
    return WSMan(
        "127.0.0.1",
        **{
            "port": given["o365_psrp_port"],
            "username": given["o365_psrp_user"],
            "password": given["o365_psrp_password"],
            "auth": "basic",
            "cert_validation": lab.ca_path,
            "operation_timeout": 5,
            **options,
        },
    )


class Remote:
    """One session, and cmdlets by name."""

    def __init__(self, lab: Lab, configuration: str = "Microsoft.PowerShell") -> None:
        self.lab = lab
        self.pool = RunspacePool(
            wsman(lab), configuration_name=configuration, no_profile=True, idle_timeout=600
        )
        self.pool.open()

    def run(self, name: str, **parameters: Any) -> PowerShell:
        shell = PowerShell(self.pool)
        shell.add_cmdlet(name).add_parameters(parameters)
        shell.invoke()
        return shell

    def connect(self, **parameters: Any) -> PowerShell:
        token = Tenant(self.lab).token()
        given = {"AccessToken": token, "Organization": NORTHWIND, "ShowBanner": False}
        return self.run("Connect-ExchangeOnline", **{**given, **parameters})


@pytest.fixture
def remote(lab: Lab) -> Iterator[Remote]:
    made = Remote(lab)
    yield made
    made.pool.close()


SIGN_INS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "basic over TLS": lambda info: {"auth": "basic"},
    "negotiate over TLS": lambda info: {"auth": "negotiate"},
    "ntlm with a domain": lambda info: {"auth": "ntlm", "username": "LAB\\svc-mailflow"},
    "negotiate, encrypted over HTTP": lambda info: {
        "auth": "negotiate",
        "ssl": False,
        "port": info["plain_port"],
        "encryption": "always",
    },
    "client certificate": lambda info: {
        "auth": "certificate",
        "certificate_pem": info["certificate_path"],
        "certificate_key_pem": info["certificate_path"],
    },
}


@pytest.mark.parametrize("way", SIGN_INS)
def test_ways_to_sign_in(lab: Lab, way: str) -> None:
    options = SIGN_INS[way](lab.info["psrp"])
    with RunspacePool(wsman(lab, **options)) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet("Get-ConnectionInformation").invoke()
        assert shell.state == COMPLETED and shell.output == []


REFUSED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "wrong password": lambda info: {"password": "not the password"},
    "wrong password by ntlm": lambda info: {"auth": "ntlm", "password": "not the password"},
    "no such user": lambda info: {"auth": "ntlm", "username": "somebody"},
    "basic over HTTP": lambda info: {
        "ssl": False,
        "port": info["plain_port"],
        "encryption": "never",
    },
    "no certificate": lambda info: {
        "auth": "certificate",
        "certificate_pem": "client.pem",
        "certificate_key_pem": "client.pem",
    },
}


@pytest.mark.parametrize("way", REFUSED)
def test_sign_ins_that_are_refused(lab: Lab, way: str) -> None:
    options = REFUSED[way](lab.info["psrp"])
    if "certificate_pem" in options:  # the app's, which this host's authority did not sign
        own = lab.info["certificates"]["pem"]
        options |= {"certificate_pem": own, "certificate_key_pem": own}
    with pytest.raises((AuthenticationError, requests.exceptions.ConnectionError)):
        RunspacePool(wsman(lab, **options)).open()


def test_unencrypted_messages_are_refused_over_http(lab: Lab) -> None:
    port = lab.info["psrp"]["plain_port"]
    plain = wsman(lab, auth="ntlm", ssl=False, port=port, encryption="never")
    with pytest.raises(Exception, match="400"):
        RunspacePool(plain).open()


def test_a_connection_names_its_tenant_and_ends_with_its_token(lab: Lab, remote: Remote) -> None:
    assert remote.run("Get-InboundConnector").had_errors, "no cmdlets before the connection"
    assert remote.connect().state == COMPLETED
    (shown,) = remote.run("Get-ConnectionInformation").output
    described = {**shown.extended_properties, **shown.adapted_properties}
    assert described["TenantID"] == lab.info["tenant_id"]
    assert (described["State"], described["TokenStatus"]) == ("Connected", "Active")
    for _ in range(6):  # never idle for ten minutes
        assert remote.run("Get-AcceptedDomain").streams.error == []
        lab.advance(minutes=9)
    remote.run("Get-ConnectionInformation")
    lab.advance(minutes=9)
    (error,) = remote.run("Get-AcceptedDomain").streams.error
    assert "UnAuthorized" in str(error)


def test_the_token_is_checked_as_the_service_checks_it(lab: Lab, remote: Remote) -> None:
    for given, text in (
        ({"AccessToken": "no.such.token"}, "UnAuthorized"),
        ({"Organization": "contoso.onmicrosoft.com"}, "UnAuthorized"),
        ({"Organization": ""}, "is needed"),
        ({"Nonsense": 1}, "parameter name 'Nonsense'"),
    ):
        shell = remote.connect(**given)
        assert text in str(shell.streams.error[0]), given
    assert remote.run("Get-ConnectionInformation").output == []


def test_errors_are_not_terminating_unless_asked_for(remote: Remote) -> None:
    remote.connect()
    given = {"Identity": "nowhere", "Comment": "x", "Confirm": False}
    shell = remote.run("Set-InboundConnector", **given)
    assert (shell.state, shell.had_errors, shell.output) == (COMPLETED, False, [])
    (error,) = shell.streams.error
    assert "|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|" in str(
        error
    )
    assert error.reason == "ManagementObjectNotFoundException"
    stopped = remote.run("Set-InboundConnector", **given, ErrorAction="Stop")
    assert (stopped.state, stopped.had_errors) == (FAILED, True)


def test_what_the_table_refuses_is_refused_here_too(remote: Remote) -> None:
    remote.connect()
    shell = remote.run("Set-HostedConnectionFilterPolicy", Identity="Default", NoSuch=1)
    assert "AmbiguousParameterSetException" in str(shell.streams.error[0])


def test_a_write_arrives_with_its_list_changes_and_a_warning_in_its_stream(
    lab: Lab, remote: Remote
) -> None:
    remote.connect()
    since = lab.mark()
    changes = {"Add": ["192.0.2.9"], "Remove": []}
    remote.run(
        "Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=changes, Confirm=False
    )
    assert "192.0.2.9" in str(lab.state()["tenant"]["connection_filter"]["IPAllowList"])
    (write,) = lab.writes(since)
    assert write["service"] == "exchange" and write["parameters"]["IPAllowList"]["add"]
    again = remote.run(
        "Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=changes, Confirm=False
    )
    assert "no settings of" in str(again.streams.warning[0].message)


def test_a_question_waits_for_an_answer_that_nobody_gives(lab: Lab, remote: Remote) -> None:
    remote.connect()
    shell = PowerShell(remote.pool)
    shell.add_cmdlet("Disconnect-ExchangeOnline")
    shell.begin_invoke()
    began = time.monotonic()
    shell.poll_invoke(timeout=1)
    shell.poll_invoke(timeout=1)
    assert time.monotonic() - began > 0.9 and shell.state not in (COMPLETED, FAILED)
    shell.stop()
    assert remote.run("Get-ConnectionInformation").output != []


def test_lists_and_unknown_types_get_lost_on_the_way(lab: Lab, remote: Remote) -> None:
    remote.connect()
    (first, *_rest) = remote.run("Get-AcceptedDomain").output
    assert first.extended_properties["DomainName"]
    policy = remote.run("Get-HostedConnectionFilterPolicy").output[0]
    assert not isinstance(policy.extended_properties["IPAllowList"], list)
    lab.setting("psrp_own_types_only", True)
    assert isinstance(remote.run("Get-AcceptedDomain").output[0], str), "the raw XML"


def taken_over(lab: Lab, identifier: str) -> RunspacePool:
    """A session of another process, as pypsrp's own list of sessions makes it."""
    pool = RunspacePool(wsman(lab))
    pool.id = pool.shell.id = identifier
    pool.shell.opened = pool._new_client = True
    pool.state = RunspacePoolState.DISCONNECTED
    return pool


def test_a_session_outlives_its_client_until_it_was_idle_too_long(lab: Lab) -> None:
    first = Remote(lab)
    first.connect()
    with pytest.raises(WSManFaultError, match="another client"):
        taken_over(lab, first.pool.id).connect()
    first.pool.disconnect()
    with pytest.raises(WSManFaultError, match="not found"):
        taken_over(lab, OTHER_SHELL).connect()
    second = Remote.__new__(Remote)
    second.lab, second.pool = lab, taken_over(lab, first.pool.id)
    second.pool.connect()
    assert len(second.run("Get-ConnectionInformation").output) == 1
    second.pool.disconnect()
    lab.advance(minutes=11)
    with pytest.raises(WSManFaultError, match="not found"):
        taken_over(lab, first.pool.id).connect()


def test_a_constrained_session_shows_one_function_and_takes_no_script(lab: Lab) -> None:
    jea = Remote(lab, "Area1")
    assert "not recognized" in str(jea.run("Get-AcceptedDomain").streams.error[0])
    script = PowerShell(jea.pool)
    script.add_script("1 + 1").invoke()
    assert script.had_errors and "no-language mode" in str(script.streams.error[0])
    denied = jea.run("Invoke-Area1ExchangeCmdlet", Cmdlet="Remove-Mailbox")
    assert "does not allow the cmdlet 'Remove-Mailbox'" in str(denied.streams.error[0])
    asked = jea.run("Invoke-Area1ExchangeCmdlet", Cmdlet="Get-ConnectionInformation")
    assert asked.state == COMPLETED and asked.output[0].startswith('{"values":[]')
    jea.pool.close()


def test_no_other_script_runs_and_each_is_logged(lab: Lab, remote: Remote) -> None:
    since = lab.mark()
    script = PowerShell(remote.pool)
    script.add_script("Get-ChildItem C:\\").invoke()
    assert script.had_errors
    (entry,) = [item for item in lab.requests("psrp", since) if item.get("script")]
    assert entry["script"] == "Get-ChildItem C:\\"


def test_unknown_places_are_refused(lab: Lab) -> None:
    with pytest.raises(WSManFaultError, match="session configuration"):
        Remote(lab, "Nowhere")


def test_a_dropped_answer_leaves_the_write_in_place(lab: Lab, remote: Remote) -> None:
    remote.connect()
    lab.faults([{"service": "psrp", "kind": "drop_after_commit", "writes": True}])
    with pytest.raises(requests.exceptions.ConnectionError):
        remote.run("Set-OrganizationConfig", RejectDirectSend=True, Confirm=False)
    assert lab.state()["tenant"]["organization"]["RejectDirectSend"] is True

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options name a management host that can be worked with, and which cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.options import (
    management_host,
)

PASSWORD = "correct horse battery"
BASE = {"psrp_host": "mgmt.example", "psrp_user": "svc", "psrp_password": PASSWORD}


def test_defaults_are_https_negotiate_and_the_token() -> None:
    found = management_host(BASE, {})
    assert (found.port, found.auth, found.connect) == (5986, "negotiate", "access_token")
    assert found.tls and not found.is_constrained and found.where == "mgmt.example:5986"
    assert PASSWORD not in repr(found)


def test_user_and_password_may_come_from_the_environment() -> None:
    environ = {"O365_PSRP_USER": "svc", "O365_PSRP_PASSWORD": PASSWORD}
    found = management_host({"psrp_host": "h", "psrp_auth": "basic", "psrp_user": ""}, environ)
    assert (found.user, found.password) == ("svc", PASSWORD)
    assert management_host({**BASE, "psrp_user": "other"}, environ).user == "other"


@pytest.mark.parametrize(
    ("configuration", "constrained"),
    [
        ("Microsoft.PowerShell", False),
        ("PowerShell.7", False),
        ("PowerShell.7.6.0", False),
        ("microsoft.powershell32", False),
        ("Area1", True),
    ],
)
def test_any_other_configuration_is_constrained(configuration: str, constrained: bool) -> None:
    found = management_host({**BASE, "psrp_configuration": configuration}, {})
    assert found.is_constrained is constrained


def test_a_thumbprint_may_be_pasted_as_windows_shows_it() -> None:
    given = {"psrp_connect": "certificate_thumbprint", "psrp_certificate_thumbprint": "ab cd 01"}
    assert management_host({**BASE, **given}, {}).thumbprint == "ABCD01"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"psrp_host": ""}, "needs psrp_host"),
        ({"psrp_host": "https://mgmt.example"}, "bare host name"),
        ({"psrp_host": "svc:hunter2@mgmt"}, "bare host name"),
        ({"psrp_port": 0}, "from 1 to 65535"),
        ({"psrp_auth": "basic", "psrp_port": 5985}, "in clear on port 5985"),
        ({"psrp_auth": "certificate", "psrp_port": 5985}, "in clear on port 5985"),
        ({"psrp_auth": "certificate"}, "needs psrp_certificate_path"),
        ({"psrp_auth": "certificate", "psrp_certificate_path": "/nowhere"}, "there is no file"),
        ({"psrp_auth": "ntlm", "psrp_user": ""}, r"needs psrp_user \(O365_PSRP_USER\)"),
        ({"psrp_auth": "credssp", "psrp_password": ""}, r"needs psrp_password"),
        ({"psrp_password": "short"}, "fewer than 8"),
        ({"psrp_auth": "digest"}, "takes one of"),
        ({"psrp_connect": "certificate_thumbprint"}, "psrp_certificate_thumbprint is missing"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_sent(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        management_host({**BASE, **given}, {})
    assert "hunter2" not in str(caught.value)


def test_a_ticket_or_a_certificate_needs_no_password(tmp_path: Path) -> None:
    assert management_host({"psrp_host": "h", "psrp_auth": "kerberos"}, {}).password == ""
    file = tmp_path / "client.pem"
    file.write_text("x")
    given = {"psrp_host": "h", "psrp_auth": "certificate", "psrp_certificate_path": str(file)}
    assert management_host(given, {}).certificate_path == str(file)

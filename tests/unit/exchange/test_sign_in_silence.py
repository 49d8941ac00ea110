# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sign-in library says nothing on its own, and is not needed where a token is given."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.exchange.helpers import APP, TENANT, TlsServer, jwt

ROOT = Path(__file__).resolve().parents[3]
SECRET = "PLANTcs8Q~zXsecretVALUEq7"
VENVS = ("core-2.21", "core-2.19", "core-2.16")

SIGN_IN = """
import sys
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import login
options = dict(pair.split("=", 1) for pair in sys.argv[1:])
failed, result = evaluate(login, {**options, "timeout": 10}, Context())
print(failed, result["msg"])
"""
WITH_A_TOKEN = """
import sys
for library in ("msal", "pypsrp", "cryptography", "jwt"):
    sys.modules[library] = None
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.rest.transport import (
    ExchangeClient,
)
client = ExchangeClient({"access_token": sys.argv[1]}, Context())
print(client.token.tenant_id)
"""


def run(venv: str, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    python = ROOT / ".cache" / "venvs" / venv / "bin" / "python"
    return subprocess.run(
        [str(python), "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible_root"), "REQUESTS_CA_BUNDLE": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module", params=[200, 401])
def quoting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsServer]:
    """An authority behind something that quotes the form that it refuses, as text."""

    def handle(
        method: str, path: str, headers: object, body: bytes
    ) -> tuple[int, object, dict[str, str]]:
        base = "%s/%s" % (server.url, TENANT)
        if path.endswith("openid-configuration"):
            known = {"token_endpoint": base + "/t", "authorization_endpoint": base, "issuer": base}
            return 200, known, {}
        return request.param, b"<html>Blocked by policy: " + body + b"</html>", {}

    server = TlsServer(tmp_path_factory.mktemp("quoting"), handle)
    with server.serving():
        yield server


@pytest.mark.parametrize("venv", VENVS)
def test_an_answer_that_quotes_the_secret_stays_unseen(quoting: TlsServer, venv: str) -> None:
    done = run(
        venv,
        SIGN_IN,
        "tenant=" + TENANT,
        "client_id=" + APP,
        "client_secret=" + SECRET,
        "authority_url=" + quoting.url,
        "ca_path=" + quoting.ca_path,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("True ") and "bytes that are not JSON" in done.stdout
    assert "proxy or a block page" in done.stdout
    assert SECRET[:8] not in done.stdout


@pytest.mark.parametrize("venv", VENVS)
def test_a_task_that_got_a_token_needs_no_sign_in_library(venv: str) -> None:
    done = run(venv, WITH_A_TOKEN, jwt())
    assert (done.stdout.strip(), done.stderr) == (TENANT, "")

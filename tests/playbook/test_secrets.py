# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret in what a run leaves behind: terminal at -vvv with diffs, events, artifacts, report,
baseline, addresses on the wire.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.playbook.harness import Deployment

TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


def spellings(secret: str) -> set[str]:
    """The secret as such, in an address, in Basic authentication."""
    return {
        secret,
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
    }


def assert_clean(deployment: Deployment, text: str, where: str) -> None:
    for secret in deployment.lab.secrets:
        for spelling in spellings(secret):
            position = text.find(spelling)
            assert position < 0, (
                f"a secret is in {where}: ...{text[max(0, position - 200) : position]}"
            )
    found = TOKEN.search(text)
    assert found is None, (
        f"a token is in {where}: ...{text[max(0, found.start() - 200) : found.start()]}"
    )


def assert_no_beginning(deployment: Deployment, text: str, where: str) -> None:
    """No twelve characters in a row of a secret's beginning either."""
    for secret in deployment.lab.secrets:
        for spelling in spellings(secret):
            at = text.find(spelling[:12]) if len(spelling) >= 12 else -1
            assert at < 0, f"a secret's beginning is in {where}: {text[max(0, at - 200) : at + 12]}"


def state_files(deployment: Deployment) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in (deployment.directory / "state").rglob("*")
        if path.is_file()
    }


def test_nothing_that_a_run_leaves_holds_a_secret(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    since = deployment.lab.mark()
    first = deployment.run("--diff", verbosity=3)
    assert first.rc == 0, first.stdout
    # it is what it should be: verbose, with diffs
    assert "task path:" in first.stdout and "\n+++ " in first.stdout and first.diffs()
    assert first.stats["changed"] > 3
    assert_clean(deployment, first.everything(), "the first run")

    # a bad day: an error text is where secrets like to hide
    certificate = deployment.lab.info["certificates"]
    deployment.lab.faults([{"service": "cloudflare", "kind": "garbage", "times": -1}])
    failed = deployment.run(
        "--diff",
        variables={
            "o365_certificate_path": certificate["pfx"],
            "o365_certificate_passphrase": certificate["passphrase"],
        },
        without=["o365_client_secret"],
        verbosity=3,
    )
    assert failed.rc != 0 and failed.report["failures"]
    assert any(
        "client_assertion=" in entry["body"] for entry in deployment.lab.requests("entra", since)
    ), "the passphrase was put to use"
    assert_clean(deployment, failed.everything(), "the failed run")

    files = state_files(deployment)
    assert "baseline.json" in files and any(name.startswith("report-") for name in files), sorted(
        files
    )
    for name, text in files.items():
        assert_clean(deployment, text, name)
    entries = deployment.lab.log(since)
    assert len(entries) > 30
    for entry in entries:
        assert_clean(
            deployment, "%s?%s" % (entry.get("path", ""), entry.get("query", "")), "an address"
        )


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_answer_that_quotes_the_request_shows_no_secret_anywhere(
    deploy: Callable[..., Deployment], form: str
) -> None:
    deployment = deploy("fresh")
    for service, status in (("entra", 401), ("exchange", 400), ("graph", 403), ("cloudflare", 400)):
        deployment.lab.faults([])
        fault = {"service": service, "kind": "echo", "form": form, "status": status}
        deployment.lab.faults([{**fault, "times": -1, "before": 700 if form == "text" else 0}])
        outcome = deployment.run(verbosity=1)
        said = outcome.everything()
        assert service == "graph" or outcome.rc != 0, outcome.stdout
        assert_clean(deployment, said, service)
        assert_no_beginning(deployment, said, service)
        assert "eyJ" not in said, said[max(0, said.find("eyJ") - 300) : said.find("eyJ") + 50]
        assert "Unexpected" not in outcome.stdout and "has no attribute" not in outcome.stdout
    for name, text in state_files(deployment).items():
        assert_clean(deployment, text, name)
        assert "eyJ" not in text, name


def test_a_stranger_s_netrc_changes_nothing(
    deploy: Callable[..., Deployment], tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login netrcuser password NETRCPASS\n", encoding="utf-8")
    netrc.chmod(0o600)
    deployment = deploy("fresh")
    outcome = deployment.run(environment={"NETRC": str(netrc)})
    assert outcome.rc == 0, outcome.stdout


HOSTILE = "\x1b[31mRED\x1b]0;title\x07\nfatal: [x]: FAKED\n  ! fake line \u202egpj.exe"


def test_what_a_service_says_moves_no_terminal_and_forges_no_line(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    error = {"code": "X", "message": HOSTILE}
    body = json.dumps({"success": False, "errors": [error], "error": error})
    for service in ("exchange", "cloudflare"):
        deployment.lab.faults([])
        fault = {"service": service, "kind": "status", "status": 400, "body": body, "times": -1}
        deployment.lab.faults([fault])
        outcome = deployment.run()
        assert outcome.rc != 0 and "RED" in outcome.stdout, outcome.stdout
        plain = re.sub("\x1b\\[[0-9;]*m", "", outcome.stdout)  # the colours of ansible-core
        assert not {"\x1b", "\x07", "\u202e"} & set(plain), ascii(plain)
        lines = [line.strip() for line in plain.splitlines()]
        assert not [line for line in lines if line.startswith(("fatal: [x]", "! fake line"))]
        assert "\x1b[31mRED" not in outcome.stdout

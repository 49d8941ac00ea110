# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret in what a run leaves behind: terminal at -vvv with diffs, events, artifacts, report,
baseline, addresses on the wire.
"""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Callable

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

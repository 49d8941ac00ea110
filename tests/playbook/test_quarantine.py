# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""quarantine.yml as an operator and as AWX run it: real mail that Area 1 held, looked at, and let
go.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pexpect
import pytest

from tests.module.test_quarantine import picture
from tests.playbook.harness import HOST, ROOT, Deployment
from tests.support.controller import controller_environment

MX = "mailstream-eu1.mxrecord.io"
EDGE = "northwind-example.mail.protection.outlook.com"
DOMAIN = "northwind.example"
SUBJECTS = ("Invoice", "Parcel", "Prize")


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Three messages in Area 1's quarantine, sent to its MX host by somebody."""
    deployment = Deployment(tmp_path_factory.mktemp("quarantine"))
    deployment.playbook = ROOT / "playbooks" / "quarantine.yml"
    lab = deployment.lab
    lab.mutate(
        ["cloudflare", "email_security", "domains"],
        append={
            "domain": DOMAIN,
            "transport": EDGE,
            "require_tls_outbound": True,
            "drop_dispositions": ["MALICIOUS", "SPAM"],
        },
    )
    lab.setting("connector_delay_minutes", 0)
    for name, subject in zip(("ada", "bob", "eve"), SUBJECTS, strict=True):
        sent = lab.send(
            MX, "offers@fabrikam.example", f"{name}@{DOMAIN}", subject=f"[lab:SPAM] {subject}"
        )
        assert sent["code"] == 250, sent
        lab.advance(minutes=1)
    yield deployment
    deployment.close()


def ids(tenant: Deployment) -> list[str]:
    return [item["id"] for item in tenant.lab.state()["cloudflare"]["messages"]]


def arrived(tenant: Deployment) -> list[str]:
    tenant.lab.settle()
    return sorted(message["recipient"] for message in tenant.lab.messages())


def by_hand(tenant: Deployment, answer: str, **variables: object) -> tuple[int, str]:
    """ansible-playbook at a terminal; the question is answered.

    Exit code and what the terminal showed.
    """
    given = tenant.directory / "by_hand.json"
    given.write_text(
        json.dumps({"all": {"hosts": {HOST: {**tenant.variables, **variables}}}}), encoding="utf-8"
    )
    runners = ("AWX_ISOLATED_DATA_DIR", "CI")
    environment = {name: value for name, value in os.environ.items() if name not in runners}
    child = pexpect.spawn(
        "ansible-playbook",
        ["-i", str(given), str(tenant.playbook)],
        env={**environment, **controller_environment(), "HOME": str(tenant.directory)},
        dimensions=(50, 250),
        timeout=120,
        encoding="utf-8",
        cwd=str(ROOT),
    )
    child.expect("Type yes:")
    before = str(child.before)
    # the terminal is emptied before it is read from
    child.delaybeforesend = 1.0
    child.sendline(answer)
    child.expect(pexpect.EOF)
    shown = before + str(child.before)
    child.close()
    return int(child.exitstatus or 0), shown


def test_list_then_nothing_without_a_yes(tenant: Deployment) -> None:
    outcome = tenant.run()
    assert outcome.rc == 0 and outcome.stats["changed"] == 0, outcome.stdout
    lines = [line for line in outcome.stdout.splitlines() if line.startswith(("TIME ", "20"))]
    columns = [
        lines[0].index(name) for name in ("TIME", "DISPOSITION", "FROM", "TO", "SUBJECT", "ID")
    ]
    assert [
        [
            line[start:end].strip()
            for start, end in zip(columns[1:], [*columns[2:], None], strict=True)
        ]
        for line in lines[1:]
    ] == [
        ["SPAM", "offers@fabrikam.example", f"{name}@{DOMAIN}", f"[lab:SPAM] {subject}", identifier]
        for name, subject, identifier in zip(
            ("eve", "bob", "ada"), reversed(SUBJECTS), reversed(ids(tenant)), strict=True
        )
    ]
    assert "3 messages." in outcome.stdout
    mark = tenant.lab.mark()
    # ansible-runner, and so AWX, gives its job a terminal at which nobody sits
    outcome = tenant.run(variables={"area1_quarantine_release": ids(tenant)})
    assert (
        outcome.rc != 0
        and "set area1_quarantine_confirm to false" in outcome.stdout
        and tenant.lab.writes(mark) == []
    )


def test_pictures_texts_and_a_release_of_which_one_of_three_fails(
    tenant: Deployment, tmp_path: Path
) -> None:
    three = ids(tenant)
    tenant.lab.mutate(["cloudflare", "settings", "release_fails_for"], value=[f"bob@{DOMAIN}"])
    rc, shown = by_hand(
        tenant,
        "yes",
        area1_quarantine_preview=three[0],
        area1_quarantine_download=",".join(three[:2]),
        area1_quarantine_release=three,
        area1_quarantine_directory=str(tmp_path),
    )
    assert rc == 2 and "1 of 3 messages failed (%s)" % three[1] in shown, shown
    assert shown.index("Release 3 messages") < shown.index("RESULT    SUBJECT")
    assert arrived(tenant) == [f"ada@{DOMAIN}", f"eve@{DOMAIN}"]
    [png] = tmp_path.glob("*.png")
    assert picture(png.read_bytes())[:2] == (320, 200)
    texts = [message_from_bytes(path.read_bytes()) for path in tmp_path.glob("*.eml")]
    assert sorted(str(text["Subject"]) for text in texts) == [
        "[lab:SPAM] Invoice",
        "[lab:SPAM] Parcel",
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
    for secret in tenant.lab.secrets:
        assert secret not in shown
    released_before_is_no_change(tenant)


def released_before_is_no_change(tenant: Deployment) -> None:
    three, mark = ids(tenant), tenant.lab.mark()
    outcome = tenant.run(
        variables={
            "area1_quarantine_release": [three[0], three[2]],
            "area1_quarantine_confirm": "false",
        }
    )
    assert (
        outcome.rc == 0
        and outcome.stats["changed"] == 0
        and outcome.stdout.count("already released") == 2
    ), outcome.stdout
    assert tenant.lab.writes(mark) == [] and arrived(tenant) == [f"ada@{DOMAIN}", f"eve@{DOMAIN}"]

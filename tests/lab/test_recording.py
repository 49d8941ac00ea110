# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab that goes on from a recording has the same state, clock and memory."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

from lab.client import Lab
from lab.recording import PREFIX
from tests.lab.conftest import Tenant

RECORDED = Path(__file__).resolve().parents[1] / "data" / "recorded"
FILES = sorted(RECORDED.rglob("*.json.gz"))


def test_the_world_goes_on_from_its_own_time(lab: Lab) -> None:
    path = RECORDED / "3707bae" / "done.json.gz"
    recorded = json.loads(gzip.decompress(path.read_bytes()))["lab"]
    lab.reset(PREFIX + str(path))
    state = lab.state()
    elapsed = datetime.fromisoformat(state["clock"]["now"]).timestamp() - recorded["time"]
    assert -1 <= elapsed < 60
    assert state["tenant"] == recorded["world"]["tenant"]
    assert state["cloudflare"]["zones"] == recorded["world"]["cloudflare"]["zones"]
    assert state["mail"]["counters"] == recorded["journal"]["counters"]
    assert lab.messages() == recorded["journal"]["messages"] != []
    assert Tenant(lab).values("Get-InboundConnector"), "this lab's own credentials are let in"


def test_the_mail_after_it_is_numbered_on(lab: Lab) -> None:
    path = RECORDED / "3707bae" / "done.json.gz"
    lab.reset(PREFIX + str(path))
    known = {message["message_id"] for message in lab.messages()}
    last = max(message["seq"] for message in lab.messages())
    assert lab.traffic(mails=3)["delivered"] == 3
    new = lab.messages(since=last)
    assert len(new) == 3 and not known & {message["message_id"] for message in new}


def test_no_recording_holds_a_credential() -> None:
    assert FILES
    for path in FILES:
        text = gzip.decompress(path.read_bytes()).decode()
        apps = json.loads(text)["lab"]["world"]["entra"]["apps"]
        for app in apps.values():
            assert app["secrets"] == ["{{client_secret}}"]
            assert app["certificates"] == ["{{certificate_pem}}"]
        assert list(json.loads(text)["lab"]["world"]["cloudflare"]["tokens"]) == ["{{api_token}}"]
        assert "BEGIN " not in text

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface that every transport has, and the cmdlets that go over it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import Refused
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import Result, evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.cmdlets import (
    CMDLETS,
    Delta,
    complete,
    worth_telling,
)

ROOT = Path(__file__).resolve().parents[3]
UNCHANGED = "The command completed successfully but no settings of 'Default' have been modified."


def test_the_table_names_every_cmdlet_that_the_source_calls() -> None:
    sources = (ROOT / "plugins").rglob("*.py")
    named = {
        cmdlet
        for path in sources
        for cmdlet in re.findall(
            r'"((?:Get|Set|New|Remove|Enable|Disable)-[A-Z]\w+)"', path.read_text()
        )
    }
    # built from a verb and an object's noun
    made = {
        "%s-%s" % (verb, noun)
        for verb, noun in (
            ("Set", "HostedConnectionFilterPolicy"),
            ("Set", "HostedContentFilterPolicy"),
            ("Enable", "TransportRule"),
            ("Disable", "TransportRule"),
            *((verb, "InboundConnector") for verb in ("New", "Set", "Remove")),
            *((verb, "QuarantinePolicy") for verb in ("New", "Set", "Remove")),
        )
    }
    not_called = {"Set-ExternalInOutlook", "Get-EXOModuleFile", "Get-ConnectionInformation"}
    assert set(CMDLETS) == (named | made) - not_called
    assert list(CMDLETS) == sorted(CMDLETS)


def test_the_service_has_every_cmdlet_of_the_table() -> None:
    known = json.loads((ROOT / "lab/data/exchange-cmdlets.json").read_text())["cmdlets"]
    assert set(CMDLETS) <= set(known)
    confirming = {name for name in CMDLETS if complete(name, {}).get("Confirm") is False}
    assert {name for name in confirming if "Confirm" not in known[name]} == set()


def test_parameters_are_completed_alike_for_every_transport() -> None:
    assert complete("Set-InboundConnector", {"Identity": "x", "EFUsers": Delta()}) == {
        "Identity": "x",
        "Confirm": False,
    }
    assert complete("Get-TransportRule", {}) == {"ResultSize": "Unlimited"}
    assert Delta(add=["a"]).changes() == {"add": ["a"]}


def test_warnings_that_say_nothing_new_are_left_out() -> None:
    assert worth_telling("Set-InboundConnector", [UNCHANGED, "Look here"]) == ["Look here"]
    assert worth_telling("Get-MessageTraceV2", ["There are more results"]) == []


def test_what_a_task_opened_is_closed_however_it_ends() -> None:
    closed: list[str] = []

    def logic(params: object, context: Context) -> Result:
        context.at_end(lambda: closed.append("first"))
        context.at_end(lambda: closed.append("second"))
        if params == {"fail": True}:
            raise Refused("no")
        return Result()

    assert evaluate(logic, {}, Context())[0] is False and closed == ["second", "first"]
    assert evaluate(logic, {"fail": True}, Context())[0] is True and len(closed) == 4

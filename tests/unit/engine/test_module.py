# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a function to a task's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    MissingLibrary,
    Refused,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    Result,
    evaluate,
    need,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._engine.plan import Change, Plan

PLAN = Plan("Thing", "x", "update", (Change("Comment", "a", "b"),))
SECRET = "hunter2-hunter2"


class Left(Exception):
    """exit_json or fail_json was called."""


class Module:
    def __init__(self, check: bool = False, diff: bool = True, **params: Any) -> None:
        self.check_mode, self._diff, self.params = check, diff, params
        self.warnings: list[str] = []
        self.warn = self.warnings.append
        self.left: list[tuple[str, dict[str, Any]]] = []

    def exit_json(self, **result: Any) -> None:
        self.left.append(("exit", result))
        raise Left

    def fail_json(self, **result: Any) -> None:
        self.left.append(("fail", result))
        raise Left


def leave(module: Module, logic: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Left):
        run_module(module, logic)
    (outcome,) = module.left
    return outcome


def test_success_carries_plan_values_and_diff() -> None:
    def logic(params: Mapping[str, Any], context: Context) -> Result:
        context.warn_once("look")
        context.warn_once("look")
        return Result(
            True,
            [Plan("Thing", "idle"), PLAN],
            {"thing": params["name"]},
            extra_diff=[{"before": 1, "after": 2}],
        )

    module = Module(name="x")
    how, result = leave(module, logic)
    assert how == "exit" and result["changed"] is True and result["thing"] == "x"
    assert [plan["identity"] for plan in result["plan"]] == ["x"]
    assert result["diff"] == [PLAN.diff(), {"before": 1, "after": 2}]
    assert module.warnings == ["look"]


def test_no_plan_and_no_diff_where_nothing_differs_or_nobody_asked() -> None:
    assert Result(False, [Plan("Thing", "x")]).to_dict(diff=True) == {"changed": False}
    assert "diff" not in Result(True, [PLAN]).to_dict(diff=False)


def test_check_mode_and_diff_reach_the_logic() -> None:
    seen: list[tuple[bool, bool]] = []

    def logic(params: Mapping[str, Any], context: Context) -> Result:
        seen.append((context.check_mode, context.diff))
        return Result()

    leave(Module(check=True, diff=False), logic)
    leave(Module(check=False, diff=True), logic)
    assert seen == [(True, False), (False, True)]


def test_an_error_says_what_to_do_and_is_noted_for_the_report(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "o.json")

    def logic(params: Mapping[str, Any], context: Context) -> Result:
        raise Refused("It said no.", "Ask again.", code="X1")

    how, result = leave(Module(observation_path=path), logic)
    assert how == "fail" and result["msg"] == "It said no. Ask again."
    assert result["error"] == {
        "kind": "refused",
        "message": "It said no.",
        "hint": "Ask again.",
        "code": "X1",
    }
    assert Observation(path).journal == [
        {"status": "failed", "message": "It said no.", "hint": "Ask again."}
    ]


def test_an_observation_that_cannot_be_written_does_not_hide_the_error(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    def logic(params: Mapping[str, Any], context: Context) -> Result:
        raise Refused("It said no.")

    failed, result = evaluate(
        logic, {"observation_path": str(tmp_path / "open" / "o.json")}, Context()
    )
    assert failed and result["msg"] == "It said no."


def test_a_bug_says_where_and_not_what_was_in_hand() -> None:
    def logic(params: Mapping[str, Any], context: Context) -> Result:
        raise KeyError(params["client_secret"])

    failed, result = evaluate(logic, {"client_secret": SECRET}, Context())
    assert failed and "KeyError" in result["msg"] and "test_module.py" in result["exception"]
    assert SECRET not in json.dumps(result)


def test_a_failure_after_partial_success_keeps_its_results() -> None:
    failed, result = evaluate(
        lambda params, context: Result(
            True, [PLAN], {"results": [1, 2]}, failed_message="1 of 2 failed"
        ),
        {},
        Context(),
    )
    assert (
        failed
        and result["msg"] == "1 of 2 failed"
        and result["results"] == [1, 2]
        and result["changed"] is True
    )


def test_a_missing_library_is_named_with_the_interpreter() -> None:
    assert need("json") is json
    with pytest.raises(MissingLibrary, match="no_such_library") as caught:
        need("no_such_library.part", "no-such-package")
    assert (
        "pip install no-such-package" in caught.value.hint
        and "ansible_playbook_python" in caught.value.hint
    )

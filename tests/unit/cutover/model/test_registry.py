# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every gate that answers is registered, and what it says of itself is true."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model import registry
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.sections import (
    Section,
    Sections,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import evaluate

ROOT = Path(__file__).resolve().parents[4]
CUTOVER = ROOT / "plugins" / "module_utils" / "_cutover"
ANSWERS = ("holds", "noticed", "not_yet", "cannot", "not_checked", "GateResult")


def answered() -> Iterator[tuple[str, str]]:
    """Yield (gate, file) of each answer that the code gives with a gate's name in words."""
    for path in sorted(CUTOVER.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ANSWERS and node.args:
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    yield str(name.value), path.name
                elif isinstance(name, ast.Name) and name.id in constants:
                    yield str(constants[name.id]), path.name


def test_every_answer_is_one_of_a_registered_gate() -> None:
    found = set(answered())
    assert len(found) > 50 and evaluate.EVALUATORS
    assert sorted((gate, file) for gate, file in found if gate not in registry.GATES) == []


def test_gates_need_sections_that_there_are() -> None:
    known = {name for name, value in vars(Sections).items() if isinstance(value, Section)}
    known |= {"timeline"}
    for gate in registry.GATES.values():
        assert set(gate.needs) <= known, gate.id


def test_a_gate_says_what_it_looks_at_where_it_is_asked_first() -> None:
    for gate in registry.GATES.values():
        assert any(item.looks_at and item.otherwise for item in gate.asked), gate.id


def test_a_gate_is_registered_once_and_for_a_phase_that_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The recipe of docs/contributing.md, followed with a made-up gate."""
    monkeypatch.setattr(registry, "GATES", dict(registry.GATES))
    asked = registry.Asked("switch", "the moon", "not yet: wait", acknowledge="yes")
    gate = registry.register("full_moon", asked, needs=("dns",))
    assert gate.acknowledgeable and registry.may_acknowledge("full_moon")
    assert "full_moon" in registry.acknowledgeable()
    with pytest.raises(ValueError, match="twice"):
        registry.register("full_moon", asked)
    with pytest.raises(ValueError, match="no phase"):
        registry.register("new_moon", registry.Asked("night"))

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the lab import each other without circles."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _modules(root: Path) -> dict[str, Path]:
    found = {}
    for path in sorted((root / "lab").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imports(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules that a file imports anywhere, also inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = "%s.%s" % (node.module, alias.name)
                found.add(whole if whole in modules else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(modules)


def _order(root: Path) -> list[str]:
    modules = _modules(root)
    graph = {name: _imports(path, modules) - {name} for name, path in modules.items()}
    return list(TopologicalSorter(graph).static_order())


def test_the_lab_has_no_circle_of_imports() -> None:
    assert "lab.cloudflare.completion" in _order(ROOT)


def test_a_circle_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "a.py").write_text("from lab.b import x\n")
    (tmp_path / "lab" / "b.py").write_text("def f():\n    from lab.a import y\n")
    with pytest.raises(CycleError):
        _order(tmp_path)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions of at most 40 lines (docstring apart), files of 400, lines of 100 columns."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("plugins", "lab", "tools")
LONGEST_FUNCTION, LONGEST_FILE, WIDEST_LINE = 40, 400, 100

#: Functions that are longer today, as ``file:function``. The list only shrinks.
LONG_FUNCTIONS: frozenset[str] = frozenset(
    """
    lab/client.py:start
    lab/graph.py:_get
    lab/laboratory.py:description
    lab/mail/area1.py:_process
    lab/mail/edge.py:_message
    lab/mail/edge.py:_take
    lab/worlds/busy.py:_policies
    plugins/module_utils/_cutover/gates/own_connector.py:catches_others
    plugins/module_utils/_cutover/gates/direct_senders.py:gate
    plugins/module_utils/_cutover/gates/domain_ttl.py:ttl
    plugins/module_utils/_cutover/gates/mta_sts.py:mta_sts
    plugins/module_utils/_cutover/gates/new_path.py:shapes
    plugins/module_utils/_cutover/handling/notices.py:other_rules
    plugins/module_utils/_cutover/handling/rule_matches.py:rules_match
    plugins/module_utils/_cutover/lockdown/enabled.py:decide_enabled
    plugins/module_utils/_cutover/lockdown/soak.py:soak
    plugins/module_utils/_cutover/lockdown/exposure.py:exposure_results
    plugins/module_utils/_cutover/lockdown/proof.py:prove
    plugins/module_utils/_cutover/report/build.py:build
    plugins/module_utils/_cutover/rollback/domains.py:email_security
    plugins/module_utils/_dns/public/wire.py:interpret
    plugins/module_utils/_exchange/reads/mail_flow.py:run_mail_flow_info
    plugins/module_utils/_exchange/reads/trace.py:add
    """.split()
)

#: Files that are longer today. The list only shrinks.
LONG_FILES: frozenset[str] = frozenset(
    """
    """.split()
)


def files() -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the Python files of all rooms."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring and its decorators."""
    lines = int(node.end_lineno or 0) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        first = node.body[0]
        lines -= int(first.end_lineno or 0) - first.lineno + 1
    return lines


def long_functions(name: str, text: str) -> set[str]:
    """Return the functions of a file that are too long, as ``file:function``."""
    return {
        "%s:%s" % (name, node.name)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and length(node) > LONGEST_FUNCTION
    }


def test_functions() -> None:
    found = {item for name, text in files() for item in long_functions(name, text)}
    assert not found - LONG_FUNCTIONS, "too long"
    assert not LONG_FUNCTIONS - found, "mended: take them out of LONG_FUNCTIONS"


def test_files() -> None:
    found = {name for name, text in files() if text.count("\n") > LONGEST_FILE}
    assert not found - LONG_FILES, "too long"
    assert not LONG_FILES - found, "mended: take them out of LONG_FILES"


def test_lines() -> None:
    wide = [
        "%s:%d" % (name, number)
        for name, text in files()
        for number, line in enumerate(text.splitlines(), 1)
        if len(line.partition("  # noqa")[0]) > WIDEST_LINE and len(line.split()) > 1
    ]
    assert not wide


def test_the_test_sees_a_long_function() -> None:
    body = "\n".join("    x = %d" % number for number in range(LONGEST_FUNCTION))
    text = 'def f():\n    """Return.\n\n    More.\n    """\n%s\n' % body
    assert long_functions("a.py", text) == {"a.py:f"}
    assert not long_functions("a.py", text.replace("    x = 0\n", ""))

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The PowerShell that is shipped or shown: it parses, and it cannot make a command of a value.

There is no PowerShell here to run it; the grammar of tree-sitter reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.host_script import (
    ALLOWED,
    FUNCTION,
    definition,
)

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "docs" / "examples" / "jea"
PAGES = (ROOT / "docs" / "psrp.md", EXAMPLES / "README.md")
GRAMMAR = Language(tree_sitter_powershell.language())


def parsed(text: str) -> Node:
    return Parser(GRAMMAR).parse(text.encode()).root_node


def nodes(root: Node) -> Iterator[Node]:
    yield root
    for child in root.children:
        yield from nodes(child)


def problems(text: str) -> list[str]:
    return [
        "line %d: %s" % (node.start_point[0] + 1, (node.text or b"").decode()[:60])
        for node in nodes(parsed(text))
        if node.is_error or node.is_missing
    ]


def blocks() -> list[str]:
    found = []
    for page in PAGES:
        found += re.findall(r"```powershell\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return found


def test_the_parser_sees_what_is_wrong() -> None:
    assert problems("function f { if ($x { }")


def test_the_script_and_the_shipped_files_parse() -> None:
    assert problems(definition()) == []
    for name in ("Area1.psrc", "Area1.pssc"):
        assert problems((EXAMPLES / name).read_text("utf-8")) == [], name


@pytest.mark.parametrize("number", range(len(blocks())))
def test_the_commands_of_the_pages_parse(number: int) -> None:
    assert problems(blocks()[number]) == []


def test_no_command_is_made_of_a_value() -> None:
    """What is called by a variable is the cmdlet's name, which the list has let through."""
    commands = [node for node in nodes(parsed(definition())) if node.type == "command"]
    texts = [" ".join((node.text or b"").decode().split()) for node in commands]
    by_variable = [text for text in texts if text.startswith(("&", "."))]
    assert by_variable == ["& $Cmdlet @Parameters -ErrorAction Stop"]
    called = {text.split(" ")[0].rpartition("\\")[2] for text in texts} - {"&"}
    assert called == {"Import-Module", "ConvertTo-Area1Value", "Get-Command", "ConvertTo-Json"}
    lowered = definition().lower()
    for way in ("invoke-expression", "iex ", "scriptblock", "add-type", "invokescript", "::load"):
        assert way not in lowered


def test_the_list_comes_before_any_call() -> None:
    text = definition()
    assert text.index("-notcontains $Cmdlet") < text.index("& $Cmdlet")
    assert text.startswith("function global:%s {" % FUNCTION)
    listed = text.partition("$allowed = @(")[2].partition(")")[0]
    assert re.findall(r"'([\w-]+)'", listed) == list(ALLOWED)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docstrings begin with one plain line: what a function does, or what a class or a file is."""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("plugins", "lab", "tools")

#: Files and folders that are not done. A room that is done leaves this list and never comes back;
#: a new room is never put here.
NOT_YET: tuple[str, ...] = ()

#: First words of the docstrings of functions. A verb that is missing is added here; a noun is not.
VERBS = frozenset(
    """
    Accept Act Add Admit Advance Allow Answer Append Apply Ask Assert Attach Await Begin Bind
    Break Bring Build Cache Call Carry Change Check Choose Clean Clear Close Collect Combine
    Compare Compile Compute Connect Consume Convert Copy Count Create Cut Decide Declare Decode
    Delete Deliver Derive Describe Destroy Detect Disable Discard Do Download Draw Drop Empty
    Enable Encode End Enter Escape Evaluate Execute Exit Expect Explain Expose Extend Extract Fail
    Fetch Fill Filter Find Finish Flatten Follow Forget Format Free Generate Get Give Go Greet
    Group Guard Hand Handle Have Hide Hold Ignore Import Insert Install Issue Join Judge Keep Kill
    Leave Let Lift Limit List Listen Load Locate Lock Log Look Lower Make Manage Map Mark Mask
    Match Measure Merge Move Name Narrow Normalise Note Number Offer Omit Open Order Overlay
    Overwrite Pair Parse Pass Pause Perform Place Plan Play Poll Post Predict Prepare Print Probe
    Proceed Produce Prove Publish Put Query Queue Quote Raise Reach Read Rebuild Receive Recognise
    Reconcile Record Redact Redirect Reduce Refresh Refuse Register Reject Release Remember Remove
    Render Repeat Replace Reply Report Request Require Reset Resolve Restore Retry Return Reverse
    Revoke Round Route Run Save Say Scale Search See Select Send Serve Set Settle Show Shut Sign
    Skip Sleep Sort Speak Split Spread Stage Stamp Start State Step Stop Store Strip Sum Sweep
    Switch Take Talk Tell Test Throttle Track Translate Treat Try Turn Undo Unite Unpack Update
    Use Validate Verify Visit Wait Walk Warn Watch Widen Withdraw Work Wrap Write Yield
    """.split()
)

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def files() -> list[Path]:
    """Return the Python files of all rooms, in a stable order."""
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def is_done(path: Path) -> bool:
    """Return whether a file is in no room that is not done."""
    name = path.relative_to(ROOT).as_posix()
    return not any(name == room or name.startswith(room + "/") for room in NOT_YET)


def documented(path: Path) -> Iterator[tuple[Documented, str, int]]:
    """Yield what has a docstring, its text, and the column at which the text begins."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, Documented) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            if isinstance(first.value.value, str):
                yield node, first.value.value, first.value.col_offset + 3


def label(path: Path) -> str:
    """Return the file's name as the messages show it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def is_property(node: ast.AST) -> bool:
    """Return whether callers see a value: then the docstring is a noun phrase."""
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(item).endswith("property") for item in decorators)


@functools.cache
def faults(path: Path) -> list[str]:
    """Return what is wrong with the docstrings and comments of a file."""
    found = []
    for node, text, column in documented(path):
        lines = text.split("\n")
        where = "%s:%d" % (label(path), node.body[0].lineno)
        first = lines[0]
        if not first[:1].isupper():
            found.append("%s begins without a capital letter: %s" % (where, first))
        if not first.endswith("."):
            found.append("%s: the first line is no sentence: %s" % (where, first))
        if len(lines) > 1 and lines[1].strip():
            found.append("%s: the first sentence is longer than a line: %s" % (where, first))
        if column + len(first) > 100:
            found.append("%s: the first line is longer than 100 columns" % where)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node):
            if first.split(" ")[0].rstrip(".,;:") not in VERBS:
                found.append("%s does not begin with a verb: %s" % (where, first))
        if "Pure." in text:
            found.append('%s says "Pure.", which the page of the package says' % where)
    return found + [
        '%s:%d says "Pure."' % (label(path), token.start[0])
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if token.type == tokenize.COMMENT and "Pure." in token.string
    ]


@pytest.mark.parametrize("path", [path for path in files() if is_done(path)], ids=label)
def test_docstrings(path: Path) -> None:
    assert not faults(path)


def test_what_is_done_leaves_the_list() -> None:
    """A room that is named as not done has a fault."""
    by_room = {
        room: [path for path in files() if path.is_relative_to(ROOT / room)] for room in NOT_YET
    }
    assert not [room for room, paths in by_room.items() if not any(map(faults, paths))]


SOURCE = '''
def one() -> None:
    """The thing that is there
    and goes on.
    """


def two() -> None:
    """returns nothing."""  # Pure.


class Three:
    """A noun is what a class is."""

    @property
    def four(self) -> int:
        """The number of legs."""

    def five(self) -> int:
        """Return the number of legs."""
'''


def test_the_test_sees_faults(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(SOURCE, encoding="utf-8")
    found = faults(path)
    assert [text.split(":")[1].split(" ")[0] for text in found] == ["3", "3", "3", "9", "9", "9"]
    assert sum("verb" in text for text in found) == 2

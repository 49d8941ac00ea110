# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports run downwards only: floor n imports the floors below it, and nothing beside it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
UTILS = ROOT / "plugins" / "module_utils"

#: From the ground up. Rooms of one floor do not import each other.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"_engine"}),
    frozenset({"_http_session"}),
    frozenset({"_http"}),
    frozenset({"_facts"}),
    frozenset({"_cloudflare_api", "_azure_token"}),
    frozenset({"_exchange", "_email_security", "_dns", "_smtp"}),
    frozenset({"_cutover.model", "_doctor"}),
    frozenset({"_cutover.evidence"}),
    frozenset({"_cutover.gates"}),
    frozenset({"_cutover.lockdown"}),
    frozenset({"_cutover.handling"}),
    frozenset({"_cutover.rollback"}),
    frozenset({"_cutover.phases"}),
    frozenset({"_cutover.snapshots"}),
    frozenset({"_cutover.report"}),
)

#: Rooms that import less than their floor allows.
ONLY = {
    "_facts": frozenset({"_engine"}),
    "_smtp": frozenset({"_engine", "_facts"}),
}

#: Arrows that break the rule today, each with the reason. The list only shrinks.
NOT_YET: dict[tuple[str, str], str] = {}


def room_of(parts: tuple[str, ...]) -> str:
    """Return the room of a module below module_utils, for example ``_cutover.gates``."""
    return ".".join(parts[:2]) if parts[0] == "_cutover" else parts[0]


def arrows() -> Iterator[tuple[str, str, str]]:
    """Yield (room, room that it imports, where) of every import below module_utils."""
    for path in sorted(UTILS.rglob("*.py")):
        inside = path.relative_to(UTILS).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = inside[: len(inside) - node.level]
            module = (*base, *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                full = (*module, alias.name)
                yield room_of(inside), room_of(full), "%s:%d" % ("/".join(inside), node.lineno)


def floor_of(room: str) -> int:
    """Return the number of a room's floor; a room without a floor is an error."""
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def is_allowed(room: str, other: str) -> bool:
    """Return whether a room may import another."""
    if room == other:
        return True
    if room in ONLY:
        return other in ONLY[room]
    return floor_of(other) < floor_of(room)


def broken() -> dict[tuple[str, str], list[str]]:
    """Return the arrows that run up or across, with where they are."""
    found: dict[tuple[str, str], list[str]] = {}
    for room, other, where in arrows():
        if not is_allowed(room, other):
            found.setdefault((room, other), []).append(where)
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path.relative_to(UTILS).with_suffix("").parts) for path in UTILS.rglob("*.py")}
    assert rooms == frozenset().union(*FLOORS)


def test_imports_run_downwards() -> None:
    assert {key: where for key, where in broken().items() if key not in NOT_YET} == {}


def test_what_was_mended_leaves_the_list() -> None:
    assert set(NOT_YET) <= set(broken())


@pytest.mark.parametrize(
    ("room", "other"),
    [
        ("_engine", "_http"),
        ("_dns", "_exchange"),
        ("_facts", "_http"),
        ("_smtp", "_http"),
        ("_cutover.model", "_cutover.gates"),
        ("_exchange", "_cutover.model"),
    ],
)
def test_what_is_not_allowed(room: str, other: str) -> None:
    assert not is_allowed(room, other)


def test_the_engine_and_the_probe_need_the_standard_library_only() -> None:
    foreign = []
    for name in ("_engine", "_facts", "_smtp", "_cutover"):
        for path in sorted((UTILS / name).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [str(node.module)]
                foreign += [
                    "%s: %s" % (path.relative_to(UTILS), item)
                    for item in names
                    if item.split(".")[0] not in {*sys.stdlib_module_names, "ansible"}
                ]
    assert not foreign

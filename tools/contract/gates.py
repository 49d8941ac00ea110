#!/usr/bin/env python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the tables of docs/gates.md from the registry of gates; --check only compares.

A table stands between ``<!-- gates PHASE: ID ... -->``, which gives the order of its first rows,
and ``<!-- end of gates -->``. Gates that the line does not name come last.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ansible_root"))

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.registry import (  # noqa: E402
    GATES,
    Asked,
    Gate,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import (  # noqa: E402
    evaluate,
)

PAGE = ROOT / "docs" / "gates.md"
TABLE = re.compile(r"(<!-- gates (\w+): ([\w ]*)-->\n).*?(<!-- end of gates -->)", re.DOTALL)
HEAD = "| gate | looks at | when it does not hold | acknowledge |\n|---|---|---|---|\n"


def row(gate: Gate, asked: Asked) -> str:
    name = "`%s`%s" % (gate.id, " (%s)" % asked.object if asked.object else "")
    if not asked.looks_at:
        return "| %s | as above | as above | as above |" % name
    words = (asked.looks_at, asked.otherwise, asked.acknowledge or "no")
    return "| %s | %s |" % (name, " | ".join(words))


def table(phase: str, first: list[str]) -> str:
    """Return the rows of a phase."""
    asking = [gate for gate in GATES.values() if any(item.phase == phase for item in gate.asked)]
    unknown = sorted(set(first) - {gate.id for gate in asking})
    if unknown:
        raise SystemExit("docs/gates.md: %s asks no %s" % (phase, ", ".join(unknown)))
    asking.sort(key=lambda gate: (first.index(gate.id) if gate.id in first else 999, gate.id))
    rows = [row(gate, item) for gate in asking for item in gate.asked if item.phase == phase]
    return HEAD + "".join("%s\n" % line for line in rows)


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    return TABLE.sub(lambda found: found[1] + table(found[2], found[3].split()) + found[4], text)


def main() -> int:
    assert evaluate.EVALUATORS, "the gates register themselves as their phases are imported"
    check, present = "--check" in sys.argv[1:], PAGE.read_text(encoding="utf-8")
    current = present == page(present)
    if not current and not check:
        PAGE.write_text(page(present), encoding="utf-8")
    print("docs/gates.md: %s" % ("current" if current else "differs" if check else "written"))
    return 1 if check and not current else 0


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links between the pages, and from the pages into the code, lead to what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "roles").glob("*/README.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HOME = "https://github.com/mailflow/area1/blob/main/"
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that a forge gives to the headings of a page."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page(page: Path) -> None:
    lost = []
    for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        base = ROOT if link.startswith(HOME) else page.parent
        name, _, anchor = link.removeprefix(HOME).partition("#")
        if "://" in name or name.startswith("mailto:"):
            continue
        target = base / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert not lost


def test_every_page_is_reached_from_another() -> None:
    reached = set()
    for page in PAGES:
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            base = ROOT if link.startswith(HOME) else page.parent
            name = link.removeprefix(HOME).partition("#")[0]
            if name and "://" not in name:
                reached.add((base / name).resolve())
    lonely = [
        str(page.relative_to(ROOT))
        for page in PAGES
        if page.is_relative_to(ROOT / "docs") and page not in reached
    ]
    assert not lonely  # nobody finds it

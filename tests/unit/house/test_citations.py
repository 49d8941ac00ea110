# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every citation leads to an entry of docs/sources, and none out of this repository."""

from __future__ import annotations

import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "docs" / "sources"
ROOMS = ("plugins", "lab", "tests", "tools", "docs", "roles", "playbooks", "changelogs")
SUFFIXES = (".py", ".md", ".yml", ".j2", ".json", ".toml", ".cfg")
PREFIXES = ("ANS", "AUTH", "CF", "CUT", "DNS", "DNSP", "EXO", "PSRP")

CITATION = re.compile(r"\[((?:%s)-\d+(?:\.\d+)?)\]" % "|".join(PREFIXES))
#: An entry begins with its anchor: a heading, an item of a list, a row of a table, a paragraph.
ENTRY = re.compile(r"^(?:#+ |\s*- |\| |\d+\. )?(?:\*\*)?\[([A-Z]+-\d+(?:\.\d+)?)\]", re.MULTILINE)
#: How papers were cited that are not in this repository.
OLD = re.compile(
    r"cutover-and-peers|cloudflare-email-security(?:\.md| facts)|ansible-ecosystem|psrp-host"
    r"|toolchain(?:\.md| facts)|tutorial\.md|(?:exchange-online|cutover|design)(?: facts|,)? ?§?\d"
    r"|exchange-online(?:\.md)?[ ,]+§|[Ff]acts,? \d|\bno\. \d+|\[(?:INF|UNV|DISP)\]"
    r"|(?<!RFC \d{4} )(?<!RFC \d{3} )§"
)


@functools.cache
def texts() -> list[tuple[Path, str]]:
    """Return each text file of the checkout with its content, this test excepted."""
    paths = [ROOT / "README.md"]
    for room in ROOMS:
        paths += [
            path
            for path in sorted((ROOT / room).rglob("*"))
            if path.suffix in SUFFIXES and path.is_file() and path != Path(__file__).resolve()
        ]
    return [(path, path.read_text(encoding="utf-8")) for path in paths]


def entries() -> list[str]:
    """Return the anchors of all entries, in the order of the pages."""
    return [
        anchor
        for page in sorted(SOURCES.glob("*.md"))
        for anchor in ENTRY.findall(page.read_text(encoding="utf-8"))
    ]


def test_an_anchor_names_one_entry() -> None:
    found = entries()
    assert len(found) > 100
    assert sorted(found) == sorted(set(found))
    assert {anchor.rsplit("-", 1)[0] for anchor in found} == set(PREFIXES)


def test_every_citation_has_an_entry() -> None:
    known = set(entries())
    lost = {
        "%s: %s" % (path.relative_to(ROOT), anchor)
        for path, text in texts()
        for anchor in CITATION.findall(text)
        if anchor not in known
    }
    assert not lost


def test_the_code_cites() -> None:
    cited = {
        anchor
        for path, text in texts()
        if path.suffix == ".py"
        for anchor in CITATION.findall(text)
    }
    assert {"EXO-2.3", "CF-4.2", "CUT-2.3", "AUTH-2"} <= cited


def test_no_citation_leads_outside() -> None:
    lost = [
        "%s: %s" % (path.relative_to(ROOT), match[0])
        for path, text in texts()
        for match in OLD.finditer(text)
    ]
    assert not lost


def test_the_old_kinds_are_recognised() -> None:
    for text in (
        "(cutover-and-peers, 2.5 no. 33)",
        "exchange-online facts, 2.3",
        "exchange-online.md §2.3",
        "Facts 2.5 no. 17",
        "as §2.4 says",
        "[UNV]",
    ):
        assert OLD.search(text), text
    assert not OLD.search("RFC 8461 §3.1, [EXO-2.3], docs/sources/exchange-online.md")

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of docs/list-values.md are what the engine does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.mailflow.area1.plugins.module_utils._engine import values
from ansible_collections.mailflow.area1.plugins.module_utils._engine.plan import (
    ListIntent,
    Property,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "list-values.md"
BEFORE = ["192.0.2.1", "198.51.100.0/24"]
ROW = re.compile(r"^\| `(\{.*?\})`(?:, or no option)? \| (.*?) \| (yes|no)", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_there_are_examples() -> None:
    assert len(ROWS) == 12


@pytest.mark.parametrize(("option", "after", "changed"), ROWS)
def test_example(option: str, after: str, changed: str) -> None:
    intent = ListIntent.of(yaml.safe_load(option))
    assert intent is not None
    found = intent.target(BEFORE, values.IPS)
    assert sorted(found) == sorted(re.findall(r"`(.*?)`", after))
    same = values.IPS.same(BEFORE, found)
    assert changed == ("no" if same else "yes")


def test_an_option_that_is_not_given_leaves_the_list() -> None:
    assert ListIntent.of(None) is None


def test_an_entry_that_is_added_and_removed_is_refused() -> None:
    intent = ListIntent(add=("192.0.2.1",), remove=("192.0.2.1/32",))
    with pytest.raises(Exception, match="both added to and removed"):
        intent.check(Property("ip_allow_list", "IPAllowList", values.IPS))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.5/24", "192.0.2.0/24"),
        ("192.0.2.1-192.0.2.1", "192.0.2.1"),
    ],
)
def test_same_address(one: str, other: str) -> None:
    assert values.IPS.same([one], [other])

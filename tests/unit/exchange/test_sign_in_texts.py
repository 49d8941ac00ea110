# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is shown of the sign-in service's texts, and what Entra's codes mean."""

from __future__ import annotations

import re
import urllib.parse

import pytest
from hypothesis import given, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.aadsts import (
    AADSTS,
    UNNAMED,
    hint_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.texts import (
    LONGEST_TEXT,
    code_of,
    shown,
)
from tests.unit.exchange.helpers import jwt

SECRET = "PLANTcs8Q~zXsecret/VALUE+eq7aBcDeFgHi"


@given(st.integers(0, 2 * LONGEST_TEXT), st.sampled_from(["plain", "form"]))
def test_a_cut_leaves_no_part_of_a_secret(before: int, spelling: str) -> None:
    """The secret stands where the cut falls: it is masked first."""
    text = SECRET if spelling == "plain" else urllib.parse.quote_plus(SECRET)
    found = shown("x" * before + " " + text + " and more", [SECRET])
    assert not [n for n in range(len(text) - 12) if text[n : n + 13] in found]
    assert len(found) <= LONGEST_TEXT + len(" ...")


@pytest.mark.parametrize(
    "text",
    [
        "grant_type=client_credentials&client_secret=unknown-one&scope=x",
        '{"client_secret": "unknown-one"}',
        "device_code=unknown-one&x",
        "assertion " + jwt(),
        "a cut assertion " + jwt()[:60],
    ],
)
def test_credentials_that_nobody_named_are_masked_too(text: str) -> None:
    found = shown(text, [])
    assert "unknown-one" not in found and "eyJ" not in found and "********" in found


def test_the_first_sentence_without_traces() -> None:
    text = "AADSTS90002: Tenant 'x' not found.\r\nTrace ID: 1\r\nCorrelation ID: 2"
    assert shown(text, []) == "AADSTS90002: Tenant 'x' not found."
    body = '{"error_description":"AADSTS90002: Tenant not found. Trace ID: 1 Corr"}'
    assert shown(body, []) == "AADSTS90002: Tenant not found."
    assert shown("", []) == "" and shown("\n\n", []) == ""


def test_codes() -> None:
    assert code_of("x AADSTS700213: y") == 700213 and code_of("none") == 0
    assert hint_of(7000222).startswith("The client secret has expired.")
    assert hint_of(1) == UNNAMED
    for code, found in AADSTS.items():
        assert found.meaning.endswith(".") and found.action.endswith((".", "?")), code
        assert not re.search(r"\bTODO\b|  ", found.hint), code

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names: one canonical spelling, a strict parser for people and a tolerant one for services."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.host_names import (
    HostName,
    host_name,
    parse_host_name,
    spellings,
    unicode_name,
)

ROOT = Path(__file__).resolve().parents[3]
# Typed, canonical. The A-labels are those of IDNA 2008 (RFC 5891), UTS 46 non-transitional.
SPELLINGS = [
    ("Mail.Example.COM.", "mail.example.com"),
    ("M\u00fcller.example", "xn--mller-kva.example"),
    ("M\u00dcLLER.EXAMPLE.", "xn--mller-kva.example"),
    ("mu\u0308ller.example", "xn--mller-kva.example"),  # decomposed
    ("XN--MLLER-KVA.example", "xn--mller-kva.example"),
    ("stra\u00dfe.example", "xn--strae-oqa.example"),  # IDNA 2003 made it strasse.example
    ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "xn--nxasmm1c.example"),  # a final sigma
    ("m\u00fcller\u3002example", "xn--mller-kva.example"),  # the ideographic full stop
    ("\uff4d\uff58.example", "mx.example"),  # full-width letters
    ("i\u2764.example", "xn--i-7iq.example"),  # IDNA 2008 has no emoji, IDNA 2003 does
    ("mail.m\u00fcller.example", "mail.xn--mller-kva.example"),
]


@pytest.mark.parametrize(("typed", "canonical"), SPELLINGS)
def test_one_spelling_of_a_name(typed: str, canonical: str) -> None:
    found = parse_host_name(f" {typed} ", "domains")
    assert found == HostName(canonical) and found.shown == typed and str(found) == canonical
    assert host_name(typed) == canonical == host_name(canonical)


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            " ",
            ".",
            None,
            "localhost",
            "example..com",
            "-a.example",
            "a-.example",
            "a b.example",
        ),
        *(
            "https://example.com",
            "example.com:25",
            "example.com/24",
            "user@example.com",
            "*.example.com",
        ),
        *("a_b.example.com", "x" * 64 + ".example", ".".join(["x" * 60] * 5), "example.123"),
        "stra\u00dfe\u2764.example",  # IDNA 2008 refuses it, IDNA 2003 would make it another name
        "a\u200d.example",  # a joiner that joins nothing
    ],
)
def test_what_is_no_name_is_refused(typed: str | None) -> None:
    with pytest.raises(InputError, match=r"^domains: .* is not a full host name") as caught:
        parse_host_name(typed, "domains")
    assert "like mail.example.com" in caught.value.hint


@pytest.mark.parametrize(
    "typed", ["192.0.2.44", "192.0.2.44.", "[192.0.2.44]", "2001:db8::1", "[IPv6:2001:db8::1]"]
)
def test_an_address_is_named_as_one(typed: str) -> None:
    with pytest.raises(InputError, match="is not a full host name; it is an address"):
        parse_host_name(typed, "MX host")


def test_underscores_and_wildcards_where_they_are_legal() -> None:
    for name in ("_mta-sts.example.com", "selector1._domainkey.example.com"):
        assert parse_host_name(name, "TXT", underscore=True).canonical == name
    assert parse_host_name("*.example.com", "MX", wildcard=True).canonical == "*.example.com"
    for name in ("a.*.example.com", "*a.example.com", "*"):
        with pytest.raises(InputError):
            parse_host_name(name, "MX", wildcard=True)


@pytest.mark.parametrize(
    ("answered", "canonical"),
    [
        (None, ""),
        (".", ""),
        ("Localhost", "localhost"),
        ("a_b.example.", "a_b.example"),
        ("*.Example", "*.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("two words", "two words"),
        ("a\u200d.Example.", "a\u200d.example"),
        ("x" * 70 + "\u00fc.example", "x" * 70 + "\u00fc.example"),
    ],
)
def test_what_a_service_answers_is_kept(answered: str | None, canonical: str) -> None:
    assert host_name(answered) == canonical


@given(st.text(max_size=80))
def test_no_answer_stops_anything(answered: str) -> None:
    found = host_name(answered)
    assert found == host_name(found)


def test_the_unicode_spelling() -> None:
    assert unicode_name("mail.xn--mller-kva.example") == "mail.m\u00fcller.example"
    assert unicode_name("xn--i-7iq.example") == "i\u2764.example"
    assert unicode_name("xn--\u00fc-.example") == "xn--\u00fc-.example"
    assert spellings("example.com") == ("example.com",)
    assert spellings("xn--mller-kva.example") == ("xn--mller-kva.example", "m\u00fcller.example")


def test_ascii_names_need_no_library() -> None:
    code = """
import sys
sys.modules["idna"] = None
from ansible_collections.mailflow.area1.plugins.module_utils._engine.host_names import (
    host_name, parse_host_name, spellings)
name = parse_host_name("Mail.Example.", "x").canonical
print(name, host_name("A.example."), spellings(name), host_name("m\\u00fcller.example"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / ".ansible_root"), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == (
        "mail.example a.example ('mail.example',) m\u00fcller.example"
    )

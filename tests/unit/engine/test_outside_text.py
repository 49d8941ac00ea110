# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from outside: no secret survives a cut, and nothing of it moves a terminal."""

from __future__ import annotations

import base64
import html
import json
import re
import time
import urllib.parse
from collections.abc import Callable

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import MailflowError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.outside_text import (
    MASK,
    clean,
    columns_of,
    fit,
    json_bytes,
    one_line,
    parse_json,
    redact,
)

SECRET = "PLANTcs8Q~zX/secret+VALUEq7 & more"
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsImtpZCI6ImFiYyJ9." + "QUJDREVGR0hJSktM" * 60 + ".c2ln"


def pieces(secret: str, size: int) -> set[str]:
    return {secret[index : index + size] for index in range(len(secret) - size + 1)}


@pytest.mark.parametrize("before", range(960, 1001))
def test_a_secret_that_a_cut_would_split_is_gone_before_the_cut(before: int) -> None:
    text = clean("x" * before + SECRET, [SECRET], 1000)
    assert not pieces(SECRET, 4) & pieces(text, 4), text


@pytest.mark.parametrize("length", [12, 13, 40, 400, len(TOKEN) - 1, len(TOKEN)])
def test_a_beginning_of_a_token_is_a_token(length: int) -> None:
    text = clean("Authorization: Bearer %s..." % TOKEN[:length], [TOKEN])
    assert text == "Authorization: Bearer %s..." % MASK


def test_the_middle_and_the_end_of_a_token_leave_too() -> None:
    wrapped = "\n ".join(TOKEN[start : start + 76] for start in range(0, len(TOKEN), 76))
    text = clean("sent: %s, tail %s" % (wrapped, TOKEN[-40:]), [TOKEN], 5000)
    assert not pieces(TOKEN, 24) & pieces(text, 24), text


@pytest.mark.parametrize(
    "spelled",
    [
        urllib.parse.quote_plus,
        lambda text: urllib.parse.quote(text, safe=""),
        lambda text: re.sub("%..", lambda code: code[0].lower(), urllib.parse.quote(text, safe="")),
        html.escape,
        lambda text: json.dumps(text)[1:-1],
        lambda text: text.replace("/", "\\/"),
        lambda text: base64.b64encode(text.encode()).decode(),
    ],
)
def test_a_secret_is_known_in_a_form_a_url_a_page_and_base64(spelled: Callable[[str], str]) -> None:
    text = redact("client_secret=%s&grant_type=client_credentials" % spelled(SECRET), [SECRET])
    assert not pieces(spelled(SECRET), 10) & pieces(text, 10), text


def test_controls_between_the_letters_of_a_secret_do_not_hide_it() -> None:
    text = clean("\u200b".join(SECRET), [SECRET])
    assert text == MASK


def test_short_words_are_no_secrets() -> None:
    assert clean("a short word", ["short", "", "a"]) == "a short word"


HOSTILE = (
    "\x1b[31mRED\x1b]0;title\x07 \x9b2J a\r\nfatal: [x]: FAKED\u2028b\u2029c\td \u202egnp.exe\u2066"
)


def test_no_control_bidi_or_newline_reaches_a_terminal() -> None:
    for text in (clean(HOSTILE), one_line(HOSTILE), str(MailflowError(HOSTILE, HOSTILE))):
        assert text.isprintable(), ascii(text)
        assert not {"\x1b", "\x07", "\x9b", "\n", "\r", "\u202e", "\u2066", "\u2028"} & set(text)


def test_blanks_inside_a_quoted_name_stay() -> None:
    assert one_line("Set-InboundConnector 'A  B'") == "Set-InboundConnector 'A  B'"


def test_names_of_people_stay_as_they_are() -> None:
    for name in ("Grüße", "Ελλάδα", "日本語", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"):
        assert one_line(name) == clean(name) == name


def test_a_lone_surrogate_can_be_shown_and_kept() -> None:
    broken = json.loads('"Gateway \\ud83d"')
    one_line(broken).encode("utf-8")
    clean(broken, [SECRET]).encode("utf-8")
    assert parse_json(json_bytes({broken: [broken]})) == {broken: [broken]}


@pytest.mark.parametrize("bomb", ["[" * 200_000, '{"a":' * 5000 + "1" + "}" * 5000])
def test_json_nested_too_deeply_is_no_json(bomb: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(bomb)


@pytest.mark.parametrize(
    "subject",
    [
        "x" * 60_000,
        "\u0301" * 60_000,
        "語" * 60_000,
        " " * 60_000,
        "\x1b" * 60_000,
        "a\u0301" * 9999,
    ],
)
def test_a_long_subject_does_not_stall_the_table(subject: str) -> None:
    started = time.perf_counter()
    for _row in range(200):
        cell = fit(subject, 40)
    assert time.perf_counter() - started < 2.0
    assert columns_of(cell) <= 40


def test_what_fits_is_not_cut() -> None:
    assert fit("語" * 20, 40) == "語" * 20
    assert fit("語" * 21, 40) == "語" * 19 + "…"
    assert fit("x" * 41, 40) == "x" * 39 + "…"
    assert fit("x" * 60_000, 0) == "x" * 60_000


def test_a_token_that_is_asked_for_with_another_one_stays_whole() -> None:
    """Both begin with the header of their issuer; a message would show neither."""
    header = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"
    asked_with, answer = header + ".QXNrZWRXaXRoIQ.c2lnbmF0dXJl", header + ".R2l2ZW5CYWNrIQ.b3RoZXI"
    body = '{"value": "%s"}' % answer
    assert redact(body, [asked_with], answer=True) == body
    assert header[:12] not in redact(body, [asked_with])
    for quoted in (asked_with, asked_with[: len(header) + 13]):
        assert redact("it was %s" % quoted, [asked_with], answer=True) == "it was " + MASK

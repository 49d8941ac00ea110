# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Make text that came from outside fit to be shown: no secret, no control, one line, not too long.

Every text of a service, a mail, a name server or a library goes through here before it becomes
part of a message. Secrets leave first: once a text is cut, a secret that the cut split is equal
to nothing any more, and no later look finds it.
"""

from __future__ import annotations

import base64
import html
import json
import re
import typing as t
import unicodedata
import urllib.parse

MASK = "********"
#: Shorter secrets are left alone: they would blacken everything.
SHORTEST_SECRET = 8
#: The beginning of a secret that is taken for the secret.
SHORTEST_PREFIX = 12
#: Any other part of it; longer, because a passphrase may well contain an ordinary word.
SHORTEST_PIECE = 16
#: Longest text of a service in a message, in characters.
LONGEST = 1000
#: Levels of a JSON text; the services need fewer than ten.
DEEPEST_JSON = 100
#: No message needs more of a text than this, and looking through more takes time.
_LOOKED_AT = 64 * 1024

# C0, DEL and C1 controls (C1 holds an escape sequence's beginning in one character), line and
# paragraph separator.
_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]+")
# What turns the direction of writing or cannot be seen (Unicode Standard Annex 9 and the format
# characters), without the two joiners that ordinary names use.
_UNSEEN = re.compile(
    "[\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
    "\\U000e0000-\\U000e007f]"
)
_SURROGATES = re.compile("[\\ud800-\\udfff]")


def clean(value: t.Any, secrets: t.Iterable[str] = (), limit: int = LONGEST) -> str:
    """Return ``value`` as one line for a message, without ``secrets``, of ``limit`` characters.

    Runs of blanks become one. A text that is longer ends in an ellipsis of three dots.
    """
    hidden = tuple(secrets)
    text = _without_pieces(str(value)[:_LOOKED_AT], hidden)
    text = " ".join(one_line(text).split())
    # Once more: what stood between the letters of a secret is gone now.
    text = _without_pieces(text, hidden)
    return text if len(text) <= limit else text[:limit].rstrip() + " ..."


def one_line(value: t.Any) -> str:
    """Return ``value`` without controls, newlines, lone surrogates and unseen characters.

    Blanks stay as they are: a command that a message quotes must stay right.
    """
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    text = _SURROGATES.sub("\ufffd", _UNSEEN.sub("", text))
    return _CONTROLS.sub(" ", text)


def each_line(value: t.Any) -> str:
    """Return a text of several lines of ours, each of them fit for a terminal."""
    return "\n".join(map(one_line, str(value).split("\n")))


def redact(text: str, secrets: t.Iterable[str], answer: bool = False) -> str:
    """Return ``text`` without ``secrets`` and their beginnings, in all their usual spellings.

    ``answer``: the text is not a message but data to go on with, and may rightly hold another token
    that begins alike. The first part of a JSON web token names the algorithm and the key: alone it
    is no secret, and alike in every token of an issuer.
    """
    spellings = _spellings(secrets)
    if not spellings:
        return text
    lengths = {spelling: _telling(spelling, answer) for spelling in spellings}
    beginnings = {spelling[:length]: None for spelling, length in lengths.items()}
    wanted = re.compile("|".join(map(re.escape, beginnings)))
    parts, done = [], 0
    found = wanted.search(text)
    while found:
        start = found.start()
        length = max(_common(text, start, spelling, 0) for spelling in spellings)
        parts += [text[done:start], MASK]
        done = start + length
        found = wanted.search(text, done)
    return "".join([*parts, text[done:]])


def fit(value: t.Any, columns: int) -> str:
    """Return ``value`` in at most ``columns`` columns of a terminal; 0: however many it takes.

    Takes time in proportion to ``columns`` and not to the text: its length is a stranger's choice.
    """
    text = str(value)
    # Marks that take no column may be many, and so may blanks.
    short = text[: columns * 16] if columns else text
    shown = " ".join(
        "".join(
            letter if unicodedata.category(letter)[0] not in "CZ" else " " for letter in short
        ).split()
    )
    if not columns or (len(short) == len(text) and columns_of(shown) <= columns):
        return shown
    used, kept = 0, ""
    for letter in shown[: columns * 8]:
        used += _columns_of(letter)
        if used >= columns:
            break
        kept += letter
    return kept + "\N{HORIZONTAL ELLIPSIS}"


def columns_of(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes."""
    return sum(map(_columns_of, text))


def json_bytes(document: t.Any, **options: t.Any) -> bytes:
    """Return ``document`` as JSON in UTF-8, whatever its texts hold.

    A lone surrogate cannot be encoded; as the escape that JSON has for it, it is read back as it
    was. ``options`` are those of C(json.dumps).
    """
    text = json.dumps(document, ensure_ascii=False, **options)
    return text.encode("utf-8", "backslashreplace")


def parse_json(text: str | bytes) -> t.Any:
    """Return the value of a JSON text from outside; ValueError when it is none.

    Nested beyond what code that walks through it can follow, it is no usable JSON either.
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [document] if isinstance(document, (dict, list)) else []
    for _depth in range(DEEPEST_JSON):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return document
    raise ValueError("nested too deeply")


def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _telling(secret: str, answer: bool) -> int:
    """Return how many characters of a secret's beginning are taken for the secret."""
    if not answer:
        return SHORTEST_PREFIX
    header, dot, _rest = secret.partition(".")
    return SHORTEST_PREFIX + (len(header) + 1 if dot and header.startswith("eyJ") else 0)


def _spellings(secrets: t.Iterable[str]) -> list[str]:
    """Return each secret as such, in a form, a URL, HTML, JSON and Basic authentication."""
    found: dict[str, None] = {}
    for secret in secrets:
        if not secret or len(secret) < SHORTEST_SECRET:
            continue
        raw = secret.encode("utf-8", "surrogatepass")
        quoted = (urllib.parse.quote(raw, safe=""), urllib.parse.quote_plus(raw))
        found.update(
            dict.fromkeys(
                (
                    secret,
                    *quoted,
                    *(re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), one) for one in quoted),
                    html.escape(secret),
                    json.dumps(secret)[1:-1],
                    json.dumps(secret, ensure_ascii=False)[1:-1],
                    secret.replace("/", "\\/"),
                    base64.b64encode(raw).decode("ascii").rstrip("="),
                )
            )
        )
    return sorted(found, key=len, reverse=True)


def _without_pieces(text: str, secrets: t.Sequence[str]) -> str:
    """Return ``text`` without secrets, their beginnings and any longer part of them."""
    text = redact(text, secrets)
    pieces: dict[str, list[tuple[str, int]]] = {}
    for spelling in _spellings(secrets) if len(text) >= SHORTEST_PIECE else ():
        for first in range(len(spelling) - SHORTEST_PIECE + 1):
            piece = spelling[first : first + SHORTEST_PIECE]
            pieces.setdefault(piece, []).append((spelling, first))
    if not pieces:
        return text
    parts, done, start = [], 0, 0
    while start <= len(text) - SHORTEST_PIECE:
        places = pieces.get(text[start : start + SHORTEST_PIECE])
        if places is None:
            start += 1
            continue
        parts += [text[done:start], MASK]
        start += max(_common(text, start, spelling, first) for spelling, first in places)
        done = start
    return "".join([*parts, text[done:]])


def _common(text: str, start: int, other: str, first: int) -> int:
    """Return how many characters agree from ``start`` and ``first`` on."""
    length = 0
    for left, right in zip(text[start : start + len(other)], other[first:], strict=False):
        if left != right:
            break
        length += 1
    return length

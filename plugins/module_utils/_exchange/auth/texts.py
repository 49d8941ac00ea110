# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Texts of the sign-in service, made fit to be shown: one short line without a credential."""

from __future__ import annotations

import re
import typing as t

from ..._engine.outside_text import MASK, clean as without_secrets, redact

LONGEST_TEXT = 400
# A JSON web token, also one that was cut: a header begins with {" in base64url.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}")
# Form fields that carry a credential, as a proxy's page or a debugging service quotes them.
_FIELDS = re.compile(
    r"(client_secret|client_assertion|assertion|device_code|code|refresh_token|access_token"
    r"|password)(=|%3D|\"\s*:\s*\")[^&\s\"]+",
    re.IGNORECASE,
)


def shown(text: str, secrets: t.Iterable[str]) -> str:
    """Return the first sentence of a text from outside: redacted first, and cut only then."""
    hidden = tuple(secrets)
    return clean(first_sentence(_masked(redact(text, hidden))), hidden)


def clean(text: str, secrets: t.Iterable[str]) -> str:
    """Return the text as one short line without the secrets, and without tokens."""
    return without_secrets(_masked(text), secrets, LONGEST_TEXT)


def _masked(text: str) -> str:
    text = _FIELDS.sub(lambda found: found.group(1) + found.group(2) + MASK, text)
    return _JWT.sub(MASK, text)


def first_sentence(text: str) -> str:
    """Return the text without the trace ids and time stamps that follow it.

    Of a JSON error body it is the description.
    """
    found = re.search(r"AADSTS\d+:[^\"\r\n]*", text)
    lines = text.strip().splitlines()
    line = found.group(0) if found else (lines[0] if lines else "")
    line = line.replace("\\r", "\r").replace("\\n", "\n")
    return " ".join(re.split(r"\r|\n|Trace ID:", line)[0].split())


def code_of(text: str) -> int:
    """Return the number after AADSTS, 0 where there is none."""
    found = re.search(r"AADSTS(\d{1,9})", text)
    return int(found.group(1)) if found else 0

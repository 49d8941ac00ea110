# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Errors of Exchange Online as the service words them, in each of their several shapes."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._engine.outside_text import clean, parse_json

# "Ex6F9304|Full.Type.Name|text" and "|Full.Type.Name|text"
_PIPED = re.compile(r"(?:Ex[0-9A-F]+)?\|([A-Za-z_][\w.+`]*)\|(.*)", re.DOTALL)
_EMPTY_TEXTS = frozenset(
    {"", "invalid operation", "error executing cmdlet", "an error has occurred."}
)
#: Longest name of an exception's type, in characters.
LONGEST_NAME = 200


@dataclasses.dataclass(frozen=True)
class Fault:
    """One error answer.

    ``status`` is the HTTP status, 0 where a PowerShell host told none. ``type_name`` is the
    exception's type where the service told it, ``text`` the most telling of its texts.
    ``structured`` says that the service itself answered, and not something in between.
    """

    status: int
    type_name: str = ""
    text: str = ""
    code: str = ""
    structured: bool = False
    has_text: bool = False

    def named(self, *parts: str) -> bool:
        name = (self.type_name + " " + self.code).lower()
        return any(part.lower() in name for part in parts)

    def says(self, *parts: str) -> bool:
        # The service types its apostrophes in two ways.
        text = self.text.lower().replace("\u2019", "'")
        return any(part.lower() in text for part in parts)


def parse_fault(status: int, body: bytes, secrets: t.Sequence[str] = ()) -> Fault:
    """Read an error answer of any shape; a body of NUL bytes counts as empty.

    ``secrets``, such as the token that was sent, are taken out of its texts before these are cut.
    """
    text = body.replace(b"\0", b"").decode("utf-8", "replace").strip()
    try:
        document = parse_json(text) if text else None
    except ValueError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        plain = "" if text.startswith("<") else shorten(text, secrets)
        return Fault(status, text=plain, has_text=bool(text))
    return _structured(status, error, secrets)


def named_fault(
    status: int, type_name: str, text: str, secrets: t.Sequence[str] = (), code: str = ""
) -> Fault:
    """Return the fault that the service itself tells of, fit to be shown."""
    name = clean(type_name, secrets, LONGEST_NAME)
    code = clean(code, secrets, LONGEST_NAME)
    return Fault(status, name, shorten(text, secrets), code, structured=True, has_text=True)


def _structured(status: int, error: dict[str, t.Any], secrets: t.Sequence[str]) -> Fault:
    inner = as_dict(error.get("innererror"))
    internal = as_dict(inner.get("internalexception"))
    candidates = [(str(internal.get("type") or ""), str(internal.get("message") or ""))]
    candidates += [detail_text(item) for item in as_list(error.get("details"))]
    candidates.append((str(inner.get("type") or ""), str(inner.get("message") or "")))
    candidates.append(("", str(error.get("message") or "")))
    parsed = []
    for type_name, message in candidates:
        piped_type, text = split_message(message)
        parsed.append((piped_type or type_name, text))
    code = str(error.get("code") or "")
    told = (found[1] for found in parsed if found[1].strip().lower() not in _EMPTY_TEXTS)
    codes = [code, *(as_dict(item).get("code") or "" for item in as_list(error.get("details")))]
    return named_fault(
        status,
        next((found[0] for found in parsed if found[0]), ""),
        next(told, parsed[-1][1] or code),
        secrets,
        " ".join(map(str, codes)),
    )


def detail_text(item: t.Any) -> tuple[str, str]:
    """Return type and text of one element of C(details) or C(@adminapi.errors)."""
    message = item.get("message", item.get("Message", "")) if isinstance(item, dict) else item
    return split_message(str(message or ""))


def split_message(message: str) -> tuple[str, str]:
    """Return type and text of a message.

    The service has three shapes: |Type|text, ExNNNNNN|Type|text, and JSON text with Message and
    TypeName.
    """
    stripped = message.strip()
    piped = _PIPED.match(stripped)
    if piped:
        return piped.group(1), piped.group(2).strip()
    if stripped.startswith("{"):
        try:
            document = parse_json(stripped)
        except ValueError:
            return "", stripped
        if isinstance(document, dict):
            found = {str(key).lower(): value for key, value in document.items()}
            nested_type, text = split_message(str(found.get("message") or ""))
            return nested_type or str(found.get("typename") or ""), text
    return "", stripped


def shorten(text: t.Any, secrets: t.Sequence[str] = ()) -> str:
    """Return a text of the service as one line for a message: redacted first, cut only then."""
    return clean(text, secrets)


def as_list(value: t.Any) -> list[t.Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def as_dict(value: t.Any) -> dict[str, t.Any]:
    return value if isinstance(value, dict) else {}

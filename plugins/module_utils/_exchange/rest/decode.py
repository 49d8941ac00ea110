# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the Exchange Online admin API answers: objects without their sidecars, and the several
shapes of an error.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

# "Ex6F9304|Full.Type.Name|text" and "|Full.Type.Name|text"
_PIPED = re.compile(r"(?:Ex[0-9A-F]+)?\|([A-Za-z_][\w.+`]*)\|(.*)", re.DOTALL)
_EMPTY_TEXTS = frozenset(
    {"", "invalid operation", "error executing cmdlet", "an error has occurred."}
)
LONGEST_TEXT = 1000


@dataclasses.dataclass(frozen=True)
class Fault:
    """An error answer: the exception's type name where the service told it, and the most telling
    text.
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


@dataclasses.dataclass(frozen=True)
class Page:
    values: list[dict[str, t.Any]]
    warnings: list[str]
    next_link: str
    confirmation: str
    fault: Fault | None


def parse_page(status: int, document: t.Any) -> Page | None:
    """One successful answer; None when it is not one (a proxy's page, a bare text)."""
    if not isinstance(document, dict):
        return None
    errors = [_fault_text(item) for item in _as_list(document.get("@adminapi.errors"))]
    fault = next(
        (
            Fault(status, name, _short(text), structured=True, has_text=True)
            for name, text in errors
            if text or name
        ),
        None,
    )
    if isinstance(document.get("error"), dict):
        fault = parse_fault(status, json.dumps(document).encode("utf-8"))
    return Page(
        values=_values(document),
        warnings=[str(item) for item in _as_list(document.get("@adminapi.warnings"))],
        next_link=str(document.get("@odata.nextLink") or ""),
        confirmation=str(document.get("@adminapi.confirmationmessage") or ""),
        fault=fault,
    )


def parse_fault(status: int, body: bytes) -> Fault:
    """An error answer of any shape; a body of NUL bytes counts as empty."""
    text = body.replace(b"\0", b"").decode("utf-8", "replace").strip()
    try:
        document = json.loads(text) if text else None
    except ValueError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        plain = "" if text.startswith("<") else _short(text)
        return Fault(status, text=plain, has_text=bool(text))
    return _structured(status, error)


def _structured(status: int, error: dict[str, t.Any]) -> Fault:
    inner = _as_dict(error.get("innererror"))
    internal = _as_dict(inner.get("internalexception"))
    candidates = [(str(internal.get("type") or ""), str(internal.get("message") or ""))]
    candidates += [_fault_text(item) for item in _as_list(error.get("details"))]
    candidates.append((str(inner.get("type") or ""), str(inner.get("message") or "")))
    candidates.append(("", str(error.get("message") or "")))
    parsed = []
    for type_name, message in candidates:
        piped_type, text = _split_message(message)
        parsed.append((piped_type or type_name, text))
    code = str(error.get("code") or "")
    return Fault(
        status,
        type_name=next((found[0] for found in parsed if found[0]), ""),
        text=_short(
            next(
                (found[1] for found in parsed if found[1].strip().lower() not in _EMPTY_TEXTS),
                parsed[-1][1] or code,
            )
        ),
        code=" ".join(
            [code]
            + [str(_as_dict(item).get("code") or "") for item in _as_list(error.get("details"))]
        ).strip(),
        structured=True,
        has_text=True,
    )


def _fault_text(item: t.Any) -> tuple[str, str]:
    """(type, text) of one element of C(details) or C(@adminapi.errors)."""
    message = item.get("message", item.get("Message", "")) if isinstance(item, dict) else item
    return _split_message(str(message or ""))


def _split_message(message: str) -> tuple[str, str]:
    """The three shapes of a message: |Type|text, ExNNNNNN|Type|text, or JSON text with Message and
    TypeName.
    """
    stripped = message.strip()
    piped = _PIPED.match(stripped)
    if piped:
        return piped.group(1), piped.group(2).strip()
    if stripped.startswith("{"):
        try:
            document = json.loads(stripped)
        except ValueError:
            return "", stripped
        if isinstance(document, dict):
            found = {str(key).lower(): value for key, value in document.items()}
            nested_type, text = _split_message(str(found.get("message") or ""))
            return nested_type or str(found.get("typename") or ""), text
    return "", stripped


def _values(document: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    if "value" in document:
        found = document["value"]
        items = [] if found is None else (found if isinstance(found, list) else [found])
    else:
        bare = {key: value for key, value in document.items() if "@" not in key and key != "error"}
        items = [bare] if bare else []
    return [
        _clean(item) if isinstance(item, dict) else {"Value": item}
        for item in items
        if item is not None
    ]


def _clean(value: t.Any) -> t.Any:
    """Without C(X@odata.type), C(X@data.type) and their like, at every depth."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items() if "@" not in key}
    if isinstance(value, list):
        return [_plain(_clean(item)) for item in value]
    return value


def _plain(item: t.Any) -> t.Any:
    """An element of a list that came as an object instead of its text (both have been seen) is its
    text again.
    """
    if not isinstance(item, dict):
        return item
    named = [
        item[key]
        for key in ("Value", "Address", "Domain", "Name")
        if isinstance(item.get(key), str)
    ]
    return named[0] if named else item


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " ..."


def _as_list(value: t.Any) -> list[t.Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _as_dict(value: t.Any) -> dict[str, t.Any]:
    return value if isinstance(value, dict) else {}

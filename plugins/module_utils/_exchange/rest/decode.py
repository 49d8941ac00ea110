# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Objects that the Exchange Online admin API answers, without their sidecar keys."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ..fault import Fault, as_list, detail_text, named_fault, parse_fault, shorten
from ..records import plain_record


@dataclasses.dataclass(frozen=True)
class Page:
    """One page of an answer. ``fault`` is an error that came with a status of success."""

    values: list[dict[str, t.Any]]
    warnings: list[str]
    next_link: str
    confirmation: str
    fault: Fault | None


def parse_page(status: int, document: t.Any, secrets: t.Sequence[str] = ()) -> Page | None:
    """Read one successful answer; return None for what is none (a proxy's page, a bare text).

    ``secrets`` are taken out of its texts before these are cut.
    """
    if not isinstance(document, dict):
        return None
    errors = [detail_text(item) for item in as_list(document.get("@adminapi.errors"))]
    fault = next(
        (named_fault(status, name, text, secrets) for name, text in errors if text or name),
        None,
    )
    if isinstance(document.get("error"), dict):
        fault = parse_fault(status, json.dumps(document).encode("utf-8"), secrets)
    return Page(
        values=_values(document),
        warnings=[shorten(item, secrets) for item in as_list(document.get("@adminapi.warnings"))],
        next_link=str(document.get("@odata.nextLink") or ""),
        confirmation=shorten(document.get("@adminapi.confirmationmessage") or "", secrets),
        fault=fault,
    )


def _values(document: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    if "value" in document:
        found = document["value"]
        items = [] if found is None else (found if isinstance(found, list) else [found])
    else:
        bare = {key: value for key, value in document.items() if "@" not in key and key != "error"}
        items = [bare] if bare else []
    return [
        plain_record(item) if isinstance(item, dict) else {"Value": item}
        for item in items
        if item is not None
    ]


def exported(document: t.Any) -> frozenset[str]:
    """Return the cmdlets that EXOModuleFile lists, in lower case.

    They come as a list, as objects with a name or as one text with separators. A list without a
    cmdlet that every reader has is not the list that it is taken for: empty then.
    """
    values = document.get("value") if isinstance(document, dict) else None
    first = values[0] if isinstance(values, list) and values else values
    listed = first.get("exportedCmdlets") if isinstance(first, dict) else None
    if isinstance(listed, str):
        listed = re.split(r"[,\s]+", listed)
    names = (name.get("Name") if isinstance(name, dict) else name for name in as_list(listed))
    found = frozenset(str(name).strip().lower() for name in names if name)
    return found if "get-organizationconfig" in found else frozenset()

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers as the admin API writes them: envelope, sidecar keys, $select [EXO-1.5]."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}(Z|\+00:00)")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GUID_KEYS = ("Guid", "ExchangeObjectId", "ImmutableId", "NameHashGuid", "DlpPolicyId")


def envelope(base: str, tenant: str, value: Any, warnings: Iterable[str]) -> dict[str, Any]:
    return {
        "@odata.context": (
            f"{base}/adminapi/beta/{tenant}/$metadata#Collection(Exchange.GenericHashTable)"
        ),
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": list(warnings),
        "value": value,
    }


def wire(item: Mapping[str, Any], select: list[str]) -> dict[str, Any]:
    """Return one object with the type keys that stand before a property."""
    wanted = {name.lower() for name in select}
    shown: dict[str, Any] = {}
    for name, value in item.items():
        if wanted and name.lower() not in wanted:
            continue
        shown |= _sidecars(name, value)
        shown[name] = value
    return shown


def _sidecars(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {f"{name}@odata.type": "#Collection(String)"}
    if isinstance(value, int) and not isinstance(value, bool):
        return {f"{name}@data.type": "System.Int32"}
    if name in _GUID_KEYS and isinstance(value, str) and _GUID.fullmatch(value):
        return {f"{name}@data.type": "System.Guid", f"{name}@odata.type": "#Guid"}
    if isinstance(value, str) and _DATE.fullmatch(value):
        return {f"{name}@data.type": "System.DateTime"}
    return {}

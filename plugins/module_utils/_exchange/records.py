# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Objects of Exchange Online as plain data, the same over every transport."""

from __future__ import annotations

import typing as t

# What a remote session adds to each object.
_OF_THE_SESSION = frozenset({"PSComputerName", "RunspaceId", "PSShowComputerName"})


def plain_record(value: t.Any) -> t.Any:
    """Return an object without what the way to it added, at every depth.

    Dropped are sidecar keys such as C(X@odata.type), and the properties of a remote session. A
    list that Windows PowerShell wrote as an object with C(value) and C(Count) is a list again.
    """
    if isinstance(value, dict):
        if set(value) == {"value", "Count"} and isinstance(value["value"], list):
            return plain_record(value["value"])
        return {
            key: plain_record(item)
            for key, item in value.items()
            if "@" not in key and key not in _OF_THE_SESSION
        }
    if isinstance(value, list):
        return [_element(plain_record(item)) for item in value]
    return value


def _element(item: t.Any) -> t.Any:
    """Return the text of a list's element that came as an object; both forms have been seen."""
    if not isinstance(item, dict):
        return item
    named = [
        item[key]
        for key in ("Value", "Address", "Domain", "Name")
        if isinstance(item.get(key), str)
    ]
    return named[0] if named else item

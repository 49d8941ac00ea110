# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The differences between two observations of a tenant, object by object."""

from __future__ import annotations

import typing as t

from .baseline import KEPT
from .history import DOMAIN_SECTIONS, VOLATILE, ordered, said

Difference = dict[str, t.Any]
#: Made by the service, or another's view of the same: no state of the tenant.
SERVER_MADE = ("WhenCreated", "WhenCreatedUTC", "WhenChanged", "WhenChangedUTC")


def differences(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> list[Difference]:
    """Return an entry for each object that appeared, disappeared or has other values.

    A section that one side never read is left out.
    """
    found: list[Difference] = []
    for section in KEPT:
        if section in VOLATILE or section not in before or section not in after:
            continue
        old, new = _by_name(section, before[section]), _by_name(section, after[section])
        for name in sorted({*old, *new}):
            found += _object(section, name, old.get(name), new.get(name))
    return found


def _by_name(section: str, value: t.Any) -> dict[str, t.Any]:
    if section in DOMAIN_SECTIONS:
        return {name: said(section, entry) for name, entry in (value or {}).items()}
    if isinstance(value, t.Mapping):
        return {"": value}
    if all(isinstance(item, t.Mapping) for item in value or []):
        return {str(item.get("Name") or item.get("Identity") or ""): item for item in value or []}
    return {"": {"names": value}}


def _object(section: str, name: str, old: t.Any, new: t.Any) -> list[Difference]:
    head = {"section": section, "object": name}
    if old is None or new is None:
        return [{**head, "change": "came" if old is None else "went", "properties": {}}]
    keys = [key for key in {**old, **new} if key not in SERVER_MADE]
    changed = {
        key: {"before": old.get(key), "after": new.get(key)}
        for key in keys
        if ordered(old.get(key)) != ordered(new.get(key))
    }
    return [{**head, "change": "changed", "properties": changed}] if changed else []

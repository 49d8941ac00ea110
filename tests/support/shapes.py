# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of plain data: which keys and types it has, and where made-up data differs from read
data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Parts of an observation whose keys are names of domains, hosts or statuses, not of fields.
NAMED = frozenset(
    {
        "dns",
        "dns_details",
        "dns_provider",
        "dns_texts",
        "dns_texts/*/texts",
        "email_security",
        "forwarding_hosts",
        "mail_hosts",
        "message_trace/groups/[]/statuses",
        "mta_sts",
        "smtp/hosts",
        "smtp/hosts/*/recipients",
    }
)


@dataclass
class Shape:
    """``types`` are names of types, ``keys`` the fields of mappings (with "*" for a name and "[]"
    for an item of a list), ``always`` those that each mapping had.
    """

    types: set[str] = field(default_factory=set)
    keys: dict[str, Shape] = field(default_factory=dict)
    always: set[str] | None = None

    def add(self, value: Any, path: str = "") -> Shape:
        """Take a value's shape into this one."""
        self.types.add(type(value).__name__)
        if isinstance(value, Mapping):
            fields = {"*" if path in NAMED else str(key) for key in value}
            self.always = fields if self.always is None else self.always & fields
            for key, item in value.items():
                self._add("*" if path in NAMED else str(key), item, path)
        elif isinstance(value, list):
            for item in value:
                self._add("[]", item, path)
        return self

    def _add(self, key: str, item: Any, path: str) -> None:
        self.keys.setdefault(key, Shape()).add(item, f"{path}/{key}".lstrip("/"))


def shape_of(values: Iterable[Any]) -> Shape:
    """Return what several values have in common, and what each may have."""
    found = Shape()
    for value in values:
        found.add(value)
    return found


def drift(made: Shape, read: Shape, path: str = "") -> Iterator[str]:
    """Yield where made-up data has a key or a type that no reader gave."""
    if made.types - read.types:
        yield f"{path}: {sorted(made.types - read.types)} where readers give {sorted(read.types)}"
    for key, shape in made.keys.items():
        below = f"{path}/{key}".lstrip("/")
        if key in read.keys:
            yield from drift(shape, read.keys[key], below)
        elif key != "[]":
            yield f"{below}: no reader gives this key"


def missing(made: Shape, read: Shape, path: str = "") -> Iterator[str]:
    """Yield the keys that readers always give and made-up data lacks."""
    if made.keys and read.always and "dict" in made.types:
        for key in sorted(read.always - set(made.keys) - {"*"}):
            yield f"{path}/{key}".lstrip("/")
    for key, shape in made.keys.items():
        if key in read.keys:
            yield from missing(shape, read.keys[key], f"{path}/{key}".lstrip("/"))

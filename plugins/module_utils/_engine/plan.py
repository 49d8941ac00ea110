# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The planner: what is there, what is wanted, and the changes between them, as data.

It does no I/O and knows no clock.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import InputError
from .outside_text import clean
from .values import Kind, as_list

Object = t.Mapping[str, t.Any]
SHOWN_VALUES = 8
LONGEST_VALUE = 300


@dataclasses.dataclass(frozen=True)
class Property:
    """One row of an object type's table.

    ``name`` is the service's own name of the property (a cmdlet parameter, an API field),
    ``option`` the module's.
    """

    option: str
    name: str
    kind: Kind


@dataclasses.dataclass(frozen=True)
class ListIntent:
    """What a list that others may share is to become.

    C(set) replaces, then C(add) joins and C(remove) leaves. An element both added and removed is a
    contradiction and refused by :meth:`check`.
    """

    add: tuple[t.Any, ...] = ()
    remove: tuple[t.Any, ...] = ()
    set: tuple[t.Any, ...] | None = None

    @classmethod
    def of(cls, value: t.Any) -> ListIntent | None:
        """Read an option: None stays None, a plain list means C(set), a dict has the three keys."""
        if value is None:
            return None
        if isinstance(value, t.Mapping):
            given = value.get("set")
            return cls(
                add=tuple(as_list(value.get("add"))),
                remove=tuple(as_list(value.get("remove"))),
                set=None if given is None else tuple(as_list(given)),
            )
        return cls(set=tuple(as_list(value)))

    def check(self, prop: Property) -> None:
        """Refuse with InputError what is both added and removed."""
        both = set(prop.kind.index(self.add)) & set(prop.kind.index(self.remove))
        if both:
            names = [str(value) for key, value in prop.kind.index(self.add).items() if key in both]
            raise InputError(
                "%s is both added to and removed from %s." % (", ".join(names), prop.option),
                "Name it in only one of add and remove.",
            )

    def target(self, current: t.Any, kind: Kind) -> list[t.Any]:
        """Return the wanted list; what stays keeps the spelling that is in place."""
        present = kind.index(current)
        wanted = (
            dict(present)
            if self.set is None
            else {key: present.get(key, value) for key, value in kind.index(self.set).items()}
        )
        for key, value in kind.index(self.add).items():
            wanted.setdefault(key, present.get(key, value))
        for key in kind.index(self.remove):
            wanted.pop(key, None)
        return list(wanted.values())


@dataclasses.dataclass(frozen=True)
class Change:
    """One property that differs.

    ``add`` and ``remove`` are the delta of a list, None for a single value.
    """

    name: str
    before: t.Any
    after: t.Any
    add: tuple[t.Any, ...] | None = None
    remove: tuple[t.Any, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that would change one object. ``action`` is none, create, update or delete."""

    object_type: str
    identity: str
    action: str = "none"
    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return self.action != "none"

    def before(self) -> dict[str, t.Any]:
        """Return the values that change, as they are."""
        return (
            {}
            if self.action == "create"
            else {change.name: change.before for change in self.changes}
        )

    def after(self) -> dict[str, t.Any]:
        """Return the values that change, as they will be."""
        return (
            {}
            if self.action == "delete"
            else {change.name: change.after for change in self.changes}
        )

    def diff(self) -> dict[str, t.Any]:
        """Return the plan as C(--diff) shows it."""
        header = "%s %s" % (self.object_type, self.identity)
        return {
            "before_header": header,
            "after_header": header,
            "before": self.before(),
            "after": self.after(),
        }

    def apply_to(self, observed: Object | None) -> dict[str, t.Any] | None:
        """Return the object as it will be, which is what check mode hands on; None: it is gone."""
        if self.action == "delete" or (observed is None and self.action != "create"):
            return None
        world = dict(observed or {})
        world.update({change.name: change.after for change in self.changes})
        return world

    def unmet(self) -> str:
        """Say in a sentence what of this plan is not so: object, properties, found and wanted."""
        name = "%s %s" % (self.object_type, self.identity)
        if self.action == "create":
            return "%s does not exist." % name
        if self.action == "delete":
            return "%s is still there." % name
        return "%s: %s." % (name, "; ".join(map(_unmet, self.changes)))

    def left_over(self) -> list[dict[str, t.Any]]:
        """Return the same as data: of a list what it lacks or still has, else found and wanted."""
        return [
            {"name": change.name, "found": change.before, "wanted": change.after}
            if change.add is None and change.remove is None
            else {
                "name": change.name,
                "lacks": list(change.add or ()),
                "has": list(change.remove or ()),
            }
            for change in self.changes
        ]

    def to_data(self) -> dict[str, t.Any]:
        """Return the plan as a module returns it."""
        return {
            "object": self.object_type,
            "identity": self.identity,
            "action": self.action,
            "changes": [
                {
                    key: value
                    for key, value in dataclasses.asdict(change).items()
                    if value is not None
                }
                for change in self.changes
            ],
        }


def _unmet(change: Change) -> str:
    if change.add is None and change.remove is None:
        return "%s is %s, wanted %s" % (change.name, _shown(change.before), _shown(change.after))
    parts = []
    if change.add:
        parts.append("lacks %s" % _shown(change.add))
    if change.remove:
        parts.append("still has %s" % _shown(change.remove))
    return "%s %s" % (change.name, " and ".join(parts))


def _shown(value: t.Any) -> str:
    """Return a value as a person reads it; long lists end in the number of what is left out."""
    if isinstance(value, (list, tuple)):
        more = len(value) - SHOWN_VALUES
        text = ", ".join(str(item) for item in value[:SHOWN_VALUES])
        return clean(text, (), LONGEST_VALUE) + (" and %d more" % more if more > 0 else "")
    return "empty" if value in (None, "") else clean(value, (), LONGEST_VALUE)


def plan_property(prop: Property, observed: Object, wanted: t.Any) -> Change | None:
    """Plan one property; None when it already means what is wanted.

    ``wanted`` None leaves it alone.
    """
    if wanted is None:
        return None
    before = observed.get(prop.name)
    if not prop.kind.is_list:
        if prop.kind.same(before, wanted):
            return None
        return Change(prop.name, before, wanted)
    intent = wanted if isinstance(wanted, ListIntent) else t.cast(ListIntent, ListIntent.of(wanted))
    intent.check(prop)
    after = intent.target(before, prop.kind)
    old, new = prop.kind.index(before), prop.kind.index(after)
    add = tuple(value for key, value in new.items() if key not in old)
    remove = tuple(value for key, value in old.items() if key not in new)
    if not add and not remove:
        return None
    return Change(prop.name, as_list(before), after, add, remove)


def plan_object(
    object_type: str,
    identity: str,
    table: t.Sequence[Property],
    observed: Object | None,
    wanted: t.Mapping[str, t.Any] | None,
) -> Plan:
    """Plan one object.

    ``observed`` None: it does not exist. ``wanted`` (by property name) None: it shall not exist.
    """
    if wanted is None:
        if observed is None:
            return Plan(object_type, identity)
        changes = tuple(
            Change(prop.name, observed.get(prop.name), None)
            for prop in table
            if prop.name in observed
        )
        return Plan(object_type, identity, "delete", changes)
    found = (plan_property(prop, observed or {}, wanted.get(prop.name)) for prop in table)
    changes = tuple(change for change in found if change is not None)
    if observed is None:
        return Plan(object_type, identity, "create", changes)
    return Plan(object_type, identity, "update" if changes else "none", changes)

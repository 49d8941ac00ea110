# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What real tenants have and the lab's plain worlds lack: elements that can be added to any world.

`busy+strangers+odd_rows@7` is the world `busy` with two elements, made with the seed 7;
`fresh+all@7` has every one that is part of `lived_in`, `fresh+some@7` those that the seed picks.
An element may take an argument: `former_gateway+gateway_rules=header`.

Elements of the first table are *everyday*: they ask nothing of anybody, or no more than a word
about a domain. Those of the second are *obstacles*: a person, or time, has to do something.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.worlds.builder import Builder
from lab.worlds.elements import account, domains, gateway, resolvers, tenant, trace

#: builder, chance of its own, argument ("" for none)
Apply = Callable[[Builder, random.Random, str], None]


@dataclass(frozen=True)
class Element:
    """An element: what it does to a world, and which arguments it takes.

    A number is written as "#" among the ``arguments``.
    """

    apply: Apply
    everyday: bool = True
    arguments: tuple[str, ...] = ()

    def takes(self, argument: str) -> bool:
        return (
            not argument
            or argument in self.arguments
            or ("#" in self.arguments and argument.isdigit())
        )


ELEMENTS: dict[str, Element] = {
    "internal_mail": Element(trace.internal_mail),
    "reports": Element(trace.reports),
    "submissions": Element(trace.submissions),
    "outgoing_mail": Element(trace.outgoing_mail),
    "strangers": Element(trace.strangers),
    "mail_by_mx": Element(trace.mail_by_mx),
    "odd_rows": Element(trace.odd_rows),
    "hybrid": Element(tenant.hybrid),
    "odd_names": Element(tenant.odd_names),
    "other_case": Element(tenant.other_case),
    "other_customers": Element(account.other_customers),
    "odd_zones": Element(account.odd_zones),
    "parked": Element(domains.parked),
    "lame": Element(domains.lame),
    "alias": Element(domains.alias),
    "forwarded": Element(domains.forwarded, arguments=("covered",)),
    "sign_in_only": Element(domains.sign_in_only, arguments=("covered",)),
    "half_migrated": Element(domains.half_migrated, arguments=("covered",)),
    "idn": Element(domains.idn, arguments=("ascii", "unicode", "both")),
    "resolver_habits": Element(resolvers.habits),
    "ipv6": Element(resolvers.ipv6, arguments=("delivers",)),
    "gateway_rules": Element(gateway.rules, arguments=gateway.FORMS),
    # --- obstacles ---
    "dehydrated_early": Element(tenant.dehydrated_early, False, ("turned",)),
    "connectors_born_off": Element(tenant.connectors_born_off, False),
    "mailboxes": Element(trace.mailboxes, False, ("#",)),
}
EVERYDAY = tuple(name for name, element in ELEMENTS.items() if element.everyday)


def chosen(names: Iterable[str], seed: int) -> list[tuple[str, str]]:
    """Return the elements that are asked for, with their arguments, in the table's order.

    "all" stands for every everyday element, "some" for a choice of them by the seed. Raises
    ValueError for what is not known.
    """
    wanted: dict[str, str] = {}
    for each in names:
        name, _, argument = each.partition("=")
        if name == "all":
            wanted |= dict.fromkeys(EVERYDAY, "") | wanted
        elif name == "some":
            chance = random.Random(f"some {seed}")
            wanted |= {item: "" for item in EVERYDAY if chance.random() < 0.5} | wanted
        elif name not in ELEMENTS or not ELEMENTS[name].takes(argument):
            raise ValueError(
                f"unknown element {each!r}; there are all, some, {', '.join(ELEMENTS)}"
            )
        else:
            wanted[name] = argument
    return [(name, wanted[name]) for name in ELEMENTS if name in wanted]


def add(builder: Builder, names: Iterable[str], seed: int) -> None:
    """Add elements to a world, and note in its state which, and by which seed."""
    found = chosen(names, seed)
    for name, argument in found:
        ELEMENTS[name].apply(builder, random.Random(f"{name} {seed}"), argument)
    builder.world["elements"] = {
        "names": [f"{name}={argument}" if argument else name for name, argument in found],
        "seed": seed,
    }

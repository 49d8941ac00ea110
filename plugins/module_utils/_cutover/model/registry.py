# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The registry of gates: what each one looks at, in which phases, and whether a person may decide.

A gate is registered beside the function that answers it. docs/gates.md is made of this.
"""

from __future__ import annotations

import dataclasses

#: The phases, in the order of docs/gates.md. "connection" is the connection filter and the
#: connector with its enhanced filtering, "switch" asks of the tenant, "switch_domain" of a domain.
PHASES = (
    "preflight",
    "connection",
    "area1_domains",
    "message_handling",
    "lower_ttl",
    "switch",
    "switch_domain",
    "lockdown",
    "rollback",
    "audit",
)


@dataclasses.dataclass(frozen=True)
class Asked:
    """One phase in which a gate is asked; without texts it asks there what it asks before.

    ``looks_at`` is what holds where the gate is open, ``otherwise`` the answer where it does not,
    ``acknowledge`` what a person's decision means (empty: it cannot be acknowledged), ``object``
    what the gate is asked of where that is not plain.
    """

    phase: str
    looks_at: str = ""
    otherwise: str = ""
    acknowledge: str = ""
    object: str = ""


@dataclasses.dataclass(frozen=True)
class Gate:
    """A gate by its id, which stands in people's ``area1_acknowledge`` and never changes.

    ``needs``: the sections of the observation that it reads.
    """

    id: str
    asked: tuple[Asked, ...]
    needs: tuple[str, ...] = ()

    @property
    def acknowledgeable(self) -> bool:
        return any(item.acknowledge for item in self.asked)


GATES: dict[str, Gate] = {}


def register(id: str, *asked: Asked, needs: tuple[str, ...] = ()) -> Gate:
    """Register a gate; one id is registered once."""
    if id in GATES:
        raise ValueError("The gate %s is registered twice." % id)
    if not asked or any(item.phase not in PHASES for item in asked):
        raise ValueError("The gate %s names no phase, or one that there is not." % id)
    GATES[id] = Gate(id, asked, needs)
    return GATES[id]


def may_acknowledge(id: str) -> bool:
    """Return whether a person may decide about this gate."""
    return id in GATES and GATES[id].acknowledgeable


def acknowledgeable() -> frozenset[str]:
    """Return the ids of all gates that a person may decide about."""
    return frozenset(id for id, gate in GATES.items() if gate.acknowledgeable)

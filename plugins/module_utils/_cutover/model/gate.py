# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A gate's answer: it holds, not yet (until when), cannot (what to do), or was not checked.

Never "probably".
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.outside_text import one_line
from ..._engine.timeline import Event
from .looks import Need
from .registry import may_acknowledge
from .world import World

HOLDS, NOT_YET, CANNOT, NOT_CHECKED = "holds", "not_yet", "cannot", "not_checked"


@dataclasses.dataclass(frozen=True)
class GateResult:
    """One answer.

    ``object`` is what the gate looked at (a domain, a connector); ``until`` an ISO 8601 time in UTC
    where it is known; ``notice`` says that it is worth a line in the report although it holds;
    ``lines`` are shown there as they are.
    """

    gate: str
    status: str
    object: str = ""
    message: str = ""
    hint: str = ""
    until: str = ""
    acknowledged: bool = False
    notice: bool = False
    lines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A gate names what others have named: connectors, rules, senders.
        for name in ("object", "message", "hint"):
            object.__setattr__(self, name, one_line(getattr(self, name)))
        object.__setattr__(self, "lines", tuple(map(one_line, self.lines)))

    @property
    def open(self) -> bool:
        """The phase may go on. What was not checked does not stop a phase, but it is shown."""
        return self.status in (HOLDS, NOT_CHECKED)

    def to_data(self) -> dict[str, t.Any]:
        return {
            key: value
            for key, value in dataclasses.asdict(self).items()
            if value not in ("", False, ())
        }


def holds(gate: str, object: str = "", message: str = "") -> GateResult:
    return GateResult(gate, HOLDS, object, message)


def noticed(gate: str, object: str, message: str) -> GateResult:
    return GateResult(gate, HOLDS, object, message, notice=True)


def not_yet(gate: str, object: str, message: str, until: str = "", hint: str = "") -> GateResult:
    return GateResult(gate, NOT_YET, object, message, hint, until)


def cannot(gate: str, object: str, message: str, hint: str) -> GateResult:
    return GateResult(gate, CANNOT, object, message, hint)


def not_looked_at(object: str, message: str) -> GateResult:
    """Return the answer for a step that relies on a look that was not taken again."""
    hint = "Give mail_flow_gate the option read: stale, or run again."
    return not_yet("looked_again", object, message, hint=hint)


def not_checked(gate: str, message: str) -> GateResult:
    return GateResult(gate, NOT_CHECKED, "", message)


def acknowledge(results: t.Iterable[GateResult], decided: t.Collection[str]) -> list[GateResult]:
    """Return the results with those opened about which a person has decided.

    ``decided`` has ``gate`` or ``gate:object``. An opened result stays visible.
    """
    answer = []
    for result in results:
        named = result.gate in decided or "%s:%s" % (result.gate, result.object) in decided
        if named and result.status != HOLDS and may_acknowledge(result.gate):
            result = dataclasses.replace(result, status=HOLDS, acknowledged=True, until="")
        answer.append(result)
    return answer


@dataclasses.dataclass
class Evaluation:
    """The answers of a phase. ``values`` is what its role goes on with.

    ``go`` is false when nothing of the phase may be done.
    """

    results: list[GateResult]
    values: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    needs: list[Need] = dataclasses.field(default_factory=list)
    events: list[Event] = dataclasses.field(default_factory=list)

    @property
    def go(self) -> bool:
        return all(result.open for result in self.results)

    @property
    def status(self) -> str:
        found = {result.status for result in self.results}
        return next((status for status in (CANNOT, NOT_YET) if status in found), "holds")


def decided(world: World, results: t.Iterable[GateResult]) -> list[GateResult]:
    return acknowledge(results, world.settings.acknowledge)

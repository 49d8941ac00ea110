# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the gates of one phase came to, with what a person decided about them. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from .gate import CANNOT, NOT_YET, GateResult, acknowledge
from .world import World


@dataclasses.dataclass
class Evaluation:
    """``values`` is what the role that asked goes on with; C(go) is false when nothing of the phase may be done."""

    results: list[GateResult]
    values: dict[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def go(self) -> bool:
        return all(result.open for result in self.results)

    @property
    def status(self) -> str:
        found = {result.status for result in self.results}
        return next((status for status in (CANNOT, NOT_YET) if status in found), "holds")


def decided(world: World, results: t.Iterable[GateResult]) -> list[GateResult]:
    return acknowledge(results, world.settings["acknowledge"])

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The phase of the audit that runs its own checks."""

from __future__ import annotations

import typing as t

from ..model.gate import NOT_CHECKED, Evaluation, GateResult, decided
from ..model.world import World
from . import audit_checks as audit
from .deploy import evaluate


def _audit(world: World) -> Evaluation:
    """Check before the deployment's own phases, which leave the state as it would be after them.

    The audit keeps the state as it is.
    """
    results = decided(world, audit.checks(world))
    values = {
        **evaluate("verify", world).values,
        "checks": [result.to_data() for result in results],
    }
    return Evaluation([result for result in results if _says(result)], values)


def _says(result: GateResult) -> bool:
    return not result.open or result.notice or result.acknowledged or result.status == NOT_CHECKED


EVALUATORS: dict[str, t.Callable[[World], Evaluation]] = {"audit": _audit}

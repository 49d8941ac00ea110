# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""observe -> plan -> apply -> verify, once, for every kind of object."""

from __future__ import annotations

import typing as t

from .context import Context
from .errors import AmbiguousWrite, NotVerified

WorldT = t.TypeVar("WorldT")
PlanT = t.TypeVar("PlanT")

READ_BACK_SECONDS = 120.0
UNKNOWN_READ_BACK_SECONDS = 20.0
LONGEST_PAUSE = 60.0
MAX_WRITES = 3


class Steps(t.Protocol[WorldT, PlanT]):
    """What an object type brings.

    ``observe`` never answers from a file; ``plan`` is pure and false when nothing is to do.
    """

    def observe(self) -> WorldT:
        """What is there now, asked of the service."""

    def plan(self, world: WorldT) -> PlanT:
        """The difference to what is wanted."""

    def apply(self, world: WorldT, plan: PlanT) -> None:
        """Write it."""

    def predict(self, world: WorldT, plan: PlanT) -> WorldT:
        """The world after it."""


class Outcome(t.Generic[WorldT, PlanT]):
    """``plan`` is the first plan (what the diff shows); ``world`` what is there now, or would be in
    check mode.
    """

    def __init__(self, plan: PlanT, world: WorldT, predicted: bool) -> None:
        self.plan = plan
        self.world = world
        self.predicted = predicted

    @property
    def changed(self) -> bool:
        return bool(self.plan)


def reconcile(
    steps: Steps[WorldT, PlanT],
    context: Context,
    handed_on: WorldT | None = None,
    read_back_seconds: float = READ_BACK_SECONDS,
) -> Outcome[WorldT, PlanT]:
    """Bring one object to what is wanted and prove it by reading back.

    ``handed_on`` is the observation of an earlier task of this run: good enough to find that
    nothing is to do, and for check mode; never good enough to write on. A write whose outcome is
    unknown is followed by a look, not by a second write.
    """
    world = steps.observe() if handed_on is None else handed_on
    first = plan = steps.plan(world)
    if not plan:
        return Outcome(plan, world, False)
    if context.check_mode:
        return Outcome(plan, steps.predict(world, plan), True)
    if handed_on is not None:
        world = steps.observe()
        first = plan = steps.plan(world)
    for attempt in range(MAX_WRITES):
        if not plan:
            break
        unknown: AmbiguousWrite | None = None
        try:
            steps.apply(world, plan)
        except AmbiguousWrite as exc:
            unknown = exc
        if unknown is not None:
            context.sleep(min(float(unknown.details.get("retry_after") or 0.0), LONGEST_PAUSE))
        # What was accepted only has to show; of what is unknown a shorter look tells as much, and
        # it may be sent again.
        seconds = (
            read_back_seconds
            if unknown is None
            else min(read_back_seconds, UNKNOWN_READ_BACK_SECONDS)
        )
        world, plan = _read_back(steps, context, seconds)
        if plan and (unknown is None or attempt == MAX_WRITES - 1):
            raise NotVerified(
                "The change was %s, but reading it back for %d s did not show it."
                % ("sent" if unknown else "accepted", read_back_seconds),
                "Run again: it starts from what is there by then. %s"
                % (unknown.message if unknown else ""),
            )
    return Outcome(first, world, False)


def _read_back(
    steps: Steps[WorldT, PlanT], context: Context, seconds: float
) -> tuple[WorldT, PlanT]:
    """Reads lag writes ([EXO-1.5]): poll until the plan is empty or the time is
    over.
    """
    pause, waited = 0.0, 0.0
    while True:
        world = steps.observe()
        plan = steps.plan(world)
        if not plan or waited >= seconds:
            return world, plan
        pause = min(max(pause * 2, 0.5), 10.0)
        context.sleep(pause)
        waited += pause

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Observe, plan, apply and verify, once, for every kind of object."""

from __future__ import annotations

import typing as t

from .context import Context
from .errors import AmbiguousWrite, NotVerified
from .outside_text import clean
from .plan import Plan

WorldT = t.TypeVar("WorldT")
PlanT = t.TypeVar("PlanT")

READ_BACK_SECONDS = 120.0
UNKNOWN_READ_BACK_SECONDS = 20.0
# How long a service that took a write, warned, and shows the rest of it may still come round.
REFUSED_SECONDS = 10.0
LONGEST_PAUSE = 60.0
MAX_WRITES = 3


class Steps(t.Protocol[WorldT, PlanT]):
    """What an object type brings.

    ``observe`` never answers from a file; ``plan`` is pure and false when nothing is to do.
    """

    def observe(self) -> WorldT:
        """Return what is there now, asked of the service."""

    def plan(self, world: WorldT) -> PlanT:
        """Return the difference to what is wanted."""

    def apply(self, world: WorldT, plan: PlanT) -> None:
        """Write it."""

    def predict(self, world: WorldT, plan: PlanT) -> WorldT:
        """Return the world after it."""


@t.runtime_checkable
class Told(t.Protocol):
    """Steps that know what the service said to a write, and what it did with earlier ones."""

    def warnings(self) -> t.Sequence[str]:
        """Return the warnings that came with the answer to the last write."""

    def shows_write(self, before: t.Any, after: t.Any) -> bool:
        """Return whether ``after`` is certainly younger than the write that ``before`` led to."""

    def refused_before(self, plan: t.Any) -> bool:
        """Return whether all that is left was waited for in vain before in this run."""


class Outcome(t.Generic[WorldT, PlanT]):
    """What became of an object.

    ``plan`` is the first plan (what the diff shows), ``world`` what is there now, or would be in
    check mode.
    """

    def __init__(self, plan: PlanT, world: WorldT, predicted: bool) -> None:
        self.plan = plan
        self.world = world
        self.predicted = predicted

    @property
    def changed(self) -> bool:
        """Whether anything was written, or would be in check mode."""
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

    :raises NotVerified: the change does not show; the message and C(unmet) say which parts do not.
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
        unknown = _apply(steps, world, plan)
        if unknown is not None:
            context.sleep(min(float(unknown.details.get("retry_after") or 0.0), LONGEST_PAUSE))
        # What was accepted only has to show; of what is unknown a shorter look tells as much, and
        # it may be sent again.
        shorter = unknown is not None or _known(steps, plan)
        seconds = min(read_back_seconds, UNKNOWN_READ_BACK_SECONDS if shorter else float("inf"))
        look = _Look(steps, context, world, plan, accepted=unknown is None)
        world, plan = look.until_it_shows(seconds)
        if plan and (unknown is None or attempt == MAX_WRITES - 1):
            waited = look.waited if look.refused else read_back_seconds
            raise _not_verified(steps, plan, unknown, waited, look.refused)
    return Outcome(first, world, False)


def _apply(steps: Steps[WorldT, PlanT], world: WorldT, plan: PlanT) -> AmbiguousWrite | None:
    """Write, and return the error that leaves open whether it was carried out, if there was one."""
    try:
        steps.apply(world, plan)
    except AmbiguousWrite as exc:
        return exc
    return None


def _known(steps: t.Any, plan: t.Any) -> bool:
    return isinstance(steps, Told) and steps.refused_before(plan)


class _Look(t.Generic[WorldT, PlanT]):
    """The looks at an object after a write."""

    def __init__(
        self,
        steps: Steps[WorldT, PlanT],
        context: Context,
        world: WorldT,
        plan: PlanT,
        accepted: bool,
    ) -> None:
        self._steps = steps
        self._context = context
        self._world = world
        self._plan = plan
        self._accepted = accepted
        self.waited = 0.0
        self.refused = False

    def until_it_shows(self, seconds: float) -> tuple[WorldT, PlanT]:
        """Return the world and what is left to do: nothing, or the time is over.

        Reads lag writes ([EXO-1.5]), so that one look proves nothing. It ends early where the
        service evidently took the write and kept its own mind about a part of it.
        """
        pause, same_since = 0.0, 0.0
        last: PlanT | None = None
        while True:
            world = self._steps.observe()
            plan = self._steps.plan(world)
            if not plan or self.waited >= seconds:
                return world, plan
            if plan != last or not self._keeps_its_mind(world, plan):
                last, same_since = plan, self.waited
            elif self.waited - same_since >= REFUSED_SECONDS:
                self.refused = True
                return world, plan
            pause = min(max(pause * 2, 0.5), 10.0)
            self._context.sleep(pause)
            self.waited += pause

    def _keeps_its_mind(self, world: WorldT, plan: PlanT) -> bool:
        """Return whether the service warned, and this read shows the write all the same."""
        steps: t.Any = self._steps
        if not self._accepted or not isinstance(steps, Told) or not steps.warnings():
            return False
        written: t.Any = self._plan
        left: t.Any = plan
        if isinstance(written, Plan) and isinstance(left, Plan):
            names = {change.name for change in left.changes}
            if written.action == "create" and left.action == "update":
                return True
            if names < {change.name for change in written.changes}:
                return True
        return steps.shows_write(self._world, world)


def _not_verified(
    steps: t.Any, plan: t.Any, unknown: AmbiguousWrite | None, seconds: float, refused: bool
) -> NotVerified:
    """Return the error that names object, property, wanted and found value, and the warning."""
    left = plan.unmet() if isinstance(plan, Plan) else ""
    told = [clean(text) for text in steps.warnings()] if isinstance(steps, Told) else []
    parts = [
        "The change was %s, but reading it back for %d s did not show it."
        % ("sent" if unknown else "accepted", seconds),
        left,
        "The service warned: %s" % " ".join(dict.fromkeys(told)) if told else "",
    ]
    hint = "Run again: it starts from what is there by then. %s" % (
        unknown.message if unknown else ""
    )
    if refused:
        hint = (
            "The service carried out the rest and keeps its own mind about this: its warning says"
            " why. Change that, or leave the option out, and run again."
        )
    return NotVerified(
        " ".join(part for part in parts if part),
        hint.strip(),
        unmet=plan.left_over() if isinstance(plan, Plan) else [],
        warnings=told,
    )

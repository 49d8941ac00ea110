# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One record set from what is there to what is wanted: the steps for ``_engine.reconcile``."""

from __future__ import annotations

import dataclasses

from ..._engine.context import Context
from ..._engine.errors import AmbiguousWrite, NotVerified
from ..._engine.plan import Plan
from ..._engine.reconcile import reconcile
from ..drivers.contract import Driver
from .planner import WantedSet, check_expected, plan_set, target_of
from .rrset import RecordSet
from .zone_file import zone_lines


@dataclasses.dataclass(frozen=True)
class View:
    """One reading of the set; ``record_set`` None is the provider's word that there is none."""

    record_set: RecordSet | None


@dataclasses.dataclass(frozen=True)
class SetOutcome:
    """What was changed, or would be. ``pending``: a person has to do it, as ``zone_lines`` say."""

    plan: Plan
    before: RecordSet | None
    after: RecordSet | None
    predicted: bool = False
    pending: bool = False
    zone_lines: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.plan) and not self.pending


class SetSteps:
    """The steps for one set.

    ``sent`` says, even after an error, whether a change may have reached the provider.
    """

    def __init__(self, driver: Driver, name: str, rdtype: str, wanted: WantedSet) -> None:
        self._driver = driver
        self._name = name
        self._type = rdtype
        self._wanted = wanted
        self.before: View | None = None
        self.sent = False

    def observe(self) -> View:
        return View(self._driver.read(self._name, self._type))

    def target(self, world: View) -> RecordSet | None:
        return target_of(
            self._name, self._type, world.record_set, self._wanted, self._driver.CAPABILITIES
        )

    def plan(self, world: View) -> Plan:
        return plan_set(world.record_set, self.target(world), self._name, self._type)

    def apply(self, world: View, plan: Plan) -> None:
        target = self._allowed(world)
        if target is None:
            return
        try:
            self._driver.replace(self._name, self._type, world.record_set, target)
        except AmbiguousWrite:
            self.sent = True
            raise
        self.sent = True

    def predict(self, world: View, plan: Plan) -> View:
        target = self._allowed(world)
        if target is not None and world.record_set is not None:
            target = dataclasses.replace(target, date=world.record_set.date)
        return View(target)

    def _allowed(self, world: View) -> RecordSet | None:
        if self.before is None:
            self.before = world
        target = self.target(world)
        check_expected(self._name, world.record_set, target, self._wanted)
        return target


def bring(
    steps: SetSteps, driver: Driver, context: Context, handed_on: View | None = None
) -> SetOutcome:
    """Change the set, or, where a person does that, say what is to be set."""
    if not driver.CAPABILITIES.writes:
        return _by_hand(steps, driver, handed_on)
    try:
        outcome = reconcile(steps, context, handed_on)
    except NotVerified as exc:
        exc.hint = f"{exc.hint} {driver.IGNORED_WRITE}".strip()
        raise
    before = steps.before if steps.before is not None else outcome.world
    return SetOutcome(outcome.plan, before.record_set, outcome.world.record_set, outcome.predicted)


def _by_hand(steps: SetSteps, driver: Driver, handed_on: View | None) -> SetOutcome:
    world = handed_on
    if world is None or steps.plan(world):
        world = steps.observe()
    plan = steps.plan(world)
    if not plan:
        return SetOutcome(plan, world.record_set, world.record_set)
    target = steps.predict(world, plan).record_set
    return SetOutcome(
        plan,
        world.record_set,
        target,
        pending=True,
        zone_lines=tuple(zone_lines(target)) if target else (),
        instructions=driver.instructions(world.record_set, target) if target else (),
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""observe, plan, apply, verify, with a service that does what a script says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AmbiguousWrite,
    NotVerified,
    ReadError,
    Refused,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.plan import (
    Plan,
    Property,
    plan_object,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.reconcile import (
    MAX_WRITES,
    REFUSED_SECONDS,
    reconcile,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.values import BOOL, IPS


class Service:
    """One integer.

    ``apply`` runs the next of ``writes``; reads lag by ``lag`` observations after a write.
    """

    def __init__(
        self,
        value: int,
        wanted: int,
        writes: list[Callable[[Service], None]] | None = None,
        lag: int = 0,
    ) -> None:
        self.value = self.shown = value
        self.wanted = wanted
        self.writes = writes
        self.lag = lag
        self.left = 0
        self.calls: list[str] = []

    def observe(self) -> int:
        self.calls.append("observe")
        if self.left:
            self.left -= 1
        else:
            self.shown = self.value
        return self.shown

    def plan(self, world: int) -> tuple[int, ...]:
        return () if world == self.wanted else (self.wanted,)

    def apply(self, world: int, plan: tuple[int, ...]) -> None:
        self.calls.append("apply")
        self.left = self.lag
        (self.writes.pop(0) if self.writes is not None else commit)(self)

    def predict(self, world: int, plan: tuple[int, ...]) -> int:
        self.calls.append("predict")
        return plan[0]


def commit(service: Service) -> None:
    service.value = service.wanted


def lost(service: Service) -> None:
    raise AmbiguousWrite("The connection broke.")


def committed_unseen(service: Service) -> None:
    commit(service)
    lost(service)


def refused(service: Service) -> None:
    raise Refused("No.")


def nothing(service: Service) -> None:
    """The service says yes and does nothing."""


def context(check: bool = False, slept: list[float] | None = None) -> Context:
    return Context(check_mode=check, sleep=(slept if slept is not None else []).append)


def test_nothing_to_do_is_one_read() -> None:
    service = Service(1, 1)
    outcome = reconcile(service, context())
    assert not outcome.changed and not outcome.predicted and outcome.world == 1
    assert service.calls == ["observe"]


def test_what_was_handed_on_saves_the_read() -> None:
    service = Service(1, 1)
    assert not reconcile(service, context(), handed_on=1).changed
    assert service.calls == []


def test_a_write_is_proved_by_reading_back() -> None:
    service = Service(1, 2)
    outcome = reconcile(service, context())
    assert outcome.changed and outcome.plan == (2,) and outcome.world == 2
    assert service.calls == ["observe", "apply", "observe"]


def test_nothing_is_written_on_what_was_handed_on() -> None:
    """Another has made the change since that observation: the fresh look finds it, and nothing is
    sent or claimed.
    """
    service = Service(2, 2)
    outcome = reconcile(service, context(), handed_on=1)
    assert service.calls == ["observe"] and not outcome.changed


def test_check_mode_predicts_and_sends_nothing() -> None:
    service = Service(1, 2)
    outcome = reconcile(service, context(check=True), handed_on=1)
    assert outcome.changed and outcome.predicted and outcome.world == 2 and service.value == 1
    assert service.calls == ["predict"]


def test_lagging_reads_are_waited_for() -> None:
    slept: list[float] = []
    service = Service(1, 2, lag=4)
    assert reconcile(service, context(slept=slept)).world == 2
    assert service.calls.count("apply") == 1
    assert slept == [0.5, 1.0, 2.0, 4.0]


def test_an_accepted_write_that_never_shows_is_an_error_and_is_not_repeated() -> None:
    slept: list[float] = []
    service = Service(1, 2, writes=[nothing, commit])
    with pytest.raises(NotVerified, match="accepted, but reading it back for 30 s") as caught:
        reconcile(service, context(slept=slept), read_back_seconds=30)
    assert service.calls.count("apply") == 1 and 30 <= sum(slept) <= 40
    assert "Run again" in caught.value.hint


def test_an_unknown_outcome_is_looked_at_before_anything_is_sent_again() -> None:
    service = Service(1, 2, writes=[committed_unseen])
    assert reconcile(service, context()).changed
    assert service.calls == ["observe", "apply", "observe"]


def test_an_unknown_outcome_whose_effect_lags_is_still_one_write() -> None:
    service = Service(1, 2, writes=[committed_unseen], lag=3)
    assert reconcile(service, context()).world == 2
    assert service.calls.count("apply") == 1


def test_a_write_that_was_lost_for_certain_is_sent_again() -> None:
    service = Service(1, 2, writes=[lost, commit])
    assert reconcile(service, context(), read_back_seconds=5).world == 2
    assert service.calls.count("apply") == 2


def test_writes_are_bounded_and_the_last_cause_is_told() -> None:
    service = Service(1, 2, writes=[lost] * 10)
    with pytest.raises(NotVerified, match="sent") as caught:
        reconcile(service, context(), read_back_seconds=5)
    assert service.calls.count("apply") == MAX_WRITES
    assert "The connection broke." in str(caught.value)


def test_a_refusal_passes_through_at_once() -> None:
    service = Service(1, 2, writes=[refused])
    with pytest.raises(Refused):
        reconcile(service, context())
    assert service.calls == ["observe", "apply"]


def test_a_failed_read_is_never_absent() -> None:
    service = Service(1, 2)

    def fails() -> int:
        raise ReadError("No answer.")

    service.observe = fails  # type: ignore[method-assign]
    with pytest.raises(ReadError):
        reconcile(service, context(), handed_on=1)
    assert service.calls == [], "no write on a world that could not be read"


CONNECTOR = (
    Property("enabled", "Enabled", BOOL),
    Property("require_tls", "RequireTls", BOOL),
    Property("addresses", "SenderIPAddresses", IPS),
)
WISH = {"Enabled": True, "RequireTls": True, "SenderIPAddresses": ["192.0.2.1", "192.0.2.9"]}
CREATED_OFF = "The connector was created in a disabled state.\r\nContact\x1b[31m Support."


class Obstinate:
    """A service that takes a write, warns, and keeps its own mind about some properties."""

    def __init__(
        self, world: dict[str, Any] | None, stays: dict[str, Any], warning: str = "", lag: int = 0
    ) -> None:
        self.world = self.seen = world
        self.stays = stays
        self.warning = warning
        self.lag = lag
        self.left = 0
        self.known: set[str] = set()
        self.told: list[str] = []

    def observe(self) -> dict[str, Any] | None:
        self.left -= 1
        if self.left < 0:
            self.seen = self.world
        return self.seen

    def plan(self, world: dict[str, Any] | None) -> Plan:
        return plan_object("inbound connector", "Area 1", CONNECTOR, world, WISH)

    def apply(self, world: dict[str, Any] | None, plan: Plan) -> None:
        self.left = self.lag
        self.world = {**(plan.apply_to(world) or {}), **self.stays}
        self.told = [self.warning] if self.warning else []

    def predict(self, world: dict[str, Any] | None, plan: Plan) -> dict[str, Any] | None:
        return plan.apply_to(world)

    def warnings(self) -> list[str]:
        return self.told

    def shows_write(self, before: Any, after: Any) -> bool:
        return False

    def refused_before(self, plan: Plan) -> bool:
        return {change.name for change in plan.changes} <= self.known


def test_what_a_service_keeps_as_it_was_is_named_with_its_warning_in_one_message() -> None:
    slept: list[float] = []
    service = Obstinate(None, {"Enabled": False}, CREATED_OFF)
    with pytest.raises(NotVerified) as caught:
        reconcile(service, context(slept=slept))
    for part in (
        "inbound connector Area 1",
        "Enabled is False, wanted True",
        "The service warned: The connector was created in a disabled state. Contact",
    ):
        assert part in caught.value.message, caught.value.message
    assert "RequireTls" not in caught.value.message and caught.value.message.isprintable()
    assert caught.value.details["unmet"] == [{"name": "Enabled", "found": False, "wanted": True}]
    assert REFUSED_SECONDS <= sum(slept) < 30, "evidently refused: not waited for to the end"


def test_an_update_of_which_a_part_shows_is_not_waited_for_to_the_end() -> None:
    slept: list[float] = []
    before = {"Enabled": False, "RequireTls": False, "SenderIPAddresses": []}
    service = Obstinate(before, {"SenderIPAddresses": ["192.0.2.7", "192.0.2.1"]}, "Not licensed.")
    with pytest.raises(NotVerified, match="SenderIPAddresses lacks 192.0.2.9 and still has"):
        reconcile(service, context(slept=slept))
    assert sum(slept) < 30


@pytest.mark.parametrize("warning", ["", "Something else."])
def test_reads_that_lag_are_never_taken_for_a_refusal(warning: str) -> None:
    slept: list[float] = []
    before = {"Enabled": False, "RequireTls": False, "SenderIPAddresses": []}
    outcome = reconcile(Obstinate(before, {}, warning, lag=9), context(slept=slept))
    assert outcome.changed and sum(slept) > 40


def test_without_a_warning_it_is_waited_for_and_named() -> None:
    slept: list[float] = []
    with pytest.raises(NotVerified, match="for 120 s did not show it. inbound connector Area"):
        reconcile(Obstinate(None, {"Enabled": False}), context(slept=slept))
    assert sum(slept) >= 120


def test_what_was_waited_for_in_vain_is_not_waited_for_a_second_time() -> None:
    slept: list[float] = []
    before = {**WISH, "Enabled": False}
    service = Obstinate(before, {"Enabled": False})
    service.known = {"Enabled"}
    with pytest.raises(NotVerified, match="Enabled is False, wanted True"):
        reconcile(service, context(slept=slept))
    assert sum(slept) < 40

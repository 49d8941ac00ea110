# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine of the phases: runs, crashes, jumps of the clock and people who change things, in any
order.

The model knows when mail would be lost; the phases do not see the model, only what a run reads. A
run goes through the phases as the playbook does and writes what they allow, and it may die after
any write.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.property.tenant_model import OTHER, Crash, Tenant
from tests.unit.cutover.worlds import ONE, TWO

COVERED = [ONE, TWO]
NAMES = [ONE, TWO, OTHER]


class Machine(RuleBasedStateMachine):
    @initialize(
        soak=st.sampled_from([0, 1, 72]),
        other=st.sampled_from(["gateway", "microsoft", "none"]),
        ttl=st.sampled_from([300, 3600, 86400]),
    )
    def begin(self, soak: int, other: str, ttl: int) -> None:
        self.tenant = Tenant(soak, other, ttl)

    @rule()
    def run(self) -> None:
        self.tenant.run()

    @rule(runs=st.integers(1, 8))
    def run_daily(self, runs: int) -> None:
        """Without this the end is seldom reached."""
        for _ in range(runs):
            self.tenant.run()
            self.tenant.advance(25)

    @rule(writes=st.integers(1, 9))
    def die_after(self, writes: int) -> None:
        self.tenant.run(writes)

    @rule(hours=st.sampled_from([0.05, 0.2, 1.1, 5, 25, 73]))
    def time_goes_by(self, hours: float) -> None:
        self.tenant.advance(hours)

    @rule(name=st.sampled_from(NAMES), ttl=st.sampled_from([300, 3600]))
    def somebody_moves_a_domain_back(self, name: str, ttl: int) -> None:
        self.tenant.move_by_hand(name, "microsoft", ttl)

    @rule(name=st.sampled_from(NAMES))
    def somebody_moves_a_domain_forward(self, name: str) -> None:
        self.tenant.move_by_hand(name, "gateway", 300)

    @rule(name=st.sampled_from(COVERED), hours=st.sampled_from([0.05, 5]))
    def a_domain_falls_back_and_returns_unseen(self, name: str, hours: float) -> None:
        self.tenant.move_by_hand(name, "microsoft", 300)
        self.tenant.advance(hours)
        self.tenant.move_by_hand(name, "gateway", 300)
        self.tenant.advance(0.2)

    @rule(server=st.sampled_from([0, 1]), up=st.booleans())
    def a_name_server(self, server: int, up: bool) -> None:
        self.tenant.server_up[server] = up

    @rule(field=st.sampled_from(["Enabled", "EFSkipLastIP", "SenderIPAddresses", "removed"]))
    def somebody_spoils_the_first_connector(self, field: str) -> None:
        self.tenant.spoil_first(field)

    @rule(hours=st.sampled_from([1, 100]))
    def somebody_edits_the_stamp(self, hours: int) -> None:
        self.tenant.edit_stamp(hours)

    @rule()
    def somebody_switches_the_lockdown_off(self) -> None:
        self.tenant.switch_off_by_hand()

    @invariant()
    def no_mail_is_lost_by_us(self) -> None:
        if hasattr(self, "tenant"):
            assert self.tenant.sins == []


Machine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMachine = Machine.TestCase


def test_the_model_gets_there_and_would_see_a_sin() -> None:
    """The machine above asserts that nothing happens; so this says that what it watches for does
    happen.
    """
    tenant = Tenant(1, "gateway", 3600)
    for _ in range(8):
        tenant.run()
        tenant.advance(25)
    assert tenant.locked and tenant.sins == []
    writes = tenant.writes
    tenant.run()
    assert tenant.writes == writes, "a run on a finished tenant writes nothing"

    hasty = Tenant(1, "microsoft", 3600)
    for name in COVERED:
        hasty.replace(name, "gateway", 300)
    hasty.enable()
    assert any(OTHER in sin for sin in hasty.sins) and any("cache" in sin for sin in hasty.sins)
    hasty.replace(ONE, "nothing", 300)
    assert any("empty" in sin for sin in hasty.sins)
    try:
        Tenant(1, "gateway", 3600).run(1)
    except Crash as crash:  # it is the model's own
        raise AssertionError("a crash is the end of the run, not of the test") from crash

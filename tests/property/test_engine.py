# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Laws of the planner, for every object that a service may return and every wish that a person may
have.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._engine import values
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AmbiguousWrite,
    NotVerified,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.plan import (
    ListIntent,
    Plan,
    Property,
    plan_object,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.reconcile import reconcile

bounded = settings(max_examples=100, deadline=None)

TABLE = (
    Property("comment", "Comment", values.TEXT),
    Property("type", "Type", values.WORD),
    Property("enabled", "Enabled", values.BOOL),
    Property("ttl", "Ttl", values.INT),
    Property("host", "Host", values.HOST),
    Property("addresses", "Addresses", values.IPS),
    Property("senders", "Senders", values.SENDER_DOMAINS),
    Property("users", "Users", values.WORDS),
)
LISTS = [prop for prop in TABLE if prop.kind.is_list]

# Few values and several spellings of each, so that the same thing meets itself in another form.
POOL: dict[str, list[Any]] = {
    "Comment": [None, "", "ours", "Ours"],
    "Type": [None, "", "Partner", "partner ", "OnPremises"],
    "Enabled": [None, True, False, "True", "false"],
    "Ttl": [None, "", 0, 300, "300"],
    "Host": [None, "", "mx.example.com", "MX.Example.com."],
    "Addresses": [
        "192.0.2.1",
        "192.0.2.1/32",
        "192.0.2.0/24",
        "192.0.2.0-192.0.2.255",
        "2001:db8::1",
        "2001:DB8:0::1",
        "odd form",
    ],
    "Senders": ["*", "smtp:*;1", "contoso.example", "smtp:Contoso.Example;5"],
    "Users": ["a@x.example", "A@X.example", "b@x.example"],
}
GIVABLE = {
    name: [value for value in pool if value not in (None, "odd form")]
    for name, pool in POOL.items()
}


def several(pool: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(pool), max_size=4)


def fits(intent: ListIntent, prop: Property) -> bool:
    return not set(prop.kind.index(intent.add)) & set(prop.kind.index(intent.remove))


def intents(prop: Property) -> st.SearchStrategy[ListIntent]:
    part = several(GIVABLE[prop.name]).map(tuple)
    return st.builds(ListIntent, add=part, remove=part, set=st.none() | part).filter(
        lambda intent: fits(intent, prop)
    )


def shown(prop: Property) -> st.SearchStrategy[Any]:
    """As a service returns it: None and a bare value stand for lists too."""
    pool = POOL[prop.name]
    return (
        st.none() | several(pool) | st.sampled_from(pool)
        if prop.kind.is_list
        else st.sampled_from(pool)
    )


observed = st.fixed_dictionaries(
    {"Guid": st.just("1")}, optional={prop.name: shown(prop) for prop in TABLE}
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        prop.name: intents(prop) if prop.kind.is_list else st.sampled_from(GIVABLE[prop.name])
        for prop in TABLE
    },
)


def plan(world: Any, wanted: Any) -> Plan:
    return plan_object("Thing", "x", TABLE, world, wanted)


@bounded
@given(st.none() | observed, st.none() | wishes)
def test_the_plan_after_it_was_applied_is_empty(world: Any, wanted: Any) -> None:
    assert not plan(plan(world, wanted).apply_to(world), wanted)


@bounded
@given(observed, wishes)
def test_nothing_is_touched_that_was_not_asked_for(world: Any, wanted: Any) -> None:
    after = plan(world, wanted).apply_to(world)
    assert after is not None
    assert {name: after.get(name) for name in after if name not in wanted} == {
        name: world.get(name) for name in world if name not in wanted
    }
    assert not plan(world, {})


@bounded
@given(observed, wishes)
def test_what_is_in_place_in_any_spelling_is_not_sent(world: Any, wanted: Any) -> None:
    for change in plan(world, wanted).changes:
        kind = next(prop.kind for prop in TABLE if prop.name == change.name)
        assert not kind.same(change.before, change.after)
        if kind.is_list:
            assert change.add is not None and change.remove is not None
            assert not set(kind.index(change.add)) & set(kind.index(change.before))
            assert set(kind.index(change.remove)) <= set(kind.index(change.before))


@bounded
@given(st.data())
def test_what_others_put_there_leaves_only_by_set_or_remove(data: st.DataObject) -> None:
    prop = data.draw(st.sampled_from(LISTS))
    before = data.draw(shown(prop))
    intent = data.draw(intents(prop))
    kept = set(prop.kind.index(intent.target(before, prop.kind)))
    present, removed, added = (
        set(prop.kind.index(part)) for part in (before, intent.remove, intent.add)
    )
    if intent.set is None:
        assert kept == (present | added) - removed
    else:
        assert kept == (set(prop.kind.index(intent.set)) | added) - removed


@bounded
@given(st.data())
def test_merging_is_idempotent_and_order_free(data: st.DataObject) -> None:
    prop = data.draw(st.sampled_from(LISTS))
    before = values.as_list(data.draw(shown(prop)))
    intent = data.draw(intents(prop))

    def meaning(current: Any, wish: ListIntent) -> set[Any]:
        return set(prop.kind.index(wish.target(current, prop.kind)))

    once = intent.target(before, prop.kind)
    assert meaning(once, intent) == meaning(before, intent)
    turned = ListIntent(
        tuple(data.draw(st.permutations(intent.add))),
        tuple(data.draw(st.permutations(intent.remove))),
        None if intent.set is None else tuple(data.draw(st.permutations(intent.set))),
    )
    assert meaning(data.draw(st.permutations(before)), turned) == meaning(before, intent)


@bounded
@given(st.data())
def test_additions_of_two_people_come_out_the_same_in_either_order(data: st.DataObject) -> None:
    prop = data.draw(st.sampled_from(LISTS))
    before = data.draw(shown(prop))
    mine, theirs = (ListIntent(add=tuple(data.draw(several(GIVABLE[prop.name])))) for _ in range(2))
    left = theirs.target(mine.target(before, prop.kind), prop.kind)
    right = mine.target(theirs.target(before, prop.kind), prop.kind)
    assert prop.kind.same(left, right)


class Flaky:
    """A service that does with each write, and shows of it, what ``script`` says."""

    def __init__(self, world: Any, wanted: Any, script: list[tuple[bool, bool, int]]) -> None:
        self.true = self.seen = world
        self.wanted = wanted
        self.script = list(script)
        self.lag = 0
        self.sent: list[bool] = []

    def observe(self) -> Any:
        self.lag -= 1
        if self.lag < 0:
            self.seen = self.true
        return self.seen

    def plan(self, world: Any) -> Plan:
        return plan(world, self.wanted)

    def predict(self, world: Any, changes: Plan) -> Any:
        return changes.apply_to(world)

    def apply(self, world: Any, changes: Plan) -> None:
        commits, tells, self.lag = self.script.pop(0) if self.script else (True, True, 0)
        self.sent.append(tells)
        if commits:
            self.true = changes.apply_to(world)
        if not tells:
            raise AmbiguousWrite("lost")


@bounded
@given(
    st.none() | observed,
    st.none() | wishes,
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), max_size=3),
)
def test_whatever_the_network_does_success_means_that_it_is_so(
    world: Any, wanted: Any, script: list[tuple[bool, bool, int]]
) -> None:
    service = Flaky(world, wanted, script)
    try:
        outcome = reconcile(service, Context(sleep=lambda seconds: None), read_back_seconds=20)
    except NotVerified:
        assert plan(service.true, wanted), "it was so, and was called not verified"
        return
    assert not plan(service.true, wanted) and outcome.changed == bool(service.sent)
    assert all(not told for told in service.sent[:-1]), "sent again after the service had taken it"


@bounded
@given(st.none() | observed, st.none() | wishes)
def test_check_mode_predicts_what_the_run_then_does(world: Any, wanted: Any) -> None:
    checked = Flaky(world, wanted, [])
    predicted = reconcile(checked, Context(check_mode=True))
    assert checked.sent == []
    real = reconcile(Flaky(world, wanted, []), Context(sleep=lambda seconds: None))
    assert predicted.plan == real.plan and predicted.world == real.world

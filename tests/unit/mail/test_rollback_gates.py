# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of risk: what must hold before each step back, and how long."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._mail import gating, rollback, rollback_gates
from ansible_collections.mailflow.area1.plugins.module_utils._mail.gate import CANNOT, HOLDS, NOT_YET
from ansible_collections.mailflow.area1.plugins.module_utils._mail.past import past_of
from ansible_collections.mailflow.area1.plugins.module_utils._mail.world import World
from tests.unit.mail.past_worlds import after, before, held, lock_of, undone
from tests.unit.mail.worlds import LOCKDOWN, NEW, OLD, ONE, TWO, ago, ahead, connector, only, records, view


def phase(name: str, world: World) -> Any:
    return gating.EVALUATORS["rollback_" + name](world)


def switched_off(**span: float) -> dict[str, Any]:
    found = after(locked=False)
    lock_of(found).update(WhenChangedUTC=ago(**span), Comment="Off")
    return found


def went_back(at: str, modified: str = "", **changed: Any) -> dict[str, Any]:
    """MX records are back; every server says so."""
    found = switched_off(hours=3)
    found["dns"] = {name: view(OLD[name]) for name in (ONE, TWO)}
    found["dns_provider"] = {name: held(OLD[name], 300, modified=modified or at) for name in (ONE, TWO)}
    found["timeline"] += [{"domain": name, "event": "mx_restored", "at": at, "ttl": 300} for name in (ONE, TWO)]
    return {**found, **changed}


def test_without_a_baseline_it_stops() -> None:
    for status in ("missing", "lost", "throw_away"):
        found = after()
        found["baseline_state"] = {"status": status, "directory": "/srv/state"}
        result = only(rollback_gates.baseline(World(found, undone().settings)))
        assert result.status == CANNOT and "/srv/state" in result.message and "area1_baseline" in result.hint
    assert phase("preflight", undone()).go


def test_mx_records_wait_until_the_lock_down_has_stopped_to_act() -> None:
    on = phase("mx", undone())
    assert not on.go and on.values["domains"] == [] and on.status == NOT_YET
    fresh = phase("mx", undone(switched_off(minutes=20)))
    assert fresh.values["domains"] == [] and fresh.results[0].until == ahead(minutes=40)
    over = phase("mx", undone(switched_off(minutes=61)))
    assert [item["name"] for item in over.values["domains"]] == [ONE, TWO] and over.go
    assert over.values["domains"][0]["expect"] == records(NEW) and over.values["domains"][0]["ttl"] == 300
    assert phase("mx", undone(switched_off(minutes=1), settle_minutes=0)).go


def test_the_wait_is_known_by_the_stamp_too_and_never_shortened() -> None:
    found = switched_off(minutes=61)
    lock_of(found).update(WhenChangedUTC=None, WhenChanged=None, Comment="x. [mailflow.area1: rollback, switched off %s]" % ago(minutes=10))
    result = only(rollback_gates.lockdown_off(undone(found), past_of(undone(found))))
    assert result.until == ahead(minutes=50)
    lock_of(found).update(WhenChangedUTC=ago(minutes=5))
    assert only(rollback_gates.lockdown_off(undone(found), past_of(undone(found)))).until == ahead(minutes=55)
    lock_of(found).update(WhenChangedUTC=None, Comment="")
    assert only(rollback_gates.lockdown_off(undone(found), past_of(undone(found)))).open
    found["changed_sections"] = ["lockdown"]
    assert only(rollback_gates.lockdown_off(undone(found), past_of(undone(found)))).status == NOT_YET, "just now, by this run"


@pytest.mark.parametrize(("verdicts", "minutes", "status"), [
    (("open", "open"), 1, HOLDS),
    (("open", "locked"), 500, NOT_YET),
    (("inconclusive", "open"), 1, NOT_YET),
    (("unknown", "unknown"), 61, HOLDS),
])  # fmt: skip
def test_what_the_probe_saw_counts_before_the_clock(verdicts: tuple[str, str], minutes: int, status: str) -> None:
    found = switched_off(minutes=minutes)
    found["smtp"] = {"direct": {name: {"verdict": verdict} for name, verdict in zip((ONE, TWO), verdicts, strict=True)}}
    assert only(rollback_gates.lockdown_off(undone(found), past_of(undone(found)))).status == status


def test_a_restricting_connector_that_came_since_holds_the_records() -> None:
    past, found = before(), switched_off(hours=2)
    theirs = connector(["192.0.2.9"], Name="New gateway", RestrictDomainsToIPAddresses=True)
    found["inbound_connectors"].append(theirs)
    held_back = phase("mx", undone(found, past))
    assert held_back.status == CANNOT and held_back.values["domains"] == []
    assert [item.object for item in held_back.results if item.status == CANNOT] == ["New gateway"]
    assert phase("mx", undone(found, past, acknowledge=["restricting_connector:New gateway"])).go
    past["inbound_connectors"] = [theirs]
    assert phase("mx", undone(found, past)).go, "it stood there before us, with the same records"


def test_the_change_window_stands_before_each_write() -> None:
    closed: dict[str, Any] = {"change_window": {"days": ["tue"], "hours": "02:00-03:00", "zone": "UTC"}}
    locked = phase("lockdown", undone(**closed))
    assert locked.values["action"] == "none" and locked.status == NOT_YET
    assert phase("lockdown", undone()).values["action"] == "disable"
    assert phase("mx", undone(switched_off(hours=2), **closed)).values["domains"] == []
    rest = phase("rest", undone(went_back(ago(hours=1)), **closed))
    assert not rest.go and not any(rest.values.values())
    assert phase("rest", undone(before(), **closed)).go, "nothing to write, nothing to wait for"


def test_the_rest_stays_while_mail_may_come_through_area1() -> None:
    away = phase("rest", undone(switched_off(hours=2)))
    assert not away.go and not any(away.values.values()) and {item.gate for item in away.results} == {"area1_path"}
    late = went_back(ago(hours=1), dns={ONE: view(OLD[ONE], resolver=NEW, resolver_ttl=120), TWO: view(OLD[TWO])})
    answer = only([item for item in phase("rest", undone(late)).results if not item.open])
    assert answer.object == ONE and answer.until == ahead(seconds=120)
    caches = phase("rest", undone(went_back(ago(seconds=100))))
    assert {item.until for item in caches.results} == {ahead(seconds=200)} and not any(caches.values.values())
    done = phase("rest", undone(went_back(ago(seconds=301))))
    assert done.go and len(done.values["connectors"]) == 2 and len(done.values["allow_list"]) == 42 and len(done.values["ttls"]) == 2


def test_what_may_not_be_removed_holds_the_rest_and_nothing_before_it() -> None:
    denied: dict[str, Any] = {"permissions": {"known": True, "missing": [], "removals": ["Remove-InboundConnector"]}}
    held_back = phase("rest", undone(went_back(ago(seconds=301), **denied)))
    answer = only([item for item in held_back.results if not item.open])
    assert answer.gate == "permissions" and answer.status == CANNOT and "Remove-InboundConnector" in answer.message
    assert not any(held_back.values.values())
    assert phase("lockdown", undone({**after(), **denied})).values["action"] == "disable"
    assert phase("mx", undone({**switched_off(hours=2), **denied})).go
    assert phase("rest", undone({**before(), **denied})).go, "nothing to remove"


def test_a_ttl_that_was_raised_at_area1_is_waited_for() -> None:
    found = went_back(ago(seconds=400))
    for event in found["timeline"]:
        event["ttl"] = 3600
    assert {item.until for item in phase("rest", undone(found)).results} == {ahead(seconds=3200)}


def test_without_a_time_line_the_record_s_own_date_counts() -> None:
    found = went_back(ago(seconds=100))
    found["timeline"] = []
    assert {item.until for item in phase("rest", undone(found)).results} == {ahead(seconds=200)}
    day_one = after(moved=False)
    assert phase("rest", undone(day_one)).go, "only the TTL was lowered: no cache ever held a set of Area 1"


def test_a_silent_server_holds_the_rest() -> None:
    found = went_back(ago(hours=1))
    found["dns"][ONE]["name_servers"][0].update(status="timeout", records=None)
    assert only([item for item in phase("rest", undone(found)).results if not item.open]).gate == "name_server"
    assert phase("rest", undone(found, acknowledge=["name_server:%s" % ONE])).go


def test_a_set_at_area1_that_is_not_ours_keeps_its_path() -> None:
    found = went_back(ago(hours=1))
    others = [(10, "mxa.global.inbound.cf-emailsecurity.net")]
    found["dns_provider"][TWO] = held(others, 300)
    assert any("are not ours" in item.message for item in phase("rest", undone(found)).results)
    past = before()
    past["dns_provider"][TWO] = held(others, 300)
    past["dns"][TWO] = view(others)
    found["dns"][TWO] = view(others)
    assert phase("rest", undone(found, past)).go, "it was there before us"


def test_the_end_is_an_empty_plan() -> None:
    assert phase("verify", undone()).values["done"] is False
    ended = phase("verify", undone({**before(), "email_security": after()["email_security"]}))
    assert ended.values["done"] is True and {item.gate for item in ended.results} == {"one_way"}
    assert rollback.plan(undone(before())).empty
    assert phase("verify", undone()).values["domains"][ONE]["switched"] is True
    assert LOCKDOWN and phase("verify", undone()).values["locked"] is True

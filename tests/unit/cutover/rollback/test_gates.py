# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of risk: what must hold before each step back, and how long."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.evidence import (
    mta_sts_history as sts_past,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.baseline_view import (
    past_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
    GateResult,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import (
    evaluate as gating,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.rollback import (
    gates as rollback_gates,
    plan as rollback,
)
from tests.unit.cutover.past_worlds import after, before, held, lock_of, undone
from tests.unit.cutover.worlds import (
    LOCKDOWN,
    NEW,
    OLD,
    ONE,
    TWO,
    ago,
    ahead,
    connector,
    only,
    records,
    sts,
    view,
)

FORMER = [(10, "mx.former-gateway.example")]


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
    found["dns_provider"] = {
        name: held(OLD[name], 300, modified=modified or at) for name in (ONE, TWO)
    }
    found["timeline"] += [
        {"domain": name, "event": "mx_restored", "at": at, "ttl": 300} for name in (ONE, TWO)
    ]
    return {**found, **changed}


def test_without_a_baseline_it_stops() -> None:
    for status in ("missing", "lost", "throw_away"):
        found = after()
        found["baseline_state"] = {"status": status, "directory": "/srv/state"}
        result = only(rollback_gates.baseline(World(found, undone().settings)))
        assert (
            result.status == CANNOT
            and "/srv/state" in result.message
            and "area1_baseline" in result.hint
        )
    assert phase("preflight", undone()).go


def test_mx_records_wait_until_the_lock_down_has_stopped_to_act() -> None:
    on = phase("mx", undone())
    assert not on.go and on.values["domains"] == [] and on.status == NOT_YET
    fresh = phase("mx", undone(switched_off(minutes=20)))
    assert fresh.values["domains"] == [] and fresh.results[0].until == ahead(minutes=40)
    over = phase("mx", undone(switched_off(minutes=61)))
    assert [item["name"] for item in over.values["domains"]] == [ONE, TWO] and over.go
    assert (
        over.values["domains"][0]["expect"] == records(NEW)
        and over.values["domains"][0]["ttl"] == 300
    )
    assert phase("mx", undone(switched_off(minutes=1), settle_minutes=0)).go


def test_the_wait_is_known_by_the_stamp_too_and_never_shortened() -> None:
    found = switched_off(minutes=61)
    lock_of(found).update(
        WhenChangedUTC=None,
        WhenChanged=None,
        Comment="x. [mailflow.area1: rollback, switched off %s]" % ago(minutes=10),
    )
    result = only(rollback_gates.lockdown_off(undone(found), past_of(undone(found))))
    assert result.until == ahead(minutes=50)
    lock_of(found).update(WhenChangedUTC=ago(minutes=5))
    assert only(rollback_gates.lockdown_off(undone(found), past_of(undone(found)))).until == ahead(
        minutes=55
    )
    lock_of(found).update(WhenChangedUTC=None, Comment="")
    assert only(rollback_gates.lockdown_off(undone(found), past_of(undone(found)))).open
    found["changed_sections"] = ["lockdown"]
    assert (
        only(rollback_gates.lockdown_off(undone(found), past_of(undone(found)))).status == NOT_YET
    ), "just now, by this run"


def probed(found: dict[str, Any], *verdicts: str) -> dict[str, Any]:
    """With what the probe saw at each domain's host at Microsoft."""
    pairs = zip((ONE, TWO), verdicts, strict=True)
    return {
        **found,
        "smtp": {
            "direct": {
                name: {"verdict": verdict, "host": OLD[name][0][1]} for name, verdict in pairs
            }
        },
    }


def acted(found: dict[str, Any], **span: float) -> dict[str, Any]:
    """The lock-down was seen to refuse direct mail before it was switched off, so long ago."""
    enabled = ago(days=2)
    events = [
        {"domain": LOCKDOWN, "event": "direct_refused", "at": ago(days=1), "subject": enabled},
        {"domain": LOCKDOWN, "event": "lockdown_off", "at": ago(**span), "subject": enabled},
    ]
    return {**found, "timeline": [*found["timeline"], *events]}


def off(found: dict[str, Any], **options: Any) -> GateResult:
    world = undone(found, **options)
    return only(rollback_gates.lockdown_off(world, past_of(world)))


@pytest.mark.parametrize(
    ("verdicts", "minutes", "status"),
    [
        (("open", "open"), 1, HOLDS),
        (("open", "locked"), 500, NOT_YET),
        (("inconclusive", "open"), 1, NOT_YET),
        (("unknown", "unknown"), 61, HOLDS),
    ],
)
def test_what_the_probe_saw_counts_before_the_clock(
    verdicts: tuple[str, str], minutes: int, status: str
) -> None:
    found = acted(probed(switched_off(minutes=minutes), *verdicts), minutes=minutes)
    assert off(found).status == status


def test_mail_that_is_taken_says_nothing_while_the_lock_down_may_still_begin_to_act() -> None:
    """Enabled and switched off again within the hour: the enabling acts later than the probe, and
    before the switch-off does.
    """
    unseen = probed(switched_off(minutes=1), "open", "open")
    assert off(unseen).until == ahead(minutes=59) and "may still begin" in off(unseen).message
    other = acted(unseen, minutes=1)
    other["timeline"][-1]["subject"] = ago(minutes=11)
    assert off(other).status == NOT_YET, "an earlier enabling was seen to act, not this one"
    touched = acted(unseen, minutes=30)
    assert off(touched).status == NOT_YET, (
        "somebody changed the connector after it was switched off"
    )


def test_only_microsoft_s_own_host_says_that_direct_mail_is_taken() -> None:
    found = acted(probed(switched_off(minutes=1), "open", "open"), minutes=1)
    found["smtp"]["direct"][TWO]["host"] = "mx.former-gateway.example"
    assert off(found).status == NOT_YET, (
        "the former gateway takes it, and would deliver it to the lock-down"
    )
    del found["smtp"]["direct"][TWO]
    assert off(found).status == NOT_YET, "one that was not asked"


def test_the_probe_asks_where_the_tenant_s_mail_arrives() -> None:
    past = before()
    for section, entry in (("dns", view(FORMER)), ("dns_provider", held(FORMER, 3600))):
        past[section] = dict.fromkeys((ONE, TWO), entry)
    found = switched_off(minutes=1)
    asked = phase("mx", undone(found, past)).values["probe"]
    assert {item["name"]: item["host"] for item in asked["direct"]} == {
        name: OLD[name][0][1] for name in (ONE, TWO)
    }
    found["email_security"][ONE]["transport"] = "relay.northwind.example"
    found["forwarding_hosts"] = {}
    asked = phase("mx", undone(found, past)).values["probe"]
    assert [item["name"] for item in asked["direct"]] == [TWO], (
        "what its mail is forwarded to is not Microsoft's: nothing to ask there"
    )


def test_a_lock_down_that_somebody_deleted_may_act_as_long_as_one_that_is_off() -> None:
    found = after()
    found["inbound_connectors"] = [
        item for item in found["inbound_connectors"] if item["Name"] != LOCKDOWN
    ]
    assert off(found).open and phase("lockdown", undone(found)).values["missed"] is False, (
        "there never was one"
    )
    there = {"restricting": {LOCKDOWN.lower(): ago(days=1)}}
    step = phase("lockdown", undone(found, history=there)).values
    assert step["action"] == "none" and step["missed"] is True and step["name"] == LOCKDOWN
    assert off(found, history=there).until == ahead(hours=1)
    found["timeline"].append({"domain": LOCKDOWN, "event": "lockdown_off", "at": ago(minutes=20)})
    assert phase("lockdown", undone(found, history=there)).values["missed"] is False
    assert (
        off(found, history=there).until == ahead(minutes=40)
        and off(found, history=there, settle_minutes=20).open
    )
    found["timeline"].append(
        {"domain": LOCKDOWN, "event": "proven", "at": ago(minutes=5), "subject": ago(minutes=15)}
    )
    assert off(found).until == ahead(hours=1), "it was on again since"


def test_what_is_kept_of_the_switch_off_tells_which_enabling_it_ended() -> None:
    assert phase("lockdown", undone()).values["subject"] == ago(days=2)


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


def test_an_mta_sts_id_gets_older_from_run_to_run_on_the_way_back_too() -> None:
    found = switched_off(hours=2)
    text = "version: STSv1\nmode: enforce\nmx: *.mail.protection.outlook.com\nmax_age: 86400\n"
    found["mta_sts"][ONE] = sts(records=["v=STSv1; id=4;"], ttl=3600, policy=text)
    first = phase("mx", undone(found))
    assert [item["name"] for item in first.values["domains"]] == [TWO] and first.values[
        "sts_seen"
    ] == [ONE]
    found["timeline"].append(
        {
            "domain": ONE,
            "event": "mta_sts_seen",
            "at": ago(hours=1),
            **sts_past.kept(found["mta_sts"][ONE]),
        }
    )
    later = phase("mx", undone(found))
    assert [item["name"] for item in later.values["domains"]] == [ONE, TWO] and later.values[
        "sts_seen"
    ] == []


def test_the_change_window_stands_before_each_write() -> None:
    closed: dict[str, Any] = {
        "change_window": {"days": ["tue"], "hours": "02:00-03:00", "zone": "UTC"}
    }
    locked = phase("lockdown", undone(**closed))
    assert locked.values["action"] == "none" and locked.status == NOT_YET
    assert phase("lockdown", undone()).values["action"] == "disable"
    assert phase("mx", undone(switched_off(hours=2), **closed)).values["domains"] == []
    rest = phase("rest", undone(went_back(ago(hours=1)), **closed))
    assert not rest.go and not any(rest.values.values())
    assert phase("rest", undone(before(), **closed)).go, "nothing to write, nothing to wait for"


def test_the_rest_stays_while_mail_may_come_through_area1() -> None:
    away = phase("rest", undone(switched_off(hours=2)))
    assert (
        not away.go
        and not any(away.values.values())
        and {item.gate for item in away.results} == {"area1_path"}
    )
    late = went_back(
        ago(hours=1), dns={ONE: view(OLD[ONE], resolver=NEW, resolver_ttl=120), TWO: view(OLD[TWO])}
    )
    answer = only([item for item in phase("rest", undone(late)).results if not item.open])
    assert answer.object == ONE and answer.until == ahead(seconds=120)
    caches = phase("rest", undone(went_back(ago(seconds=100))))
    assert {item.until for item in caches.results} == {ahead(seconds=200)} and not any(
        caches.values.values()
    )
    done = phase("rest", undone(went_back(ago(seconds=301))))
    assert (
        done.go
        and len(done.values["connectors"]) == 2
        and len(done.values["allow_list"]) == 42
        and len(done.values["ttls"]) == 2
    )


def test_what_may_not_be_removed_holds_the_rest_and_nothing_before_it() -> None:
    denied: dict[str, Any] = {
        "permissions": {"known": True, "missing": [], "removals": ["Remove-InboundConnector"]}
    }
    held_back = phase("rest", undone(went_back(ago(seconds=301), **denied)))
    answer = only([item for item in held_back.results if not item.open])
    assert (
        answer.gate == "permissions"
        and answer.status == CANNOT
        and "Remove-InboundConnector" in answer.message
    )
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
    assert phase("rest", undone(day_one)).go, (
        "only the TTL was lowered: no cache ever held a set of Area 1"
    )


def without_dates(found: dict[str, Any]) -> dict[str, Any]:
    """As of a provider that does not say when a record changed."""
    for entry in found["dns_provider"].values():
        entry["modified_on"] = None
    return found


def test_a_set_that_is_back_with_nobody_to_say_since_when_counts_from_the_first_look() -> None:
    """Killed between the write and the note of its time, or put back by hand."""
    found = without_dates(went_back(ago(hours=1)))
    found["timeline"] = [
        {"domain": name, "event": "switched", "at": ago(days=20), "ttl": 300} for name in (ONE, TWO)
    ]
    first = undone(found, mx_final_ttl=86400)
    assert phase("mx", first).values["returned"] == [ONE, TWO]
    assert {item.until for item in phase("rest", first).results} == {ahead(days=1)}
    found["timeline"] += [
        {"domain": name, "event": "mx_restored", "at": ago(hours=23), "ttl": 300}
        for name in (ONE, TWO)
    ]
    later = undone(found, mx_final_ttl=86400)
    assert phase("mx", later).values["returned"] == [] and {
        item.until for item in phase("rest", later).results
    } == {ahead(hours=1)}


def test_without_any_event_a_snapshot_tells_that_it_was_away() -> None:
    found = without_dates(went_back(ago(hours=1)))
    found["timeline"] = []
    assert phase("rest", undone(found)).go, "no cache ever held a set of Area 1"
    history = {"at_area1": {ONE: {"last": ago(hours=2), "ttl": 7200}}}
    assert phase("mx", undone(found, history=history)).values["returned"] == [ONE]
    assert only(
        [item for item in phase("rest", undone(found, history=history)).results if not item.open]
    ).until == ahead(hours=2)
    found["timeline"] = [{"domain": ONE, "event": "mx_restored", "at": ago(days=3), "ttl": 300}]
    assert phase("mx", undone(found, history=history)).values["returned"] == [ONE], (
        "that was an earlier return"
    )


def test_a_silent_server_holds_the_rest() -> None:
    found = went_back(ago(hours=1))
    found["dns"][ONE]["name_servers"][0].update(status="timeout", records=None)
    assert (
        only([item for item in phase("rest", undone(found)).results if not item.open]).gate
        == "name_server"
    )
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

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is undone, object by object: only ours, and only what is still ours."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.baseline_view import (
    past_of,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.rollback import (
    connectors as rollback_connectors,
    plan as rollback,
    three_way as undo,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine import values
from tests.unit.cutover.past_worlds import HARD, MINE, after, before, held, lock_of, undone
from tests.unit.cutover.worlds import (
    CONNECTOR,
    LOCKDOWN,
    NEW,
    NOW as MOMENT,
    OLD,
    ONE,
    TWO,
    connector,
    protected,
    records,
    stamped,
    view,
    wanted,
)

THIRD = [(10, "mx.elsewhere.example")]


def named(results: Any) -> dict[str, str]:
    return {result.object: result.message for result in results}


def test_a_whole_deployment_and_nothing_else_is_undone() -> None:
    plan = rollback.plan(undone())
    assert [state.wish(records=list(state.records), ttl=state.ttl) for state in plan.away()] == [
        {"name": name, "expect": records(NEW), "records": records(OLD[name]), "ttl": 300}
        for name in (ONE, TWO)
    ]
    assert [(item["name"], item["absent"]) for item in plan.connectors] == [
        (LOCKDOWN, True),
        (CONNECTOR, True),
    ]
    assert sorted(plan.allow_list) == sorted(wanted().egress) and MINE not in plan.allow_list
    assert plan.policies == [{"identity": "Default", "mark_as_spam_spf_record_hard_fail": True}]
    assert plan.domains == [] and plan.left == []
    assert sorted(named(plan.one_way)) == sorted([ONE, TWO]), (
        "Email Security domains that we made stay, and are named"
    )


def test_an_untouched_tenant_has_nothing_to_undo() -> None:
    plan = rollback.plan(undone(before()))
    assert plan.empty and plan.left == [] and plan.one_way == []


def test_entries_of_the_list_that_were_there_before_or_came_from_others_stay() -> None:
    past, found, egress = before(), after(), wanted().egress
    past["connection_filter"][0]["IPAllowList"] = [MINE, egress[0]]
    found["connection_filter"][0]["IPAllowList"] += ["198.51.100.7"]
    ours = rollback.plan(undone(found, past)).allow_list
    assert egress[0] not in ours and "198.51.100.7" not in ours and set(ours) == set(egress[1:])
    skipped = rollback.plan(undone(found, past, allow_list="skip"))
    assert skipped.allow_list == [] and "not managed" in named(skipped.left)["connection filter"]


def test_networks_of_an_earlier_list_are_ours_too() -> None:
    found = after()
    found["connection_filter"][0]["IPAllowList"] += ["203.0.113.64/28", "198.51.100.7"]
    ours = rollback.plan(
        undone(found, history={"egress": ["203.0.113.64/28"], "mx_sets": [], "domains": {}})
    ).allow_list
    assert "203.0.113.64/28" in ours and "198.51.100.7" not in ours


def test_hard_fail_comes_back_only_where_we_took_it_away() -> None:
    found = after()
    found["content_filter"][1][HARD] = "Off"
    assert [item["identity"] for item in rollback.plan(undone(found)).policies] == ["Default"], (
        "Retired applies to nobody: not ours"
    )
    found["content_filter"] = found["content_filter"][1:]
    assert rollback.plan(undone(found)).policies == []


def test_a_connector_with_somebody_s_own_address_stays_without_ours() -> None:
    found = after()
    for item in found["inbound_connectors"]:
        item["SenderIPAddresses"] = [*item["SenderIPAddresses"], "198.51.100.7"]
    plan = rollback.plan(undone(found))
    lock, first = plan.connectors
    assert (
        lock["absent"] is False
        and lock["connector"]["enabled"] is False
        and first["filtering"] == {"skip_last_ip": False}
    )
    assert "198.51.100.7" not in lock["connector"]["sender_ip_addresses"]["remove"]
    assert len(first["connector"]["sender_ip_addresses"]["remove"]) == len(wanted().egress)
    assert "198.51.100.7" in named(plan.left)["connector %s" % LOCKDOWN]


def test_a_connector_that_only_bears_our_name_is_left() -> None:
    found = after()
    found["inbound_connectors"] = [connector(["198.51.100.7"], Comment="Printers")]
    plan = rollback.plan(undone(found))
    assert (
        plan.connectors == []
        and "somebody else made it" in named(plan.left)["connector %s" % CONNECTOR]
    )


def adopted(**fields: Any) -> dict[str, Any]:
    given = {
        "Comment": "Gateway 2019",
        "SenderIPAddresses": [MINE],
        "SenderDomains": ["smtp:contoso.example;1"],
        "RequireTls": False,
        "EFSkipLastIP": False,
        "EFUsers": ["ceo@northwind.example"],
        "AssociatedAcceptedDomains": None,
        **fields,
    }
    return connector([], **given)


def test_an_adopted_connector_becomes_what_it_was() -> None:
    past, found = before(), after()
    past["inbound_connectors"] = [adopted()]
    found["inbound_connectors"][0].update(
        SenderIPAddresses=[MINE, *wanted().egress],
        Comment="Inbound connector for Enhanced Filtering",
    )
    (first,) = [
        item for item in rollback.plan(undone(found, past)).connectors if item["name"] == CONNECTOR
    ]
    removed = first["connector"].pop("sender_ip_addresses")["remove"]
    assert set(removed) == set(wanted().egress)
    assert first["connector"] == {
        "comment": "Gateway 2019",
        "sender_domains": ["smtp:contoso.example;1"],
        "require_tls": False,
    }
    assert first["filtering"] == {"skip_last_ip": False, "users": ["ceo@northwind.example"]}


def test_what_somebody_changed_on_an_adopted_connector_is_his() -> None:
    past, found = before(), after()
    past["inbound_connectors"] = [adopted()]
    found["inbound_connectors"][0].update(
        Comment="Mine now", SenderDomains=["fabrikam.example"], EFUsers=["cfo@northwind.example"]
    )
    plan = rollback.plan(undone(found, past))
    (first,) = [item for item in plan.connectors if item["name"] == CONNECTOR]
    assert (
        "comment" not in first["connector"]
        and "sender_domains" not in first["connector"]
        and "users" not in first["filtering"]
    )
    assert "Comment, SenderDomains, EFUsers" in named(plan.left)["connector %s" % CONNECTOR]


def test_an_adopted_lock_down_is_never_switched_on() -> None:
    """Its restriction is somebody's by now: with Enabled restored it would refuse mail."""
    past, found = before(), after()
    past["inbound_connectors"] = [
        adopted(Name=LOCKDOWN, Enabled=True, RestrictDomainsToIPAddresses=True)
    ]
    lock_of(found).update(Enabled=False, SenderIPAddresses=[MINE, *wanted().egress])
    (lock,) = [
        item for item in rollback.plan(undone(found, past)).connectors if item["name"] == LOCKDOWN
    ]
    assert "enabled" not in lock["connector"]
    past["inbound_connectors"][0].update(RestrictDomainsToIPAddresses=False)
    lock_of(found).update(Enabled=False)
    (lock,) = [
        item for item in rollback.plan(undone(found, past)).connectors if item["name"] == LOCKDOWN
    ]
    assert (
        lock["connector"]["enabled"] is True
        and lock["connector"]["restrict_domains_to_ip_addresses"] is False
    )


@pytest.mark.parametrize(
    ("past", "now", "action"),
    [
        (None, {"Enabled": True}, "disable"),
        (None, {"Enabled": False}, "none"),
        ({"Enabled": False}, {"Enabled": True}, "disable"),
        ({"Enabled": True}, {"Enabled": True}, "none"),
        (
            {"Enabled": True, "AssociatedAcceptedDomains": [TWO]},
            {"Enabled": True, "AssociatedAcceptedDomains": []},
            "narrow",
        ),
    ],
)
def test_the_first_step(past: dict[str, Any] | None, now: dict[str, Any], action: str) -> None:
    gone, found = before(), after()
    if past is not None:
        gone["inbound_connectors"] = [
            stamped(wanted(), MOMENT, MOMENT, Comment="Old gateway", **past)
        ]
    lock_of(found).update(now)
    world = undone(found, gone)
    step = rollback_connectors.switch_off(world, past_of(world))
    assert step["action"] == action
    if action == "disable":
        assert "switched off 2026-11-23T20:00:00Z" in step["comment"]
    if action == "narrow":
        assert step["associated_accepted_domains"] == [TWO]


def test_a_set_that_somebody_changed_is_left() -> None:
    found = after()
    found["dns_provider"][ONE] = held(THIRD, 300)
    plan = rollback.plan(undone(found))
    assert [state.name for state in plan.away()] == [TWO] and "mx.elsewhere.example" in named(
        plan.left
    )[ONE]


def test_a_set_of_an_earlier_location_is_ours() -> None:
    found, sets = after(), records([(10, "mailstream-bom.mxrecord.mx")])
    found["dns_provider"][ONE] = held([(10, "mailstream-bom.mxrecord.mx")], 300)
    assert [state.name for state in rollback.plan(undone(found)).away()] == [TWO]
    known = {"egress": [], "mx_sets": [sets], "domains": {}}
    assert [state.name for state in rollback.plan(undone(found, history=known)).away()] == [
        ONE,
        TWO,
    ]


def test_a_domain_that_joined_later_is_as_it_was_first_seen() -> None:
    past = before()
    for section in ("dns", "dns_provider"):
        del past[section][TWO]
    plan = rollback.plan(undone(after(), past))
    assert (
        [state.name for state in plan.away()] == [ONE]
        and "known" not in named(plan.left).get(ONE, "")
        and TWO in named(plan.left)
    )
    first = {TWO: {"dns": view(OLD[TWO], ttl=1800), "dns_provider": held(OLD[TWO], 1800)}}
    plan = rollback.plan(
        undone(after(), past, history={"egress": [], "mx_sets": [], "domains": first})
    )
    assert [state.name for state in plan.away()] == [ONE, TWO] and TWO not in named(plan.left)


def test_a_set_is_never_emptied() -> None:
    past = before()
    past["dns_provider"][ONE] = held([], 300)
    plan = rollback.plan(undone(after(), past))
    assert [state.name for state in plan.away()] == [TWO] and "never emptied" in named(plan.left)[
        ONE
    ]
    past["dns_provider"][ONE] = {**held([], 300), "records": [{"priority": 0, "host": "."}]}
    assert [state.name for state in rollback.plan(undone(after(), past)).away()] == [TWO]


@pytest.mark.parametrize(
    ("then", "now", "back"),
    [
        (held(OLD[ONE], 3600), held(OLD[ONE], 300), 3600),
        (held(OLD[ONE], 3600), held(OLD[ONE], 3600), None),
        (held(OLD[ONE], 3600), held(OLD[ONE], 1800), None),
        (held(OLD[ONE], 120), held(OLD[ONE], 300), None),
        (held(OLD[ONE], 300, auto=True), held(OLD[ONE], 300, auto=True), None),
    ],
)
def test_the_old_ttl_comes_back_where_we_lowered_it(
    then: dict[str, Any], now: dict[str, Any], back: int | None
) -> None:
    past, found = before(), after(moved=False)
    past["dns_provider"][ONE], found["dns_provider"][ONE] = then, now
    found["dns_provider"][TWO] = held(OLD[TWO], 3600)
    assert [(state.name, state.ttl) for state in rollback.plan(undone(found, past)).ttls()] == (
        [(ONE, back)] if back else []
    )


def test_an_email_security_domain_that_was_there_gets_its_fields_back() -> None:
    past, found = before(), after()
    there = {
        "allowed_delivery_modes": ["API"],
        "lookback_hops": 2,
        "transport": OLD[ONE][0][1],
        "require_tls_outbound": False,
        "ip_restrictions": ["192.0.2.0/24"],
        "regions": ["AU"],
        "drop_dispositions": ["SPAM"],
    }
    ours = {
        "allowed_delivery_modes": ["API", "DIRECT"],
        "lookback_hops": 1,
        "require_tls_outbound": True,
        "ip_restrictions": [],
        "regions": list(wanted().regions),
        "drop_dispositions": wanted().dispositions,
    }
    past["email_security"] = {ONE: protected(ONE, **there)}
    found["email_security"][ONE] = protected(ONE, **ours)
    plan = rollback.plan(undone(found, past))
    assert plan.domains == [
        {
            "name": ONE,
            "lookback_hops": 2,
            "require_tls_outbound": False,
            "ip_restrictions": ["192.0.2.0/24"],
            "regions": ["AU"],
            "drop_dispositions": ["SPAM"],
            "delivery_modes": ["API"],
        }
    ]
    assert list(named(plan.one_way)) == [TWO]
    found["email_security"][ONE]["regions"] = ["DE"] if list(wanted().regions) != ["DE"] else ["IN"]
    plan = rollback.plan(undone(found, past))
    assert "regions" not in plan.domains[0] and "regions" in named(plan.left)[ONE]


def test_customization_is_named_and_not_attempted() -> None:
    past = before()
    past["organization"] = [{"IsDehydrated": True}]
    assert "no way back" in named(rollback.plan(undone(after(), past)).one_way)["organization"]


@pytest.mark.parametrize(
    ("kind", "then", "written", "now", "found"),
    [
        (values.TEXT, None, ("a",), "a", undo.OURS),
        (values.TEXT, None, ("a",), "", undo.SAME),
        (values.TEXT, "b", ("a",), "c", undo.FOREIGN),
        (values.BOOL, None, (True,), False, undo.SAME),
        (values.BOOL, True, (True,), False, undo.FOREIGN),
        (values.IPS, ["192.0.2.0/24"], (["192.0.2.1"],), ["192.0.2.77/24"], undo.SAME),
        (values.WORDS, [], (["x"],), ["X"], undo.OURS),
    ],
)
def test_three_ways_meet(kind: values.Kind, then: Any, written: Any, now: Any, found: str) -> None:
    assert undo.verdict(kind, then, written, now) == found

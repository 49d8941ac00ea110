# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock-down's stamp, soak and decisions. A wrong answer here refuses a customer's mail."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown import (
    decision as lockdown,
    soak,
    stamp as stamp_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    NOT_YET,
    not_yet,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.settings import Settings
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso
from tests.unit.cutover.worlds import (
    CONNECTOR,
    INITIAL,
    LOCKDOWN,
    NEW,
    NOW,
    OLD,
    ONE,
    ROUTING,
    TENANT,
    TWO,
    accepted,
    ago,
    changed_view,
    connector,
    records,
    sections,
    stamped,
    view,
    wanted,
    world,
)

HOUR = datetime.timedelta(hours=1)
STAGED = NOW - 73 * HOUR


def decide(found: World) -> soak.Decision:
    return lockdown.decide(found, (), lambda results: results)


def staged_world(
    chosen: Settings | None = None,
    staged: datetime.datetime = STAGED,
    moved: bool = True,
    **fields: Any,
) -> World:
    """Both domains behind Area 1 since long, the lock-down staged at ``staged`` with ``fields`` of
    the connector replaced.
    """
    chosen = chosen or wanted()
    found = sections(chosen, moved)
    found["inbound_connectors"].append(stamped(chosen, staged, staged + 72 * HOUR, **fields))
    for entry in found["dns_provider"].values():
        entry["modified_on"] = ago(days=10)
    return World(found, chosen)


def test_the_stamp_is_read_as_it_was_written() -> None:
    stamp = stamp_module.Stamp(NOW, NOW + HOUR, 3, "0123456789ab")
    comment = stamp.comment("Only accept inbound email from Area 1")
    assert (
        comment
        == "Only accept inbound email from Area 1. [mailflow.area1: staged 2026-11-23T20:00:00Z,"
        " due 2026-11-23T21:00:00Z, 3 domains, 0123456789ab. Disabled on purpose]"
    )
    assert stamp_module.parse_stamp(comment) == stamp
    one = stamp_module.Stamp(NOW, NOW + HOUR, 1, "0123456789ab")
    assert "1 domain," in one.comment("x") and stamp_module.parse_stamp(one.comment("x")) == one


@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "Only accept inbound email from Area 1",
        (
            "x. [mailflow.area1: soak interrupted 2026-11-23T20:00:00Z, exposed: a.example."
            " Disabled on purpose]"
        ),
        (
            "x. [mailflow.area1: staged 2026-11-23T20:00:00Z, due never, 3 domains, 0123456789ab."
            " Disabled on purpose]"
        ),
        (
            "x. [mailflow.area1: staged 2026-13-23T20:00:00Z, due 2026-11-23T20:00:00Z, 3 domains,"
            " 0123456789ab. Disabled on purpose]"
        ),
        (
            "x. [mailflow.area1: staged 2026-11-23T20:00:00Z, due 2026-11-23T20:00:00Z, 3 domains,"
            " 0123. Disabled on purpose]"
        ),
        (
            "x. [mailflow.area1: staged 2026-11-23T20:00:00Z, due 2026-11-23T20:00:00Z, 3 domains,"
            " 0123456789ab. Disab"
        ),
    ],
)
def test_what_is_no_stamp(comment: str | None) -> None:
    assert stamp_module.parse_stamp(comment) is None


def test_the_digest_is_of_tenant_and_domains_in_any_order() -> None:
    assert stamp_module.digest(TENANT.upper(), [TWO, ONE], NOW) == stamp_module.digest(
        TENANT, [ONE, TWO], NOW
    )
    assert (
        len(
            {
                stamp_module.digest(TENANT, [ONE], NOW),
                stamp_module.digest(TENANT, [ONE, TWO], NOW),
                stamp_module.digest("other", [ONE], NOW),
                stamp_module.digest(TENANT, [ONE], NOW - HOUR),
            }
        )
        == 4
    )


def test_all_gates_hold_and_the_soak_is_over_so_it_is_enabled() -> None:
    decision = decide(staged_world())
    assert decision.action == "enable" and decision.enabled is True
    assert decision.comment == "Only accept inbound email from Area 1", (
        "the tutorial's comment, without the stamp"
    )
    assert all(result.status == "holds" for result in decision.results)


def test_first_it_is_staged_with_the_soak_ahead() -> None:
    decision = decide(world(moved=True))
    due = iso(NOW + 72 * HOUR)
    assert (decision.action, decision.enabled, decision.due) == ("stage", False, due)
    stamp = stamp_module.parse_stamp(decision.comment)
    assert stamp == stamp_module.Stamp(
        NOW, NOW + 72 * HOUR, 2, stamp_module.digest(TENANT, [ONE, TWO], NOW)
    )
    (soak,) = [result for result in decision.results if result.gate == "soak"]
    assert soak.status == NOT_YET and soak.until == due and due in soak.message


def test_within_the_soak_nothing_is_done() -> None:
    found = staged_world(staged=NOW - 71 * HOUR)
    decision = decide(found)
    assert (decision.action, decision.enabled, decision.due) == ("keep", False, iso(NOW + HOUR))
    assert decision.comment == "", "the comment with the clock in it is left as it is"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Comment": "Only accept inbound email from Area 1"}, "carries no stamp"),
        (
            {"WhenCreatedUTC": iso(STAGED + datetime.timedelta(minutes=3))},
            "is older than the connector",
        ),
        (
            {
                "WhenChangedUTC": iso(STAGED - datetime.timedelta(minutes=3)),
                "WhenCreatedUTC": iso(STAGED - HOUR),
            },
            "does not fit its own dates",
        ),
        (
            {"WhenChangedUTC": iso(NOW + datetime.timedelta(minutes=3))},
            "does not fit its own dates",
        ),
    ],
)
def test_a_stamp_that_cannot_be_true_starts_the_soak_anew(
    fields: dict[str, Any], words: str
) -> None:
    found = staged_world(**fields)
    staged = found.connector(LOCKDOWN)
    assert staged is not None
    assert words in stamp_module.stamp_problem(
        stamp_module.parse_stamp(staged["Comment"]), staged, found
    )
    decision = decide(found)
    assert (
        decision.action == "stage" and decision.due == iso(NOW + 72 * HOUR) and not decision.enabled
    )


def test_without_dates_the_digest_speaks_for_the_stamp() -> None:
    dates = ("WhenCreatedUTC", "WhenChangedUTC", "WhenCreated", "WhenChanged")
    untold: dict[str, Any] = dict.fromkeys(dates)
    assert decide(staged_world(**untold)).action == "enable"
    assert decide(staged_world(staged=NOW - HOUR, **untold)).action == "keep"
    ahead = staged_world(staged=NOW + HOUR, **untold)
    assert decide(ahead).action == "stage", "from a future that nobody has seen"
    edited = stamped(wanted(), NOW - HOUR, NOW + 71 * HOUR)["Comment"].replace(
        "staged %s" % iso(NOW - HOUR), "staged %s" % iso(STAGED)
    )
    assert decide(staged_world(Comment=edited, **untold)).action == "stage"


@pytest.mark.parametrize("minutes", [-2, 0, 2])
def test_two_minutes_between_clocks_are_forgiven(minutes: int) -> None:
    assert (
        decide(
            staged_world(WhenCreatedUTC=iso(STAGED + datetime.timedelta(minutes=minutes)))
        ).action
        == "enable"
    )


def test_an_edited_stamp_gains_nothing() -> None:
    """A stamp dated back before the connector was made is not believed, nor one whose time was
    edited by hand.
    """
    chosen = wanted()
    forged = stamped(chosen, NOW - 500 * HOUR, NOW - 400 * HOUR)["Comment"]
    assert decide(staged_world(Comment=forged)).action == "stage"
    young = staged_world(
        staged=NOW - HOUR, WhenCreatedUTC=ago(days=30), WhenChangedUTC=ago(minutes=1)
    )
    assert decide(young).action == "keep"
    item = young.inbound_connectors[1]
    item["Comment"] = item["Comment"].replace(
        "staged %s" % iso(NOW - HOUR), "staged %s" % iso(STAGED)
    )
    assert "stamp was edited" in stamp_module.stamp_problem(
        stamp_module.parse_stamp(item["Comment"]), item, young
    )
    assert decide(young).action == "stage" and decide(young).due == iso(NOW + 72 * HOUR)


def test_a_stamp_of_another_set_of_domains_or_tenant_starts_anew() -> None:
    other = stamped(wanted(domains=[ONE]), STAGED, NOW)["Comment"]
    assert decide(staged_world(Comment=other)).action == "stage"
    found = staged_world()
    found.tenant["id"] = "another"
    assert decide(found).action == "stage"


def test_a_domain_that_moved_after_staging_starts_the_soak_anew() -> None:
    found = staged_world()
    found.dns_provider[TWO]["modified_on"] = iso(STAGED + datetime.timedelta(minutes=3))
    decision = decide(found)
    assert decision.action == "stage"
    assert "MX records of %s were changed" % TWO in stamp_module.stamp_problem(
        stamp_module.parse_stamp(found.inbound_connectors[1]["Comment"]),
        found.inbound_connectors[1],
        found,
    )


def test_the_soak_is_at_least_the_largest_old_ttl() -> None:
    chosen = wanted(lockdown_soak_hours=0)
    found = staged_world(chosen, staged=NOW - HOUR)
    found.baseline["sections"]["dns"][TWO]["ttl_max"] = 86400
    assert decide(found).due == iso(NOW + 23 * HOUR) and decide(found).action == "keep"
    assert decide(staged_world(chosen, staged=NOW - HOUR)).action == "enable", "3600 s are over"


def test_without_the_old_ttl_the_stamp_s_own_due_time_holds() -> None:
    found = staged_world(wanted(lockdown_soak_hours=0), staged=NOW - HOUR)
    known = {**found.sections, "baseline": {}}
    assert decide(World(known, found.settings)).due == iso(NOW + 71 * HOUR)


def test_not_wanted_is_none() -> None:
    decision = decide(world(wanted(lockdown=False), moved=True))
    assert decision.action == "none" and all(result.open for result in decision.results)


@pytest.mark.parametrize("name", [ONE, TWO])
def test_one_resolver_with_the_old_record_holds_everything(name: str) -> None:
    found = staged_world()
    found.dns[name] = view(NEW, resolver=OLD[name], resolver_ttl=1234)
    decision = decide(found)
    assert decision.action == "unstage" and not decision.enabled
    (exposed,) = [result for result in decision.results if not result.open]
    assert (
        exposed.object == name
        and OLD[name][0][1] in exposed.message
        and "resolver 9.9.9.9" in exposed.message
    )
    assert exposed.until == iso(NOW + datetime.timedelta(seconds=1234))


def test_a_domain_that_fell_back_takes_the_stamp_away() -> None:
    found = staged_world()
    found.dns[TWO] = view(OLD[TWO])
    found.dns_provider[TWO]["records"] = records(OLD[TWO])
    decision = decide(found)
    assert decision.action == "unstage" and decision.enabled is False
    assert (
        stamp_module.parse_stamp(decision.comment) is None
        and "exposed: %s" % TWO in decision.comment
    )
    found.inbound_connectors[1]["Comment"] = decision.comment
    assert decide(found).action == "none", "and only once"
    found.dns[TWO] = view(NEW)
    assert decide(found).action == "stage", "back again: from the beginning"


def test_a_mixed_set_is_exposed() -> None:
    found = world(moved=True, dns=changed_view(ONE, moved=True, **view([*NEW, *OLD[ONE]])))
    assert decide(found).action == "none"


def test_an_enabled_connector_that_does_not_restrict_is_no_lock_down() -> None:
    decision = decide(
        staged_world(Enabled=True, RestrictDomainsToIPAddresses=False, Comment="by hand")
    )
    assert decision.action == "stage" and not decision.enabled


def test_gates_of_others_hold_it_back_and_keep_the_stamp() -> None:
    waits = not_yet("settled", CONNECTOR, "the connector is off")
    decision = lockdown.decide(staged_world(), [waits], lambda results: results)
    assert decision.action == "none" and decision.results == (waits,)


@pytest.mark.parametrize(
    "answer", [{"status": "timeout", "records": None}, {"status": "servfail", "records": None}]
)
def test_a_silent_server_is_never_good(answer: dict[str, Any]) -> None:
    found = staged_world()
    found.dns[ONE]["name_servers"][1].update(answer)
    decision = decide(found)
    (silent,) = [result for result in decision.results if not result.open]
    assert (
        decision.action == "none"
        and silent.gate == "name_server"
        and "ns2.example: %s" % answer["status"] in silent.message
    )


def test_a_domain_that_was_not_read_or_has_no_server_is_never_good() -> None:
    found = staged_world()
    found.dns[ONE].update(name_servers=[], resolvers=[], error="no delegation")
    assert decide(found).action == "none"
    assert "dns_silent" in {result.gate for result in decide(found).results if not result.open}
    del found.dns[ONE]
    assert decide(found).action == "none"


def test_initial_domains_never_block_and_are_named() -> None:
    decision = decide(staged_world())
    (said,) = [result for result in decision.results if result.gate == "initial_domains"]
    assert said.notice and said.open and INITIAL in said.object and ROUTING in said.object


def other_domain(chosen: Settings, found_view: dict[str, Any] | None) -> World:
    found = staged_world(chosen)
    found.accepted_domains.append(accepted("shop.example"))
    if found_view is not None:
        found.dns["shop.example"] = found_view
    return found


def test_an_accepted_domain_outside_holds_it_back_and_says_what_to_do() -> None:
    decision = decide(
        other_domain(wanted(), view([(0, "shop-example.mail.protection.outlook.com")]))
    )
    (result,) = [result for result in decision.results if not result.open]
    assert (
        decision.action == "unstage"
        and result.object == "shop.example"
        and "area1_domains" in result.hint
    )
    assert decide(other_domain(wanted(), None)).action == "none", "not read is not known"


def test_an_accepted_domain_without_mail_or_behind_area_1_does_not_matter() -> None:
    quiet = view([])
    for server in (*quiet["name_servers"], *quiet["resolvers"]):
        server["status"] = "nodata"
    assert decide(other_domain(wanted(), quiet)).action == "enable"
    assert decide(other_domain(wanted(), view([(0, "")]))).action == "enable", "null MX"
    assert decide(other_domain(wanted(), view(NEW))).action == "enable"


def test_a_covered_domain_without_any_record_holds_it_back() -> None:
    found = staged_world()
    for server in (
        *found.dns[ONE]["name_servers"],
        *found.dns[ONE]["resolvers"],
    ):
        server.update(status="nodata", records=[])
    assert decide(found).action == "none"


def test_scope_covered_limits_the_connector_to_the_covered_domains() -> None:
    chosen = wanted(lockdown_scope="covered", lockdown_exempt_domains=["shop.example"])
    found = other_domain(chosen, view([(0, "shop-example.mail.protection.outlook.com")]))
    evaluation = phases.evaluate("lockdown", found)
    assert evaluation.values["action"] == "enable" and evaluation.values[
        "associated_accepted_domains"
    ] == [ONE, TWO]
    assert "initial_domains" not in {result.gate for result in evaluation.results}
    assert phases.evaluate("lockdown", staged_world()).values["associated_accepted_domains"] == []
    found.dns[ONE] = view(OLD[ONE])
    assert phases.evaluate("lockdown", found).values["action"] == "unstage", (
        "covered domains count all the same"
    )


def test_the_phase_asks_for_a_working_first_connector() -> None:
    chosen = wanted()
    for replaced in (
        [],
        [connector(chosen.egress, Enabled=False)],
        [connector(chosen.egress[1:])],
        [connector(chosen.egress, EFSkipLastIP=False)],
    ):
        found = staged_world(chosen)
        found.inbound_connectors[:1] = replaced
        assert phases.evaluate("lockdown", found).values["action"] == "none", replaced


def test_a_silent_server_may_be_decided_about_and_exposure_may_not() -> None:
    chosen = wanted(
        acknowledge=["name_server", "exposed", "exposed:%s" % TWO, "lockdown_exposed", "soak"]
    )
    found = staged_world(chosen)
    found.dns[ONE]["name_servers"][1].update(status="timeout", records=None)
    evaluation = phases.evaluate("lockdown", found)
    assert evaluation.values["action"] == "enable"
    assert [result.object for result in evaluation.results if result.acknowledged] == [ONE]
    found.dns[TWO] = view(OLD[TWO])
    assert phases.evaluate("lockdown", found).values["action"] == "unstage"
    waiting = staged_world(chosen, staged=NOW - HOUR)
    assert (
        phases.evaluate("lockdown", waiting).values["action"] == "keep"
        and not phases.evaluate("lockdown", waiting).values["enabled"]
    )


@pytest.mark.parametrize("side", ["name_servers", "resolvers"])
def test_total_silence_holds_it_back_whatever_was_decided(side: str) -> None:
    found = staged_world(wanted(acknowledge=["name_server", "dns_silent"]))
    for server in found.dns[TWO][side]:
        server.update(status="timeout", records=None)
    evaluation = phases.evaluate("lockdown", found)
    assert evaluation.values["action"] == "none"
    assert [(result.gate, result.object) for result in evaluation.results if not result.open] == [
        ("dns_silent", TWO)
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {
            "transport_rules": [
                {
                    "Name": "Gateway only",
                    "ExceptIfSenderIpRanges": ["192.0.2.1"],
                    "DeleteMessage": True,
                }
            ]
        },
        {"content_filter": [{"Name": "Default", "MarkAsSpamSpfRecordHardFail": "On"}]},
    ],
)
def test_rules_and_spf_hold_it_back_too(changed: dict[str, Any]) -> None:
    found = staged_world()
    held = phases.evaluate("lockdown", World({**found.sections, **changed}, found.settings))
    assert held.values["action"] == "none"
    decided = wanted(acknowledge=["transport_rule", "spf_hard_fail"])
    assert (
        phases.evaluate("lockdown", World({**found.sections, **changed}, decided)).values["action"]
        == "enable"
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock-down that is on already: what it loses is said first, it is widened after a soak only, and
switched off only where somebody decided so.
"""

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
    CANNOT,
    NOT_YET,
    not_yet,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.settings import Settings
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso
from tests.unit.cutover.worlds import (
    LOCKDOWN,
    NEW,
    NOW,
    OLD,
    ONE,
    TWO,
    accepted,
    ago,
    connector,
    details,
    records,
    sections,
    stamped,
    traced,
    view,
    wanted,
)

HOUR = datetime.timedelta(hours=1)
COMMENT = "Only accept inbound email from Area 1"
OTHER = "shop.example"


def decide(found: World) -> soak.Decision:
    return lockdown.decide(found, (), lambda results: results)


def locked(chosen: Settings | None = None, inside: tuple[str, ...] = (), **fields: Any) -> World:
    """Both domains behind Area 1 since long, the lock-down on for ``inside`` (none: all)."""
    chosen = chosen or wanted()
    found = sections(chosen, moved=True)
    given = {
        "Enabled": True,
        "Comment": COMMENT,
        "AssociatedAcceptedDomains": list(inside),
        **fields,
    }
    found["inbound_connectors"].append(stamped(chosen, NOW - 100 * HOUR, NOW - 28 * HOUR, **given))
    for entry in found["dns_provider"].values():
        entry["modified_on"] = ago(days=10)
    return World(found, chosen)


def fall_back(found: World, name: str) -> None:
    found.dns[name] = view(OLD[name])
    found.dns_provider[name]["records"] = records(OLD[name])


def come_back(found: World, name: str) -> None:
    found.dns[name] = view(NEW)
    found.dns_provider[name]["records"] = records(NEW)


def carried_out(found: World, decision: soak.Decision) -> None:
    """What the role writes for it."""
    item = found.connector(LOCKDOWN)
    assert item is not None
    item.update(
        Enabled=decision.enabled,
        AssociatedAcceptedDomains=list(decision.associated),
        WhenChangedUTC=iso(found.now),
    )
    item["Comment"] = decision.comment or item["Comment"]


def later(found: World, hours: float) -> World:
    at = iso(found.now + hours * HOUR)
    return World(
        {**found.sections, "service_date": at, "message_trace": traced(end=at)}, found.settings
    )


def test_a_lock_down_that_refuses_mail_now_is_the_first_thing_said_and_stays_as_it_is() -> None:
    found = locked()
    fall_back(found, TWO)
    decision = decide(found)
    assert (decision.action, decision.enabled, decision.comment, decision.associated) == (
        "keep",
        True,
        "",
        (),
    )
    (losing,) = decision.results
    assert (losing.gate, losing.status, losing.object) == ("lockdown_exposed", CANNOT, TWO)
    assert "BEING REFUSED" in losing.message and LOCKDOWN in losing.hint
    verified = phases.evaluate("verify", found)
    assert verified.values["locked"] is True and verified.values["done"] is False
    assert "lockdown_exposed" in {result.gate for result in verified.results}


def test_it_is_switched_off_where_somebody_decided_so_and_soaks_anew() -> None:
    chosen = wanted(acknowledge=["lockdown_exposed:%s" % TWO])
    found = locked(chosen)
    assert phases.evaluate("lockdown", found).values["action"] == "keep", "nothing is refused"
    fall_back(found, ONE)
    assert phases.evaluate("lockdown", found).values["action"] == "keep", (
        "nobody decided about %s" % ONE
    )
    fall_back(found, TWO)
    evaluation = phases.evaluate("lockdown", found)
    assert (evaluation.values["action"], evaluation.values["enabled"]) == ("unstage", False)
    (result,) = evaluation.results
    assert (result.gate, result.object, result.acknowledged) == ("lockdown_exposed", TWO, True)
    comment = evaluation.values["comment"]
    assert (
        "switched off as decided %s" % iso(NOW) in comment
        and ONE in comment
        and TWO in comment
        and comment.endswith("Disabled on purpose]")
    )
    losing = [
        result
        for result in phases.evaluate("verify", found).results
        if result.gate == "lockdown_exposed"
    ]
    assert [(result.status, result.object) for result in losing] == [
        (CANNOT, ONE),
        (CANNOT, TWO),
    ], "until it is off mail is being refused"

    item = found.connector(LOCKDOWN)
    assert item is not None
    item.update(Enabled=False, Comment=comment, WhenChangedUTC=iso(NOW))
    held = phases.evaluate("lockdown", found)
    assert held.values["action"] == "none" and {result.gate for result in held.results} == {
        "exposed"
    }
    assert "lockdown_exposed" not in {
        result.gate for result in phases.evaluate("verify", found).results
    }
    come_back(found, ONE)
    come_back(found, TWO)
    staged = phases.evaluate("lockdown", found).values
    assert staged["action"] == "stage" and staged["due"] == iso(NOW + 72 * HOUR)


def test_one_that_is_not_wanted_any_more_is_switched_off_by_the_same_decision() -> None:
    found = locked(wanted(lockdown=False, acknowledge=["lockdown_exposed"]))
    assert phases.evaluate("lockdown", found).values["action"] == "none"
    fall_back(found, TWO)
    assert phases.evaluate("lockdown", found).values["action"] == "unstage"


@pytest.mark.parametrize(
    ("listed", "hosts", "alarm"),
    [
        (["192.0.2.7"], ["mx.oldgateway.example"], False),
        ([], ["mx.oldgateway.example"], True),
        (["192.0.2.7"], [OLD[TWO][0][1]], True),
        (["192.0.2.7"], ["mx.oldgateway.example", OLD[TWO][0][1]], True),
    ],
)
def test_a_former_gateways_lock_down_that_lets_it_in_is_no_alarm(
    listed: list[str], hosts: list[str], alarm: bool
) -> None:
    """Its own addresses are listed beside ours; of mail that comes straight to Microsoft none
    is.
    """
    chosen = wanted()
    found = locked(chosen, SenderIPAddresses=[*chosen.egress, *listed])
    found.dns[TWO] = view([(10, host) for host in hosts])
    found.dns_provider[TWO]["records"] = records([(10, host) for host in hosts])
    (said,) = [result for result in decide(found).results if result.object == TWO]
    assert (said.gate, said.status) == (
        ("lockdown_exposed", CANNOT) if alarm else ("exposed", NOT_YET)
    )
    assert alarm or (
        "192.0.2.7" in said.message and "unless" in said.message and LOCKDOWN in said.hint
    )
    assert (
        decide(found).action == "keep" and phases.evaluate("verify", found).values["done"] is False
    )


def sub_domains(found: World, host: str, takes: bool = True) -> World:
    """Domain TWO takes mail for all names below it, which have their MX from a wildcard."""
    accepted_domains = [
        {**item, "MatchSubDomains": takes and item["DomainName"] == TWO}
        for item in found.accepted_domains
    ]
    below = {**found.dns_details, TWO: details(below=records([(10, host)]))}
    return World(
        {**found.sections, "accepted_domains": accepted_domains, "dns_details": below},
        found.settings,
    )


def test_mail_for_sub_domains_past_area1_holds_the_lock_down_until_somebody_decides() -> None:
    past, by = OLD[TWO][0][1], NEW[0][1]
    ready = locked(
        Enabled=False, Comment=stamped(wanted(), NOW - 100 * HOUR, NOW - 28 * HOUR)["Comment"]
    )
    assert (
        decide(sub_domains(ready, past, takes=False)).action
        == decide(sub_domains(ready, by)).action
        == "enable"
    )
    held = decide(sub_domains(ready, past))
    assert held.action == "unstage" and TWO in held.comment, (
        "caches of the wildcard have to run out too"
    )
    (result,) = [result for result in held.results if not result.open]
    assert (result.gate, result.status, result.object) == ("sub_domains", CANNOT, TWO)
    assert (
        past in result.message
        and "MatchSubDomains" in result.message
        and "sub_domains:%s" % TWO in result.hint
    )
    decided = World(sub_domains(ready, past).sections, wanted(acknowledge=["sub_domains:%s" % TWO]))
    assert phases.evaluate("lockdown", decided).values["action"] == "enable"


def test_a_lock_down_that_refuses_mail_for_sub_domains_says_so() -> None:
    found = sub_domains(locked(), OLD[TWO][0][1])
    assert decide(found).action == "keep" and "sub_domains" in {
        result.gate for result in decide(found).results if not result.open
    }
    assert phases.evaluate("verify", found).values["done"] is False
    decided = World(found.sections, wanted(acknowledge=["sub_domains"]))
    assert phases.evaluate("verify", decided).values["done"] is True


def full(found: World) -> World:
    """Its allow list has no room for ours."""
    found.connection_filter[0]["IPAllowList"] = [
        "10.%d.%d.0/24" % divmod(number, 250) for number in range(1300)
    ]
    return found


@pytest.mark.parametrize(
    "found",
    [
        locked(wanted(egress_networks=["192.0.2.0/24"])),
        full(locked(wanted(acknowledge=["lockdown_exposed"]))),
    ],
)
def test_a_run_that_stops_before_its_first_write_says_first_what_is_refused(found: World) -> None:
    stopped = phases.evaluate("preflight", found)
    assert not stopped.go and "lockdown_exposed" not in {
        result.gate for result in stopped.results
    }, "nothing is refused"
    fall_back(found, TWO)
    losing, *others = phases.evaluate("preflight", found).results
    assert (losing.gate, losing.status, losing.object) == ("lockdown_exposed", CANNOT, TWO)
    assert others == stopped.results


@pytest.mark.parametrize("on", [True, False])
def test_mail_that_is_refused_now_does_not_wait_for_caches(on: bool) -> None:
    found = locked(Enabled=on)
    fall_back(found, TWO)
    found.dns[TWO] = view(OLD[TWO], ttl=3600, resolver_ttl=3600)
    evaluation = phases.evaluate("switch", found)
    assert [item["name"] for item in evaluation.values["domains"]] == ([TWO] if on else [])
    assert ("ttl" in {result.gate for result in evaluation.results}) is not on


def test_a_run_that_can_mend_it_goes_on() -> None:
    found = locked()
    fall_back(found, TWO)
    assert phases.evaluate("preflight", found).go


@pytest.mark.parametrize(
    ("inside", "losing"),
    [
        ((), [ONE, TWO]),
        ((ONE,), [ONE]),
        ((ONE.upper(), TWO), [ONE, TWO]),
        (("elsewhere.example",), []),
    ],
)
@pytest.mark.parametrize("scope", ["all", "covered"])
def test_it_is_judged_by_the_domains_that_it_is_limited_to(
    inside: tuple[str, ...], losing: list[str], scope: str
) -> None:
    found = locked(wanted(lockdown_scope=scope), inside)
    fall_back(found, ONE)
    fall_back(found, TWO)
    decision = decide(found)
    assert sorted(
        result.object for result in decision.results if result.gate == "lockdown_exposed"
    ) == sorted(losing)
    assert (decision.action, decision.enabled) == ("keep", True)
    assert decision.associated == tuple(sorted(name.lower() for name in inside)), (
        "neither widened nor narrowed"
    )


def test_an_accepted_domain_that_nobody_named_loses_mail_too() -> None:
    for inside, loses in (((), True), ((OTHER, ONE), True), ((ONE, TWO), False)):
        found = locked(wanted(lockdown_scope="covered", lockdown_exempt_domains=[OTHER]), inside)
        found.accepted_domains.append(accepted(OTHER))
        found.dns[OTHER] = view([(0, "shop-example.mail.protection.outlook.com")])
        assert (
            OTHER
            in {
                result.object
                for result in decide(found).results
                if result.gate == "lockdown_exposed"
            }
        ) is loses, inside


def test_a_lock_down_that_is_on_stays_on_whatever_else_waits() -> None:
    found = locked(Comment="whatever an admin wrote")
    decision = lockdown.decide(found, [not_yet("settled", "x", "y")], lambda results: results)
    assert (decision.action, decision.enabled) == ("keep", True)
    found.dns[TWO]["resolvers"][0].update(status="timeout", records=None)
    assert (decide(found).action, decide(found).enabled) == ("keep", True)


@pytest.mark.parametrize(
    ("present", "comment"),
    [
        ("", COMMENT),
        (None, COMMENT),
        (stamped(wanted(), NOW, NOW)["Comment"], COMMENT),
        ("Ours since 2019, ask Mia", ""),
        (COMMENT, ""),
    ],
)
def test_somebody_else_s_comment_stays(present: str | None, comment: str) -> None:
    assert decide(locked(Comment=present)).comment == comment


def test_no_longer_wanted_it_is_left_and_that_is_said() -> None:
    found = locked(wanted(lockdown=False), (ONE,))
    decision = decide(found)
    assert (decision.action, decision.enabled, decision.comment, decision.associated) == (
        "none",
        True,
        "",
        (ONE,),
    )
    (said,) = decision.results
    assert said.open and said.notice and "area1_lockdown is false" in said.message
    fall_back(found, ONE)
    decision = decide(found)
    assert decision.action == "none" and [result.gate for result in decision.results] == [
        "lockdown_exposed"
    ]


def test_others_that_it_lets_in_are_named() -> None:
    chosen = wanted()
    listed = [*chosen.egress, "192.0.2.7"]
    found = locked(chosen, SenderIPAddresses=listed, RequireTls=False)
    (said,) = [result for result in decide(found).results if "192.0.2.7" in result.message]
    assert said.notice and said.open and "TLS" not in said.message
    assert not [result for result in decide(locked()).results if "also lets in" in result.message]


def test_others_that_it_lets_in_need_tls_and_that_is_said_before_it_is_on() -> None:
    chosen = wanted()
    listed = [*chosen.egress, "192.0.2.7"]
    for tls, found in (
        (True, locked(chosen, SenderIPAddresses=listed, RequireTls=True)),
        (False, locked(chosen, SenderIPAddresses=listed, RequireTls=False)),
    ):
        (said,) = [result for result in decide(found).results if "192.0.2.7" in result.message]
        assert ("with TLS only" in said.message) is tls
    staged = locked(
        chosen,
        Enabled=False,
        SenderIPAddresses=listed,
        Comment=stamped(chosen, NOW - 100 * HOUR, NOW - 28 * HOUR)["Comment"],
    )
    decision = decide(staged)
    (said,) = [result for result in decision.results if "192.0.2.7" in result.message]
    assert (
        decision.action == "enable"
        and said.notice
        and "with TLS only" in said.message
        and "way by Area 1" in said.message
    )


def test_narrowing_needs_no_soak() -> None:
    chosen = wanted(lockdown_scope="covered")
    for inside in ((), (ONE, TWO), (OTHER, ONE, TWO)):
        decision = decide(locked(chosen, inside))
        assert (decision.action, decision.associated, decision.due) == (
            "keep",
            (ONE, TWO),
            "",
        ), inside


@pytest.mark.parametrize(("scope", "wider"), [("all", ()), ("covered", (ONE, TWO))])
def test_widening_is_soaked_while_it_stays_on_for_the_old_set(
    scope: str, wider: tuple[str, ...]
) -> None:
    found = locked(wanted(lockdown_scope=scope), (ONE,))
    decision = decide(found)
    due = iso(NOW + 72 * HOUR)
    assert (decision.action, decision.enabled, decision.associated, decision.due) == (
        "keep",
        True,
        (ONE,),
        due,
    )
    stamp = stamp_module.parse_stamp(decision.comment)
    assert stamp is not None and stamp.staged == NOW and "Widening waits" in decision.comment
    (soak,) = [result for result in decision.results if result.gate == "soak"]
    assert (soak.status, soak.until) == (NOT_YET, due) and "widened" in soak.message
    carried_out(found, decision)
    waiting = decide(later(found, 71))
    assert (waiting.action, waiting.enabled, waiting.associated, waiting.comment) == (
        "keep",
        True,
        (ONE,),
        "",
    )
    assert phases.evaluate("verify", later(found, 71)).values["done"] is False
    over = decide(later(found, 72))
    assert (over.action, over.enabled, over.associated, over.comment) == (
        "enable",
        True,
        wider,
        COMMENT,
    )
    assert phases.evaluate("verify", later(found, 72)).values["done"] is False, (
        "it is not widened yet"
    )
    carried_out(found, over)
    at_last = decide(later(found, 73))
    assert (at_last.action, at_last.associated, at_last.due) == ("keep", wider, "")
    assert phases.evaluate("verify", later(found, 73)).values["done"] is True


def test_widening_waits_for_the_new_domains_and_is_not_done_until_then() -> None:
    found = locked(inside=(ONE,))
    fall_back(found, TWO)
    decision = decide(found)
    assert (decision.action, decision.enabled, decision.associated, decision.due) == (
        "keep",
        True,
        (ONE,),
        "",
    )
    assert [result.object for result in decision.results if not result.open] == [TWO]
    found = locked(inside=(ONE,))
    found.accepted_domains.append(accepted(OTHER))
    found.dns[OTHER] = view([(0, "shop-example.mail.protection.outlook.com")])
    values = phases.evaluate("verify", found).values
    assert values["locked"] is True and values["done"] is False, "%s is not locked" % OTHER
    held = lockdown.decide(
        locked(inside=(ONE,)), [not_yet("settled", "x", "y")], lambda results: results
    )
    assert (held.action, held.associated, held.comment) == ("keep", (ONE,), "")


@pytest.mark.parametrize("name", [ONE, TWO])
def test_a_domain_that_fell_back_while_widening_waits_starts_that_soak_anew(name: str) -> None:
    found = locked(inside=(ONE,))
    carried_out(found, decide(found))
    fell = later(found, 50)
    fall_back(fell, name)
    decision = decide(fell)
    assert (decision.action, decision.enabled, decision.associated) == ("keep", True, (ONE,))
    assert decision.comment and stamp_module.parse_stamp(decision.comment) is None
    carried_out(fell, decision)
    assert decide(fell).comment == "", "and only once"
    come_back(fell, name)
    back = decide(later(fell, 23))
    assert (
        back.action == "keep"
        and back.associated == (ONE,)
        and back.due == iso(NOW + (73 + 72) * HOUR)
    )


def test_silence_keeps_the_widening_s_clock() -> None:
    found = locked(inside=(ONE,))
    carried_out(found, decide(found))
    found.dns[TWO]["resolvers"][0].update(status="timeout", records=None)
    decision = decide(later(found, 100))
    assert (decision.action, decision.associated, decision.comment) == ("keep", (ONE,), "")


def test_locked_is_said_of_what_is_and_not_of_what_may_be() -> None:
    found = locked(
        Enabled=False, Comment=stamped(wanted(), NOW - 100 * HOUR, NOW - 28 * HOUR)["Comment"]
    )
    assert decide(found).action == "enable"
    values = phases.evaluate("verify", found).values
    assert values["locked"] is False and values["done"] is False


def test_done_looks_at_all_that_carries_the_mail() -> None:
    assert phases.evaluate("verify", locked()).values["done"] is True
    chosen = wanted()
    harm: list[dict[str, Any]] = [
        {
            "inbound_connectors": [
                connector(chosen.egress, EFTestMode=True),
                *locked().inbound_connectors[1:],
            ]
        },
        {"inbound_connectors": locked().inbound_connectors[1:]},
        {"inbound_connectors": (locked(SenderIPAddresses=chosen.egress[1:]).inbound_connectors)},
        {"connection_filter": [{"Name": "Default", "IPAllowList": chosen.egress[1:]}]},
        {"content_filter": [{"Name": "Default", "MarkAsSpamSpfRecordHardFail": "On"}]},
        {"email_security": {ONE: locked().email_security[ONE]}},
    ]
    for field, bad in (
        ("transport", "elsewhere.mail.protection.outlook.com"),
        ("allowed_delivery_modes", ["API"]),
        ("readiness", {"status": "not_yet"}),
    ):
        domains = sections(chosen)["email_security"]
        domains[TWO][field] = bad
        harm.append({"email_security": domains})
    for resolver in (OLD[TWO], None):
        dns = sections(chosen, moved=True)["dns"]
        dns[TWO]["resolvers"][0].update(
            status="ok" if resolver else "timeout", records=records(resolver or [])
        )
        harm.append({"dns": dns})
    for changed in harm:
        evaluation = phases.evaluate("verify", World({**locked().sections, **changed}, chosen))
        assert evaluation.values["done"] is False, changed
        assert "dns" in changed or evaluation.results, "and it is said why"

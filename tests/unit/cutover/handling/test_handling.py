# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What message handling asks for, whose objects are ours, and the gates that keep malicious mail
held while hands change.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.handling import (
    differences,
    gates as handling_gates,
    handover as hands,
    notices,
    objects as handling,
    phase as handling_phase,
    release,
    rule_matches as rules_seen,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    Evaluation,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.deploy import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._facts.rule_parameters import (
    PARAMETERS,
)
from tests.unit.cutover.worlds import (
    NOW,
    OLD,
    ONE,
    TWO,
    ago,
    ahead,
    only,
    protected,
    stamped,
    view,
    wanted,
    world,
)

HELD = ["MALICIOUS", "SPAM", "SPOOF"]
JUNK, USER = "Email Security Deliver to Junk Email folder", "Email Security User Quarantine Message"


def holding(words: list[str], **fields: Any) -> dict[str, Any]:
    return {name: protected(name, drop_dispositions=words, **fields) for name in (ONE, TWO)}


def options_of(found: World) -> list[dict[str, Any]]:
    return handling.rule_options(found, handling.wanted_rules(found))


def test_a_world_in_place_asks_for_nothing() -> None:
    for case in (1, 2, 3, 4, 5):
        found = world(wanted(use_case=case))
        assert differences.differences(found) == [] and not any(handling_phase.todo(found).values())
        assert evaluate("message_handling", found).go


def test_ours_is_name_and_stamp_together() -> None:
    found = world()
    (rule,) = found.transport_rules
    assert handling.is_our_rule(rule) and handling.is_our_rule(
        {**rule, "Name": rule["Name"].upper()}
    )
    assert not handling.is_our_rule({**rule, "Name": "A copy"}) and not handling.is_our_rule(
        {**rule, "Comments": "[mailflow.area1: use case 1]"}
    )
    assert not handling.is_our_rule({**rule, "Comments": None})
    policy = {"Identity": "tenant\\Mine", "AdminDisplayName": handling.policy_stamp("mine")}
    assert handling.is_our_policy(policy) and not handling.is_our_policy(
        {**policy, "Identity": "tenant\\Other"}
    )


def test_what_differs_is_named_and_the_whole_use_case_is_asked_for() -> None:
    found = world()
    (rule,) = found.transport_rules
    cases: list[tuple[dict[str, Any], str]] = [
        ({"transport_rules": []}, "is missing"),
        ({"transport_rules": [{**rule, "State": "Disabled"}]}, "State"),
        ({"transport_rules": [{**rule, "Mode": "Audit"}]}, "Mode"),
        ({"transport_rules": [{**rule, "SenderIpRanges": ["192.0.2.1"]}]}, "SenderIpRanges"),
        ({"transport_rules": [{**rule, "HeaderContainsWords": ["BULK"]}]}, "HeaderContainsWords"),
        ({"quarantine_policies": []}, "is missing"),
    ]
    for changed, words in cases:
        answer = evaluate("verify", world(**changed))
        assert any(
            result.gate == "message_handling" and words in result.message
            for result in answer.results
        ), words
        assert answer.values["done"] is False and handling_phase.todo(world(**changed))["rules"]


def test_the_same_rule_in_another_spelling_is_the_same() -> None:
    (rule,) = world().transport_rules
    spelled = {
        **rule,
        "HeaderContainsMessageHeader": rule["HeaderContainsMessageHeader"].lower(),
        "HeaderContainsWords": ["bulk", "Suspicious"],
        "SenderIpRanges": [*reversed(rule["SenderIpRanges"])],
        "SetSCL": "5",
        "Quarantine": None,
        "PrependSubject": None,
    }
    assert differences.differences(world(transport_rules=[spelled])) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SentToMemberOf", ["finance@northwind.example"]),
        ("ExpiryDate", "2026-12-01T00:00:00Z"),
        ("ExceptIfSCLOver", 0),
        ("ExceptIfHasSenderOverride", True),
        ("StopRuleProcessing", True),
        ("RedirectMessageTo", ["ann@northwind.example"]),
    ],
)
def test_a_rule_with_more_than_its_two_conditions_is_another_rule(name: str, value: Any) -> None:
    (rule,) = world().transport_rules
    ours = world(transport_rules=[{**rule, name: value}])
    assert differences.differences(ours) == [("rule %s" % rule["Name"], "differs: %s" % name)]
    (options,) = handling_phase.todo(ours)["rules"]
    assert name in options["parameters"] and options["parameters"][name] is None, "cleared"
    by_hand = world(transport_rules=[{**rule, name: value, "Comments": "Ann's"}])
    assert (
        only(handling_gates.made_by_hand(by_hand)).status == "cannot"
        and name in differences.differences(by_hand)[0][1]
    )


def test_what_a_rule_has_without_being_told_is_no_difference() -> None:
    (rule,) = world().transport_rules
    blank: dict[str, Any] = {
        name: False if kind == "Boolean" else [] if kind.endswith("[]") else None
        for name, kind in PARAMETERS.items()
    }
    told = {
        "SenderAddressLocation": "Header",
        "RecipientAddressType": "Resolved",
        "RuleErrorAction": "Ignore",
        "RuleSubType": "None",
    }
    found = world(transport_rules=[{**blank, **told, **rule}])
    assert differences.differences(found) == []
    (options,) = options_of(found)
    assert set(options["parameters"]) == {"SetSCL", "PrependSubject"}


def test_another_use_case_takes_back_what_the_first_made() -> None:
    before = world(wanted(use_case=4))
    kept = {
        name: before.sections[name]
        for name in ("transport_rules", "quarantine_policies", "content_filter")
    }
    found = handling_phase.todo(world(wanted(use_case=5), **kept))
    assert found["obsolete_rules"] == [
        "Email Security User Quarantine Message",
        "Email Security User Quarantine Message Admin Release",
    ]
    assert sorted(found["obsolete_policies"]) == ["UserNotifyAdminRelease", "UserNotifyUserRelease"]
    assert found["filters"][0]["spam_quarantine_tag"] == "DefaultFullAccessPolicy"
    baseline = {"sections": {"content_filter": [{"Name": "Default", "SpamQuarantineTag": "Ann's"}]}}
    found = handling_phase.todo(world(wanted(use_case=5), baseline=baseline, **kept))
    assert found["filters"][0]["spam_quarantine_tag"] == "Ann's", "what it was before us"
    other = [
        *kept["content_filter"],
        {"Name": "Hers", "SpamQuarantineTag": "UserNotifyUserRelease"},
    ]
    found = handling_phase.todo(world(wanted(use_case=5), **{**kept, "content_filter": other}))
    assert found["obsolete_policies"] == ["UserNotifyAdminRelease"], "somebody uses the other"


@pytest.mark.parametrize("settle", [0, 60])
def test_area1_lets_go_only_when_the_rules_that_take_over_act(settle: int) -> None:
    """From use case 1 to 3, with mail on its way through Area 1."""
    chosen = wanted(use_case=3, settle_minutes=settle)
    first = world(wanted(use_case=1)).transport_rules
    moved = world(chosen, moved=True, transport_rules=first, email_security=holding(HELD))
    answer = evaluate("area1_domains", moved)
    assert {tuple(entry["drop_dispositions"]) for entry in answer.values["domains"]} == {
        tuple(HELD)
    }
    assert {result.gate for result in answer.results if not result.open} == {"handed_over"}

    ready = evaluate("area1_domains", world(chosen, moved=True, email_security=holding(HELD)))
    assert (
        ready.go
        and not any("drop_dispositions" in entry for entry in ready.values["domains"])
        and ready.values["drop_dispositions"] == []
    )

    fresh = [{**rule, "WhenChanged": ago(minutes=30)} for rule in world(chosen).transport_rules]
    waiting = evaluate(
        "area1_domains",
        world(chosen, moved=True, email_security=holding(HELD), transport_rules=fresh),
    )
    assert waiting.go is (settle == 0)
    if settle:
        assert {result.until for result in waiting.results if not result.open} == {
            ahead(minutes=30)
        }
    before = evaluate(
        "area1_domains", world(chosen, email_security=holding(HELD), transport_rules=[])
    )
    assert before.go, "no mail comes through Area 1 yet"


def test_rules_let_go_only_what_area1_holds() -> None:
    """From use case 3 back to 1."""
    rules = world(wanted(use_case=3)).transport_rules
    early = world(moved=True, transport_rules=rules, email_security=holding([]))
    assert {result.object for result in handling_gates.taken_over(early)} == {
        ONE,
        TWO,
    } and not evaluate("message_handling", early).go
    assert not any(evaluate("message_handling", early).values.values()), (
        "nothing to do while it waits"
    )
    ready = world(
        moved=True, transport_rules=rules, email_security=holding(HELD, modified_at=ago(hours=2))
    )
    assert handling_gates.taken_over(ready) == [] and evaluate("message_handling", ready).values[
        "obsolete_rules"
    ] == [USER]
    assert (
        handling_gates.taken_over(world(moved=True, transport_rules=[], email_security=holding([])))
        == []
    ), "nothing to let go of"
    assert handling_gates.taken_over(world(moved=True, email_security=holding([]))) == [], (
        "no rule changes"
    )
    more = world(
        wanted(egress_networks=["192.0.2.0/24"], acknowledge=["egress_networks"]),
        moved=True,
        email_security=holding([]),
    )
    assert handling_gates.taken_over(more) == [], "a rule changes, and lets go of nothing"


@pytest.mark.parametrize("date", ["modified_at", "last_modified"])
def test_what_area1_handed_on_before_it_held_is_still_under_way(date: str) -> None:
    rules = world(wanted(use_case=3)).transport_rules
    given: dict[str, Any] = {
        "moved": True,
        "transport_rules": rules,
        "email_security": holding(HELD, **{date: ago(minutes=20)}),
    }
    assert {result.until for result in handling_gates.taken_over(world(**given))} == {
        ahead(minutes=40)
    }
    assert handling_gates.taken_over(world(wanted(settle_minutes=20), **given)) == []
    assert handling_gates.taken_over(world(**{**given, "moved": False})) == [], (
        "no mail comes through Area 1 yet"
    )


def test_dispositions_without_a_date_count_from_the_first_look() -> None:
    rules = world(wanted(use_case=3)).transport_rules
    given: dict[str, Any] = {
        "moved": True,
        "transport_rules": rules,
        "email_security": holding(HELD),
    }
    found = handling_gates.taken_over(world(**given))
    assert {result.until for result in found} == {
        ahead(minutes=60)
    } and "area1_snapshot_dir" in found[0].hint
    line = timeline(evaluate("message_handling", world(**given)), hours=1)
    assert handling_gates.taken_over(world(**given, timeline=line)) == []
    again = evaluate("message_handling", world(**given, timeline=line))
    assert again.values["undated"] == [], "kept once"
    # They were let go of in between: that is another time.
    let_go = evaluate(
        "message_handling", world(**{**given, "email_security": holding([])}, timeline=line)
    )
    assert (
        handling_gates.taken_over(world(**given, timeline=[*line, *timeline(let_go, minutes=50)]))
        != []
    )


def timeline(answer: Evaluation, **span: float) -> list[dict[str, Any]]:
    """What the role keeps of it."""
    return [
        {
            "event": item["event"],
            "domain": item["name"],
            "subject": item["subject"],
            "at": ago(**span),
        }
        for item in answer.values["undated"]
    ]


def test_rules_without_a_date_do_not_act_before_somebody_has_seen_them_for_long_enough() -> None:
    chosen = wanted(use_case=3)
    rules = [
        {key: value for key, value in rule.items() if not key.startswith("When")}
        for rule in world(chosen).transport_rules
    ]
    given: dict[str, Any] = {
        "moved": True,
        "email_security": holding(HELD, modified_at=ago(days=1)),
        "transport_rules": rules,
    }
    first = evaluate("area1_domains", world(chosen, **given))
    assert {result.until for result in first.results if not result.open} == {ahead(minutes=60)}
    assert all("area1_snapshot_dir" in result.hint for result in first.results if not result.open)
    line = timeline(evaluate("message_handling", world(chosen, **given)), minutes=59)
    assert not evaluate("area1_domains", world(chosen, **given, timeline=line)).go
    line = timeline(evaluate("message_handling", world(chosen, **given)), minutes=60)
    assert evaluate("area1_domains", world(chosen, **given, timeline=line)).go
    # Edited since, or removed and made anew: its time begins again.
    edited = [*rules[:-1], {**rules[-1], "SetSCL": 8}]
    changed = timeline(
        evaluate(
            "message_handling", world(chosen, **{**given, "transport_rules": edited}, timeline=line)
        ),
        minutes=30,
    )
    removed = timeline(
        evaluate(
            "message_handling",
            world(chosen, **{**given, "transport_rules": rules[:-1]}, timeline=line),
        ),
        minutes=30,
    )
    for between in (changed, removed):
        assert [event["domain"] for event in between] == ["rule %s" % USER]
        assert not evaluate("area1_domains", world(chosen, **given, timeline=[*line, *between])).go


def test_mail_through_other_hosts_of_area1_is_mail_through_area1() -> None:
    """Deployed by hand with hosts of another location: domains hold everything, and no rule exists
    yet.
    """
    chosen = wanted(use_case=3)
    given: dict[str, Any] = {
        "email_security": holding(HELD),
        "transport_rules": [],
        "dns_provider": {},
    }
    us = view([(5, "mailstream-central.mxrecord.mx")])
    cached = view(OLD[ONE], resolver=[(5, "mailstream-east.mxrecord.io")])
    silent = view(OLD[ONE])
    silent["name_servers"][1].update(status="timeout", records=None)
    for found in (us, cached, silent, None):
        answer = evaluate(
            "area1_domains", world(chosen, **given, dns={ONE: found, TWO: view(OLD[TWO])})
        )
        assert [
            (entry["name"], entry.get("drop_dispositions")) for entry in answer.values["domains"]
        ] == [(ONE, HELD), (TWO, None)]
    provider = {ONE: {"records": [{"priority": 5, "host": "mailstream-central.mxrecord.mx"}]}}
    assert not evaluate("area1_domains", world(chosen, **{**given, "dns_provider": provider})).go, (
        "the name servers lag"
    )


def after(case: Any, then: Any, moved: bool = True, **fields: Any) -> World:
    """The rules of one use case, with another one wanted."""
    given: dict[str, Any] = {
        "transport_rules": world(wanted(use_case=case)).transport_rules,
        "email_security": holding([]),
    }
    return world(wanted(use_case=then), moved=moved, **{**given, **fields})


def rules_of(found: World) -> dict[str, tuple[list[str], Any, bool]]:
    """What the phase asks for: words, spam confidence level, hosted quarantine."""
    rules = evaluate("message_handling", found).values["rules"]
    return {
        rule["name"]: (
            rule["header_contains"]["words"],
            rule["parameters"]["SetSCL"],
            rule["quarantine"],
        )
        for rule in rules
    }


ADMIN = USER + " Admin Release"


def test_a_rule_keeps_a_word_until_the_rule_that_takes_it_over_acts() -> None:
    """From use case 3 to 4, where MALICIOUS leaves the rule whose mail users are to release by
    themselves.
    """
    first = after(3, 4)
    found = rules_of(first)
    assert sorted(found[USER][0]) == ["MALICIOUS", "SPOOF", "UCE"] and found[USER][1:] == (
        9,
        False,
    ), "as strict as it was"
    assert found[ADMIN] == (["MALICIOUS"], 9, False)
    waits = only(hands.passed_on(first))
    assert (
        waits.object == USER and "MALICIOUS until %s" % ADMIN in waits.message and not waits.until
    )
    target = world(wanted(use_case=4)).transport_rules
    (admin,) = [rule for rule in target if rule["Name"] == ADMIN]
    for wrong in (
        {"State": "Disabled"},
        {"Mode": "Audit"},
        {"SenderIpRanges": ["192.0.2.1"]},
        {"HeaderContainsWords": ["UCE"]},
        {"SetSCL": 1},
    ):
        here = [*first.transport_rules, {**admin, **wrong}]
        assert "MALICIOUS" in rules_of(after(3, 4, transport_rules=here))[USER][0], wrong
    fresh = after(
        3,
        4,
        transport_rules=[
            *first.transport_rules,
            {**admin, "WhenChanged": ago(minutes=30)},
        ],
    )
    assert "MALICIOUS" in rules_of(fresh)[USER][0] and only(hands.passed_on(fresh)).until == ahead(
        minutes=30
    )
    settled = after(3, 4, transport_rules=[*first.transport_rules, admin])
    assert (
        rules_of(settled)[USER] == (["UCE", "SPOOF"], 5, False) and hands.passed_on(settled) == []
    )
    assert rules_of(after(3, 4, moved=False))[USER] == (
        ["UCE", "SPOOF"],
        5,
        False,
    ), "no mail comes through Area 1 yet"


def test_a_rule_that_goes_stays_until_the_one_that_takes_over_acts() -> None:
    first = after(4, 3)
    assert evaluate("message_handling", first).values["obsolete_rules"] == [] and rules_of(first)[
        USER
    ] == (["MALICIOUS", "UCE", "SPOOF"], 9, False)
    assert only(hands.passed_on(first)).object == ADMIN
    left = [rule for rule in first.transport_rules if rule["Name"] == ADMIN]
    settled = after(4, 3, transport_rules=[*world(wanted(use_case=3)).transport_rules, *left])
    assert evaluate("message_handling", settled).values["obsolete_rules"] == [ADMIN]
    # What no rule takes over goes at once: BULK is delivered in use case 4.
    assert JUNK in evaluate("message_handling", after(3, 4)).values["obsolete_rules"]


def own(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"name": "own", "rules": [{"name": "A", **first}, {"name": "B", **second}]}


def test_two_rules_that_change_places_do_not_wait_for_each_other() -> None:
    before = own(
        {"dispositions": ["MALICIOUS"], "quarantine": True},
        {"dispositions": ["BULK"], "set_scl": 5},
    )
    then = own(
        {"dispositions": ["BULK"], "set_scl": 5},
        {"dispositions": ["MALICIOUS"], "quarantine": True},
    )
    first = after(before, then)
    assert {
        name: (sorted(words), hosted) for name, (words, _level, hosted) in rules_of(first).items()
    } == {
        "A": (["BULK", "MALICIOUS"], True),
        "B": (["BULK", "MALICIOUS"], True),
    }
    both = [
        {**rule, "HeaderContainsWords": ["BULK", "MALICIOUS"], "Quarantine": True, "SetSCL": None}
        for rule in first.transport_rules
    ]
    assert hands.passed_on(after(before, then, transport_rules=both)) == []
    assert rules_of(after(before, then, transport_rules=both)) == {
        "A": (["BULK"], 5, False),
        "B": (["MALICIOUS"], None, True),
    }


def test_headers_that_change_places_do_not_wait_for_each_other() -> None:
    old, new = "X-Area1Security-Disposition", "X-CFEmailSecurity-Disposition"
    rules = world(wanted(use_case=3, disposition_header=[old])).transport_rules
    joined = world(
        wanted(use_case=3, disposition_header=[new, old]), moved=True, transport_rules=rules
    )
    assert {item.rule for item in hands.kept(joined)} == {JUNK, USER}
    asked = {
        rule["name"]: rule["header_contains"]["header"]
        for rule in evaluate("message_handling", joined).values["rules"]
    }
    assert asked == {JUNK: old, JUNK + " (2)": old, USER: old, USER + " (2)": old}
    rules = world(wanted(use_case=3, disposition_header=[old, new])).transport_rules
    assert (
        hands.kept(
            world(
                wanted(use_case=3, disposition_header=[new, old]), moved=True, transport_rules=rules
            )
        )
        == []
    )


def test_the_rules_keep_asking_for_the_address_until_the_lock_down_is_proven() -> None:
    chosen = wanted(rule_match_sender_ip=False)
    found = world(chosen)
    assert handling.wanted_rules(found)[0].properties["SenderIpRanges"] == list(chosen.egress)
    assert only(handling_gates.sender_ip(found)).status == "not_yet"
    assert any(result.gate == "sender_ip" for result in evaluate("verify", found).results)


def test_a_choice_that_lets_users_release_malicious_mail_is_a_person_s() -> None:
    loose = {
        "name": "loose",
        "based_on": 3,
        "quarantine_policies": [{"name": "UserNotifyAdminRelease", "permissions": ["release"]}],
    }
    found = world(wanted(use_case=loose))
    assert (
        only(release.user_release(found)).status == "cannot" and not evaluate("preflight", found).go
    )
    assert evaluate("preflight", world(wanted(use_case=loose, acknowledge=["user_release"]))).go
    junk = {"name": "junk", "rules": [{"name": "r", "dispositions": ["MALICIOUS"], "set_scl": 5}]}
    assert "junk" in only(release.user_release(world(wanted(use_case=junk)))).message
    for case in (1, 2, 3, 4, 5):
        assert only(release.user_release(world(wanted(use_case=case)))).open


def stopped(found: World) -> dict[str, tuple[str, str]]:
    """What the gate held_back says before the switch."""
    results = evaluate("switch", found).results
    return {
        result.object: (result.message, result.until)
        for result in results
        if result.gate == "held_back" and not result.open
    }


def test_no_domain_moves_before_its_malicious_mail_is_held_somewhere() -> None:
    assert stopped(world()) == {} and len(evaluate("switch", world()).values["domains"]) == 2
    empty = world(
        email_security={
            ONE: protected(ONE, drop_dispositions=["SPOOF", "BULK"]),
            TWO: protected(TWO),
        }
    )
    assert (
        list(stopped(empty)) == [ONE]
        and "does not hold back MALICIOUS, SPAM" in stopped(empty)[ONE][0]
    )
    assert [item["name"] for item in evaluate("switch", empty).values["domains"]] == [TWO]
    untold = world(
        email_security={ONE: protected(ONE, drop_dispositions=None), TWO: protected(TWO)}
    )
    assert "the API does not tell" in stopped(untold)[ONE][0]

    chosen = wanted(use_case=3)
    rules = world(chosen).transport_rules
    assert stopped(world(chosen)) == {}
    none = world(chosen, transport_rules=[])
    assert set(stopped(none)) == {ONE, TWO} and all(
        "are not in place" in message for message, _until in stopped(none).values()
    )
    fresh = world(
        chosen, transport_rules=[{**rule, "WhenChangedUTC": ago(minutes=30)} for rule in rules]
    )
    assert {until for _message, until in stopped(fresh).values()} == {ahead(minutes=30)}
    assert stopped(world(chosen, transport_rules=[], email_security=holding(HELD))) == {}, (
        "Area 1 holds more than it has to"
    )
    both = evaluate(
        "switch", world(wanted(use_case=3, acknowledge=["held_back:%s" % ONE]), transport_rules=[])
    )
    assert [item["name"] for item in both.values["domains"]] == [ONE]


def test_a_run_that_waits_sees_its_own_rules_age() -> None:
    chosen = wanted(use_case=3)
    dated = [{**item, "WhenChangedUTC": ago(minutes=61)} for item in world(chosen).content_filter]
    assert stopped(world(chosen, content_filter=dated, changed_sections=["message_handling"])) == {}
    undated = world(chosen, changed_sections=["message_handling"])
    assert {until for _message, until in stopped(undated).values()} == {ahead(minutes=60)}
    later = [{**item, "WhenChangedUTC": ago(minutes=50)} for item in dated]
    assert {until for _message, until in stopped(world(chosen, content_filter=later)).values()} == {
        ahead(minutes=10)
    }, "its actions are part of it"


def test_nothing_is_done_while_a_moved_domain_s_malicious_mail_goes_through() -> None:
    open_door = wanted(lockdown=False)
    assert evaluate("verify", world(open_door, moved=True)).values["done"]
    found = evaluate("verify", world(open_door, moved=True, email_security=holding([])))
    assert not found.values["done"] and {
        result.object for result in found.results if result.gate == "held_back"
    } == {ONE, TWO}
    assert evaluate(
        "verify",
        world(
            wanted(lockdown=False, acknowledge=["held_back"]),
            moved=True,
            email_security=holding([]),
        ),
    ).values["done"]


OWN = [{"name": ONE, "drop_dispositions": []}, TWO]


def test_a_domain_s_own_dispositions_are_judged_like_the_use_case_s() -> None:
    loose = world(wanted(domains=OWN))
    (found,) = [result for result in evaluate("preflight", loose).results if not result.open]
    assert (found.gate, found.object, found.status) == (
        "user_release",
        ONE,
        "cannot",
    ) and "the inbox" in found.message
    assert "user_release:%s" % ONE in found.hint
    assert evaluate(
        "preflight", world(wanted(domains=OWN, acknowledge=["user_release:%s" % ONE]))
    ).go
    assert evaluate("preflight", world(wanted(domains=OWN, use_case=3))).go, "its rule handles it"
    assert evaluate(
        "preflight", world(wanted(domains=[{"name": ONE, "drop_dispositions": ["MALICIOUS"]}, TWO]))
    ).go
    junk = {"name": "junk", "rules": [{"name": "r", "dispositions": ["MALICIOUS"], "set_scl": 5}]}
    both = [{"name": name, "drop_dispositions": ["MALICIOUS"]} for name in (ONE, TWO)]
    assert all(
        result.open for result in release.user_release(world(wanted(use_case=junk, domains=both)))
    ), "no domain has the use case's"


def test_hands_change_by_a_domain_s_own_dispositions() -> None:
    few = [{"name": ONE, "drop_dispositions": ["MALICIOUS"]}, TWO]
    rules = world(wanted(use_case=3)).transport_rules
    held = {ONE: ["MALICIOUS"], TWO: HELD}
    email = {
        name: protected(name, drop_dispositions=words, modified_at=ago(days=1))
        for name, words in held.items()
    }
    back = world(wanted(domains=few), moved=True, transport_rules=rules, email_security=email)
    assert [result for result in handling_gates.taken_over(back) if not result.open] == [], (
        "it holds all that it is to hold"
    )

    chosen = wanted(use_case=3, domains=OWN)
    moved = world(
        chosen,
        moved=True,
        transport_rules=world().transport_rules,
        email_security=holding(HELD),
    )
    answer = evaluate("area1_domains", moved)
    assert {entry["name"]: entry["drop_dispositions"] for entry in answer.values["domains"]} == {
        ONE: HELD,
        TWO: HELD,
    }
    ready = evaluate("area1_domains", world(chosen, moved=True, email_security=holding(HELD)))
    assert [entry.get("drop_dispositions") for entry in ready.values["domains"]] == [[], None]


def test_a_quarantine_policy_that_nobody_knows_is_taken_for_one_that_users_release_from() -> None:
    found = world(wanted(use_case=3))
    assert [release.release_of(found, name) for name in ("", "Gone", "AdminOnlyAccessPolicy")] == [
        "user",
        "user",
        "admin",
    ]
    unread = world(wanted(use_case=5), quarantine_policies=[])
    assert release.release_of(unread, "AdminOnlyAccessPolicy") == "admin", (
        "built in, and never changed"
    )


def test_rules_of_others_that_matter_are_named_and_no_more() -> None:
    ours = world().transport_rules
    stop = {
        "Name": "Stop",
        "Priority": -1,
        "State": "Enabled",
        "Mode": "Enforce",
        "StopRuleProcessing": True,
    }
    bypass = {
        "Name": "Bypass",
        "Priority": 7,
        "State": "Enabled",
        "Mode": "Enforce",
        "SetSCL": "-1",
    }
    others = [
        stop,
        bypass,
        {**stop, "Name": "Off", "State": "Disabled"},
        {**stop, "Name": "Inside", "FromScope": "InOrganization"},
        {**stop, "Name": "Scanner", "SenderIpRanges": ["192.0.2.77"]},
        {**bypass, "Name": "Audit", "Mode": "Audit"},
    ]
    found = notices.other_rules(world(transport_rules=[*ours, *others]))
    assert {result.object for result in found} == {"Stop", "Bypass"} and all(
        result.open for result in found
    )


def by_hand(rule: dict[str, Any], priority: int) -> dict[str, Any]:
    return {**rule, "Priority": priority, "Comments": "Ann's"}


def test_a_rule_made_by_hand_is_never_moved() -> None:
    chosen = wanted(use_case=5)
    junk, host = world(chosen).transport_rules
    both = world(chosen, transport_rules=[by_hand(host, 0), by_hand(junk, 1)])
    assert differences.differences(both) == [] and not any(handling_phase.todo(both).values())
    found = [result for result in handling_phase.notices(both) if result.gate == "other_rule"]
    assert {result.object for result in found} == {junk["Name"], host["Name"]}
    assert all(
        "%s, then %s" % (junk["Name"], host["Name"]) in result.message
        and "by hand" in result.message
        for result in found
    )
    for rules in (
        [by_hand(host, 0), {**junk, "Priority": 1}],
        [by_hand(junk, 1), {**host, "Priority": 0}],
    ):
        mixed = world(chosen, transport_rules=rules)
        assert differences.differences(mixed) == [] and len(notices.other_rules(mixed)) == 1
        assert not any("position" in entry for entry in options_of(mixed)), (
            "neither theirs nor past theirs"
        )
    ordered = world(chosen, transport_rules=[by_hand(junk, 0), by_hand(host, 1)])
    assert notices.other_rules(ordered) == []
    ours = world(chosen, transport_rules=[{**host, "Priority": 0}, {**junk, "Priority": 1}])
    assert differences.differences(ours) == [("transport rules", "stand in another order")]
    assert [entry.get("relative_to") for entry in options_of(ours)] == [None, junk["Name"]]


def test_a_new_rule_goes_behind_what_others_made_since() -> None:
    (junk,) = world(wanted(use_case=2)).transport_rules[:1]
    disclaimer = {"Name": "Customer disclaimer", "Priority": 1, "State": "Enabled"}
    first, second = options_of(world(wanted(use_case=2), transport_rules=[junk, disclaimer]))
    assert "position" not in first and second["position"] == "last" and "relative_to" not in second
    there = options_of(world(wanted(use_case=2)))
    assert (there[1]["position"], there[1]["relative_to"]) == (
        "after",
        junk["Name"],
    ), "and stays where it is after that"


def seen(
    *dispositions: str,
    case: int = 3,
    status: str = "Delivered",
    rules: tuple[str, ...] = (),
    **fields: Any,
) -> World:
    """What Area 1 handed on, and what the message trace tells of it."""
    messages = [
        {
            "message_id": "<%d@x>" % number,
            "scanned_at": ago(hours=1),
            "final_disposition": word,
            "delivery_status": ["delivered"],
            "outbound": [],
        }
        for number, word in enumerate(dispositions)
    ]
    events = [
        {"message_id": "%d@x" % number, "recipient": "a@b", "status": status, "rules": list(rules)}
        for number in range(len(messages))
    ]
    return world(
        wanted(use_case=case),
        moved=True,
        **{"area1_trace": {"messages": messages}, "message_events": events, **fields},
    )


def test_rules_that_match_nothing_are_found() -> None:
    found = only(rules_seen.rules_match(seen("BULK", "SPOOF")))
    assert (
        found.status == "not_yet"
        and "on 2 of 2 messages that Area 1 found BULK, SPOOF" in found.message
        and "<0@x>" in found.hint
    )
    assert any(
        result.gate == "rules_match"
        for result in evaluate("verify", seen("BULK", rules=("Disclaimer",))).results
    ), "another's rule"
    assert only(rules_seen.rules_match(seen("BULK", rules=("Disclaimer", JUNK.upper())))).open, (
        "junk mail has the status of any other"
    )
    assert only(rules_seen.rules_match(seen("SPOOF", status="Quarantined"))).open
    assert only(rules_seen.rules_match(seen("NONE", "SUSPICIOUS"))).open, (
        "nothing that a rule acts on was delivered"
    )
    assert only(rules_seen.rules_match(seen("BULK", message_events=[]))).open, (
        "the message trace tells nothing of it"
    )
    fresh = [{**rule, "WhenChanged": ago(minutes=30)} for rule in seen().transport_rules]
    assert only(rules_seen.rules_match(seen("BULK", transport_rules=fresh))).open, (
        "the rules did not act yet"
    )
    assert only(rules_seen.rules_match(world())).open, "nothing was read"


def test_some_of_the_mail_that_no_rule_acts_on_is_enough_to_say_so() -> None:
    events = [
        {"message_id": "<0@x>", "status": "Delivered", "rules": [USER]},
        {"message_id": "<1@x>", "status": "Delivered", "rules": []},
    ]
    found = only(rules_seen.rules_match(seen("SPOOF", "BULK", message_events=events)))
    assert (
        found.status == "not_yet"
        and "on 1 of 2 messages that Area 1 found BULK" in found.message
        and "<1@x>" in found.hint
    )


def test_which_mail_is_looked_at_and_from_when_on() -> None:
    """With a lock-down and without one; not while no domain has moved, and not before the rules
    act.
    """
    values = evaluate("proof", seen("NONE", "BULK", "SUSPICIOUS")).values
    assert (
        values["message_ids"] == ["<1@x>"]
        and ago(days=3) <= values["outbound_since"] < ago(hours=1)
        and not values["look"]
    )
    old = [{**rule, "WhenChanged": ago(days=40)} for rule in seen().transport_rules]
    assert evaluate("proof", seen("BULK", transport_rules=old)).values["outbound_since"] == ago(
        days=3
    )
    fresh = [{**rule, "WhenChanged": ago(minutes=30)} for rule in old]
    for none in (
        seen("BULK", transport_rules=fresh),
        seen("BULK", transport_rules=[]),
        world(area1_trace=seen("BULK").area1_trace),
    ):
        values = evaluate("proof", none).values
        assert values["outbound_since"] == "" and values["message_ids"] == []


def test_a_proven_lock_down_lets_the_rules_do_without_the_address() -> None:
    chosen = wanted(rule_match_sender_ip=False)
    lockdown = stamped(
        chosen,
        NOW,
        NOW,
        Enabled=True,
        Comment="Only accept inbound email from Area 1",
        WhenChangedUTC=ago(days=2),
    )
    on = [*world().inbound_connectors, lockdown]
    event = {"event": "proven", "subject": ago(days=2), "at": ago(days=1)}
    proven = world(chosen, moved=True, inbound_connectors=on, timeline=[event])
    assert (
        handling.lockdown_proven(proven)
        and handling.wanted_rules(proven)[0].properties["SenderIpRanges"] == []
    )
    assert only(handling_gates.sender_ip(proven)).open
    assert not handling.lockdown_proven(
        world(chosen, moved=True, inbound_connectors=on, timeline=[])
    )


def test_presets_whose_rules_may_not_be_read_are_named_all_the_same() -> None:
    preset = {
        "Name": "Strict one",
        "RecommendedPolicyType": "Strict",
        "SpamAction": "Quarantine",
        "SpamQuarantineTag": "DefaultFullAccessPolicy",
    }
    policies = [*world().content_filter, preset]
    assert notices.shadows(world(content_filter=policies)) == [], "no rule makes it apply"
    (found,) = notices.shadows(world(content_filter=policies, preset_rules=None))
    assert found.object == "Strict one" and "BULK" in found.message

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MTA-STS: what a record and a policy mean, and when the switch may pass them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.evidence import (
    mta_sts_history as sts_past,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import (
    mta_sts as sts_gate,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._facts.mta_sts import (
    matches,
    next_id,
    parse_policy,
    record_id,
    record_text,
)
from tests.unit.cutover.worlds import NEW, NOW, OLD, ONE, TWO, ago, ahead, only, sts, wanted, world

OLD_HOST = OLD[ONE][0][1]
NEW_HOSTS = [host for _priority, host in NEW]


def policy(*hosts: str, mode: str = "enforce", max_age: str = "604800") -> str:
    return "".join(
        "%s\r\n" % line
        for line in [
            "version: STSv1",
            "mode: %s" % mode,
            *("mx: %s" % host for host in hosts),
            "max_age: %s" % max_age,
        ]
    )


def record(identifier: str = "20260101") -> list[str]:
    return [record_text(identifier)]


@pytest.mark.parametrize(
    ("texts", "identifier", "has_problem"),
    [
        ([], "", False),
        (["v=spf1 -all"], "", False),
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z", False),
        (["v=STSv1;id=1"], "1", False),
        (["v=STSv1; x=y; id=abc; other=1"], "abc", False),
        (["something", "v=STSv1; id=1;"], "1", False),
        (["v=STSv1; id=1;", "v=STSv1; id=2;"], "", True),
        (["v=STSv1"], "", True),
        (["v=STSv1;"], "", True),
        (["v=STSv1; id=a-b;"], "", True),
        (["v=STSv1; id=%s;" % ("9" * 33)], "", True),
        (["v=STSv10; id=1"], "", False),
    ],
)
def test_the_record(texts: list[str], identifier: str, has_problem: bool) -> None:
    found, problem = record_id(texts)
    assert found == identifier and bool(problem) is has_problem


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("mx.example.com", "MX.example.com.", True),
        ("*.example.com", "mx.example.com", True),
        ("*.example.com", "a.mx.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.mail.protection.outlook.com", "mailstream-eu1.mxrecord.io", False),
        ("mxrecord.io", "mailstream-eu1.mxrecord.io", False),
    ],
)
def test_a_wildcard_is_one_label(pattern: str, host: str, fits: bool) -> None:
    assert matches(pattern, host) is fits


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (policy(OLD_HOST), ""),
        (policy(OLD_HOST).replace("\r\n", "\n"), ""),
        (policy(mode="none"), ""),
        (policy(OLD_HOST) + "future: thing\r\n", ""),
        (policy(OLD_HOST).replace("STSv1", "STSv2"), "version"),
        (policy(OLD_HOST, mode="on"), "mode"),
        (policy(OLD_HOST, max_age="1w"), "max_age"),
        (policy(OLD_HOST, max_age="31557601"), "max_age"),
        (policy(OLD_HOST, max_age="\u0663"), "max_age"),
        (policy(), "no mx"),
        (policy("mx.*.example"), "pattern"),
        (policy("10 mx.example.com"), "pattern"),
        ("<html><body>Not here</body></html>", "no field"),
        ("", "version"),
    ],
)
def test_a_policy(text: str, problem: str) -> None:
    found, why = parse_policy(text)
    assert (found is None) is bool(problem) and problem in why


def test_the_first_of_a_field_counts_and_hosts_add_up() -> None:
    found, _why = parse_policy(policy("a.example", "b.example") + "mode: none\r\nmx: A.example\r\n")
    assert found is not None and found.mode == "enforce" and found.mx == ("a.example", "b.example")
    more = found.with_hosts(["b.example", "C.example."])
    assert more.mx == ("a.example", "b.example", "c.example") and parse_policy(more.text()) == (
        more,
        "",
    )


def test_the_next_id_is_another_one_and_valid() -> None:
    first = next_id(NOW, "")
    assert record_id([record_text(first)]) == (first, "") and next_id(NOW, first) not in ("", first)


def gated(found: dict[str, Any], before: dict[str, Any] | None = None, **changed: Any) -> Any:
    sections: dict[str, Any] = {"mta_sts": {ONE: found}, **changed}
    if before is not None:
        sections["baseline"] = {"sections": {"mta_sts": {ONE: before}}, "taken": ago(days=9)}
    return only([sts_gate.mta_sts(world(**sections), ONE)])


def published(
    *hosts: str, identifier: str = "2", mode: str = "enforce", **fields: Any
) -> dict[str, Any]:
    return sts(records=record(identifier), ttl=3600, policy=policy(*hosts, mode=mode), **fields)


def seen(found: dict[str, Any], at: str) -> dict[str, Any]:
    """What the time line keeps of a look."""
    return {"domain": ONE, "event": "mta_sts_seen", "at": at, **sts_past.kept(found)}


def test_without_mta_sts_it_holds() -> None:
    assert gated(sts()).status == HOLDS
    assert gated(sts(records=["v=STSv1"])).notice, "a record without effect is worth a line"
    assert gated(published(mode="none", modified_on=ago(days=1))).status == HOLDS


def test_what_could_not_be_read_is_not_good_and_a_person_may_decide() -> None:
    for found in (
        sts(records=None, error="timeout"),
        sts(records=record(), policy_error="answered 301"),
        sts(records=record(), policy="<html>"),
    ):
        assert gated(found).status == NOT_YET
    assert gated({}, mta_sts={}).status == NOT_YET
    broken = {ONE: sts(records=record(), policy_error="answered 503"), TWO: sts()}
    decided = world(wanted(acknowledge=["mta_sts:%s" % ONE]), mta_sts=broken)
    assert [item["name"] for item in phases.evaluate("switch", decided).values["domains"]] == [
        ONE,
        TWO,
    ]


def test_enforce_without_the_new_hosts_holds_the_switch_and_says_what_to_publish() -> None:
    result = gated(published(OLD_HOST, "*.mail.protection.outlook.com"))
    assert result.status == NOT_YET and NEW_HOSTS[0] in result.message and result.status != CANNOT
    text = "\n".join(line.strip() for line in result.lines[1:-1]) + "\n"
    wished, why = parse_policy(text)
    assert wished is not None, why
    assert (
        wished.mx == (OLD_HOST, "*.mail.protection.outlook.com", *NEW_HOSTS)
        and wished.mode == "enforce"
        and wished.max_age == 604800
    )
    assert result.lines[0] == "https://mta-sts.%s/.well-known/mta-sts.txt" % ONE
    assert (
        result.lines[-1].startswith('_mta-sts.%s. IN TXT "v=STSv1; id=' % ONE)
        and '"v=STSv1; id=2;"' not in result.lines[-1]
    )


def test_testing_is_only_reported() -> None:
    result = gated(published(OLD_HOST, mode="testing", modified_on=ago(days=1)))
    assert result.status == HOLDS and result.notice and result.lines


def test_a_policy_that_always_named_the_new_hosts_needs_no_wait() -> None:
    now = published(*NEW_HOSTS, identifier="1")
    assert gated(now, before=now).status == HOLDS


def test_a_new_id_has_to_age_past_its_ttl() -> None:
    before = published(OLD_HOST, identifier="1")
    fresh = gated(published(OLD_HOST, *NEW_HOSTS, modified_on=ago(minutes=10)), before)
    assert fresh.status == NOT_YET and fresh.until == ahead(minutes=50)
    assert (
        gated(published(OLD_HOST, *NEW_HOSTS, modified_on=ago(minutes=61)), before).status == HOLDS
    )
    unknown = gated(published(OLD_HOST, *NEW_HOSTS), before)
    assert unknown.status == NOT_YET and unknown.until == ahead(hours=1), (
        "first seen now: its TTL counts from now"
    )
    assert (
        gated(
            published(OLD_HOST, *NEW_HOSTS),
            before,
            timeline=[seen(published(OLD_HOST, *NEW_HOSTS), ago(hours=2))],
        ).status
        == HOLDS
    )
    assert (
        gated(published(OLD_HOST, *NEW_HOSTS), before, timeline=[seen(before, ago(hours=2))]).status
        == NOT_YET
    )
    there = published(OLD_HOST, *NEW_HOSTS)
    back = [seen(there, ago(hours=5)), seen(before, ago(hours=2)), seen(there, ago(minutes=10))]
    assert gated(there, timeline=back).until == ahead(minutes=50), "an id that went and returned"


def test_the_id_of_the_baseline_has_to_age_too() -> None:
    """Somebody published it just before the first run: senders may hold the record before it, and
    the policy with that.
    """
    now = published(*NEW_HOSTS)
    taken = {"sections": {"mta_sts": {ONE: now}}, "taken": ago(minutes=40)}
    assert gated(now, baseline=taken).until == ahead(minutes=20)
    assert gated({**now, "modified_on": ago(minutes=50)}, baseline=taken).until == ahead(
        minutes=10
    ), "the provider's date is no guess"
    assert gated({**now, "modified_on": ago(hours=2)}, baseline=taken).status == HOLDS
    assert gated(published(mode="none", identifier="3"), baseline=taken).until == ahead(hours=1)


@pytest.mark.parametrize("now", [sts(), sts(records=["v=STSv1"])], ids=["gone", "no effect"])
def test_a_record_that_is_gone_leaves_the_policy_with_senders_for_its_max_age(
    now: dict[str, Any],
) -> None:
    before = published(OLD_HOST)
    result = gated(now, before)
    assert (
        result.until == ahead(days=7, hours=1)
        and NEW_HOSTS[0] in result.message
        and "area1_acknowledge" in result.hint
    )
    assert "  mx: %s" % NEW_HOSTS[0] in result.lines and result.lines[-1].startswith("_mta-sts.")
    assert gated(now, before, timeline=[seen(now, ago(days=2))]).until == ahead(days=5, hours=1), (
        "as long as it is known to be gone"
    )
    assert gated(now, before, timeline=[seen(now, ago(days=7, hours=1))]).status == HOLDS
    assert (
        gated(now, published(OLD_HOST, mode="testing")).status == HOLDS
        and gated(now, published(*NEW_HOSTS)).status == HOLDS
    )
    later = [seen(published(*NEW_HOSTS, identifier="3"), ago(days=1)), seen(now, ago(hours=1))]
    assert gated(now, before, timeline=later).until == ahead(days=6, hours=1), (
        "who sent nothing meanwhile never looked for the new one"
    )
    unread = gated(now, sts(records=record(), policy_error="answered 503"))
    assert unread.status == NOT_YET and unread.lines == (), "it may have been any"


@pytest.mark.parametrize("mode", ["none", "testing"])
def test_a_mode_reaches_senders_by_a_new_id_only(mode: str) -> None:
    before = published(OLD_HOST)
    same = gated(published(OLD_HOST, mode=mode), before)
    assert same.status == NOT_YET and mode in same.message and len(same.lines) == 1
    assert (
        gated(
            published(OLD_HOST, mode=mode),
            before,
            timeline=[seen(published(OLD_HOST, mode=mode), ago(days=7, hours=1))],
        ).status
        == HOLDS
    )
    fresh = gated(
        published(OLD_HOST, mode=mode, identifier="3", modified_on=ago(minutes=10)), before
    )
    assert fresh.until == ahead(minutes=50)
    assert (
        gated(
            published(OLD_HOST, mode=mode, identifier="3", modified_on=ago(minutes=61)), before
        ).status
        == HOLDS
    )


def test_a_domain_that_joined_later_has_a_policy_before_too() -> None:
    """The baseline does not know it; the first run that did kept what it saw."""
    lacking, now = published(OLD_HOST), published(OLD_HOST, *NEW_HOSTS, modified_on=ago(days=9))
    result = gated(now, timeline=[seen(lacking, ago(days=1))])
    assert result.status == NOT_YET and "is that of the policy before" in result.message
    assert gated(now, timeline=[seen(now, ago(days=1))]).status == HOLDS


def test_a_policy_that_nobody_could_read_is_none_that_named_the_hosts() -> None:
    unread, now = (
        published(OLD_HOST) | {"policy": None, "policy_error": "answered 503"},
        published(OLD_HOST, *NEW_HOSTS, modified_on=ago(days=9)),
    )
    assert "could not be read" in gated(now, unread).message and gated(now, unread).lines
    assert gated({**now, "records": record("3")}, unread).status == HOLDS
    assert gated(now, now, timeline=[seen(unread, ago(days=1))]).status == NOT_YET, (
        "kept by hand: no run keeps it"
    )


def test_silence_under_a_known_id_is_no_news() -> None:
    now = published(*NEW_HOSTS)
    silent = {**now, "policy": None, "policy_error": "timeout"}
    known = [seen(now, ago(days=1))]
    assert sts_gate.first_seen(world(mta_sts={ONE: silent, TWO: sts()}, timeline=known)) == []
    assert sts_gate.first_seen(world(mta_sts={ONE: silent, TWO: sts()}, timeline=[])) == [ONE]
    assert sts_gate.first_seen(world(mta_sts={ONE: sts(), TWO: sts()}, timeline=known)) == [ONE], (
        "that it is gone"
    )
    assert (
        sts_gate.first_seen(world(mta_sts={ONE: sts(records=None), TWO: sts()}, timeline=known))
        == []
    ), "not asked is not gone"


def test_the_longer_of_both_ttls_counts() -> None:
    before = {**published(OLD_HOST, identifier="1"), "ttl": 86400}
    assert gated(published(*NEW_HOSTS, modified_on=ago(hours=2)), before).until == ahead(hours=22)


def test_a_policy_that_changed_without_its_id_is_not_announced() -> None:
    before = published(OLD_HOST)
    result = gated(published(OLD_HOST, *NEW_HOSTS), before)
    assert (
        result.status == NOT_YET
        and "id" in result.message
        and len(result.lines) == 1
        and "mta_sts_id" in result.hint
    )
    aged = [seen(published(OLD_HOST, *NEW_HOSTS), ago(days=7, hours=1))]
    assert gated(published(OLD_HOST, *NEW_HOSTS), before, timeline=aged).status == HOLDS, (
        "no sender keeps it beyond its max_age"
    )


def test_the_id_is_published_on_request_once() -> None:
    before, now = published(OLD_HOST), published(OLD_HOST, *NEW_HOSTS)

    def asked(found: dict[str, Any], flag: Any) -> list[dict[str, str]]:
        chosen = wanted(domains=[{"name": ONE, "mta_sts_id": flag, "dns_provider": "rfc2136"}, TWO])
        baseline = {"sections": {"mta_sts": {ONE: before}}, "taken": ago(days=3)}
        return sts_gate.to_publish(
            world(chosen, mta_sts={ONE: found, TWO: sts()}, baseline=baseline)
        )

    (order,) = asked(now, "yes")
    assert (
        order["expect"] == "2"
        and order["id"] == next_id(NOW, "2")
        and order["dns_provider"] == "rfc2136"
    )
    assert asked(now, False) == [] and asked(before, True) == [], (
        "not asked for; the policy is not right yet"
    )
    assert asked(published(OLD_HOST, *NEW_HOSTS, identifier="3"), True) == [], (
        "it is announced already"
    )
    assert len(asked(published(mode="none"), True)) == 1, (
        "a mode that lets mail go is announced alike"
    )


def test_an_id_is_seen_for_the_first_time_once() -> None:
    found: World = world(mta_sts={ONE: published(OLD_HOST), TWO: sts()}, timeline=[])
    assert sts_gate.first_seen(found) == [ONE]
    assert (
        sts_gate.first_seen(
            world(mta_sts=found.sections["mta_sts"], timeline=[seen(published(OLD_HOST), ago())])
        )
        == []
    )

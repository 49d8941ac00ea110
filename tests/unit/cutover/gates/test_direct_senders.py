# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who still sends past Area 1: found, named, and never overlooked because something could not be
read.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import direct_senders
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
    Evaluation,
    GateResult,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.lockdown.test_lockdown import HOUR, staged_world
from tests.unit.cutover.worlds import (
    CONNECTOR,
    INITIAL,
    LOCKDOWN,
    NOW,
    ONE,
    TWO,
    ago,
    connector,
    only,
    sent,
    traced,
    wanted,
)

SINCE = {ONE: ago(hours=72), TWO: ago(hours=72)}
SCANNER = "198.51.100.7"


def asked(*groups: dict[str, Any], chosen: Any = None, **fields: Any) -> list[GateResult]:
    found = staged_world(chosen)
    return direct_senders.gate(
        World({**found.sections, "message_trace": traced(*groups, **fields)}, found.settings), SINCE
    )


def inside(found: World) -> str:
    """An address of Area 1."""
    return str(found.settings.egress[0]).split("/", maxsplit=1)[0]


def test_nobody_sends_past_area1() -> None:
    result = only(asked(sent(inside(staged_world())), sent(""), sent("10.1.2.3"), sent("not told")))
    assert (result.gate, result.status) == ("direct_senders", HOLDS)


def test_a_direct_sender_is_named_with_what_to_do() -> None:
    result = only(asked(sent(SCANNER, last=ago(hours=2)), sent(inside(staged_world()))))
    assert (result.gate, result.status, result.object) == ("direct_senders", CANNOT, SCANNER)
    assert (
        "3 messages" in result.message
        and "scan@%s" % ONE in result.message
        and ago(hours=2) in result.message
    )
    assert (
        "direct_senders:%s" % SCANNER in result.hint
        and LOCKDOWN in result.hint
        and "by way of Area 1" in result.hint
    )
    assert "if it sends with TLS" in result.hint, "the lock-down connector demands it"


@pytest.mark.parametrize(
    ("group", "counts"),
    [
        (sent(SCANNER, last=ago(hours=73)), False),  # before the caches ran out
        (sent(SCANNER, last=ago(hours=71)), True),
        (sent(SCANNER, domain="elsewhere.example"), False),  # not in the scope of the lock-down
        (sent(SCANNER, domain="Northwind.Example"), True),
        (sent(SCANNER, statuses={"Failed": 3}), False),  # nobody got it anyway
        (sent(SCANNER, statuses={"Failed": 2, "Delivered": 1}), True),
        (sent(SCANNER, statuses={"FilteredAsSpam": 3}), True),
        (sent("2001:db8::25"), True),
        (sent("::ffff:198.51.100.7"), True),
        (sent("::1"), False),
    ],
)
def test_what_counts(group: dict[str, Any], counts: bool) -> None:
    assert (asked(group)[0].status == CANNOT) is counts


def test_filtered_mail_is_said_to_be_so() -> None:
    assert (
        "all of it was filtered (FilteredAsSpam, Quarantined)"
        in only(asked(sent(SCANNER, statuses={"FilteredAsSpam": 1, "Quarantined": 1}))).message
    )
    assert (
        "filtered"
        not in only(asked(sent(SCANNER, statuses={"FilteredAsSpam": 1, "Delivered": 1}))).message
    )


def test_one_address_for_several_domains_is_one_answer() -> None:
    result = only(
        asked(sent(SCANNER), sent(SCANNER, domain=TWO, count=4, senders=["crm@saas.example"]))
    )
    assert (
        "7 messages" in result.message
        and "%s, %s" % (ONE, TWO) in result.message
        and "crm@saas.example" in result.message
    )


def test_an_address_in_the_lock_down_connector_is_let_in() -> None:
    found = staged_world()
    item = found.connector(LOCKDOWN)
    assert item is not None
    item["SenderIPAddresses"] = [*item["SenderIPAddresses"], "198.51.100.0/28"]
    found.sections["message_trace"] = traced(sent(SCANNER))  # type: ignore[index]
    assert only(direct_senders.gate(found, SINCE)).status == HOLDS


def test_another_connector_that_names_it_is_mentioned_but_trusts_nothing() -> None:
    found = staged_world()
    found.inbound_connectors.append(connector([SCANNER], Name="Scanner"))
    found.sections["message_trace"] = traced(sent(SCANNER))  # type: ignore[index]
    result = only(direct_senders.gate(found, SINCE))
    assert (
        result.status == CANNOT
        and "the connector Scanner names it" in result.message
        and CONNECTOR not in result.message
    )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"error": "403: the role lacks it"}, "could not be read: 403"),
        (
            {"truncated": "only the mail since yesterday was read"},
            "not complete: only the mail since yesterday",
        ),
        ({"end": ago(hours=2)}, "too old"),
        ({"since": ago(hours=71)}, "was not read for %s since" % ONE),
        ({"since": {ONE: ago(hours=72)}}, "was not read for %s since" % TWO),
    ],
)
def test_a_trace_that_does_not_tell_is_not_none(fields: dict[str, Any], problem: str) -> None:
    result = only(asked(**fields))
    assert (result.gate, result.status) == ("message_trace", NOT_YET) and problem in result.message
    assert "message_trace into area1_acknowledge" in result.hint


def test_what_a_short_trace_shows_is_named_too() -> None:
    unread, found = asked(sent(SCANNER), truncated="cut")
    assert (unread.gate, found.gate, found.object) == ("message_trace", "direct_senders", SCANNER)


def test_a_trace_that_was_not_read_is_not_none() -> None:
    found = staged_world()
    del found.sections["message_trace"]  # type: ignore[attr-defined]
    assert "it was not read" in only(direct_senders.gate(found, SINCE)).message


def test_many_addresses_are_bounded_and_none_is_forgotten() -> None:
    many = [sent("203.0.113.%d" % number, count=number) for number in range(1, 70)]
    results = asked(*many, chosen=wanted(acknowledge=["direct_senders:203.0.113.69"]))
    assert len(results) == 51
    assert results[0].object == "203.0.113.68", "the busiest that nobody decided about"
    assert results[-1].object == "further addresses" and "19 more addresses" in results[-1].message


def test_since_is_when_the_caches_ran_out() -> None:
    found = staged_world()
    event = {"domain": ONE, "event": "switched", "at": ago(hours=80), "ttl": 3600}
    found.sections["timeline"] = [event]  # type: ignore[index]
    since = direct_senders.since(found, NOW - 72 * HOUR)
    assert since[ONE] == ago(hours=79) and since[TWO] == ago(hours=72)
    assert since[INITIAL] == ago(hours=72), "direct mail to it is refused too"
    narrow = staged_world(wanted(lockdown_scope="covered"))
    assert sorted(direct_senders.since(narrow, NOW)) == sorted([ONE, TWO])


def test_mail_for_a_sub_domain_counts_where_the_domain_takes_it() -> None:
    """MatchSubDomains: the lock-down refuses mail for alerts@ops.northwind.example like that for
    the domain itself.
    """
    found = staged_world()
    found.sections["message_trace"] = traced(sent(SCANNER, domain="ops." + ONE))  # type: ignore[index]
    assert only(direct_senders.gate(found, direct_senders.since(found, NOW))).status == HOLDS, (
        "nobody's domain"
    )
    found.accepted()[ONE]["MatchSubDomains"] = True
    since = direct_senders.since(found, NOW - 72 * HOUR)
    assert since["*." + ONE] == since[ONE] and "*." + TWO not in since
    result = only(direct_senders.gate(found, since))
    assert (result.gate, result.object) == (
        "direct_senders",
        SCANNER,
    ) and "ops." + ONE in result.message


# --- where the trace shows the original sender instead of the connection (not documented) ---


def test_mail_of_area1_under_its_original_sender_is_not_direct() -> None:
    area1 = inside(staged_world())
    closer = [sent("203.0.113.%d" % number, via=area1) for number in range(1, 4)]
    assert only(asked(*closer)).status == HOLDS
    scanner = asked(*closer, sent(SCANNER, via=SCANNER))
    assert [result.object for result in scanner] == [SCANNER]
    unread, named = asked(*closer, sent(SCANNER, via=SCANNER), sent("203.0.113.99"))
    assert (unread.gate, unread.status, named.object) == ("message_trace", NOT_YET, SCANNER)
    assert "203.0.113.99" in unread.message and "original senders" in unread.message


def test_what_our_connector_caught_without_any_mail_of_area1_is_not_known() -> None:
    assert only(asked(sent(SCANNER, connector=CONNECTOR))).gate == "message_trace"
    assert only(asked(sent(SCANNER, connector="Scanner"))).gate == "direct_senders"
    assert (
        only(asked(sent(SCANNER, connector=CONNECTOR), sent(inside(staged_world())))).gate
        == "direct_senders"
    ), "the trace shows Area 1's addresses"


# --- before the lock-down is enabled ---


def lockdown(acknowledge: list[str], *groups: dict[str, Any], **fields: Any) -> Evaluation:
    found = staged_world(wanted(acknowledge=acknowledge))
    return phases.evaluate(
        "lockdown",
        World({**found.sections, "message_trace": traced(*groups, **fields)}, found.settings),
    )


def test_a_direct_sender_holds_the_lock_down_until_somebody_decides() -> None:
    blocked = lockdown([], sent(SCANNER))
    assert (
        blocked.values["action"] == "keep"
        and blocked.values["enabled"] is False
        and blocked.values["ready"] is True
    )
    assert SCANNER in {result.object for result in blocked.results if result.status == CANNOT}
    for decision in ("direct_senders", "direct_senders:%s" % SCANNER):
        opened = lockdown([decision], sent(SCANNER))
        assert opened.values["action"] == "enable"
        assert [result.object for result in opened.results if result.acknowledged] == [SCANNER]
    other = lockdown(["direct_senders:%s" % SCANNER], sent(SCANNER), sent("203.0.113.9"))
    assert other.values["action"] == "keep"


def test_an_unread_trace_holds_the_lock_down_until_somebody_decides() -> None:
    assert lockdown([], error="429").values["action"] == "keep"
    assert lockdown(["message_trace"], error="429").values["action"] == "enable"
    assert lockdown(["message_trace"], sent(SCANNER), truncated="cut").values["action"] == "keep", (
        "what it shows counts"
    )


def test_the_first_look_asks_for_the_trace() -> None:
    found = staged_world()
    del found.sections["message_trace"]  # type: ignore[attr-defined]
    values = phases.evaluate("lockdown", found).values
    assert (
        values["action"] == "keep"
        and values["ready"] is True
        and set(values["trace_since"]) >= {ONE, TWO, INITIAL}
    )


def test_the_change_window_holds_the_enabling_only() -> None:
    """NOW is a Monday, 20:00 UTC."""
    shut = phases.evaluate("lockdown", staged_world(wanted(change_window="tue 20:00-21:00 UTC")))
    assert shut.values["action"] == "keep" and shut.values["enabled"] is False
    assert [result.until for result in shut.results if result.gate == "change_window"] == [
        "2026-11-24T20:00:00Z"
    ]
    assert (
        phases.evaluate(
            "lockdown", staged_world(wanted(change_window="mon 20:00-21:00 UTC"))
        ).values["action"]
        == "enable"
    )

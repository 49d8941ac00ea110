# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a lock-down that is on: proven only by what was seen, off only where Area 1's own
mail is refused.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown import (
    proof,
    stamp,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_CHECKED,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.lockdown.test_lockdown_enabled import COMMENT, locked
from tests.unit.cutover.worlds import (
    LOCKDOWN,
    ONE,
    TWO,
    ago,
    ahead,
    connector,
    sent,
    traced,
    wanted,
)

LOCKED = {
    "verdict": "locked",
    "host": "northwind-example.mail.protection.outlook.com",
    "code": 550,
    "enhanced": "5.7.51",
    "text": "TenantInboundAttribution",
}
REFUSAL = (
    "to=<anna@northwind.example>, relay=x[192.0.2.1]:25, dsn=5.7.51, status=bounced (host x said:"
    " 550 5.7.51 TenantInboundAttribution; There is ...)"
)
DELIVERY = (
    "to=<anna@northwind.example>, relay=x[192.0.2.1]:25, dsn=2.6.0, status=sent (250 2.6.0 <a@b>"
    " Queued mail for delivery)"
)
AREA1 = "104.30.32.9"
SCANNER = "198.51.100.7"


def probed(*answers: dict[str, Any], address: str = "192.0.2.77") -> dict[str, Any]:
    names = [ONE, TWO]
    return {
        "direct": {
            names[index]: {**item, "looked_from": {"host": "probe", "address": address}}
            for index, item in enumerate(answers)
        }
    }


def handed(*lines: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"outbound": [{"at": at, "message": message}]} for at, message in lines]}


def on(minutes: float, chosen: Any = None, **sections: Any) -> World:
    """Switched on so many minutes ago."""
    found = locked(chosen, WhenChangedUTC=ago(minutes=minutes))
    return World({**found.sections, "message_trace": traced(), **sections}, found.settings)


def verdict(found: World) -> proof.Proof:
    item = found.connector(LOCKDOWN)
    assert item is not None
    return proof.prove(found, item)


def only_direct(found: World) -> proof.Proof:
    """Direct mail was seen refused, nothing of Area 1's."""
    return verdict(World({**found.sections, "smtp": probed(LOCKED, LOCKED)}, found.settings))


def test_proven_by_probe_and_area1s_own_trace() -> None:
    found = on(90, smtp=probed(LOCKED, LOCKED), area1_trace=handed((ago(minutes=20), DELIVERY)))
    answer = verdict(found)
    assert (
        answer.verdict == proof.PROVEN and "5.7.51" in answer.why and "its own trace" in answer.why
    )


def test_proven_by_probe_and_message_trace() -> None:
    answer = verdict(
        on(90, smtp=probed(LOCKED, LOCKED), message_trace=traced(sent(AREA1, last=ago(minutes=20))))
    )
    assert answer.verdict == proof.PROVEN and "message trace: 3" in answer.why


def test_a_trace_without_direct_mail_proves_nothing_of_it() -> None:
    """What is refused is not in the trace, and neither is what nobody sent: an inert lock-down
    looks the same.
    """
    quiet = traced(sent(AREA1, last=ago(minutes=20)), sent(SCANNER, last=ago(minutes=40)))
    for smtp in ({}, probed({"verdict": "inconclusive", "code": 250})):
        answer = verdict(on(90, smtp=smtp, message_trace=quiet))
        assert answer.verdict == proof.UNKNOWN and answer.refused_since == ""
        assert "mail through Area 1 is accepted" in answer.why.partition("not seen")[0], (
            "one half of it is seen"
        )
        assert "a message trace without any does not show it" in answer.why


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {
            "message_trace": traced(sent(AREA1, last=ago(minutes=45)))
        },  # accepted before it acted for certain
        {"message_trace": traced(sent(AREA1, last=ago(minutes=20), statuses={"Failed": 3}))},
        {"message_trace": traced(sent(AREA1, last=ago(minutes=20)), truncated="cut")},
        {"message_trace": traced(error="429")},
        {"message_trace": {}},
        {"area1_trace": handed((ago(minutes=20), DELIVERY))},  # nobody tried directly
        {"smtp": probed(LOCKED, LOCKED)},
        {"smtp": probed(LOCKED, LOCKED), "area1_trace": handed((ago(minutes=40), DELIVERY))},
        {
            "smtp": probed(LOCKED, LOCKED),
            "area1_trace": handed((ago(minutes=20), "status=deferred (451 4.7.500 Server busy)")),
        },
        {"smtp": probed(LOCKED, LOCKED), "area1_trace": handed(("", DELIVERY))},
        {
            "smtp": probed(LOCKED, {**LOCKED, "verdict": "unknown"}),
            "area1_trace": handed((ago(minutes=20), DELIVERY)),
        },
        {
            "smtp": probed(LOCKED, LOCKED, address=AREA1),
            "area1_trace": handed((ago(minutes=20), DELIVERY)),
        },
    ],
)
def test_whatever_is_missing_it_is_not_proven(sections: dict[str, Any]) -> None:
    found = on(90, **sections)
    assert verdict(found).verdict == proof.UNKNOWN and verdict(found).why
    result = phases.evaluate("proof", found).results[0]
    assert result.status == NOT_CHECKED and "NOT PROVEN" in result.message
    assert (
        "area1_probe_host" in result.message
        and "area1_canary_recipient" in result.message
        and "lockdown_proof" in result.message
    )
    values = phases.evaluate("verify", found).values
    assert values["done"] is True and values["proven"] is False, (
        "everything is in place, and it is said that it is unproven"
    )
    assert phases.evaluate("proof", found).values["action"] == "none"


def test_a_refusal_of_the_message_counts_for_domains_that_get_none() -> None:
    """A message goes to the canary alone; where it is refused only then, the others' recipients are
    accepted.
    """
    accepted = {
        "verdict": "inconclusive",
        "code": 250,
        "host": "second.mail.protection.outlook.com",
    }
    lines = handed((ago(minutes=20), DELIVERY))
    late = verdict(on(90, smtp=probed({**LOCKED, "stage": "message"}, accepted), area1_trace=lines))
    assert late.verdict == proof.PROVEN and "second" not in late.why, "named is what was seen"
    early = verdict(on(90, smtp=probed({**LOCKED, "stage": "rcpt"}, accepted), area1_trace=lines))
    assert early.verdict == proof.UNKNOWN and "second" in early.why, (
        "this one is refused otherwise, if at all"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"verdict": "inconclusive", "code": 250}, "the refusal may come with the message"),
        (
            {
                "verdict": "unknown",
                "code": 550,
                "enhanced": "5.7.68",
                "text": "Direct Send",
                "meaning": "RejectDirectSend refused it",
            },
            "RejectDirectSend",
        ),
        (
            {"verdict": "unknown", "code": 451, "enhanced": "4.7.500", "text": "Server busy"},
            "451 4.7.500 Server busy",
        ),
        ({"verdict": "unknown", "code": 0, "problem": "port 25: timed out"}, "timed out"),
    ],
)
def test_any_other_answer_to_the_probe_is_unknown(answer: dict[str, Any], said: str) -> None:
    found = verdict(on(90, smtp=probed(answer), area1_trace=handed((ago(minutes=20), DELIVERY))))
    assert found.verdict == proof.UNKNOWN and said in found.why


def test_mail_of_area1_that_is_refused_switches_it_off_and_says_why() -> None:
    found = on(5, area1_trace=handed((ago(minutes=2), REFUSAL)), smtp=probed(LOCKED, LOCKED))
    evaluation = phases.evaluate("proof", found)
    assert (
        evaluation.values["verdict"] == proof.REFUSED and evaluation.values["action"] == "disable"
    )
    (result,) = evaluation.results
    assert (result.gate, result.status) == (
        "refused_through_area1",
        CANNOT,
    ) and "5.7.51" in result.message
    comment = evaluation.values["comment"]
    assert comment.startswith(
        "%s. [mailflow.area1: switched off %s, " % (COMMENT, ago(hours=0))
    ) and comment.endswith("Disabled on purpose]")
    assert phases.evaluate("verify", found).values["done"] is False


def test_a_refusal_from_before_it_was_switched_on_is_old() -> None:
    assert (
        phases.evaluate("proof", on(5, area1_trace=handed((ago(minutes=6), REFUSAL)))).values[
            "action"
        ]
        == "none"
    )


@pytest.mark.parametrize(
    "text",
    [
        "550 5.7.510 something else",
        "550 15.7.51",
        "status=bounced (550 5.1.1 no such user)",
        "451 4.4.62 ATTR35",
    ],
)
def test_another_refusal_switches_nothing(text: str) -> None:
    assert (
        phases.evaluate("proof", on(5, area1_trace=handed((ago(minutes=2), text)))).values["action"]
        == "none"
    )


def test_once_switched_off_it_is_not_tried_again_before_somebody_looked() -> None:
    found = on(5, area1_trace=handed((ago(minutes=2), REFUSAL)))
    item = found.connector(LOCKDOWN)
    assert item is not None
    item.update(Enabled=False, Comment=phases.evaluate("proof", found).values["comment"])
    held = phases.evaluate("lockdown", found)
    assert held.values["action"] == "none"
    assert [(result.gate, result.status) for result in held.results if not result.open] == [
        ("lockdown_refused", CANNOT)
    ]
    decided = World(
        found.sections, dataclasses.replace(found.settings, acknowledge=("lockdown_refused",))
    )
    staged = phases.evaluate("lockdown", decided).values
    assert staged["action"] == "stage" and stamp.parse_stamp(staged["comment"]) is not None, (
        "the soak starts anew"
    )


@pytest.mark.parametrize(
    "sections",
    [
        {"smtp": probed({"verdict": "open", "host": "x", "code": 250})},
        {
            "message_trace": traced(
                sent(SCANNER, last=ago(minutes=1)), sent(AREA1, last=ago(minutes=1))
            )
        },
    ],
)
def test_direct_mail_that_is_still_accepted_is_waited_for_and_never_switches_anything(
    sections: dict[str, Any],
) -> None:
    for minutes, until in ((2, ahead(minutes=58)), (59, ahead(minutes=1)), (61, ""), (6000, "")):
        found = on(minutes, wanted(settle_minutes=0), **sections)
        evaluation = phases.evaluate("proof", found)
        assert (evaluation.values["verdict"], evaluation.values["action"]) == (
            proof.NOT_EFFECTIVE_YET,
            "none",
        )
        (result,) = evaluation.results
        assert (result.gate, result.status, result.until) == ("lockdown_proof", NOT_YET, until)
        assert ("more than an hour" in result.message) is (until == "")
        assert phases.evaluate("verify", found).values["done"] is False


def test_direct_mail_of_the_first_hour_only_shows_when_it_did_not_act_yet() -> None:
    """40 minutes until it acts: the last direct mail at minute 38; Area 1's mail counts from then
    on.
    """

    def seen(*groups: dict[str, Any]) -> str:
        return verdict(
            on(
                90,
                wanted(settle_minutes=0),
                smtp=probed(LOCKED, LOCKED),
                message_trace=traced(*groups),
            )
        ).verdict

    early = sent(SCANNER, last=ago(minutes=52))
    assert seen(early, sent(AREA1, last=ago(minutes=51))) == proof.PROVEN
    assert seen(early, sent(AREA1, last=ago(minutes=53))) == proof.UNKNOWN
    late = on(
        90,
        wanted(settle_minutes=0),
        message_trace=traced(sent(SCANNER, last=ago(minutes=29)), sent(AREA1)),
    )
    assert verdict(late).verdict == proof.NOT_EFFECTIVE_YET


def test_months_later_three_days_of_the_trace_are_enough() -> None:
    read = traced(sent(AREA1, last=ago(hours=1)), since=ago(days=3))
    assert (
        verdict(on(100 * 24 * 60, smtp=probed(LOCKED, LOCKED), message_trace=read)).verdict
        == proof.PROVEN
    )


def test_before_its_time_nothing_is_concluded_from_silence() -> None:
    answer = verdict(on(30, message_trace=traced(sent(AREA1, last=ago(minutes=1)))))
    assert (answer.verdict, answer.until) == (proof.NOT_EFFECTIVE_YET, ahead(minutes=30))
    assert phases.evaluate("verify", on(30)).values["done"] is False


def test_a_refusal_that_was_seen_counts_from_then_on() -> None:
    """A probe saw it 5 minutes after enabling; Area 1's mail of minute 10 is evidence then, though
    the settle time is not over.
    """
    item = ago(minutes=20)
    events = [
        {"domain": LOCKDOWN, "event": "direct_refused", "at": ago(minutes=15), "subject": item}
    ]
    lines = handed((ago(minutes=10), DELIVERY))
    early = verdict(
        on(
            20,
            timeline=events,
            smtp=probed(LOCKED, LOCKED),
            area1_trace=handed((ago(minutes=16), DELIVERY)),
        )
    )
    assert early.verdict == proof.NOT_EFFECTIVE_YET
    assert (
        verdict(on(20, timeline=events, smtp=probed(LOCKED, LOCKED), area1_trace=lines)).verdict
        == proof.PROVEN
    )
    other = [{**events[0], "subject": ago(minutes=21)}]
    assert (
        verdict(on(20, timeline=other, smtp=probed(LOCKED, LOCKED), area1_trace=lines)).verdict
        == proof.NOT_EFFECTIVE_YET
    )


def test_the_time_line_spares_a_proof_but_not_the_look() -> None:
    events = [{"domain": LOCKDOWN, "event": "proven", "at": ago(days=3), "subject": ago(days=4)}]
    found = on(4 * 24 * 60, timeline=events)
    assert verdict(found).verdict == proof.PROVEN and ago(days=3) in verdict(found).why
    assert phases.evaluate("proof", found).values["events"] == []
    refused = World(
        {**found.sections, "area1_trace": handed((ago(minutes=2), REFUSAL))}, found.settings
    )
    assert verdict(refused).verdict == proof.REFUSED
    still = World(
        {**found.sections, "message_trace": traced(sent(SCANNER, last=ago(minutes=1)))},
        found.settings,
    )
    assert verdict(still).verdict == proof.NOT_EFFECTIVE_YET
    changed = World(
        {**found.sections, "timeline": [{**events[0], "subject": ago(days=5)}]}, found.settings
    )
    assert verdict(changed).verdict == proof.UNKNOWN, "it was changed since"


def test_what_is_new_goes_into_the_time_line() -> None:
    found = on(90, smtp=probed(LOCKED, LOCKED), area1_trace=handed((ago(minutes=20), DELIVERY)))
    values = phases.evaluate("proof", found).values
    assert values["events"] == ["proven", "direct_refused"] and values["changed"] == ago(minutes=90)
    half = World({**found.sections, "area1_trace": {}}, found.settings)
    assert phases.evaluate("proof", half).values["events"] == ["direct_refused"]
    assert phases.evaluate("proof", on(90)).values["events"] == []


def test_an_address_that_another_connector_lets_in_is_no_evidence() -> None:
    found = on(
        90,
        message_trace=traced(sent(SCANNER, last=ago(minutes=1)), sent(AREA1, last=ago(minutes=1))),
    )
    assert verdict(found).verdict == proof.NOT_EFFECTIVE_YET
    found.inbound_connectors.append(connector([SCANNER], Name="Scanner"))
    assert verdict(found).verdict == proof.UNKNOWN, "nor that it acts"
    assert (
        verdict(World({**found.sections, "smtp": probed(LOCKED, LOCKED)}, found.settings)).verdict
        == proof.PROVEN
    )


def test_a_probe_outweighs_what_the_trace_shows_beside_it() -> None:
    found = on(
        90,
        smtp=probed(LOCKED, LOCKED),
        message_trace=traced(sent(SCANNER, last=ago(minutes=1)), sent(AREA1, last=ago(minutes=1))),
    )
    answer = verdict(found)
    assert (
        answer.verdict == proof.PROVEN
        and SCANNER in answer.why
        and "something else lets in" in answer.why
    )


def test_a_service_that_tells_no_dates_leaves_it_unknown() -> None:
    assert verdict(on(90)).verdict == proof.UNKNOWN
    found = locked(WhenChangedUTC=None)
    assert (
        verdict(World({**found.sections, "smtp": probed(LOCKED, LOCKED)}, found.settings)).verdict
        == proof.UNKNOWN
    )


def test_somebody_may_do_without_the_proof() -> None:
    found = on(90, wanted(acknowledge=["lockdown_proof"]))
    (result,) = phases.evaluate("proof", found).results
    assert (result.status, result.acknowledged) == (HOLDS, True)
    values = phases.evaluate("verify", found).values
    assert (
        values["done"] is True
        and values["proven"] is False
        and values["proof"]["acknowledged"] is True
    )
    refused = on(
        90,
        wanted(acknowledge=["lockdown_proof", "refused_through_area1"]),
        area1_trace=handed((ago(minutes=2), REFUSAL)),
    )
    assert phases.evaluate("proof", refused).values["action"] == "disable", (
        "but not with mail that is refused"
    )


def test_where_to_look() -> None:
    values = phases.evaluate("proof", on(90)).values
    assert values["trace_since"] == ago(minutes=30) and values["outbound_since"] == ago(minutes=90)
    assert [item["name"] for item in values["direct"]] == [ONE, TWO] and all(
        item["host"].endswith(".outlook.com") for item in values["direct"]
    )
    old = phases.evaluate("proof", on(9000)).values
    assert old["trace_since"] == old["outbound_since"] == ago(days=3)
    young = phases.evaluate("proof", on(5)).values
    assert young["trace_since"] == ago(hours=0)
    assert (
        phases.evaluate(
            "proof", World({**on(5).sections, "inbound_connectors": []}, on(5).settings)
        ).values["look"]
        is False
    )


# --- the final TTL ---


def ttl_of(
    minutes: float = 90,
    final: int = 3600,
    proven: bool = True,
    auto: bool = False,
    ttl: int = 300,
    **options: Any,
) -> list[str]:
    found = on(
        minutes,
        wanted(mx_final_ttl=final, **options),
        smtp=probed(LOCKED, LOCKED),
        area1_trace=handed((ago(minutes=20), DELIVERY)) if proven else {},
    )
    for name in (ONE, TWO):
        found.dns_provider[name]["auto_ttl"] = auto
        found.dns[name]["ttl_max"] = ttl
    values = phases.evaluate("final_ttl", found).values
    assert values["ttl"] == final and values["records"] == found.settings.mx_options
    assert all(entry["expect"] for entry in values["domains"])
    return [entry["name"] for entry in values["domains"]]


def test_the_ttl_is_raised_once_it_is_proven() -> None:
    assert ttl_of() == [ONE, TWO]
    assert ttl_of(ttl=3600) == [], "it is already"
    assert ttl_of(final=0) == [], "not wanted"
    assert ttl_of(auto=True) == [], "Auto stays Auto"
    assert ttl_of(proven=False) == []
    assert ttl_of(proven=False, acknowledge=["lockdown_proof"]) == [ONE, TWO]


def test_another_tenant_s_mail_in_the_same_account_proves_nothing() -> None:
    """One Cloudflare account may serve several tenants; only mail for this one's domains counts."""
    for text, wrong in ((DELIVERY, proof.PROVEN), (REFUSAL, proof.REFUSED)):
        log = handed((ago(minutes=20), text))
        log["messages"][0]["domains"] = ["other-customer.example"]
        found = on(90, smtp=probed(LOCKED, LOCKED), area1_trace=log)
        assert verdict(found).verdict != wrong
        log["messages"][0]["domains"] = [ONE]
        found = on(90, smtp=probed(LOCKED, LOCKED), area1_trace=log)
        assert verdict(found).verdict == wrong

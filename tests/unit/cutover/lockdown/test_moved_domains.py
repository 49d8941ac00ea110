# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""While domains move: what Microsoft 365 answers to Area 1 for those that have moved, and whose
mail our connector takes.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import (
    own_connector,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown import (
    moved_domains as watch,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    NOT_CHECKED,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.worlds import (
    CONNECTOR,
    LOCKDOWN,
    NEW,
    ONE,
    TWO,
    ago,
    ahead,
    connector,
    only,
    protected,
    records,
    sections,
    sent,
    traced,
    wanted,
    world,
)

EGRESS = wanted().egress
DIRECT_SEND = (
    "status=bounced (550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this"
    " organization from unauthorized sources)"
)
TOOK = "to=<a@%s> status=sent (250 2.6.0 Queued mail for delivery)" % TWO


def handed(text: str, name: str = TWO, at: str = "") -> dict[str, Any]:
    """One message of Area 1's log."""
    return {"domains": [name], "outbound": [{"at": at or ago(hours=1), "message": text}]}


def wave(
    *messages: dict[str, Any],
    canary: bool = True,
    settings: dict[str, Any] | None = None,
    **fields: Any,
) -> World:
    """The second domain has moved yesterday, the first one is next."""
    chosen = wanted(domains=[ONE, {"name": TWO, "canary": canary}], **(settings or {}))
    found = sections(chosen)
    found["dns_provider"][TWO]["records"] = records(NEW)
    found["timeline"].append({"domain": TWO, "event": "switched", "at": ago(days=1), "ttl": 300})
    return World(
        {**found, "area1_trace": {"error": "", "messages": list(messages)}, **fields}, chosen
    )


def moves(found: World) -> list[str]:
    return [item["name"] for item in phases.evaluate("switch", found).values["domains"]]


@pytest.mark.parametrize(
    "text",
    [
        DIRECT_SEND,
        "550 5.7.64 TenantAttribution; Relay Access Denied",
        "to=<x> status=bounced (host said: 554 Transaction failed)",
        "host x[192.0.2.1] said: 550 5.7.606 Access denied, banned sending IP",
        "status=bounced (given up after five days: 451 4.7.0 Temporary)",
    ],
)
def test_a_refusal_of_one_domain_halts_the_others_and_fails(text: str) -> None:
    found = wave(handed(TOOK), handed(text), handed(text, at=ago(hours=2)))
    result = only(watch.refused(found))
    assert (result.gate, result.object, result.status) == ("delivery_refused", TWO, CANNOT)
    assert (
        text[:40] in result.message
        and "2 of the latest" in result.message
        and ahead(hours=23) in result.hint
        and "rollback.yml" in result.hint
    )
    evaluation = phases.evaluate("switch", found)
    assert moves(found) == [] and result in evaluation.results
    assert moves(
        wave(handed(TOOK), handed(text), settings={"acknowledge": ["delivery_refused:%s" % TWO]})
    ) == [ONE]


@pytest.mark.parametrize(
    "message",
    [
        handed(TOOK),
        handed("status=bounced (550 5.1.10 RESOLVER.ADR.RecipientNotFound)"),
        handed("550 5.4.1 Recipient address rejected: Access denied"),
        handed("552 5.3.4 Message too big"),
        handed("status=deferred (451 4.7.500 Server busy)"),
        handed(DIRECT_SEND, at=ago(hours=25)),
        handed(DIRECT_SEND, name=ONE),
        handed(DIRECT_SEND, name="elsewhere.example"),
        handed("to=<x> status=sent (250 from 5.7.51.25)"),
    ],
)
def test_what_every_domain_gets_halts_nothing(message: dict[str, Any]) -> None:
    """A mailbox that does not exist, a message too large, what is tried again, what is long ago or
    of a domain that has not moved.
    """
    found = wave(handed(TOOK), message)
    assert watch.refused(found) == [] and moves(found) == [ONE]


def test_what_our_own_lock_down_refused_before_it_was_taken_back_has_its_own_gate() -> None:
    comment = (
        "Only accept inbound email from Area 1. [mailflow.area1: switched off %s, mail through Area"
        " 1 is refused. Disabled on purpose]"
    )
    for minutes, counts in ((30, False), (90, True)):
        off = connector(
            EGRESS,
            Name=LOCKDOWN,
            Enabled=False,
            RestrictDomainsToIPAddresses=True,
            Comment=comment % ago(minutes=minutes),
        )
        found = wave(
            handed("550 5.7.51 TenantInboundAttribution"),
            inbound_connectors=[connector(EGRESS), off],
        )
        assert bool(watch.refused(found)) is counts
        assert watch.refused(wave(handed(DIRECT_SEND), inbound_connectors=[connector(EGRESS), off]))


def test_a_refusal_is_loud_also_when_all_have_moved_and_when_others_are_held() -> None:
    after = phases.evaluate(
        "switch", world(moved=True, area1_trace={"messages": [handed(DIRECT_SEND)]})
    )
    assert [result.gate for result in after.results if result.status == CANNOT] == [
        "delivery_refused"
    ] and after.values["done"]
    assert after.values["watch"]["moved"] == [ONE, TWO] and not after.values["watch"]["trace"]
    waiting = phases.evaluate(
        "switch",
        wave(handed(DIRECT_SEND), connection_filter=[{"Name": "Default", "IPAllowList": []}]),
    )
    assert "delivery_refused" in {
        result.gate for result in waiting.results if result.status == CANNOT
    }


def test_a_canary_without_mail_holds_the_others_and_says_what_to_do() -> None:
    found = wave(handed(TOOK, at=ago(days=1, minutes=5)), handed(TOOK, name=ONE))
    result = only(watch.canaries(found))
    assert (result.gate, result.object, result.status) == ("canary_mail", TWO, NOT_YET)
    assert "Send it a mail from outside" in result.hint and "canary_mail:%s" % TWO in result.hint
    evaluation = phases.evaluate("switch", found)
    held = {(item.gate, item.object) for item in evaluation.results if not item.open}
    assert evaluation.values["domains"] == [] and held == {("canary_mail", TWO), ("canary", ONE)}
    assert [item["name"] for item in evaluation.values["candidates"]] == [ONE], (
        "so that it is looked at"
    )
    assert moves(wave(settings={"acknowledge": ["canary_mail:%s" % TWO]})) == [ONE]


@pytest.mark.parametrize(
    "fields",
    [
        {"area1_trace": {"messages": [handed(TOOK)]}},
        {"message_trace": traced(sent(EGRESS[0].split("/")[0], TWO))},
        {
            "area1_trace": {"error": "403", "messages": []},
            "message_trace": traced(sent(EGRESS[0].split("/")[0], TWO)),
        },
    ],
)
def test_one_delivery_by_way_of_area_1_is_enough(fields: dict[str, Any]) -> None:
    assert watch.canaries(wave(**fields)) == [] and moves(wave(**fields)) == [ONE]


def test_other_deliveries_are_not() -> None:
    for group in (
        sent("192.0.2.9", TWO),
        sent(EGRESS[0].split("/")[0], ONE),
        sent(EGRESS[0].split("/")[0], TWO, last=ago(days=2)),
    ):
        assert moves(wave(message_trace=traced(group))) == []


def test_a_log_that_cannot_be_read_is_said_and_holds_nobody() -> None:
    found = wave(area1_trace={"error": "403: no", "messages": []})
    (result,) = watch.canaries(found)
    assert result.status == NOT_CHECKED and "403: no" in result.message
    assert moves(found) == [ONE] and result in phases.evaluate("switch", found).results, (
        "it is shown"
    )


def test_the_canary_has_done_its_work_once_another_has_moved() -> None:
    assert (
        watch.canaries(world(wanted(domains=[ONE, {"name": TWO, "canary": True}]), moved=True))
        == []
    )
    assert watch.canaries(wave(canary=False)) == [] and moves(wave(canary=False)) == [ONE]


def test_what_is_read_and_since_when() -> None:
    before = watch.to_read(world())
    assert (before["moved"], before["trace"], before["since"]) == (
        [],
        True,
        ago(days=2, minutes=-60),
    ), "since the connector acts"
    young = watch.to_read(
        world(inbound_connectors=[connector(EGRESS, WhenChangedUTC=ago(minutes=59))])
    )
    assert (young["moved"], young["trace"]) == ([], False)
    assert (watch.to_read(wave())["moved"], watch.to_read(wave())["trace"]) == ([TWO], True)
    locked = [
        connector(EGRESS),
        connector(EGRESS, Name=LOCKDOWN, RestrictDomainsToIPAddresses=True),
    ]
    done = watch.to_read(world(moved=True, inbound_connectors=locked))
    assert (done["moved"], done["trace"]) == (
        [],
        False,
    ), "from there on the lock-down's proof reads them"


# --- whose mail our connector takes


def direct(**fields: Any) -> dict[str, Any]:
    return sent("192.0.2.77", ONE, **{"via": "192.0.2.77", "connector": CONNECTOR, **fields})


def test_the_trace_shows_whose_mail_our_connector_takes_without_any_probe() -> None:
    blocked: dict[str, Any] = {"connection_filter": [{"Name": "Default", "IPAllowList": []}]}
    found = world(message_trace=traced(direct()), smtp={}, **blocked)
    result = only(own_connector.catches_others(found))
    assert (result.gate, result.status) == (
        "own_connector",
        CANNOT,
    ) and "took mail from 192.0.2.77" in result.message
    assert phases.evaluate("switch", found).values["caught"]["name"] == CONNECTOR, (
        "whatever else holds the switch"
    )
    assert moves(world(message_trace=traced(direct()))) == []


@pytest.mark.parametrize(
    "group",
    [
        direct(connector="Partner"),
        direct(connector=""),
        direct(last=ago(days=2)),
        sent("192.0.2.77", ONE),
        sent("198.51.100.9", ONE, via=EGRESS[0].split("/")[0], connector=CONNECTOR),
        sent(EGRESS[0].split("/")[0], ONE, connector=CONNECTOR),
        sent("192.0.2.77", ONE, connector=CONNECTOR),
    ],
)
def test_mail_of_area_1_and_what_the_trace_leaves_open_blame_nobody(group: dict[str, Any]) -> None:
    """Another's connector, before ours acted, Area 1's own mail under its original sender, and a
    connection that no event names.
    """
    assert own_connector.catches_others(world(message_trace=traced(group))) == []


def test_the_plain_probe_is_asked_for_as_soon_as_the_connector_acts() -> None:
    held = {name: protected(name, readiness={"status": "not_yet"}) for name in (ONE, TWO)}
    probe = phases.evaluate("switch", world(email_security=held)).values["probe"]
    assert (
        [item["name"] for item in probe["plain"]]
        == [item["name"] for item in probe["look"]]
        == [ONE, TWO]
    )
    assert probe["hosts"] == probe["domains"] == [], "the new hosts are asked when all else holds"
    young = [connector(EGRESS, WhenChangedUTC=ago(minutes=59))]
    probe = phases.evaluate("switch", world(email_security=held, inbound_connectors=young)).values[
        "probe"
    ]
    assert probe["plain"] == probe["look"] == []

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gates on one domain before its MX records move."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import (
    domain_ttl,
    domains as domain_gates,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.worlds import (
    OLD,
    ONE,
    TWO,
    accepted,
    ago,
    ahead,
    changed_view,
    only,
    protected,
    sections,
    view,
    wanted,
    world,
)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"readiness": {"status": "ready"}}, HOLDS),
        ({"readiness": {"status": "not_yet", "message": "Waits for its TXT record."}}, NOT_YET),
        ({"readiness": {"status": "cannot", "message": "Refused."}}, CANNOT),
        ({"readiness": {}}, NOT_YET),
        ({}, NOT_YET),
        (None, NOT_YET),
    ],
)
def test_domain_ready(found: dict[str, Any] | None, status: str) -> None:
    assert (
        only(
            [
                domain_gates.domain_ready(
                    world(email_security={} if found is None else {ONE: found}), ONE
                )
            ]
        ).status
        == status
    )


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Authoritative", HOLDS),
        ("authoritative", HOLDS),
        ("InternalRelay", CANNOT),
        ("ExternalRelay", CANNOT),
    ],
)
def test_domain_type(kind: str, status: str) -> None:
    found = world(accepted_domains=[accepted(ONE, DomainType=kind), accepted(TWO)])
    result = only([domain_gates.domain_type(found, ONE)])
    assert result.status == status
    assert status == HOLDS or ("domain_type:%s" % ONE in result.hint and kind in result.message)


def test_name_servers_that_answer_agree_and_one_that_is_down_warns() -> None:
    assert only([domain_gates.authoritative_agreement(world(), ONE)]).open
    silent = view(OLD[ONE])
    silent["name_servers"][1].update(status="timeout", records=None)
    result = only(
        [domain_gates.authoritative_agreement(world(dns=changed_view(ONE, **silent)), ONE)]
    )
    assert (result.gate, result.status, result.notice) == (
        "name_server",
        HOLDS,
        True,
    ) and "ns2.example: timeout" in result.message
    evaluation = phases.evaluate("switch", world(dns=changed_view(ONE, **silent)))
    assert ONE in [item["name"] for item in evaluation.values["domains"]], "the switch goes on"
    assert result in evaluation.results, "with a warning"
    silent["name_servers"][0].update(status="servfail", records=None)
    result = only(
        [domain_gates.authoritative_agreement(world(dns=changed_view(ONE, **silent)), ONE)]
    )
    assert (result.gate, result.status) == ("name_server", NOT_YET)
    apart = world(dns=changed_view(ONE, agree=False))
    assert only([domain_gates.authoritative_agreement(apart, ONE)]).gate == "name_servers_agree"
    nowhere = world(dns=changed_view(ONE, name_servers=[], error="no zone holds this name"))
    assert (
        "no zone holds this name"
        in only([domain_gates.authoritative_agreement(nowhere, ONE)]).message
    )
    assert only([domain_gates.authoritative_agreement(world(dns={}), ONE)]).status == NOT_YET


def test_odd_shapes() -> None:
    assert only([domain_gates.odd_shape(world(), ONE)]).open
    assert (
        "CNAME to x.example"
        in only(
            [domain_gates.odd_shape(world(dns=changed_view(ONE, cname="x.example")), ONE)]
        ).message
    )
    assert (
        "null MX"
        in only([domain_gates.odd_shape(world(dns=changed_view(ONE, null_mx=True)), ONE)]).message
    )


def test_ttl_must_be_low_at_the_servers() -> None:
    assert only([domain_ttl.ttl(world(), ONE)]).open
    high = world(dns=changed_view(ONE, ttl_max=301))
    result = only([domain_ttl.ttl(high, ONE)])
    assert (result.gate, result.status) == ("ttl", NOT_YET) and "301 s, not 300 s" in result.message
    for provider in ({"min_ttl": 600}, {"min_ttl": 301}):
        assert only(
            [
                domain_ttl.ttl(
                    World({**high.sections, "dns_provider": {ONE: provider}}, high.settings), ONE
                )
            ]
        ).open
    tight = World(
        {
            **high.sections,
            "dns": changed_view(ONE, ttl_max=300),
            "dns_provider": {ONE: {"auto_ttl": True}},
        },
        wanted(mx_ttl=60),
    )
    assert only([domain_ttl.ttl(tight, ONE)]).open, "Cloudflare's Auto is 300 s and is left"


def test_the_old_ttl_must_be_over_since_it_was_lowered() -> None:
    found = world(timeline=[{"domain": ONE, "event": "ttl_lowered", "at": ago(minutes=59)}])
    result = only([domain_ttl.ttl(found, ONE)])
    assert (result.gate, result.until) == (
        "old_ttl",
        ahead(minutes=1),
    ) and "TTL 3600 s" in result.message
    by_provider = sections(wanted())["dns_provider"]
    by_provider[ONE]["modified_on"] = ago(minutes=30)
    assert only([domain_ttl.ttl(world(dns_provider=by_provider), ONE)]).until == ahead(minutes=30)
    assert only(
        [
            domain_ttl.ttl(
                world(timeline=[{"domain": TWO, "event": "ttl_lowered", "at": ago(minutes=1)}]), ONE
            )
        ]
    ).open


@pytest.mark.parametrize(
    "timeline",
    [
        [],
        [
            {"domain": ONE, "event": "ttl_lowered", "at": ago(days=9)},
            {"domain": ONE, "event": "mx_restored", "at": ago(days=8)},
        ],
    ],
)
def test_a_low_ttl_of_unknown_age_counts_from_the_first_look(
    timeline: list[dict[str, Any]],
) -> None:
    """Lowered by hand, or by a run that was killed before it noted that: caches may have taken the
    old one a minute ago.
    """
    provider = {
        name: {"records": found["records"]}
        for name, found in sections(wanted())["dns_provider"].items()
    }
    found = world(dns_provider=provider, timeline=timeline)
    result = only([domain_ttl.ttl(found, ONE)])
    assert (result.gate, result.status, result.until) == (
        "old_ttl",
        NOT_YET,
        ahead(hours=1),
    ) and "is not known" in result.message
    first = phases.evaluate("switch", found)
    assert first.values["low_seen"] == [ONE, TWO] and first.values["domains"] == []
    noted = [
        *timeline,
        *(
            {"domain": name, "event": "ttl_lowered", "at": ago(minutes=40), "ttl": 300}
            for name in (ONE, TWO)
        ),
    ]
    later = phases.evaluate("switch", world(dns_provider=provider, timeline=noted))
    assert later.values["low_seen"] == [] and {
        result.until for result in later.results if result.gate == "old_ttl"
    } == {ahead(minutes=20)}
    assert phases.evaluate(
        "switch", world(wanted(acknowledge=["old_ttl"]), dns_provider=provider, timeline=timeline)
    ).values["domains"]


def test_a_ttl_that_was_always_low_is_not_waited_for() -> None:
    provider = {
        name: {"records": found["records"]}
        for name, found in sections(wanted())["dns_provider"].items()
    }
    always: dict[str, Any] = {"sections": {"dns": {name: {"ttl_max": 300} for name in (ONE, TWO)}}}
    for baseline in (always, {}):
        evaluation = phases.evaluate(
            "switch", world(dns_provider=provider, timeline=[], baseline=baseline)
        )
        assert len(evaluation.values["domains"]) == 2 and evaluation.values["low_seen"] == []


def test_a_cache_with_the_old_record_is_waited_for() -> None:
    found = world(dns=changed_view(ONE, **view(OLD[ONE], resolver_ttl=1800)))
    result = only([domain_ttl.ttl(found, ONE)])
    assert (result.gate, result.until) == ("old_ttl", ahead(minutes=30))


HOST = OLD[ONE][0][1]
ELSEWHERE = "elsewhere.mail.protection.outlook.com"


def test_settings_as_they_should_be() -> None:
    assert only([domain_gates.domain_settings(world(), ONE)]).open
    upper = protected(ONE, transport=HOST.upper() + ".", allowed_delivery_modes=["direct", "API"])
    assert only([domain_gates.domain_settings(world(email_security={ONE: upper}), ONE)]).open


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"transport": ""}, "forwards to nowhere, not to %s" % HOST),
        ({"transport": None}, "forwards to nowhere"),
        ({"allowed_delivery_modes": ["API"]}, "not in MX mode"),
        ({"allowed_delivery_modes": []}, "not in MX mode"),
        ({"allowed_delivery_modes": None}, "not in MX mode"),
        ({"ip_restrictions": ["192.0.2.1/32"]}, "ip_restrictions"),
    ],
)
def test_wrong_settings_of_email_security_hold_the_domain(
    fields: dict[str, Any], words: str
) -> None:
    found = world(email_security={ONE: protected(ONE, **fields), TWO: protected(TWO)})
    result = only([domain_gates.domain_settings(found, ONE)])
    assert (result.gate, result.status, result.object) == (
        "area1_domain",
        NOT_YET,
        ONE,
    ) and words in result.message
    decided = World(found.sections, wanted(acknowledge=["area1_domain", "forwarding_host"]))
    for each in (found, decided):
        assert [item["name"] for item in phases.evaluate("switch", each).values["domains"]] == [TWO]


def test_the_host_that_a_person_gave_is_the_one_that_must_be_set() -> None:
    chosen = wanted(domains=[{"name": ONE, "forward_to": "own.gateway.example"}, TWO])
    assert (
        "not to own.gateway.example"
        in only([domain_gates.domain_settings(world(chosen), ONE)]).message
    )
    own = world(chosen, email_security={ONE: protected(ONE, transport="own.gateway.example")})
    assert only([domain_gates.domain_settings(own, ONE)]).open


@pytest.mark.parametrize(
    ("transport", "hosts"),
    [
        (ELSEWHERE, [HOST]),
        ("mailstream-east.mxrecord.io", []),
        (ONE, []),
    ],
)
def test_a_conflict_or_a_circle_stops_the_switch(transport: str, hosts: list[str]) -> None:
    found = world(
        email_security={ONE: protected(ONE, transport=transport), TWO: protected(TWO)},
        forwarding_hosts={
            ONE: {"hosts": hosts, "error": ""},
            TWO: {"hosts": [OLD[TWO][0][1]], "error": ""},
        },
    )
    result = only([domain_gates.domain_settings(found, ONE)])
    assert (result.gate, result.status) == (
        "forwarding_host",
        CANNOT,
    ) and transport in result.message
    assert [item["name"] for item in phases.evaluate("switch", found).values["domains"]] == [TWO]


def silent(names: str, resolvers: str) -> dict[str, Any]:
    found = view(OLD[ONE])
    for server, status in [
        *((item, names) for item in found["name_servers"]),
        *((item, resolvers) for item in found["resolvers"]),
    ]:
        if status != "ok":
            server.update(status=status, records=None)
    return found


@pytest.mark.parametrize(
    ("names", "resolvers", "words"),
    [
        ("timeout", "servfail", "no name server and no resolver answered"),
        ("refused", "ok", "no name server answered"),
        ("ok", "timeout", "no resolver answered"),
        ("nodata", "nxdomain", ""),
        ("ok", "ok", ""),
    ],
)
def test_somebody_on_either_side_must_have_answered(names: str, resolvers: str, words: str) -> None:
    found = world(
        wanted(acknowledge=["name_server", "dns_silent", "old_ttl"]),
        dns=changed_view(ONE, **silent(names, resolvers)),
    )
    result = only([domain_gates.answered(found, ONE)])
    assert (result.gate, result.status) == (
        "dns_silent",
        NOT_YET if words else HOLDS,
    ) and words in result.message
    switched = [item["name"] for item in phases.evaluate("switch", found).values["domains"]]
    assert not words or switched == [TWO], "whatever was decided about single servers"


def test_one_server_that_answers_is_enough_where_a_person_decided_about_the_others() -> None:
    found = changed_view(ONE)
    found[ONE]["name_servers"][1].update(status="timeout", records=None)
    found[ONE]["resolvers"].append({"address": "1.1.1.1", "status": "timeout", "records": None})
    decided = phases.evaluate("switch", world(wanted(acknowledge=["name_server"]), dns=found))
    assert [item["name"] for item in decided.values["domains"]] == [ONE, TWO]


def test_without_any_view_nobody_answered() -> None:
    for dns in (
        {},
        changed_view(ONE, name_servers=[], resolvers=None, error="no zone holds this name"),
    ):
        result = only([domain_gates.answered(world(dns=dns), ONE)])
        assert result.status == NOT_YET and (not dns or "no zone holds this name" in result.message)


def test_the_old_ttl_is_also_known_from_when_it_was_lowered() -> None:
    event = {"domain": ONE, "event": "ttl_lowered", "at": ago(minutes=61)}
    assert only([domain_ttl.ttl(world(timeline=[event]), ONE)]).open, "the baseline's hour is over"
    baselines: tuple[dict[str, Any], ...] = ({}, world().baseline)
    for baseline in baselines:
        found = world(
            timeline=[{**event, "ttl": 7200}, {**event, "domain": TWO, "ttl": 86400}],
            baseline=baseline,
        )
        result = only([domain_ttl.ttl(found, ONE)])
        assert (result.gate, result.until) == (
            "old_ttl",
            ahead(minutes=59),
        ), "the largest TTL that is known counts"
        assert found.old_ttl(ONE) == 7200 and found.largest_old_ttl() == 86400
    assert world(baseline={}, timeline=[event]).old_ttl(ONE) is None

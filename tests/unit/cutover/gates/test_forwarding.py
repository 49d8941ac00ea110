# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Area 1 forwards a domain's mail to: read from somewhere, in this order, and never
guessed.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.gates import forwarding
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_YET,
    GateResult,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.settings_input import (
    domains,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.worlds import NEW, OLD, ONE, TWO, records, sections, view, wanted, world

HOST = OLD[ONE][0][1]
ELSEWHERE = "elsewhere.mail.protection.outlook.com"


def choose(found: World, **entry: Any) -> tuple[str, GateResult]:
    host, result = forwarding.choose(found, domains([{"name": ONE, **entry}])[0])
    assert bool(host) == result.open, "a host goes with an open gate, and only with it"
    assert result.gate == "forwarding_host" and result.object == ONE
    return host, result


def made(
    graph: list[str] | None = None,
    transport: str = "",
    mx: list[tuple[int, str]] | None = None,
    before: list[tuple[int, str]] | None = None,
) -> World:
    """Only what is given is known."""
    return world(
        forwarding_hosts={} if graph is None else {ONE: {"hosts": graph, "error": ""}},
        email_security={ONE: {"transport": transport}},
        dns={ONE: view(mx or [])},
        baseline={"sections": {"dns": {ONE: {"records": records(before or [])}}}},
    )


def test_order_of_sources() -> None:
    found = made([HOST], HOST, [(0, HOST)])
    assert choose(found, forward_to="Own.Gateway.Example.")[0] == "own.gateway.example"
    assert "given in area1_domains" in choose(found, forward_to="own.gateway.example")[1].message
    assert "Microsoft Graph" in choose(found)[1].message
    assert "already set in Email Security" in choose(made(None, HOST, [(0, ELSEWHERE)]))[1].message
    assert choose(made(None, "", [(0, HOST)]))[0] == HOST
    assert "MX record in place" in choose(made(None, "", [(0, HOST)]))[1].message


def test_the_transport_in_place_wins_over_the_mx() -> None:
    assert choose(made(None, HOST, [(0, ELSEWHERE)]))[0] == HOST


def test_once_moved_the_baseline_knows_the_old_record() -> None:
    assert choose(made(None, "", NEW, [(0, HOST)]))[0] == HOST


@pytest.mark.parametrize(
    "mx",
    [
        [],
        [(0, "mx.google.com")],
        [(0, HOST), (10, ELSEWHERE)],
        [(0, HOST), (10, "backup.example.net")],
        [(0, "mail.protection.outlook.com.example.net")],
    ],
)
def test_a_record_that_is_not_the_one_of_microsoft_is_no_source(mx: list[tuple[int, str]]) -> None:
    host, result = choose(made(None, "", mx))
    assert (host, result.status) == ("", NOT_YET)
    assert "Domain.Read.All" in result.hint and "forward_to" in result.hint


def test_what_graph_said_is_told() -> None:
    found = world(
        forwarding_hosts={ONE: {"hosts": [], "error": "403 Forbidden"}},
        email_security={},
        dns={},
        baseline={},
    )
    assert "403 Forbidden" in choose(found)[1].message


def test_several_hosts_of_graph_are_settled_by_the_record_in_place_or_by_a_person() -> None:
    assert choose(made([ELSEWHERE, HOST], "", [(0, HOST)]))[0] == HOST
    host, result = choose(made([ELSEWHERE, HOST], "", []))
    assert (
        result.status == CANNOT
        and HOST in result.message
        and ELSEWHERE in result.message
        and "forward_to: HOST" in result.hint
    )
    assert choose(made([HOST, HOST.upper() + "."]))[0] == HOST, "one host, spelled twice"


def test_a_transport_that_contradicts_graph_is_for_a_person() -> None:
    host, result = choose(made([HOST], ELSEWHERE))
    assert result.status == CANNOT and HOST in result.message and ELSEWHERE in result.message
    assert choose(made([HOST], ELSEWHERE), forward_to=ELSEWHERE)[0] == ELSEWHERE
    assert choose(made([HOST], HOST.upper()))[0] == HOST


@pytest.mark.parametrize(
    "host",
    [
        "mailstream-east.mxrecord.io",
        "mxa.global.inbound.cf-emailsecurity.net",
        "MX.Own.Example.",
        ONE,
    ],
)
def test_mail_never_goes_in_a_circle(host: str) -> None:
    chosen = wanted(mx_records=[{"priority": 10, "host": "mx.own.example"}])
    for found in (made([host]), made(None, host)):
        _, result = choose(World(found.sections, chosen))
        assert result.status == CANNOT and "circle" in result.message
    assert choose(World(made([HOST]).sections, chosen), forward_to=host)[1].status == CANNOT


def test_the_phase_goes_on_with_the_domains_whose_host_is_known() -> None:
    chosen = wanted(domains=[{"name": ONE, "dns_provider": "cloudflare", "canary": True}, TWO])
    found = sections(chosen)
    found["forwarding_hosts"][TWO] = {"hosts": [], "error": "404"}
    found["email_security"][TWO]["transport"] = ""
    found["dns"][TWO] = view([(0, "mx.google.com")])
    found["baseline"] = {}
    evaluation = phases.evaluate("area1_domains", World(found, chosen))
    assert evaluation.values["domains"] == [
        {"name": ONE, "dns_provider": "cloudflare", "forward_to": HOST}
    ]
    assert [(result.object, result.status) for result in evaluation.results] == [
        (ONE, HOLDS),
        (TWO, NOT_YET),
    ]
    assert evaluation.values["mx_hosts"] == [host for _, host in NEW]

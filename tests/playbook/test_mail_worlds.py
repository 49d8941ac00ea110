# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tenants with a past, under real mail: a run says what stands in the way; who does as it says ends
finished, and no mail is lost.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.playbook.by_hand import (
    LOCKDOWN,
    advance_to,
    exchange_writes,
    invoke,
    low_ttl,
    moment,
    run_when_due,
)
from tests.playbook.end_state import EGRESS, assert_connectors, assert_finished, assert_switched
from tests.playbook.flow import assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import Deployment, Outcome

GATEWAY = "Gateway Inbound Lockdown"
NEW_DOMAIN = "northwind-new.example"
SCANNER, SERVICE = "192.0.2.77", "198.51.100.222"
TODAY = ("Email Security Inbound Connector", "Secure M365 Inbound")
# Exchange that acts at once saves runs; the former gateway's is slow.
SOON = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}
MAILS = 400


def prepared(deploy: Callable[..., Deployment], world: str, **settings: Any) -> Deployment:
    """The operator lowered the TTL days ago."""
    deployment = deploy(world)
    low_ttl(deployment)
    for name, value in {"connector_delay_minutes": 0, **settings}.items():
        deployment.lab.setting(name, value)
    deployment.variables |= SOON
    return deployment


def trickling(
    deployment: Deployment, domains: Sequence[str] = ()
) -> contextlib.AbstractContextManager[None]:
    """Few mails, but at every moment; test_traffic has the many.

    No attackers: who sends past Area 1 is what this world says.
    """
    return flowing(deployment, rate=5, attack_rate=0, domains=domains)


def stopped(outcome: Outcome) -> dict[tuple[str, str], dict[str, Any]]:
    """By gate and object, what this run said that a person has to do."""
    assert outcome.rc != 0 and "NOT DONE" in outcome.stdout, outcome.stdout
    return {
        (entry["gate"], entry["object"]): entry
        for entry in outcome.report["journal"]
        if entry["status"] == "cannot"
    }


def first_line(outcome: Outcome) -> str:
    """What a person reads first: below the title."""
    return outcome.stdout.partition("Area 1 for ")[2].splitlines()[2]


def assert_no_flapping(deployment: Deployment, *names: str) -> None:
    """Each of these connectors was switched on once at most, and that was never taken back."""
    states: dict[str, list[bool]] = {name: [] for name in names}
    for cmdlet, parameters in exchange_writes(deployment):
        assert cmdlet != "Remove-InboundConnector"
        name = str(parameters.get("Name") or parameters.get("Identity"))
        enabled = parameters.get("Enabled", cmdlet == "New-InboundConnector" or None)
        if (
            cmdlet in ("New-InboundConnector", "Set-InboundConnector")
            and name in states
            and enabled is not None
        ):
            states[name] += [] if states[name][-1:] == [enabled] else [enabled]
    assert all(found in ([], [True], [False, True]) for found in states.values()), states


def assert_adopted(deployment: Deployment, before: list[dict[str, Any]]) -> None:
    """The same connectors, not one made beside them."""
    found = deployment.tenant()["inbound_connectors"]
    assert [(item["Name"], item["Guid"], item["WhenCreatedUTC"]) for item in found] == [
        (item["Name"], item["Guid"], item["WhenCreatedUTC"]) for item in before
    ]
    assert "New-InboundConnector" not in {
        cmdlet for cmdlet, _parameters in exchange_writes(deployment)
    }


# --- a former gateway ---


def test_a_former_gateway_s_lock_down_holds_the_switch_until_it_has_ceased_to_act(
    deploy: Callable[..., Deployment],
) -> None:
    # What a person changes goes on acting for longer than any cache.
    deployment = prepared(
        deploy, "former_gateway", edge_refuses_at="data", connector_delay_minutes=30
    )
    deployment.variables["area1_settle_minutes"] = 31
    before, gateway = deployment.mx(), deployment.connector(GATEWAY)
    with trickling(deployment):
        first = deployment.run()
        answer = stopped(first)[("restricting_connector", GATEWAY)]
        assert answer["phase"] == "switch" and "every sender domain" in answer["message"]
        assert deployment.mx() == before and deployment.connector(GATEWAY) == gateway

        deployment.lab.advance(minutes=32)
        _do_as_it_says(deployment, answer["hint"])
        since = deployment.lab.mark()
        early = deployment.run("--tags", "mx")
        assert early.rc == 0 and deployment.lab.writes(since) == [], early.stdout
        assert {(entry["gate"], entry["object"]) for entry in early.report["due"]} == {
            ("settled", "connector %s" % GATEWAY)
        }

        advance_to(deployment, moment(early.report["next"]))
        run_when_due(deployment)
    assert_finished(deployment)
    assert_nothing_lost(deployment, MAILS)
    assert_closed(deployment, 30)
    assert_no_flapping(deployment, "Area 1 Inbound Connector", LOCKDOWN)
    assert _without_dates(deployment.connector(GATEWAY)) == {
        **_without_dates(gateway),
        "Enabled": False,
    }


def _do_as_it_says(deployment: Deployment, hint: str) -> None:
    match = re.search(
        r'\((?P<cmdlet>[A-Z]\w+-\w+) -Identity "(?P<identity>[^"]+)" -Enabled \$false\)', hint
    )
    assert match, hint
    invoke(deployment, match["cmdlet"], Identity=match["identity"], Enabled=False)


def _without_dates(connector: dict[str, Any] | None) -> dict[str, Any]:
    assert connector is not None
    return {key: value for key, value in connector.items() if not key.startswith("WhenChanged")}


# --- senders that go past any MX ---


def test_direct_senders_hold_the_lock_down_until_somebody_decided_about_each(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = prepared(deploy, "direct_senders", equal_connectors="newest")
    with trickling(deployment):
        held = _until_it_stops(deployment)
        found = stopped(held)
        assert set(found) == {
            ("direct_senders", SCANNER),
            ("direct_senders", SERVICE),
        }, "and nobody else sends past Area 1"
        assert "scanner@northwind.example" in found[("direct_senders", SCANNER)]["message"]
        for address in (SCANNER, SERVICE):
            assert "direct_senders:%s" % address in found[("direct_senders", address)]["hint"]
        _assert_off(deployment)

        deployment.variables["area1_acknowledge"] = ["direct_senders:%s" % SCANNER]
        half = deployment.run("--tags", "lockdown")
        assert set(stopped(half)) == {("direct_senders", SERVICE)}
        _assert_off(deployment)

        deployment.variables["area1_acknowledge"].append("direct_senders:%s" % SERVICE)
        decided = run_when_due(deployment)
        assert {
            entry["object"]
            for entry in decided[0].report["journal"]
            if entry["status"] == "acknowledged"
        } == {SCANNER, SERVICE}
    assert_finished(deployment)
    assert_nothing_lost(deployment, MAILS)
    assert_closed(deployment, 30)
    assert_no_flapping(deployment, "Area 1 Inbound Connector", LOCKDOWN)
    refused = deployment.lab.traffic(mails=80)["direct"]
    assert set(refused) == {"scanner", "saas"} and all(
        set(states) == {"lost"} for states in refused.values()
    ), "what was decided about"


def _until_it_stops(deployment: Deployment, limit: int = 5) -> Outcome:
    """Run when it is due, until the run that needs a person."""
    for _ in range(limit):
        outcome = deployment.run()
        if outcome.rc != 0:
            return outcome
        advance_to(deployment, moment(outcome.report["next"]))
        deployment.lab.advance(seconds=10)
    raise AssertionError("nothing stopped it:\n" + outcome.stdout)


def _assert_off(deployment: Deployment) -> None:
    connector = deployment.connector(LOCKDOWN)
    assert connector is not None and connector["Enabled"] is False


# --- locked down, and grown since ---


def test_a_domain_that_came_after_the_lock_down_is_the_first_thing_said_and_moves(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = prepared(deploy, "locked_year_ago")
    before = deployment.tenant()["inbound_connectors"]
    names = list(deployment.variables["area1_domains"])
    host = deployment.tenant()["mail_hosts"][NEW_DOMAIN]
    _long_ttl(deployment, NEW_DOMAIN)
    assert (
        NEW_DOMAIN not in names
        and deployment.lab.send(host, "a@s001.senders.example", "b@%s" % NEW_DOMAIN)["code"] == 550
    )
    with trickling(deployment, names):
        first = deployment.run()
        _assert_alarm(first)
        assert set(stopped(first)) == {
            ("lockdown_exposed", NEW_DOMAIN),
            ("baseline", ""),
        }, "it stops for another reason, and yet says so"
        assert deployment.lab.writes() == []

        # What the two answers ask for. The baseline of the year before is nobody's any more.
        deployment.variables |= {
            "area1_acknowledge": ["baseline"],
            "area1_domains": [*names, NEW_DOMAIN],
        }
        _assert_alarm(deployment.run())
        assert_switched(deployment, NEW_DOMAIN)
        # Caches forget; nothing else is left to be done.
        deployment.lab.advance(hours=1)
        last = deployment.run()
    assert last.rc == 0 and last.report["done"] is True and "BEING REFUSED" not in last.stdout, (
        last.stdout
    )
    assert last.stats["changed"] == 0
    assert_adopted(deployment, before)
    assert_connectors(deployment)
    assert_switched(deployment)
    assert_nothing_lost(deployment, MAILS)
    assert_closed(deployment, 30)
    assert_no_flapping(deployment, *(item["Name"] for item in before))
    assert [
        entry for entry in exchange_writes(deployment) if "InboundConnector" in entry[0]
    ] == [], "they were as wanted"


def _assert_alarm(outcome: Outcome) -> None:
    assert first_line(outcome).startswith(
        "! %s: THE LOCK-DOWN IS ON AND MAIL FOR THIS DOMAIN IS BEING REFUSED" % NEW_DOMAIN
    ), outcome.stdout
    answer = stopped(outcome)[("lockdown_exposed", NEW_DOMAIN)]
    assert LOCKDOWN in answer["hint"] and "MX records to Area 1" in answer["hint"]


def _long_ttl(deployment: Deployment, name: str) -> None:
    """Nobody prepared this one: caches keep its old records for an hour."""
    for record in _mx_records(deployment, name):
        deployment.lab.mutate(
            ["cloudflare", "zones", name, "records", record["id"], "ttl"], value=3600
        )
    deployment.lab.dns(flush=True, warm=True)


# --- begun by hand ---


def test_what_was_begun_by_hand_is_adopted_and_finished(deploy: Callable[..., Deployment]) -> None:
    deployment = prepared(deploy, "half_finished", equal_connectors="newest")
    before, moved = (
        deployment.tenant()["inbound_connectors"],
        _mx_records(deployment, "northwind.example"),
    )
    with trickling(deployment):
        first = deployment.run()
        assert set(stopped(first)) == {("baseline", "")} and deployment.lab.writes() == []
        adopted = _named_for_adoption(first)
        assert adopted == dict(
            zip(("area1_connector_name", "area1_lockdown_connector_name"), TODAY, strict=True)
        )

        deployment.variables |= {**adopted, "area1_acknowledge": ["baseline"]}
        outcomes = run_when_due(deployment)
    assert "made_by_hand" not in {entry.get("gate") for entry in outcomes[0].report["journal"]}
    assert_finished(deployment, *TODAY)
    assert_adopted(deployment, before)
    assert _mx_records(deployment, "northwind.example") == moved, (
        "what had moved already is not written again"
    )
    allowed = deployment.tenant()["connection_filter"]["IPAllowList"]
    assert len(allowed) == len(EGRESS), "none twice"
    assert_nothing_lost(deployment, MAILS)
    assert_closed(deployment, 30)
    assert_no_flapping(deployment, *TODAY)


def _named_for_adoption(outcome: Outcome) -> dict[str, str]:
    """Variable and connector, from what the run says of each."""
    messages = [
        entry["message"]
        for entry in outcome.report["journal"]
        if entry.get("gate") == "made_by_hand"
    ]
    found = [re.search(r"(area1_\w+): (.+) adopts it", message) for message in messages]
    return {match[1]: match[2] for match in found if match}


def _mx_records(deployment: Deployment, name: str) -> list[dict[str, Any]]:
    zone = deployment.lab.state()["cloudflare"]["zones"][name]
    return [record for record in zone["records"] if record["type"] == "MX"]

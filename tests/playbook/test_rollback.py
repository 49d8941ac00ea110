# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back, from each phase, to the baseline merged with what the customer did in between; from
the lab's state and log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import (
    iso,
    parse_time,
)
from tests.playbook.by_hand import (
    LOCKDOWN,
    advance_to,
    exchange_writes,
    invoke,
    low_ttl,
    moment,
    replace_mx,
)
from tests.playbook.flow import assert_nothing_lost, flowing
from tests.playbook.harness import EU_RECORDS, ROOT, SERVER_MADE, Deployment, Outcome

ROLLBACK = ROOT / "playbooks" / "rollback.yml"
CONNECTOR = "Area 1 Inbound Connector"
QUICK: dict[str, Any] = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}
#: Where the record's ids, comments and dates do not count.
KEPT = (
    "connection_filter",
    "content_filter_policies",
    "content_filter_rules",
    "inbound_connectors",
    "transport_rules",
    "quarantine_policies",
    "organization",
)


def tenant(deployment: Deployment) -> dict[str, Any]:
    """What a rollback has to bring back, without what only the server makes."""
    found = deployment.tenant()
    return {name: _plain(found[name]) for name in KEPT}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if key not in SERVER_MADE}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def roll_back(deployment: Deployment, limit: int = 6, **options: Any) -> list[Outcome]:
    """Run until it says rolled back, each time just after the moment that the summary named."""
    deployment.playbook = ROLLBACK
    outcomes: list[Outcome] = []
    while len(outcomes) < limit:
        outcome = deployment.run(**options)
        assert outcome.rc == 0, outcome.stdout
        outcomes.append(outcome)
        if outcome.report["done"]:
            assert "ROLLED BACK" in outcome.stdout
            return outcomes
        assert "GOES ON" in outcome.stdout and outcome.report["next"], outcome.stdout
        advance_to(deployment, moment(outcome.report["next"]))
        deployment.lab.advance(seconds=10)
    raise AssertionError("not rolled back after %d runs:\n%s" % (limit, outcomes[-1].stdout))


def assert_nothing_more(deployment: Deployment, **options: Any) -> None:
    since = deployment.lab.mark()
    again = deployment.run(**options)
    assert again.rc == 0 and again.stats["changed"] == 0 and again.report["done"] is True, (
        again.stdout
    )
    assert deployment.lab.writes(since) == []


def test_a_finished_tenant_goes_back_in_the_order_of_risk(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    before, mx = tenant(deployment), deployment.mx()
    deployment.until_done(variables=QUICK)
    connector = deployment.connector(LOCKDOWN)
    assert connector is not None and connector["Enabled"] is True

    deployment.playbook = ROLLBACK
    since = deployment.lab.mark()
    plan = deployment.run(check=True)
    assert plan.rc == 0 and deployment.lab.writes(since) == [], plan.stdout
    assert [
        after["Enabled"] for _before, after in plan.diffs()["InboundConnector %s" % LOCKDOWN]
    ] == [False]

    with flowing(deployment):
        outcomes = roll_back(deployment)
        deployment.lab.advance(minutes=10)
    assert_nothing_lost(deployment, 600)
    assert len(outcomes) == 3
    (ended,) = [
        event
        for event in json.loads((deployment.state_directory / "timeline.json").read_text())
        if event["event"] == "lockdown_off"
    ]
    enabled = parse_time(connector["WhenChangedUTC"])
    assert (
        enabled is not None and ended["domain"] == LOCKDOWN and ended["subject"] == iso(enabled)
    ), "which enabling it ended"
    writes = deployment.lab.writes(since)
    assert [entry.get("cmdlet") or "MX" for entry in writes] == [
        "Set-InboundConnector",
        *["MX"] * 3,
        "Remove-TransportRule",
        *["Remove-InboundConnector"] * 2,
        "Set-HostedConnectionFilterPolicy",
        "Set-HostedContentFilterPolicy",
        "Remove-QuarantinePolicy",
    ]
    off, restored, removed = (moment(writes[index]["time"]) for index in (0, 1, 4))
    assert (restored - off).total_seconds() >= 3600, (
        "Exchange may need an hour to stop refusing direct mail"
    )
    assert (removed - restored).total_seconds() >= 300, (
        "both paths stay open until caches have run out"
    )
    assert tenant(deployment) == before and deployment.mx() == mx
    assert "deleting it cannot be undone" in " ".join(outcomes[-1].stdout.split())
    assert_nothing_more(deployment)


def test_from_the_first_day_what_the_customer_did_since_stays(
    deploy: Callable[..., Deployment],
) -> None:
    """Busy: entries of Area 1 were in the list before us, SPF hard fail was On, TTLs were a day."""
    deployment = deploy("busy")
    expected, mx = tenant(deployment), deployment.mx()
    with flowing(deployment):
        first = deployment.run()
        assert first.rc == 0 and deployment.mx() != mx, first.stdout
        assert {
            policy["MarkAsSpamSpfRecordHardFail"]
            for policy in tenant(deployment)["content_filter_policies"]
        } != {"On"}
        _by_hand(deployment)
        since = deployment.lab.mark()
        assert len(roll_back(deployment)) == 1, (
            "no mail came through Area 1 yet: nothing to wait for"
        )
        deployment.lab.advance(minutes=10)
    assert_nothing_lost(deployment, 600)
    allowed = expected["connection_filter"]["IPAllowList"]
    merged = {*allowed, "198.51.100.7"} - {"203.0.113.10"}
    found = tenant(deployment)
    assert set(found["connection_filter"].pop("IPAllowList")) == merged
    del expected["connection_filter"]["IPAllowList"]
    _named(expected["content_filter_policies"], "Finance strict")["BulkThreshold"] = 5
    _named(expected["transport_rules"], "Invoices")["Comments"] = "kept by accounting"
    assert found == expected and deployment.mx() == mx
    removed = {
        given["Identity"]
        for name, given in exchange_writes(deployment, since)
        if name.startswith("Remove-")
    }
    assert removed == {
        CONNECTOR,
        "Email Security Deliver to Junk Email folder",
        "UserNotifyAdminRelease",
    }, "only what we made"


def _by_hand(deployment: Deployment) -> None:
    """An address more and one less, a policy's other value, a name that a rule got."""
    entries = ["198.51.100.7", *deployment.tenant()["connection_filter"]["IPAllowList"]]
    entries.remove("203.0.113.10")
    deployment.lab.mutate(["tenant", "connection_filter", "IPAllowList"], value=entries)
    invoke(deployment, "Set-HostedContentFilterPolicy", Identity="Finance strict", BulkThreshold=5)
    invoke(deployment, "Set-TransportRule", Identity="Invoices", Comments="kept by accounting")


def _named(records: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(record for record in records if record["Name"] == name)


def test_from_the_switch_and_from_the_soak_a_set_that_somebody_changed_is_left(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    before, mx = tenant(deployment), deployment.mx()
    deployment.variables["area1_settle_minutes"] = 0
    switched = deployment.run()
    assert switched.rc == 0 and deployment.connector(LOCKDOWN) is None, switched.stdout
    assert {tuple(row[:2]) for rows in deployment.mx().values() for row in rows} == set(EU_RECORDS)
    with flowing(deployment):
        assert len(roll_back(deployment)) == 2
        deployment.lab.advance(minutes=10)
    assert_nothing_lost(deployment, 600)
    assert tenant(deployment) == before and deployment.mx() == mx

    deployment.playbook = ROOT / "playbooks" / "deploy_area1.yml"
    assert deployment.run().rc == 0
    deployment.lab.advance(minutes=6)
    assert deployment.run().rc == 0
    staged = deployment.connector(LOCKDOWN)
    assert staged is not None and staged["Enabled"] is False
    third = [(10, "mx.another-gateway.example")]
    replace_mx(deployment, "nw-labs.example", third)
    with flowing(deployment, domains=["northwind.example", "northwind-group.example"]):
        outcomes = roll_back(deployment)
        deployment.lab.advance(minutes=10)
    assert_nothing_lost(deployment, 900)
    assert tenant(deployment) == before
    assert deployment.mx() == {**mx, "nw-labs.example": [(10, "mx.another-gateway.example", 300)]}
    assert "nw-labs.example: somebody changed its MX records since" in " ".join(
        outcomes[-1].stdout.split()
    )


def test_without_a_baseline_nothing_is_undone(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    deployment.playbook = ROLLBACK
    outcome = deployment.run()
    assert outcome.rc != 0 and deployment.lab.writes() == []
    assert "there is no baseline in %s" % deployment.state_directory in " ".join(
        outcome.report["failures"]
    )
    assert not deployment.state_directory.joinpath("baseline.json").exists(), (
        "today's state is not taken for the one before"
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back, from each phase, to the baseline merged with what the customer did in between; from the lab's state and log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.playbook.by_hand import LOCKDOWN, advance_to, exchange_writes, moment
from tests.playbook.harness import EU_RECORDS, ROOT, SERVER_MADE, Deployment, Outcome

ROLLBACK = ROOT / "playbooks" / "rollback.yml"
CONNECTOR = "Area 1 Inbound Connector"
QUICK: dict[str, Any] = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}
#: Where the record's ids, comments and dates do not count.
KEPT = ("connection_filter", "content_filter_policies", "content_filter_rules", "inbound_connectors", "transport_rules", "quarantine_policies", "organization")


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
    assert again.rc == 0 and again.stats["changed"] == 0 and again.report["done"] is True, again.stdout
    assert deployment.lab.writes(since) == []


def test_a_finished_fresh_tenant_goes_back_in_the_order_of_risk(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    before, mx = tenant(deployment), deployment.mx()
    deployment.until_done(variables={"area1_lockdown_soak_hours": 0})
    connector = deployment.connector(LOCKDOWN)
    assert connector is not None and connector["Enabled"] is True

    deployment.playbook = ROLLBACK
    since = deployment.lab.mark()
    plan = deployment.run(check=True)
    assert plan.rc == 0 and deployment.lab.writes(since) == [], plan.stdout
    assert [after["Enabled"] for _before, after in plan.diffs()["InboundConnector %s" % LOCKDOWN]] == [False]

    first = deployment.run()
    assert first.rc == 0 and first.report["done"] is False, first.stdout
    assert [name for name, _given in exchange_writes(deployment, since)] == ["Set-InboundConnector"]
    assert {tuple(row[:2]) for rows in deployment.mx().values() for row in rows} == set(EU_RECORDS), "mail goes on as it is"
    waiting = deployment.lab.mark()
    early = deployment.run()
    assert deployment.lab.writes(waiting) == [] and early.report["next"] == first.report["next"], "the wait is not shortened"

    outcomes = roll_back(deployment)
    assert len(outcomes) <= 3
    writes = [entry.get("cmdlet") or "MX" for entry in deployment.lab.writes(since)]
    assert writes == [
        "Set-InboundConnector",
        *["MX"] * 3,
        *["Remove-InboundConnector"] * 2,
        "Set-HostedConnectionFilterPolicy",
        *["MX"] * 2,
    ]
    restored = next(entry for entry in deployment.lab.writes(since) if not entry.get("cmdlet"))
    removed = next(entry for entry in deployment.lab.writes(since) if entry.get("cmdlet") == "Remove-InboundConnector")
    assert (moment(restored["time"]) - moment(first.report["date"])).total_seconds() >= 3590, "an hour for Exchange"
    assert (moment(removed["time"]) - moment(restored["time"])).total_seconds() >= 300, "both paths stay open for the TTL"
    assert tenant(deployment) == before and deployment.mx() == mx
    assert "deleting it cannot be undone" in " ".join(outcomes[-1].stdout.split())
    assert_nothing_more(deployment)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No option of ansible-playbook walks around a gate; a host that fails gets its summary, fails, and
holds no other.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.playbook.harness import Deployment, Outcome
from tests.playbook.tenants import run_tenants

SWITCH = "Decide which domains move now"
ENABLE = "Enable or keep the lock-down connector"
STAGE = "Stage the lock-down connector, or note why it is off"


def assert_untouched(deployment: Deployment, since: int) -> None:
    assert deployment.lab.writes(since) == []


def assert_mail_as_before(deployment: Deployment) -> None:
    """Every domain's mail goes where it went, and nothing refuses mail."""
    for name, records in deployment.mx().items():
        assert [host for _priority, host, _ttl in records] == [
            deployment.tenant()["mail_hosts"][name]
        ], name
    assert not [
        item
        for item in deployment.tenant()["inbound_connectors"]
        if item["RestrictDomainsToIPAddresses"] and item["Enabled"]
    ]


def assert_failed_with_summary(outcome: Outcome) -> None:
    assert outcome.rc != 0, outcome.stdout
    assert outcome.report["failures"] and outcome.report["done"] is False
    assert "NOT DONE" in outcome.stdout


def test_a_fresh_tenant_gives_way_to_no_option(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    soak = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}

    since = deployment.lab.mark()
    lockdown = deployment.run("--tags", "lockdown", variables=soak)
    assert lockdown.rc == 0 and lockdown.results("Refuse what cannot work"), lockdown.stdout
    assert_untouched(deployment, since)
    assert {
        entry["object"] for entry in lockdown.report["due"] if entry["gate"] == "exposed"
    } == set(deployment.lab.extra_vars["area1_domains"])

    for task in (SWITCH, STAGE, ENABLE):
        outcome = deployment.run("--start-at-task", task, variables=soak)
        assert_failed_with_summary(outcome)
        assert_untouched(deployment, since)

    unseen = deployment.run("--skip-tags", "always", variables=soak)
    assert unseen.rc != 0, unseen.stdout
    assert_untouched(deployment, since)

    mx = deployment.run("--tags", "mx", variables=soak)
    assert mx.rc == 0 and mx.results("Refuse what cannot work"), mx.stdout
    assert {entry["gate"] for entry in mx.report["due"]} >= {"settled", "area1_domain"}
    assert [entry for entry in deployment.lab.writes(since) if entry["service"] == "exchange"] == []
    assert_mail_as_before(deployment)


def test_a_staged_lock_down_is_not_enabled_by_the_back_door(
    deploy: Callable[..., Deployment],
) -> None:
    """All is moved and the connector is staged; only the soak is not over."""
    deployment = deploy("fresh")
    soak = {"area1_settle_minutes": 0, "area1_mx_ttl": 3600}
    for _ in range(4):
        outcome = deployment.run(variables=soak)
        assert outcome.rc == 0, outcome.stdout
        if deployment.connector("Secure O365 Inbound"):
            break
        deployment.lab.advance(hours=1, minutes=5)
    staged = deployment.connector("Secure O365 Inbound")
    assert staged is not None and staged["Enabled"] is False, outcome.stdout

    since = deployment.lab.mark()
    assert deployment.run("--tags", "lockdown", variables=soak).rc == 0
    assert_failed_with_summary(deployment.run("--start-at-task", ENABLE, variables=soak))
    assert_untouched(deployment, since)
    assert deployment.connector("Secure O365 Inbound") == staged


def test_a_tenant_that_fails_holds_no_other(deploy: Callable[..., Deployment]) -> None:
    """One host's credentials are broken. --skip-tags preflight takes nothing out: preflight always
    runs.
    """
    deployment = deploy("fresh")
    hosts = {"broken": {"o365_client_secret": "wrong~secret"}, "fine": {}}
    outcome, found = run_tenants(deployment, hosts, "--skip-tags", "preflight")
    assert outcome.rc != 0
    assert found["broken"].failed and "AADSTS7000215" in found["broken"].failures
    assert not found["fine"].failed and found["fine"].results("Refuse what cannot work")
    assert found["fine"].report["failures"] == [] and len(found["fine"].report["changed"]) > 5
    assert outcome.stdout.count("Area 1 for northwind.onmicrosoft.com") == 2, (
        "each has its summary on the terminal"
    )
    assert len(deployment.tenant()["connection_filter"]["IPAllowList"]) == 42
    assert deployment.connector("Area 1 Inbound Connector") is not None
    assert_mail_as_before(deployment)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a customer has that would lose mail at the switch or under the lock-down: each holds the run
back, and says so.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.playbook.by_hand import LOCKDOWN, invoke, low_ttl, run_when_due
from tests.playbook.end_state import assert_finished, assert_switched
from tests.playbook.harness import EU_RECORDS, Deployment, Outcome

SOON = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}
DIVERTED = "northwind-group.example"


def gates(outcome: Outcome) -> set[tuple[str, str]]:
    """(gate, object) of all that did not hold."""
    return {
        (entry["gate"], entry["object"])
        for entry in outcome.report["journal"]
        if entry.get("gate") and entry["status"] in ("due", "cannot")
    }


def moved(deployment: Deployment) -> set[str]:
    return {
        name
        for name, records in deployment.mx().items()
        if [(priority, host) for priority, host, _ttl in records] == EU_RECORDS
    }


def test_nothing_is_switched_into_a_refusal_or_a_wrong_host(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    first = deployment.run(variables={**SOON, "area1_settle_minutes": 60})
    assert first.rc == 0 and not moved(deployment), first.stdout
    deployment.lab.advance(hours=2)
    partner = {
        "Name": "Partner bank",
        "SenderDomains": ["bank.example"],
        "SenderIPAddresses": ["192.0.2.10"],
    }
    invoke(
        deployment,
        "New-InboundConnector",
        ConnectorType="Partner",
        RequireTls=True,
        RestrictDomainsToIPAddresses=True,
        **partner,
    )
    reject = {
        "Name": "Only by the old gateway",
        "FromScope": "NotInOrganization",
        "RejectMessageReasonText": "No.",
        "ExceptIfSenderIpRanges": ["192.0.2.10"],
    }
    invoke(deployment, "New-TransportRule", **reject)
    invoke(
        deployment,
        "Set-HostedContentFilterPolicy",
        Identity="Default",
        MarkAsSpamSpfRecordHardFail="On",
    )
    deployment.lab.mutate(
        ["tenant", "mail_hosts", DIVERTED], value="elsewhere.mail.protection.outlook.com"
    )

    held = deployment.run("--tags", "mx", variables=SOON)
    assert held.rc != 0 and not moved(deployment), held.stdout
    expected = {
        ("restricting_connector", "Partner bank"),
        ("transport_rule", reject["Name"]),
        ("spf_hard_fail", "Default"),
        ("forwarding_host", DIVERTED),
    }
    assert expected <= gates(held), gates(held)

    decided = {
        **SOON,
        "area1_acknowledge": [
            "restricting_connector:Partner bank",
            "transport_rule:%s" % reject["Name"],
        ],
    }
    second = deployment.run(variables=decided)
    assert second.rc != 0, "one domain still needs a decision"
    assert moved(deployment) == set(deployment.lab.extra_vars["area1_domains"]) - {DIVERTED}, (
        second.stdout
    )
    domains = [
        (
            name
            if name != DIVERTED
            else {"name": name, "forward_to": "elsewhere.mail.protection.outlook.com"}
        )
        for name in deployment.lab.extra_vars["area1_domains"]
    ]
    third = deployment.run(variables={**decided, "area1_domains": domains})
    assert third.rc == 0, third.stdout
    assert_switched(deployment)


def test_done_means_that_everything_is_in_place(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    run_when_due(deployment, variables=SOON)
    assert_finished(deployment)

    # A scanner delivers directly: its administrator let it in. That is theirs to decide, and stays.
    scanner = {"@odata.type": "#Exchange.GenericHashTable", "add": ["198.51.100.9"]}
    invoke(
        deployment,
        "Set-InboundConnector",
        Identity=LOCKDOWN,
        SenderIPAddresses=scanner,
        Confirm=False,
    )
    since = deployment.lab.mark()
    again = deployment.run(variables=SOON)
    assert again.rc == 0 and again.report["done"] is True and deployment.lab.writes(since) == [], (
        again.stdout
    )
    assert "198.51.100.9" in again.stdout, "it is said"

    # Somebody breaks the first connector and empties the allow list: no tag makes that "done".
    invoke(
        deployment,
        "Set-InboundConnector",
        Identity="Area 1 Inbound Connector",
        EFSkipLastIP=False,
        Confirm=False,
    )
    deployment.lab.mutate(["tenant", "connection_filter", "IPAllowList"], value=[])
    looked = deployment.run("--tags", "verify", variables=SOON)
    assert looked.report["done"] is False and "DONE" not in looked.stdout, looked.stdout
    assert {("settled", "Area 1 Inbound Connector"), ("settled", "connection filter")} <= gates(
        looked
    )
    planned = deployment.run(variables=SOON, check=True)
    assert planned.report["done"] is False and planned.report["changed"], planned.stdout

    mended = deployment.run(variables=SOON)
    assert mended.rc == 0 and mended.report["done"] is True, mended.stdout
    off = deployment.run(variables={**SOON, "area1_lockdown": False})
    assert off.report["locked"] is True and "the lock-down is not on" not in off.stdout, off.stdout

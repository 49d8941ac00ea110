# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end state of the tutorial, asserted from the lab's own state."""

from __future__ import annotations

from typing import Any

from tests.playbook.harness import EU_RECORDS, Deployment

EGRESS = {
    "52.11.209.211",
    "52.89.255.11",
    "52.0.67.109",
    "54.173.50.115",
    "158.51.64.0/26",
    "158.51.65.0/26",
    "52.58.35.43",
    "35.157.195.63",
    "134.195.26.0/24",
    "134.195.27.0/24",
    *("104.30.%d.0/24" % third for third in range(32, 64)),
}


def assert_finished(deployment: Deployment, *connectors: str) -> None:
    tenant = deployment.tenant()
    assert len(EGRESS) == 42
    assert set(tenant["connection_filter"]["IPAllowList"]) == EGRESS
    assert {
        policy["MarkAsSpamSpfRecordHardFail"] for policy in tenant["content_filter_policies"]
    } == {"Off"}
    assert_message_handling(tenant)
    assert_connectors(deployment, *connectors)
    assert_switched(deployment)
    assert_domains(deployment)


def assert_message_handling(tenant: dict[str, Any]) -> None:
    """Use case 1, as Cloudflare's page has it ([CF-4.1] to [CF-4.3])."""
    policy = next(item for item in tenant["content_filter_policies"] if item["IsDefault"])
    assert policy["SpamAction"] == "MoveToJmf"
    for verdict in ("HighConfidenceSpam", "Phish", "HighConfidencePhish"):
        assert (
            policy["PhishSpamAction" if verdict == "Phish" else verdict + "Action"] == "Quarantine"
        )
        assert policy[verdict + "QuarantineTag"] == "UserNotifyAdminRelease"
    made = {item["Name"]: item for item in tenant["quarantine_policies"]}["UserNotifyAdminRelease"]
    assert made["EndUserQuarantinePermissionsValue"] == 8 + 2 + 1 and made["ESNEnabled"] is True
    rule = {item["Name"]: item for item in tenant["transport_rules"]}[
        "Email Security Deliver to Junk Email folder"
    ]
    assert rule["HeaderContainsMessageHeader"] == "X-CFEmailSecurity-Disposition"
    assert (
        rule["HeaderContainsWords"] == ["SUSPICIOUS", "BULK"]
        and set(rule["SenderIpRanges"]) == EGRESS
    )
    assert rule["SetSCL"] == "5" and rule["State"] == "Enabled" and rule["Mode"] == "Enforce"


def assert_connectors(
    deployment: Deployment,
    name: str = "Area 1 Inbound Connector",
    lockdown: str = "Secure O365 Inbound",
) -> None:
    first, second = deployment.connector(name), deployment.connector(lockdown)
    assert first is not None and second is not None
    for connector in (first, second):
        assert connector["ConnectorType"] == "Partner"
        assert set(connector["SenderIPAddresses"]) == EGRESS
        assert connector["SenderDomains"] == ["smtp:*;1"]
        assert connector["RequireTls"] is True
        assert connector["Enabled"] is True
        assert connector["EFSkipLastIP"] is True
        assert not connector["EFUsers"] and not connector["EFSkipIPs"]
    assert first["Comment"] == "Inbound connector for Enhanced Filtering"
    assert first["RestrictDomainsToIPAddresses"] is False
    assert second["Comment"] == "Only accept inbound email from Area 1"
    assert second["RestrictDomainsToIPAddresses"] is True


def assert_switched(deployment: Deployment, *names: str) -> None:
    for name, records in deployment.mx().items():
        if not names or name in names:
            assert [(priority, host) for priority, host, ttl in records] == EU_RECORDS, name
            assert {ttl for priority, host, ttl in records} <= {
                300,
                1,
            }, "300 s, or Auto where it was Auto before"


def assert_domains(deployment: Deployment) -> None:
    state = deployment.lab.state()
    domains = {
        domain["domain"]: domain for domain in state["cloudflare"]["email_security"]["domains"]
    }
    assert set(domains) == set(deployment.lab.extra_vars["area1_domains"])
    for name, domain in domains.items():
        assert domain["allowed_delivery_modes"] == ["DIRECT"]
        assert domain["lookback_hops"] == 1
        assert domain["transport"] == forwarding_host(state, name)
        assert domain["require_tls_outbound"] is True
        assert domain["ip_restrictions"] == []


def forwarding_host(state: dict[str, Any], name: str) -> str:
    """What Graph names: the lab keeps it with the tenant."""
    return str(state["tenant"]["mail_hosts"][name])

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bad day of the services: the same end state, nothing twice, nothing written blindly."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.end_state import assert_finished
from tests.playbook.harness import Deployment

BAD_DAY: list[dict[str, Any]] = [
    {"service": "entra", "kind": "unavailable", "seconds": 1},
    {"service": "graph", "kind": "throttle", "seconds": 1},
    {"service": "exchange", "match": "Get-InboundConnector", "kind": "throttle", "seconds": 1},
    {"service": "exchange", "match": "Get-AcceptedDomain", "kind": "nextlink", "mode": "post"},
    {"service": "exchange", "match": "Get-TransportRule", "kind": "transient"},
    {
        "service": "exchange",
        "match": "Set-HostedConnectionFilterPolicy",
        "kind": "throttle",
        "seconds": 1,
    },
    {
        "service": "exchange",
        "match": "Set-HostedConnectionFilterPolicy",
        "kind": "drop_after_commit",
    },
    # the first connector, and the lock-down's
    {
        "service": "exchange",
        "match": "New-InboundConnector",
        "kind": "drop_after_commit",
        "times": 2,
    },
    # enhanced filtering of both, and the enabling
    {"service": "exchange", "match": "Set-InboundConnector", "kind": "drop_after_commit"},
    {"service": "exchange", "match": "Set-InboundConnector", "kind": "timeout_after_commit"},
    {"service": "exchange", "match": "Set-InboundConnector", "kind": "error_after_commit"},
    {"service": "cloudflare", "kind": "rate_limited", "seconds": 1},
    {"service": "cloudflare", "match": "/email-security/settings/domains", "kind": "drop"},
    {
        "service": "cloudflare",
        "match": "POST /client/v4/accounts/",
        "kind": "error_after_commit",
        "times": 2,
    },
    {
        "service": "cloudflare",
        "match": "/dns_records/batch",
        "kind": "error_after_commit",
        "times": 3,
    },
    {"service": "cloudflare", "match": "/dns_records/batch", "kind": "drop_after_commit"},
]
NOT_CARRIED_OUT = (302, 429)


def committed(deployment: Deployment, since: int) -> list[dict[str, Any]]:
    return [
        entry for entry in deployment.lab.writes(since) if entry["status"] not in NOT_CARRIED_OUT
    ]


@pytest.mark.long
def test_a_bad_day_comes_to_the_same_state_with_nothing_done_twice(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    lab = deployment.lab
    lab.setting("redirect", "446")
    lab.setting("read_lag_seconds", 2)
    lab.setting("error_shape", "rotate")
    lab.faults(BAD_DAY)
    since = lab.mark()
    deployment.until_done(variables={"area1_lockdown_soak_hours": 0})
    assert_finished(deployment)

    log = lab.log(since)
    struck = collections.Counter(entry["fault"] for entry in log if entry.get("fault"))
    assert (
        struck["drop_after_commit"] >= 4
        and struck["error_after_commit"] >= 5
        and struck["timeout_after_commit"] == 1
    ), struck
    assert struck["throttle"] == 3 and struck["unavailable"] == 1 and struck["drop"] == 1, struck
    assert any(entry["service"] == "exchange" and entry["status"] == 302 for entry in log)
    assert any("skiptoken" in entry.get("query", "") for entry in log), (
        "the further page was fetched"
    )
    assert any(entry["service"] == "cloudflare" and entry["status"] == 429 for entry in log)

    done = committed(deployment, since)
    sent = collections.Counter(
        (entry["service"], entry["method"], entry["path"], entry.get("cmdlet"), entry["body"])
        for entry in done
    )
    assert not [key for key, count in sent.items() if count > 1], "a write was sent again blindly"
    made = [
        entry["parameters"]["Name"]
        for entry in done
        if entry.get("cmdlet") == "New-InboundConnector"
    ]
    assert made == ["Area 1 Inbound Connector", "Secure O365 Inbound"]
    domains = [
        entry
        for entry in done
        if entry["method"] == "POST" and entry["path"].endswith("/email-security/settings/domains")
    ]
    assert len(domains) == 3
    state = lab.state()
    assert (
        len(state["cloudflare"]["email_security"]["domains"]) == 3
        and len(state["tenant"]["inbound_connectors"]) == 2
    )
    for zone in state["cloudflare"]["zones"].values():
        records = [
            (record["type"], record["name"], record["content"]) for record in zone["records"]
        ]
        assert len(records) == len(set(records)), "a record is there twice"

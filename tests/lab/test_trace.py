# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's message trace ([EXO-2.7])."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from lab.client import Lab
from tests.lab.conftest import Tenant, refusal

EDGE = "northwind-example.mail.protection.outlook.com"


def _deliver(lab: Lab, count: int, **more: Any) -> None:
    for number in range(count):
        reply = lab.send(
            EDGE, f"s{number}@s001.senders.example", f"u{number}@northwind.example", **more
        )
        assert reply["code"] == 250


def _now(lab: Lab) -> datetime:
    return datetime.fromisoformat(lab.state()["clock"]["now"])


def test_rows_are_newest_first_and_refusals_are_not_among_them(lab: Lab, tenant: Tenant) -> None:
    _deliver(lab, 3)
    assert lab.send(EDGE, "a@s001.senders.example", "x@elsewhere.example")["code"] == 550
    rows = tenant.values("Get-MessageTraceV2")
    assert [row["RecipientAddress"] for row in rows] == [
        f"u{number}@northwind.example" for number in (2, 1, 0)
    ]
    assert [row["Received"] for row in rows] == sorted(
        (row["Received"] for row in rows), reverse=True
    )
    assert {(row["Status"], row["FromIP"]) for row in rows} == {("Delivered", "203.0.113.41")}


def test_without_dates_it_is_the_last_48_hours_and_never_more_than_ten_days(
    lab: Lab, tenant: Tenant
) -> None:
    _deliver(lab, 1)
    lab.advance(days=3)
    assert tenant.values("Get-MessageTraceV2") == []
    now = _now(lab)
    assert (
        len(
            tenant.values(
                "Get-MessageTraceV2",
                StartDate=(now - timedelta(days=4)).isoformat(),
                EndDate=now.isoformat(),
            )
        )
        == 1
    )
    wide = tenant.invoke(
        "Get-MessageTraceV2",
        StartDate=(now - timedelta(days=11)).isoformat(),
        EndDate=now.isoformat(),
    )
    assert wide.status_code == 400 and "10 days" in refusal(wide)[1]
    old = tenant.invoke(
        "Get-MessageTraceV2",
        StartDate=(now - timedelta(days=95)).isoformat(),
        EndDate=(now - timedelta(days=90)).isoformat(),
    )
    assert old.status_code == 400 and "90 days" in refusal(old)[1]


@pytest.mark.parametrize("overlap", [False, True])
def test_pages_go_on_from_the_last_row_and_a_cut_shows_as_a_warning_only(
    lab: Lab, tenant: Tenant, overlap: bool
) -> None:
    lab.setting("trace_pages_overlap", overlap)
    _deliver(lab, 5)
    now = _now(lab) + timedelta(minutes=1)
    period = {"StartDate": (now - timedelta(days=1)).isoformat(), "EndDate": now.isoformat()}
    first = tenant.ok("Get-MessageTraceV2", ResultSize=3, **period)
    assert (
        len(first["value"]) == 3
        and "More results".lower() in first["@adminapi.warnings"][0].lower()
    )
    assert "@odata.nextLink" not in first
    last = first["value"][-1]
    more = {
        **period,
        "EndDate": last["Received"],
        "StartingRecipientAddress": last["RecipientAddress"],
    }
    second = tenant.ok("Get-MessageTraceV2", ResultSize=3, **more)
    assert [row["RecipientAddress"][:2] for row in second["value"]] == (
        ["u2", "u1", "u0"] if overlap else ["u1", "u0"]
    )
    assert second["@adminapi.warnings"] == []


def test_filters_and_limits(lab: Lab, tenant: Tenant) -> None:
    _deliver(lab, 2, subject="Invoice 7")
    assert [
        row["RecipientAddress"]
        for row in tenant.values("Get-MessageTraceV2", SenderAddress=["s1@s001.senders.example"])
    ] == ["u1@northwind.example"]
    assert tenant.values("Get-MessageTraceV2", FromIP="192.0.2.1") == []
    assert len(tenant.values("Get-MessageTraceV2", FromIP="203.0.113.41")) == 2
    assert tenant.values("Get-MessageTraceV2", Status=["Quarantined"]) == []
    assert (
        len(tenant.values("Get-MessageTraceV2", Subject="invoice", SubjectFilterType="StartsWith"))
        == 2
    )
    assert tenant.invoke("Get-MessageTraceV2", ResultSize=5001).status_code == 400


def test_the_hundred_and_first_request_in_five_minutes_is_refused(lab: Lab, tenant: Tenant) -> None:
    for _ in range(100):
        assert tenant.invoke("Get-MessageTraceV2").status_code == 200
    assert tenant.invoke("Get-MessageTraceV2").status_code == 429
    lab.advance(minutes=5, seconds=1)
    assert tenant.invoke("Get-MessageTraceV2").status_code == 200


def test_rows_come_late_where_the_world_says_so(lab: Lab, tenant: Tenant) -> None:
    lab.setting("trace_lag_minutes", 10)
    _deliver(lab, 1)
    assert tenant.values("Get-MessageTraceV2") == []
    lab.advance(minutes=11)
    assert len(tenant.values("Get-MessageTraceV2")) == 1


def test_details_name_the_connector(lab: Lab, tenant: Tenant) -> None:
    lab.setting("connector_delay_minutes", 0)
    tenant.ok(
        "New-InboundConnector",
        Name="Partner & Sons",
        SenderDomains=["*"],
        ConnectorType="Partner",
        SenderIPAddresses=["203.0.113.41"],
        RequireTls=False,
    )
    _deliver(lab, 1)
    (row,) = tenant.values("Get-MessageTraceV2")
    events = tenant.values(
        "Get-MessageTraceDetailV2",
        MessageTraceId=row["MessageTraceId"],
        RecipientAddress=row["RecipientAddress"],
    )
    assert [event["Event"] for event in events] == ["Receive", "Deliver"]
    assert "InboundConnectorData=Name=Partner &amp; Sons;ConnectorType=Partner" in events[0]["Data"]
    assert (
        tenant.values(
            "Get-MessageTraceDetailV2",
            MessageTraceId=row["MessageTraceId"],
            RecipientAddress="x@northwind.example",
        )
        == []
    )
    assert datetime.fromisoformat(events[0]["Date"]) <= datetime.now(timezone.utc) + timedelta(
        minutes=1
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message trace of a tenant that people work in: rows of every day, odd rows, and more rows
than anybody reads at once.
"""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

from lab.client import Lab
from lab.scenery import Scenery
from lab.worlds import Credentials, build
from lab.worlds.mail import EGRESS, EU
from tests.lab.conftest import Tenant
from tests.lab.dns_client import ask

EDGE = "northwind-example.mail.protection.outlook.com"
DOMAINS = {"northwind.example", "northwind-group.example", "nw-labs.example"}
Rows = list[dict[str, Any]]


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _now(lab: Lab) -> datetime:
    return datetime.fromisoformat(lab.state()["clock"]["now"])


def _rows(lab: Lab, tenant: Tenant, days: float = 2, **more: Any) -> Rows:
    end = _now(lab)
    period = {"StartDate": (end - timedelta(days=days)).isoformat(), "EndDate": end.isoformat()}
    return tenant.values("Get-MessageTraceV2", ResultSize=5000, **period, **more)


def _events(tenant: Tenant, row: dict[str, Any]) -> list[dict[str, Any]]:
    return tenant.values(
        "Get-MessageTraceDetailV2",
        MessageTraceId=row["MessageTraceId"],
        RecipientAddress=row["RecipientAddress"],
    )


def test_mail_inside_the_tenant_has_an_address_of_the_service(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+internal_mail")
    rows = _rows(lab, tenant)
    assert len(rows) > 100
    for row in rows:
        assert _domain(row["SenderAddress"]) in DOMAINS >= {_domain(row["RecipientAddress"])}
        assert row["FromIP"] == "255.255.255.255" or row["FromIP"].startswith(
            ("2603:10", "2a01:111:")
        )
        assert row["ToIP"] is None
    assert [event["Event"] for event in _events(tenant, rows[0])] == ["Submit", "Deliver"]
    shared = Counter(row["MessageTraceId"] for row in rows)
    assert max(shared.values()) > 1, "one message to several people has a row for each"


def test_reports_have_an_empty_sender(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+reports")
    rows = _rows(lab, tenant, days=5)
    senders = {row["SenderAddress"] for row in rows}
    assert {"", "<>"} <= senders
    assert any(sender.startswith("MicrosoftExchange329e71ec88ae4615bbc") for sender in senders)


def test_own_users_submit_from_where_they_are(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+submissions")
    rows = _rows(lab, tenant)
    assert {_domain(row["SenderAddress"]) for row in rows} <= DOMAINS
    (first, *_others) = _events(tenant, rows[0])
    assert first["Event"] == "Receive" and "Client Proxy" in first["Data"]


def test_outgoing_mail_names_where_it_went(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+outgoing_mail")
    rows = _rows(lab, tenant)
    assert not {_domain(row["RecipientAddress"]) for row in rows} & DOMAINS
    assert {row["ToIP"] is None for row in rows if row["Status"] == "Delivered"} == {False}
    assert "" in {row["FromIP"] for row in rows}
    assert len(_rows(lab, tenant, ToIP=rows[0]["ToIP"] or rows[1]["ToIP"])) >= 1


def test_strangers_come_each_day_until_a_lockdown_acts(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+strangers")
    lab.setting("connector_delay_minutes", 30)
    before = _rows(lab, tenant, days=9)
    assert len({row["FromIP"] for row in before}) > 60
    statuses = Counter(row["Status"] for row in before)
    assert statuses["FilteredAsSpam"] > statuses["Delivered"] > 0
    tenant.ok(
        "New-InboundConnector",
        Name="Lock-down",
        SenderDomains=["*"],
        ConnectorType="Partner",
        SenderIPAddresses=EGRESS,
        RestrictDomainsToIPAddresses=True,
    )
    acts = _now(lab) + timedelta(minutes=30)
    lab.advance(days=3)
    tenant = Tenant(lab)
    rows = _rows(lab, tenant, days=9)
    assert rows and max(row["Received"] for row in rows) <= acts.isoformat()
    seen = [row for row in before if row["Received"] > (_now(lab) - timedelta(days=9)).isoformat()]
    assert seen == rows[-len(seen) :], "the past stays as it was"


def test_a_change_by_hand_does_not_reach_into_the_past(lab: Lab, tenant: Tenant) -> None:
    lab.reset("locked_year_ago+strangers")
    assert _rows(lab, tenant, days=5) == []
    lab.mutate(["tenant", "inbound_connectors", "Secure O365 Inbound", "Enabled"], value=False)
    assert _rows(lab, tenant, days=5) == []
    lab.advance(days=2)
    assert len(_rows(lab, Tenant(lab), days=5)) > 10


def test_mail_by_the_mx_follows_a_switch_as_caches_do(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+mail_by_mx+mailboxes=200")
    domain = "northwind.example"
    assert not {row["FromIP"] for row in _inbound(_rows(lab, tenant, 0.2), domain)} & _egress(lab)
    lab.mutate(
        ["cloudflare", "email_security", "domains"],
        append={"domain": domain, "transport": EDGE, "require_tls_outbound": True},
    )
    records = lab.state()["cloudflare"]["zones"][domain]["records"]
    model = next(record for record in records if record["type"] == "MX")
    moved = [
        {**model, "id": "%032d" % number, "content": host, "priority": priority}
        for number, (priority, host) in enumerate(EU)
    ]
    lab.mutate(
        ["cloudflare", "zones", domain, "records"],
        value=moved + [record for record in records if record["type"] != "MX"],
    )
    lab.dns(flush=True)
    assert len(ask(lab, domain, "MX")) == len(EU), "the servers show the new set"
    switched = _now(lab)
    lab.advance(hours=3)
    rows = _inbound(_rows(lab, Tenant(lab), 0.2), domain)
    old = [
        row
        for row in rows
        if row["FromIP"] not in _egress(lab) and "partner" in row["SenderAddress"]
    ]
    late = [row for row in old if row["Received"] > switched.isoformat()]
    assert late, "a cache may keep the old set for its hour"
    assert (
        max(row["Received"] for row in late)
        < (switched + timedelta(hours=1, minutes=1)).isoformat()
    )
    assert any(row["FromIP"] in _egress(lab) for row in rows)


def _egress(lab: Lab) -> set[str]:
    mail = lab.state()["mail"]
    return {mail["addresses"][address] for address in mail["egress"]}


def _inbound(rows: Rows, domain: str) -> Rows:
    return [
        row
        for row in rows
        if _domain(row["RecipientAddress"]) == domain
        and _domain(row["SenderAddress"]) not in DOMAINS
    ]


def test_hybrid_mail_names_its_connector(lab: Lab, tenant: Tenant) -> None:
    lab.reset("locked_year_ago+hybrid")
    rows = _rows(lab, tenant)
    assert len({row["FromIP"] for row in rows}) == 1
    assert "Inbound from 8a7f3c1e" in _events(tenant, rows[0])[0]["Data"]
    assert "ConnectorType=OnPremises" in _events(tenant, rows[0])[0]["Data"]


def test_odd_rows_cross_the_wire(lab: Lab, tenant: Tenant) -> None:
    lab.reset("fresh+odd_rows")
    rows = _rows(lab, tenant, days=10)
    sources = {row["FromIP"] for row in rows}
    assert {"0.0.0.0", "100.64.12.7", "224.0.0.251", None} <= sources
    recipients = {row["RecipientAddress"] for row in rows}
    assert {"undisclosed-recipients:;", "@northwind.example", "bjorn@xn--"} <= recipients
    assert any("\ud83d" in row["SenderAddress"] for row in rows)
    assert "0001-01-01T00:00:00.0000000Z" in {row["Received"] for row in rows}
    assert {"GettingStatus", "Pending", "None"} <= {row["Status"] for row in rows}


def test_filters_find_rows_of_scenery(lab: Lab, tenant: Tenant) -> None:
    lab.reset("lived_in")
    rows = _rows(lab, tenant, days=1)
    stranger = next(row for row in rows if row["Status"] == "FilteredAsSpam")
    found = _rows(lab, tenant, days=1, FromIP=stranger["FromIP"])
    assert stranger in found and {row["FromIP"] for row in found} == {stranger["FromIP"]}
    quarantined = _rows(lab, tenant, days=1, Status=["Quarantined"])
    assert quarantined == [row for row in rows if row["Status"] == "Quarantined"]
    assert _rows(lab, tenant, days=1, SenderAddress=["*@northwind.example"]) == []
    lab.setting("trace_wildcards", True)
    assert _rows(lab, tenant, days=1, SenderAddress=["*@northwind.example"])


def test_pages_of_scenery_and_mail_go_on_without_gap_or_repetition(
    lab: Lab, tenant: Tenant
) -> None:
    lab.reset("lived_in")
    for number in range(5):
        assert (
            lab.send(EDGE, f"s{number}@s001.senders.example", "u@northwind.example")["code"] == 250
        )
    end = _now(lab) + timedelta(seconds=30)
    period = {"StartDate": (end - timedelta(days=1)).isoformat(), "EndDate": end.isoformat()}
    whole = [
        row
        for row in tenant.values("Get-MessageTraceV2", ResultSize=5000, **period)
        if row["Received"].startswith("20") and "T25" not in row["Received"]
    ]
    paged: Rows = []
    more: dict[str, Any] = {}
    for _page in range(60):
        answer = tenant.ok("Get-MessageTraceV2", ResultSize=97, **{**period, **more})
        paged += answer["value"]
        if not answer["@adminapi.warnings"]:
            break
        # the service's own words carry the true time, where a row's is odd
        warning = answer["@adminapi.warnings"][0]
        more = {
            "EndDate": warning.partition("-EndDate ")[2].partition(" ")[0],
            "StartingRecipientAddress": warning.partition("-StartingRecipientAddress ")[2],
        }
    odd = ("0001", "2026-13", "")
    assert [
        row for row in paged if not row["Received"].startswith(odd[:2]) and row["Received"]
    ] == whole


def test_a_tenant_of_5000_mailboxes_is_read_page_by_page_in_bounded_memory() -> None:
    now = datetime(2026, 11, 29, 6, tzinfo=timezone.utc)
    made = Credentials("secret" * 4, "token" * 9, "certificate")
    world = build("fresh+mailboxes", made, now)[0]
    end = now.timestamp()
    tracemalloc.start()
    began = time.process_time()
    try:
        page = list(itertools.islice(Scenery(world, end).records(end - 10 * 86400, end), 5001))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(page) == 5001 and page[0]["time"] - page[-1]["time"] < 3600
    assert peak < 30_000_000 and time.process_time() - began < 20


def test_a_query_for_one_address_does_not_make_the_whole_period() -> None:
    now = datetime(2026, 11, 29, 6, tzinfo=timezone.utc)
    made = Credentials("secret" * 4, "token" * 9, "certificate")
    scenery = Scenery(build("fresh+internal_mail+strangers", made, now)[0], now.timestamp())
    assert list(scenery.records(0, now.timestamp(), "192.0.2.99")) == []

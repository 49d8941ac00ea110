# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message trace: no row is lost between pages and windows, and what was left out is said."""

from __future__ import annotations

import datetime
import types
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    PermissionDenied,
    ReadError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import (
    iso,
    parse_time,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads import (
    trace,
    trace_messages,
)
from tests.unit.exchange.helpers import Script, client, reply

NOW = datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
WARNING = (
    "There are more results. Use -StartingRecipientAddress and -EndDate of the last row to get"
    " them."
)


def row(
    number: int,
    at: datetime.datetime,
    address: str = "198.51.100.7",
    recipient: str = "anna@northwind.example",
    **fields: Any,
) -> dict[str, Any]:
    return {
        "MessageTraceId": "00000000-0000-0000-0000-%012d" % number,
        "Received": at.strftime("%Y-%m-%dT%H:%M:%S.0000000"),
        "FromIP": address,
        "RecipientAddress": recipient,
        "SenderAddress": "s%d@sender.example" % number,
        "Status": "Delivered",
        **fields,
    }


class Service:
    """The cmdlet as it is documented: newest first, at most ``size`` rows, the rest only in a
    warning, ten days a query.
    """

    def __init__(
        self, rows: list[dict[str, Any]], size: int = 5000, cut: int = 5000, warn: str = WARNING
    ) -> None:
        self.rows, self.size, self.cut, self.warn = rows, size, cut, warn
        self.asked: list[dict[str, Any]] = []

    def invoke(self, cmdlet: str, parameters: Any) -> Any:
        assert cmdlet == "Get-MessageTraceV2"
        self.asked.append(dict(parameters))
        low, high = parse_time(parameters["StartDate"]), parse_time(parameters["EndDate"])
        assert (
            low is not None
            and high is not None
            and low < high <= NOW
            and high - low <= 10 * DAY
            and low >= NOW - 90 * DAY
        )
        found = [item for item in self.rows if low <= (parse_time(item["Received"]) or NOW) <= high]
        found.sort(key=lambda item: (item["Received"], item["RecipientAddress"]), reverse=True)
        start = parameters.get("StartingRecipientAddress")
        if start:
            found = [
                item
                for item in found
                if parse_time(item["Received"]) != high or item["RecipientAddress"] <= start
            ]
        size = min(self.size, self.cut, int(parameters["ResultSize"]))
        return types.SimpleNamespace(
            values=found[:size], warnings=[self.warn] if len(found) > size else []
        )


def many(count: int) -> list[dict[str, Any]]:
    """Three in a second, spread over 30 days, from four addresses."""
    return [
        row(
            number,
            NOW - datetime.timedelta(seconds=1 + (number // 3) * 900),
            "198.51.100.%d" % (number % 4),
            "u%02d@northwind.example" % (number % 7),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(("size", "cut"), [(5000, 5000), (700, 700), (50, 50)])
def test_every_row_is_counted_once_over_pages_and_windows(
    size: int, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "ROWS", size)
    rows = many(2000)
    inside = [item for item in rows if (parse_time(item["Received"]) or NOW) >= NOW - 25 * DAY]
    service = Service(rows, size, cut)
    found = trace.read_trace(service, NOW, iso(NOW - 25 * DAY), queries=100)
    assert (found["error"], found["truncated"]) == ("", "")
    assert found["rows"] == len(inside) == sum(group["count"] for group in found["groups"])
    assert {group["from_ip"] for group in found["groups"]} == {
        "198.51.100.%d" % number for number in range(4)
    }
    assert len(service.asked) >= 3, "ten days a query"


def test_the_service_may_give_less_than_it_was_asked_for() -> None:
    """Its warning alone says so."""
    found = trace.read_trace(Service(many(900), cut=400), NOW, iso(NOW - 9 * DAY))
    assert (
        found["rows"]
        == len(
            [item for item in many(900) if (parse_time(item["Received"]) or NOW) >= NOW - 9 * DAY]
        )
        and not found["truncated"]
    )


def test_too_many_rows_are_never_cut_silently() -> None:
    service = Service(many(900), cut=100)
    found = trace.read_trace(service, NOW, iso(NOW - 9 * DAY), queries=3)
    assert len(service.asked) == 3
    assert (
        found["truncated"].startswith("only the mail since 2026-11-2") and 0 < found["rows"] <= 300
    )


def test_pages_that_do_not_go_on_are_said() -> None:
    class Stuck(Service):
        def invoke(self, cmdlet: str, parameters: Any) -> Any:
            self.asked.append(dict(parameters))
            return types.SimpleNamespace(values=self.rows[:2], warnings=[WARNING])

    service = Stuck(many(5))
    found = trace.read_trace(service, NOW, iso(NOW - DAY))
    assert (
        "pages do not go on" in found["truncated"]
        and len(service.asked) == 2
        and found["rows"] == 2
    )


def test_another_warning_is_no_sign_of_more() -> None:
    class Chatty(Service):
        def invoke(self, cmdlet: str, parameters: Any) -> Any:
            answer = super().invoke(cmdlet, parameters)
            return types.SimpleNamespace(
                values=answer.values, warnings=["This cmdlet is in preview."]
            )

    service = Chatty(many(5))
    assert (
        trace.read_trace(service, NOW, iso(NOW - DAY))["truncated"] == ""
        and len(service.asked) == 1
    )


@pytest.mark.parametrize(
    "error",
    [PermissionDenied("403: the role lacks it", "Give it."), ReadError("429: too many requests")],
)
def test_a_trace_that_cannot_be_read_is_not_an_empty_one(error: Exception) -> None:
    class Refusing:
        def invoke(self, cmdlet: str, parameters: Any) -> Any:
            raise error

    found = trace.read_trace(Refusing(), NOW, iso(NOW - DAY))
    assert found["error"] == str(error) and found["rows"] == 0


class Traced:
    """One message that arrived, with its events."""

    def __init__(self, data: str = "", error: Exception | None = None) -> None:
        self.data, self.error, self.asked = data, error, list[tuple[str, dict[str, Any]]]()

    def invoke(self, cmdlet: str, parameters: Any) -> Any:
        self.asked.append((cmdlet, dict(parameters)))
        if self.error and (cmdlet == trace.CMDLET) == isinstance(self.error, ReadError):
            raise self.error
        if cmdlet == trace.DETAIL:
            return types.SimpleNamespace(
                values=[{"Event": "Receive", "Data": self.data}], warnings=[]
            )
        return types.SimpleNamespace(
            values=[row(1, NOW, MessageId="<a@b>"), row(2, NOW, MessageId="<other@b>")], warnings=[]
        )


def test_a_message_is_followed_by_its_id() -> None:
    service = Traced("S:ClientIP=192.0.2.9;S:InboundConnectorData=Name=Ours;ConnectorType=Partner")
    found = trace_messages.follow(service, ["<a@b>", "<c@d>"], ["Theirs", "Ours"])
    assert service.asked[0] == (
        "Get-MessageTraceV2",
        {"MessageId": ["<a@b>", "<c@d>"], "ResultSize": 5000},
    ), "48 hours without dates"
    assert (
        len(service.asked) == 2 and found["error"] == "" and list(found["messages"]) == ["<a@b>"]
    ), "an answer about another is none"
    assert {key: found["messages"]["<a@b>"][key] for key in ("status", "via", "connector")} == {
        "status": "Delivered",
        "via": "192.0.2.9",
        "connector": "Ours",
    }


def test_a_message_that_cannot_be_followed_has_not_got_lost() -> None:
    assert trace_messages.follow(Traced(error=ReadError("429")), ["<a@b>"], [])["error"] == "429"
    blind = trace_messages.follow(
        Traced(error=PermissionDenied("403", "Give it.")), ["<a@b>"], ["Ours"]
    )
    assert blind["error"] == "" and "connector" not in blind["messages"]["<a@b>"]
    assert trace_messages.follow(Traced(), [], [])["messages"] == {}, (
        "and nobody is asked about nothing"
    )


def test_names_below_a_domain_count_where_that_is_asked_for() -> None:
    names = (
        "northwind.example",
        "ops.northwind.example",
        "a.b.northwind.example",
        "lab.nw-labs.example",
        "notnorthwind.example",
    )
    rows = [row(number, NOW - DAY, recipient="x@" + name) for number, name in enumerate(names)]
    since = {
        "northwind.example": iso(NOW - 2 * DAY),
        "*.northwind.example": iso(NOW - 2 * DAY),
        "nw-labs.example": iso(NOW - 2 * DAY),
    }
    found = trace.read_trace(Service(rows), NOW, since)
    assert {group["domain"] for group in found["groups"]} == set(names[:3])
    own = trace.read_trace(
        Service(rows), NOW, {**since, "ops.northwind.example": iso(NOW - DAY / 2)}
    )
    assert {group["domain"] for group in own["groups"]} == {
        names[0],
        names[2],
    }, "its own time is the nearer one"


def test_each_domain_counts_from_its_own_time() -> None:
    rows = [
        row(1, NOW - 2 * DAY),
        row(2, NOW - 4 * DAY),
        row(3, NOW - 2 * DAY, recipient="bo@NW-labs.example"),
        row(4, NOW - 4 * DAY, recipient="bo@nw-labs.example"),
        row(5, NOW - DAY, recipient="cy@elsewhere.example"),
    ]
    found = trace.read_trace(
        Service(rows),
        NOW,
        {"northwind.example": iso(NOW - 3 * DAY), "nw-labs.example": iso(NOW - 5 * DAY)},
    )
    assert {group["domain"]: group["count"] for group in found["groups"]} == {
        "northwind.example": 1,
        "nw-labs.example": 2,
    }


def test_what_is_kept_of_an_address() -> None:
    rows = [
        row(1, NOW - 2 * DAY),
        row(2, NOW - DAY, Status="FilteredAsSpam"),
        row(3, NOW - 3 * DAY, SenderAddress="", FromIP=None),
        {
            "MessageTraceId": "x",
            "RecipientAddress": "anna@northwind.example",
            "FromIP": "203.0.113.9",
        },
    ]

    class Plain:
        def invoke(self, cmdlet: str, parameters: Any) -> Any:
            return types.SimpleNamespace(values=rows, warnings=[])

    groups = {
        group["from_ip"]: group
        for group in trace.read_trace(Plain(), NOW, iso(NOW - 9 * DAY))["groups"]
    }
    assert groups["198.51.100.7"] == {
        "from_ip": "198.51.100.7",
        "domain": "northwind.example",
        "count": 2,
        "statuses": {"Delivered": 1, "FilteredAsSpam": 1},
        "senders": ["s1@sender.example", "s2@sender.example"],
        "first": iso(NOW - 2 * DAY),
        "last": iso(NOW - DAY),
        "sample": {
            "id": "00000000-0000-0000-0000-000000000002",
            "recipient": "anna@northwind.example",
        },
    }
    assert groups[""]["count"] == 1
    assert groups["203.0.113.9"]["last"] == iso(NOW), "a row without a time counts as one of now"


def test_a_closer_look_at_addresses_that_are_not_known() -> None:
    class Detailed(Service):
        def invoke(self, cmdlet: str, parameters: Any) -> Any:
            if cmdlet != "Get-MessageTraceDetailV2":
                return super().invoke(cmdlet, parameters)
            self.asked.append(dict(parameters))
            if parameters["MessageTraceId"].endswith("3"):
                raise ReadError("busy")
            data = (
                '<root><MEP Name="CustomData"'
                ' String="S:ClientIP=104.30.32.9;S:InboundConnectorData=Name=Area 1 Inbound'
                ' Connector;"/></root>'
            )
            return types.SimpleNamespace(
                values=[{"Event": "Receive", "Data": data}, {"Event": "Deliver", "Data": None}],
                warnings=[],
            )

    rows = [
        row(1, NOW - DAY, "203.0.113.1"),
        row(2, NOW - DAY, "104.30.32.9"),
        row(3, NOW - DAY, "203.0.113.3"),
        row(4, NOW - DAY, "203.0.113.4"),
    ]
    service = Detailed(rows)
    section = trace.read_trace(service, NOW, iso(NOW - 2 * DAY))
    service.asked.clear()
    trace.look_closer(
        service, section, ["104.30.32.0/24"], ["Other", "Area 1 Inbound Connector"], 2
    )
    assert service.asked == [
        {"MessageTraceId": rows[0]["MessageTraceId"], "RecipientAddress": "anna@northwind.example"},
        {"MessageTraceId": rows[2]["MessageTraceId"], "RecipientAddress": "anna@northwind.example"},
    ]
    found = {
        group["from_ip"]: (group["via"], group["connector"])
        for group in section["groups"]
        if "via" in group
    }
    assert found == {"203.0.113.1": ("104.30.32.9", "Area 1 Inbound Connector")}


def test_ninety_days_are_kept() -> None:
    service = Service([])
    found = trace.read_trace(service, NOW, iso(NOW - 400 * DAY))
    assert (
        parse_time(found["start"]) == NOW - 90 * DAY + datetime.timedelta(hours=1)
        and len(service.asked) == 9
    )


@pytest.mark.parametrize("since", ["yesterday", {"northwind.example": ""}])
def test_a_wrong_time_is_refused(since: Any) -> None:
    with pytest.raises(InputError, match="is no time"):
        trace.read_trace(Service([]), NOW, since)


def test_its_warnings_are_not_passed_on_to_the_operator() -> None:
    warnings: list[str] = []
    body = {"value": [row(1, NOW - DAY)], "@adminapi.warnings": [WARNING]}
    answer = client(Script(reply(200, body)), warnings).invoke("Get-MessageTraceV2", {})
    assert answer.warnings == [WARNING] and warnings == []


@pytest.mark.parametrize(
    ("taken", "known", "found"),
    [
        ("Area 1 Inbound Connector", ["Inbound", "Area 1 Inbound Connector"], None),
        ("Area 1 Inbound Connector", ["Area 1", "Area 1 Inbound Connector"], None),
        ("Cloudflare Zaraz alerts", ["Cloudflare", "Cloudflare Zaraz alerts"], None),
        ("Cloudflare Zaraz alerts", ["Cloudflare"], ""),
        ("AREA 1 inbound connector", ["Area 1 Inbound Connector"], "Area 1 Inbound Connector"),
    ],
)
def test_one_connector_s_name_may_be_a_part_of_another(
    taken: str, known: list[str], found: str | None
) -> None:
    data = '<MEP String="S:ClientIP=52.11.209.211;S:InboundConnectorData=Name=%s;ConnectorType=P"/>'
    assert trace._connector(data % taken, known) == (taken if found is None else found)
    assert trace._connector("taken by %s" % taken.title(), known) in ("", *known)

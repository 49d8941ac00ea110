# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Area 1 handed mail on: refusals first, a handful of each kind, and a failure that is not
taken for no mail.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._email_security import (
    delivery_log as outbound,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    PermissionDenied,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation

SINCE = "2026-11-23T20:00:00Z"


def message(
    number: int, status: str = "delivered", to: str = "anna@northwind.example"
) -> dict[str, Any]:
    at = "2026-11-23T20:%02d:00Z" % (number % 60)
    return {
        "id": "m%03d" % number,
        "message_id": "<%d@x>" % number,
        "envelope_to": [to],
        "scanned_at": at,
        "delivery_status": [status],
    }


class Source:
    def __init__(self, *messages: dict[str, Any], error: Exception | None = None) -> None:
        self.messages, self.error = messages, error
        self.searched: list[dict[str, Any]] = []
        self.traced: list[str] = []

    def search(self, filters: dict[str, Any]) -> Any:
        self.searched.append(filters)
        status, detected = filters.get("delivery_status"), filters.get("detections_only") == "true"
        found = [item for item in self.messages if not status or status in item["delivery_status"]]
        found = [item for item in found if not detected or item.get("final_disposition")]

        class Pages:
            def pages(_self) -> Any:  # noqa: N805
                yield found
                raise AssertionError("one page is enough")

        if self.error:
            raise self.error
        return Pages() if found else _Nothing()

    def trace(self, item: dict[str, Any]) -> dict[str, Any]:
        self.traced.append(item["id"])
        return {
            "inbound": [],
            "outbound": [{"lineno": 1, "at": SINCE, "message": "status=sent"}],
            "pending": False,
        }


class _Nothing:
    def pages(self) -> Any:
        return iter(())


def test_refusals_come_first_and_each_message_once() -> None:
    bulk = {**message(4), "final_disposition": "BULK"}
    source = Source(
        *(bulk if number == 4 else message(number) for number in range(20)), message(30, "bounced")
    )
    found = outbound.recent(source, SINCE, set(), 5)  # type: ignore[arg-type]
    assert source.traced == [
        "m030",
        "m004",
        "m019",
        "m018",
        "m017",
        "m016",
    ], "the latest of each kind"
    assert [filters["start"] for filters in source.searched] == [SINCE] * 4
    assert [filters["detections_only"] for filters in source.searched] == [
        "false",
        "false",
        "true",
        "false",
    ], "mail that nothing was found in too"
    assert found[0] == {
        "message_id": "<30@x>",
        "scanned_at": "2026-11-23T20:30:00Z",
        "delivery_status": ["bounced"],
        "final_disposition": None,
        "domains": ["northwind.example"],
        "pending": False,
        "outbound": [{"lineno": 1, "at": SINCE, "message": "status=sent"}],
    }


def test_only_mail_for_the_domains_asked_for() -> None:
    source = Source(
        message(1), message(2, to="Bo <bo@NW-Labs.example>"), message(3, to="cy@elsewhere.example")
    )
    outbound.recent(source, SINCE, {"nw-labs.example"}, 5)  # type: ignore[arg-type]
    assert source.traced == ["m002"]


def test_a_failure_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refused = PermissionDenied("403: no.", "Give the token Cloud Email Security: Read.")
    monkeypatch.setattr(outbound, "Investigate", lambda api, account: Source(error=refused))
    path, warnings = str(tmp_path / "run" / "o.json"), list[str]()
    given = {"account_id": "0" * 32, "api_token": "t", "since": SINCE, "observation_path": path}
    values = outbound.run_trace_info(given, Context(warn=warnings.append)).values
    assert (
        values["error"] == str(refused) and values["messages"] == [] and str(refused) in warnings[0]
    )
    assert Observation(path).any_age("area1_trace") == values


def test_a_wrong_time_is_refused() -> None:
    with pytest.raises(InputError, match="is not a date and time"):
        outbound.run_trace_info({"since": "yesterday"}, Context())

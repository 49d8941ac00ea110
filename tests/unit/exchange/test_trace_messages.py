# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules acted on a message, by its events in the message trace."""

from __future__ import annotations

import datetime
import types
from typing import Any

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import ReadError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads import trace_messages

NOW = datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.timezone.utc)
RULES: list[dict[str, Any]] = [
    {"Name": "User Quarantine", "Guid": "0000aaaa"},
    {"Name": "User Quarantine Admin Release", "Guid": "0000bbbb"},
    {"Name": "Other", "Guid": None},
]


class Service:
    def __init__(self, *details: Any) -> None:
        """One message for each of ``details``: its events, or an error."""
        self.details, self.asked = details, list[tuple[str, dict[str, Any]]]()

    def invoke(self, cmdlet: str, parameters: Any) -> Any:
        self.asked.append((cmdlet, dict(parameters)))
        if cmdlet == "Get-MessageTraceV2":
            rows = [
                {
                    "MessageTraceId": str(number),
                    "MessageId": "<%d@x>" % number,
                    "RecipientAddress": "a@b",
                    "Status": "Delivered",
                }
                for number in range(len(self.details))
            ]
            return types.SimpleNamespace(values=rows, warnings=[])
        found = self.details[int(parameters["MessageTraceId"])]
        if isinstance(found, Exception):
            raise found
        return types.SimpleNamespace(
            values=[{"Event": "Transport rule", "Detail": text, "Data": None} for text in found],
            warnings=[],
        )


def rules(*details: Any) -> dict[str, list[str]]:
    found = trace_messages.read_messages(Service(*details), NOW, ["0@x"], RULES)
    return {item["message_id"]: item["rules"] for item in found}


def test_by_name_or_id_and_a_name_within_another_is_not_meant() -> None:
    assert rules(
        ["Transport rule: 'User Quarantine Admin Release', ID: ('0000BBBB')", "Delivered"],
        ["Transport rule: 'user quarantine'"],
        ["Transport rule: '', ID: ('0000aaaa')"],
        ["Delivered"],
        ["'User Quarantine' and 'User Quarantine Admin Release'"],
    ) == {
        "<0@x>": ["User Quarantine Admin Release"],
        "<1@x>": ["User Quarantine"],
        "<2@x>": ["User Quarantine"],
        "<3@x>": [],
        "<4@x>": ["User Quarantine", "User Quarantine Admin Release"],
    }


def test_what_the_service_does_not_tell_is_left_out() -> None:
    assert rules([], ["Delivered"]) == {"<1@x>": []}, "no events yet"
    assert rules(["Delivered"], ReadError("busy")) == {"<0@x>": []}


def test_one_query_for_all_and_one_for_each_of_the_first_ten() -> None:
    service = Service(*[["Delivered"]] * 12)
    found = trace_messages.read_messages(
        service, NOW, ["%d@x" % number for number in range(12)] + ["<0@x>", " "], RULES
    )
    assert service.asked[0] == (
        "Get-MessageTraceV2",
        {
            "StartDate": "2026-11-13T20:00:00Z",
            "EndDate": "2026-11-23T20:00:00Z",
            "MessageId": ["<%d@x>" % number for number in range(10)],
        },
    )
    assert len(found) == 10 and len(service.asked) == 11
    service = Service()
    assert trace_messages.read_messages(service, NOW, [], RULES) == [] and service.asked == []

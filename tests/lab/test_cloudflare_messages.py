# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's investigation and Admin Quarantine over real HTTPS."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest

from lab.cloudflare import messages
from tests.lab.cloudflare_api import ACCOUNT, DNS_READER, Api, serving

PATH = f"accounts/{ACCOUNT}/email-security/investigate"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as served:
        yield served


def pass_through(
    api: Api,
    number: int = 1,
    disposition: str = "SPAM",
    quarantined: bool = True,
    recipient: str = "ada@northwind.example",
) -> str:
    raw = (
        f"From: Eve <eve@evil.example>\r\nTo: {recipient}\r\nSubject: Hello {number}\r\nMessage-ID:"
        f" <{number}@evil.example>\r\n\r\nBuy this\r\n"
    )
    with api.hub.lock:
        return messages.record(
            api.hub.world,
            raw.encode(),
            "bounce@evil.example",
            [recipient],
            disposition,
            quarantined,
            api.hub.clock.now(),
            "198.51.100.7",
            "evil.example",
        )


def names(found: list[dict[str, Any]]) -> list[str]:
    return [item["subject"] for item in found]


def test_a_message_as_the_api_shows_it(api: Api) -> None:
    identifier = pass_through(api)
    [found] = api.result("GET", PATH)
    assert found["id"] == identifier and identifier.startswith(found["postfix_id"] + "-")
    assert (found["from"], found["to"], found["envelope_to"]) == (
        "eve@evil.example",
        ["ada@northwind.example"],
        ["ada@northwind.example"],
    )
    assert (
        found["is_quarantined"] is True
        and found["delivery_status"] == ["quarantined"]
        and found["ts"] == found["scanned_at"]
    )
    assert (
        api.result("GET", f"{PATH}/{identifier}")
        == found
        == api.result("GET", f"{PATH}/{found['postfix_id']}")
    )
    assert api.refused(404, "GET", f"{PATH}/4nobody")["code"] == 1002
    api.set(message_id_key="postfix_id", message_time_keys="ts")
    [found] = api.result("GET", PATH)
    assert "id" not in found and "scanned_at" not in found and found["ts"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sender": "eve@evil.example"}, [3, 2, 1]),
        ({"sender": "evil.example"}, []),
        ({"recipient": "bob@northwind.example"}, [2]),
        ({"domain": "evil.example"}, [3, 2, 1]),
        ({"domain": "northwind.example"}, []),
        ({"subject": "hello 3"}, [3]),
        ({"message_id": "2@evil.example"}, [2]),
        ({"query": "HELLO bob"}, [2]),
        ({"final_disposition": "SPAM"}, [1]),
        ({"delivery_status": "quarantined"}, [2, 1]),
        ({"detections_only": "true"}, [2, 1]),
        ({"message_action": "QUARANTINE_RELEASED"}, []),
        ({"alert_id": "x"}, []),
    ],
)
def test_filters(api: Api, query: dict[str, str], expected: list[int]) -> None:
    pass_through(api, 1)
    api.hub.clock.advance(60)
    pass_through(api, 2, "MALICIOUS", recipient="bob@northwind.example")
    api.hub.clock.advance(60)
    pass_through(api, 3, "NONE", quarantined=False)
    assert names(api.result("GET", PATH, **query)) == [f"Hello {number}" for number in expected]
    api.set(detections_only=True)
    assert names(api.result("GET", PATH)) == ["Hello 2", "Hello 1"]
    assert names(api.result("GET", PATH, detections_only="false")) == [
        "Hello 3",
        "Hello 2",
        "Hello 1",
    ]


def test_a_month_back_unless_told_otherwise_and_never_the_future(api: Api) -> None:
    pass_through(api, 1)
    first = api.hub.clock.now()
    api.hub.clock.advance(31 * 86400)
    pass_through(api, 2)
    assert names(api.result("GET", PATH)) == ["Hello 2"]
    assert names(api.result("GET", PATH, start=f"{first:%Y-%m-%d}T00:00:00Z")) == [
        "Hello 2",
        "Hello 1",
    ]
    assert names(
        api.result(
            "GET", PATH, start=f"{first:%Y-%m-%d}T00:00:00Z", end=f"{first:%Y-%m-%d}T23:59:59Z"
        )
    ) == ["Hello 1"]
    api.refused(400, "GET", PATH, start="2999-01-01T00:00:00Z")
    api.refused(400, "GET", PATH, start="yesterday")
    api.refused(400, "GET", PATH, final_disposition="JUNK")
    api.refused(400, "GET", PATH, delivery_status="lost")


def test_pages_by_number_and_by_cursor(api: Api) -> None:
    api.set(quarantined_messages=250)
    info = api("GET", PATH, per_page=500).json()["result_info"]
    assert (info["count"], info["per_page"], info["total_count"], info["total_pages"]) == (
        100,
        100,
        250,
        3,
    ) and "cursor" not in info
    api.set(investigate_cursor="offered", investigate_totals=False)
    first = api("GET", PATH, per_page=100).json()
    second = api("GET", PATH, per_page=100, cursor=first["result_info"]["cursor"]).json()
    assert not {item["id"] for item in first["result"]} & {item["id"] for item in second["result"]}
    assert "total_count" not in first["result_info"]
    api.set(investigate_cursor="ignored")
    assert api("GET", PATH, per_page=100, cursor="p2").json()["result"] == first["result"]
    api.set(investigate_page_clamps=False)
    api.refused(400, "GET", PATH, per_page=101)


def test_preview_raw_and_trace(api: Api) -> None:
    identifier = pass_through(api)
    picture = base64.b64decode(api.result("GET", f"{PATH}/{identifier}/preview")["screenshot"])
    assert picture.startswith(b"\x89PNG\r\n\x1a\n") and picture.endswith(b"IEND\xaeB`\x82")
    text = message_from_string(api.result("GET", f"{PATH}/{identifier}/raw")["raw"])
    assert text["Subject"] == "Hello 1" and str(text.get_payload()).strip() == "Buy this"
    traced = api.result("GET", f"{PATH}/{identifier}/trace")
    assert "198.51.100.7" in traced["inbound"]["lines"][0]["message"] and traced["outbound"] == {
        "lines": [],
        "pending": False,
    }
    assert api.result("GET", f"{PATH}/{identifier}/detections")["final_disposition"] == "SPAM"
    assert [each["operation"] for each in api.result("GET", f"{PATH}/{identifier}/action_log")] == [
        "PREVIEW"
    ]
    harmless = pass_through(api, 2, "NONE", quarantined=False)
    messages.handed_on(
        api.hub.world, harmless, "delivered", "status=sent (250 2.6.0)", api.hub.clock.now()
    )
    api.refused(400, "GET", f"{PATH}/{harmless}/raw")
    [line] = api.result("GET", f"{PATH}/{harmless}/trace")["outbound"]["lines"]
    assert line["lineno"] == 1 and line["logged_at"] and "250" in line["message"]


def test_a_preview_may_have_to_be_made(api: Api) -> None:
    identifier = pass_through(api)
    api.set(preview_ready=False)
    api.refused(404, "GET", f"{PATH}/{identifier}/preview")
    assert api.result(
        "POST", f"{PATH}/preview", {"postfix_id": identifier.split("-")[0]}, token=DNS_READER
    )["screenshot"]


def test_release(api: Api) -> None:
    ids = [pass_through(api, number) for number in (1, 2, 3)]
    api.refused(403, "POST", f"{PATH}/release", ids, token=DNS_READER)
    api.refused(400, "POST", f"{PATH}/release", {"ids": ids})
    api.set(release_fails_for=["<2@evil.example>"])
    answer = api.result("POST", f"{PATH}/release", ids)
    assert [item["id"] for item in answer] == ids
    assert [bool(item["delivered"]) for item in answer] == [True, False, True] and answer[1][
        "failed"
    ] == ["ada@northwind.example"]
    shown = {item["id"]: item for item in api.result("GET", PATH)}
    assert [shown[each]["is_quarantined"] for each in ids] == [False, True, False]
    assert names(api.result("GET", PATH, message_action="QUARANTINE_RELEASED")) == [
        "Hello 3",
        "Hello 1",
    ]
    assert shown[ids[0]]["post_delivery_operations"] == ["QUARANTINE_RELEASE"]


def test_release_once_more_and_of_the_unknown(api: Api) -> None:
    identifier = pass_through(api)
    for _attempt in range(2):
        assert api.result("POST", f"{PATH}/release", [identifier])[0]["delivered"] == [
            "ada@northwind.example"
        ]
    api.set(release_again="failed")
    assert api.result("POST", f"{PATH}/release", [identifier])[0]["failed"] == [
        "ada@northwind.example"
    ]
    api.set(release_again="refused")
    api.refused(400, "POST", f"{PATH}/release", [identifier])
    assert api.result("POST", f"{PATH}/release", ["4nobody"]) == [
        {"id": "4nobody", "delivered": [], "failed": [], "undelivered": []}
    ]
    api.set(release_unknown="refused")
    api.refused(404, "POST", f"{PATH}/release", ["4nobody"])


def test_the_mail_path_carries_what_is_released(api: Api) -> None:
    class Mail:
        carried: list[str] = []

        def release(self, identifier: str) -> bool:
            self.carried.append(identifier)
            return len(self.carried) == 1

    api.hub.mail = Mail()
    ids = [pass_through(api, number) for number in (1, 2)]
    answer = api.result("POST", f"{PATH}/release", ids)
    assert Mail.carried == ids
    assert (
        answer[0]["delivered"]
        and not answer[1]["delivered"]
        and answer[1]["undelivered"] == ["ada@northwind.example"]
    )


def test_no_subscription_no_messages(api: Api) -> None:
    api.set(entitled=False)
    assert "subscription" in api.refused(403, "GET", PATH)["message"]


def test_a_bulk_job_releases_what_its_search_finds(api: Api) -> None:
    ids = [pass_through(api, number) for number in (1, 2)]
    pass_through(api, 3, "MALICIOUS")
    api.set(release_fails_for=[ids[1]])
    api.refused(400, "POST", f"{PATH}/bulk", {"action": "DELETE", "search_params": {}})
    api.refused(
        403, "POST", f"{PATH}/bulk", {"action": "RELEASE", "search_params": {}}, token=DNS_READER
    )
    answer = api(
        "POST",
        f"{PATH}/bulk",
        {
            "action": "RELEASE",
            "search_params": {"final_disposition": "SPAM"},
            "comment": "by mistake",
        },
    )
    job = answer.json()["result"]
    assert (
        answer.status_code == 201 and job["status"] == "PENDING" and job["comment"] == "by mistake"
    )
    seen = []
    for _look in range(3):
        api.hub.clock.advance(10)
        seen.append(api.result("GET", f"{PATH}/bulk/{job['job_id']}")["status"])
    assert seen == ["DISCOVERING", "PROCESSING", "COMPLETED"]
    done = api.result("GET", f"{PATH}/bulk", action_type="RELEASE")[0]
    assert (
        done["total_messages_discovered"],
        done["messages_successful"],
        done["messages_failed"],
    ) == (2, 1, 1)
    assert {
        each["id"]: each["status"]
        for each in api.result("GET", f"{PATH}/bulk/{job['job_id']}/messages")
    } == {
        ids[0]: "SUCCESSFUL",
        ids[1]: "FAILED",
    }
    assert [item["is_quarantined"] for item in api.result("GET", PATH)] == [True, True, False]
    api.refused(409, "POST", f"{PATH}/bulk/{job['job_id']}/cancel")
    assert api.result("DELETE", f"{PATH}/bulk/{job['job_id']}") == {"id": job["job_id"]}
    api.refused(404, "GET", f"{PATH}/bulk/{job['job_id']}")


def test_a_bulk_job_that_is_cancelled_and_one_that_needs_an_integration(api: Api) -> None:
    identifier = pass_through(api)
    kept = api.result("POST", f"{PATH}/bulk", {"action": "RELEASE", "search_params": {}})["job_id"]
    api.refused(409, "DELETE", f"{PATH}/bulk/{kept}")
    assert api.result("POST", f"{PATH}/bulk/{kept}/cancel")["status"] == "CANCELLED"
    moved = api.result(
        "POST", f"{PATH}/bulk", {"action": "MOVE", "search_params": {}, "destination": "Inbox"}
    )["job_id"]
    api.hub.clock.advance(60)
    assert api.result("GET", f"{PATH}/bulk/{moved}")["status"] == "FAILED"
    assert api.result("GET", f"{PATH}/{identifier}")["is_quarantined"] is True

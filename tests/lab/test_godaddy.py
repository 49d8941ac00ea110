# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's GoDaddy over real HTTPS: v1 records, errors, quotas, and the v3 call that wipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lab.dns_apis import NAME, OLD, PAIR, PAT, READ_PAT, Api, serving

MX = f"/v1/domains/{NAME}/records/MX/@"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving("godaddy", tmp_path) as served:
        yield served


def call(
    api: Api, method: str, path: str, json: Any = None, credential: str = f"Bearer {PAT}"
) -> requests.Response:
    return api(method, path, json=json, headers={"Authorization": credential})


def refused(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["code"])


def mx(host: str, **more: Any) -> dict[str, Any]:
    return {"data": host, "ttl": 600, "priority": 10, **more}


def test_a_put_replaces_one_set_and_nothing_else(api: Api) -> None:
    assert call(api, "GET", MX).json() == [
        {"type": "MX", "name": "@", "data": OLD, "ttl": 3600, "priority": 0}
    ]
    before = len(api.hub.world["godaddy"]["domains"][NAME]["records"])
    assert call(api, "PUT", f"/v1/domains/{NAME}/records/MX/sub", [mx("a.example")]).ok
    answer = call(api, "PUT", MX, [mx("a.example"), mx("b.example")])
    assert answer.status_code == 200 and answer.content == b""
    records = api.hub.world["godaddy"]["domains"][NAME]["records"]
    assert len(records) == before + 2
    assert api.history()[-1]["mx"] == [[10, "a.example"], [10, "b.example"]]


def test_wider_puts_replace_more(api: Api) -> None:
    call(api, "PUT", f"/v1/domains/{NAME}/records/MX/sub", [mx("a.example")])
    call(api, "PUT", f"/v1/domains/{NAME}/records/MX", [mx("b.example", name="@")])
    assert call(api, "GET", f"/v1/domains/{NAME}/records/MX/sub").json() == []
    call(api, "PUT", MX, [])
    assert len(call(api, "GET", MX).json()) == 1
    record = {"type": "MX", "name": "@", **mx("c.example")}
    assert call(api, "PUT", f"/v3/domains/zones/{NAME}/dns-records/r0", record).status_code == 200
    assert len(api.hub.world["godaddy"]["domains"][NAME]["records"]) == 1


@pytest.mark.parametrize(
    "wrong, code",
    [
        ([mx("a.example", ttl=599)], "INVALID_BODY"),
        ([mx("a.example", ttl=86401)], "INVALID_BODY"),
        ([mx("no host")], "INVALID_BODY"),
        ([{"data": "a.example", "ttl": 600}], "INVALID_BODY"),
        ({"data": "a.example"}, "INVALID_BODY"),
        ([mx("a.example"), mx("A.example.")], "DUPLICATE_RECORD"),
    ],
)
def test_what_is_refused(api: Api, wrong: Any, code: str) -> None:
    assert refused(call(api, "PUT", MX, wrong), 422) == code
    assert call(api, "GET", MX).json()[0]["data"] == OLD


def test_credentials(api: Api) -> None:
    assert refused(call(api, "GET", MX, credential="Bearer nobody"), 401)
    assert call(api, "GET", MX, credential=f"sso-key {PAIR[0]}:{PAIR[1]}").ok
    assert refused(call(api, "GET", MX, credential="sso-key ote:o"), 401)
    assert refused(call(api, "PUT", MX, [mx("a.example")], f"Bearer {READ_PAT}"), 403)
    assert refused(call(api, "GET", f"/v1/domains/{NAME}"), 403) == "ACCESS_DENIED"
    api.hub.world["godaddy"]["eligible"] = False
    assert refused(call(api, "GET", MX), 403) == "ACCESS_DENIED"


def test_domains_that_cannot_be_changed(api: Api) -> None:
    domain = api.hub.world["godaddy"]["domains"][NAME]
    assert refused(call(api, "GET", MX.replace(NAME, "none.example")), 404) == "UNKNOWN_DOMAIN"
    domain["elsewhere"] = True
    assert refused(call(api, "GET", MX), 404) == "UNKNOWN_DOMAIN"
    domain.update(elsewhere=False, protected=True)
    assert refused(call(api, "PUT", MX, [mx("a.example")]), 409)


def test_quotas(api: Api) -> None:
    settings = api.hub.world["godaddy"]["settings"]
    settings.update(calls_per_minute=2, busy_seconds=5)
    assert call(api, "PUT", MX, [mx("a.example")]).ok
    assert refused(call(api, "PUT", MX, [mx("b.example")]), 409) == "CONFLICT"
    late = call(api, "PUT", MX, [mx("b.example")])
    assert refused(late, 429) == "TOO_MANY_REQUESTS" and late.json()["retryAfterSec"] > 0
    assert call(api, "GET", MX).ok
    api.hub.clock.advance(62)
    assert call(api, "PUT", MX, [mx("b.example")]).ok
    settings.update(calls_per_month=4)
    assert refused(call(api, "GET", MX), 429) == "QUOTA_EXCEEDED"

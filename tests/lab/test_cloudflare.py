# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Cloudflare over real HTTPS: tokens, zones, records, batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lab.cloudflare_api import (
    ACCOUNT,
    ACCOUNT_TOKEN,
    DNS_READER,
    DOMAINS,
    EU,
    OLD,
    ONE_ZONE,
    TOKEN,
    Api,
    domain,
    serving,
    switch,
    zone_of,
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as served:
        yield served


# --- tokens
# --------------------------------------------------------------------------------


def test_token_verify(api: Api) -> None:
    assert api.result("GET", "user/tokens/verify")["status"] == "active"
    assert (
        api.refused(401, "GET", "user/tokens/verify", token="unknown-" + "x" * 40)["code"] == 1000
    )
    assert api.refused(401, "GET", "user/tokens/verify", token=ACCOUNT_TOKEN)["code"] == 1000
    assert (
        api("GET", f"accounts/{ACCOUNT}/tokens/verify", token=ACCOUNT_TOKEN).json()["result"][
            "status"
        ]
        == "active"
    )


def test_bad_tokens(api: Api) -> None:
    malformed = api.refused(400, "GET", "zones", token="short")
    assert malformed["code"] == 6003 and malformed["error_chain"][0]["code"] == 6111
    assert api.refused(400, "GET", "zones", token=None)["code"] == 9106
    assert api.refused(403, "GET", "zones", token="unknown-" + "x" * 40)["code"] == 10000
    api.set(auth_error_status=401)
    assert api.refused(401, "GET", "zones", token="unknown-" + "x" * 40)["code"] == 10000


def test_a_missing_permission_is_403(api: Api) -> None:
    zone = api.zone_id("northwind.example")
    assert api("GET", f"zones/{zone}/dns_records", token=DNS_READER).ok
    record = {
        "type": "MX",
        "name": "northwind.example",
        "content": EU[0][1],
        "priority": 5,
        "ttl": 300,
    }
    assert (
        api.refused(403, "POST", f"zones/{zone}/dns_records", record, DNS_READER)["code"] == 10000
    )
    assert (
        api.refused(
            403, "POST", f"zones/{zone}/dns_records/batch", {"posts": [record]}, DNS_READER
        )["code"]
        == 10000
    )
    assert (
        api.refused(403, "POST", DOMAINS, domain("northwind.example"), DNS_READER)["code"] == 10000
    )
    assert len(api.mx("northwind.example")) == 1
    assert api("GET", "zones", token=DNS_READER).json()["result"][0]["permissions"] == [
        "#zone:read",
        "#dns_records:read",
    ]


def test_a_zone_that_the_token_does_not_see(api: Api) -> None:
    hidden = api.zone_id("northwind.example")
    names = [zone["name"] for zone in api("GET", "zones", token=ONE_ZONE).json()["result"]]
    assert names == ["nw-labs.example"]
    assert api.refused(403, "GET", f"zones/{hidden}/dns_records", token=ONE_ZONE)["code"] == 9109


def test_rate_limit(api: Api) -> None:
    api.set(rate_limit=3)
    answers = [api("GET", "zones") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["Ratelimit"].startswith('"default";r=2;t=')
    assert "retry-after" not in answers[2].headers and int(answers[3].headers["retry-after"]) == 300
    api.hub.clock.advance(301)
    assert api("GET", "zones").status_code == 200


def test_rate_limited_by_a_fault(api: Api) -> None:
    api.hub.faults.set(
        [{"service": "cloudflare", "match": "/zones", "kind": "rate_limited", "seconds": 2}]
    )
    answer = api("GET", "zones")
    assert answer.status_code == 429 and answer.headers["retry-after"] == "2"
    assert answer.json()["errors"][0]["code"] == 971
    assert api("GET", "zones").ok


def test_routes(api: Api) -> None:
    assert api.refused(404, "GET", "zones/ffff/dns_records")["code"] == 7003
    assert api.refused(404, "GET", "nothing/here")["code"] == 7003
    assert api.refused(405, "DELETE", "zones")["code"] == 7001
    assert api.refused(403, "GET", DOMAINS.replace(ACCOUNT, "f" * 32))["code"] == 10000


# --- zones and records
# --------------------------------------------------------------------------------


def test_zone_pages(api: Api) -> None:
    api.hub.world["cloudflare"]["zones"].update(
        {f"z{n:03}.example": zone_of(f"z{n:03}.example") for n in range(60)}
    )
    body = api("GET", "zones", per_page=50, page=2).json()
    assert body["result_info"] == {
        "page": 2,
        "per_page": 50,
        "count": 12,
        "total_count": 62,
        "total_pages": 2,
    }
    assert api.refused(400, "GET", "zones", per_page=51)["code"] == 6003
    assert len(api.result("GET", "zones")) == 20


def test_record_filters_and_one_record(api: Api) -> None:
    zone = api.zone_id("northwind.example")
    records = f"zones/{zone}/dns_records"
    mx = api.result("GET", records, **{"type": "MX", "name.exact": "northwind.example"})
    assert [(r["priority"], r["content"], r["ttl"]) for r in mx] == [(0, OLD, 3600)]
    assert len(api.result("GET", records)) == 3
    assert api.result("GET", records, **{"name.startswith": "www"})[0]["type"] == "A"
    changed = api.result("PATCH", f"{records}/{mx[0]['id']}", {"ttl": 300})
    assert changed["id"] == mx[0]["id"] and changed["ttl"] == 300 and changed["content"] == OLD
    assert api.result("DELETE", f"{records}/{mx[0]['id']}") == {"id": mx[0]["id"]}
    assert api.refused(404, "GET", f"{records}/{mx[0]['id']}")["code"] == 81044


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"ttl": 59}, 9021),
        ({"ttl": 86401}, 9021),
        ({"ttl": "300"}, 9021),
        ({"ttl": True}, 9021),
        ({"priority": None}, 9100),
        ({"priority": 70000}, 9100),
        ({"content": "192.0.2.1"}, 9009),
        ({"content": "not a host"}, 9009),
        ({"content": ""}, 9207),
        ({"type": "NOPE"}, 9001),
        ({"proxied": True}, 9004),
        ({"colour": "red"}, 9207),
        ({"name": "bücher.example"}, 9000),
        ({"content": OLD, "priority": 0}, 81058),
    ],
)
def test_a_record_that_is_refused(api: Api, fields: dict[str, Any], code: int) -> None:
    record = {
        "type": "MX",
        "name": "northwind.example",
        "content": EU[0][1],
        "priority": 5,
        "ttl": 300,
        **fields,
    }
    error = api.refused(
        400, "POST", f"zones/{api.zone_id('northwind.example')}/dns_records", record
    )
    assert error["code"] == code
    assert len(api.mx("northwind.example")) == 1


def test_lower_ttls_on_enterprise(api: Api) -> None:
    api.set(min_ttl=30)
    zone = api.zone_id("northwind.example")
    record = {"type": "MX", "name": "@", "content": EU[0][1] + ".", "priority": 5, "ttl": 30}
    made = api.result("POST", f"zones/{zone}/dns_records", record)
    assert (made["name"], made["content"], made["ttl"]) == ("northwind.example", EU[0][1], 30)


# --- batch
# --------------------------------------------------------------------------------


def test_batch_switches_the_set_without_an_empty_moment(api: Api) -> None:
    old = api.mx("northwind.example")[0]
    answer = api.result(
        "POST", f"zones/{api.zone_id('northwind.example')}/dns_records/batch", switch(old)
    )
    assert {key: len(value) for key, value in answer.items()} == {
        "deletes": 0,
        "patches": 1,
        "puts": 0,
        "posts": 1,
    }
    assert answer["patches"][0]["id"] == old["id"]
    assert sorted((r["priority"], r["content"]) for r in api.mx("northwind.example")) == sorted(EU)
    moments = [
        each for each in api.hub.world["dns"]["history"] if each["name"] == "northwind.example"
    ]
    assert [len(moment["mx"]) for moment in moments] == [1, 1, 2]
    assert moments[0]["change"] == "start" and moments[1]["change"].startswith("patch MX")
    assert moments[-1]["mx"] == [[5, EU[0][1]], [10, EU[1][1]]] and moments[-1]["ttl"] == 300


def test_a_batch_that_deletes_first_shows_its_empty_moment(api: Api) -> None:
    old = api.mx("northwind.example")[0]
    posts = [
        {"type": "MX", "name": old["name"], "priority": p, "content": host, "ttl": 300}
        for p, host in EU
    ]
    api.result(
        "POST",
        f"zones/{api.zone_id('northwind.example')}/dns_records/batch",
        {"posts": posts, "deletes": [{"id": old["id"]}]},
    )
    moments = [
        each["mx"]
        for each in api.hub.world["dns"]["history"]
        if each["name"] == "northwind.example"
    ]
    assert moments[1] == [] and len(moments[-1]) == 2


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [
        (
            {
                "posts": [
                    {"type": "MX", "name": "northwind.example", "content": EU[1][1], "ttl": 300}
                ]
            },
            400,
            9100,
        ),
        ({"patches": [{"id": "f" * 32, "ttl": 300}]}, 404, 81044),
        ({"puts": [{"id": "OLD", "content": EU[0][1], "type": "MX", "priority": 5}]}, 400, 9207),
        (
            {"posts": [{"type": "A", "name": "www.northwind.example", "content": "192.0.2.10"}]},
            400,
            81058,
        ),
        ({"other": []}, 400, 9207),
        ({"posts": {}}, 400, 6007),
    ],
)
def test_a_batch_that_fails_changes_nothing(
    api: Api, last: dict[str, Any], status: int, code: int
) -> None:
    before = api.mx("northwind.example")
    body = {"posts": [{"type": "TXT", "name": "x.northwind.example", "content": "first"}], **last}
    for item in body.get("puts", []):
        item["id"] = before[0]["id"]
    body["patches"] = [{"id": before[0]["id"], "ttl": 300}, *body.get("patches", [])]
    error = api.refused(
        status, "POST", f"zones/{api.zone_id('northwind.example')}/dns_records/batch", body
    )
    assert error["code"] == code
    assert api.mx("northwind.example") == before
    assert len(api.hub.world["cloudflare"]["zones"]["northwind.example"]["records"]) == 3
    assert [
        each["change"]
        for each in api.hub.world["dns"]["history"]
        if each["name"] == "northwind.example"
    ] == ["start"]


def test_batch_limit(api: Api) -> None:
    posts = [{"type": "TXT", "name": f"t{n}.northwind.example", "content": "x"} for n in range(201)]
    path = f"zones/{api.zone_id('northwind.example')}/dns_records/batch"
    assert "200" in api.refused(400, "POST", path, {"posts": posts})["message"]
    assert len(api.result("POST", path, {"posts": posts[:200]})["posts"]) == 200


def test_many_batches_at_once(api: Api) -> None:
    names = [f"z{n:03}.example" for n in range(30)]
    with api.hub.lock:
        api.hub.world["cloudflare"]["zones"].update({name: zone_of(name) for name in names})
    zones = {
        zone["name"]: zone["id"]
        for page in (1, 2)
        for zone in api.result("GET", "zones", per_page=20, page=page)
    }

    def change(name: str) -> None:
        path = f"zones/{zones[name]}/dns_records"
        old = api.result("GET", path, type="MX")[0]
        api.result("POST", f"{path}/batch", switch(old))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(change, names))
    for name in names:
        moments = [each["mx"] for each in api.hub.world["dns"]["history"] if each["name"] == name]
        assert [len(moment) for moment in moments][-2:] == [1, 2]
        assert [] not in moments


def test_malformed_body_and_log(api: Api) -> None:
    zone = api.zone_id("northwind.example")
    api.hub.log.hide([TOKEN])
    session = requests.Session()
    session.trust_env = False
    answer = session.post(
        api.base + f"zones/{zone}/dns_records",
        data="{",
        verify=api.session.verify,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=5,
    )
    assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == 6007
    deadline = time.monotonic() + 2
    while (
        not [e for e in api.hub.log.entries() if e["method"] == "POST"]
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    entry = [e for e in api.hub.log.entries() if e["method"] == "POST"][-1]
    assert (
        entry["service"] == "cloudflare"
        and entry["status"] == 400
        and TOKEN not in str(api.hub.log.entries())
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Azure DNS over real HTTPS: conditions, errors, rights, limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lab import azure_dns
from tests.lab.dns_apis import (
    ADMIN,
    NAME,
    OLD,
    OTHER_TENANT,
    READER,
    SET_ADMIN,
    SUBSCRIPTION,
    ZONE_PATH,
    Api,
    serving,
)

MX = f"{ZONE_PATH}/MX/@"
LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/dnszones"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving("arm", tmp_path) as served:
        served.hub.world["azure_dns"]["settings"]["error_shape"] = "wrapped"
        yield served


def call(
    api: Api, method: str, path: str, json: Any = None, client: str = ADMIN, **headers: str
) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api(
        method,
        path,
        json=json,
        params={"api-version": "2018-05-01"},
        headers={**api.bearer(client), **named},
    )


def refused(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["code"])


def body(*hosts: str, ttl: int = 300, **more: Any) -> dict[str, Any]:
    records = [{"preference": 10 * index, "exchange": host} for index, host in enumerate(hosts, 1)]
    return {"properties": {"TTL": ttl, "MXRecords": records, **more}}


def test_a_put_replaces_the_set_and_its_metadata_and_changes_the_etag(api: Api) -> None:
    first = call(api, "GET", MX).json()
    assert first["properties"]["MXRecords"] == [{"preference": 0, "exchange": OLD}]
    made = call(api, "PUT", MX, body("new.example.", metadata={"owner": "mail"}))
    assert made.status_code == 200 and made.json()["etag"] != first["etag"]
    assert made.json()["properties"]["MXRecords"][0]["exchange"] == "new.example."
    assert call(api, "PUT", MX, body("new.example.")).json()["properties"]["metadata"] == {}
    assert [each["mx"] for each in api.history()] == [[[0, OLD]], [[10, "new.example"]]]


def test_conditions(api: Api) -> None:
    etag = call(api, "GET", MX).json()["etag"]
    assert refused(call(api, "PUT", MX, body("a.example"), If_None_Match="*"), 412)
    assert call(api, "PUT", MX, body("a.example"), If_Match=etag).status_code == 200
    code = refused(call(api, "PUT", MX, body("b.example"), If_Match=etag), 412)
    assert code == "PreconditionFailed"
    other = f"{ZONE_PATH}/MX/sub"
    assert refused(call(api, "PUT", other, body("a.example"), If_Match="*"), 412)
    assert call(api, "PUT", other, body("a.example"), If_None_Match="*").status_code == 201
    assert call(api, "DELETE", other).status_code == 200
    assert call(api, "DELETE", other).status_code == 204


def test_an_empty_set_exists(api: Api) -> None:
    assert call(api, "PUT", MX, body()).status_code == 200
    assert call(api, "GET", MX).json()["properties"]["MXRecords"] == []
    assert refused(call(api, "PUT", MX, body("a.example"), If_None_Match="*"), 412)


@pytest.mark.parametrize(
    "wrong",
    [
        body("a.example", ttl=0),
        body("a.example", ttl=2147483648),
        body("not a host"),
        body(*(f"mx{number}.example" for number in range(21))),
        {"properties": {"TTL": 300, "MXRecords": [{"preference": 1, "host": "a.example"}]}},
        {"properties": {"TTL": 300, "TXTRecords": [{"value": ["x"]}]}},
        {"properties": {"TTL": 300, "mx": []}},
        {"TTL": 300},
    ],
)
def test_what_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    assert refused(call(api, "PUT", MX, wrong), 400)
    assert call(api, "GET", MX).json()["properties"]["TTL"] == 3600


def test_a_cname_is_in_the_way(api: Api) -> None:
    path = f"{ZONE_PATH}/MX/autodiscover"
    code = refused(call(api, "PUT", path, body("a.example")), 400)
    assert code == "CannotCreateRecordDueToCNameNamingRestriction"


def test_what_is_missing(api: Api) -> None:
    assert refused(call(api, "GET", f"{ZONE_PATH}/MX/none"), 404) == "NotFound"
    gone = ZONE_PATH.replace(NAME, "gone.example")
    assert refused(call(api, "GET", f"{gone}/MX/@"), 404) == "ParentResourceNotFound"
    assert refused(call(api, "GET", gone), 404) == "ResourceNotFound"
    other = MX.replace(SUBSCRIPTION, "0" * 8)
    assert refused(call(api, "GET", other), 404) == "SubscriptionNotFound"
    without = api("GET", MX, headers=api.bearer())
    assert refused(without, 400) == "MissingApiVersionParameter"


def test_tokens_and_roles(api: Api) -> None:
    params = {"api-version": "2018-05-01"}
    assert refused(api("GET", MX, params=params), 401) == "AuthenticationFailed"
    foreign = api("GET", MX, params=params, headers=api.bearer(tenant=OTHER_TENANT))
    assert refused(foreign, 401) == "InvalidAuthenticationTokenTenant"
    assert call(api, "GET", MX, client=READER).status_code == 200
    assert refused(call(api, "PUT", MX, body("a.example"), READER), 403) == "AuthorizationFailed"
    assert call(api, "PUT", MX, body("a.example"), SET_ADMIN).status_code == 200
    assert refused(call(api, "PUT", f"{ZONE_PATH}/TXT/@", body(), SET_ADMIN), 403)
    assert call(api, "GET", LIST, client=SET_ADMIN).json() == {"value": []}
    api.hub.clock.advance(7200)
    assert call(api, "GET", MX).status_code == 200
    late = api.bearer()
    api.hub.clock.advance(7200)
    expired = api("GET", MX, params=params, headers=late)
    assert refused(expired, 401) == "ExpiredAuthenticationToken"


def test_locks(api: Api) -> None:
    zone = api.hub.world["azure_dns"]["zones"][0]
    zone["locks"] = [{"level": "CanNotDelete", "scope": ZONE_PATH}]
    assert call(api, "PUT", MX, body("a.example")).status_code == 200
    assert refused(call(api, "DELETE", MX), 409) == "ScopeLocked"
    zone["locks"] = [{"level": "ReadOnly", "scope": f"{ZONE_PATH}/MX/@"}]
    assert refused(call(api, "PUT", MX, body("b.example")), 409) == "ScopeLocked"


def test_pages_of_zones(api: Api) -> None:
    state = api.hub.world["azure_dns"]
    state["zones"] += [azure_dns.zone(f"z{n}.example", [(0, OLD)], 300) for n in range(4)]
    state["settings"]["longest_page"] = 2
    found, url = [], f"{api.base}{LIST}?api-version=2018-05-01"
    for _page in range(3):
        answer = api.session.get(url, headers=api.bearer(), timeout=10).json()
        found += [zone["name"] for zone in answer["value"]]
        url = answer.get("nextLink", "")
    assert found == [NAME, "z0.example", "z1.example", "z2.example", "z3.example"] and not url


def test_limits_and_both_error_shapes(api: Api) -> None:
    state = api.hub.world["azure_dns"]
    state["settings"].update(error_shape="rotate", writes_per_minute=2)
    for _once in range(2):
        assert call(api, "PUT", MX, body("a.example")).ok
    answers = [call(api, "PUT", MX, body("a.example")) for _once in range(2)]
    assert all(each.status_code == 429 and each.headers["Retry-After"] for each in answers)
    assert sorted("error" in each.json() for each in answers) == [False, True]
    api.hub.clock.advance(61)
    assert call(api, "PUT", MX, body("a.example")).ok


def test_faults(api: Api) -> None:
    api.hub.faults.set([{"service": "azure_dns", "kind": "pending", "match": "PUT"}])
    pending = call(api, "PUT", MX, body("a.example"))
    assert refused(pending, 409) == "Conflict" and "pending" in pending.text
    assert call(api, "PUT", MX, body("a.example")).ok

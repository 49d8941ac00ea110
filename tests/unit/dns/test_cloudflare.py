# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Cloudflare envelope and driver: errors, paging, the batch body, zones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils import _cloudflare_api
from ansible_collections.mailflow.area1.plugins.module_utils._cloudflare_api import CloudflareApi
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.cloudflare import (
    CloudflareDriver,
    batch,
    record_set,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import RecordSet
from ansible_collections.mailflow.area1.plugins.module_utils._engine import errors
from ansible_collections.mailflow.area1.plugins.module_utils._http import Reply

TOKEN = "token-that-is-secret-0123456789"
URL = "https://api.example.test/client/v4"

Handler = Callable[[str, str, Mapping[str, Any], Any], tuple[int, Any]]


class Wire:
    """Answers by a function and keeps what was asked."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.calls: list[tuple[str, str, dict[str, Any], Any]] = []

    def request(self, method: str, path: str, params: Any = None, payload: Any = None) -> Reply:
        self.calls.append((method, path, dict(params or {}), payload))
        status, body = self.handler(method, path, params or {}, payload)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Reply(
            status,
            {"Date": "Mon, 23 Nov 2026 10:00:00 GMT"},
            data,
            "%s %s/%s" % (method, URL, path),
        )


def api_with(handler: Handler) -> tuple[CloudflareApi, Wire]:
    api = CloudflareApi(URL, TOKEN)
    wire = Wire(handler)
    api._http = wire  # type: ignore[assignment]
    return api, wire


def ok(result: Any, **info: Any) -> tuple[int, Any]:
    return 200, {
        "success": True,
        "errors": [],
        "messages": [],
        "result": result,
        "result_info": info or None,
    }


def refuse(status: int, code: int, message: str) -> Callable[..., tuple[int, Any]]:
    return lambda *unused: (
        status,
        {"success": False, "errors": [{"code": code, "message": message}], "result": None},
    )


@pytest.mark.parametrize(
    ("method", "status", "code", "message", "kind"),
    [
        ("GET", 401, 10000, "Authentication error", errors.SignInError),
        ("GET", 400, 6003, "Invalid request headers", errors.SignInError),
        ("GET", 403, 9109, "Invalid access token", errors.SignInError),
        ("GET", 403, 10000, "Authentication error", errors.PermissionDenied),
        ("POST", 403, 9109, "Unauthorized to access requested resource", errors.PermissionDenied),
        ("GET", 404, 1001, "not found", errors.NotFound),
        ("GET", 400, 7003, "Could not route", errors.NotFound),
        ("GET", 429, 971, "limit", errors.ReadError),
        ("POST", 429, 971, "limit", errors.Refused),
        ("POST", 400, 81058, "An identical record already exists.", errors.AlreadyExists),
        ("POST", 400, 9021, "Invalid TTL", errors.Refused),
        ("POST", 409, 1, "conflict", errors.Conflict),
        ("GET", 400, 9207, "bad", errors.ReadError),
        ("GET", 200, 1, "odd", errors.ReadError),
        ("GET", 302, 1, "moved", errors.ReadError),
        ("GET", 500, 1, "broken", errors.ReadError),
    ],
)
def test_errors_are_typed_and_hold_no_token(
    method: str, status: int, code: int, message: str, kind: type[errors.MailflowError]
) -> None:
    api, _wire = api_with(refuse(status, code, "%s %s" % (message, TOKEN)))
    with pytest.raises(errors.MailflowError) as caught:
        api.call(method, "zones", permission="Zone.DNS:Edit")
    assert type(caught.value) is kind
    assert TOKEN not in str(caught.value) and message in caught.value.message
    assert caught.value.details["codes"] == [code]


def test_what_is_no_envelope() -> None:
    api, _wire = api_with(lambda *unused: (200, b"<html>"))
    with pytest.raises(errors.ReadError):
        api.get("zones")
    with pytest.raises(errors.AmbiguousWrite):
        api.write("POST", "zones")
    api, _wire = api_with(lambda *unused: (200, []))
    with pytest.raises(errors.ReadError):
        api.get("zones")


@pytest.mark.parametrize("token", ["", None, "  ", "a b", "line\nbreak"])
def test_a_token_that_is_none_is_refused(token: str | None) -> None:
    with pytest.raises(errors.InputError):
        CloudflareApi(URL, token)


def paged(info: Callable[[int], dict[str, Any]], items: list[Any], size: int) -> Handler:
    def handler(method: str, path: str, params: Mapping[str, Any], payload: Any) -> tuple[int, Any]:
        page = int(params["page"])
        return ok(items[(page - 1) * size : page * size], **info(page))

    return handler


@pytest.mark.parametrize(
    "info",
    [
        lambda page: {"page": page, "total_pages": 3},
        lambda page: {"page": page, "total_count": 5},
        lambda page: {},
    ],
    ids=["total_pages", "total_count", "nothing"],
)
def test_all_pages_are_read_even_if_the_service_makes_them_smaller(
    info: Callable[[int], dict[str, Any]],
) -> None:
    zones = [{"id": number} for number in range(5)]
    api, wire = api_with(paged(info, zones, 2))
    assert list(api.pages("zones", {"name": "x"}, per_page=50)) == zones
    assert all(call[2]["name"] == "x" for call in wire.calls)


def test_a_list_that_is_not_paged_is_read_once() -> None:
    zones = [{"id": 1}, {"id": 2}]
    api, _wire = api_with(lambda *unused: ok(zones))
    assert list(api.pages("zones")) == zones


def test_paging_ends_in_an_error_not_in_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cloudflare_api, "MAX_PAGES", 2)
    api, _wire = api_with(paged(lambda page: {"total_pages": 3}, [1, 2, 3, 4, 5], 2))
    with pytest.raises(errors.ReadError):
        list(api.pages("zones"))


def record(identity: str, value: str, ttl: int = 3600, **more: Any) -> dict[str, Any]:
    priority, host = value.split(" ")
    return {
        "id": identity,
        "type": "MX",
        "name": "a.example",
        "content": host,
        "priority": int(priority),
        "ttl": ttl,
        **more,
    }


def wanted(*values: str, ttl: int | None = 300, auto: bool = False) -> RecordSet:
    return RecordSet.of("a.example", "MX", values, ttl, auto)


def test_values_are_patched_in_place() -> None:
    body = batch([record("1", "0 old.example")], wanted("5 new.example", "10 b.example"))
    assert body == {
        "deletes": [],
        "patches": [{"id": "1", "content": "new.example", "priority": 5, "ttl": 300}],
        "puts": [],
        "posts": [
            {"name": "a.example", "type": "MX", "ttl": 300, "content": "b.example", "priority": 10}
        ],
    }


def test_a_smaller_set_deletes_the_surplus_only() -> None:
    body = batch(
        [record("1", "5 a.example"), record("2", "10 B.example."), record("3", "20 c.example")],
        wanted("10 b.example", ttl=3600),
    )
    assert (
        body["deletes"] == [{"id": "1"}, {"id": "3"}] and not body["patches"] and not body["posts"]
    )


def test_a_host_that_stays_keeps_its_record() -> None:
    body = batch(
        [record("1", "5 a.example"), record("2", "10 b.example")],
        wanted("10 a.example", "5 c.example", ttl=3600),
    )
    assert body["patches"] == [
        {"id": "1", "priority": 10},
        {"id": "2", "content": "c.example", "priority": 5},
    ]


def test_only_the_ttl() -> None:
    body = batch(
        [record("1", "5 a.example"), record("2", "10 b.example", ttl=300)],
        wanted("5 a.example", "10 b.example"),
    )
    assert body == {"deletes": [], "patches": [{"id": "1", "ttl": 300}], "puts": [], "posts": []}


def test_auto_stays_auto() -> None:
    body = batch(
        [record("1", "5 a.example", ttl=1)], wanted("5 new.example", "6 b.example", auto=True)
    )
    assert (
        body["patches"] == [{"id": "1", "content": "new.example"}] and body["posts"][0]["ttl"] == 1
    )


def test_the_longest_ttl_counts_and_auto_only_if_all_are() -> None:
    both = record_set(
        "a.example",
        "MX",
        [record("1", "5 a.example", ttl=1), record("2", "6 b.example", ttl=60)],
        None,
    )
    assert both is not None and (both.ttl, both.auto_ttl) == (300, False)
    auto = record_set(
        "a.example",
        "MX",
        [
            record("1", "5 a.example", ttl=1, modified_on="2026-01-02"),
            record("2", "6 b.example", ttl=1),
        ],
        None,
    )
    assert auto is not None and auto.auto_ttl and auto.modified_on == "2026-01-02"
    assert record_set("a.example", "MX", [], None) is None


class Account:
    """Zones and the records of one of them."""

    def __init__(
        self, zones: list[dict[str, Any]], records: list[dict[str, Any]] | None = None
    ) -> None:
        self.zones = zones
        self.records = records or []

    def __call__(
        self, method: str, path: str, params: Mapping[str, Any], payload: Any
    ) -> tuple[int, Any]:
        if path.endswith("/batch"):
            return ok({})
        if path.endswith("/dns_records"):
            return ok(self.records, total_pages=1)
        found = [zone for zone in self.zones if params.get("name") in (None, zone["name"])]
        size, page = int(params["per_page"]), int(params["page"])
        return ok(
            found[(page - 1) * size : page * size], total_pages=max(-(-len(found) // size), 1)
        )


def zone(name: str, **more: Any) -> dict[str, Any]:
    return {"id": "id-" + name, "name": name, "status": "active", **more}


def test_the_longest_suffix_is_the_zone_however_the_zones_are_found() -> None:
    zones = [
        zone("example.com"),
        zone("sub.example.com"),
        *(zone("z%d.example" % number) for number in range(60)),
    ]
    for names in (["a.sub.example.com"], ["a.sub.example.com", "example.com"]):
        api, _wire = api_with(Account(zones))
        driver = CloudflareDriver(api)
        driver.prepare(names)
        assert driver.zone_of("a.sub.example.com")["name"] == "sub.example.com"
        assert driver.zone_of("b.example.com")["name"] == "example.com"


def test_many_names_are_found_by_listing_and_few_among_many_by_name() -> None:
    zones = [zone("z%03d.example" % number) for number in range(500)]
    api, wire = api_with(Account(zones))
    CloudflareDriver(api).prepare([each["name"] for each in zones])
    assert len(wire.calls) == 10
    api, wire = api_with(Account(zones))
    driver = CloudflareDriver(api)
    driver.prepare(["z400.example", "z499.example"])
    assert driver.zone_of("z499.example")["id"] == "id-z499.example"
    assert len(wire.calls) == 2


@pytest.mark.parametrize("odd", [{"status": "pending"}, {"type": "partial"}, {"type": "secondary"}])
def test_a_zone_that_cloudflare_does_not_serve_is_refused(odd: dict[str, str]) -> None:
    api, _wire = api_with(Account([zone("a.example", **odd)]))
    with pytest.raises(errors.InputError, match=r"a\.example"):
        CloudflareDriver(api).zone_of("a.example")


def test_a_zone_that_the_token_cannot_see_names_zone_and_permission() -> None:
    api, wire = api_with(Account([zone("other.example")]))
    with pytest.raises(errors.InputError) as caught:
        CloudflareDriver(api).check("a.example")
    assert "a.example" in caught.value.message and "Zone.DNS:Edit" in caught.value.hint
    assert all(call[0] == "GET" for call in wire.calls)


def test_what_the_service_did_not_filter_is_filtered_here() -> None:
    foreign = [
        {**record("9", "1 x.example"), "name": "b.example"},
        {"id": "8", "type": "TXT", "name": "a.example", "content": "t"},
    ]
    api, _wire = api_with(Account([zone("a.example")], [record("1", "5 a.example"), *foreign]))
    found = CloudflareDriver(api).read("a.example", "MX")
    assert (
        found is not None
        and found.values == ("5 a.example",)
        and found.date == "2026-11-23T10:00:00+00:00"
    )


def test_a_set_that_changed_meanwhile_is_not_written_over() -> None:
    api, wire = api_with(Account([zone("a.example")], [record("1", "5 a.example")]))
    with pytest.raises(errors.Conflict):
        CloudflareDriver(api).replace(
            "a.example", "MX", wanted("9 other.example"), wanted("5 new.example")
        )
    assert not [call for call in wire.calls if call[0] != "GET"]


def test_one_write_replaces_the_set() -> None:
    api, wire = api_with(Account([zone("a.example")], [record("1", "5 a.example")]))
    CloudflareDriver(api).replace(
        "a.example", "MX", wanted("5 a.example", ttl=3600), wanted("5 new.example")
    )
    assert [call[:2] for call in wire.calls if call[0] != "GET"] == [
        ("POST", "zones/id-a.example/dns_records/batch")
    ]

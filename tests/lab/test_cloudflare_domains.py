# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Email Security domains over real HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.cloudflare_api import DOMAINS, OLD, Api, domain, serving, switch


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as served:
        yield served


def _point_to_area1(api: Api, zone: str) -> None:
    api.result("POST", f"zones/{api.zone_id(zone)}/dns_records/batch", switch(api.mx(zone)[0]))


def test_a_domain_of_a_zone_here_is_verified_at_once_and_pending_for_want_of_mail(api: Api) -> None:
    answer = api("POST", DOMAINS, domain("northwind.example"))
    assert answer.status_code == 201
    made = answer.json()["result"]
    assert isinstance(made["id"], str) and len(made["id"]) == 36 and made["status"] == "pending"
    assert (
        made["transport"] == OLD
        and made["require_tls_outbound"] is True
        and made["modified_at"] == made["last_modified"]
    )
    assert "lab" not in made
    assert api.result("GET", f"{DOMAINS}/{made['id']}/verification")["status"] == "active"
    api.hub.clock.advance(7200)
    assert api.result("GET", f"{DOMAINS}/{made['id']}")["status"] == "pending"
    _point_to_area1(api, "northwind.example")
    assert api.result("GET", f"{DOMAINS}/{made['id']}")["status"] == "pending"
    api.hub.clock.advance(1000)
    shown = api.result("GET", f"{DOMAINS}/{made['id']}")
    assert shown["status"] == "active" and shown["emails_processed"]["total_emails_processed"] > 0


def test_an_active_domain_without_mail_for_a_week_is_pending_again(api: Api) -> None:
    made = api.result("POST", DOMAINS, domain("northwind.example"))
    _point_to_area1(api, "northwind.example")
    api.hub.clock.advance(86400)
    zone = api.zone_id("northwind.example")
    for record in api.mx("northwind.example"):
        api.result("DELETE", f"zones/{zone}/dns_records/{record['id']}")
    api.hub.clock.advance(6 * 86400)
    assert api.result("GET", f"{DOMAINS}/{made['id']}")["status"] == "active"
    api.hub.clock.advance(2 * 86400)
    assert api.result("GET", f"{DOMAINS}/{made['id']}")["status"] == "pending"


def test_a_domain_elsewhere_needs_the_txt_record(api: Api) -> None:
    made = api.result("POST", DOMAINS, domain("elsewhere.example"))
    check = f"{DOMAINS}/{made['id']}/verification"
    first = api.result("GET", check)
    assert (
        first["status"] == "pending"
        and first["txt_record_name"] == "_cf-email-sec-challenge.elsewhere.example"
    )
    records = api.hub.world["dns"]["zones"]["elsewhere.example"]["records"]
    records.append(
        {"type": "TXT", "name": first["txt_record_name"], "content": "something else", "ttl": 300}
    )
    api.hub.clock.advance(3600)
    assert api.result("GET", check)["status"] == "pending"
    records[-1] = {**records[-1], "content": first["txt_record_value"]}
    assert api.result("GET", check)["status"] == "pending"
    api.hub.clock.advance(61)
    assert api.result("GET", check)["status"] == "active"
    records.pop()
    assert api.result("GET", check)["status"] == "active"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"lookback_hops": 0}, "/lookback_hops"),
        ({"lookback_hops": 21}, "/lookback_hops"),
        ({"lookback_hops": "1"}, "/lookback_hops"),
        ({"regions": ["EU"]}, "/regions"),
        ({"drop_dispositions": ["UCE"]}, "/drop_dispositions"),
        ({"allowed_delivery_modes": ["MX"]}, "/allowed_delivery_modes"),
        ({"ip_restrictions": ["192.0.2.1"]}, "/ip_restrictions"),
        ({"require_tls_outbound": "true"}, "/require_tls_outbound"),
        ({"transport": ""}, "/transport"),
        ({"folder": "Outbox"}, "/folder"),
    ],
)
def test_a_domain_that_is_refused(api: Api, fields: dict[str, Any], pointer: str) -> None:
    assert (
        api.refused(400, "POST", DOMAINS, domain("northwind.example", **fields))["source"][
            "pointer"
        ]
        == pointer
    )
    made = api.result("POST", DOMAINS, domain("nw-labs.example"))
    assert (
        api.refused(400, "PATCH", f"{DOMAINS}/{made['id']}", fields)["source"]["pointer"] == pointer
    )
    assert len(api.result("GET", DOMAINS)) == 1


@pytest.mark.parametrize(
    "missing",
    ["domain", "allowed_delivery_modes", "drop_dispositions", "ip_restrictions", "regions"],
)
def test_required_fields(api: Api, missing: str) -> None:
    body = {key: value for key, value in domain("northwind.example").items() if key != missing}
    assert api.refused(400, "POST", DOMAINS, body)["source"]["pointer"] == f"/{missing}"


def test_change_replace_delete(api: Api) -> None:
    made = api.result("POST", DOMAINS, domain("northwind.example"))
    path = f"{DOMAINS}/{made['id']}"
    assert (
        api.refused(409, "POST", DOMAINS, domain("Northwind.Example"))["source"]["pointer"]
        == "/domain"
    )
    assert (
        api.refused(400, "PATCH", path, {"domain": "other.example"})["source"]["pointer"]
        == "/domain"
    )
    patched = api.result("PATCH", path, {"require_tls_outbound": False})
    assert patched["require_tls_outbound"] is False and patched["transport"] == OLD
    whole = {
        key: value
        for key, value in domain("x.example").items()
        if key not in ("domain", "transport")
    }
    assert api.result("PUT", path, whole)["transport"] is None
    del whole["lookback_hops"]
    assert api.refused(400, "PUT", path, whole)["source"]["pointer"] == "/lookback_hops"
    api.set(put_needs_lookback_hops=False)
    assert api.result("PUT", path, whole)["lookback_hops"] == 1
    assert api.result("DELETE", path) == {"id": made["id"]}
    assert api.refused(404, "GET", path)["code"] == 1002
    assert api.refused(404, "GET", f"{path}/verification")["code"] == 1002


def test_domain_batch_is_all_or_nothing(api: Api) -> None:
    old = api.result("POST", DOMAINS, domain("nw-labs.example"))
    assert "required" in api.refused(400, "POST", f"{DOMAINS}/batch", {"posts": []})["message"]
    wrong = {
        "deletes": [{"id": old["id"]}],
        "patches": [],
        "puts": [],
        "posts": [domain("northwind.example", regions=["EU"])],
    }
    api.refused(400, "POST", f"{DOMAINS}/batch", wrong)
    assert [each["domain"] for each in api.result("GET", DOMAINS)] == ["nw-labs.example"]
    right = {
        "deletes": [],
        "patches": [{"id": old["id"], "regions": ["US"]}],
        "puts": [],
        "posts": [domain("northwind.example"), domain("elsewhere.example")],
    }
    result = api.result("POST", f"{DOMAINS}/batch", right)
    assert [each["domain"] for each in result["posts"]] == [
        "northwind.example",
        "elsewhere.example",
    ]
    assert result["patches"][0]["regions"] == ["US"] and len(api.result("GET", DOMAINS)) == 3


def test_list_pages_and_filters(api: Api) -> None:
    posts = [domain(f"d{n:02}.example") for n in range(55)]
    api.result(
        "POST", f"{DOMAINS}/batch", {"deletes": [], "patches": [], "puts": [], "posts": posts}
    )
    body = api("GET", DOMAINS).json()
    assert (
        len(body["result"]) == 20
        and body["result_info"]["total_pages"] == 3
        and body["result_info"]["total_count"] == 55
    )
    assert api("GET", DOMAINS, per_page=100).json()["result_info"]["per_page"] == 50
    names = [
        each["domain"]
        for each in api.result("GET", DOMAINS, **{"domain[]": ["d01.example", "d02.example"]})
    ]
    assert names == ["d01.example", "d02.example"]
    assert [each["domain"] for each in api.result("GET", DOMAINS, domain=["d03.example"])] == [
        "d03.example"
    ]
    assert len(api.result("GET", DOMAINS, search="d1")) == 10
    assert api.result("GET", DOMAINS, direction="desc")[0]["domain"] == "d54.example"


def test_drift_settings(api: Api) -> None:
    api.set(
        domain_ids="int",
        status_case="upper",
        modified_keys="last_modified",
        keep_malicious_and_spam=True,
    )
    made = api.result("POST", DOMAINS, domain("northwind.example", drop_dispositions=[]))
    assert isinstance(made["id"], int) and made["status"] == "PENDING"
    assert (
        made["drop_dispositions"] == ["MALICIOUS", "SPAM"]
        and "modified_at" not in made
        and "last_modified" in made
    )
    assert api.result("PATCH", f"{DOMAINS}/{made['id']}", {"drop_dispositions": ["SPOOF"]})[
        "drop_dispositions"
    ] == ["SPOOF", "MALICIOUS", "SPAM"]
    assert api.result("GET", f"{DOMAINS}/{made['id']}/verification")["status"] == "ACTIVE"


def test_a_verification_that_failed(api: Api) -> None:
    api.set(unverified_status="failed")
    made = api.result("POST", DOMAINS, domain("elsewhere.example"))
    assert made["status"] == "failed"
    assert api.result("GET", f"{DOMAINS}/{made['id']}/verification")["status"] == "failed"
    assert api.result("POST", DOMAINS, domain("northwind.example"))["status"] == "pending"


def test_not_entitled_and_no_create(api: Api) -> None:
    api.set(can_create=False)
    assert api.refused(405, "POST", DOMAINS, domain("northwind.example"))["code"] == 7001
    assert api.refused(405, "POST", f"{DOMAINS}/batch", {})["code"] == 7001
    api.set(entitled=False)
    assert (
        "not available in the current subscription" in api.refused(403, "GET", DOMAINS)["message"]
    )


def test_a_world_may_give_domains(api: Api) -> None:
    api.hub.world["cloudflare"]["email_security"]["domains"].append(
        {"domain": "nw-labs.example", "transport": OLD}
    )
    shown = api.result("GET", DOMAINS)
    assert [(each["domain"], each["regions"], each["lookback_hops"]) for each in shown] == [
        ("nw-labs.example", ["GLOBAL"], 1)
    ]

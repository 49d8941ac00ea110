# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's Cloudflare over real HTTPS: tokens, zones, records, batch, Email Security domains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.cloudflare import CloudflareService, empty_state
from lab.dns import DnsServers
from lab.dns import empty_state as empty_dns
from lab.server import Hub, serve_https
from lab.tls import Authority

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "full-" + "t" * 40
DNS_READER = "reader-" + "r" * 40
ONE_ZONE = "onezone-" + "z" * 40
ACCOUNT_TOKEN = "account-" + "a" * 40
ALL = ["Zone Read", "DNS:Edit", "Cloud Email Security: Write"]
SERVERS = ["ada.ns.cloudflare.example", "bob.ns.cloudflare.example"]
OLD = "northwind-example.mail.protection.outlook.com"
EU = ((5, "mailstream-eu1.mxrecord.io"), (10, "mailstream-central.mxrecord.mx"))
DOMAINS = f"accounts/{ACCOUNT}/email-security/settings/domains"


def _zone(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "name_servers": SERVERS,
        "records": [
            {"type": "MX", "name": name, "content": OLD, "priority": 0, "ttl": 3600},
            {"type": "TXT", "name": name, "content": '"v=spf1 include:spf.protection.outlook.com -all"', "ttl": 1},
            {"type": "A", "name": f"www.{name}", "content": "192.0.2.10", "ttl": 300},
        ],
    }


def _world() -> dict[str, Any]:
    cloudflare = empty_state(ACCOUNT)
    cloudflare["tokens"] = {
        TOKEN: {"permissions": ALL, "zones": "*"},
        DNS_READER: {"permissions": ["Zone Read", "DNS Read", "Cloud Email Security: Read"], "zones": "*"},
        ONE_ZONE: {"permissions": ALL, "zones": ["nw-labs.example"]},
        ACCOUNT_TOKEN: {"permissions": ALL, "zones": "*", "kind": "account"},
    }
    cloudflare["zones"] = {name: _zone(name) for name in ("northwind.example", "nw-labs.example")}
    dns_state = empty_dns()
    dns_state["zones"] = {"elsewhere.example": _zone("elsewhere.example")}
    return {"cloudflare": cloudflare, "dns": dns_state}


class Api:
    """A client that knows nothing but the wire."""

    def __init__(self, hub: Hub, port: int, ca: Path) -> None:
        self.hub = hub
        self._base = f"https://127.0.0.1:{port}/client/v4/"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca)

    def __call__(self, method: str, path: str, json: Any = None, token: str | None = TOKEN, **params: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return self._session.request(method, self._base + path, json=json, params=params, headers=headers, timeout=10)

    def result(self, method: str, path: str, json: Any = None, **params: Any) -> Any:
        answer = self(method, path, json, **params)
        assert answer.ok, answer.text
        body = answer.json()
        assert body["success"] is True and body["errors"] == []
        return body["result"]

    def refused(self, status: int, method: str, path: str, json: Any = None, token: str | None = TOKEN, **params: Any) -> dict[str, Any]:
        answer = self(method, path, json, token, **params)
        body = answer.json()
        assert answer.status_code == status, answer.text
        assert body["success"] is False and body["result"] is None and body["messages"] == []
        error: dict[str, Any] = body["errors"][0]
        return error

    def set(self, **settings: Any) -> None:
        self.hub.world["cloudflare"]["settings"].update(settings)

    def zone_id(self, name: str) -> str:
        found: str = self.result("GET", "zones", name=name)[0]["id"]
        return found

    def mx(self, zone: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.result("GET", f"zones/{self.zone_id(zone)}/dns_records", type="MX")
        return found


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def api(authority: Authority, tmp_path: Path) -> Iterator[Api]:
    hub = Hub()
    hub.world = _world()
    hub.dns = DnsServers(hub)
    hub.dns.world_changed()
    ca = tmp_path / "ca.pem"
    authority.write(ca)
    server, port = serve_https(CloudflareService(hub), "127.0.0.1", 0, authority.context(), hub)
    yield Api(hub, port, ca)
    server.shutdown()
    server.server_close()


# --- tokens ---------------------------------------------------------------------------------------------------------


def test_token_verify(api: Api) -> None:
    assert api.result("GET", "user/tokens/verify")["status"] == "active"
    assert api.refused(401, "GET", "user/tokens/verify", token="unknown-" + "x" * 40)["code"] == 1000
    assert api.refused(401, "GET", "user/tokens/verify", token=ACCOUNT_TOKEN)["code"] == 1000
    assert api("GET", f"accounts/{ACCOUNT}/tokens/verify", token=ACCOUNT_TOKEN).json()["result"]["status"] == "active"


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
    record = {"type": "MX", "name": "northwind.example", "content": EU[0][1], "priority": 5, "ttl": 300}
    assert api.refused(403, "POST", f"zones/{zone}/dns_records", record, DNS_READER)["code"] == 10000
    assert api.refused(403, "POST", f"zones/{zone}/dns_records/batch", {"posts": [record]}, DNS_READER)["code"] == 10000
    assert api.refused(403, "POST", DOMAINS, _domain("northwind.example"), DNS_READER)["code"] == 10000
    assert len(api.mx("northwind.example")) == 1
    assert api("GET", "zones", token=DNS_READER).json()["result"][0]["permissions"] == ["#zone:read", "#dns_records:read"]


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
    api.hub.faults.set([{"service": "cloudflare", "match": "/zones", "kind": "rate_limited", "seconds": 2}])
    answer = api("GET", "zones")
    assert answer.status_code == 429 and answer.headers["retry-after"] == "2"
    assert answer.json()["errors"][0]["code"] == 971
    assert api("GET", "zones").ok


def test_routes(api: Api) -> None:
    assert api.refused(404, "GET", "zones/ffff/dns_records")["code"] == 7003
    assert api.refused(404, "GET", "nothing/here")["code"] == 7003
    assert api.refused(405, "DELETE", "zones")["code"] == 7001
    assert api.refused(403, "GET", DOMAINS.replace(ACCOUNT, "f" * 32))["code"] == 10000


# --- zones and records ----------------------------------------------------------------------------------------------


def test_zone_pages(api: Api) -> None:
    api.hub.world["cloudflare"]["zones"].update({f"z{n:03}.example": _zone(f"z{n:03}.example") for n in range(60)})
    body = api("GET", "zones", per_page=50, page=2).json()
    assert body["result_info"] == {"page": 2, "per_page": 50, "count": 12, "total_count": 62, "total_pages": 2}
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
    record = {"type": "MX", "name": "northwind.example", "content": EU[0][1], "priority": 5, "ttl": 300, **fields}
    error = api.refused(400, "POST", f"zones/{api.zone_id('northwind.example')}/dns_records", record)
    assert error["code"] == code
    assert len(api.mx("northwind.example")) == 1


def test_lower_ttls_on_enterprise(api: Api) -> None:
    api.set(min_ttl=30)
    zone = api.zone_id("northwind.example")
    record = {"type": "MX", "name": "@", "content": EU[0][1] + ".", "priority": 5, "ttl": 30}
    made = api.result("POST", f"zones/{zone}/dns_records", record)
    assert (made["name"], made["content"], made["ttl"]) == ("northwind.example", EU[0][1], 30)


# --- batch ----------------------------------------------------------------------------------------------------------


def _switch(old: dict[str, Any]) -> dict[str, Any]:
    new = [{"priority": priority, "content": host, "ttl": 300} for priority, host in EU]
    posts = [{"type": "MX", "name": old["name"], **each} for each in new[1:]]
    return {"patches": [{"id": old["id"], **new[0]}], "posts": posts}


def test_batch_switches_the_set_without_an_empty_moment(api: Api) -> None:
    old = api.mx("northwind.example")[0]
    answer = api.result("POST", f"zones/{api.zone_id('northwind.example')}/dns_records/batch", _switch(old))
    assert {key: len(value) for key, value in answer.items()} == {"deletes": 0, "patches": 1, "puts": 0, "posts": 1}
    assert answer["patches"][0]["id"] == old["id"]
    assert sorted((r["priority"], r["content"]) for r in api.mx("northwind.example")) == sorted(EU)
    moments = [each for each in api.hub.world["dns"]["history"] if each["name"] == "northwind.example"]
    assert [len(moment["mx"]) for moment in moments] == [1, 1, 2]
    assert moments[0]["change"] == "start" and moments[1]["change"].startswith("patch MX")
    assert moments[-1]["mx"] == [[5, EU[0][1]], [10, EU[1][1]]] and moments[-1]["ttl"] == 300


def test_a_batch_that_deletes_first_shows_its_empty_moment(api: Api) -> None:
    old = api.mx("northwind.example")[0]
    posts = [{"type": "MX", "name": old["name"], "priority": p, "content": host, "ttl": 300} for p, host in EU]
    api.result("POST", f"zones/{api.zone_id('northwind.example')}/dns_records/batch", {"posts": posts, "deletes": [{"id": old["id"]}]})
    moments = [each["mx"] for each in api.hub.world["dns"]["history"] if each["name"] == "northwind.example"]
    assert moments[1] == [] and len(moments[-1]) == 2


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [
        ({"posts": [{"type": "MX", "name": "northwind.example", "content": EU[1][1], "ttl": 300}]}, 400, 9100),
        ({"patches": [{"id": "f" * 32, "ttl": 300}]}, 404, 81044),
        ({"puts": [{"id": "OLD", "content": EU[0][1], "type": "MX", "priority": 5}]}, 400, 9207),
        ({"posts": [{"type": "A", "name": "www.northwind.example", "content": "192.0.2.10"}]}, 400, 81058),
        ({"other": []}, 400, 9207),
        ({"posts": {}}, 400, 6007),
    ],
)
def test_a_batch_that_fails_changes_nothing(api: Api, last: dict[str, Any], status: int, code: int) -> None:
    before = api.mx("northwind.example")
    body = {"posts": [{"type": "TXT", "name": "x.northwind.example", "content": "first"}], **last}
    for item in body.get("puts", []):
        item["id"] = before[0]["id"]
    body["patches"] = [{"id": before[0]["id"], "ttl": 300}, *body.get("patches", [])]
    error = api.refused(status, "POST", f"zones/{api.zone_id('northwind.example')}/dns_records/batch", body)
    assert error["code"] == code
    assert api.mx("northwind.example") == before
    assert len(api.hub.world["cloudflare"]["zones"]["northwind.example"]["records"]) == 3
    assert [each["change"] for each in api.hub.world["dns"]["history"] if each["name"] == "northwind.example"] == ["start"]


def test_batch_limit(api: Api) -> None:
    posts = [{"type": "TXT", "name": f"t{n}.northwind.example", "content": "x"} for n in range(201)]
    path = f"zones/{api.zone_id('northwind.example')}/dns_records/batch"
    assert "200" in api.refused(400, "POST", path, {"posts": posts})["message"]
    assert len(api.result("POST", path, {"posts": posts[:200]})["posts"]) == 200


# --- Email Security domains -----------------------------------------------------------------------------------------


def _domain(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "domain": name, "allowed_delivery_modes": ["DIRECT"], "drop_dispositions": ["MALICIOUS", "SPAM", "SPOOF"],
        "ip_restrictions": [], "regions": ["DE"], "lookback_hops": 1, "transport": OLD, "require_tls_outbound": True, **fields,
    }  # fmt: skip


def _point_to_area1(api: Api, zone: str) -> None:
    api.result("POST", f"zones/{api.zone_id(zone)}/dns_records/batch", _switch(api.mx(zone)[0]))


def test_a_domain_of_a_zone_here_is_verified_at_once_and_pending_for_want_of_mail(api: Api) -> None:
    answer = api("POST", DOMAINS, _domain("northwind.example"))
    assert answer.status_code == 201
    made = answer.json()["result"]
    assert isinstance(made["id"], str) and len(made["id"]) == 36 and made["status"] == "pending"
    assert made["transport"] == OLD and made["require_tls_outbound"] is True and made["modified_at"] == made["last_modified"]
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
    made = api.result("POST", DOMAINS, _domain("northwind.example"))
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
    made = api.result("POST", DOMAINS, _domain("elsewhere.example"))
    check = f"{DOMAINS}/{made['id']}/verification"
    first = api.result("GET", check)
    assert first["status"] == "pending" and first["txt_record_name"] == "_cf-email-sec-challenge.elsewhere.example"
    records = api.hub.world["dns"]["zones"]["elsewhere.example"]["records"]
    records.append({"type": "TXT", "name": first["txt_record_name"], "content": "something else", "ttl": 300})
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
    assert api.refused(400, "POST", DOMAINS, _domain("northwind.example", **fields))["source"]["pointer"] == pointer
    made = api.result("POST", DOMAINS, _domain("nw-labs.example"))
    assert api.refused(400, "PATCH", f"{DOMAINS}/{made['id']}", fields)["source"]["pointer"] == pointer
    assert len(api.result("GET", DOMAINS)) == 1


@pytest.mark.parametrize("missing", ["domain", "allowed_delivery_modes", "drop_dispositions", "ip_restrictions", "regions"])
def test_required_fields(api: Api, missing: str) -> None:
    body = {key: value for key, value in _domain("northwind.example").items() if key != missing}
    assert api.refused(400, "POST", DOMAINS, body)["source"]["pointer"] == f"/{missing}"


def test_change_replace_delete(api: Api) -> None:
    made = api.result("POST", DOMAINS, _domain("northwind.example"))
    path = f"{DOMAINS}/{made['id']}"
    assert api.refused(409, "POST", DOMAINS, _domain("Northwind.Example"))["source"]["pointer"] == "/domain"
    assert api.refused(400, "PATCH", path, {"domain": "other.example"})["source"]["pointer"] == "/domain"
    patched = api.result("PATCH", path, {"require_tls_outbound": False})
    assert patched["require_tls_outbound"] is False and patched["transport"] == OLD
    whole = {key: value for key, value in _domain("x.example").items() if key not in ("domain", "transport")}
    assert api.result("PUT", path, whole)["transport"] is None
    del whole["lookback_hops"]
    assert api.refused(400, "PUT", path, whole)["source"]["pointer"] == "/lookback_hops"
    api.set(put_needs_lookback_hops=False)
    assert api.result("PUT", path, whole)["lookback_hops"] == 1
    assert api.result("DELETE", path) == {"id": made["id"]}
    assert api.refused(404, "GET", path)["code"] == 1002
    assert api.refused(404, "GET", f"{path}/verification")["code"] == 1002


def test_domain_batch_is_all_or_nothing(api: Api) -> None:
    old = api.result("POST", DOMAINS, _domain("nw-labs.example"))
    assert "required" in api.refused(400, "POST", f"{DOMAINS}/batch", {"posts": []})["message"]
    wrong = {"deletes": [{"id": old["id"]}], "patches": [], "puts": [], "posts": [_domain("northwind.example", regions=["EU"])]}
    api.refused(400, "POST", f"{DOMAINS}/batch", wrong)
    assert [each["domain"] for each in api.result("GET", DOMAINS)] == ["nw-labs.example"]
    right = {
        "deletes": [], "patches": [{"id": old["id"], "regions": ["US"]}], "puts": [],
        "posts": [_domain("northwind.example"), _domain("elsewhere.example")],
    }  # fmt: skip
    result = api.result("POST", f"{DOMAINS}/batch", right)
    assert [each["domain"] for each in result["posts"]] == ["northwind.example", "elsewhere.example"]
    assert result["patches"][0]["regions"] == ["US"] and len(api.result("GET", DOMAINS)) == 3


def test_list_pages_and_filters(api: Api) -> None:
    posts = [_domain(f"d{n:02}.example") for n in range(55)]
    api.result("POST", f"{DOMAINS}/batch", {"deletes": [], "patches": [], "puts": [], "posts": posts})
    body = api("GET", DOMAINS).json()
    assert len(body["result"]) == 20 and body["result_info"]["total_pages"] == 3 and body["result_info"]["total_count"] == 55
    assert api("GET", DOMAINS, per_page=100).json()["result_info"]["per_page"] == 50
    names = [each["domain"] for each in api.result("GET", DOMAINS, **{"domain[]": ["d01.example", "d02.example"]})]
    assert names == ["d01.example", "d02.example"]
    assert [each["domain"] for each in api.result("GET", DOMAINS, domain=["d03.example"])] == ["d03.example"]
    assert len(api.result("GET", DOMAINS, search="d1")) == 10
    assert api.result("GET", DOMAINS, direction="desc")[0]["domain"] == "d54.example"


def test_drift_settings(api: Api) -> None:
    api.set(domain_ids="int", status_case="upper", modified_keys="last_modified", keep_malicious_and_spam=True)
    made = api.result("POST", DOMAINS, _domain("northwind.example", drop_dispositions=[]))
    assert isinstance(made["id"], int) and made["status"] == "PENDING"
    assert made["drop_dispositions"] == ["MALICIOUS", "SPAM"] and "modified_at" not in made and "last_modified" in made
    assert api.result("PATCH", f"{DOMAINS}/{made['id']}", {"drop_dispositions": ["SPOOF"]})["drop_dispositions"] == ["SPOOF", "MALICIOUS", "SPAM"]
    assert api.result("GET", f"{DOMAINS}/{made['id']}/verification")["status"] == "ACTIVE"


def test_not_entitled_and_no_create(api: Api) -> None:
    api.set(can_create=False)
    assert api.refused(405, "POST", DOMAINS, _domain("northwind.example"))["code"] == 7001
    assert api.refused(405, "POST", f"{DOMAINS}/batch", {})["code"] == 7001
    api.set(entitled=False)
    assert "not available in the current subscription" in api.refused(403, "GET", DOMAINS)["message"]


def test_a_world_may_give_domains(api: Api) -> None:
    api.hub.world["cloudflare"]["email_security"]["domains"].append({"domain": "nw-labs.example", "transport": OLD})
    shown = api.result("GET", DOMAINS)
    assert [(each["domain"], each["regions"], each["lookback_hops"]) for each in shown] == [("nw-labs.example", ["GLOBAL"], 1)]


def test_malformed_body_and_log(api: Api) -> None:
    zone = api.zone_id("northwind.example")
    api.hub.log.hide([TOKEN])
    session = requests.Session()
    session.trust_env = False
    answer = session.post(
        api._base + f"zones/{zone}/dns_records", data="{", verify=api._session.verify, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5
    )
    assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == 6007
    deadline = time.monotonic() + 2
    while not [e for e in api.hub.log.entries() if e["method"] == "POST"] and time.monotonic() < deadline:
        time.sleep(0.01)
    entry = [e for e in api.hub.log.entries() if e["method"] == "POST"][-1]
    assert entry["service"] == "cloudflare" and entry["status"] == 400 and TOKEN not in str(api.hub.log.entries())

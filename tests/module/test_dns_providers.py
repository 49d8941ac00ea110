# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules for DNS with Azure DNS, Route 53 and GoDaddy, on worlds of the lab whose zones are
there.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._dns import info
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public import wire
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets import mta_sts_id, mx
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.txt import publish_txt
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.modules import area1_mx, area1_mx_info
from lab.client import Lab

PROVIDERS = ("azure", "route53", "godaddy")
SERVICES = {"azure": "azure_dns", "route53": "route53", "godaddy": "godaddy"}
ONE = "northwind.example"
EU = [
    {"priority": 5, "host": "mailstream-eu1.mxrecord.io"},
    {"priority": 10, "host": "mailstream-central.mxrecord.mx"},
    {"priority": 20, "host": "mailstream-east.mxrecord.io"},
    {"priority": 20, "host": "mailstream-west.mxrecord.io"},
]
SHOWN = sorted([record["priority"], record["host"]] for record in EU)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(wire, "QUERY_SECONDS", 0.5)
    running.faults([])
    return running


class Site:
    """The lab with its zones at one provider."""

    def __init__(self, lab: Lab, provider: str) -> None:
        lab.reset(f"at_{provider}")
        self.lab = lab
        self.provider = provider
        self.service = SERVICES[provider]
        # A service that nobody else calls: tests of a second should not wait for its limits.
        if provider == "route53":
            lab.mutate(["route53", "settings", "requests_per_second"], value=0)
        self.slept: list[float] = []

    def options(self, **more: Any) -> dict[str, Any]:
        known = self.lab.extra_vars
        own = {
            name.removeprefix("area1_"): value
            for name, value in known.items()
            if name.startswith(f"area1_dns_{self.provider}_")
        }
        return {
            "domains": known["area1_domains"],
            "dns_provider": known["area1_dns_provider"],
            "dns_resolvers": known["area1_dns_resolvers"],
            "dns_authoritative_port": known["area1_dns_authoritative_port"],
            "ca_path": known["area1_ca_path"],
            **own,
            **more,
        }

    def change(self, check_mode: bool = False, **more: Any) -> dict[str, Any]:
        given = _validated(area1_mx, self.options(**more))
        context = Context(check_mode=check_mode, diff=True, sleep=self.slept.append)
        failed, result = evaluate(mx.run, given, context)
        return {"failed": failed, **result}

    def look(self, **more: Any) -> dict[str, Any]:
        given = _validated(area1_mx_info, self.options(provider=True, **more))
        failed, result = evaluate(info.run, given, Context(sleep=self.slept.append))
        return {"failed": failed, **result}

    def context(self, check_mode: bool = False) -> Context:
        return Context(check_mode=check_mode, sleep=self.slept.append)

    def writes(self, since: int) -> list[dict[str, Any]]:
        """What changed the provider's records; a token that was asked for is none."""
        return [one for one in self.lab.writes(since) if one["service"] == self.service]

    def history(self, name: str = ONE) -> list[dict[str, Any]]:
        moments = self.lab.state()["dns"]["history"]
        return [moment for moment in moments if moment["name"] == name]


def _validated(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(module.SPEC).validate(given)
    assert not result.error_messages, result.error_messages
    return dict(result.validated_parameters)


@pytest.fixture(params=PROVIDERS)
def site(request: pytest.FixtureRequest, lab: Lab) -> Site:
    return Site(lab, request.param)


@pytest.fixture
def azure(lab: Lab) -> Site:
    return Site(lab, "azure")


@pytest.fixture
def route53(lab: Lab) -> Site:
    return Site(lab, "route53")


@pytest.fixture
def godaddy(lab: Lab) -> Site:
    return Site(lab, "godaddy")


def test_check_change_unchanged_and_back(site: Site) -> None:
    start = site.lab.mark()
    predicted = site.change(check_mode=True, records=EU, ttl=600)
    assert predicted["changed"] and site.writes(start) == []
    start = site.lab.mark()
    done = site.change(records=EU, ttl=600)
    assert not done["failed"], done["msg"]
    assert [result["changed"] for result in done["results"]] == [True] * 3
    assert [one["after"] for one in predicted["results"]] == [
        one["after"] for one in done["results"]
    ]
    assert predicted["diff"] == done["diff"]
    assert len(site.writes(start)) == 3
    start = site.lab.mark()
    again = site.change(records=EU, ttl=600)
    assert not again["changed"] and "diff" not in again and site.writes(start) == []
    before = done["results"][0]["before"]
    back = site.change(domains=[ONE], records=before["records"], ttl=before["ttl"])
    assert back["changed"] and back["results"][0]["after"] == before
    shown = [sorted(moment["mx"]) for moment in site.history()]
    assert shown[1] == SHOWN and shown[2] == shown[0] and all(shown) and len(shown) == 3


def test_a_ttl_below_what_the_provider_takes_is_raised(site: Site) -> None:
    done = site.change(domains=[ONE], max_ttl=300)
    lowest = 600 if site.provider == "godaddy" else 300
    assert done["changed"] and done["results"][0]["after"]["ttl"] == lowest
    assert not site.change(domains=[ONE], max_ttl=300)["changed"]


def test_the_proof_of_ownership_and_the_mta_sts_id(site: Site) -> None:
    proof = f"area1-verification=0123; of {ONE}"
    outcome = publish_txt(site.options(), site.context(), ONE, proof)
    assert outcome.changed and outcome.present and len(outcome.after) == 2
    assert not publish_txt(site.options(), site.context(), ONE, proof).changed
    for number in ("20261129T050000", "20261129T060000"):
        wanted = [{"name": ONE, "id": number}]
        failed, result = evaluate(mta_sts_id.run, site.options(domains=wanted), site.context())
        assert not failed and result["changed"], result
        assert result["results"][0]["after"] == [f"v=STSv1; id={number};"]


def test_the_name_servers_are_those_of_the_delegation(site: Site) -> None:
    found = site.look(domains=[ONE])
    assert not found["failed"], found["msg"]
    told = found["providers"][ONE].get("name_servers") or []
    seen = {server["name"] for server in found["domains"][ONE]["name_servers"]}
    assert site.provider == "godaddy" or set(told) == seen


@pytest.mark.parametrize(
    "kind", ["drop_after_commit", "error_after_commit", "timeout_after_commit"]
)
def test_a_write_of_unknown_outcome_is_looked_after(site: Site, kind: str) -> None:
    site.lab.faults([{"service": site.service, "kind": kind, "writes": True, "status": 500}])
    start = site.lab.mark()
    done = site.change(domains=[ONE], records=EU)
    assert not done["failed"] and done["changed"], done
    assert len(site.writes(start)) == 1 and sorted(site.history()[-1]["mx"]) == SHOWN


def test_a_write_that_never_arrived_is_sent_again_after_a_look(site: Site) -> None:
    match = "POST /2013" if site.provider == "route53" else "PUT"
    site.lab.faults([{"service": site.service, "kind": "drop", "match": match}])
    done = site.change(domains=[ONE], records=EU)
    assert not done["failed"] and done["changed"], done
    assert sorted(site.history()[-1]["mx"]) == SHOWN


def test_a_wrong_credential_is_never_shown(site: Site) -> None:
    option = {
        "azure": "dns_azure_client_secret",
        "route53": "dns_route53_secret_key",
        "godaddy": "dns_godaddy_token",
    }[site.provider]
    wrong = "wrong-credential-0123456789-0123456789"
    found = site.look(**{option: wrong})
    assert found["failed"] and found["error"]["kind"] == "sign_in", found
    assert wrong not in json.dumps(found)
    log = json.dumps([one for one in site.lab.log() if one["service"] != "entra"])
    assert not [secret for secret in site.lab.secrets if secret in log]


def test_a_domain_of_nobody_fails_alone(site: Site) -> None:
    done = site.change(domains=[ONE, "nobody.example"], records=EU)
    assert done["failed"] and done["error"]["kind"] == "input"
    assert [result["changed"] for result in done["results"]] == [True, False]


# Azure DNS


def test_azure_waits_for_an_operation_that_is_pending(azure: Site) -> None:
    azure.lab.faults([{"service": "azure_dns", "kind": "pending", "match": "PUT", "times": 3}])
    start = azure.lab.mark()
    done = azure.change(domains=[ONE], records=EU)
    assert not done["failed"] and done["changed"], done
    assert sum(azure.slept) >= 3 and len(azure.writes(start)) == 4


def test_azure_tells_a_full_set_and_a_cname_apart(azure: Site) -> None:
    many = [{"priority": number, "host": f"mx{number}.example.net"} for number in range(21)]
    full = azure.change(domains=[ONE], records=many)
    assert full["error"]["kind"] == "refused" and "20" in full["msg"]
    alias = azure.change(domains=[f"autodiscover.{ONE}"], records=EU)
    assert alias["error"]["kind"] == "input" and "CNAME" in alias["msg"]


def test_azure_with_a_role_on_one_record_set(azure: Site) -> None:
    """Least privilege: the zone may be read and one set changed; the zones cannot be listed."""
    state = azure.lab.state()["azure_dns"]
    zone = next(zone for zone in state["zones"] if zone["name"] == ONE)
    scope = (
        f"/subscriptions/{zone['subscription']}/resourceGroups/{zone['resource_group']}"
        f"/providers/Microsoft.Network/dnszones/{ONE}"
    )
    client = azure.lab.info["dns_accounts"]["azure"]["client_id"]
    roles = [
        {"scope": scope, "actions": ["*/read"]},
        {"scope": f"{scope}/MX/@", "actions": ["Microsoft.Network/dnsZones/*"]},
    ]
    azure.lab.mutate(["azure_dns", "roles", client], value=roles)
    done = azure.change(records=EU)
    assert done["failed"] and [result["changed"] for result in done["results"]] == [
        True,
        False,
        False,
    ]
    failed, result = evaluate(
        mta_sts_id.run, azure.options(domains=[{"name": ONE, "id": "1"}]), azure.context()
    )
    assert failed and result["error"]["kind"] == "permission"
    assert "DNS Zone Contributor" in result["error"]["hint"]


def test_azure_in_another_tenant_than_the_mail(azure: Site) -> None:
    other = azure.lab.info["other_tenant"]
    wrong = azure.look(dns_azure_tenant=other)
    assert wrong["failed"] and wrong["error"]["kind"] == "sign_in", wrong
    tenants = azure.lab.state()["entra"]["other_tenants"]
    azure.lab.mutate(["azure_dns", "tenant_id"], value=tenants[other])
    assert azure.look()["error"]["kind"] == "sign_in"
    assert azure.change(domains=[ONE], records=EU, dns_azure_tenant=other)["changed"]


def test_azure_signs_in_with_a_certificate(azure: Site) -> None:
    certificates = azure.lab.info["certificates"]
    for path, passphrase in (
        (certificates["pem"], None),
        (certificates["pfx"], certificates["passphrase"]),
    ):
        given = {
            "dns_azure_client_secret": None,
            "dns_azure_certificate_path": path,
            "dns_azure_certificate_passphrase": passphrase,
        }
        found = azure.look(**given)
        assert not found["failed"], found["msg"]


def test_azure_finds_the_zone_that_is_delegated(azure: Site) -> None:
    zones = azure.lab.state()["azure_dns"]["zones"]
    real = next(zone for zone in zones if zone["name"] == ONE)
    stale = {
        **real,
        "resource_group": "before-the-move",
        "name_servers": ["ns1-88.azure-dns.com."],
        "sets": {},
    }
    azure.lab.mutate(["azure_dns", "zones"], value=[stale, *zones])
    azure.lab.mutate(
        ["dns", "delegations", ONE],
        value=[server.rstrip(".") for server in real["name_servers"]],
    )
    done = azure.change(domains=[ONE], records=EU)
    assert not done["failed"] and done["changed"], done
    assert azure.lab.state()["azure_dns"]["zones"][0]["sets"] == {}


# Route 53


def test_route53_keeps_to_its_limit_of_calls(route53: Site) -> None:
    """The lab refuses the sixth request of a second; the driver sleeps in real time here."""
    route53.lab.mutate(["route53", "settings", "requests_per_second"], value=5)
    start = route53.lab.mark()
    failed, result = evaluate(
        mx.run, _validated(area1_mx, route53.options(records=EU)), Context(diff=True)
    )
    assert not failed and result["changed"], result
    answers = [one["status"] for one in route53.lab.requests("route53", start)]
    assert answers and set(answers) == {200}


def test_route53_waits_out_a_prior_request(route53: Site) -> None:
    fault = {"service": "route53", "kind": "prior_request", "match": "POST /2013", "times": 3}
    route53.lab.faults([fault])
    done = route53.change(domains=[ONE], records=EU)
    assert not done["failed"] and done["changed"] and sum(route53.slept) >= 3


def test_route53_is_done_when_its_name_servers_are(route53: Site) -> None:
    """The list of sets shows a change that is PENDING at once; the task ends with INSYNC."""
    route53.lab.mutate(["route53", "settings", "sync_seconds"], value=3)
    start = route53.lab.mark()
    given = _validated(area1_mx, route53.options(domains=[ONE], records=EU))
    failed, result = evaluate(mx.run, given, Context())
    assert not failed and result["changed"]
    asked = [one for one in route53.lab.requests("route53", start) if "/change/" in one["path"]]
    assert len(asked) > 1
    shown = datetime.datetime.fromisoformat(route53.history()[-1]["at"])
    assert shown <= datetime.datetime.now(datetime.timezone.utc)
    assert sorted(route53.history()[-1]["mx"]) == SHOWN


def test_route53_sends_exact_deletes_and_never_an_upsert(route53: Site) -> None:
    start = route53.lab.mark()
    route53.change(domains=[ONE], records=EU, ttl=300)
    (entry,) = route53.writes(start)
    actions = [change["action"] for change in entry["changes"]]
    assert actions == ["DELETE", "CREATE"] and entry["changes"][0]["TTL"] == 3600


def test_route53_refuses_routed_alias_and_protected_sets(route53: Site) -> None:
    key = next(
        key
        for key, zone in route53.lab.state()["route53"]["zones"].items()
        if zone["name"] == f"{ONE}."
    )
    sets = route53.lab.state()["route53"]["zones"][key]["sets"]
    others = [one for one in sets if one["Type"] != "MX"]
    start = route53.lab.mark()
    routed = {
        "Name": f"{ONE}.",
        "Type": "MX",
        "TTL": 60,
        "ResourceRecords": ["1 a.example."],
        "SetIdentifier": "half of it",
        "Weight": 1,
    }
    alias = {
        "Name": f"{ONE}.",
        "Type": "MX",
        "AliasTarget": {
            "HostedZoneId": key,
            "DNSName": f"mail.{ONE}.",
            "EvaluateTargetHealth": False,
        },
    }
    for one, words in ((routed, "half of it"), (alias, f"alias of mail.{ONE}")):
        route53.lab.mutate(["route53", "zones", key, "sets"], value=[*others, one])
        done = route53.change(domains=[ONE], records=EU)
        assert done["error"]["kind"] == "input" and words in done["msg"], done
    assert route53.writes(start) == []
    route53.lab.mutate(["route53", "zones", key, "sets"], value=sets)
    protection = {"name": f"{ONE}.", "type": "MX", "comment": "ask the mail team"}
    route53.lab.mutate(["route53", "zones", key, "protections"], append=protection)
    done = route53.change(domains=[ONE], records=EU)
    assert done["error"]["kind"] == "refused" and "ask the mail team" in done["msg"]
    found = route53.look(domains=[ONE])
    assert found["failed"] and "ask the mail team" in found["msg"]


def test_route53_a_policy_with_upsert_alone(route53: Site) -> None:
    account = route53.lab.info["dns_accounts"]["route53"]
    policy = {"secret": account["secret_key"], "change_actions": ["UPSERT"]}
    route53.lab.mutate(["route53", "keys", account["access_key"]], value=policy)
    done = route53.change(domains=[ONE], records=EU)
    assert done["error"]["kind"] == "permission"
    assert "CREATE and DELETE" in done["error"]["hint"]


# GoDaddy


def test_godaddy_sends_the_narrow_put_and_nothing_else(godaddy: Site) -> None:
    start = godaddy.lab.mark()
    godaddy.change(records=EU)
    publish_txt(godaddy.options(), godaddy.context(), ONE, "proof")
    sent = {(one["method"], one["path"]) for one in godaddy.writes(start)}
    assert {method for method, _path in sent} == {"PUT"}
    assert all(
        path.startswith("/v1/domains/") and path.endswith(("/records/MX/@", "/records/TXT/@"))
        for _method, path in sent
    )


@pytest.mark.parametrize("spelling", ["bare", "dotted"])
def test_godaddy_hosts_in_either_spelling(godaddy: Site, spelling: str) -> None:
    godaddy.lab.mutate(["godaddy", "settings", "host_spelling"], value=spelling)
    assert godaddy.change(domains=[ONE], records=EU)["changed"]
    assert not godaddy.change(domains=[ONE], records=EU)["changed"]


@pytest.mark.parametrize("says", ["body", "header", "none"])
def test_godaddy_throttled(godaddy: Site, says: str) -> None:
    godaddy.lab.mutate(["godaddy", "settings", "says_when"], value=says)
    godaddy.lab.faults([{"service": "godaddy", "kind": "too_many", "seconds": 7, "times": 2}])
    assert godaddy.change(domains=[ONE], records=EU)["changed"]
    assert (7.0 in godaddy.slept) is (says != "none") and sum(godaddy.slept) > 0


def test_godaddy_explains_who_may_use_the_api(godaddy: Site) -> None:
    godaddy.lab.mutate(["godaddy", "eligible"], value=False)
    found = godaddy.look()
    assert found["error"]["kind"] == "permission" and "42424" in found["error"]["hint"]
    godaddy.lab.mutate(["godaddy", "eligible"], value=True)
    godaddy.lab.faults([{"service": "godaddy", "kind": "quota", "times": -1}])
    found = godaddy.look()
    assert found["error"]["kind"] == "refused" and "20,000" in found["error"]["hint"]


def test_godaddy_a_key_pair_does_as_well(godaddy: Site) -> None:
    pair: dict[str, Any] = {
        "dns_godaddy_token": None,
        "dns_godaddy_api_key": "key",
        "dns_godaddy_api_secret": "its-secret-value",
    }
    godaddy.lab.mutate(["godaddy", "keys", "key"], value={"secret": "its-secret-value"})
    done = godaddy.change(domains=[ONE], records=EU, **pair)
    assert done["changed"] and not done["failed"]
    ote = {"secret": "its-secret-value", "environment": "ote"}
    godaddy.lab.mutate(["godaddy", "keys", "key"], value=ote)
    found = godaddy.look(**pair)
    assert found["error"]["kind"] == "sign_in" and "OTE" in found["error"]["hint"]


def test_godaddy_a_domain_whose_zone_is_elsewhere(godaddy: Site) -> None:
    godaddy.lab.mutate(["godaddy", "domains", ONE, "elsewhere"], value=True)
    found = godaddy.look(domains=[ONE])
    assert found["error"]["kind"] == "input" and "domaincontrol.com" in found["error"]["hint"]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant whose zones are at Azure DNS, Route 53 or GoDaddy goes behind Area 1 and comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.end_state import assert_connectors, assert_domains, assert_message_handling
from tests.playbook.flow import LOOKED_AT, assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import EU_RECORDS, Deployment
from tests.playbook.test_rollback import roll_back, tenant
from tests.support.name_servers import PowerDns

MxSet = tuple[list[tuple[int, str]], int]
QUICK = {
    "area1_lockdown_soak_hours": 0,
    "area1_settle_minutes": 0,
    "area1_acknowledge": LOOKED_AT,
}


def shown(deployment: Deployment) -> dict[str, MxSet]:
    """By domain: the MX set and its TTL as the name servers show them now, and no moment without
    one.
    """
    found: dict[str, MxSet] = {}
    for moment in deployment.lab.state()["dns"]["history"]:
        assert moment["mx"], moment
        rows = sorted((priority, host) for priority, host in moment["mx"])
        found[moment["name"]] = (rows, moment["ttl"])
    return found


@pytest.mark.long
@pytest.mark.parametrize(("provider", "ttl"), [("azure", 300), ("route53", 300), ("godaddy", 600)])
def test_there_and_back(deploy: Callable[..., Deployment], provider: str, ttl: int) -> None:
    deployment = deploy(f"at_{provider}")
    before, mx = tenant(deployment), shown(deployment)
    with flowing(deployment):
        deployment.until_done(variables=QUICK)
        deployment.lab.advance(minutes=15)
    assert set(mx) == set(deployment.lab.extra_vars["area1_domains"])
    assert shown(deployment) == dict.fromkeys(mx, (EU_RECORDS, ttl))
    assert_message_handling(deployment.tenant())
    assert_connectors(deployment)
    assert_domains(deployment)
    assert_nothing_lost(deployment, 600)
    assert_closed(deployment)

    since = deployment.lab.mark()
    again = deployment.run(variables=QUICK)
    assert again.rc == 0 and again.stats["changed"] == 0, again.stdout
    assert deployment.lab.writes(since) == []

    with flowing(deployment):
        outcomes = roll_back(deployment)
        deployment.lab.advance(minutes=15)
    assert_nothing_lost(deployment, 600)
    assert tenant(deployment) == before and shown(deployment) == mx
    left = "\n".join(outcome.everything() for outcome in outcomes)
    assert not [secret for secret in deployment.lab.secrets if secret in left]


@pytest.mark.long
def test_accounts_by_name_and_the_provider_by_the_delegation(
    deploy: Callable[..., Deployment],
) -> None:
    """One domain names its account; the others leave it to their name servers."""
    deployment = deploy("at_azure")
    known, account = deployment.lab.extra_vars, deployment.lab.info["dns_accounts"]["azure"]
    settings = {f"azure_{key}": value for key, value in account.items()}
    first, *others = known["area1_domains"]
    given = {
        **QUICK,
        "area1_dns_provider": "auto",
        "area1_dns_accounts": {"company": {"provider": "azure", **settings}},
        "area1_domains": [{"name": first, "dns_account": "company"}, *others],
    }
    plain = [name for name in known if name.startswith("area1_dns_azure_")]
    assert plain
    outcomes = deployment.until_done(variables=given, without=plain)
    assert {name: rows for name, (rows, _ttl) in shown(deployment).items()} == dict.fromkeys(
        known["area1_domains"], EU_RECORDS
    )
    left = "\n".join(outcome.everything() for outcome in outcomes)
    assert account["client_secret"] not in left

    wrong = {**given, "area1_domains": [{"name": first, "dns_account": "another"}]}
    refused = deployment.run(variables=wrong, without=plain)
    assert refused.rc != 0
    assert "there is no DNS account another" in refused.stdout
    assert "area1_dns_accounts has: company" in refused.stdout


@pytest.mark.long
@pytest.mark.parametrize("provider", ["rfc2136", "octodns"])
def test_there_and_back_at_a_name_server(deploy: Callable[..., Deployment], provider: str) -> None:
    """The zones are at a real PowerDNS, changed by dynamic updates or by octoDNS."""
    deployment = deploy("fresh")
    zones = deployment.lab.state()["cloudflare"]["zones"]
    names = deployment.lab.extra_vars["area1_domains"]
    lines = {
        name: [
            f"@ 3600 MX {one['priority']} {one['content']}."
            for one in zones[name]["records"]
            if one["type"] == "MX" and one["name"] == name
        ]
        for name in names
    }
    server = PowerDns(lines, max_seconds=1200)
    with server:
        place = f"{server.address}:{server.port}"
        for name in names:
            deployment.lab.mutate(["cloudflare", "zones", name], delete=True)
        deployment.lab.mutate(["dns", "forward"], value=dict.fromkeys(names, place))
        deployment.lab.dns(flush=True)
        options: dict[str, dict[str, Any]] = {
            "rfc2136": {
                "area1_dns_server": server.address,
                "area1_dns_port": server.port,
                "area1_dns_key_name": server.key.name,
                "area1_dns_key_secret": server.key.secret,
            },
            "octodns": {
                "area1_dns_octodns_class": "octodns_powerdns.PowerDnsProvider",
                "area1_dns_octodns_arguments": {"host": server.address, "port": server.api_port},
                "area1_dns_octodns_secrets": {"api_key": server.api_key},
            },
        }
        deployment.variables.update(
            {
                **options[provider],
                "area1_dns_provider": provider,
                "area1_dns_authoritative_port": server.port,
            }
        )

        def held() -> dict[str, tuple[list[str], int]]:
            found = {name: server.rrset(name, "MX") for name in names}
            return {
                name: (sorted(one.to_text() for one in rrset), rrset.ttl)
                for name, rrset in found.items()
                if rrset is not None
            }

        before = held()
        outcomes = deployment.until_done(variables=QUICK)
        wanted = sorted(f"{priority} {host}." for priority, host in EU_RECORDS)
        assert held() == dict.fromkeys(names, (wanted, 300))
        deployment.lab.advance(minutes=15)
        outcomes += roll_back(deployment)
        assert held() == before
        left = "\n".join(outcome.everything() for outcome in outcomes)
        assert server.key.secret not in left and server.api_key not in left

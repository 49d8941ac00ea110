# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Input as AWX gives it: all text; credentials from the environment alone; each way to sign in.

Same result as typed variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.end_state import assert_finished
from tests.playbook.harness import Deployment

IN_ENVIRONMENT = {
    "o365_tenant": "O365_TENANT",
    "o365_client_id": "O365_CLIENT_ID",
    "o365_client_secret": "O365_CLIENT_SECRET",
    "area1_account_id": "AREA1_ACCOUNT_ID",
    "area1_api_token": "AREA1_API_TOKEN",
}


def as_text(deployment: Deployment) -> dict[str, str]:
    """Every boolean, integer and list of the contract that this deployment can take, as a survey
    gives it.
    """
    given = deployment.lab.extra_vars
    return {
        "area1_domains": "\n".join(given["area1_domains"]) + "\n",
        "area1_dns_resolvers": ", ".join(given["area1_dns_resolvers"]),
        "area1_dns_authoritative_port": str(given["area1_dns_authoritative_port"]),
        "area1_mx_ttl": "300",
        "area1_use_case": "1",
        "area1_lockdown": "true",
        "area1_lockdown_soak_hours": "0",
        "area1_lockdown_exempt_domains": "",
        "area1_settle_minutes": "60",
        "area1_max_switches": "0",
        "area1_acknowledge": "durable_snapshots\nold_ttl:nobody.example",
        "area1_snapshot_durable": "false",
        "area1_regions": "DE\nUS",
    }


def tokens_asked(deployment: Deployment, since: int) -> list[str]:
    """How each token was asked for, from the bodies on the wire."""
    entries = [
        entry
        for entry in deployment.lab.requests("entra", since)
        if entry["path"].endswith("/token")
    ]
    assert {entry["status"] for entry in entries} == {200}
    return [
        "certificate" if "client_assertion=" in entry["body"] else "secret" for entry in entries
    ]


def first_day(deployment: Deployment) -> dict[str, Any]:
    """What a first run leaves, without what differs between two labs."""
    state = deployment.lab.state()
    made = (
        "IPAllowList",
        "Name",
        "Comment",
        "ConnectorType",
        "Enabled",
        "SenderIPAddresses",
        "SenderDomains",
        "RequireTls",
        "EFSkipLastIP",
    )
    kept = (
        "domain",
        "transport",
        "lookback_hops",
        "require_tls_outbound",
        "ip_restrictions",
        "drop_dispositions",
        "regions",
        "allowed_delivery_modes",
    )
    return {
        "allow": sorted(state["tenant"]["connection_filter"]["IPAllowList"]),
        "connectors": [
            {key: item[key] for key in made if key in item}
            for item in state["tenant"]["inbound_connectors"]
        ],
        "domains": {
            item["domain"]: {key: item[key] for key in kept}
            for item in state["cloudflare"]["email_security"]["domains"]
        },
        "mx": deployment.mx(),
    }


def test_text_for_everything_and_each_way_to_sign_in(
    deploy: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One deployment, all of its variables text; the first run takes its credentials from the
    environment, the next by certificate.
    """
    monkeypatch.setenv(
        "AWX_HOST", "https://awx.example"
    )  # a throw-away runner: only the acknowledgement as text lets it write
    deployment = deploy("fresh")
    given, text = deployment.lab.extra_vars, as_text(deployment)
    environment = {variable: given[name] for name, variable in IN_ENVIRONMENT.items()}

    since = deployment.lab.mark()
    first = deployment.run(variables=text, without=[*IN_ENVIRONMENT], environment=environment)
    assert first.rc == 0, first.stdout
    assert tokens_asked(deployment, since) == ["secret", "secret"]
    assert first.report["tenant"] == given["o365_tenant"] and first.report["done"] is False
    assert len(deployment.lab.writes(since)) > 5
    from_text = first_day(deployment)
    assert (
        len(from_text["allow"]) == 42
        and len(from_text["connectors"]) == 1
        and len(from_text["domains"]) == 3
    )
    assert {ttl for records in from_text["mx"].values() for _priority, _host, ttl in records} == {
        300,
        1,
    }

    certificates = deployment.lab.info["certificates"]
    ways: list[dict[str, Any]] = [
        {"o365_certificate_path": certificates["pem"]},
        {
            "o365_certificate_path": certificates["pfx"],
            "o365_certificate_passphrase": certificates["passphrase"],
        },
    ]
    for way in ways:
        deployment.lab.advance(hours=1, minutes=5)
        since = deployment.lab.mark()
        outcome = deployment.run(variables={**text, **way}, without=["o365_client_secret"])
        assert outcome.rc == 0, outcome.stdout
        assert tokens_asked(deployment, since) == ["certificate", "certificate"]
        assert deployment.lab.writes(since), "each of these runs carries the deployment further"
        assert certificates["passphrase"] not in outcome.stdout
    deployment.lab.advance(hours=1, minutes=5)
    deployment.until_done(variables=text)
    assert_finished(deployment)

    typed = deploy("fresh")
    variables = {
        "area1_acknowledge": ["durable_snapshots"],
        "area1_lockdown_soak_hours": 0,
        "area1_regions": ["DE", "US"],
    }
    outcome = typed.run(variables=variables)
    assert outcome.rc == 0, outcome.stdout
    assert first_day(typed) == from_text


def test_false_and_numbers_as_text(deploy: Callable[..., Deployment]) -> None:
    """A non-empty text is true to a careless test, and "0" is not nothing: no settle time, a TTL
    that is low enough, one switch a run.
    """
    deployment = deploy("fresh")
    text = {
        **as_text(deployment),
        "area1_lockdown": "false",
        "area1_settle_minutes": "0",
        "area1_max_switches": "1",
        "area1_mx_ttl": "3600",
    }
    text |= {"area1_domains": "northwind.example, northwind-group.example", "area1_regions": ""}
    first = deployment.run(variables=text)
    assert first.rc == 0, first.stdout
    assert {ttl for records in deployment.mx().values() for _priority, _host, ttl in records} == {
        3600,
        1,
    }
    moved = switched(deployment)
    assert len(moved) <= 1, "one switch a run"
    deployment.lab.advance(minutes=5)
    outcome = deployment.run(variables=text)
    assert outcome.rc == 0 and outcome.report["lockdown_wanted"] is False, outcome.stdout
    assert len(switched(deployment)) == len(moved) + 1
    assert switched(deployment) <= set(text["area1_domains"].split(", "))
    assert {
        item["domain"] for item in deployment.lab.state()["cloudflare"]["email_security"]["domains"]
    } == set(text["area1_domains"].split(", "))
    assert deployment.connector("Secure O365 Inbound") is None


def switched(deployment: Deployment) -> set[str]:
    return {
        name
        for name, records in deployment.mx().items()
        if any(host.startswith("mailstream-") for _p, host, _t in records)
    }

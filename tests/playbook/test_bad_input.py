# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be right is refused before anything is written, with a message that says what to
do.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any

from tests.playbook.harness import ROOT, Deployment
from tests.playbook.tenants import HostOutcome, add_api_token, add_app, exchange_token, run_tenants
from tests.support.bind import Bind

APP_WITHOUT_ROLE = "11111111-1111-4111-8111-111111111111"
APP_WITHOUT_CMDLET = "22222222-2222-4222-8222-222222222222"

CONNECTOR_PLAY = """---
- name: A connector with one address
  hosts: "{{ area1_hosts }}"
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - name: Make the connector
      mailflow.area1.o365_connector:
        name: Area 1 Inbound Connector
        sender_ip_addresses:
          add: "{{ network }}"
        tenant: "{{ o365_tenant }}"
        client_id: "{{ o365_client_id }}"
        client_secret: "{{ o365_client_secret }}"
        authority_url: "{{ o365_authority_url }}"
        exchange_url: "{{ o365_exchange_url }}"
        ca_path: "{{ area1_ca_path }}"
"""


def bad_settings(deployment: Deployment) -> dict[str, tuple[dict[str, Any], list[str]]]:
    """Host:

    (variables, words that its refusal must hold). All of these are known before anybody is asked.
    """
    names = deployment.lab.extra_vars["area1_domains"]
    return {
        "unknown_location": (
            {"area1_location": "mars"},
            ["area1_location", "mars", "us, eu, india"],
        ),
        "neither_location_nor_records": (
            {"area1_location": None},
            ["area1_location", "area1_mx_records", "us, eu, india", "dashboard"],
        ),
        "empty_domains": ({"area1_domains": []}, ["area1_domains is empty", "Name the domains"]),
        "blank_domains": ({"area1_domains": "\n"}, ["area1_domains is empty", "Name the domains"]),
        "contradicting_regions": (
            {"area1_regions": ["AU"]},
            ["area1_regions", "AU", "area1_location", "eu", "or choose another location"],
        ),
        "loop": (
            {"area1_domains": [{"name": names[0], "forward_to": "Mailstream-West.mxrecord.io."}]},
            [names[0], "mailstream-west.mxrecord.io", "circle", "forward_to"],
        ),
        "loop_by_own_records": (
            {
                "area1_mx_records": [{"priority": 1, "host": "gw.example.net"}],
                "area1_domains": [{"name": names[0], "forward_to": "gw.example.net"}],
            },
            [names[0], "gw.example.net", "circle"],
        ),
        "address_as_mx_host": (
            {"area1_mx_records": [{"priority": 5, "host": "192.0.2.44"}]},
            ["area1_mx_records", "192.0.2.44", "address", "mail.example.com"],
        ),
        "microsoft_as_last_resort": (
            {
                "area1_mx_records": [
                    {"priority": 5, "host": "mailstream-west.mxrecord.io"},
                    {"priority": 90, "host": "Northwind-Example.Mail.Protection.Outlook.com."},
                ]
            },
            ["area1_mx_records", "northwind-example.mail.protection.outlook.com", "Microsoft 365"],
        ),
        "private_networks": (
            {"area1_egress_networks": "10.0.0.0/8"},
            ["10.0.0.0/8", "private", "public addresses"],
        ),
    }


def bad_credentials(deployment: Deployment) -> dict[str, tuple[dict[str, Any], list[str]]]:
    """Found by the sign-in, or by the first reads."""
    certificate = deployment.directory / "bad.pem"
    certificate.write_text(
        "-----BEGIN PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END PRIVATE KEY-----\n", encoding="utf-8"
    )
    app_secret, half_token = secrets.token_urlsafe(24), secrets.token_urlsafe(36)
    add_app(
        deployment,
        APP_WITHOUT_ROLE,
        app_secret,
        roles={"exchange": [], "graph": ["Domain.Read.All"]},
    )
    add_app(deployment, APP_WITHOUT_CMDLET, app_secret, denied_cmdlets=["New-InboundConnector"])
    add_api_token(deployment, half_token, zones=["northwind.example"])
    other, pem = deployment.lab.info["other_tenant"], deployment.lab.info["certificates"]["pem"]
    return {
        "bad_pem": (
            {"o365_client_secret": None, "o365_certificate_path": str(certificate)},
            ["bad.pem", "no certificate", "private key and its certificate"],
        ),
        "wrong_secret": (
            {"o365_client_secret": "wrong~" + secrets.token_urlsafe(20)},
            ["AADSTS7000215", "client secret is wrong", "not its id"],
        ),
        "two_ways": (
            {"o365_certificate_path": pem},
            ["More than one way to sign in", "variable o365_client_secret", "exactly one"],
        ),
        "foreign_token": (
            {
                "o365_client_id": None,
                "o365_client_secret": None,
                "o365_access_token": exchange_token(deployment, other),
            },
            ["401", "another tenant", "o365_tenant"],
        ),
        "foreign_token_for_an_id": (
            {
                "o365_tenant": deployment.lab.info["tenant_id"],
                "o365_client_id": None,
                "o365_client_secret": None,
                "o365_access_token": exchange_token(deployment, other),
            },
            [
                "access token",
                "is for the tenant",
                deployment.lab.info["tenant_id"],
                "Give a token of the tenant",
            ],
        ),
        "other_tenant": ({"o365_tenant": other}, ["another tenant", "o365_tenant"]),
        "unknown_tenant": (
            {"o365_tenant": "nobody.onmicrosoft.com"},
            ["nobody.onmicrosoft.com", "not found"],
        ),
        "no_app_role": (
            {"o365_client_id": APP_WITHOUT_ROLE, "o365_client_secret": app_secret},
            ["Exchange.ManageAsApp", "Grant " + APP_WITHOUT_ROLE],
        ),
        "no_cmdlet": (
            {"o365_client_id": APP_WITHOUT_CMDLET, "o365_client_secret": app_secret},
            [
                "may not run New-InboundConnector",
                "Give the application's service principal the role Exchange Administrator",
            ],
        ),
        "foreign_domain": (
            {"area1_domains": ["northwind.example", "stranger.example"]},
            [
                "stranger.example",
                "not an accepted domain",
                "northwind-group.example",
                "Correct area1_domains",
            ],
        ),
        "unseen_zone": (
            {"area1_dns_api_token": half_token},
            ["northwind-group.example", "sees no zone", "Zone.DNS:Edit", "dns_api_token"],
        ),
    }


def assert_refused(host: HostOutcome, words: list[str]) -> None:
    assert host.failed, host.name
    report = host.report
    assert report["changed"] == [] and report["done"] is False, (host.name, report["changed"])
    for word in words:
        assert word in host.failures, f"{host.name}: {word!r} is not in\n{host.failures}"
    [cause] = host.results("Fail if something needs a person")
    assert cause["msg"] == host.failures


def test_each_is_refused_before_a_write_and_told_what_to_do(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    cases = {**bad_settings(deployment), **bad_credentials(deployment)}
    since = deployment.lab.mark()
    outcome, hosts = run_tenants(
        deployment, {name: changes for name, (changes, _words) in cases.items()}
    )
    assert outcome.rc != 0
    assert deployment.lab.writes(since) == []
    for name, (_changes, words) in cases.items():
        assert_refused(hosts[name], words)
    asked = deployment.lab.requests("cloudflare", since)
    assert asked, "the cases that need the services did reach them"


def test_egress_networks_that_exchange_does_not_take_are_made_fit_with_a_notice(
    deploy: Callable[..., Deployment],
) -> None:
    """The override holds all published networks and a /19 and IPv6; as a second mistake stops the
    run, nothing is written.
    """
    deployment = deploy("fresh")
    published = [
        "52.11.209.211",
        "52.89.255.11",
        "52.0.67.109",
        "54.173.50.115",
        "158.51.64.0/26",
        "158.51.65.0/26",
        "52.58.35.43",
        "35.157.195.63",
    ]
    published += ["134.195.26.0/23", "104.30.32.0/19", "2405:8100:c000::/38"]
    play = deployment.directory / "connector.yml"
    play.write_text(CONNECTOR_PLAY, encoding="utf-8")
    since = deployment.lab.mark()
    changes = {"area1_egress_networks": "\n".join(published), "area1_domains": ["stranger.example"]}
    _outcome, hosts = run_tenants(deployment, {"wide": changes})
    lines = [
        entry["message"]
        for entry in hosts["wide"].report["journal"]
        if entry.get("object") == "egress networks"
    ]
    assert lines == [
        "42 entries for Exchange: 134.195.26.0/23, 104.30.32.0/19 split to /24; 2405:8100:c000::/38"
        " left out (Exchange takes no IPv6)"
    ]

    deployment.playbook = play
    cases = {
        "ipv6": ({"network": ["2405:8100:c000::1"]}, ["2405:8100:c000::1", "IPv6"]),
        "too_wide": ({"network": ["104.30.32.0/19"]}, ["104.30.32.0/19", "/24"]),
    }
    outcome, hosts = run_tenants(
        deployment, {name: changes for name, (changes, _words) in cases.items()}
    )
    assert outcome.rc != 0
    for name, (_changes, words) in cases.items():
        [result] = hosts[name].results("Make the connector")
        assert hosts[name].failed and all(word in result["msg"] for word in words), result["msg"]
    assert deployment.lab.writes(since) == []
    assert deployment.tenant()["inbound_connectors"] == []


def test_a_wrong_tsig_key_is_found_before_a_write(deploy: Callable[..., Deployment]) -> None:
    """The records are at a real BIND; its serials show that the signed trial changed nothing."""
    deployment = deploy("fresh")
    names = deployment.lab.extra_vars["area1_domains"]
    with Bind(
        {name: ["@ 3600 MX 0 northwind-example.mail.protection.outlook.com."] for name in names}
    ) as bind:
        given = {
            "area1_dns_provider": "rfc2136",
            "area1_dns_server": bind.address,
            "area1_dns_port": bind.port,
            "area1_dns_key_name": bind.key.name,
            "area1_dns_resolvers": [f"{bind.address}:{bind.port}"],
            "area1_dns_authoritative_port": bind.port,
        }
        serials = [str(bind.rrset(name, "SOA")) for name in names]
        since = deployment.lab.mark()
        wrong = base64.b64encode(secrets.token_bytes(32)).decode()
        # the second host's key is right and passes the same trial; its mistake is another one,
        # found after that
        cases = {
            "wrong_key": {**given, "area1_dns_key_secret": wrong},
            "right_key": {
                **given,
                "area1_dns_key_secret": bind.key.secret,
                "area1_snapshot_dir": str(ROOT / ".ansible_root" / "ansible_collections" / "x"),
            },
        }
        outcome, hosts = run_tenants(deployment, cases)
        assert outcome.rc != 0
        assert_refused(
            hosts["wrong_key"],
            [*names, bind.key.name, "does not take the signature", "Check dns_key_secret"],
        )
        assert_refused(hosts["right_key"], ["inside a collection", "Name a directory of your own"])
        assert deployment.lab.writes(since) == []
        assert [str(bind.rrset(name, "SOA")) for name in names] == serials
        assert wrong not in outcome.stdout


def test_a_permission_that_shows_only_at_the_first_write_ends_that_services_phase(
    deploy: Callable[..., Deployment],
) -> None:
    """Exchange may not make connectors and does not say so beforehand; the next tenant's Cloudflare
    token may only read.
    """
    deployment = deploy("fresh")
    client_id, secret = "33333333-3333-4333-8333-333333333333", secrets.token_urlsafe(24)
    add_app(deployment, client_id, secret, silently_denied_cmdlets=["New-InboundConnector"])
    since = deployment.lab.mark()
    outcome = deployment.run(variables={"o365_client_id": client_id, "o365_client_secret": secret})
    exchange = [
        (entry["cmdlet"], entry["status"])
        for entry in deployment.lab.writes(since)
        if entry["service"] == "exchange"
    ]
    assert outcome.rc != 0
    assert exchange == [("Set-HostedConnectionFilterPolicy", 200), ("New-InboundConnector", 403)]
    text = "\n".join(outcome.report["failures"])
    assert "New-InboundConnector" in text and "Exchange Administrator" in text, text
    assert any("IPAllowList" in line or "Default" in line for line in outcome.report["changed"]), (
        outcome.report["changed"]
    )
    assert_not_switched(deployment)

    deployment.lab.reset("fresh")
    token = secrets.token_urlsafe(36)
    add_api_token(
        deployment, token, permissions=("Zone Read", "DNS Read", "Cloud Email Security: Read")
    )
    since = deployment.lab.mark()
    outcome = deployment.run(
        variables={
            "area1_api_token": token,
            "area1_snapshot_dir": str(deployment.directory / "second"),
        }
    )
    assert outcome.rc != 0
    writes = [entry for entry in deployment.lab.writes(since) if entry["service"] == "cloudflare"]
    assert {entry["status"] for entry in writes} <= {403}
    assert len([entry for entry in writes if "email-security" in entry["path"]]) <= 1, (
        "it ends at the first refused write"
    )
    text = "\n".join(outcome.report["failures"])
    assert "Cloud Email Security" in text and "Write" in text, text
    assert deployment.connector("Area 1 Inbound Connector") is not None, (
        "the other service's phases went on"
    )
    assert_not_switched(deployment)


def assert_not_switched(deployment: Deployment) -> None:
    for name, records in deployment.mx().items():
        assert [host for _priority, host, _ttl in records] == [
            deployment.tenant()["mail_hosts"][name]
        ]
    assert deployment.connector("Secure O365 Inbound") is None

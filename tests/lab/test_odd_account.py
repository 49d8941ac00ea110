# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Cloudflare account with zones that cannot serve, names beyond ASCII, and other customers."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from lab.client import Lab
from lab.worlds.elements.account import OTHER_CUSTOMER
from tests.lab.dns_client import ask

NAME = "northwind.example"
IDN = "xn--mller-kva.example"


def call(lab: Lab, method: str, path: str, order: Any = None, **query: Any) -> Any:
    """Return the result of a request to the lab's Cloudflare."""
    reply = requests.request(
        method,
        f"{lab.urls['cloudflare']}/{path}",
        params=query,
        json=order,
        headers={"Authorization": f"Bearer {lab.extra_vars['area1_api_token']}"},
        verify=lab.ca_path,
        timeout=30,
    )
    assert reply.status_code == 200, reply.text
    return reply.json()["result"]


@pytest.mark.parametrize("seed", range(4))
def test_zones_of_one_name_are_listed_and_only_the_public_one_answers(lab: Lab, seed: int) -> None:
    lab.reset(f"fresh+odd_zones@{seed}")
    zones = call(lab, "GET", "zones", name=NAME)
    assert len(zones) == 3 and len({zone["id"] for zone in zones}) == 3
    assert {zone["type"] for zone in zones} == {"full", "internal"}
    assert len({zone["account"]["id"] for zone in zones}) == 2
    (child,) = call(lab, "GET", "zones", name=f"mail.{NAME}")
    assert child["status"] == "pending"
    assert ask(lab, NAME, "MX") == ["0 northwind-example.mail.protection.outlook.com."]
    assert ask(lab, f"mail.{NAME}", "MX") == "NXDOMAIN", "the parent answers"


def test_what_is_written_to_another_zone_of_the_name_is_not_public(lab: Lab) -> None:
    lab.reset("fresh+odd_zones")
    for zone in call(lab, "GET", "zones", name=NAME):
        if (
            zone["type"] == "internal"
            or zone["account"]["id"] != lab.extra_vars["area1_account_id"]
        ):
            record = {"type": "MX", "name": NAME, "content": "mx.wrong.example", "priority": 1}
            call(lab, "POST", f"zones/{zone['id']}/dns_records", record)
    lab.dns(flush=True)
    assert ask(lab, NAME, "MX") == ["0 northwind-example.mail.protection.outlook.com."]


@pytest.mark.parametrize("style", ["ascii", "unicode", "both"])
def test_a_zone_beyond_ascii_is_found_by_either_spelling(lab: Lab, style: str) -> None:
    lab.reset(f"fresh+idn={style}")
    (zone,) = call(lab, "GET", "zones", name="müller.example")
    assert call(lab, "GET", "zones", name=IDN) == [zone]
    assert zone["name"] == "müller.example"
    records = call(lab, "GET", f"zones/{zone['id']}/dns_records")
    names = {record["name"].rpartition("www.")[2] for record in records}
    expected = {"ascii": {IDN}, "unicode": {"müller.example"}, "both": {IDN, "müller.example"}}
    assert {name for name in names if name.count(".") == 1} == expected[style]
    for spelling in (IDN, "müller.example"):
        found = call(lab, "GET", f"zones/{zone['id']}/dns_records", name=spelling, type="MX")
        assert len(found) == 1


@pytest.mark.parametrize("spelling", [IDN, "müller.example"])
def test_a_record_is_written_under_either_spelling(lab: Lab, spelling: str) -> None:
    lab.reset("fresh+idn=unicode")
    (zone,) = call(lab, "GET", "zones", name=IDN)
    record = {"type": "MX", "name": spelling, "content": "mx.new.example", "priority": 5}
    made = call(lab, "POST", f"zones/{zone['id']}/dns_records", record)
    assert made["name"] == "müller.example"
    lab.dns(flush=True)
    assert "5 mx.new.example." in ask(lab, IDN, "MX")


def test_a_letter_that_idna_2003_folds_has_a_zone_of_its_own(lab: Lab) -> None:
    lab.reset("fresh+idn")
    assert "straße.example" in lab.extra_vars["area1_domains"]
    (zone,) = call(lab, "GET", "zones", name="xn--strae-oqa.example")
    (other,) = call(lab, "GET", "zones", name="strasse.example")
    assert zone["name"] == "straße.example" and zone["id"] != other["id"]


def test_the_log_holds_other_customers_mail_too(lab: Lab) -> None:
    lab.reset("fresh+other_customers")
    path = f"accounts/{lab.extra_vars['area1_account_id']}/email-security"
    domains = call(lab, "GET", f"{path}/settings/domains")
    assert OTHER_CUSTOMER in {domain["domain"] for domain in domains}
    before = call(lab, "GET", f"{path}/investigate", per_page=100)
    assert {each["envelope_to"][0].rpartition("@")[2] for each in before} == {
        OTHER_CUSTOMER,
        "second-customer.example",
    }
    lab.advance(hours=2)
    after = call(lab, "GET", f"{path}/investigate", per_page=100)
    assert after[4]["id"] == before[0]["id"], "one each half hour"
    replies = set()
    for message in after[:6]:
        trace = call(lab, "GET", f"{path}/investigate/{message['id']}/trace")
        replies.add(trace["outbound"]["lines"][0]["message"].partition("(")[2][:12])
    assert replies == {"250 2.0.0 OK", "250 2.6.0 Qu", "550 5.7.51 T"}


def test_mail_of_this_tenant_stands_among_theirs_in_order(lab: Lab) -> None:
    lab.reset("fresh+other_customers")
    lab.mutate(
        ["cloudflare", "email_security", "domains"],
        append={"domain": NAME, "transport": "northwind-example.mail.protection.outlook.com"},
    )
    lab.advance(hours=1)
    lab.send("mailstream-eu1.mxrecord.io", "a@s001.senders.example", f"b@{NAME}")
    lab.settle()
    lab.advance(hours=1)
    path = f"accounts/{lab.extra_vars['area1_account_id']}/email-security/investigate"
    found = call(lab, "GET", path, per_page=100)
    moments = [each["scanned_at"] for each in found]
    assert moments == sorted(moments, reverse=True)
    assert sum(f"b@{NAME}" in each["envelope_to"] for each in found) == 1

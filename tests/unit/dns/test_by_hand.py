# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is told to enter at a DNS provider."""

from __future__ import annotations

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.by_hand import (
    instructions,
    relative,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import RecordSet

NAME = "northwind.example"
IONOS = ["ns1045.ui-dns.com.", "ns1082.ui-dns.org"]
OLD = RecordSet.of(NAME, "MX", ["0 old.example", "10 kept.example"], 3600)
NEW = RecordSet.of(NAME, "MX", ["5 mailstream-eu1.mxrecord.io", "10 kept.example"], 300)


def test_a_switch_adds_first_and_deletes_then() -> None:
    assert instructions(NAME, IONOS, OLD, NEW) == (
        "Open the DNS records of northwind.example at IONOS (ns1045.ui-dns.com, ns1082.ui-dns.org):"
        " login.ionos.com > Menu > Domains and SSL > the domain > DNS > Add record (may be called"
        " otherwise by now).",
        "Add an MX record: name @ (or left empty), priority 5, mail server"
        " mailstream-eu1.mxrecord.io, TTL 300 seconds.",
        "Then delete the MX record 0 old.example of northwind.example.",
        "Set the TTL of the MX records of northwind.example to 300 seconds.",
    )


@pytest.mark.parametrize("servers", [["ns1.registrar.example"], [*IONOS, "ns07.domaincontrol.com"]])
def test_without_one_known_provider_the_name_servers_are_named(servers: list[str]) -> None:
    first = instructions(NAME, servers, OLD, NEW)[0]
    assert first.startswith("Open the DNS records of northwind.example where its name servers are")
    assert all(server.rstrip(".") in first for server in servers)


def test_a_text_below_the_zone() -> None:
    name = f"_mta-sts.mail.{NAME}"
    wanted = RecordSet.of(name, "TXT", ["v=STSv1; id=1;"], 300)
    steps = instructions(NAME, ["dns1.inwx.de"], None, wanted)
    assert "(not verified with the provider)" in steps[0]
    assert steps[1:] == (
        "Add a TXT record: name _mta-sts.mail, text v=STSv1; id=1;, TTL 300 seconds.",
    )


def test_names_as_consoles_want_them() -> None:
    assert relative(NAME, NAME) == "@ (or left empty)"
    assert relative(f"a.b.{NAME}", NAME) == "a.b"

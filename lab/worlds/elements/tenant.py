# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects and moods of a Microsoft 365 tenant: hybrid connectors, odd names, obstinate services."""

from __future__ import annotations

import random

from lab.exchange.nouns import CONTENT_FILTER, INBOUND_CONNECTOR, OUTBOUND_CONNECTOR
from lab.exchange.rules import transport_rule
from lab.worlds.builder import DOMAINS, ORGANIZATION, Builder

_SITE = "8a7f3c1e-52d0-4b6a-9b1e-3f5a0c9d2e71"
#: Names and comments as people and programs write them: escapes, markup, Jinja, controls, half of a
#: surrogate pair, text that runs backwards.
ODD_TEXTS = (
    "Scanner \ud83d (HQ)",
    "<script>alert('x')</script>",
    "{{ lookup('env', 'HOME') }}",
    "\x1b[31mred\x1b[0m",
    "exe.\u202egnp.invoice",
    "line one\r\nline two",
    "Überwachung „Nord“ / Süd; 100 %",
    "  blanks at both ends  ",
    "tab\tand \\backslash\\",
)


def hybrid(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add the hybrid wizard's two connectors, by certificate, and the on-premises servers' mail.

    Names, ConnectorSource and certificate are as the Hybrid Configuration Wizard makes them.
    """
    address, certificate = f"93.184.{chance.randrange(1, 250)}.25", "mail.northwind.example"
    builder.add(
        INBOUND_CONNECTOR,
        f"Inbound from {_SITE}",
        ConnectorType="OnPremises",
        ConnectorSource="HybridWizard",
        SenderDomains=["smtp:*;1"],
        TlsSenderCertificateName=certificate,
        RequireTls=True,
        CloudServicesMailEnabled=True,
    )
    builder.add(
        OUTBOUND_CONNECTOR,
        f"Outbound to {_SITE}",
        ConnectorType="OnPremises",
        ConnectorSource="HybridWizard",
        RecipientDomains=["lyon.northwind.example"],
        UseMXRecord=False,
        SmartHosts=["mail.northwind.example."],
        TlsSettings="DomainValidation",
        TlsDomain=certificate,
        CloudServicesMailEnabled=True,
    )
    builder.world["mail"].setdefault("scenery", []).append(
        {
            "kind": "hybrid",
            "seed": chance.randrange(1 << 30),
            "per_day": chance.randrange(20, 60),
            "people": 40,
            "domains": list(DOMAINS),
            "address": address,
            "certificate": certificate,
        }
    )


def odd_names(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add objects of the customer's own whose names hold what no strict parser takes."""
    texts = list(ODD_TEXTS)
    chance.shuffle(texts)
    for number, text in enumerate(texts[:3]):
        builder.add(
            INBOUND_CONNECTOR,
            f"Partner {number} {text}",
            Comment=texts[-1 - number],
            SenderDomains=[f"smtp:partner{number}.example;1"],
            RequireTls=False,
        )
    builder.add(CONTENT_FILTER, texts[3], AdminDisplayName=texts[4])
    rules = builder.world["tenant"]["transport_rules"]
    rules.append(
        transport_rule(
            texts[5],
            ORGANIZATION,
            builder.born,
            Priority=len(rules),
            SubjectContainsWords=[texts[6]],
            PrependSubject=texts[7],
            Comments=texts[8],
        )
    )


def other_case(builder: Builder, chance: random.Random, argument: str) -> None:
    """Write domains and hosts in another case than the operator's, and a trailing dot."""
    tenant = builder.world["tenant"]
    for item in tenant["accepted_domains"]:
        if item["DomainName"] in DOMAINS:
            item["DomainName"] = item["DomainName"].title()
    for item in tenant["outbound_connectors"]:
        item["RecipientDomains"] = [name.upper() + "." for name in item["RecipientDomains"]]
    for host in list(tenant["mail_hosts"]):
        tenant["mail_hosts"][host] = tenant["mail_hosts"][host].title()


def dehydrated_early(builder: Builder, chance: random.Random, argument: str) -> None:
    """Let the flag turn hours before the cmdlets work [EXO-4.9].

    "turned": it has turned ten minutes ago, and the cmdlets still refuse.
    """
    world = builder.world
    world["settings"] |= {
        "hydration_minutes": 60,
        "hydration_lag_minutes": 60 * chance.randrange(3, 9),
        "dehydrated_cmdlets": [
            "Set-HostedConnectionFilterPolicy",
            "New-InboundConnector",
            "New-QuarantinePolicy",
        ],
    }
    world["tenant"]["organization"]["IsDehydrated"] = argument != "turned"
    if argument == "turned":
        world["tenant"]["hydration"] = {"due": builder.now.timestamp() - 600}


def connectors_born_off(builder: Builder, chance: random.Random, argument: str) -> None:
    """Let new connectors be made with a warning, and be off (the setting has the source)."""
    builder.world["settings"]["new_connectors_disabled"] = True

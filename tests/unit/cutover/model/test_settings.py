# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person gives, refused as a whole before anything is read, with a message that says what to
do.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model import (
    settings_input,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._facts import (
    egress_networks as networks,
)

GIVEN: dict[str, Any] = {"domains": ["Northwind.Example.", "bücher.example"], "location": "eu"}


def test_defaults() -> None:
    found = settings_input.normalise(GIVEN)
    assert found.names == [
        "northwind.example",
        "xn--bcher-kva.example",
    ]
    assert [(item.priority, item.host) for item in found.mx_records] == [
        (5, "mailstream-eu1.mxrecord.io"),
        (10, "mailstream-central.mxrecord.mx"),
        (20, "mailstream-east.mxrecord.io"),
        (20, "mailstream-west.mxrecord.io"),
    ]
    assert len(found.egress) == 42 and found.egress_superset and found.regions
    assert (
        found.soak_hours,
        found.settle_minutes,
        found.mx_ttl,
        found.max_switches,
    ) == (72, 60, 300, 0)
    assert found.lockdown is True and found.lockdown_scope == "all" and found.allow_list == "manage"
    assert (found.connector_name, found.lockdown_connector_name) == (
        "Area 1 Inbound Connector",
        "Secure O365 Inbound",
    )


def test_numbers_may_be_text_and_one_name_is_a_list() -> None:
    found = settings_input.normalise(
        {
            **GIVEN,
            "domains": "one.example",
            "mx_ttl": "120",
            "lockdown_soak_hours": "0",
            "acknowledge": "baseline",
        }
    )
    assert found.mx_ttl == 120 and found.soak_hours == 0 and found.acknowledge == ("baseline",)
    assert found.names == ["one.example"]


def test_own_records_win_over_the_preset() -> None:
    found = settings_input.normalise(
        {**GIVEN, "location": "us", "mx_records": [{"priority": "10", "host": "MX.Own.Example."}]}
    )
    assert found.mx_options == [{"priority": 10, "host": "mx.own.example"}]


def test_an_override_of_the_networks_is_split_and_measured() -> None:
    found = settings_input.normalise({**GIVEN, "egress_networks": ["104.30.32.0/19"]})
    assert (
        len(found.egress) == 32
        and found.egress_split == ("104.30.32.0/19",)
        and not found.egress_superset
    )
    more = settings_input.normalise(
        {**GIVEN, "egress_networks": [*networks.PUBLISHED, "192.0.2.0/24"]}
    )
    assert (
        more.egress_superset
        and "192.0.2.0/24" in more.egress
        and more.egress_dropped == ("2405:8100:c400::/38",)
    )


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["malicious", "UCE"], ["MALICIOUS", "SPAM"]),
        ("MALICIOUS,SPOOF", ["MALICIOUS", "SPOOF"]),
        ([], []),
        (None, None),
        ("", None),
    ],
)
def test_dispositions_of_a_domain_s_own(given: Any, found: list[str] | None) -> None:
    (entry,) = settings_input.domains([{"name": "one.example", "drop_dispositions": given}])
    assert entry.drop_dispositions == (None if found is None else tuple(found))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"domains": None}, "area1_domains is empty"),
        ({"domains": []}, "area1_domains is empty"),
        ({"domains": ["example"]}, "'example' is not a domain name"),
        ({"domains": ["a b.example"]}, "is not a domain name"),
        ({"domains": ["*.example.com"]}, "is not a domain name"),
        ({"domains": ["https://example.com/"]}, "is not a domain name"),
        ({"domains": ["user@example.com"]}, "is not a domain name"),
        ({"domains": ["-x.example"]}, "is not a domain name"),
        ({"domains": ["x" * 64 + ".example"]}, "is not a domain name"),
        ({"domains": [".".join(["x" * 60] * 5)]}, "is not a domain name"),
        ({"domains": [{"forward_to": "a.example"}]}, "is not a domain name"),
        ({"domains": ["one.example", "ONE.example."]}, "names one.example twice"),
        ({"domains": [{"name": "one.example", "forward": "x"}]}, "unknown keys forward"),
        (
            {"domains": [{"name": "one.example", "drop_dispositions": ["MALICOUS"]}]},
            "drop_dispositions of one.example: MALICOUS: not a disposition",
        ),
        (
            {"domains": [{"name": "one.example", "forward_to": "mailstream-east.mxrecord.io"}]},
            "in a circle: it is a host of Area 1",
        ),
        (
            {"domains": [{"name": "one.example", "forward_to": "One.Example"}]},
            "in a circle: it is the domain itself",
        ),
        (
            {
                "domains": [{"name": "one.example", "forward_to": "mx.own.example"}],
                "mx_records": [{"priority": 1, "host": "mx.own.example"}],
            },
            "in a circle",
        ),
        ({"location": "mars"}, "mars"),
        ({"location": None}, "Neither area1_location nor area1_mx_records"),
        ({"mx_records": ["mx.example.com"]}, "is not {priority, host}"),
        ({"mx_records": [{"host": "mx.example.com"}]}, "is not {priority, host}"),
        ({"mx_records": [{"priority": 10, "host": "."}]}, "is not a host name"),
        ({"mx_records": [{"priority": 10, "host": "192.0.2.1 x"}]}, "is not a host name"),
        ({"mx_records": [{"priority": 10, "host": "192.0.2.1"}]}, "it is an address"),
        ({"mx_records": [{"priority": 10, "host": "[2001:db8::1]"}]}, "it is an address"),
        (
            {"mx_records": [{"priority": 90, "host": "A-B.mail.protection.outlook.com."}]},
            "where Microsoft 365 itself takes mail",
        ),
        (
            {"mx_records": [{"priority": 90, "host": "a-b.o-v1.mx.microsoft"}]},
            "where Microsoft 365 itself takes mail",
        ),
        ({"mx_records": [{"priority": 65536, "host": "mx.example.com"}]}, "65536 is out of range"),
        (
            {
                "mx_records": [
                    {"priority": 1, "host": "mx.example.com"},
                    {"priority": 2, "host": "MX.example.com"},
                ]
            },
            "names a host twice",
        ),
        ({"regions": ["MARS"]}, "MARS"),
        ({"location": "india", "regions": ["DE"]}, "regions"),
        ({"mx_ttl": 29}, "29 is out of range"),
        ({"mx_ttl": 86401}, "out of range"),
        ({"mx_ttl": "soon"}, "'soon' is not a whole number"),
        ({"lockdown_soak_hours": -1}, "out of range"),
        ({"settle_minutes": 1441}, "out of range"),
        ({"max_switches": -1}, "out of range"),
        ({"egress_networks": ["10.0.0.0/8"]}, "private or reserved"),
        ({"egress_networks": ["8.0.0.0/8"]}, "wider than /16"),
        ({"egress_networks": ["2405:8100:c400::/38"]}, "hold no IPv4 address"),
        ({"egress_networks": ["mail.example.com"]}, "is not an IP address"),
        ({"connector_name": "Gate", "lockdown_connector_name": "GATE"}, "are both 'Gate'"),
        ({"lockdown_exempt_domains": ["x.example"]}, "needs area1_lockdown_scope: covered"),
    ],
)
def test_bad_input(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        settings_input.normalise({**GIVEN, **given})
    assert words in str(caught.value)
    assert caught.value.hint, "what to do is missing"

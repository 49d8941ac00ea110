# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hundred domains over Cloudflare, Azure DNS, Route 53, GoDaddy and BIND in one call of area1_mx,
with the limits of calls that the services have.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets import mx
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.modules import area1_mx
from lab.client import Lab
from tests.support.bind import Bind

EU = [
    {"priority": 5, "host": "mailstream-eu1.mxrecord.io"},
    {"priority": 10, "host": "mailstream-central.mxrecord.mx"},
]
SHOWN = [[5, "mailstream-eu1.mxrecord.io"], [10, "mailstream-central.mxrecord.mx"]]
IN_THE_LAB = ("cloudflare", "azure", "route53", "godaddy")


@pytest.fixture
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Bind]]:
    folder = tmp_path_factory.mktemp("lab")
    zones = {
        f"nw-rfc2136-{number:02}.example": ["@ 3600 MX 0 old.example."] for number in range(20)
    }
    with (
        Lab.start("five_providers", folder, max_seconds=600) as lab,
        Bind(zones, max_seconds=600) as server,
    ):
        yield lab, server


def options(lab: Lab, server: Bind) -> dict[str, Any]:
    known = lab.extra_vars
    settings: dict[str, dict[str, Any]] = {
        **{
            provider: {f"{provider}_{key}": value for key, value in account.items()}
            for provider, account in lab.info["dns_accounts"].items()
        },
        "cloudflare": {"api_token": known["area1_api_token"], "api_url": known["area1_api_url"]},
        "rfc2136": {
            "server": server.address,
            "port": server.port,
            "key_name": server.key.name,
            "key_secret": server.key.secret,
        },
    }
    return {
        "domains": [
            {"name": name, "dns_account": name.split("-")[1]} for name in known["area1_domains"]
        ],
        "records": EU,
        "ttl": 600,
        "dns_accounts": [
            {"name": name, "settings": {"provider": name, **values}}
            for name, values in settings.items()
        ],
        "dns_resolvers": known["area1_dns_resolvers"],
        "dns_authoritative_port": known["area1_dns_authoritative_port"],
        "ca_path": known["area1_ca_path"],
    }


def run(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int], float]:
    """The result, how many domains of each account were changed, and the seconds that it took."""
    checked = ArgumentSpecValidator(area1_mx.SPEC).validate(given)
    assert not checked.error_messages, checked.error_messages
    began = time.monotonic()
    failed, result = evaluate(mx.run, checked.validated_parameters, Context())
    changed = collections.Counter(one["dns_account"] for one in result["results"] if one["changed"])
    return {"failed": failed, **result}, dict(changed), time.monotonic() - began


@pytest.mark.long
def test_the_slowest_limit_counts_and_not_the_sum(places: tuple[Lab, Bind]) -> None:
    lab, server = places
    given = options(lab, server)
    lab.faults([{"service": "azure_dns", "kind": "drop", "times": -1}])
    done, changed, seconds = run(given)
    assert done["failed"]
    assert changed == dict.fromkeys(("cloudflare", "route53", "godaddy", "rfc2136"), 20)
    errors = {one["dns_account"] for one in done["results"] if one["error"]}
    assert errors == {"azure"}
    # GoDaddy: 60 reads at 55 a minute. Route 53: some 85 calls at four a second. Azure: the tries
    # of one call, once for all of its domains.
    assert 50 < seconds < 150, seconds
    throttled = [one for one in lab.log() if one.get("status") in (400, 429)]
    assert not throttled

    lab.faults([])
    lab.advance(minutes=2)
    again, changed, _seconds = run(given)
    assert not again["failed"] and changed == {"azure": 20}, again.get("msg")
    latest = {one["name"]: one for one in lab.state()["dns"]["history"]}
    for name in lab.extra_vars["area1_domains"]:
        if name.split("-")[1] in IN_THE_LAB:
            assert sorted(latest[name]["mx"]) == SHOWN and latest[name]["ttl"] == 600, name
        else:
            found = server.rrset(name, "MX")
            assert found is not None and len(found) == 2 and found.ttl == 600
    assert all(moment["mx"] for moment in lab.state()["dns"]["history"])

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people do by hand between two runs, and how a test lets time pass."""

from __future__ import annotations

import contextlib
import datetime
import json
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.playbook.harness import Deployment, Outcome
from tests.playbook.tenants import exchange_token

LOCKDOWN = "Secure O365 Inbound"


def low_ttl(deployment: Deployment, ttl: int = 300) -> None:
    """The operator lowered the TTL days ago: neither the records nor a cache stand in the way of
    the switch.
    """
    for name, zone in deployment.lab.state()["cloudflare"]["zones"].items():
        for record in zone["records"]:
            if record["type"] == "MX":
                deployment.lab.mutate(
                    ["cloudflare", "zones", name, "records", record["id"], "ttl"], value=ttl
                )
    deployment.lab.dns(flush=True, warm=True)


def replace_mx(
    deployment: Deployment, name: str, records: Sequence[tuple[int, str]], ttl: int = 300
) -> None:
    """By the API, as from the Cloudflare dashboard: the service dates the records."""
    zone = deployment.lab.state()["cloudflare"]["zones"][name]
    old = [
        record["id"]
        for record in zone["records"]
        if record["type"] == "MX" and record["name"] == name
    ]
    new = [
        {"type": "MX", "name": name, "content": host, "priority": priority, "ttl": ttl}
        for priority, host in records
    ]
    body = {"deletes": [{"id": identifier} for identifier in old], "posts": new}
    variables = deployment.lab.extra_vars
    request = urllib.request.Request(
        "%s/zones/%s/dns_records/batch" % (variables["area1_api_url"], zone["id"]),
        json.dumps(body).encode(),
        {
            "Authorization": "Bearer %s" % variables["area1_api_token"],
            "Content-Type": "application/json",
        },
    )
    context = ssl.create_default_context(cafile=variables["area1_ca_path"])
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(request, timeout=30) as response:
        answer = json.load(response)
    assert answer["success"] is True, answer


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now(deployment: Deployment) -> datetime.datetime:
    return moment(deployment.lab.state()["clock"]["now"])


def advance_to(deployment: Deployment, when: datetime.datetime) -> None:
    """Let the lab's clock stand at this time, unless it is later already."""
    deployment.lab.advance(seconds=max(0.0, (when - now(deployment)).total_seconds()))


def run_when_due(deployment: Deployment, limit: int = 6, **options: Any) -> list[Outcome]:
    """Run until it says done, each time just after the moment that the summary named."""
    outcomes: list[Outcome] = []
    while len(outcomes) < limit:
        outcome = deployment.run(**options)
        assert outcome.rc == 0, outcome.stdout
        outcomes.append(outcome)
        if outcome.report["done"]:
            return outcomes
        assert outcome.report["next"], "it does not say when it goes on:\n" + outcome.stdout
        advance_to(deployment, moment(outcome.report["next"]) + datetime.timedelta(seconds=10))
    raise AssertionError("not done after %d runs:\n%s" % (limit, outcomes[-1].stdout))


def exchange_writes(deployment: Deployment, since: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """Cmdlet and parameters of each write, as they were on the wire."""
    return [
        (entry["cmdlet"], entry["parameters"])
        for entry in deployment.lab.writes(since)
        if entry["service"] == "exchange"
    ]


def invoke(deployment: Deployment, cmdlet: str, **parameters: Any) -> None:
    """An administrator's own cmdlet, with the module's way of asking."""
    token = exchange_token(deployment, deployment.lab.info["tenant_id"])
    body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}}
    url = "%s/adminapi/beta/%s/InvokeCommand" % (
        deployment.lab.urls["exchange"],
        deployment.lab.info["tenant_id"],
    )
    headers = {"Authorization": "Bearer %s" % token, "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    context = ssl.create_default_context(cafile=deployment.lab.ca_path)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(request, timeout=30) as response:
        assert response.status == 200


@contextlib.contextmanager
def beside(action: Callable[[threading.Event], None]) -> Iterator[None]:
    """Something that happens while a playbook runs; the event says that it is over."""
    over = threading.Event()
    thread = threading.Thread(target=action, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several inventory hosts in one run: many refusals cost one start of ansible-playbook, and no host
may hold another.
"""

from __future__ import annotations

import dataclasses
import json
import ssl
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

from tests.playbook.harness import Deployment, Outcome

GROUP = "tenants"


@dataclasses.dataclass
class HostOutcome:
    """What one host of a run came to."""

    name: str
    failed: bool
    events: list[dict[str, Any]]

    def results(self, task: str) -> list[dict[str, Any]]:
        return [
            event["event_data"]["res"]
            for event in self.events
            if event["event_data"]["task"] == task
        ]

    @property
    def report(self) -> dict[str, Any]:
        found = self.results("Summary")
        assert found, f"host {self.name} got no summary"
        report: dict[str, Any] = found[-1]["report"]
        return report

    @property
    def failures(self) -> str:
        return "\n".join(self.report["failures"])


def run_tenants(
    deployment: Deployment, tenants: Mapping[str, Mapping[str, Any]], *arguments: str
) -> tuple[Outcome, dict[str, HostOutcome]]:
    """One run with a host for each entry; its variables are added to the deployment's, None takes
    one out. Each keeps its state apart.
    """
    hosts = {}
    for name, changes in tenants.items():
        given = {
            **deployment.variables,
            "area1_snapshot_dir": str(deployment.directory / "states" / name),
            **changes,
        }
        hosts[name] = {key: value for key, value in given.items() if value is not None}
    inventory = deployment.directory / f"tenants-{uuid.uuid4().hex[:8]}.json"
    inventory.write_text(json.dumps({GROUP: {"hosts": hosts}}), encoding="utf-8")
    outcome = deployment.run("-i", str(inventory), "-e", f"area1_hosts={GROUP}", *arguments)
    kinds = ("runner_on_ok", "runner_on_failed")
    events = [event for event in outcome.events if event["event"] in kinds]
    failures = next(
        event["event_data"]["failures"]
        for event in outcome.events
        if event["event"] == "playbook_on_stats"
    )
    return outcome, {
        name: HostOutcome(
            name,
            name in failures,
            [event for event in events if event["event_data"]["host"] == name],
        )
        for name in tenants
    }


def exchange_token(deployment: Deployment, tenant: str) -> str:
    """An access token for Exchange Online, as the app gets it in ``tenant``."""
    given = deployment.lab.extra_vars
    form = {
        "grant_type": "client_credentials",
        "client_id": given["o365_client_id"],
        "client_secret": given["o365_client_secret"],
        "scope": "https://outlook.office365.com/.default",
    }
    request = urllib.request.Request(
        f"{given['o365_authority_url']}/{tenant}/oauth2/v2.0/token",
        data=urllib.parse.urlencode(form).encode(),
    )
    context = ssl.create_default_context(cafile=deployment.lab.ca_path)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(request, timeout=30) as response:
        return str(json.load(response)["access_token"])


def add_app(deployment: Deployment, client_id: str, secret: str, **changes: Any) -> None:
    """Another app registration with the grants that a deployment needs, but for ``changes``."""
    app = {
        "name": client_id,
        "object_id": str(uuid.uuid4()),
        "secrets": [secret],
        "certificates": [],
        "roles": {"exchange": ["Exchange.ManageAsApp"], "graph": ["Domain.Read.All"]},
        "directory_roles": ["Exchange Administrator"],
        "denied_cmdlets": [],
        "silently_denied_cmdlets": [],
        "hidden_parameters": {},
    }
    deployment.lab.mutate(["entra", "apps", client_id], value={**app, **changes})


def add_api_token(
    deployment: Deployment,
    token: str,
    zones: Any = "*",
    permissions: tuple[str, ...] = ("Zone Read", "DNS Write", "Cloud Email Security: Write"),
) -> None:
    """Another token of the Cloudflare account."""
    deployment.lab.mutate(
        ["cloudflare", "tokens", token],
        value={"permissions": list(permissions), "zones": zones, "status": "active"},
    )

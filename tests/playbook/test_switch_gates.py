# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is seen before the switch:

MTA-STS policies, the new MX hosts themselves, and our own connector at work.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from typing import Any

from tests.playbook.harness import EU_RECORDS, Deployment, Outcome

FIRST, GROUP, LABS = "northwind.example", "northwind-group.example", "nw-labs.example"
NEW_HOSTS = [host for _priority, host in EU_RECORDS]


def due(outcome: Outcome, gate: str) -> dict[str, dict[str, Any]]:
    return {entry["object"]: entry for entry in outcome.report["due"] if entry.get("gate") == gate}


def moved(deployment: Deployment) -> set[str]:
    return {
        name
        for name, records in deployment.mx().items()
        if {host for _p, host, _ttl in records} == set(NEW_HOSTS)
    }


def texts(deployment: Deployment, name: str) -> list[str]:
    zones = deployment.lab.state()["cloudflare"]["zones"].values()
    return [
        record["content"]
        for zone in zones
        for record in zone["records"]
        if record["type"] == "TXT" and record["name"] == name
    ]


def test_policies_and_hosts_hold_the_switch_until_they_are_right(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("mta_sts")
    lab = deployment.lab
    domains = [{"name": FIRST, "mta_sts_id": True}, GROUP, LABS]
    variables: dict[str, Any] = {
        "area1_settle_minutes": 0,
        "area1_lockdown": False,
        "area1_domains": domains,
    }

    # Somebody else's run holds the tenant: this process stands for it.
    deployment.state_directory.mkdir(parents=True, mode=0o700)
    lock = deployment.state_directory / "run.lock"
    lock.write_text(
        json.dumps(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "user": "eve",
                "at": "today",
                "taken": 1,
                "token": "x",
            }
        )
    )
    since = lab.mark()
    refused = deployment.run(variables=variables)
    assert (
        refused.rc != 0
        and "Another run works on this tenant: process %d of eve" % os.getpid()
        in "\n".join(refused.report["failures"])
    )
    assert lab.writes(since) == []
    lock.unlink()

    lab.mutate(["mail", "hosts"], value={NEW_HOSTS[0]: {"mode": "no_starttls"}})
    first = deployment.run(variables=variables)
    assert (
        first.rc != 0 and "does not offer STARTTLS" in first.stdout and moved(deployment) == set()
    ), first.stdout
    assert not lock.exists()
    held = due(first, "mta_sts")
    assert set(held) == {FIRST, GROUP}, "the third one only tests"
    assert '_mta-sts.%s. IN TXT "v=STSv1; id=' % GROUP in first.stdout
    policy = [line.strip() for line in held[FIRST]["lines"][1:-1]]
    assert [line for line in policy if line.startswith("mx: ")][1:] == [
        "mx: %s" % host for host in NEW_HOSTS
    ]

    # The operator publishes the policy that the summary printed; the id is ours to publish. TLS is
    # there now, but another host is silent: unknown is not good.
    lab.mutate(["mail", "sts", FIRST, "body"], value="\r\n".join([*policy, ""]))
    lab.mutate(["mail", "hosts"], value={NEW_HOSTS[3]: {"mode": "down"}})
    lab.advance(hours=1, minutes=5)
    second = deployment.run(variables=variables)
    assert second.rc == 0 and moved(deployment) == set(), second.stdout
    (identifier,) = texts(deployment, "_mta-sts.%s" % FIRST)
    assert "20250101000000" not in identifier and identifier.strip('"').startswith("v=STSv1; id=")
    assert "20250101000000" in texts(deployment, "_mta-sts.%s" % GROUP)[0], (
        "nobody asked for that one"
    )
    waiting, unknown = due(second, "mta_sts"), due(second, "new_mx_hosts")
    assert (
        set(waiting) == {FIRST, GROUP}
        and waiting[FIRST]["until"]
        and "is new" in waiting[FIRST]["message"]
    )
    assert set(unknown) == {NEW_HOSTS[3]} and "area1_probe_host" in unknown[NEW_HOSTS[3]]["hint"]

    # The new id is older than its TTL, and a person has decided about the host that nobody can
    # reach from here. Somebody took the other record away: senders keep the policy all the same.
    zone = lab.state()["cloudflare"]["zones"][GROUP]
    rest = [record for record in zone["records"] if record["name"] != "_mta-sts.%s" % GROUP]
    lab.mutate(["cloudflare", "zones", GROUP, "records"], value=rest)
    lab.advance(hours=1, minutes=5)
    variables["area1_acknowledge"] = ["new_mx_hosts:%s" % NEW_HOSTS[3]]
    variables["area1_domains"] = [*domains[:2], {"name": LABS, "canary": True}]
    decided = deployment.run(variables=variables)
    assert decided.rc == 0 and moved(deployment) == {LABS}, decided.stdout
    assert set(due(decided, "canary")) == {FIRST, GROUP}
    assert lab.messages() == lab.messages("bounces") == [], "nobody was sent a message"
    the_canary_speaks_for_the_others(deployment, variables)


def the_canary_speaks_for_the_others(deployment: Deployment, variables: dict[str, Any]) -> None:
    """Direct Send was refused for a while, and our connector did not count as a source (disputed):
    the canary's own mail bounced.
    """
    lab = deployment.lab
    lab.mutate(["mail", "hosts"], value={})
    lab.mutate(["tenant", "organization", "RejectDirectSend"], value=True)
    lab.setting("partner_ip_list", "restricts_only")
    send(deployment, "boss@%s" % LABS)
    assert ["5.7.68" in bounce["reason"] for bounce in lab.messages("bounces")] == [True]
    lab.mutate(["tenant", "organization", "RejectDirectSend"], value=False)
    lab.setting("partner_ip_list", "matches")
    refused = deployment.run(variables=variables)
    assert refused.rc != 0 and moved(deployment) == {LABS}, refused.stdout
    (told,) = [
        entry
        for entry in refused.report["journal"]
        if entry["status"] == "cannot" and entry.get("gate") == "delivery_refused"
    ]
    assert told["object"] == LABS and "5.7.68" in told["message"]
    assert set(due(refused, "canary_mail")) == {LABS}, "and nothing of it has arrived"

    lab.advance(hours=25)
    send(deployment, "eve@elsewhere.example")
    goes_on = deployment.run(variables=variables)
    assert goes_on.rc == 0 and moved(deployment) == {FIRST, LABS}, goes_on.stdout
    assert (
        set(due(goes_on, "mta_sts")) == {GROUP}
        and "its MTA-STS record is gone" in due(goes_on, "mta_sts")[GROUP]["message"]
    )


def send(deployment: Deployment, sender: str) -> None:
    """A mail to the canary domain by way of Area 1, to its end."""
    assert deployment.lab.send(NEW_HOSTS[0], sender, "anna@%s" % LABS)["code"] == 250
    deployment.lab.settle()


def test_our_own_connector_that_catches_other_mail_goes_off(
    deploy: Callable[..., Deployment],
) -> None:
    """The sources disagree whether a Partner connector that restricts nothing is for its addresses
    only; here it is not.
    """
    deployment = deploy("fresh")
    deployment.lab.setting("partner_ip_list", "ignored")
    variables = {"area1_settle_minutes": 30, "area1_lockdown": False, "area1_domains": [FIRST]}
    assert deployment.run(variables=variables).rc == 0
    # The connector acts, and the old TTL is not over: it is looked for before anything else is
    # ready.
    deployment.lab.advance(minutes=35)
    assert (
        deployment.lab.send(
            "northwind-example.mail.protection.outlook.com",
            "eve@elsewhere.example",
            "anna@%s" % FIRST,
        )["code"]
        == 250
    )
    second = deployment.run(variables=variables)
    assert second.rc != 0 and "catches mail that does not come from Area 1" in second.stdout, (
        second.stdout
    )
    (told,) = [
        entry
        for entry in second.report["journal"]
        if entry["status"] == "cannot" and entry.get("gate") == "own_connector"
    ]
    assert (
        "without TLS for %s is refused" % FIRST in told["message"]
        and "the message trace shows that it took mail from" in told["message"]
    )
    assert set(due(second, "old_ttl")) == {FIRST}
    connector = deployment.connector("Area 1 Inbound Connector")
    assert (
        connector is not None
        and connector["Enabled"] is False
        and "it caught mail" in connector["Comment"]
    )
    assert moved(deployment) == set()

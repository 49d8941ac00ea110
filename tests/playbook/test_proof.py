# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock-down, from the last direct sender to its proof, and back where it refuses mail that
comes through Area 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.by_hand import LOCKDOWN, exchange_writes, low_ttl, now
from tests.playbook.harness import EU_RECORDS, Deployment, Outcome
from tests.playbook.test_soak import summary

EDGE = "northwind-example.mail.protection.outlook.com"
AREA1 = EU_RECORDS[0][1]
# An office's scanner, with a sender of the tenant's own domain; and a customer's mail server.
SCANNER, SENDER = "scanner@northwind.example", "carla@customer.example"
RECIPIENT, CANARY = "bert@northwind.example", "canary@northwind.example"


def direct(deployment: Deployment, sender: str = SENDER) -> int:
    """One mail straight to Microsoft 365; the reply's code."""
    return int(deployment.lab.send(EDGE, sender, RECIPIENT)["code"])


def through(deployment: Deployment, subject: str = "Hello") -> str:
    """One mail by way of Area 1, handed on; its Message-ID."""
    reply = deployment.lab.send(AREA1, SENDER, RECIPIENT, subject=subject)
    assert reply["code"] == 250, reply
    deployment.lab.settle()
    return str(reply["message_id"])


def arrived(deployment: Deployment, message_id: str) -> bool:
    return any(item["message_id"] == message_id for item in deployment.lab.messages())


def results(outcome: Outcome, gate: str) -> list[dict[str, Any]]:
    return [entry for entry in outcome.report["journal"] if entry.get("gate") == gate]


def enabled(deployment: Deployment) -> bool:
    connector = deployment.connector(LOCKDOWN)
    return connector is not None and connector["Enabled"] is True


@pytest.mark.long
def test_the_lock_down_from_the_last_direct_sender_to_its_proof_and_back(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = deploy("fresh")
    low_ttl(deployment)
    deployment.lab.setting("connector_delay_minutes", 40)
    deployment.variables.update(
        area1_settle_minutes=0, area1_lockdown_soak_hours=0, area1_canary_recipient=CANARY
    )
    _switched_after_a_test_mail(deployment)
    deployment.lab.advance(minutes=46)
    assert deployment.run().rc == 0, "the lock-down is staged"

    _hold_the_direct_sender(deployment)
    _not_effective_yet(deployment)
    _proven(deployment)
    _rules_that_match_nothing(deployment)
    _switched_off(deployment)


def _switched_after_a_test_mail(deployment: Deployment) -> None:
    """By way of Area 1; it is found again in the trace.

    The connector does not act yet, so that no name of one is with it.
    """
    outcome = deployment.run()
    assert outcome.rc == 0 and all(
        domain["switched"] for domain in outcome.report["domains"].values()
    ), outcome.stdout
    [mail] = [item for item in deployment.lab.messages() if item["recipient"] == CANARY]
    asked = [
        entry["parameters"]
        for entry in deployment.lab.log(0)
        if entry.get("cmdlet") == "Get-MessageTraceV2"
    ]
    assert [parameters["MessageId"] for parameters in asked if "MessageId" in parameters] == [
        [mail["message_id"]]
    ]
    [found] = results(outcome, "test_mail")
    assert (
        found["object"] == CANARY
        and "Delivered" in found["message"]
        and "by which connector" in found["message"]
    )


def _hold_the_direct_sender(deployment: Deployment) -> None:
    deployment.lab.advance(minutes=5)
    assert direct(deployment, SCANNER) == 250 and arrived(deployment, through(deployment))
    deployment.lab.advance(minutes=5)
    held = deployment.run()
    assert held.rc != 0 and not enabled(deployment), held.stdout
    [sender] = results(held, "direct_senders")
    address = sender["object"]
    assert (
        sender["status"] == "cannot" and SCANNER in sender["message"] and address in summary(held)
    )
    assert "direct_senders:%s" % address in summary(held)
    deployment.variables["area1_acknowledge"] = ["direct_senders:%s" % address]


def _not_effective_yet(deployment: Deployment) -> None:
    """The change takes 40 minutes to act: it is enabled once, waited for, and not turned over
    meanwhile.
    """
    since = deployment.lab.mark()
    outcome = deployment.run()
    assert outcome.rc == 0 and enabled(deployment), outcome.stdout
    assert [entry["status"] for entry in results(outcome, "direct_senders")] == ["acknowledged"]
    assert [name for name, _parameters in exchange_writes(deployment, since)] == [
        "Set-InboundConnector"
    ]
    assert outcome.report["locked"] is True and outcome.report["proven"] is False

    deployment.lab.advance(minutes=20)
    assert direct(deployment) == 250, "it does not act yet"
    since = deployment.lab.mark()
    early = deployment.run()
    assert early.rc == 0 and early.report["done"] is False and enabled(deployment), early.stdout
    [due] = results(early, "lockdown_proof")
    assert (
        due["status"] == "due"
        and due["until"] == early.report["next"]
        and "still accepted" in due["message"]
    )
    assert deployment.lab.writes(since) == [], "no flapping"


def _proven(deployment: Deployment) -> None:
    deployment.lab.advance(hours=2)
    deployment.lab.setting("edge_refuses_at", "data")
    assert direct(deployment) == 550 and direct(deployment, SCANNER) == 550
    assert arrived(deployment, through(deployment)) and arrived(
        deployment, through(deployment, "[lab:BULK] Offer")
    )
    deployment.lab.advance(minutes=1)
    since = deployment.lab.mark()
    outcome = deployment.run()
    assert outcome.rc == 0 and outcome.stats["changed"] == 0, outcome.stdout
    assert deployment.lab.writes(since) == []
    assert outcome.report["done"] is True and outcome.report["proven"] is True
    assert "DONE: everything is in place, the lock-down is on and proven" in summary(outcome)
    assert "is accepted (the test mail of" in summary(outcome) and ", by the connector" in summary(
        outcome
    )
    connector = deployment.connector(LOCKDOWN)
    assert connector is not None and connector["Comment"] == "Only accept inbound email from Area 1"


def _rules_that_match_nothing(deployment: Deployment) -> None:
    """From now on they see the original sender's address: a rule of the use case acts on the first
    BULK mail, and not on the second.
    """
    deployment.lab.setting("rules_see", "original")
    missed = through(deployment, "[lab:BULK] Offer")
    deployment.lab.advance(minutes=1)
    outcome = deployment.run()
    assert outcome.rc == 0 and outcome.report["done"] is False, outcome.stdout
    [found] = results(outcome, "rules_match")
    assert (
        "on 1 of 2 messages that Area 1 found BULK" in found["message"] and missed in found["hint"]
    )
    assert "SenderIpRanges may not see" in summary(outcome)


def _switched_off(deployment: Deployment) -> None:
    """Somebody takes Area 1's networks out of the connector (and says that the run shall not add
    them): its mail is refused.
    """
    # Lists of connectors that do not restrict count for nothing here, as one reading of the
    # documentation has it.
    deployment.lab.setting("partner_ip_list", "restricts_only")
    few = ["52.11.209.211", "52.89.255.11"]
    deployment.lab.mutate(
        ["tenant", "inbound_connectors", LOCKDOWN, "SenderIPAddresses"], value=few
    )
    deployment.variables["area1_acknowledge"] += ["egress_networks"]
    deployment.variables["area1_egress_networks"] = few
    lost = [through(deployment) for _ in range(4)]
    assert deployment.lab.messages("bounces"), "mail through Area 1 is refused"
    since = deployment.lab.mark()
    off = deployment.run()
    assert off.rc != 0 and not enabled(deployment), off.stdout
    [refusal] = results(off, "refused_through_area1")
    assert "5.7.51" in refusal["message"] and "5.7.51" in summary(off)
    [(cmdlet, parameters)] = [
        write for write in exchange_writes(deployment, since) if write[0].endswith("Connector")
    ]
    assert cmdlet == "Set-InboundConnector" and parameters["Enabled"] is False
    connector = deployment.connector(LOCKDOWN)
    assert (
        connector is not None
        and "[mailflow.area1: switched off" in connector["Comment"]
        and "5.7.51" in connector["Comment"]
    )
    assert not all(arrived(deployment, message_id) for message_id in lost)

    since, at = deployment.lab.mark(), now(deployment)
    held = deployment.run()
    assert held.rc != 0 and not enabled(deployment) and deployment.lab.writes(since) == [], (
        held.stdout
    )
    assert [entry["status"] for entry in results(held, "lockdown_refused")] == ["cannot"]
    assert now(deployment) > at

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Decide on the lock-down connector's next step, and whether the lock-down is proven."""

from __future__ import annotations

import typing as t

from ..._engine.timeline import Event
from ..._engine.timestamps import iso
from ..evidence import test_mail as followed
from ..gates import (
    connectors as connector_gates,
    foreign,
    tenant as gates,
)
from ..handling import phase as handling_phase
from ..lockdown import decision as lockdown, proof as evidence, soak
from ..model import looks, wanted
from ..model.gate import Evaluation, decided, not_looked_at
from ..model.looks import Need
from ..model.world import World

#: What staging, enabling and taking back rely on, of the tenant.
TENANT = (
    "accepted_domains",
    "connection_filter",
    "content_filter",
    "content_filter_rules",
    "inbound_connectors",
    "transport_rules",
)
#: Steps that have to be looked at again before they are taken.
STEPS = ("stage", "unstage", "enable")
TRACE_DETAILS = 20
#: For the proof one recent message is enough.
PROOF_QUERIES, PROOF_DETAILS = 4, 5

NOT_AGAIN = "connectors, MX records or the message trace were not looked at again right before"


def lockdown_step(world: World) -> Evaluation:
    """Decide on the next step; a lock-down in the wrong moment refuses mail, so look again."""
    blocked = [
        *gates.customization(world),
        *gates.egress_networks(world),
        *connector_gates.foreign_connector(world),
        *foreign.transport_rules(world),
        *connector_gates.spf_hard_fail(world),
        *connector_gates.in_place(world),
    ]
    found = lockdown.decide(world, blocked, lambda results: decided(world, results))
    needs = world.written()
    needs += _before_a_step(world, found) if found.ready or found.action in STEPS else []
    results, data = list(found.results), found.to_data()
    if found.action in STEPS and not all(need.met(world.looks) for need in needs):
        data["action"] = "none"
        results.append(not_looked_at(world.settings.lockdown_connector_name, NOT_AGAIN))
    values = {
        **data,
        "name": world.settings.lockdown_connector_name,
        "entries": list(world.settings.egress),
        "connector": _connector(world, data),
        "filtering": wanted.filtering().options(),
    }
    return Evaluation(results, values, needs)


def _connector(world: World, step: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options of o365_connector for a step; none where only the comment changes.

    One that is on only gains networks: what else it asks of senders was somebody's decision.
    """
    if step["action"] not in ("stage", "keep", "enable"):
        return {}
    scope = step["associated_accepted_domains"]
    found = wanted.lockdown_connector(world.settings, scope)
    if step["action"] == "keep" and step["enabled"]:
        found = found.without(wanted.ASKED_OF_SENDERS)
    return found.options()


def _before_a_step(world: World, found: soak.Decision) -> list[Need]:
    if found.ready:
        trace = {
            "trace_since": dict(found.trace_since),
            "trace_details": TRACE_DETAILS,
            "trace_known": list(world.settings.egress),
        }
        needs = [looks.tenant(*TENANT, "message_trace", **trace)]
    else:
        needs = [looks.tenant(*TENANT)]
    names = [name for name in world.accepted() if not name.endswith(".onmicrosoft.com")]
    return [*needs, *looks.mx([{"name": name} for name in names])]


def proof_plan(world: World) -> Evaluation:
    """Look at the traces, and say whom to ask over SMTP whether the lock-down acts."""
    found = _proof(world)
    values, needs = found.values, list[Need]()
    if values["look"]:
        needs.append(
            looks.tenant(
                "message_trace",
                trace_since=values["trace_since"],
                trace_queries=PROOF_QUERIES,
                trace_details=PROOF_DETAILS,
                trace_known=values["entries"],
            )
        )
        domains = [{"name": name} for name in values["mail_domains"]]
        needs += looks.mx(domains, mail_hosts=values["mail_hosts"])
    if values["outbound_since"]:
        needs.append(looks.area1_log(values["outbound_since"], world.covered()))
    if values["message_ids"]:
        needs.append(looks.tenant("message_events", message_ids=values["message_ids"]))
    return Evaluation(found.results, {**values, "targets": _targets(world, values)}, needs)


def _targets(world: World, values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the targets for mail_flow_probe; empty where there is nothing to prove.

    By way of Area 1 it tries with the operator's test mailbox, and only while there is no proof.
    """
    if not values["look"]:
        return {}
    targets = {"direct": values["direct"], "internal_domains": values["internal_domains"]}
    mailbox = world.settings.canary_recipient
    if not mailbox or values["proven"]:
        return targets
    domain = mailbox.rpartition("@")[2]
    canary = {"hosts": values["gateways"], "domains": [domain], "canary_recipient": mailbox}
    return {**targets, **canary}


def proof(world: World) -> Evaluation:
    """Decide whether the lock-down is proven, and whether it has to be taken back."""
    found = _proof(world)
    values, needs = found.values, list[Need]()
    if not values["look"]:
        return found
    # A test mail of this run is the best evidence, also where another would do.
    if values["sent"] and (not values["proven"] or followed.offered(world)):
        needs.append(looks.tenant("followed_messages", follow=values["sent"]))
    events = [Event(kind, values["name"], subject=values["changed"]) for kind in values["events"]]
    return Evaluation(found.results, values, needs, [*events, *followed.to_note(world)])


def _proof(world: World) -> Evaluation:
    """Prove of a lock-down that is on that it acts, and that it lets Area 1 in.

    It is switched off only for mail of Area 1 that it refuses. The same traces tell whether the
    rules of the use case act, lock-down or not.
    """
    name = world.settings.lockdown_connector_name
    connector = world.connector(name)
    if connector is None or not soak.is_on(connector):
        values = {
            "look": False,
            "action": "none",
            "verdict": "",
            "proven": False,
            **handling_phase.mail_to_look_at(world),
        }
        return Evaluation([], values)
    found = evidence.prove(world, connector)
    result = decided(world, [evidence.result(world, connector, found)])[0]
    changed = evidence.enabled_at(connector)
    refused = found.verdict == evidence.REFUSED
    values = {
        "look": True,
        "name": name,
        "entries": list(world.settings.egress),
        "action": "disable" if refused else "none",
        "comment": evidence.switched_off_comment(world, found.why) if refused else "",
        "verdict": found.verdict,
        "proven": found.verdict == evidence.PROVEN,
        "until": found.until,
        "changed": iso(changed) if changed else "",
        "events": evidence.new_events(world, found, changed),
        **evidence.where_to_look(world, connector),
    }
    return Evaluation(
        [result], {**values, **handling_phase.mail_to_look_at(world, values["outbound_since"])}
    )

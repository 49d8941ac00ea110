# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on what Exchange does with mail from Area 1: connectors, filters, rules."""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.address_ranges import outside, overlap
from ..._engine.timestamps import iso
from ..._engine.values import boolean
from ..._facts.connector_names import LOCKDOWN, purpose_of, purpose_of_comment
from ..model import wanted
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.registry import Asked, register
from ..model.wanted import Difference
from ..model.world import World, changed_at
from .foreign import active, guarding_rules, restricts, restricts_by_address

register(
    "foreign_connector",
    Asked(
        "connection",
        looks_at="no other enabled connector claims addresses of Area 1",
        otherwise="cannot: adopt it by name, or take the addresses out of it",
        acknowledge="yes",
    ),
    Asked("switch"),
    Asked("lockdown"),
    needs=("inbound_connectors",),
)


register(
    "adopted_connector",
    Asked(
        "switch",
        looks_at="the connector named in `area1_connector_name` does not restrict senders",
        otherwise="cannot: it is a lock-down",
    ),
    needs=("inbound_connectors",),
)


register(
    "spf_hard_fail",
    Asked(
        "switch",
        looks_at="SPF record hard fail is Off in every anti-spam policy that applies",
        otherwise="not yet: the section connection_filter sets it",
        acknowledge="yes",
    ),
    Asked("lockdown"),
    needs=(
        "applying_policies",
        "content_filter",
    ),
)


register(
    "reject_direct_send",
    Asked(
        "switch",
        looks_at="with RejectDirectSend on, the connector matches all of Area 1's addresses",
        otherwise="not yet: the section enhanced_filtering sets it. Where it holds, a notice",
        acknowledge="yes",
    ),
    needs=(
        "inbound_connectors",
        "organization",
    ),
)

register(
    "settled",
    Asked(
        "switch",
        looks_at=(
            "connector (type Partner, enabled, all senders, all networks, TLS asked for,"
            " restricting nobody, enhanced filtering on for everybody, not in test mode) and"
            " allow list are as wanted, and were changed at least `area1_settle_minutes` ago; so"
            " were connectors and rules of others that are there to keep out what does not come"
            " from their own servers"
        ),
        otherwise="not yet, until that time",
    ),
    Asked(
        "lockdown",
        looks_at=(
            "the first connector is as it is written, in every property: type, senders, networks,"
            " TLS, not restricting, enhanced filtering"
        ),
        otherwise="not yet",
    ),
    needs=(
        "connection_filter",
        "inbound_connectors",
        "transport_rules",
    ),
)

register(
    "made_by_hand",
    Asked(
        "preflight",
        looks_at="connectors and rules under the tutorial's names",
        otherwise="a notice: adopt them by name",
    ),
    needs=("inbound_connectors",),
)


def _ours(world: World) -> set[str]:
    return {
        world.settings.connector_name.lower(),
        world.settings.lockdown_connector_name.lower(),
    }


def foreign_connector(world: World) -> list[GateResult]:
    """Check that no other connector claims addresses of Area 1.

    Exchange attributes by address first, so that connector could be chosen in place of ours.
    """
    results = []
    for item in active(world):
        if str(item.get("Name", "")).lower() in _ours(world):
            continue
        if overlap(item.get("SenderIPAddresses"), world.settings.egress):
            restricts = boolean(item.get("RestrictDomainsToIPAddresses"))
            variable = "area1_lockdown_connector_name" if restricts else "area1_connector_name"
            results.append(
                cannot(
                    "foreign_connector",
                    str(item.get("Name")),
                    "this connector already claims addresses of Area 1",
                    "Adopt it with %s: %s, or remove the addresses from it."
                    % (variable, item.get("Name")),
                )
            )
    first = world.connector(world.settings.connector_name)
    if first and (
        restricts_by_address(first) or boolean(first.get("RestrictDomainsToCertificate"))
    ):
        results.append(
            cannot(
                "adopted_connector",
                str(first.get("Name")),
                "it restricts senders: it is a lock-down, not the connector for enhanced filtering",
                "Name it in area1_lockdown_connector_name, and another one in"
                " area1_connector_name.",
            )
        )
    return results or [holds("foreign_connector")]


def reject_direct_send(world: World) -> list[GateResult]:
    """Check that a connector matches Area 1 by address or certificate while RejectDirectSend is on.

    Otherwise it refuses mail in the name of the tenant's own domains [EXO-2.7].
    """
    if not any(boolean(item.get("RejectDirectSend")) for item in world.organization):
        return [holds("reject_direct_send")]
    name = world.settings.connector_name
    connector = world.connector(name)
    problems = ["it does not exist yet"]
    if connector is not None:
        found = _differences(world, connector)
        problems = [item.message for item in found if item.name in RECOGNISES]
    if problems:
        return [
            not_yet(
                "reject_direct_send",
                name,
                "RejectDirectSend is on, and this connector does not match mail from Area 1: %s"
                % "; ".join(problems),
                hint="The section enhanced_filtering mends it.",
            )
        ]
    message = (
        "RejectDirectSend is on: mail in the name of your own domains comes in by way of Area 1"
        " only because this connector matches its addresses"
    )
    return [noticed("reject_direct_send", name, message)]


def by_hand(world: World) -> list[GateResult]:
    """Report connectors under the tutorial's or today's names that somebody made by hand.

    They can then be adopted.
    """
    results = []
    for item in world.inbound_connectors:
        name = str(item.get("Name", ""))
        purpose = purpose_of(name) or purpose_of_comment(item.get("Comment"))
        if name.lower() in _ours(world) or purpose is None:
            continue
        restricts = restricts_by_address(item) or purpose == LOCKDOWN
        variable = "area1_lockdown_connector_name" if restricts else "area1_connector_name"
        state = "off" if boolean(item.get("Enabled")) is False else "on"
        message = (
            "this connector (%s) looks like one that was made by hand for the same purpose; %s: %s"
            " adopts it" % (state, variable, name)
        )
        results.append(noticed("made_by_hand", name, message))
    return results


def spf_hard_fail(world: World) -> list[GateResult]:
    """Check that SPF hard fail is Off in every policy that applies.

    Behind a gateway every sender's SPF fails at Microsoft 365 until enhanced filtering sees the
    source; hard fail makes that spam.
    """
    applying = {str(name).lower() for name in world.applying_policies}
    names = [
        str(policy.get("Name"))
        for policy in world.content_filter
        if str(policy.get("Name", "")).lower() in applying
        and str(policy.get("MarkAsSpamSpfRecordHardFail") or "Off").lower() == "on"
    ]
    hint = "Run the section connection_filter (tag allow_list) first."
    return [
        not_yet(
            "spf_hard_fail", name, "SPF record hard fail is On in this anti-spam policy", hint=hint
        )
        for name in names
    ] or [holds("spf_hard_fail")]


def in_place(world: World) -> list[GateResult]:
    """Check that connector and allow list are as wanted, since whenever that is."""
    name = world.settings.connector_name
    connector = world.connector(name)
    problems = ["it does not exist yet"]
    if connector is not None:
        problems = [item.message for item in _differences(world, connector)]
    results = []
    if problems:
        hint = "It is made by the section enhanced_filtering."
        results.append(not_yet("settled", name, "; ".join(problems), hint=hint))
    if world.settings.allow_list == "manage":
        missing = outside(
            world.settings.egress, world.default_connection_filter().get("IPAllowList")
        )
        if missing:
            message = "%d egress networks are missing in the allow list" % len(missing)
            results.append(
                not_yet(
                    "settled",
                    "connection filter",
                    message,
                    hint="The section connection_filter adds them.",
                )
            )
    return results or [holds("settled")]


def settled(world: World) -> list[GateResult]:
    """Check that they are in place and were changed long enough ago for Exchange to act on them."""
    missing = [result for result in in_place(world) if not result.open]
    if missing:
        return missing
    wait = datetime.timedelta(minutes=world.settings.settle_minutes)
    objects = [
        (
            "connector %s" % world.settings.connector_name,
            world.connector(world.settings.connector_name) or {},
        )
    ]
    if world.settings.allow_list == "manage":
        objects.append(("connection filter", world.default_connection_filter()))
    results = []
    for label, item in objects:
        changed = changed_at(item)
        if changed is None and world.changed_here() & {"connection_filter", "enhanced_filtering"}:
            message = "changed by this run; the service does not say when, so the next run goes on"
            results.append(
                not_yet(
                    "settled",
                    label,
                    message,
                    hint="Run again in %d minutes." % world.settings.settle_minutes,
                )
            )
        if changed is not None and changed + wait > world.now:
            message = "changed %s; Exchange is given %d minutes to act on it" % (
                iso(changed),
                world.settings.settle_minutes,
            )
            results.append(not_yet("settled", label, message, iso(changed + wait)))
    return [*results, *_obstacles(world, wait)] or [holds("settled")]


def _obstacles(world: World, wait: datetime.timedelta) -> list[GateResult]:
    """Check that others' connectors and rules that keep mail out were not changed a moment ago.

    Somebody has just removed a lock-down, or let Area 1 in: until Exchange acts on that, it goes on
    refusing.
    """
    others = [
        item
        for item in world.inbound_connectors
        if str(item.get("Name", "")).lower() not in _ours(world)
    ]
    found = [("connector", item) for item in others if restricts(world, item)]
    found += [("rule", rule) for rule in guarding_rules(world)]
    results = []
    for kind, item in found:
        changed = changed_at(item)
        if changed is not None and changed + wait > world.now:
            message = (
                "it refuses mail that does not come from its own servers, and was changed %s;"
                " Exchange is given %d minutes to act on that"
                % (
                    iso(changed),
                    world.settings.settle_minutes,
                )
            )
            results.append(
                not_yet("settled", "%s %s" % (kind, item.get("Name")), message, iso(changed + wait))
            )
    return results


#: What decides whether Exchange recognises mail from Area 1; a connector that matches by address
#: has RequireTls and its kind besides.
RECOGNISES = frozenset(
    {"Enabled", "SenderIPAddresses", "SenderDomains", "EFSkipLastIP", "EFTestMode", "EFUsers"}
)


def _differences(world: World, connector: t.Mapping[str, t.Any]) -> list[Difference]:
    """Return what of our connector is not as it is written [EXO-2.3]."""
    return [
        *wanted.own_connector(world.settings).differences(connector),
        *wanted.filtering().differences(connector),
    ]

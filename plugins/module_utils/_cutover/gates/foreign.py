# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on connectors and rules of others that would refuse or divert mail that Area 1 brings."""

from __future__ import annotations

import typing as t

from ..._engine.address_ranges import outside, overlap
from ..._engine.values import as_list, boolean, host_name, sender_domain
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World

REFUSING = (
    "RejectMessageReasonText",
    "RejectMessageEnhancedStatusCode",
    "DeleteMessage",
    "Quarantine",
    "RedirectMessageTo",
)

register(
    "restricting_connector",
    Asked(
        "switch",
        looks_at=(
            "no connector refuses mail that does not come from its own list, by address or "
            "certificate: a former gateway's lock-down all mail, a partner's the mail of that "
            "partner"
        ),
        otherwise="cannot: disable it or add the networks, with the command; not yet for our own",
        acknowledge="yes",
    ),
    Asked(
        "rollback",
        looks_at=(
            "no connector of others that came or changed since the baseline refuses direct mail"
        ),
        otherwise="cannot: names the command",
        acknowledge="yes",
    ),
    needs=("inbound_connectors",),
)


register(
    "transport_rule",
    Asked(
        "switch",
        looks_at=(
            "no enabled rule refuses or diverts outside mail except from a list of addresses that"
            " leaves out Area 1"
        ),
        otherwise="cannot: add the networks or disable it",
        acknowledge="yes",
    ),
    Asked("lockdown"),
    needs=("transport_rules",),
)


register(
    "scl_bypass",
    Asked(
        "switch",
        looks_at=(
            "no enabled rule sets SCL -1 for mail that Area 1 brings: by its addresses, or for "
            "all mail from outside. A rule for some mail of any address is a notice"
        ),
        otherwise="cannot: disable it, with the command",
        acknowledge="yes",
    ),
    needs=("transport_rules",),
)


def active(world: World) -> list[dict[str, t.Any]]:
    return [item for item in world.inbound_connectors if boolean(item.get("Enabled")) is not False]


def restricts_by_address(connector: t.Mapping[str, t.Any]) -> bool:
    return boolean(connector.get("RestrictDomainsToIPAddresses")) is True


def restricting_connector(world: World) -> list[GateResult]:
    """Check that no other connector refuses mail that comes by way of Area 1.

    A former gateway's lock-down refuses all mail, a partner's connector the mail of that partner.
    Our own connector counts, too, while networks are missing in it.
    """
    results = []
    for item in [item for item in active(world) if restricts(world, item)]:
        missing = outside(world.settings.egress, item.get("SenderIPAddresses"))
        if missing or _restricts_by_certificate(item):
            results.append(_refuses(world, item, missing))
    return results or [holds("restricting_connector")]


def restricts(world: World, item: t.Mapping[str, t.Any]) -> bool:
    """Return whether a connector, enabled or not, is there to refuse mail for a covered domain."""
    inside = {host_name(name) for name in as_list(item.get("AssociatedAcceptedDomains"))}
    return (restricts_by_address(item) or _restricts_by_certificate(item)) and (
        not inside or bool(inside & set(world.covered()))
    )


def _restricts_by_certificate(connector: t.Mapping[str, t.Any]) -> bool:
    return boolean(connector.get("RestrictDomainsToCertificate")) is True


def _refuses(world: World, item: t.Mapping[str, t.Any], missing: list[str]) -> GateResult:
    name = str(item.get("Name"))
    if name.lower() == world.settings.lockdown_connector_name.lower() and not item.get(
        "TlsSenderCertificateName"
    ):
        message = "the lock-down is on and leaves out %d egress networks" % len(missing)
        return not_yet(
            "restricting_connector", name, message, hint="The section lockdown adds them."
        )
    domains = sorted({sender_domain(value) for value in as_list(item.get("SenderDomains"))})
    whose = "every sender domain" if "*" in domains else ", ".join(domains)
    command = 'Set-InboundConnector -Identity "%s" -Enabled $false' % name
    return cannot(
        "restricting_connector",
        name,
        "this connector refuses mail of %s that does not come from its own servers, so also when"
        " Area 1 brings it" % whose,
        "Disable it before the switch (%s), add the egress networks to it, or put"
        " restricting_connector:%s into area1_acknowledge." % (command, name),
    )


def transport_rules(world: World) -> list[GateResult]:
    """Check that no rule refuses outside mail except from given addresses.

    This is the other common way to lock a tenant down to a former gateway.
    """
    results = []
    for rule in guarding_rules(world):
        if _acts(rule) and outside(world.settings.egress, rule.get("ExceptIfSenderIpRanges")):
            name = str(rule.get("Name"))
            results.append(
                cannot(
                    "transport_rule",
                    name,
                    "this rule refuses or diverts mail except from its own list of addresses, which"
                    " leaves out Area 1",
                    "Add the egress networks to its exception, disable it, or put transport_rule:%s"
                    " into area1_acknowledge." % name,
                )
            )
    return results or [holds("transport_rule")]


def guarding_rules(world: World) -> list[dict[str, t.Any]]:
    """Return the rules, enabled or not, that keep out mail not coming from their own addresses."""
    return [
        rule
        for rule in world.transport_rules
        if str(rule.get("FromScope") or "").lower() != "inorganization"
        and as_list(rule.get("ExceptIfSenderIpRanges"))
        and any(rule.get(action) not in (None, "", False, []) for action in REFUSING)
    ]


def _acts(rule: t.Mapping[str, t.Any]) -> bool:
    return (
        str(rule.get("State", "Enabled")).lower() == "enabled"
        and str(rule.get("Mode", "Enforce")).lower() == "enforce"
    )


def scl_bypass(world: World) -> list[GateResult]:
    """Check that no rule takes the gateway's mail past the filters.

    It would make enhanced filtering useless [CUT-2.3]; Microsoft says to disable it.
    """
    results = []
    for rule in [rule for rule in world.transport_rules if skips_filters(world, rule)]:
        name = str(rule.get("Name"))
        if not as_list(rule.get("SenderIpRanges")) and not _whole_inbound(rule):
            message = (
                "this rule sets SCL -1 for some mail, whatever address it comes from: that is not"
                " filtered behind Area 1 either"
            )
            results.append(noticed("scl_bypass", name, message))
            continue
        results.append(
            cannot(
                "scl_bypass",
                name,
                "this rule sets SCL -1 for mail that Area 1 brings: nothing that comes by way of it"
                " would be filtered",
                'Disable it (Disable-TransportRule -Identity "%s"), or put scl_bypass:%s into'
                " area1_acknowledge." % (name, name),
            )
        )
    return results or [holds("scl_bypass")]


def skips_filters(world: World, rule: t.Mapping[str, t.Any]) -> bool:
    """Return whether a rule lets mail from outside that may be Area 1's skip the filters."""
    if (
        not _acts(rule)
        or str(rule.get("SetSCL") or "").strip() != "-1"
        or str(rule.get("FromScope") or "").lower() == "inorganization"
    ):
        return False
    egress, ranges = world.settings.egress, as_list(rule.get("SenderIpRanges"))
    excepted = as_list(rule.get("ExceptIfSenderIpRanges"))
    return (not ranges or overlap(ranges, egress)) and not (
        excepted and not outside(egress, excepted)
    )


def _whole_inbound(rule: t.Mapping[str, t.Any]) -> bool:
    """Return whether a rule has no condition except inside or outside (FromScope, SentToScope).

    The service lists the classes of a rule's conditions.
    """
    return all("Scope" in str(name) for name in as_list(rule.get("Conditions")))

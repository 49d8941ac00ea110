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
from ..._engine.values import as_list, boolean, host_name, sender_domain
from ..._facts.connector_names import LOCKDOWN, purpose_of, purpose_of_comment
from ..._facts.smtp_replies import NEEDS_TLS
from ..evidence import caught_mail as own_connector
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.world import World, changed_at


def _ours(world: World) -> set[str]:
    return {
        world.settings.connector_name.lower(),
        world.settings.lockdown_connector_name.lower(),
    }


def _active(world: World) -> list[dict[str, t.Any]]:
    return [item for item in world.inbound_connectors if boolean(item.get("Enabled")) is not False]


def foreign_connector(world: World) -> list[GateResult]:
    """Check that no other connector claims addresses of Area 1.

    Exchange attributes by address first, so that connector could be chosen in place of ours.
    """
    results = []
    for item in _active(world):
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


def restricts_by_address(connector: t.Mapping[str, t.Any]) -> bool:
    return boolean(connector.get("RestrictDomainsToIPAddresses")) is True


def restricting_connector(world: World) -> list[GateResult]:
    """Check that no other connector refuses mail that comes by way of Area 1.

    A former gateway's lock-down refuses all mail, a partner's connector the mail of that partner.
    Our own connector counts, too, while networks are missing in it.
    """
    results = []
    for item in [item for item in _active(world) if _restricts(world, item)]:
        missing = outside(world.settings.egress, item.get("SenderIPAddresses"))
        if missing or _restricts_by_certificate(item):
            results.append(_refuses(world, item, missing))
    return results or [holds("restricting_connector")]


def _restricts(world: World, item: t.Mapping[str, t.Any]) -> bool:
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


REFUSING = (
    "RejectMessageReasonText",
    "RejectMessageEnhancedStatusCode",
    "DeleteMessage",
    "Quarantine",
    "RedirectMessageTo",
)


def transport_rules(world: World) -> list[GateResult]:
    """Check that no rule refuses outside mail except from given addresses.

    This is the other common way to lock a tenant down to a former gateway.
    """
    results = []
    for rule in _guarding_rules(world):
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


def _guarding_rules(world: World) -> list[dict[str, t.Any]]:
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


def reject_direct_send(world: World) -> list[GateResult]:
    """Check that a connector matches Area 1 by address or certificate while RejectDirectSend is on.

    Otherwise it refuses mail in the name of the tenant's own domains [EXO-2.7].
    """
    if not any(boolean(item.get("RejectDirectSend")) for item in world.organization):
        return [holds("reject_direct_send")]
    name = world.settings.connector_name
    connector = world.connector(name)
    problems = (
        ["it does not exist yet"] if connector is None else connector_problems(world, connector)
    )
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


CAUGHT = "[mailflow.area1: switched off"


def catches_others(world: World) -> list[GateResult]:
    """Check that our connector takes no mail except Area 1's.

    If it did, senders without TLS would be refused. Evidence is a recipient that a direct sender
    gets with TLS and not without, or the trace of direct mail; whether it can happen is disputed
    [EXO-2.3].
    """
    name = world.settings.connector_name
    connector = world.connector(name) or {}
    if boolean(connector.get("Enabled")) is False:
        return []
    caught = _caught(world) if boolean(connector.get("RequireTls")) is not False else {}
    refused = (
        "direct mail without TLS for %s is refused (%s)" % (", ".join(caught), caught[min(caught)])
        if caught
        else ""
    )
    taken = own_connector.attributed(world)
    others = [
        str(item.get("Name"))
        for item in _active(world)
        if item is not connector and _demands_tls(item)
    ]
    if refused and others and not taken:
        return [
            noticed("own_connector", name, "%s; %s may be why, too" % (refused, ", ".join(others)))
        ]
    traced = (
        "the message trace shows that it took mail from %s" % ", ".join(taken[:5]) if taken else ""
    )
    seen = "; ".join(part for part in (refused, traced) if part)
    hint = (
        "It is switched off by this run. See what Exchange attributes to it"
        " (Get-MessageTraceDetailV2) before it is tried again."
    )
    return (
        [
            cannot(
                "own_connector",
                name,
                "%s: the connector catches mail that does not come from Area 1" % seen,
                hint,
            )
        ]
        if seen
        else []
    )


def caught_before(world: World) -> list[GateResult]:
    """Check that no earlier run had to switch our connector off, so that this is not repeated."""
    name = world.settings.connector_name
    connector = world.connector(name)
    if (
        connector is None
        or boolean(connector.get("Enabled")) is not False
        or CAUGHT not in str(connector.get("Comment") or "")
    ):
        return [holds("own_connector", name)]
    return [
        cannot(
            "own_connector",
            name,
            "an earlier run switched it off because it caught mail that does not come from Area 1",
            "When that is mended, take the note out of its comment, or put own_connector into"
            " area1_acknowledge to try again.",
        )
    ]


def caught_comment(world: World) -> str:
    """Return the connector's new comment: its old one, and why it is off."""
    present = (
        str((world.connector(world.settings.connector_name) or {}).get("Comment") or "")
        .split("[mailflow.area1:", 1)[0]
        .strip()
    )
    return (
        "%s %s %s: it caught mail that does not come from Area 1]"
        % (present, CAUGHT, iso(world.now))
    ).strip()


def _caught(world: World) -> dict[str, str]:
    """Return domains whose direct mail is taken with TLS only, with the answer without TLS."""
    seen = world.smtp.get("plain") or {}
    return {
        name: "%s %s" % (item["without_tls"].get("code"), item["without_tls"].get("text"))
        for name, item in sorted(seen.items())
        if item.get("verdict") == NEEDS_TLS and not world.is_switched(name)
    }


def _demands_tls(item: t.Mapping[str, t.Any]) -> bool:
    domains = {sender_domain(value) for value in as_list(item.get("SenderDomains"))}
    return (
        boolean(item.get("RequireTls")) is not False
        and "*" in domains
        and str(item.get("ConnectorType", "")).lower() == "partner"
    )


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
    problems = (
        ["it does not exist yet"] if connector is None else connector_problems(world, connector)
    )
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
    found = [("connector", item) for item in others if _restricts(world, item)]
    found += [("rule", rule) for rule in _guarding_rules(world)]
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


def connector_problems(world: World, connector: t.Mapping[str, t.Any]) -> list[str]:
    """Return why this connector would not recognise mail from Area 1; [] if it would [EXO-2.3]."""
    problems = []
    if boolean(connector.get("Enabled")) is not True:
        problems.append("the connector is off")
    missing = outside(world.settings.egress, connector.get("SenderIPAddresses"))
    if missing:
        problems.append("%d egress networks are missing in it" % len(missing))
    if "*" not in {sender_domain(value) for value in as_list(connector.get("SenderDomains"))}:
        problems.append("it is not for all sender domains")
    if boolean(connector.get("EFSkipLastIP")) is not True:
        problems.append("enhanced filtering does not skip the last address")
    if boolean(connector.get("EFTestMode")) is True:
        problems.append("enhanced filtering is in test mode (EFTestMode)")
    if as_list(connector.get("EFUsers")):
        problems.append(
            "enhanced filtering is limited to %d users" % len(as_list(connector.get("EFUsers")))
        )
    return problems

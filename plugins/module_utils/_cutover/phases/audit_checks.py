# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The audit's own checks: what checklists and failures in the field ask of a tenant.

What deploy_area1 would change is found by its own gates and planners; these are findings that no
task repairs.
"""

from __future__ import annotations

import typing as t

from ..._engine.values import as_list, boolean, sender_domain
from ..gates.foreign import skips_filters
from ..lockdown.soak import is_on
from ..model import wanted
from ..model.baseline_view import mx_of
from ..model.gate import GateResult, holds, not_checked, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World

register(
    "orca_233",
    Asked(
        "audit",
        looks_at="ORCA check 233 (enhanced filtering while the MX is not Microsoft's)",
        otherwise="a finding",
        acknowledge="yes",
    ),
    needs=("inbound_connectors",),
)

register(
    "blocked_connectors",
    Asked(
        "audit",
        looks_at="no connector of the tenant is blocked by Microsoft",
        otherwise="a finding",
        acknowledge="yes",
    ),
    needs=(
        "blocked_connectors",
        "inbound_connectors",
    ),
)

register(
    "connector_scope",
    Asked(
        "audit",
        looks_at="the lock-down connector refuses what it is to refuse, of all senders, with TLS",
        otherwise="a finding",
        acknowledge="yes",
    ),
    needs=("inbound_connectors",),
)

register(
    "spf_hard_fail_policies",
    Asked(
        "audit",
        looks_at="SPF hard fail is Off in every policy that applies",
        otherwise="a finding",
    ),
    needs=("content_filter",),
)

register(
    "direct_send",
    Asked(
        "audit",
        looks_at="RejectDirectSend of the tenant",
        otherwise="a finding, or a notice",
    ),
    needs=("organization",),
)

register(
    "allow_list",
    Asked(
        "audit",
        looks_at="the IP allow list",
        otherwise="a notice: benchmarks flag one that is not empty",
    ),
    needs=("connection_filter",),
)

register(
    "ttl_restored",
    Asked(
        "audit",
        looks_at="the TTL of the MX records after the lock-down",
        otherwise="a notice",
    ),
    needs=(
        "baseline",
        "dns",
        "inbound_connectors",
        "timeline",
    ),
)

Record = t.Mapping[str, t.Any]


def checks(world: World) -> list[GateResult]:
    """Return the results of all checks.

    ``not_yet`` is a check that failed: it stops nothing, a person decides. A notice passes and is
    reported.
    """
    found: list[GateResult] = []
    for check in (
        enhanced_filtering,
        blocked_connectors,
        connector_scope,
        spf_hard_fail,
        bypass_rules,
        allow_list,
        direct_send,
        ttl_restored,
        tls_reporting,
    ):
        found += check(world)
    return found


def _enabled(world: World) -> list[Record]:
    return [item for item in world.inbound_connectors if boolean(item.get("Enabled")) is not False]


def enhanced_filtering(world: World) -> list[GateResult]:
    """Check that each connector for all senders shows the source to Microsoft (ORCA-233).

    Source: [EXO-2.3].
    """
    results = []
    for item in _enabled(world):
        if "*" not in {sender_domain(value) for value in as_list(item.get("SenderDomains"))}:
            continue
        # Addresses that are skipped by name show the source just as well.
        by_name = {"EFSkipLastIP"} if as_list(item.get("EFSkipIPs")) else set()
        found = wanted.filtering().without(by_name).differences(item)
        problems = [difference.message for difference in found]
        if problems:
            hint = (
                "ORCA-233. deploy_area1 sets ours; for another one run"
                " Set-InboundConnector, or acknowledge it."
            )
            results.append(
                not_yet("orca_233", str(item.get("Name")), "; ".join(problems), hint=hint)
            )
    return results or [
        holds("orca_233", "", "every connector for all senders has enhanced filtering")
    ]


def blocked_connectors(world: World) -> list[GateResult]:
    """Check that Microsoft has not blocked a connector as compromised; nothing comes through it."""
    if "blocked_connectors" not in world.sections:
        return [
            not_checked(
                "blocked_connectors", "connectors that Microsoft blocked (Get-BlockedConnector)"
            )
        ]
    names = {
        str(item.get("Guid") or ""): str(item.get("Name")) for item in world.inbound_connectors
    }
    results = []
    for item in world.blocked_connectors:
        identifier = str(item.get("ConnectorId") or "")
        name = str(item.get("ConnectorName") or names.get(identifier) or identifier)
        message = "Microsoft has blocked this connector as compromised"
        results.append(
            not_yet(
                "blocked_connectors",
                name,
                message,
                hint="See Restricted entities in the Defender portal.",
            )
        )
    return results or [holds("blocked_connectors", "", "no connector is blocked")]


def connector_scope(world: World) -> list[GateResult]:
    """Check that the lock-down is for everybody it should be, with TLS."""
    connector = world.connector(world.settings.lockdown_connector_name)
    if connector is None or boolean(connector.get("Enabled")) is not True:
        return []
    # Networks of Area 1 that are missing are what deploy_area1 would change.
    found = wanted.lockdown_connector(world.settings).without({"SenderIPAddresses"})
    name = str(connector.get("Name"))
    problems = [difference.message for difference in found.differences(connector)]
    if problems:
        return [
            not_yet(
                "connector_scope",
                name,
                "; ".join(problems),
                hint="Correct it with Set-InboundConnector, or acknowledge it.",
            )
        ]
    return [holds("connector_scope", name)]


def spf_hard_fail(world: World) -> list[GateResult]:
    """Report SPF hard fail in presets, where it cannot be changed."""
    results = []
    for policy in world.content_filter:
        preset = str(policy.get("RecommendedPolicyType") or "").lower() in ("standard", "strict")
        if preset and str(policy.get("MarkAsSpamSpfRecordHardFail") or "").lower() == "on":
            message = (
                "SPF record hard fail is On: mail through Area 1 is marked as spam wherever"
                " enhanced filtering does not see its source"
            )
            results.append(noticed("spf_hard_fail_policies", str(policy.get("Name")), message))
    return results or [holds("spf_hard_fail_policies")]


def bypass_rules(world: World) -> list[GateResult]:
    """Check that no rule skips the filter, which makes enhanced filtering useless [CUT-2.3]."""
    results = []
    for rule in world.transport_rules:
        if skips_filters(world, rule):
            message = "this rule skips spam filtering (SCL -1) for mail that comes through Area 1"
            results.append(
                not_yet(
                    "scl_bypass",
                    str(rule.get("Name")),
                    message,
                    hint="Disable it while enhanced filtering is on, or acknowledge it.",
                )
            )
    return results or [holds("scl_bypass", "", "no rule skips spam filtering")]


def allow_list(world: World) -> list[GateResult]:
    entries = as_list(world.default_connection_filter().get("IPAllowList"))
    if not entries:
        return [holds("allow_list", "", "the IP allow list is empty")]
    why = (
        "the tutorial asks for it"
        if world.settings.allow_list == "manage"
        else "it is not managed (area1_allow_list: skip)"
    )
    message = (
        "%d entries: CIS 2.1.12, CISA MS.EXO.12.1 and ORCA-114 flag a list that is not empty; %s"
        % (len(entries), why)
    )
    return [noticed("allow_list", "IP allow list", message)]


def direct_send(world: World) -> list[GateResult]:
    found = [boolean(item.get("RejectDirectSend")) for item in as_list(world.organization)]
    if True in found:
        return [holds("direct_send", "", "Direct Send is refused")]
    message = (
        "mail from outside in the name of an own domain is not refused (RejectDirectSend is off;"
        " Maester MT.1062)"
    )
    return [noticed("direct_send", "organization", message)]


def ttl_restored(world: World) -> list[GateResult]:
    """Report a TTL that is still low after the cut-over."""
    connector = world.connector(world.settings.lockdown_connector_name)
    if connector is None or not is_on(connector):
        return []
    results = []
    for name in world.covered():
        held, before = mx_of(world, name), world.old_ttl(name)
        low = int(world.settings.mx_ttl)
        if (
            held is None
            or held["auto_ttl"]
            or not before
            or before <= low
            or not world.is_switched(name)
        ):
            continue
        if int(held["ttl"] or 0) <= low:
            message = "the TTL of its MX records is still %d s, before it was %d s" % (
                int(held["ttl"] or 0),
                before,
            )
            results.append(
                noticed("ttl_restored", name, "%s; area1_mx_final_ttl raises it" % message)
            )
    return results


def tls_reporting(world: World) -> list[GateResult]:
    results, unread = [], []
    for name in world.covered():
        found = world.dns_texts.get(name) or {}
        texts = (found.get("texts") or {}).get("_smtp._tls.%s" % name)
        if texts is None:
            unread.append(name)
        elif not any(str(text).strip().lower().startswith("v=tlsrptv1") for text in as_list(texts)):
            message = (
                "nobody is asked for reports on TLS failures (no TXT record at _smtp._tls.%s)"
                % name
            )
            results.append(noticed("tls_reporting", name, message))
    if unread:
        results.append(
            not_checked("tls_reporting", "TLS reporting (_smtp._tls) of %s" % ", ".join(unread))
        )
    return results

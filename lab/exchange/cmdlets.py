# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cmdlets that the lab has, each by the function that does it.

One that the table knows and this list lacks says so loudly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lab.exchange import organization, rules, trace, verbs
from lab.exchange.call import Call
from lab.exchange.nouns import (
    ACCEPTED_DOMAIN,
    ATP_RULE,
    CONNECTION_FILTER,
    CONTENT_FILTER,
    CONTENT_FILTER_RULE,
    EOP_RULE,
    INBOUND_CONNECTOR,
    OUTBOUND_CONNECTOR,
    QUARANTINE_POLICY,
    TRANSPORT_RULE,
    Noun,
)

Cmdlet = Callable[[Call], list[dict[str, Any]]]


def _get_outbound_connector(call: Call) -> list[dict[str, Any]]:
    """Return connectors: each flag shows *only* its kind, no flag neither kind [EXO-2.8]."""
    test, scoped = (
        call.parameters.get("IncludeTestModeConnectors", False),
        call.parameters.get("IsTransportRuleScoped", False),
    )
    found = verbs.get(call, OUTBOUND_CONNECTOR)
    return [
        item
        for item in found
        if bool(item["TestMode"]) == test and bool(item["IsTransportRuleScoped"]) == scoped
    ]


def _get_quarantine_policy(call: Call) -> list[dict[str, Any]]:
    """Return quarantine policies; without a type only user policies [EXO-2.6]."""
    wanted = call.parameters.get("QuarantinePolicyType", "QuarantinePolicy")
    found = [
        item
        for item in verbs.get(call, QUARANTINE_POLICY)
        if item["QuarantinePolicyType"] == wanted
    ]
    return [{**item, **_quarantine_reading(call, item)} for item in found]


def _quarantine_reading(call: Call, item: dict[str, Any]) -> dict[str, Any]:
    """Return a policy as it reads back, where the sources leave that open [EXO-2.6]."""
    shown: dict[str, Any] = {}
    if call.settings.get("quarantine_identity") == "tenant_name":
        shown["Identity"] = f"{call.organization}\\{item['Name']}"
    if not call.settings.get("quarantine_display_name", True):
        shown["AdminDisplayName"] = ""
    return shown


def _get_transport_rule(call: Call) -> list[dict[str, Any]]:
    """Return rules without dates, as the known live answers are [EXO-2.5]."""
    found = verbs.get(call, TRANSPORT_RULE)
    if call.settings.get("rule_dates", True):
        return found
    return [
        {key: value for key, value in rule.items() if not key.startswith("When")} for rule in found
    ]


def _get_blocked_connector(call: Call) -> list[dict[str, Any]]:
    return [
        item
        for item in call.tenant.get("blocked_connectors", [])
        if call.parameters.get("ConnectorId") in (None, item["ConnectorId"])
    ]


def _by(function: Callable[[Call, Noun], list[dict[str, Any]]], noun: Noun) -> Cmdlet:
    return lambda call: function(call, noun)


def _table() -> dict[str, Cmdlet]:
    cmdlets: dict[str, Cmdlet] = {
        "Get-OrganizationConfig": organization.get_organization_config,
        "Set-OrganizationConfig": organization.set_organization_config,
        "Enable-OrganizationCustomization": organization.enable_organization_customization,
        "Set-HostedConnectionFilterPolicy": _by(verbs.set_, CONNECTION_FILTER),
        "Get-OutboundConnector": _get_outbound_connector,
        "Get-QuarantinePolicy": _get_quarantine_policy,
        "Get-TransportRule": _get_transport_rule,
        "Get-BlockedConnector": _get_blocked_connector,
        "Get-MessageTraceV2": trace.get_message_trace,
        "Get-MessageTraceDetailV2": trace.get_message_trace_detail,
    }
    for noun in (
        ACCEPTED_DOMAIN,
        CONNECTION_FILTER,
        CONTENT_FILTER,
        CONTENT_FILTER_RULE,
        EOP_RULE,
        ATP_RULE,
        INBOUND_CONNECTOR,
    ):
        cmdlets[f"Get-{noun.name}"] = _by(verbs.get, noun)
    for noun in (CONTENT_FILTER, INBOUND_CONNECTOR, OUTBOUND_CONNECTOR, QUARANTINE_POLICY):
        cmdlets[f"New-{noun.name}"] = _by(verbs.new, noun)
        cmdlets[f"Set-{noun.name}"] = _by(verbs.set_, noun)
        cmdlets[f"Remove-{noun.name}"] = _by(verbs.remove, noun)
    del cmdlets["Remove-OutboundConnector"]  # the table does not have it
    for noun in (CONTENT_FILTER_RULE, TRANSPORT_RULE):
        cmdlets[f"New-{noun.name}"] = _by(rules.new, noun)
        cmdlets[f"Set-{noun.name}"] = _by(rules.set_, noun)
        cmdlets[f"Remove-{noun.name}"] = _by(rules.remove, noun)
        cmdlets[f"Enable-{noun.name}"] = partial(rules.switch, noun=noun, state="Enabled")
        cmdlets[f"Disable-{noun.name}"] = partial(rules.switch, noun=noun, state="Disabled")
    return cmdlets


CMDLETS = _table()

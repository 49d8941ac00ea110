# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The cmdlets of Exchange Online that this collection calls, and what is sent with them."""

from __future__ import annotations

import dataclasses
import typing as t

#: All of them. A constrained PowerShell host allows these and no others (docs/examples/jea).
CMDLETS = (
    "Disable-TransportRule",
    "Enable-OrganizationCustomization",
    "Enable-TransportRule",
    "Get-AcceptedDomain",
    "Get-BlockedConnector",
    "Get-EOPProtectionPolicyRule",
    "Get-HostedConnectionFilterPolicy",
    "Get-HostedContentFilterPolicy",
    "Get-HostedContentFilterRule",
    "Get-InboundConnector",
    "Get-MessageTraceDetailV2",
    "Get-MessageTraceV2",
    "Get-OrganizationConfig",
    "Get-OutboundConnector",
    "Get-QuarantinePolicy",
    "Get-TransportRule",
    "New-InboundConnector",
    "New-QuarantinePolicy",
    "New-TransportRule",
    "Remove-InboundConnector",
    "Remove-QuarantinePolicy",
    "Remove-TransportRule",
    "Set-HostedConnectionFilterPolicy",
    "Set-HostedContentFilterPolicy",
    "Set-InboundConnector",
    "Set-OrganizationConfig",
    "Set-QuarantinePolicy",
    "Set-TransportRule",
)

_CONFIRMING_VERBS = ("Set-", "Remove-", "Enable-", "Disable-")
_WITHOUT_CONFIRM = frozenset({"Remove-QuarantinePolicy", "Set-ExternalInOutlook"})
_UNLIMITED = frozenset(
    {"Get-AcceptedDomain", "Get-InboundConnector", "Get-OutboundConnector", "Get-TransportRule"}
)
# Their warnings say that there are more rows, which the caller then asks for.
_READ_TO_THE_END = frozenset({"Get-MessageTraceV2"})
_NOTHING_CHANGED = "completed successfully but no settings of"


@dataclasses.dataclass(frozen=True)
class Delta:
    """A change of a multi-valued parameter that leaves alone what others put there."""

    add: t.Sequence[t.Any] = ()
    remove: t.Sequence[t.Any] = ()

    def changes(self) -> dict[str, list[t.Any]]:
        """Return what is to be added and removed; a part without entries is left out."""
        parts = {"add": list(self.add), "remove": list(self.remove)}
        return {name: items for name, items in parts.items() if items}


def is_read(cmdlet: str) -> bool:
    """Return whether the cmdlet changes nothing, so that it may be repeated."""
    return cmdlet.partition("-")[0].lower() in ("get", "test", "validate")


def complete(cmdlet: str, parameters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the parameters as they are sent over any transport.

    C(Confirm) is false wherever the cmdlet would ask, C(ResultSize) is unlimited. A Delta of
    nothing is left out, because an empty hash table may clear the list.
    """
    sent = {
        name: value
        for name, value in parameters.items()
        if not (isinstance(value, Delta) and not value.changes())
    }
    if cmdlet.startswith(_CONFIRMING_VERBS) and cmdlet not in _WITHOUT_CONFIRM:
        sent.setdefault("Confirm", False)
    if cmdlet in _UNLIMITED:
        sent.setdefault("ResultSize", "Unlimited")
    return sent


def worth_telling(cmdlet: str, warnings: t.Iterable[str]) -> list[str]:
    """Return the warnings of a cmdlet that an operator should see."""
    if cmdlet in _READ_TO_THE_END:
        return []
    return [warning for warning in warnings if _NOTHING_CHANGED not in warning]

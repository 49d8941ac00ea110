# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The organisation: configuration and Enable-OrganizationCustomization [EXO-1.7] [EXO-2.7]."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lab.exchange.call import Call
from lab.exchange.errors import CmdletError, dehydrated
from lab.exchange.nouns import FOREST, changed, guid, stamp
from lab.exchange.verbs import confirmed
from lab.server import Hub

# seen in the field for this one of the cmdlets that the lab has ([EXO-2.7],
# office-docs-powershell #7519)
_REFUSED_WHEN_DEHYDRATED = ("Set-HostedConnectionFilterPolicy",)


def configuration(organization: str, name: str, moment: Any, dehydrated: bool) -> dict[str, Any]:
    identifier = guid(organization, "OrganizationConfig")
    item: dict[str, Any] = {
        "Name": organization,
        "Identity": organization,
        "Id": organization,
        "DisplayName": name,
        "IsDehydrated": dehydrated,
        "RejectDirectSend": False,
        "IsUpdatingServicePlan": False,
        "IsUpgradingOrganization": False,
        "IsMixedMode": False,
        "AuditDisabled": False,
        "CustomerLockboxEnabled": False,
        "SendFromAliasEnabled": False,
        "OAuth2ClientProfileEnabled": True,
        "MailTipsAllTipsEnabled": True,
        "AutoExpandingArchiveEnabled": False,
        "DefaultPublicFolderMailbox": None,
        "RemotePublicFolderMailboxes": [],
        "Guid": identifier,
        "ExchangeObjectId": identifier,
        "OrganizationalUnitRoot": organization,
        "IsValid": True,
        "DistinguishedName": (
            f"CN=Configuration,CN={organization},CN=ConfigurationUnits,DC="
            + ",DC=".join(FOREST.split("."))
        ),
        "WhenCreatedUTC": stamp(moment),
        "WhenCreated": stamp(moment).replace("Z", "+00:00"),
        "ObjectState": "Unchanged",
    }
    changed(item, moment)
    return item


def advance(hub: Hub) -> None:
    """Let the hydration that was started come to its end, if the lab's clock says so."""
    tenant = hub.world["tenant"]
    due = tenant["hydration"].get("due")
    if due is not None and tenant["organization"]["IsDehydrated"] and hub.clock.time() >= due:
        tenant["organization"]["IsDehydrated"] = False


def refuse_dehydrated(call: Call, number: int) -> None:
    """Refuse commands for hours after IsDehydrated reads False, as a world may say [EXO-4.9]."""
    if call.cmdlet not in call.settings.get("dehydrated_cmdlets", _REFUSED_WHEN_DEHYDRATED):
        return
    due = call.tenant["hydration"].get("due")
    lag = float(call.settings.get("hydration_lag_minutes", 0)) * 60
    if call.tenant["organization"]["IsDehydrated"] or (
        due is not None and call.hub.clock.time() < due + lag
    ):
        raise dehydrated(number)


def get_organization_config(call: Call) -> list[dict[str, Any]]:
    return [call.read_one("organization")]


def set_organization_config(call: Call) -> list[dict[str, Any]]:
    item = call.tenant["organization"]
    wanted = {
        name: value for name, value in call.parameters.items() if name not in ("Confirm", "WhatIf")
    }
    if not confirmed(call, False, "Change the organization?"):
        return []
    if all(item.get(name) == value for name, value in wanted.items()):
        call.warnings.append(
            f"The command completed successfully but no settings of '{item['Identity']}' have been"
            " modified."
        )
        return []
    call.keep("organization")
    item.update(wanted)
    changed(item, call.now)
    return []


def enable_organization_customization(call: Call) -> list[dict[str, Any]]:
    if call.parameters.get("WhatIf"):
        return []
    hydration = call.tenant["hydration"]
    if not call.tenant["organization"]["IsDehydrated"]:
        raise CmdletError(
            "System.InvalidOperationException",
            "This operation is not required. Organization is already enabled for customization.",
        )
    if hydration.get("due") is not None:
        # terraform-provider-exo takes "in progress" as success ([EXO-1.7])
        raise CmdletError(
            "System.InvalidOperationException",
            "This operation is already in progress for the organization.",
        )
    call.keep("organization")
    minutes = float(call.settings.get("hydration_minutes", 60))
    hydration["started"] = call.hub.clock.time()
    hydration["due"] = (call.now + timedelta(minutes=minutes)).timestamp()
    advance(call.hub)
    if call.settings.get("enable_throws"):
        # the first run may throw and yet succeed ([EXO-2.7])
        raise CmdletError(
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            "The role assignment policy 'Default Role Assignment Policy' wasn't found.",
        )
    return []

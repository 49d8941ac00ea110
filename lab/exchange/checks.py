# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one kind of object refuses, and how its lists are kept ([EXO-2.2] to [EXO-2.6])."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.exchange.call import Call
from lab.exchange.errors import CmdletError, invalid, not_found
from lab.exchange.nouns import (
    CONNECTION_FILTER,
    CONTENT_FILTER,
    INBOUND_CONNECTOR,
    OUTBOUND_CONNECTOR,
    QUARANTINE_POLICY,
    Noun,
)
from lab.exchange.schema import limits
from lab.exchange.values import address_entry, ordered, sender_domain, skip_entry, smtp_address

_ADDRESS_LISTS = ("IPAllowList", "IPBlockList", "SenderIPAddresses", "EFSkipIPs")
_BUILT_IN_QUARANTINE = (
    "AdminOnlyAccessPolicy",
    "DefaultFullAccessPolicy",
    "DefaultFullAccessWithNotificationPolicy",
)
_ARGUMENT = "System.ArgumentException"


def ordered_list(call: Call, name: str, items: list[str]) -> list[str]:
    return ordered(items, call.settings) if name in _ADDRESS_LISTS else items


def stores(call: Call, noun: Noun) -> dict[str, Callable[[str], str]]:
    """Return, for each multi-valued property, the function that checks an entry and spells it."""
    if noun is CONNECTION_FILTER:
        return {name: _addresses(call, name, True) for name in ("IPAllowList", "IPBlockList")}
    if noun is INBOUND_CONNECTOR:
        return {
            "SenderIPAddresses": _addresses(call, "SenderIPAddresses", False),
            "SenderDomains": sender_domain,
            "EFSkipIPs": skip_entry,
            "EFUsers": smtp_address,
            "AssociatedAcceptedDomains": _accepted(call),
        }
    return {}


def _addresses(call: Call, name: str, ranges: bool) -> Callable[[str], str]:
    return lambda text: address_entry(name, text, call.settings, ranges)


def _accepted(call: Call) -> Callable[[str], str]:
    names = {
        item["DomainName"].lower(): item["DomainName"] for item in call.tenant["accepted_domains"]
    }

    def store(text: str) -> str:
        if text.strip().lower() not in names:
            raise not_found(text, "the accepted domains of the organization", 400)
        return str(names[text.strip().lower()])

    return store


def new_defaults(call: Call, noun: Noun) -> dict[str, Any]:
    """Return the defaults on New that sources dispute, as the world says [EXO-5]."""
    if noun is INBOUND_CONNECTOR:
        return {
            "ConnectorType": call.settings.get("default_connector_type", "OnPremises"),
            "RequireTls": call.settings.get("default_require_tls", True),
        }
    return {}


def validate(
    call: Call, noun: Noun, item: dict[str, Any], old: dict[str, Any] | None = None
) -> None:
    check = _CHECKS.get(noun.name)
    if check:
        check(call, item, old)


def pass_over(call: Call) -> None:
    """Take out of a call what the world's licence lacks, with a warning for each."""
    for name in call.settings.get("ignored_parameters", {}).get(call.cmdlet, []):
        if call.parameters.pop(name, None) is not None:
            call.warnings.append(
                f"The parameter {name} isn't available in your subscription and was ignored."
            )


def leave_off(call: Call, noun: Noun, item: dict[str, Any]) -> None:
    """Keep an inbound connector off where the world says that the service does so.

    Microsoft's page "Set up connectors" knows connectors that are "created in a disabled state";
    that Set does not switch them on either is inferred.
    """
    if noun is not INBOUND_CONNECTOR or not call.settings.get("new_connectors_disabled"):
        return
    born_off = call.tenant.setdefault("born_off", [])
    if call.cmdlet.startswith("New-"):
        born_off.append(item["Guid"])
    if item["Guid"] in born_off and item["Enabled"]:
        item["Enabled"] = False
        call.warnings.append(
            f"The inbound connector '{item['Name']}' was created in a disabled state. Contact"
            " Support to enable it."
        )


def removable(call: Call, noun: Noun, item: dict[str, Any]) -> None:
    if noun is CONTENT_FILTER and (item["IsDefault"] or item["RecommendedPolicyType"] != "Custom"):
        raise invalid(f"You can't remove the policy '{item['Name']}'.")
    if noun is QUARANTINE_POLICY and item["Name"] in (*_BUILT_IN_QUARANTINE, "DefaultGlobalTag"):
        raise invalid(f"You can't remove the built-in quarantine policy '{item['Name']}'.")
    if (
        noun is QUARANTINE_POLICY
        and call.settings.get("quarantine_policy_in_use", "refuse") == "refuse"
    ):
        # open: the strict answer unless the world says otherwise; the wording is ours
        users = [
            policy["Name"]
            for policy in call.tenant["content_filter_policies"]
            if item["Name"] in _tags(policy)
        ]
        if users:
            raise invalid(
                f"The quarantine policy '{item['Name']}' can't be removed because it's used by:"
                f" {', '.join(users)}."
            )


def _tags(policy: dict[str, Any]) -> list[str]:
    return [value for name, value in policy.items() if name.endswith("QuarantineTag")]


def _connection_filter(call: Call, item: dict[str, Any], old: dict[str, Any] | None) -> None:
    for name in ("IPAllowList", "IPBlockList"):
        most = int(limits("HostedConnectionFilterPolicy", name)["max_entries"])
        if len(item[name]) > most:
            # the service's wording is not known; the number is ([EXO-2.2])
            raise invalid(
                f"The number of entries in {name} is {len(item[name])}. The maximum number of"
                f" entries is {most}."
            )


def _content_filter(call: Call, item: dict[str, Any], old: dict[str, Any] | None) -> None:
    if old is not None and old["RecommendedPolicyType"] != "Custom":
        # preset policies must not be edited ([EXO-2.4]); the wording is ours
        raise invalid(
            f"You can't modify the policy '{old['Name']}' because it belongs to a preset security"
            " policy."
        )
    given = call.parameters
    if old is not None and old["IsDefault"] and given.get("Name") not in (None, old["Name"]):
        raise invalid("You can't rename the default policy.")
    if given.get("IntraOrgFilterState") == "Default":
        raise CmdletError(
            _ARGUMENT, "The value 'Default' isn't valid for IntraOrgFilterState."
        )  # Microsoft365DSC #5031
    for name in ("SpamAction", "HighConfidenceSpamAction", "PhishSpamAction"):
        if given.get(name) == "NoAction":
            raise CmdletError(_ARGUMENT, f"The value 'NoAction' isn't valid for {name}.")
    if given.get("HighConfidencePhishAction") not in (None, "Quarantine", "Redirect"):
        raise CmdletError(_ARGUMENT, "HighConfidencePhishAction can be Quarantine or Redirect.")
    _action_values(item)
    tags = {policy["Name"].lower(): policy["Name"] for policy in call.tenant["quarantine_policies"]}
    for name, value in given.items():
        if name.endswith("QuarantineTag"):
            if str(value).lower() not in tags:
                raise not_found(str(value), "the quarantine policies of the organization", 404)
            item[name] = tags[str(value).lower()]


def _action_values(item: dict[str, Any]) -> None:
    actions = [value for name, value in item.items() if name.endswith("Action")]
    header = item["AddXHeaderValue"] or ""
    if len(header) > 255 or " " in header or ":" in header:
        raise CmdletError(
            _ARGUMENT, "AddXHeaderValue can have at most 255 characters, without spaces and colons."
        )
    if "Redirect" in actions and not item["RedirectToRecipients"]:
        raise invalid("You need to specify RedirectToRecipients when an action is Redirect.")
    if "ModifySubject" in actions and not item["ModifySubjectValue"]:
        raise invalid("You need to specify ModifySubjectValue when an action is ModifySubject.")


def _inbound(call: Call, item: dict[str, Any], old: dict[str, Any] | None) -> None:
    if old is None and not call.settings.get("inbound_connectors_allowed", True):
        # E5 developer tenants ([EXO-1.8])
        raise invalid("Inbound connectors can't be created in this organization.")
    if not item["SenderDomains"]:
        raise invalid("SenderDomains must not be empty.")
    if item["ConnectorType"] == "OnPremises":
        for name in ("RequireTls", "RestrictDomainsToIPAddresses", "RestrictDomainsToCertificate"):
            # "Partner only" [EXO-2.3]; only what this call asks for is refused, since RequireTls
            # has a default
            if call.parameters.get(name):
                raise invalid(f"{name} can be used only with connectors of the type Partner.")
    elif item["TreatMessagesAsInternal"]:
        raise invalid(
            "TreatMessagesAsInternal can be used only with connectors of the type OnPremises."
        )
    if item["TreatMessagesAsInternal"] and item["CloudServicesMailEnabled"]:
        raise invalid(
            "TreatMessagesAsInternal and CloudServicesMailEnabled can't be used together."
        )
    if item["RestrictDomainsToIPAddresses"] and not item["SenderIPAddresses"]:
        raise invalid(
            "RestrictDomainsToIPAddresses needs SenderIPAddresses."
        )  # inferred: such a connector would refuse all mail
    if item["RestrictDomainsToCertificate"] and not item["TlsSenderCertificateName"]:
        raise invalid("RestrictDomainsToCertificate needs TlsSenderCertificateName.")


def _outbound(call: Call, item: dict[str, Any], old: dict[str, Any] | None) -> None:
    if item["SenderRewritingEnabled"] and item["ConnectorType"] != "OnPremises":
        raise CmdletError(
            _ARGUMENT,
            "SenderRewritingEnabled can be used only with connectors of the type OnPremises.",
        )  # CIPP #3873
    if not item["UseMXRecord"] and not item["SmartHosts"]:
        raise invalid("SmartHosts is needed when UseMXRecord is false.")
    if item["TlsDomain"] and item["TlsSettings"] != "DomainValidation":
        raise invalid("TlsDomain needs TlsSettings DomainValidation.")


def _quarantine_policy(call: Call, item: dict[str, Any], old: dict[str, Any] | None) -> None:
    if old is not None and old["Name"] in _BUILT_IN_QUARANTINE:
        raise invalid(f"You can't change the built-in quarantine policy '{old['Name']}'.")
    value = item["EndUserQuarantinePermissionsValue"]
    if not 0 <= value <= 255 or value & 12 == 12:
        raise CmdletError(
            _ARGUMENT, "PermissionToRequestRelease and PermissionToRelease exclude each other."
        )  # [EXO-2.6]: bits 8 and 4


_CHECKS: dict[str, Callable[[Call, dict[str, Any], dict[str, Any] | None], None]] = {
    CONNECTION_FILTER.name: _connection_filter,
    CONTENT_FILTER.name: _content_filter,
    INBOUND_CONNECTOR.name: _inbound,
    OUTBOUND_CONNECTOR.name: _outbound,
    QUARANTINE_POLICY.name: _quarantine_policy,
}

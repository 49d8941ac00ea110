# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Binding of parameters, against the table of Microsoft's documentation.

The table is lab/data/exchange-cmdlets.json [EXO-2]: names, types, required parameters and
enumerations. Anything else is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab.exchange.errors import MANAGEMENT, CmdletError, transformation, unknown_parameters

_TABLE = Path(__file__).resolve().parent.parent / "data" / "exchange-cmdlets.json"
DELTA_TYPES = ("#Exchange.GenericHashTable", "#Exchange.StringFieldDeltaUpdateData")
# [EXO-2.4] and [EXO-2.8]: enumerations that the table's pages give in prose
_MORE_ENUMS: dict[str, list[str]] = {
    "BulkMovesEnabled": ["On", "Off", "NotSet"],
    "IntraOrgFilterState": [
        "Default",
        "HighConfidencePhish",
        "Phish",
        "HighConfidenceSpam",
        "Spam",
        "Disabled",
    ],
    "MtaStsMode": ["Opportunistic", "None"],
    "SmtpDaneMode": ["Opportunistic", "Mandatory", "None"],
    "TlsAuthLevel": ["EncryptionOnly", "CertificateValidation", "DomainValidation"],
}
# [EXO-2.7]: the documentation's "required" is an artefact of its parameter sets
_NOT_REALLY_REQUIRED = {("Set-OrganizationConfig", "ShortenEventScopeDefault")}
# [EXO-2.2]: reserved by its page, yet the portal and CIPP set it
_RESERVED_IN_USE = {("Set-HostedConnectionFilterPolicy", "EnableSafeList")}
# null clears a predicate ([EXO-2.5], open; the setting null_clears_predicate)
_NULLABLE_ENUMS = ("TlsAuthLevel", "FromUserScope")


@dataclass(frozen=True)
class Delta:
    """An update of a MultiValuedProperty that leaves the rest of it alone."""

    add: list[str]
    remove: list[str]


@cache
def table() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    data["enums"] |= _MORE_ENUMS
    return data


def known(cmdlet: str) -> str | None:
    """Return the cmdlet's name in its own letter case, or None."""
    return next((name for name in table()["cmdlets"] if name.lower() == cmdlet.lower()), None)


def limits(noun: str, parameter: str) -> dict[str, Any]:
    found: dict[str, Any] = table()["limits"].get(f"{noun}.{parameter}", {})
    return found


def bind(
    cmdlet: str, given: Mapping[str, Any], hidden: list[str], refuse_reserved: bool = True
) -> dict[str, Any]:
    """Return the parameters under their own names with checked values, or raise the error."""
    parameters: dict[str, Any] = table()["cmdlets"][cmdlet]
    names = {name.lower(): name for name in parameters}
    bound: dict[str, Any] = {}
    unknown = []
    for name, value in given.items():
        own = names.get(name.lower())
        reserved = (
            own is not None
            and parameters[own].get("reserved")
            and (cmdlet, own) not in _RESERVED_IN_USE
        )
        if own is None or own in hidden or (reserved and refuse_reserved):
            unknown.append(name)
        elif own in bound:
            raise CmdletError(
                "System.ArgumentException",
                f"Cannot bind parameter because parameter '{own}' is specified more than once.",
            )
        else:
            bound[own] = _convert(own, value, str(parameters[own]["type"]))
    if unknown:
        raise unknown_parameters(unknown)
    missing = [
        name
        for name, entry in parameters.items()
        if entry.get("required")
        and name not in bound
        and (cmdlet, name) not in _NOT_REALLY_REQUIRED
    ]
    if missing:
        raise CmdletError(
            "System.Management.Automation.ParameterBindingException",
            "Cannot process command because of one or more missing mandatory parameters:"
            f" {' '.join(missing)}.",
        )
    _check_limits(cmdlet, bound)
    return bound


def _convert(name: str, value: Any, type_name: str) -> Any:
    type_name = type_name.removeprefix("System.")
    if type_name in table()["enums"]:
        return _enum(name, value, type_name)
    if type_name == "MultiValuedProperty":
        return _multi(name, value, type_name)
    if type_name.endswith("[]"):
        return None if value is None else _strings(name, value, type_name)
    converter: Callable[[str, Any, str], Any] = _SCALARS.get(type_name, _text)
    return converter(name, value, type_name)


def _enum(name: str, value: Any, type_name: str) -> str | None:
    """Return the value that a text means: a prefix in any letter case is enough [EXO-1.4]."""
    values: list[str] = table()["enums"][type_name]
    if value is None and type_name in _NULLABLE_ENUMS:
        return None
    if isinstance(value, str) and value:
        for candidate in values:
            if candidate.lower() == value.lower():
                return candidate
        matches = [candidate for candidate in values if candidate.lower().startswith(value.lower())]
        if len(matches) == 1:
            return matches[0]
    raise transformation(
        name,
        value,
        type_name,
        f"Unable to match the identifier name {value} to a valid enumerator name. "
        f"Specify one of the following enumerator names and try again: {', '.join(values)}",
    )


def _multi(name: str, value: Any, type_name: str) -> list[str] | Delta | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return _strings(name, value, type_name)
    if value.get("@odata.type") not in DELTA_TYPES:
        # [EXO-1.4]: an untyped object reaches the cmdlet as a JObject
        raise transformation(
            name,
            "Newtonsoft.Json.Linq.JObject",
            type_name,
            "Cannot convert hashtable to an object of this type.",
        )
    lists: dict[str, list[str]] = {"add": [], "remove": []}
    for key, items in value.items():
        if key == "@odata.type" or "@" in key:
            continue
        if key.lower() not in lists:
            raise transformation(
                name,
                key,
                type_name,
                "A hash table for a multi-valued property may have the keys Add and Remove only.",
            )
        lists[key.lower()] += _strings(name, items, type_name)
    return Delta(lists["add"], lists["remove"])


def _strings(name: str, value: Any, type_name: str) -> list[str]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    for item in items:
        if not isinstance(item, str):
            raise transformation(name, item, type_name, "The value is not text.")
    return list(items)


def _boolean(name: str, value: Any, type_name: str) -> bool:
    if isinstance(value, bool):
        return value
    raise transformation(
        name,
        value,
        f"System.{type_name}",
        "Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0.",
    )


def _integer(name: str, value: Any, type_name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise transformation(
        name, value, f"System.{type_name}", "Input string was not in a correct format."
    )


def _unlimited(name: str, value: Any, type_name: str) -> int | str:
    if isinstance(value, str) and value.lower() == "unlimited":
        return "Unlimited"
    return _integer(name, value, type_name)


def _scl(name: str, value: Any, type_name: str) -> str:
    if (
        isinstance(value, (int, str))
        and not isinstance(value, bool)
        and str(value) in ("-1", *"0123456789")
    ):
        return str(value)
    raise transformation(name, value, type_name, "The SCL value must be -1 or 0 to 9.")


def _text(name: str, value: Any, type_name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise transformation(name, value, type_name, "The value is not text.")


_SCALARS: dict[str, Callable[[str, Any, str], Any]] = {
    "Boolean": _boolean,
    "SwitchParameter": _boolean,
    "Int32": _integer,
    "Int16": _integer,
    "UInt32": _integer,
    "Unlimited": _unlimited,
    "SclValue": _scl,
}


def _check_limits(cmdlet: str, bound: Mapping[str, Any]) -> None:
    noun = cmdlet.partition("-")[2]
    for name, value in bound.items():
        rule = limits(noun, name)
        if "values" in rule and value not in rule["values"]:
            raise CmdletError(
                "System.ArgumentException",
                f"The value '{value}' isn't valid for {name}. Valid values are:"
                f" {', '.join(rule['values'])}.",
            )
        if "min" in rule and not rule["min"] <= value <= rule["max"]:
            raise CmdletError(
                MANAGEMENT + "InvalidParameterException",
                f"The value {value} of {name} is out of range. It must be between {rule['min']} and"
                f" {rule['max']}.",
            )
        if "max_length" in rule and value is not None and len(value) > rule["max_length"]:
            raise CmdletError(
                "System.Management.Automation.ParameterBindingException",
                f"The length of the property {name} is too long. The maximum length is"
                f" {rule['max_length']} and the length of the value provided is {len(value)}.",
            )

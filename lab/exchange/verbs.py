# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs Get, New, Set and Remove over any kind of object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from lab.exchange import checks
from lab.exchange.call import Call
from lab.exchange.errors import CmdletError, exists, not_found
from lab.exchange.nouns import Noun, build, changed, guid, renamed
from lab.exchange.schema import Delta, table
from lab.exchange.values import updated

_CONTROL = ("Identity", "Confirm", "WhatIf", "Name", "ResultSize", "State")
DIRECTORY_SERVER = "AM9P999A01DC001.eurp999a001.prod.outlook.com"


def matches(item: dict[str, Any], identity: str) -> bool:
    # a quarantine policy is also named tenant\name ([EXO-2.6])
    wanted = identity.strip().lower().rpartition("\\")[2]
    names = (
        item.get("Identity"),
        item.get("Name"),
        item.get("Guid"),
        item.get("DistinguishedName"),
        item.get("DomainName"),
    )
    return any(str(name).lower() == wanted for name in names if name is not None)


def get(call: Call, noun: Noun) -> list[dict[str, Any]]:
    found = call.read(noun)
    identity = call.parameters.get("Identity")
    if identity is not None and identity.strip():
        named = [item for item in found if matches(item, identity)]
        if not named and call.settings.get("unknown_identity", "all") == "not_found":
            raise not_found(
                identity, DIRECTORY_SERVER, int(call.settings.get("not_found_status", 404))
            )
        # [EXO-2.0]: an identity that does not exist may return all
        # objects
        found = named or found
    if "State" in call.parameters:
        found = [item for item in found if item["State"] == call.parameters["State"]]
    return _limited(call, found)


def _limited(call: Call, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    size = call.parameters.get("ResultSize", 1000)
    if size == "Unlimited" or len(found) <= size:
        return found
    call.warnings.append(
        "There are more results available than are currently displayed. To view them, increase the"
        " value for the ResultSize parameter."
    )
    return found[:size]


def one(call: Call, noun: Noun) -> dict[str, Any]:
    """Return the object that a Set, Remove, Enable or Disable means."""
    identity = call.parameters.get("Identity")
    if not identity or not identity.strip():
        raise _unbound("Identity")
    for item in call.live(noun):
        if matches(item, identity):
            return item
    raise not_found(identity, DIRECTORY_SERVER, int(call.settings.get("not_found_status", 404)))


def _unbound(parameter: str) -> CmdletError:
    return CmdletError(
        "System.Management.Automation.ParameterBindingValidationException",
        f"Cannot bind argument to parameter '{parameter}' because it is null or empty.",
    )


def confirmed(call: Call, destructive: bool, question: str) -> bool:
    """Return whether to go on.

    Confirm true brings a question; a destructive cmdlet wants Confirm false [EXO-1.4].
    """
    if call.parameters.get("WhatIf"):
        return False
    asked = call.parameters.get("Confirm")
    # Remove-QuarantinePolicy has no such parameter [EXO-2.6]
    destructive = destructive and "Confirm" in table()["cmdlets"][call.cmdlet]
    if asked or (asked is None and destructive and call.settings.get("confirm_required", True)):
        call.confirmation = question
        return False
    return True


def change(call: Call, noun: Noun, item: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Replace an object by its new self; warn if nothing changes, as the service does [EXO-1.5]."""
    if wanted == item:
        call.warnings.append(
            f"The command completed successfully but no settings of '{item['Identity']}' have been"
            " modified."
        )
        return False
    call.keep(noun.collection)
    changed(wanted, call.now)
    item.clear()
    item.update(wanted)
    return True


def assigned(
    call: Call, noun: Noun, item: dict[str, Any], names: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return a copy of the object with the call's parameters in it.

    `names` maps parameters to properties of another name.
    """
    wanted = copy.deepcopy(item)
    stores = checks.stores(call, noun)
    for parameter, value in call.parameters.items():
        if parameter in _CONTROL:
            continue
        name = (names or {}).get(parameter, parameter)
        wanted[name] = _value(call, wanted.get(name), value, stores.get(parameter, str), name)
    return wanted


def _value(call: Call, old: Any, value: Any, store: Callable[[str], str], name: str) -> Any:
    if isinstance(value, Delta) or isinstance(old, list):
        new = updated(old or [], value, store, call.settings)
        return checks.ordered_list(call, name, new) if new != (old or []) else old or []
    return value


def new(call: Call, noun: Noun) -> list[dict[str, Any]]:
    name = call.parameters["Name"]
    if not name or not name.strip():
        raise _unbound("Name")
    if not confirmed(call, False, f"Create the {noun.name} '{name}'?"):
        return []
    if any(item["Name"].lower() == name.lower() for item in call.live(noun)):
        raise exists(name)
    call.tenant["serial"] = int(call.tenant.get("serial", 0)) + 1
    item = build(noun, name, call.organization, call.now, serial=str(call.tenant["serial"]))
    wanted = assigned(call, noun, item | checks.new_defaults(call, noun))
    checks.validate(call, noun, wanted)
    checks.leave_off(call, noun, wanted)
    call.keep(noun.collection)
    call.live(noun).append(wanted)
    return [wanted] if call.settings.get("new_returns_object", True) else []


def set_(call: Call, noun: Noun) -> list[dict[str, Any]]:
    item = one(call, noun)
    if not confirmed(call, False, f"Change the {noun.name} '{item['Name']}'?"):
        return []
    wanted = assigned(call, noun, item)
    name = call.parameters.get("Name")
    if name and name != item["Name"]:
        if any(
            other is not item and other["Name"].lower() == name.lower() for other in call.live(noun)
        ):
            raise exists(name)
        renamed(wanted, name)
    checks.validate(call, noun, wanted, item)
    checks.leave_off(call, noun, wanted)
    change(call, noun, item, wanted)
    return []


def remove(call: Call, noun: Noun) -> list[dict[str, Any]]:
    item = one(call, noun)
    checks.removable(call, noun, item)
    if confirmed(
        call,
        True,
        f"Are you sure you want to perform this action? Removing {noun.name} '{item['Identity']}'.",
    ):
        call.keep(noun.collection)
        items = call.live(noun)
        items[:] = [other for other in items if other is not item]
    return []


def fresh_guid(call: Call) -> str:
    call.tenant["serial"] = int(call.tenant.get("serial", 0)) + 1
    return guid(call.organization, "serial", str(call.tenant["serial"]))

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change batch may hold, and what it does: all of it or nothing."""

from __future__ import annotations

import re
from typing import Any

from lab.route53.state import setting
from lab.route53.xml import Route53Error, batch_refused

Set = dict[str, Any]
_ACTIONS = ("CREATE", "DELETE", "UPSERT")
_ROUTING = ("Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "CidrRoutingConfig")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_OCTAL = re.compile(r"\\([0-7]{3})")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_HIGHEST_TTL = 2147483647


def canonical_name(name: str) -> str:
    """Return a name as Route 53 stores it: lower case, final dot, octal escapes.

    Escaped is all but a-z, 0-9, hyphen, underscore and dot (Developer Guide, "DNS domain name
    format").
    """
    plain = _OCTAL.sub(lambda found: chr(int(found[1], 8)), name.lower()).rstrip(".") + "."
    return "".join(
        char if char.isascii() and (char.isalnum() or char in "-_.") else f"\\{ord(char):03o}"
        for char in plain
    )


def apply_batch(
    state: dict[str, Any], zone: dict[str, Any], changes: list[tuple[str, Set]]
) -> list[Set]:
    """Return the zone's sets after the batch, or raise InvalidChangeBatch with every fault found.

    Validation comes first; then the changes are carried out in their order on a copy.
    """
    if not changes:
        raise batch_refused(["At least one change is required"])
    # A set in an UPSERT counts twice (Developer Guide, "Quotas").
    weights = [2 if action == "UPSERT" else 1 for action, _set in changes]
    counted = sum(
        weight * len(each.get("ResourceRecords", []))
        for weight, (_action, each) in zip(weights, changes, strict=True)
    )
    if counted > 1000:
        raise batch_refused(["Number of records limit of 1000 exceeded."])
    faults = [fault for action, each in changes for fault in _validate(zone, action, each)]
    if faults:
        raise batch_refused(faults)
    faults = _protected(state, zone, changes)
    if faults:
        raise batch_refused(faults)
    sets = [dict(each) for each in zone["sets"]]
    for action, each in changes:
        fault = _carry_out(sets, action, each, zone["name"], setting(state, "compares") == "text")
        if fault:
            faults.append(fault)
    if faults:
        raise batch_refused(faults)
    return sets


def _validate(zone: dict[str, Any], action: str, each: Set) -> list[str]:
    if action not in _ACTIONS:
        raise Route53Error(400, "InvalidInput", f"Invalid action: {action}")
    name, kind = each.get("Name", ""), each.get("Type", "")
    if not name or not kind:
        raise Route53Error(400, "InvalidInput", "Name and Type are required")
    each["Name"] = canonical_name(name)
    own = zone["name"].lower()
    if each["Name"] != own and not each["Name"].endswith("." + own):
        return [f"RRSet with DNS name {each['Name']} is not permitted in zone {own}"]
    if "AliasTarget" in each:
        return []
    values, ttl = each.get("ResourceRecords") or [], each.get("TTL")
    if not values or ttl is None:
        return [
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and"
            f" ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with"
            f" [Action={action}, Name={each['Name']}, Type={kind},"
            f" SetIdentifier={each.get('SetIdentifier')}]"
        ]
    if not 0 <= ttl <= _HIGHEST_TTL:
        return [f"Invalid TTL value: {ttl}"]
    if any(routing in each for routing in _ROUTING) != ("SetIdentifier" in each):
        return ["Invalid request: Missing field 'SetIdentifier' or its routing in Change"]
    if "Weight" in each and len(values) > 1:
        return ["Invalid request: a weighted record set holds one record"]
    double = sorted({value for value in values if values.count(value) > 1})
    return [f"Duplicate Resource Record: '{value}'" for value in double] + [
        fault for value in values for fault in [_value_fault(kind, value)] if fault
    ]


def _value_fault(kind: str, value: str) -> str | None:
    """Return the service's text for a wrong value ("FATAL problem: ..."), as projects quote it."""
    text = "Invalid Resource Record: 'FATAL problem: %s encountered with ''%s'''"
    if len(value) > 4000:
        return text % ("ValueTooLong (Value is too long)", value[:20])
    if kind == "MX":
        parts = value.split()
        if len(parts) != 2:
            return text % ("MXRRHasWrongNumberOfFields (MX record has 2 fields)", value)
        if not parts[0].isdigit() or int(parts[0]) > 65535:
            return text % ("InvalidInteger (Value must be an unsigned 16 bit integer)", value)
        if parts[1] != "." and not all(
            _LABEL.fullmatch(label) for label in parts[1].rstrip(".").split(".")
        ):
            return text % ("DomainLabelInvalid (Domain label is not valid)", value)
    if kind == "TXT":
        strings = _STRING.findall(value)
        if _STRING.sub("", value).strip() or not strings:
            return text % (
                "InvalidCharacterString (Value should be enclosed in quotation marks)",
                value,
            )
        if any(len(string.encode()) > 255 for string in strings):
            return text % ("CharacterStringTooLong (Value is too long)", value)
    return None


def _protected(
    state: dict[str, Any], zone: dict[str, Any], changes: list[tuple[str, Set]]
) -> list[str]:
    """Return the protected sets that a batch touches: it is refused whole.

    The message names each protected set and its comment (botocore 1.44.5,
    CreateResourceRecordSetProtections). The words are the lab's.
    """
    if not setting(state, "protections"):
        return []
    touched = {(each["Name"], each["Type"]) for _action, each in changes}
    return [
        f"The resource record set [name='{found['name']}', type='{found['type']}'] is protected:"
        f" {found.get('comment') or 'no comment'}"
        for found in zone.get("protections", [])
        if (canonical_name(found["name"]), found["type"]) in touched
    ]


def _carry_out(sets: list[Set], action: str, each: Set, zone: str, by_text: bool) -> str | None:
    """Change the copy; return the fault of this one change.

    The texts of DELETE and CREATE are quoted in kubernetes-sigs/external-dns#732 and
    hashicorp/terraform#18509, those of CNAMEs in amazon.aws#2694 and hashicorp/terraform#9732.
    """
    label = f"[name='{each['Name']}', type='{each['Type']}'"
    if "SetIdentifier" in each:
        label += f", set identifier='{each['SetIdentifier']}'"
    label += "]"
    same = next((found for found in sets if _key(found) == _key(each)), None)
    if action == "DELETE":
        if same is None:
            return f"Tried to delete resource record set {label} but it was not found"
        if not _equal(same, each, by_text):
            return (
                f"Tried to delete resource record set {label} but the values provided do not match"
                " the current values"
            )
        sets.remove(same)
        return None
    if action == "CREATE" and same is not None:
        return f"Tried to create resource record set {label} but it already exists"
    others = [found for found in sets if found["Name"] == each["Name"] and found is not same]
    if each["Type"] == "CNAME" and any(found["Type"] != "CNAME" for found in others):
        return (
            f"RRSet of type CNAME with DNS name {each['Name']} is not permitted as it conflicts"
            f" with other records with the same DNS name in zone {zone}"
        )
    if any(found["Type"] == "CNAME" for found in others) and each["Type"] != "CNAME":
        return (
            f"RRSet of type {each['Type']} with DNS name {each['Name']} is not permitted because a"
            " conflicting RRSet of type  CNAME with the same DNS name already exists in zone"
            f" {zone}"
        )
    routed = [found for found in others if found["Type"] == each["Type"]]
    if any(("SetIdentifier" in found) != ("SetIdentifier" in each) for found in routed):
        return (
            f"RRSet with DNS name {each['Name']}, type {each['Type']} cannot be created as other"
            " RRSets exist with the same name and type."
        )
    if same is not None:
        sets.remove(same)
    sets.append(each)
    return None


def _key(each: Set) -> tuple[str, str, str]:
    return each["Name"], each["Type"], str(each.get("SetIdentifier", ""))


def _equal(found: Set, given: Set, by_text: bool) -> bool:
    if found.get("AliasTarget") or given.get("AliasTarget"):
        return found.get("AliasTarget") == given.get("AliasTarget")
    spell = str if by_text else _meaning
    return found["TTL"] == given["TTL"] and sorted(map(spell, found["ResourceRecords"])) == sorted(
        map(spell, given["ResourceRecords"])
    )


def _meaning(value: str) -> str:
    if value.lstrip().startswith('"'):
        return value
    return " ".join(value.lower().split()).rstrip(".")

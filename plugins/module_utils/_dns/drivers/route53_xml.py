# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Route 53's XML: what is read of its answers, and the body of a change batch.

Source: the API Reference of Amazon Route 53, version 2013-04-01.
"""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree

from ..._engine.errors import ReadError
from ..._engine.values import host_name
from ..sets.rrset import RecordSet

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
TXT_BYTES = 255
# What makes a set one of several for its name and type, or one that follows another resource.
ROUTED = (
    "SetIdentifier",
    "AliasTarget",
    "TrafficPolicyInstanceId",
    "HealthCheckId",
    "Weight",
    "Region",
    "GeoLocation",
    "GeoProximityLocation",
    "Failover",
    "MultiValueAnswer",
    "CidrRoutingConfig",
)
_OCTAL = re.compile(r"\\([0-7]{3})")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)

Node = ElementTree.Element


def parse(body: bytes, where: str) -> Node:
    """Return the root of an answer, its names free of their namespace.

    :raises ReadError: it is no XML, or declares entities.
    """
    try:
        if b"<!DOCTYPE" in body:
            raise ReadError(f"{where} answered with an XML document type.")
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise ReadError(
            f"{where} answered with a body that is not XML ({len(body)} bytes).",
            "Is the address right, and is there a proxy in between?",
        ) from None
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    return root


def error_of(root: Node) -> tuple[str, str]:
    """Return code and message of an error: C(ErrorResponse), or a batch's list of messages."""
    if root.tag == "ErrorResponse" or root.find("Error") is not None:
        return root.findtext("Error/Code") or "", root.findtext("Error/Message") or ""
    texts = [node.text or "" for node in root.iter("Message")]
    return root.tag, " ".join(texts)


def dns_name(text: str) -> str:
    """Return a name as the rest of the collection has it.

    It has A-labels, no octal escapes and no final dot. The escapes are bytes, of UTF-8 where
    somebody made a zone with a name in Unicode.
    """
    data = _OCTAL.sub(lambda found: chr(int(found[1], 8) & 0xFF), text)
    try:
        return host_name(data.encode("latin-1").decode("utf-8"))
    except UnicodeError:
        return host_name(data)


def record_set(name: str, node: Node, date: str | None) -> RecordSet:
    """Return a plain set; its token has the texts as they are stored, which a DELETE must name."""
    rdtype = node.findtext("Type") or ""
    stored = [each.text or "" for each in node.iterfind("ResourceRecords/ResourceRecord/Value")]
    ttl = (node.findtext("TTL") or "").strip()
    if not stored or not ttl.isdigit():
        raise ReadError(f"{name}: Route 53 answered with a set that has no TTL or value.")
    values = [text_of(value) for value in stored] if rdtype == "TXT" else stored
    token = {"name": node.findtext("Name") or "", "values": stored}
    return RecordSet.of(name, rdtype, values, int(ttl), date=date, token=token)


def routing_of(node: Node) -> str:
    """Return what stands in the way of changing a set as a plain one, "" where nothing does."""
    found = next((word for word in ROUTED if node.find(word) is not None), "")
    if found == "AliasTarget":
        target = dns_name(node.findtext("AliasTarget/DNSName") or "")
        return f"an alias of {target}"
    if found:
        own = node.findtext("SetIdentifier") or ""
        policy = next((word for word in ROUTED[4:] if node.find(word) is not None), found)
        return f"a set with a routing policy ({policy}{f', {own}' if own else ''})"
    return ""


def change_batch(changes: t.Sequence[tuple[str, str, RecordSet, t.Sequence[str]]]) -> bytes:
    """Return the body of ChangeResourceRecordSets.

    Each change is an action, the name as it is to be written, the set, and its values' texts.
    """
    root = ElementTree.Element("ChangeResourceRecordSetsRequest", xmlns=NAMESPACE)
    listed = ElementTree.SubElement(ElementTree.SubElement(root, "ChangeBatch"), "Changes")
    for action, name, each, values in changes:
        change = ElementTree.SubElement(listed, "Change")
        ElementTree.SubElement(change, "Action").text = action
        body = ElementTree.SubElement(change, "ResourceRecordSet")
        ElementTree.SubElement(body, "Name").text = name
        ElementTree.SubElement(body, "Type").text = each.type
        ElementTree.SubElement(body, "TTL").text = str(each.ttl)
        records = ElementTree.SubElement(body, "ResourceRecords")
        for value in values:
            record = ElementTree.SubElement(records, "ResourceRecord")
            ElementTree.SubElement(record, "Value").text = value
    written: bytes = ElementTree.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>' + written


def stored_values(wanted: RecordSet) -> list[str]:
    """Return the values of a set as Route 53 takes them."""
    if wanted.type == "TXT":
        return [strings_of(value) for value in wanted.values]
    return [f"{value.rstrip('.')}." for value in wanted.values]


def text_of(value: str) -> str:
    """Return the text of a TXT value. Its escapes are octal, unlike those of zone files."""
    data = b"".join(
        _ESCAPE.sub(lambda found: _character(found[1]), part).encode("latin-1", "replace")
        if part.isascii()
        else part.encode("utf-8")
        for part in _STRING.findall(value)
    )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def strings_of(text: str) -> str:
    """Return a text as quoted strings of at most 255 bytes, with octal escapes."""
    data = text.encode("utf-8")
    parts = [data[start : start + TXT_BYTES] for start in range(0, len(data), TXT_BYTES)] or [b""]
    return " ".join('"%s"' % "".join(_escaped(byte) for byte in part) for part in parts)


def _character(code: str) -> str:
    return chr(int(code, 8) & 0xFF) if len(code) == 3 else code


def _escaped(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"

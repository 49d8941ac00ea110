# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Route 53's XML: answers, and errors in the shapes in which they come."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

from lab.server import Response

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
# Members of a record set in the order of the service model, without Name and Type, ResourceRecords
# and AliasTarget, which have a shape of their own.
_PLAIN = (
    "SetIdentifier",
    "Weight",
    "Region",
    "Failover",
    "MultiValueAnswer",
    "TTL",
    "HealthCheckId",
    "TrafficPolicyInstanceId",
)


class Route53Error(Exception):
    """A refusal; ``messages`` only for InvalidChangeBatch."""

    def __init__(self, status: int, code: str, message: str, messages: list[str] | None = None):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.messages = messages

    def response(self, as_list: bool, request_id: str) -> Response:
        """Return the answer; ``as_list``: a batch's faults as the element InvalidChangeBatch."""
        if self.messages is not None and as_list:
            root = ElementTree.Element(self.code, xmlns=NAMESPACE)
            inner = ElementTree.SubElement(root, "Messages")
            for text in self.messages:
                ElementTree.SubElement(inner, "Message").text = text
            ElementTree.SubElement(root, "RequestId").text = request_id
            return answer(root, self.status)
        root = ElementTree.Element("ErrorResponse", xmlns=NAMESPACE)
        error = ElementTree.SubElement(root, "Error")
        ElementTree.SubElement(error, "Type").text = "Sender"
        ElementTree.SubElement(error, "Code").text = self.code
        ElementTree.SubElement(error, "Message").text = self.message
        ElementTree.SubElement(root, "RequestId").text = request_id
        return answer(root, self.status)


def batch_refused(faults: list[str]) -> Route53Error:
    """Return the refusal of a batch: a bracketed list even for one fault (amazon.aws#2694)."""
    return Route53Error(400, "InvalidChangeBatch", f"[{', '.join(faults)}]", faults)


def answer(root: ElementTree.Element, status: int = 200) -> Response:
    """Return an XML answer."""
    body = _DECLARATION + ElementTree.tostring(root, encoding="utf-8")
    return Response(status, body, {"Content-Type": "text/xml"})


def element(name: str) -> ElementTree.Element:
    """Return the root of an answer."""
    return ElementTree.Element(name, xmlns=NAMESPACE)


def add(parent: ElementTree.Element, name: str, value: Any) -> ElementTree.Element:
    """Add an element with a text, or with children where the value is a map."""
    child = ElementTree.SubElement(parent, name)
    if isinstance(value, dict):
        for key, item in value.items():
            add(child, key, item)
    elif isinstance(value, bool):
        child.text = "true" if value else "false"
    else:
        child.text = str(value)
    return child


def add_set(parent: ElementTree.Element, found: dict[str, Any]) -> None:
    """Add a ResourceRecordSet."""
    child = ElementTree.SubElement(parent, "ResourceRecordSet")
    add(child, "Name", found["Name"])
    add(child, "Type", found["Type"])
    for name in _PLAIN:
        if found.get(name) is not None:
            add(child, name, found[name])
    if found.get("GeoLocation"):
        add(child, "GeoLocation", found["GeoLocation"])
    if found.get("ResourceRecords"):
        records = ElementTree.SubElement(child, "ResourceRecords")
        for value in found["ResourceRecords"]:
            add(ElementTree.SubElement(records, "ResourceRecord"), "Value", value)
    if found.get("AliasTarget"):
        add(child, "AliasTarget", found["AliasTarget"])


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Return the root of a request's body, with names free of their namespace."""
    try:
        tree = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise Route53Error(400, "MalformedXML", "The XML you provided is not well-formed") from None
    if tree.tag != f"{{{NAMESPACE}}}{root}":
        raise Route53Error(400, "InvalidInput", f"The root element must be {root} of {NAMESPACE}")
    for each in tree.iter():
        each.tag = each.tag.removeprefix(f"{{{NAMESPACE}}}")
    return tree


def read_set(node: ElementTree.Element) -> dict[str, Any]:
    """Return a ResourceRecordSet of a request as plain data; the order of elements is free."""
    found: dict[str, Any] = {}
    for child in node:
        if child.tag == "ResourceRecords":
            found["ResourceRecords"] = [
                (record.findtext("Value") or "") for record in child.findall("ResourceRecord")
            ]
        elif len(child):
            found[child.tag] = {each.tag: each.text or "" for each in child}
        elif child.tag in ("TTL", "Weight"):
            found[child.tag] = _integer(child.text or "", child.tag)
        else:
            found[child.tag] = child.text or ""
    return found


def _integer(text: str, name: str) -> int:
    if not text.strip().lstrip("-").isdigit():
        raise Route53Error(400, "InvalidInput", f"Invalid value for {name}: {text}")
    return int(text)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WS-Management messages as WinRM exchanges them (MS-WSMV, MS-PSRP 3.1.5.3)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "wsman": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "wst": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "pwsh": "http://schemas.microsoft.com/powershell",
}
_FAULTS = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
# codes of winrm's error list
TIMED_OUT = 0x80338029
NO_SUCH_SHELL = 0x8033805B
NO_SUCH_COMMAND = 0x8033805E
QUOTA = 0x803381A6
INVALID_RESOURCE = 0x80338043
ACCESS_DENIED = 5


class SoapFault(Exception):
    """A request that WinRM refuses: the code of its error list, and the text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass
class Message:
    """One request. ``action`` is the last part of its address, such as Create or Receive."""

    action: str
    identifier: str
    resource: str
    selectors: dict[str, str]
    options: dict[str, str]
    seconds: float
    body: ElementTree.Element

    @property
    def shell_id(self) -> str:
        return self.selectors.get("ShellId", "").upper()

    @property
    def configuration(self) -> str:
        """The session configuration: the last part of the resource's address."""
        return self.resource.rpartition("/")[2]

    def find(self, path: str) -> ElementTree.Element | None:
        return self.body.find(path, NAMESPACES)


def parse(data: bytes) -> Message:
    """Read an envelope; raise ValueError for what is none."""
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ValueError("not an XML document") from error
    header, body = root.find("s:Header", NAMESPACES), root.find("s:Body", NAMESPACES)
    if header is None or body is None:
        raise ValueError("no SOAP envelope")

    def text(path: str) -> str:
        return (header.findtext(path, "", NAMESPACES) or "").strip()

    seconds = re.fullmatch(r"PT([0-9.]+)S", text("wsman:OperationTimeout"))
    return Message(
        action=text("wsa:Action").rpartition("/")[2],
        identifier=text("wsa:MessageID"),
        resource=text("wsman:ResourceURI"),
        selectors=_named(header, "wsman:SelectorSet/wsman:Selector"),
        options=_named(header, "wsman:OptionSet/wsman:Option"),
        seconds=float(seconds.group(1)) if seconds else 60.0,
        body=body,
    )


def _named(header: ElementTree.Element, path: str) -> dict[str, str]:
    return {
        item.attrib.get("Name", ""): (item.text or "").strip()
        for item in header.findall(path, NAMESPACES)
    }


def answer(message: Message, body: str) -> bytes:
    """Return the envelope of a success; ``body`` is XML with the prefixes of NAMESPACES."""
    return _envelope(message.identifier, message.action + "Response", body)


def fault(message: Message | None, problem: SoapFault) -> bytes:
    body = (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode>"
        "<s:Value>wsman:InternalError</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(problem.text)}</s:Text></s:Reason>'
        f'<s:Detail><f:WSManFault xmlns:f="{_FAULTS}" Code="{problem.code}" Machine="lab">'
        f"<f:Message>{escape(problem.text)}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return _envelope(message.identifier if message else "", "fault", body)


def _envelope(relates_to: str, action: str, body: str) -> bytes:
    prefixes = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMESPACES.items())
    return (
        f"<s:Envelope {prefixes}><s:Header><wsa:Action>{NAMESPACES['rsp']}/{action}</wsa:Action>"
        f"<wsa:MessageID>uuid:{str(uuid.uuid4()).upper()}</wsa:MessageID>"
        f"<wsa:RelatesTo>{escape(relates_to)}</wsa:RelatesTo></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()

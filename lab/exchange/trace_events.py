# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of Get-MessageTraceDetailV2: how a message came in, which rules met it, where it went.

Names of events are those of Microsoft's page "Message trace in the modern Exchange admin center";
the words of details, and the connectors' names, are as field reports show them
(inferred).
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from lab.exchange.call import Call
from lab.exchange.nouns import guid

Record = dict[str, Any]
Event = tuple[str, str, str]
_SERVER = "AM9P999MB0001.EURP999.PROD.OUTLOOK.COM"


def events(call: Call, record: Record) -> list[Event]:
    """Return event, detail and data (XML) of each step of a message."""
    return [_entry(call, record), *_rules(call, record), _end(record)]


def _entry(call: Call, record: Record) -> Event:
    entry = record.get("entry", "edge")
    if entry in ("mailbox", "service"):
        return "Submit", "The message was submitted.", _data(CustomData="")
    custom = (
        f"S:TenantId={call.hub.world['entra']['tenant_id']};S:ClientIP={record['connecting_ip']}"
    )
    if record["connector"]:
        custom += f";S:InboundConnectorData={_connector(call, record['connector'])}"
    # Exchange's receive connectors: authenticated clients come in by "Client Proxy", servers by
    # "Default"
    receives = "Client Proxy" if entry == "client" else "Default"
    version = "TLS1.3" if record["tls"] else "no TLS"
    return (
        "Receive",
        f"Message received by: {_SERVER} using {version}",
        _data(ConnectorId=f"{_SERVER}\\{receives} {_SERVER}", CustomData=custom),
    )


def _connector(call: Call, name: str) -> str:
    found = next((item for item in call.tenant["inbound_connectors"] if item["Name"] == name), None)
    kind = found["ConnectorType"] if found else "Partner"
    tenant = call.hub.world["entra"]["tenant_id"]
    return f"Name={name};ConnectorType={kind};TenantId={tenant}"


def _rules(call: Call, record: Record) -> list[Event]:
    return [
        (
            "Transport rule",
            f"Transport rule: '{rule}', ID: ('{guid(call.organization, 'TransportRule', rule)}')",
            _data(CustomData=""),
        )
        for rule in record["rules"]
    ]


def _end(record: Record) -> Event:
    folder = record["folder"]
    if record.get("to_ip"):
        return "Send external", f"Message sent to {record['to_ip']}.", _data(CustomData="")
    if folder == "quarantine":
        return "Quarantine", "The message was quarantined.", _data(CustomData=record["policy"])
    if folder in ("inbox", "junk", "redirected"):
        where = "JunkEmail" if folder == "junk" else "Inbox"
        return (
            "Deliver",
            f"The message was successfully delivered to the folder: DefaultFolderType:{where}",
            _data(CustomData=""),
        )
    return "Fail", "Reason: the message was not delivered.", _data(CustomData="")


def _data(**values: str) -> str:
    return (
        "<root>"
        + "".join(
            f'<MEP Name="{name}" String={quoteattr(value)}/>' for name, value in values.items()
        )
        + "</root>"
    )

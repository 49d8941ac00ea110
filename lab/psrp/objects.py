# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values on their way through CLIXML, with what gets lost on that way [PSRP-3].

They come in as plain Python, and go out as the objects that remoting makes of Exchange's.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from psrpcore.types import PSCustomObject, PSIEnumerable, PSObject

_EXCHANGE = "Deserialized.Microsoft.Exchange.Data"


def from_wire(value: Any) -> Any:
    """Return plain data of what a client sent; this host cannot read a secure string."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return {str.__str__(key): from_wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [from_wire(item) for item in value]
    if isinstance(value, (float, uuid.UUID)):
        return str(value)
    if type(value).__name__ == "PSBool":
        return bool(value)
    return str(value)


def to_object(value: Mapping[str, Any], cmdlet: str, own_types_only: bool) -> PSObject:
    """Return an object of Exchange as a session writes it.

    It has a type chain of Exchange's own, and lists are bare enumerables, of which clients keep
    nothing for certain. With ``own_types_only`` the chain ends with Exchange's type, which a client
    may not know at all.
    """
    noun = cmdlet.partition("-")[2]
    properties = {
        name: PSIEnumerable(item) if isinstance(item, list) else item
        for name, item in value.items()
    }
    made = PSCustomObject(PSTypeName=f"{_EXCHANGE}.{noun}", **properties, RunspaceId=uuid.uuid4())
    if own_types_only:
        made.PSObject.type_names = [f"{_EXCHANGE}.{noun}"]
    return made

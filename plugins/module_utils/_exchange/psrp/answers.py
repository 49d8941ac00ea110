# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a management host answers: JSON of the fixed function, error records, warnings."""

from __future__ import annotations

import dataclasses
import datetime
import json
import typing as t

from ..._engine.timestamps import parse_time
from ..fault import Fault, named_fault, shorten, split_message
from ..records import plain_record

# Words of PowerShell for a command that the session does not have.
_NO_SUCH_COMMAND = "CommandNotFoundException"


@dataclasses.dataclass(frozen=True)
class Document:
    """The function's answer. ``cmdlets``: what the session has, with Get-ConnectionInformation."""

    values: list[dict[str, t.Any]]
    date: datetime.datetime | None
    cmdlets: frozenset[str]


def parse_document(text: str) -> Document | None:
    """Read the JSON text of the function; None for what is not its answer."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or "values" not in found:
        return None
    values = found["values"]
    if isinstance(values, dict) and set(values) == {"value", "Count"}:
        values = values["value"]
    records = [plain_record(item) for item in (values if isinstance(values, list) else [values])]
    cmdlets = plain_record(found.get("cmdlets"))
    return Document(
        [item for item in records if isinstance(item, dict)],
        parse_time(found.get("date")),
        frozenset(str(name).lower() for name in cmdlets or ()),
    )


def fault_of(record: t.Any, secrets: t.Sequence[str] = ()) -> Fault:
    """Return the fault that an error record of PowerShell tells of.

    The module words its errors as C(Id|Type|text), like the admin API [PSRP-4].
    """
    type_name, text = split_message(str(record))
    type_name = type_name or str(getattr(record, "reason", None) or "")
    code = str(getattr(record, "fq_error", None) or "")
    return named_fault(0, type_name, text, secrets, code)


def warning_texts(records: t.Iterable[t.Any], secrets: t.Sequence[str] = ()) -> list[str]:
    """Return the texts of a warning stream."""
    return [shorten(str(getattr(item, "message", None) or item), secrets) for item in records]


def is_unknown_command(fault: Fault) -> bool:
    """Return whether the session has no such cmdlet: the identity's roles do not carry it."""
    return fault.named(_NO_SUCH_COMMAND)


def is_unauthorized(fault: Fault) -> bool:
    """Return whether the service did not take the token."""
    # .NET words a missing right as "an unauthorized operation".
    told = fault.says("unauthorized") and not fault.says("unauthorized operation")
    return told or fault.says("(401)", "status code 401")


def is_throttled(fault: Fault) -> bool:
    """Return whether the service was asked too often; the module has waited and tried by then."""
    return fault.named("ThrottlingError")


def is_denied(fault: Fault) -> bool:
    """Return whether the identity lacks a right."""
    return fault.named("UnauthorizedAccessException") or fault.says("access denied")

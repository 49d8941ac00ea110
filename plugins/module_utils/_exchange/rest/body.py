# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The body of a request to InvokeCommand."""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.outside_text import json_bytes
from ..cmdlets import Delta, complete


def request_body(cmdlet: str, parameters: t.Mapping[str, t.Any]) -> bytes:
    """Return the request's JSON text as UTF-8."""
    typed = {name: _typed(value) for name, value in complete(cmdlet, parameters).items()}
    document = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": typed}}
    return json_bytes(document)


def _typed(value: t.Any) -> t.Any:
    if isinstance(value, Delta):
        return {"@odata.type": "#Exchange.GenericHashTable", **value.changes()}
    if isinstance(value, t.Mapping):
        return {
            "@odata.type": "#Exchange.GenericHashTable",
            **{str(key): _typed(item) for key, item in value.items()},
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_typed(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value

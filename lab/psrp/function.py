# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The function of docs/examples/jea/Area1.psrc, in Python.

It allows a list of cmdlets, runs one with ErrorAction Stop, and returns one JSON text. Its list and
its text are read from that file, so that the lab follows what is installed on hosts.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from lab.psrp.module import CommandError, ExchangeModule, Outcome

NAME = "Invoke-Area1ExchangeCmdlet"
_FILE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "jea" / "Area1.psrc"
_BLOCK = re.compile(r"ScriptBlock = \{(.*)\}\n\}\n\}\n", re.DOTALL)
_LIST = re.compile(r"\$allowed = @\((.*?)\n    \)", re.DOTALL)


@cache
def _block() -> str:
    found = _BLOCK.search(_FILE.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{_FILE} has no script block")
    return found.group(1)


def definition() -> str:
    """Return the script that defines the function in a session."""
    return f"function global:{NAME} {{{_block()}}}"


@cache
def allowed() -> frozenset[str]:
    found = _LIST.search(_block())
    return frozenset(re.findall(r"'([\w-]+)'", found.group(1))) if found else frozenset()


def run(module: ExchangeModule, parameters: dict[str, Any]) -> tuple[Outcome, str]:
    """Return the outcome, for its streams, and the JSON text."""
    given = {name.lower(): value for name, value in parameters.items()}
    unknown = set(given) - {"cmdlet", "parameters", "erroraction"}
    cmdlet, passed = given.get("cmdlet"), given.get("parameters") or {}
    if unknown or not isinstance(cmdlet, str) or not isinstance(passed, dict):
        raise CommandError(
            "System.Management.Automation.ParameterBindingException",
            f"A parameter cannot be bound: {', '.join(sorted(unknown)) or 'Cmdlet'}.",
            "NamedParameterNotFound",
        )
    name = next((item for item in allowed() if item.lower() == cmdlet.lower()), None)
    if name is None:
        raise CommandError(
            "System.Management.Automation.RuntimeException",
            f"{NAME} does not allow the cmdlet '{cmdlet}'.",
            f"{NAME} does not allow the cmdlet '{cmdlet}'.",
        )
    outcome = module.call(name, passed)
    document: dict[str, Any] = {"values": [module.listed(value) for value in outcome.values]}
    if name == "Get-ConnectionInformation":
        known = {item.lower() for item in module.commands()}
        document["cmdlets"] = sorted(item for item in allowed() if item.lower() in known)
    document["date"] = module.now()
    return outcome, json.dumps(document, ensure_ascii=False, separators=(",", ":"))

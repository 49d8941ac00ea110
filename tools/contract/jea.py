#!/usr/bin/env python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role capability of a constrained management host, written from the table of cmdlets."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

_SCRIPT = importlib.import_module("plugins.module_utils._exchange.psrp.host_script")

TEMPLATE = """\
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Role capability of the session configuration in Area1.pssc: one function, which runs the cmdlets
# of a list and no others. Written by tools/contract/generate.py; do not edit.
@{
GUID = '8d4b2c5e-7f0e-4f0b-9a39-7b6f3f4f6a11'
Author = 'mailflow.area1 contributors'
Description = 'Cmdlets of Exchange Online that mailflow.area1 calls'
VisibleFunctions = '%(name)s'
FunctionDefinitions = @{
    Name = '%(name)s'
    ScriptBlock = {%(body)s}
}
}
"""


def files() -> dict[Path, str]:
    """Return path and text of what is written."""
    path = ROOT / "docs" / "examples" / "jea" / "Area1.psrc"
    return {path: TEMPLATE % {"name": _SCRIPT.FUNCTION, "body": _SCRIPT.body()}}

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.mailflow.area1.plugins.module_utils._doctor.controller import SECTION
from ansible_collections.mailflow.area1.plugins.module_utils._doctor.debug import (
    ARGUMENT_SPEC,
    debug,
)
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import TableAction


class ActionModule(TableAction):
    """Looks round from the controller and shows the result as a table."""

    spec = ARGUMENT_SPEC
    logic = staticmethod(debug)

    def _lacks_library(self, outcome: t.Mapping[str, t.Any]) -> bool:
        """Return whether to look again from the interpreter that runs the modules.

        What this process lacks, that one may have.
        """
        problems = outcome.get("problems") or ()
        missing = any(problem.get("section") == SECTION for problem in problems)
        return missing or super()._lacks_library(outcome)

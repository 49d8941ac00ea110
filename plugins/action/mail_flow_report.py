# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.report.build import run_report
from ansible_collections.mailflow.area1.plugins.modules.mail_flow_report import ARGUMENT_SPEC
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import (
    ControllerAction,
    show,
)


class ActionModule(ControllerAction):
    """Prints the summary on the operator's terminal as text, whatever the verbosity."""

    spec = ARGUMENT_SPEC
    logic = staticmethod(run_report)

    def finish(self, result: dict[str, t.Any]) -> None:
        if not result.get("failed"):
            show(result.get("lines", []))

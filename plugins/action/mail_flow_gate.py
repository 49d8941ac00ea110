# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.evaluate import (
    run_gate,
)
from ansible_collections.mailflow.area1.plugins.modules.mail_flow_gate import ARGUMENT_SPEC
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import ServiceAction


class ActionModule(ServiceAction):
    """Works on the operator's files, on the controller."""

    spec = ARGUMENT_SPEC
    logic = staticmethod(run_gate)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mailflow.area1.plugins.module_utils._email_security.quarantine import (
    manage,
)
from ansible_collections.mailflow.area1.plugins.modules.area1_quarantine import ARGUMENT_SPEC
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import TableAction


class ActionModule(TableAction):
    """Runs on the controller, where there is a terminal at which the operator can be asked."""

    spec = ARGUMENT_SPEC
    requirements = {"mutually_exclusive": [("path", "directory")]}
    logic = staticmethod(manage)

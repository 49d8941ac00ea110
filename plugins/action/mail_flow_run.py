# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.end_run import (
    run_directory_of_run,
)
from ansible_collections.mailflow.area1.plugins.modules.mail_flow_run import ARGUMENT_SPEC
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import ControllerAction


class ActionModule(ControllerAction):
    """Works on the operator's files, on the controller."""

    spec = ARGUMENT_SPEC
    logic = staticmethod(run_directory_of_run)
    requirements: t.ClassVar[dict[str, t.Any]] = {"required_if": [("state", "absent", ("path",))]}

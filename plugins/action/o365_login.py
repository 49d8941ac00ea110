# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import (
    ARGUMENT_SPEC,
    TOKENS,
    login,
)
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import (
    ControllerAction,
    conceal,
)


class ActionModule(ControllerAction):
    """Signs in on the controller. A success is hidden from the output, an error is shown."""

    spec = ARGUMENT_SPEC
    logic = staticmethod(login)
    returned_secrets = TOKENS

    def finish(self, result: dict[str, t.Any]) -> None:
        for name in TOKENS:
            conceal(str(result.get(name) or ""))
        if not result.get("failed"):
            result["_ansible_no_log"] = True

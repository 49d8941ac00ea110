# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible.utils.display import Display

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.outside_text import one_line
from ansible_collections.mailflow.area1.plugins.modules.mail_flow_wait import (
    ARGUMENT_SPEC,
    run_wait,
)
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import ServiceAction


class ActionModule(ServiceAction):
    """Shows on the operator's terminal what is awaited while it waits, whatever the verbosity."""

    spec = ARGUMENT_SPEC
    logic = staticmethod(run_wait)

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        self._host = str((task_vars or {}).get("inventory_hostname") or "")
        return super().run(tmp, task_vars)

    def _context(self, secrets: t.AbstractSet[str]) -> Context:
        return dataclasses.replace(
            super()._context(secrets),
            say=lambda line: Display().display(one_line("[%s] %s" % (self._host, line))),
        )

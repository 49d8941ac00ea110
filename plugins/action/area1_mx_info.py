# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mailflow.area1.plugins.module_utils._dns.info import run
from ansible_collections.mailflow.area1.plugins.modules.area1_mx_info import SPEC
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import ServiceAction


class ActionModule(ServiceAction):
    spec = SPEC
    logic = staticmethod(run)

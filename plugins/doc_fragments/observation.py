# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  observation_path:
    description:
      - File that passes the run's observation from task to task. What an earlier task has read is
        not read again, and what this task writes is known to the next one. In check mode the
        predicted state is passed on.
      - The file has mode C(0600). Its directory must have mode C(0700) and belong to the user who
        runs the task. Both are created if missing.
      - Remove it at the end of the run. Without this option everything is read from the service.
    type: path
"""

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
      - File that hands the run's observation from task to task. What an earlier task read is
        not read again, and what this
        task leaves is known to the next one. In check mode the predicted world is handed on.
      - The file is written with mode C(0600). Its directory must be of mode C(0700) and belong
        to the user who runs the task.
        File and directory are made if missing.
      - Remove it at the end of the run. Without this option every read goes to the service.
    type: path
"""

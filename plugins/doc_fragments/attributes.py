# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Modules that change something.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying
      the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or would change in check mode), when
      in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second
        invocation indicates no change.
      - This assumes that the system controlled by the module has not changed in a relevant way.
    support: full
  platform:
    description: Target operating systems or families that can be operated against.
    support: full
    platforms: posix
"""

    # Modules that only read.
    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying
      the target.
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    description: Will return details on what has changed (or would change in check mode), when
      in diff mode.
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second
        invocation indicates no change.
      - This assumes that the system controlled by the module has not changed in a relevant way.
    support: full
    details:
      - This module does not modify state.
  platform:
    description: Target operating systems or families that can be operated against.
    support: full
    platforms: posix
"""

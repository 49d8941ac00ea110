# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Values of options from the environment."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleFallbackNotFound


def first_env(*names: str) -> str:
    """Return the first environment variable that is set and not empty, as an option's fallback."""
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise AnsibleFallbackNotFound

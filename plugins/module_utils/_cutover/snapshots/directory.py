# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The tenant's directory on the operator's side: where it lies, and files in it that are whole and
nobody else's to read.
"""

from __future__ import annotations

import datetime
import os

from ..._engine.errors import InputError
from ..._engine.files import absolute, state_home


def state_directory(given: str | None, tenant: str) -> str:
    """Absolute directory of the tenant's baseline and snapshots.

    Relative paths count from where ansible-playbook was started.
    """
    directory = absolute(given) if given else os.path.join(state_home(), "mailflow.area1", tenant)
    if "ansible_collections" in directory.split(os.sep):
        raise InputError(
            "area1_snapshot_dir lies inside a collection (%s): a reinstall would delete the"
            " baseline." % directory,
            "Name a directory of your own.",
        )
    return directory


def utc_stamp() -> str:
    """For file names only; nothing is decided by it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")

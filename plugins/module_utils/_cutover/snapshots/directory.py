# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The tenant's directory on the controller, and its files.

Files are whole, and only this user can read them.
"""

from __future__ import annotations

import datetime
import os
import re
import typing as t

from ..._engine.errors import InputError
from ..._engine.files import absolute, state_home

# One name of a directory: a domain of ASCII letters, as a tenant's initial one is, or a GUID.
_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,252}")


def state_directory(given: str | None, tenant: str) -> str:
    """Return the absolute directory of the tenant's baseline and snapshots.

    Relative paths count from where ansible-playbook was started. The tenant's name comes from the
    service: InputError where it is none that can be the name of one directory.
    """
    if given:
        directory = absolute(given)
    else:
        directory = os.path.join(state_home(), "mailflow.area1", directory_name(tenant))
    if "ansible_collections" in directory.split(os.sep):
        raise InputError(
            "area1_snapshot_dir lies inside a collection (%s): a reinstall would delete the"
            " baseline." % directory,
            "Name a directory of your own.",
        )
    return directory


def directory_name(tenant: t.Any) -> str:
    """Return the name of the tenant's own directory: its initial domain or id, in lower case.

    :raises InputError: a name that would lead elsewhere.
    """
    name = str(tenant or "").strip().lower()
    if not name:
        raise InputError(
            "The tenant is not known.", "Give tenant, or an observation that names it."
        )
    if not _NAME.fullmatch(name):
        raise InputError(
            "The tenant is not known: %r is neither an initial domain nor an id." % name,
            "Give area1_snapshot_dir, and ask who answers in the name of Exchange Online.",
        )
    return name


def utc_stamp() -> str:
    """Return the time for a file name; nothing is decided by it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")

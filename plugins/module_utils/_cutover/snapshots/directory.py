# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The tenant's directory on the operator's side: where it lies, and files in it that are whole and
nobody else's to read.
"""

from __future__ import annotations

import datetime
import json
import os
import stat
import typing as t

from ..._engine.errors import InputError
from ..._engine.files import absolute, replacing, state_home

TIMELINE = "timeline.json"


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


def write_private(path: str, value: t.Any) -> None:
    """0600 in a 0700 directory, whole or not at all."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if stat.S_IMODE(os.stat(directory).st_mode) & 0o022:
        raise InputError(
            "%s can be written by others." % directory,
            "Take the write permission of group and others away.",
        )
    with replacing(path) as stream:
        stream.write(
            json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode("utf-8")
        )


def load_timeline(directory: str) -> list[dict[str, t.Any]]:
    try:
        with open(os.path.join(directory, TIMELINE), encoding="utf-8") as stream:
            return t.cast("list[dict[str, t.Any]]", json.load(stream))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as exc:
        raise InputError(
            "%s cannot be read: %s." % (os.path.join(directory, TIMELINE), exc),
            "Restore it from a backup or remove it.",
        ) from exc


def utc_stamp() -> str:
    """For file names only; nothing is decided by it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")

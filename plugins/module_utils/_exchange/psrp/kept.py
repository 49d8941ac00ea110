# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Sessions that outlive a task: one connection of a host to Exchange Online for a whole run.

A task of ansible-core is a process of its own, so that a session cannot be kept in memory.
PowerShell remoting lets a client leave a session, and another one of the same user take it over.
What is kept is the session's id, in the directory of the run that only this user can enter. It is
no secret: who wants to use it has to sign in to the host. A host that does not keep sessions costs
a connection a task, and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import typing as t

from ..._engine.run_directory import PREFIX

_NAME = "psrp-%s.json"
_FILES = re.compile(r"psrp-[0-9a-f]{32}\.json")
_ID = re.compile(r"[0-9A-Fa-f-]{36}")
_LARGEST = 4096


class KeptSession:
    """Where the id of one session lies between two tasks. Without a run's directory: nowhere."""

    def __init__(self, params: t.Mapping[str, t.Any], key: t.Sequence[str]) -> None:
        directory = run_directory(params)
        digest = hashlib.sha256(json.dumps(list(key)).encode("utf-8")).hexdigest()[:32]
        self._path = os.path.join(directory, _NAME % digest) if directory else ""

    @property
    def is_wanted(self) -> bool:
        """Whether a later task could find the session."""
        return bool(self._path)

    def take(self) -> str:
        """Return the session's id, and leave nothing for another task to take; "" for none."""
        if not self._path:
            return ""
        try:
            with open(self._path, encoding="utf-8") as stream:
                found = json.loads(stream.read(_LARGEST))
            os.unlink(self._path)
        except (OSError, ValueError):
            return ""
        identifier = found.get("session") if isinstance(found, dict) else ""
        return identifier if isinstance(identifier, str) and _ID.fullmatch(identifier) else ""

    def put(self, identifier: str) -> bool:
        """Leave a session to the next task. False where another one lies there already."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return False
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump({"session": identifier}, stream)
        return True


def run_directory(params: t.Mapping[str, t.Any]) -> str:
    """Return the directory of the run, "" where there is none or others could look into it."""
    path = str(params.get("observation_path") or "")
    directory = os.path.dirname(os.path.abspath(path)) if path else ""
    if not os.path.basename(directory).startswith(PREFIX):
        return ""
    with contextlib.suppress(OSError):
        found = os.lstat(directory)
        private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
        if private and found.st_uid == os.getuid():
            return directory
    return ""


def kept_in(directory: str) -> bool:
    """Return whether a run left a session open that should be ended."""
    try:
        return any(_FILES.fullmatch(name) for name in os.listdir(directory))
    except OSError:
        return False

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Files for the operator: readable by nobody else, whole or not there at all."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
import typing as t

from .errors import InputError


@contextlib.contextmanager
def replacing(path: str) -> t.Iterator[t.IO[bytes]]:
    """A 0600 file beside C(path) that takes its place when the block ends well.

    Its directory is made, 0700, if need be.
    """
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=directory, prefix=".new-")
    except OSError as exc:
        raise InputError(
            "%s cannot be written: %s." % (path, exc.strerror),
            "Name a directory that this user may write to.",
        ) from exc
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def write_private(path: str, value: t.Any) -> None:
    """Write JSON to a 0600 file in a 0700 directory, whole or not at all."""
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


def content(path: str, limit: int = -1) -> bytes | None:
    """What a file holds, or how it begins; None where there is none.

    What is no plain file is refused: it is never replaced.
    """
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise InputError(
            "%s cannot be looked at: %s." % (path, exc.strerror), "Name another path."
        ) from exc
    if not stat.S_ISREG(kind):
        raise InputError("%s is there and is not a plain file." % path, "Name another path.")
    try:
        with open(path, "rb") as stream:
            return stream.read(limit)
    except OSError as exc:
        raise InputError(
            "%s cannot be read: %s." % (path, exc.strerror), "Name another path."
        ) from exc


def absolute(path: str) -> str:
    """As given by an operator: relative ones count from where ansible-playbook was started."""
    return os.path.abspath(os.path.expanduser(path))


def state_home() -> str:
    """Where this user's programs keep what they have to keep (XDG Base Directory Specification)."""
    return absolute(os.environ.get("XDG_STATE_HOME") or os.path.join("~", ".local", "state"))

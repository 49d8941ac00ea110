# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Files for the operator: readable by nobody else, whole or not there at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import typing as t

from .errors import InputError
from .outside_text import json_bytes

# What file systems say that cannot sync a directory, or at all.
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM)
_ELSEWHERE = "Name a directory that this user may write to, on a file system with room."


@contextlib.contextmanager
def replacing(path: str, durable: bool = True) -> t.Iterator[t.IO[bytes]]:
    """Yield a 0600 file beside C(path) that takes its place when the block ends well.

    Its directory is made, 0700, if need be. Unless ``durable`` is false, file and name are on the
    disk when the block is left: what the way back depends on must outlive a power cut, too.
    InputError when it cannot be written; what was there before stays then.
    """
    directory = os.path.dirname(path)
    try:
        make_private_directory(directory)
        handle, name = tempfile.mkstemp(dir=directory, prefix=".new-")
    except OSError as exc:
        raise unwritable(path, exc) from exc
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            if durable:
                _sync(stream.fileno())
        os.replace(name, path)
        if durable:
            sync_directory(directory)
    except BaseException as exc:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        if isinstance(exc, OSError):
            raise unwritable(path, exc) from exc
        raise


def write_private(path: str, value: t.Any) -> None:
    """Write JSON to a 0600 file in a 0700 directory, whole or not at all, and to the disk.

    :raises InputError: the directory is another user's or can be written by others, or the file
        cannot be written.
    """
    directory = os.path.dirname(path)
    try:
        make_private_directory(directory)
        info = os.stat(directory)
    except OSError as exc:
        raise unwritable(path, exc) from exc
    check_owned(directory, info)
    with replacing(path) as stream:
        stream.write(json_bytes(value, indent=1, sort_keys=True))


def make_private_directory(directory: str) -> None:
    """Make a directory, 0700, and those above it; their names are on the disk when it returns.

    OSError when it cannot be made. One that is there already stays as it is.
    """
    missing = []
    above = os.path.abspath(directory)
    while not os.path.lexists(above):
        missing.append(above)
        above = os.path.dirname(above)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    for made in missing:
        sync_directory(os.path.dirname(made))


def sync_directory(directory: str) -> None:
    """Have the names in a directory written to the disk, where its file system can do that."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as exc:
        if exc.errno in _NO_SYNC:
            return
        raise
    try:
        _sync(handle)
    finally:
        os.close(handle)


def _sync(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as exc:
        if exc.errno not in _NO_SYNC:
            raise


def unwritable(path: str, exc: OSError) -> InputError:
    """Return the error for a file that could not be written."""
    return InputError("%s cannot be written: %s." % (path, exc.strerror or exc), _ELSEWHERE)


def content(path: str, limit: int = -1) -> bytes | None:
    """Return what a file holds, or how it begins; None where there is none.

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


def own_content(path: str) -> bytes | None:
    """Return what a state file of ours holds; None where there is none.

    What decides about the way back must not be another user's to write: a file that is not this
    user's (or root's), or that others may write to, is refused with InputError.
    """
    try:
        # Not to wait for ever where the name is that of a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            info = os.fstat(stream.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise InputError("%s is not a plain file." % path, "Name another directory.")
            check_owned(path, info)
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise InputError(
            "%s cannot be read: %s." % (path, exc.strerror or exc),
            "Give this user access to it.",
        ) from exc


def check_owned(path: str, info: os.stat_result) -> None:
    """Refuse with InputError what another user owns or others may write to."""
    if info.st_uid not in (os.geteuid(), 0):
        raise InputError(
            "%s belongs to another user (uid %d), who could change it." % (path, info.st_uid),
            "Run as that user, or make it yours (chown) once you have seen that it is right.",
        )
    if stat.S_IMODE(info.st_mode) & 0o022:
        raise InputError(
            "%s can be written by others." % path,
            "Take the write permission of group and others away: chmod go-w %s" % path,
        )


def absolute(path: str) -> str:
    """Return a path as an operator means it: relative to where ansible-playbook was started."""
    return os.path.abspath(os.path.expanduser(path))


def state_home() -> str:
    """Return where this user's programs keep their state (XDG Base Directory Specification)."""
    return absolute(os.environ.get("XDG_STATE_HOME") or os.path.join("~", ".local", "state"))

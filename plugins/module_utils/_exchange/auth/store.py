# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Access tokens kept in files, for runs that follow each other closely. Only where asked for.

A token is a credential: the directory is 0700 and the files are 0600, both the user's own; links
are not followed; names are digests and tell neither tenant nor app. A lock lets one of many tasks
sign in while the others wait for its token.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import tempfile
import time
import typing as t

from ..._engine.errors import InputError

FORMAT = 1
# A kept token that ends sooner is not used: a run takes some minutes.
SHORTEST_LIFE = 600.0
# As long as a sign-in may take; then everybody signs in for himself.
LOCK_SECONDS = 60.0
_LARGEST = 64 * 1024
_HINT = "Name a directory of this user's own, which nobody else can read, or leave token_cache out."


class TokenStore:
    """The directory of kept tokens. ``now``: seconds since 1970."""

    def __init__(self, directory: str, now: t.Callable[[], float]) -> None:
        self._directory = os.path.abspath(os.path.expanduser(directory))
        self._now = now

    @contextlib.contextmanager
    def locked(self, key: t.Sequence[str]) -> t.Iterator[Entry]:
        """Hold the entry of a key, so that one task at a time reads or replaces it."""
        self._prepare()
        digest = hashlib.sha256(json.dumps(list(key)).encode("utf-8")).hexdigest()
        path = os.path.join(self._directory, digest)
        handle = _open(path + ".lock", os.O_RDWR | os.O_CREAT)
        try:
            _lock(handle)
            yield Entry(path + ".json", self._now)
        finally:
            os.close(handle)

    def _prepare(self) -> None:
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            found = os.lstat(self._directory)
        except OSError as exc:
            raise InputError(
                "token_cache: %s cannot be used: %s." % (self._directory, exc.strerror), _HINT
            ) from None
        if not stat.S_ISDIR(found.st_mode):
            raise InputError("token_cache: %s is no directory." % self._directory, _HINT)
        _own(self._directory, found)


class Entry:
    """One kept token."""

    def __init__(self, path: str, now: t.Callable[[], float]) -> None:
        self._path = path
        self._now = now

    def read(self) -> str:
        """Return the token, "" where there is none that lives long enough."""
        if not os.path.lexists(self._path):
            return ""
        handle = _open(self._path, os.O_RDONLY)
        with os.fdopen(handle, "rb") as stream:
            content = stream.read(_LARGEST)
        try:
            found = json.loads(content)
            value, end = str(found["access_token"]), float(found["expires_at"])
            usable = found["format"] == FORMAT and end - self._now() > SHORTEST_LIFE
        except (ValueError, TypeError, KeyError, RecursionError):
            return ""
        return value if usable else ""

    def write(self, value: str, expires_at: float) -> None:
        """Put the token in the entry's place, whole or not at all."""
        content = {"format": FORMAT, "access_token": value, "expires_at": expires_at}
        try:
            handle, name = tempfile.mkstemp(dir=os.path.dirname(self._path), prefix=".new-")
        except OSError as exc:
            raise InputError(
                "token_cache: %s cannot be written: %s." % (self._path, exc.strerror), _HINT
            ) from None
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(content, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(name, self._path)
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise InputError(
                "token_cache: %s cannot be written: %s." % (self._path, exc.strerror), _HINT
            ) from None


def _open(path: str, flags: int) -> int:
    """Open a file of our own; a link, or a file of somebody else, is refused."""
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as exc:
        raise InputError(
            "token_cache: %s cannot be opened: %s." % (path, exc.strerror), _HINT
        ) from None
    found = os.fstat(handle)
    try:
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise InputError("token_cache: %s is not a plain file." % path, _HINT)
        _own(path, found)
    except InputError:
        os.close(handle)
        raise
    return handle


def _own(path: str, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise InputError("token_cache: %s belongs to another user." % path, _HINT)
    if found.st_mode & 0o077:
        raise InputError("token_cache: %s is open to other users." % path, _HINT)


def _lock(handle: int) -> None:
    """Wait for the lock, but not for ever: without it a task only signs in once more."""
    end = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < end:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.05)

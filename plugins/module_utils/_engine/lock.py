# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One writer at a time.

A file says which run works on something. It is believed only while that run can still be alive.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import getpass
import os
import secrets
import socket
import time
import typing as t

from .errors import Conflict, InputError, MailflowError
from .files import make_private_directory, replacing, unwritable
from .outside_text import json_bytes, parse_json

LOCK = "run.lock"
HELD = "lock.json"
# Longer than any run waits by default. Whether a process of another host lives cannot be seen from
# here.
FOREIGN_SECONDS = 12 * 3600.0
# A file that was made but not written yet, as versions before this one made it.
UNWRITTEN_SECONDS = 60.0
# Looking at a lock and replacing it takes milliseconds.
ALONE_SECONDS = 20.0
LONGEST_LOCK = 64 * 1024


def acquire(directory: str, run_directory: str, now: float) -> None:
    """Hold the lock of ``directory`` for the run whose own directory is given.

    Conflict names who holds it. InputError when the file cannot be written or understood.
    """
    path, held = os.path.join(directory, LOCK), os.path.join(run_directory, HELD)
    try:
        make_private_directory(directory)
    except OSError as exc:
        raise unwritable(path, exc) from exc
    with _alone(directory):
        if _own(path, held):
            return
        holder = _read(path)
        if os.path.lexists(path):
            if not _stale(path, holder, now):
                raise _conflict(path, holder)
            _set_aside(path, holder)
        entry = _entry(now)
        # The run's own note first: a lock without it could be given back by nobody.
        with replacing(held, durable=False) as stream:
            stream.write(json_bytes({"path": path, "token": entry["token"]}))
        _take(path, entry)


def release(run_directory: str) -> None:
    """Give back what this run holds; what another run took over meanwhile stays."""
    held = _read(os.path.join(run_directory, HELD))
    path = str(held.get("path") or "")
    if not path or not os.path.isdir(os.path.dirname(path)):
        return
    with contextlib.suppress(OSError, MailflowError), _alone(os.path.dirname(path)):
        if _read(path).get("token") == held.get("token"):
            os.unlink(path)


@contextlib.contextmanager
def _alone(directory: str) -> t.Iterator[None]:
    """Hold off every other process that looks at the lock and replaces it, for a moment.

    Without this, a run that was interrupted between the two could move away the lock that another
    one has taken since. Where the file system has no such locks, :func:`_set_aside` finds out.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise unwritable(os.path.join(directory, LOCK), exc) from exc
    try:
        end = time.monotonic() + ALONE_SECONDS
        while not _locked(handle):
            if time.monotonic() > end:
                raise Conflict(
                    "Another run looks at the lock of %s and does not end." % directory,
                    "Run again; if it stays so, look for a stopped ansible-playbook.",
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Return whether there is nothing to wait for: it is locked, or cannot be on this system."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        return exc.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR)
    return True


def _take(path: str, entry: t.Mapping[str, t.Any]) -> None:
    """Make the lock with all that it says, or not at all."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise _conflict(path, _read(path)) from None
    except OSError as exc:
        raise unwritable(path, exc) from exc
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(json_bytes(entry))
    except OSError as exc:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise unwritable(path, exc) from exc


def _conflict(path: str, holder: t.Mapping[str, t.Any]) -> Conflict:
    return Conflict(
        "Another run works on this tenant: process %s of %s on %s, since %s."
        % tuple(holder.get(key) or "unknown" for key in ("pid", "user", "host", "at")),
        "Wait for its end. If it is no more, remove %s." % path,
    )


def _entry(now: float) -> dict[str, t.Any]:
    """Return what the lock of this run says.

    The process that lives as long as the run is the parent: a task's own ends with the task.
    """
    pid = os.getppid()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    at = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "pid": pid,
        "born": _born(pid),
        "host": socket.gethostname(),
        "user": user,
        "at": at,
        "taken": now,
        "token": secrets.token_hex(16),
    }


def _own(path: str, held: str) -> bool:
    token = _read(held).get("token")
    return bool(token) and _read(path).get("token") == token


def _read(path: str) -> dict[str, t.Any]:
    """Return what the file says; nothing when it is not there or says nothing that we know."""
    try:
        with open(path, "rb") as stream:
            found = parse_json(stream.read(LONGEST_LOCK).decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _stale(path: str, holder: t.Mapping[str, t.Any], now: float) -> bool:
    """Return whether the run that the file names can no longer be alive."""
    taken, pid = holder.get("taken"), holder.get("pid")
    try:
        since = float(taken) if taken else os.stat(path).st_mtime
    except FileNotFoundError:
        return True
    except (OSError, TypeError, ValueError, OverflowError) as exc:
        raise _unclear(path) from exc
    if not pid:
        return now - since > UNWRITTEN_SECONDS
    if not isinstance(pid, int) or not 0 < pid < 2**31:
        raise _unclear(path)
    if holder.get("host") != socket.gethostname():
        return now - since > FOREIGN_SECONDS
    return not _alive(pid, holder.get("born"))


def _unclear(path: str) -> InputError:
    return InputError(
        "%s does not say which run holds it: it was changed or damaged." % path,
        "Remove it if no run works on this tenant.",
    )


def _alive(pid: int, born: t.Any) -> bool:
    """Return whether the process lives; one that got its number meanwhile was born later."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    present = _born(pid)
    return present != "dead" and (born is None or present is None or born == present)


def _born(pid: int) -> str | None:
    """Return when a process began, in ticks since boot.

    C(dead) for a zombie; None where the system does not tell.
    """
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return None
    return "dead" if fields[0] in ("Z", "X") else fields[19]


def _set_aside(path: str, judged: t.Mapping[str, t.Any]) -> None:
    """Move a stale lock away; Conflict when another run's lock lies there by now.

    What was moved is compared with what was judged, and put back if it is not the same.
    """
    aside = "%s.%s" % (path, secrets.token_hex(16))
    try:
        os.rename(path, aside)
        moved = _read(aside)
        if moved.get("token") != judged.get("token"):
            if not os.path.lexists(path):
                os.rename(aside, path)
            raise _conflict(path, moved)
        os.unlink(aside)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise unwritable(path, exc) from exc

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One writer: a file that says which run works on something, and is believed only while that run
can still be alive.
"""

from __future__ import annotations

import datetime
import getpass
import json
import os
import secrets
import socket
import typing as t

from .errors import Conflict, InputError

LOCK = "run.lock"
HELD = "lock.json"
# Longer than any run waits by default. Whether a process of another host lives cannot be seen from
# here.
FOREIGN_SECONDS = 12 * 3600.0
# A file that was made but not written yet.
UNWRITTEN_SECONDS = 60.0


def acquire(directory: str, run_directory: str, now: float) -> None:
    """Hold the lock of ``directory`` for the run whose own directory is given; Conflict names who
    holds it.
    """
    path, held = os.path.join(directory, LOCK), os.path.join(run_directory, HELD)
    if _own(path, held):
        return
    os.makedirs(directory, mode=0o700, exist_ok=True)
    holder: dict[str, t.Any] = {}
    for _attempt in range(3):
        entry = _entry(now)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            holder = _read(path)
            if not _stale(path, holder, now):
                break
            _set_aside(path, entry["token"])
            continue
        except OSError as exc:
            raise InputError(
                "%s cannot be written: %s." % (path, exc.strerror),
                "Give this user access to the directory.",
            ) from exc
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(entry, stream)
        with os.fdopen(
            os.open(held, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8"
        ) as stream:
            json.dump({"path": path, "token": entry["token"]}, stream)
        return
    raise Conflict(
        "Another run works on this tenant: process %s of %s on %s, since %s."
        % tuple(holder.get(key) or "unknown" for key in ("pid", "user", "host", "at")),
        "Wait for its end. If it is no more, remove %s." % path,
    )


def release(run_directory: str) -> None:
    """Give back what this run holds; what another run took over meanwhile stays."""
    held = _read(os.path.join(run_directory, HELD))
    path = str(held.get("path") or "")
    if path and _read(path).get("token") == held.get("token"):
        try:
            os.unlink(path)
        except OSError:
            return


def _entry(now: float) -> dict[str, t.Any]:
    """The process that lives as long as the run is the parent: a task's own ends with the task."""
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
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _stale(path: str, holder: t.Mapping[str, t.Any], now: float) -> bool:
    try:
        age = now - float(holder.get("taken") or os.stat(path).st_mtime)
    except (OSError, TypeError, ValueError):
        return False
    if not holder.get("pid"):
        return age > UNWRITTEN_SECONDS
    if holder.get("host") != socket.gethostname():
        return age > FOREIGN_SECONDS
    return not _alive(int(holder["pid"]), holder.get("born"))


def _alive(pid: int, born: t.Any) -> bool:
    """A number that was given to another process meanwhile is another birth."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    present = _born(pid)
    return present != "dead" and (born is None or present is None or born == present)


def _born(pid: int) -> str | None:
    """Start time in ticks since boot, C(dead) for a zombie; None where the system does not tell."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return None
    return "dead" if fields[0] in ("Z", "X") else fields[19]


def _set_aside(path: str, token: str) -> None:
    """Of two runs that find the same stale file only one moves it away."""
    aside = "%s.%s" % (path, token)
    try:
        os.rename(path, aside)
        os.unlink(aside)
    except OSError:
        return

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time writes to a tenant; a run that died holds nobody."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine import lock
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    Conflict,
    InputError,
)


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """The directories of two runs."""
    found = [tmp_path / "one", tmp_path / "two"]
    for path in found:
        path.mkdir(mode=0o700)
    return [str(path) for path in found]


def held(directory: Path) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((directory / lock.LOCK).read_text())
    return entry


def test_the_second_run_is_told_who_holds_it(tmp_path: Path, runs: list[str]) -> None:
    state = tmp_path / "state"
    lock.acquire(str(state), runs[0], time.time())
    assert stat.S_IMODE((state / lock.LOCK).stat().st_mode) == 0o600
    with pytest.raises(Conflict) as error:
        lock.acquire(str(state), runs[1], time.time())
    assert str(os.getppid()) in str(error.value) and str(state / lock.LOCK) in str(error.value)
    lock.acquire(str(state), runs[0], time.time())
    lock.release(runs[1])
    assert (state / lock.LOCK).exists(), "what another holds is not given back"
    lock.release(runs[0])
    assert not (state / lock.LOCK).exists()
    lock.acquire(str(state), runs[1], time.time())


def test_a_process_that_is_no_more_holds_nobody(tmp_path: Path, runs: list[str]) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    lock.acquire(str(tmp_path), runs[0], time.time())
    (tmp_path / lock.LOCK).write_text(json.dumps({**held(tmp_path), "pid": done.pid, "born": "1"}))
    lock.acquire(str(tmp_path), runs[1], time.time())
    assert held(tmp_path)["pid"] == os.getppid()
    lock.release(runs[0])
    assert held(tmp_path), "the run that was taken for dead gives back nothing that is not its own"


def test_a_number_that_another_process_got_does_not_count(tmp_path: Path, runs: list[str]) -> None:
    lock.acquire(str(tmp_path), runs[0], time.time())
    (tmp_path / lock.LOCK).write_text(json.dumps({**held(tmp_path), "born": "7"}))
    lock.acquire(str(tmp_path), runs[1], time.time())


@pytest.mark.parametrize(("hours", "free"), [(1, False), (13, True)])
def test_of_another_host_only_the_time_tells(
    tmp_path: Path, runs: list[str], hours: float, free: bool
) -> None:
    lock.acquire(str(tmp_path), runs[0], time.time() - hours * 3600)
    (tmp_path / lock.LOCK).write_text(json.dumps({**held(tmp_path), "host": "elsewhere"}))
    if free:
        lock.acquire(str(tmp_path), runs[1], time.time())
    else:
        with pytest.raises(Conflict, match="elsewhere"):
            lock.acquire(str(tmp_path), runs[1], time.time())


def test_a_file_that_says_nothing_is_believed_for_a_minute(tmp_path: Path, runs: list[str]) -> None:
    (tmp_path / lock.LOCK).write_text("")
    with pytest.raises(Conflict):
        lock.acquire(str(tmp_path), runs[0], time.time())
    lock.acquire(str(tmp_path), runs[0], time.time() + 61)


def dead(directory: Path, run: str) -> dict[str, Any]:
    """Leave the lock of a run whose process is no more."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    lock.acquire(str(directory), run, time.time())
    entry = {**held(directory), "pid": done.pid, "born": "1"}
    (directory / lock.LOCK).write_text(json.dumps(entry))
    return entry


def test_the_lock_of_another_run_is_never_moved_away_in_place_of_a_stale_one(
    tmp_path: Path, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = dead(tmp_path, runs[0])
    # The other run takes the lock between the look and the move of this one. Where the file system
    # has no locks, nothing else keeps the two apart.
    monkeypatch.setattr(lock, "_locked", lambda handle: True)
    lock.acquire(str(tmp_path), runs[1], time.time())
    other = held(tmp_path)
    with pytest.raises(Conflict, match="Another run works on this tenant"):
        lock._set_aside(str(tmp_path / lock.LOCK), judged)
    assert held(tmp_path) == other and len(list(tmp_path.glob(lock.LOCK + "*"))) == 1


def test_two_runs_look_at_a_stale_lock_one_after_the_other(tmp_path: Path, runs: list[str]) -> None:
    dead(tmp_path, runs[0])
    script = (
        "import sys, time; sys.path[:0] = %r\n"
        "from ansible_collections.mailflow.area1.plugins.module_utils._engine import lock\n"
        "lock._entry.__globals__['os'].getppid = lock.os.getpid\n"
        "try:\n    lock.acquire(sys.argv[1], sys.argv[2], time.time()); print('held', flush=True)\n"
        "    time.sleep(3)\n"
        "except lock.Conflict: print('refused', flush=True)\n"
    ) % [path for path in sys.path if path]
    several = [tmp_path / ("r%d" % number) for number in range(6)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(run)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for run in several
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in started]
    assert sorted(said) == ["held"] + ["refused"] * 5


@pytest.mark.parametrize(
    "said",
    [
        {"pid": "abc"},
        {"pid": 10**30},
        {"pid": -1},
        {"pid": [1]},
        {"taken": "yesterday"},
        {"taken": [1]},
        {"taken": 10**400},
    ],
)
def test_a_lock_that_says_nonsense_is_named_and_not_a_crash(
    tmp_path: Path, runs: list[str], said: dict[str, Any]
) -> None:
    lock.acquire(str(tmp_path), runs[0], time.time())
    (tmp_path / lock.LOCK).write_text(json.dumps({**held(tmp_path), **said}))
    with pytest.raises(InputError, match="does not say which run holds it") as caught:
        lock.acquire(str(tmp_path), runs[1], time.time())
    assert str(tmp_path / lock.LOCK) in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", "null", "\ud83d"])
def test_a_lock_that_is_no_lock_is_believed_for_a_minute(
    tmp_path: Path, runs: list[str], text: str
) -> None:
    (tmp_path / lock.LOCK).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(Conflict):
        lock.acquire(str(tmp_path), runs[0], time.time())
    lock.acquire(str(tmp_path), runs[0], time.time() + 61)


def test_a_full_disk_leaves_no_lock_that_holds_everybody_up(
    tmp_path: Path, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(document: Any) -> bytes:
        if "born" in document:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return json.dumps(document).encode()

    monkeypatch.setattr(lock, "json_bytes", refuse)
    with pytest.raises(InputError, match="run.lock cannot be written: No space left"):
        lock.acquire(str(tmp_path), runs[0], time.time())
    assert not (tmp_path / lock.LOCK).exists()


def test_a_link_in_the_run_s_directory_is_replaced_and_not_followed(
    tmp_path: Path, runs: list[str]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    os.symlink(victim, os.path.join(runs[0], lock.HELD))
    lock.acquire(str(tmp_path / "state"), runs[0], time.time())
    assert victim.read_text() == "precious"
    lock.release(runs[0])
    assert not (tmp_path / "state" / lock.LOCK).exists()


def test_a_state_directory_that_cannot_be_made_is_said(tmp_path: Path, runs: list[str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        lock.acquire(str(tmp_path / "file" / "state"), runs[0], time.time())

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time writes to a tenant; a run that died holds nobody."""

from __future__ import annotations

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
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import Conflict


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

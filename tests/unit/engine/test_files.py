# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of ours: whole, on the disk before anybody relies on them, and nobody else's to change."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine import files
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError


class Disk:
    """Notes in which order files are synced, renamed and directories synced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "replace", self.replace)

    def fsync(self, handle: int) -> None:
        path = os.readlink("/proc/self/fd/%d" % handle)
        size = os.fstat(handle).st_size
        self.done.append("dir " + path if os.path.isdir(path) else "file %d" % size)
        self._fsync(handle)

    def replace(self, old: str, new: str) -> None:
        self.done.append("rename " + os.path.basename(new))
        self._replace(old, new)


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    with files.replacing(str(tmp_path / "a" / "b" / "baseline.json")) as stream:
        stream.write(b"12345")
    assert disk.done == [
        "dir %s" % (tmp_path / "a"),
        "dir %s" % tmp_path,
        "file 5",
        "rename baseline.json",
        "dir %s" % (tmp_path / "a" / "b"),
    ]


def test_what_lives_as_long_as_the_run_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    with files.replacing(str(tmp_path / "observation.json"), durable=False) as stream:
        stream.write(b"{}")
    assert disk.done == ["rename observation.json"]


@pytest.mark.parametrize(
    ("code", "fails"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_a_file_system_that_cannot_sync_is_no_reason_to_fail_and_a_broken_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fails: bool
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    path = tmp_path / "baseline.json"
    path.write_text("before")
    if fails:
        with pytest.raises(InputError, match="cannot be written: Input/output error"):
            with files.replacing(str(path)) as stream:
                stream.write(b"after")
    else:
        with files.replacing(str(path)) as stream:
            stream.write(b"after")
    assert path.read_text() == ("before" if fails else "after")
    assert [item.name for item in tmp_path.iterdir()] == ["baseline.json"]


class Full:
    """A file on a disk without room; the error comes when it is written out."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *ignored: Any) -> None:
        self._stream.close()

    def write(self, data: bytes) -> int:
        return len(data)

    def fileno(self) -> int:
        return int(self._stream.fileno())

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "timeline.json"
    path.write_text("before")
    opened = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *given, **more: Full(opened(*given, **more)))
    with pytest.raises(InputError, match="timeline.json cannot be written: No space left"):
        with files.replacing(str(path)) as stream:
            stream.write(b"after")
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_a_directory_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written: Not a directory") as caught:
        with files.replacing(str(tmp_path / "file" / "below" / "baseline.json")):
            pass
    assert "this user may write" in caught.value.hint


def test_an_error_of_the_block_itself_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        with files.replacing(str(tmp_path / "x")):
            raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("uid", "bits", "right"), [(1000, 0o600, False), (0, 0o640, True)])
def test_a_state_file_of_another_user_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, bits: int, right: bool
) -> None:
    path = tmp_path / "baseline.json"
    path.write_text("{}")
    path.chmod(bits)
    os.chown(path, uid, -1)
    if right:
        assert files.own_content(str(path)) == b"{}"
    else:
        with pytest.raises(InputError, match="belongs to another user"):
            files.own_content(str(path))


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666])
def test_a_state_file_that_others_can_write_is_not_believed(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "baseline.json"
    path.write_text("{}")
    path.chmod(bits)
    with pytest.raises(InputError, match="can be written by others") as caught:
        files.own_content(str(path))
    assert "chmod go-w %s" % path in caught.value.hint


def test_a_pipe_in_the_place_of_a_state_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "baseline.json", 0o600)
    with pytest.raises(InputError, match="not a plain file"):
        files.own_content(str(tmp_path / "baseline.json"))
    assert files.own_content(str(tmp_path / "nothing")) is None

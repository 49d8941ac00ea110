# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.run_directory import run_run


def test_the_directory_is_private_new_each_time_and_goes_with_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = (
        run_run({"state": "present"}, Context(check_mode=check)).values for check in (False, True)
    )
    assert first["path"] != second["path"]
    assert stat.S_IMODE(os.stat(first["path"]).st_mode) == 0o700
    assert os.path.dirname(first["observation_path"]) == first["path"]
    Path(first["observation_path"]).write_text("{}", encoding="utf-8")
    for _ in range(2):
        assert run_run({"state": "absent", "path": first["path"]}, Context()).changed is False
    assert os.listdir(tmp_path) == [os.path.basename(second["path"])]


def test_another_directory_is_not_removed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run's directory"):
        run_run({"state": "absent", "path": str(tmp_path)}, Context())
    assert tmp_path.is_dir()

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/conftest.py: a run in which something was skipped is a failed run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"


@pytest.mark.parametrize("arguments", [[], ["-n", "1"]], ids=["alone", "xdist"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("def test_it(): assert 1 + 1 == 2\n", 0),
        ("import pytest\ndef test_it(): pytest.skip('no tool')\n", 1),
        ("import pytest\n@pytest.mark.xfail\ndef test_it(): raise ValueError\n", 1),
        ("import pytest\npytest.importorskip('no_such_library_here')\ndef test_it(): pass\n", 1),
    ],
    ids=["passes", "skips", "xfails", "skips-a-module"],
)
def test_skips_fail_the_run(tmp_path: Path, body: str, code: int, arguments: list[str]) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_one.py").write_text(body)
    (tmp_path / "test_two.py").write_text("def test_other(): assert 2 > 1\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *arguments,
        str(tmp_path),
    ]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == code, result.stdout

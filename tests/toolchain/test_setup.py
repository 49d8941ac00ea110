# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is missing is named, and nothing is passed by in silence: tools/dev."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

DEV = Path(__file__).resolve().parents[2] / "tools" / "dev"


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-c", code, *arguments],
        cwd=DEV,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_missing_program_without_root_names_the_package() -> None:
    code = (
        "import os, sys, setup; os.geteuid = lambda: 1000; setup.PROGRAMS = {'no-such-program':"
        " 'its-package'}; sys.exit(setup.main(setup.programs))"
    )
    result = run(code)
    assert result.returncode == 1
    assert "apt-get install its-package" in result.stderr


def test_missing_python_is_named() -> None:
    code = (
        "import sys, setup; sys.exit(setup.main(lambda: setup.build(setup.Environment('core-9',"
        " 'ansible-core==9', ('3.99',), '1'))))"
    )
    result = run(code)
    assert result.returncode == 1
    assert "core-9 needs Python 3.99" in result.stderr


def test_tarball_with_a_stranger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mailflow-area1-0.0.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (
            "README.md",
            "tests/config.yml",
            "plugins/modules/area1_mx.py",
            "lab/server.py",
        ):
            source = tmp_path / "file"
            source.write_text("x")
            archive.add(source, name)
    result = run(
        "import pathlib, sys, build; sys.exit(build.main(build.check_contents,"
        " pathlib.Path(sys.argv[1])))",
        str(path),
    )
    assert result.returncode == 1
    assert "not to be shipped: lab/server.py" in result.stderr


def test_skipped_sanity_test_is_noticed() -> None:
    line = 'WARNING: Required program "shellcheck" not found.'
    result = run(
        "import sys, sanity; sys.exit(0 if sanity.SKIPPED.search(sys.argv[1]) else 3)", line
    )
    assert result.returncode == 0, result.stderr


def test_tally_counts_skipped_as_failed(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        '<testsuites><testsuite tests="7" failures="1" errors="0" skipped="2"/></testsuites>'
    )
    result = run(
        "import pathlib, sys, layers; print(layers.tally(pathlib.Path(sys.argv[1])))", str(tmp_path)
    )
    assert result.stdout.strip() == "(4, 3)"

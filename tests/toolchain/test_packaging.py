# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every file of the collection has to carry, and what belongs together."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_./~-])/(work|farm|root|home/[a-z]+)/", re.MULTILINE)
LICENSE_OF = {"module_utils": "BSD-2-Clause", "": "GPL-3.0-or-later"}


def files() -> list[Path]:
    listing = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(
        listing, cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    return [
        ROOT / name
        for name in names
        if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink()
    ]


def requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text().splitlines()
    return sorted(line for line in lines if line and not line.startswith("#"))


def test_execution_environments_get_the_same_libraries() -> None:
    assert requirements("meta/ee-requirements.txt") == requirements("requirements.txt")


def test_requirements_have_lower_bounds_only() -> None:
    assert [
        line
        for line in requirements("requirements.txt")
        if not re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", line)
    ] == []


@pytest.mark.parametrize("folder", ["plugins", "lab", "tests", "tools"])
def test_headers(folder: str) -> None:
    bare = []
    for path in files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] != folder or path.suffix != ".py" or not path.stat().st_size:
            continue
        head = "\n".join(path.read_text().splitlines()[:5])
        wanted = LICENSE_OF[
            "module_utils" if relative.parts[:2] == ("plugins", "module_utils") else ""
        ]
        if (
            "Copyright (c) 2026, mailflow.area1 contributors" not in head
            or f"SPDX-License-Identifier: {wanted}" not in head
        ):
            bare.append(str(relative))
    assert bare == []


def test_no_path_of_one_machine() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if MACHINE_PATH.search(text):
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_action_groups_name_modules_that_exist() -> None:
    groups = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]
    named = {name for members in groups.values() for name in members}
    present = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")} - {"__init__"}
    if not present:
        return  # the first module is still to come
    assert named - present == set()
    services = {name for name in present if name.startswith(("o365_", "area1_"))}
    assert services - named == set(), (
        "a module of a service belongs to an action group, so that module_defaults reach it"
    )

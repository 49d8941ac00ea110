# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are in a checkout, the environments of the checks, and how programs run in them."""

from __future__ import annotations

import dataclasses
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
COLLECTIONS = ROOT / ".ansible_root"
NAMESPACE, NAME = "mailflow", "area1"


class Failure(Exception):
    """A step failed; the message is for a person."""


@dataclasses.dataclass(frozen=True)
class Environment:
    """One ansible-core, on the Pythons that it supports, best first."""

    name: str
    core: str
    pythons: tuple[str, ...]
    get_pip: str  # the version in the name of the script by which ansible-test bootstraps pip
    requirements: str = "tests/requirements.txt"
    constraints: str = "tests/constraints.txt"

    @property
    def path(self) -> Path:
        return CACHE / "venvs" / self.name

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"


NEWEST = Environment(
    "core-2.21", "ansible-core==2.21.*", ("3.12", "3.13"), "25_2", "tests/requirements-dev.txt"
)
OLDER = (
    Environment("core-2.19", "ansible-core==2.19.*", ("3.11", "3.12", "3.13"), "24_2"),
    Environment("core-2.16", "ansible-core==2.16.*", ("3.11", "3.10", "3.12"), "23_1_2"),
)
ENVIRONMENTS = {environment.name: environment for environment in (NEWEST, *OLDER)}
# A server that tests start, in a venv of its own, because it pins other versions than we do.
MINISTACK = Environment(
    "ministack",
    "ministack==1.5.33",
    ("3.12", "3.13", "3.11"),
    "",
    "tests/requirements-ministack.txt",
    "tests/requirements-ministack.txt",
)
ALL = {**ENVIRONMENTS, MINISTACK.name: MINISTACK}


def clean_path() -> list[str]:
    """Return PATH without pyenv's shims, and with the system's sbin.

    The shims exit with 127 for versions that are not active.
    """
    parts = [
        part
        for part in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if part and Path(part).name != "shims"
    ]
    return list(dict.fromkeys([*parts, "/usr/sbin", "/usr/bin", "/sbin", "/bin"]))


def variables(environment: Environment, extra_path: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment of a step: the caller's, with the venv's programs first."""
    result = dict(os.environ)
    for name in [
        key for key in result if key.startswith(("ANSIBLE_", "PYENV_", "O365_", "AREA1_"))
    ]:
        del result[
            name
        ]  # a caller's own Ansible settings or credentials must not decide what a test sees
    for name in ("PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        result.pop(name, None)
    result["PATH"] = os.pathsep.join([str(environment.path / "bin"), *extra_path, *clean_path()])
    result["VIRTUAL_ENV"] = str(environment.path)
    result.setdefault("LANG", "C.UTF-8")
    result["PYTHONUNBUFFERED"] = "1"
    return result


def say(text: str) -> None:
    print(text, flush=True)


def run(
    command: Sequence[str | Path],
    environment: Environment = NEWEST,
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float = 1500,
) -> None:
    """Run a program in an environment and fail with its command line if it fails."""
    words = [str(word) for word in command]
    say(f"+ {shlex.join(words)}")
    try:
        code = subprocess.run(
            words, cwd=cwd, env=dict(env or variables(environment)), timeout=timeout, check=False
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{shlex.join(words)}: still running after {timeout:.0f} s") from error
    if code != 0:
        raise Failure(f"{shlex.join(words)}: exit code {code}")


def main(function: Callable[..., None], *arguments: object) -> int:
    """Call a step from a command line: a Failure is a message and exit code 1."""
    try:
        function(*arguments)
    except Failure as failure:
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)
        return 1
    return 0

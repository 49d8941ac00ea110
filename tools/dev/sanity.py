# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-test sanity on what is shipped, as certification does, without ignore files.

Usage: python3 tools/dev/sanity.py [core-2.21 ...] [-- arguments for ansible-test]
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from build import build
from environment import (
    CACHE,
    ENVIRONMENTS,
    NAME,
    NAMESPACE,
    NEWEST,
    Environment,
    Failure,
    main,
    say,
    variables,
)
from setup import interpreter

# ansible-test makes venvs without pip and then downloads a bootstrap script from a host that a
# closed network does not reach. It takes this file instead, where it finds it in its cache; pip
# itself and all else then come from PyPI.
GET_PIP = """\
import subprocess, sys
args = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
pip = [sys.executable, "-m", "ensurepip", "--default-pip"]
subprocess.check_call(pip, stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-q"] + args))
"""
PYTHONS = (
    "3.10",
    "3.11",
    "3.12",
    "3.13",
)  # import and compile run on each that is here and that the ansible-core knows
NOISE = re.compile(
    r"is ignored: it is either a non-existing path|^\s*$|^(Collecting|Installing|Successfully"
    r" installed|Using cached) |^\s+(Downloading|Using cached|━)"
)
# ansible-test passes when a program that a test needs is absent. Here that is a failure.
SKIPPED = re.compile(r"Required program|Skipping sanity test .* due to missing")


def place(tarball: Path, environment: Environment) -> Path:
    """Unpack the collection as shipped, at a path that ansible-test accepts."""
    root = CACHE / "sanity" / environment.name
    shutil.rmtree(root, ignore_errors=True)
    collection = root / "ansible_collections" / NAMESPACE / NAME
    collection.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        archive.extractall(collection, filter="data")
    if list(collection.glob("tests/sanity/ignore*")):
        raise Failure("there are sanity ignore files; this collection has none")
    # Its own repository, or ansible-test would find that of the checkout, which ignores this
    # folder.
    subprocess.run(["git", "init", "--quiet", str(collection)], check=True)
    return collection


def home(environment: Environment) -> Path:
    """Return a HOME for ansible-test, which keeps its venvs and bootstrap script there."""
    path = CACHE / "sanity" / ("home-" + environment.name)
    cache = path / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{environment.get_pip}.py").write_text(GET_PIP)
    return path


def run_shown(command: list[str], folder: Path, env: dict[str, str]) -> tuple[int, list[str]]:
    """Run ansible-test with its output on the terminal; return (exit code, what it skipped)."""
    skipped = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            if not NOISE.search(line):
                say(line.rstrip())
            if SKIPPED.search(line):
                skipped.append(line.strip())
        return process.wait(timeout=1200), skipped


def sanity_of(environment: Environment, tarball: Path, arguments: tuple[str, ...]) -> None:
    collection = place(tarball, environment)
    folders = [
        str(path.parent)
        for path in map(interpreter, PYTHONS)
        if path and path.parent != Path("/usr/bin")
    ]
    env = {**variables(environment, folders), "HOME": str(home(environment))}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        env.pop(name, None)
    # The newest ansible-core tries all Pythons; the older ones their own, which keeps `make test`
    # within its time.
    own = [] if environment is NEWEST else ["--python", environment.pythons[0]]
    command = [
        str(environment.path / "bin" / "ansible-test"),
        "sanity",
        "--local",
        "--color",
        "no",
        *own,
        *arguments,
    ]
    say(f"+ {environment.name}: {' '.join(os.path.basename(word) for word in command)}")
    code, skipped = run_shown(command, collection, env)
    if code != 0:
        raise Failure(f"ansible-test sanity on {environment.name}: exit code {code}")
    if skipped:
        raise Failure(f"ansible-test sanity on {environment.name} skipped: {'; '.join(skipped)}")


def attempt(environment: Environment, tarball: Path, arguments: tuple[str, ...]) -> str:
    """Run the tests and return what went wrong, or ""."""
    started, failure = time.monotonic(), ""
    try:
        sanity_of(environment, tarball, arguments)
    except Failure as problem:
        failure = str(problem)
    say(f"sanity on {environment.name}: {time.monotonic() - started:.0f} s")
    return failure


def sanity(*words: str) -> None:
    cut = words.index("--") if "--" in words else len(words)
    environments = [ENVIRONMENTS[name] for name in words[:cut]] or [NEWEST]
    tarball = build()
    failures = list(
        filter(
            None, [attempt(environment, tarball, words[cut + 1 :]) for environment in environments]
        )
    )
    if failures:
        raise Failure("\n".join(failures))


if __name__ == "__main__":
    sys.exit(main(sanity, *sys.argv[1:]))

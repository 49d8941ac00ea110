# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a checkout ready to use.

That is the link that gives the collection its full name, programs from Debian, and one venv for
each ansible-core. Usage: python3 tools/dev/setup.py [--programs] [core-2.21 ...]
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from environment import (
    ALL,
    CACHE,
    COLLECTIONS,
    ENVIRONMENTS,
    NAME,
    NAMESPACE,
    ROOT,
    Environment,
    Failure,
    clean_path,
    main,
    say,
    variables,
)

# Program -> Debian package. setpriv runs named without root's rights.
PROGRAMS = {
    "dig": "bind9-dnsutils",
    "git": "git",
    "knotd": "knot",
    "named": "bind9",
    "named-checkzone": "bind9-utils",
    "pdns_server": "pdns-server pdns-backend-sqlite3",
    "pdnsutil": "pdns-server",
    "setpriv": "util-linux",
    "shellcheck": "shellcheck",
}


@contextmanager
def locked() -> Iterator[None]:
    """Hold a lock, so that two makes in one checkout do their set-up one after the other."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def link() -> None:
    place = COLLECTIONS / "ansible_collections" / NAMESPACE / NAME
    target = os.path.join("..", "..", "..")
    if place.is_symlink() and os.readlink(place) == target:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        place.unlink()
    place.symlink_to(target)


def programs() -> None:
    path = os.pathsep.join(clean_path())
    missing = sorted(
        {
            package
            for program, packages in PROGRAMS.items()
            for package in packages.split()
            if shutil.which(program, path=path) is None
        }
    )
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get", path=path) is None:
        raise Failure(
            f"these Debian packages are missing: {' '.join(missing)}; install them (apt-get install"
            f" {' '.join(missing)}) and run make again"
        )
    say(f"installing {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-q", "update"],
        ["apt-get", "-q", "install", "-y", "--no-install-recommends", *missing],
    ):
        if (
            subprocess.run(
                command, env=env, stdin=subprocess.DEVNULL, timeout=900, check=False
            ).returncode
            != 0
        ):
            raise Failure(" ".join(command))
    still = sorted(program for program in PROGRAMS if shutil.which(program, path=path) is None)
    if still:
        raise Failure(f"still missing after the installation: {', '.join(still)}")


def candidates(version: str) -> Iterator[Path]:
    """Yield paths of interpreters of a version, pyenv's real ones before the system's."""
    folders = [Path(part) for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part]
    pyenvs = [
        os.environ.get("PYENV_ROOT"),
        os.path.expanduser("~/.pyenv"),
        *(folder.parent for folder in folders if folder.name == "shims"),
    ]
    for pyenv in dict.fromkeys(Path(root) for root in pyenvs if root):
        yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
    for folder in dict.fromkeys([*folders, Path("/usr/local/bin"), Path("/usr/bin")]):
        if folder.name != "shims":
            yield folder / f"python{version}"


def interpreter(version: str) -> Path | None:
    """Return the first that really is this version and can make a venv; Debian's often cannot."""
    probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for candidate in candidates(version):
        if not candidate.is_file():
            continue
        answer = subprocess.run(
            [str(candidate), "-c", probe], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return candidate
    return None


def stamp_of(environment: Environment, python: Path) -> str:
    digest = hashlib.sha256(f"{environment!r} {python}".encode())
    shared = ("requirements.txt", "tests/requirements.txt", "tests/requirements-dev.txt")
    own = (environment.requirements, environment.constraints)
    for name in own if environment.name not in ENVIRONMENTS else (*shared, *own[1:]):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def build(environment: Environment) -> None:
    found = next((path for path in map(interpreter, environment.pythons) if path), None)
    if found is None:
        versions = " or ".join(environment.pythons)
        raise Failure(
            f"{environment.name} needs Python {versions} with venv and ensurepip: none on PATH,"
            " under pyenv, or in /usr/bin"
        )
    stamp, wanted = environment.path / "stamp", stamp_of(environment, found)
    if stamp.is_file() and stamp.read_text() == wanted and environment.python.exists():
        return
    say(f"{environment.name}: {environment.core} on {found}")
    if environment.path.exists():
        shutil.rmtree(environment.path)
    subprocess.run([str(found), "-m", "venv", str(environment.path)], check=True)
    install(environment)
    stamp.write_text(wanted)


def install(environment: Environment) -> None:
    command = [
        str(environment.python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        environment.core,
    ]
    command += ["-r", environment.requirements, "-c", environment.constraints]
    with tempfile.TemporaryFile("w+") as log:
        code = subprocess.run(
            command,
            cwd=ROOT,
            env=variables(environment),
            stdout=log,
            stderr=log,
            timeout=900,
            check=False,
        ).returncode
        log.seek(0)
        # pip warns dozens of times about index folders that lack a package; that is noise only
        # while it succeeds.
        lines = [line for line in log if code != 0 or "is ignored: it is" not in line]
    sys.stderr.write("".join(lines))
    if code != 0:
        raise Failure(f"pip install for {environment.name}: exit code {code}")


def setup(*names: str) -> None:
    with locked():
        link()
        if "--programs" in names:
            programs()
        wanted = [name for name in names if not name.startswith("--")]
        for name in wanted:
            if name not in ALL:
                raise Failure(f"unknown environment {name}: one of {', '.join(ALL)}")
        # pip works on one core.
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda name: build(ALL[name]), wanted))


if __name__ == "__main__":
    # This file is what an old python3 gets to see first.
    if sys.version_info < (3, 10):  # noqa: UP036
        sys.exit(
            "FAILED: the set-up itself needs Python 3.10 or later as python3 (or make PYTHON=...)"
        )
    sys.exit(main(setup, *sys.argv[1:]))

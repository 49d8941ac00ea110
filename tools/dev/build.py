# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the tarball, install it in an empty place and use it there.

Nothing of the checkout is around it then. Usage: python3 tools/dev/build.py
"""

from __future__ import annotations

import fnmatch
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from environment import (
    CACHE,
    NAME,
    NAMESPACE,
    NEWEST,
    ROOT,
    Environment,
    Failure,
    main,
    run,
    say,
    variables,
)

FULL_NAME = f"{NAMESPACE}.{NAME}"

# What may be shipped. Anything else in the tarball is an oversight in galaxy.yml's build_ignore.
SHIPPED = (
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "COPYING",
    "FILES.json",
    "LICENSES/*",
    "MANIFEST.json",
    "README.md",
    "REUSE.toml",
    "awx/*",
    "changelogs/*",
    "docs/*",
    "extensions/*",
    "meta/*",
    "playbooks/*",
    "plugins/*",
    "requirements.txt",
    "roles/*",
    "tests/config.yml",
)


def tracked_copy(destination: Path) -> None:
    """Copy what git tracks or would track, and nothing else that the checkout holds."""
    answer = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if answer.returncode != 0:
        raise Failure(f"git ls-files: {answer.stderr.decode().strip()}")
    for name in answer.stdout.decode().split("\0"):
        source = ROOT / name
        if not name or not (source.exists() or source.is_symlink()):
            continue
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def tarball(output: Path) -> Path:
    with tempfile.TemporaryDirectory(prefix="area1-build-") as folder:
        copy = Path(folder) / NAME
        tracked_copy(copy)
        if not (copy / "README.md").is_file():
            raise Failure("README.md is missing; galaxy.yml names it")
        run(
            ["ansible-galaxy", "collection", "build", "--force", "--output-path", output, copy],
            cwd=Path(folder),
        )
    found = sorted(output.glob(f"{NAMESPACE}-{NAME}-*.tar.gz"))
    if len(found) != 1:
        raise Failure(f"expected one tarball in {output}, found {len(found)}")
    return found[0]


def check_contents(path: Path) -> None:
    with tarfile.open(path) as archive:
        files = [member.name for member in archive.getmembers() if not member.isdir()]
    strangers = [
        name for name in files if not any(fnmatch.fnmatchcase(name, pattern) for pattern in SHIPPED)
    ]
    strangers += [
        name for name in files if "__pycache__" in name or name.endswith((".pyc", ".retry", ".swp"))
    ]
    if strangers:
        raise Failure(f"the tarball holds what is not to be shipped: {', '.join(strangers[:20])}")
    say(f"{path.name}: {len(files)} files, {path.stat().st_size // 1024} KiB")


def modules(collection: Path) -> list[str]:
    return sorted(
        f"{FULL_NAME}.{path.stem}"
        for path in collection.glob("plugins/modules/*.py")
        if path.stem != "__init__"
    )


def importable(collection: Path, root: Path, env: dict[str, str], environment: Environment) -> None:
    """Import every Python file of the collection under its full name."""
    names = [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in sorted(collection.glob("plugins/**/*.py"))
    ]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    command = [str(environment.python), "-B", "-c", code, *names]
    answer = subprocess.run(
        command,
        cwd=root,
        env={**env, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise Failure(f"a file of the collection cannot be imported\n{answer.stderr}")
    say(f"imported: {len(names)} files")


def documented(collection: Path, env: dict[str, str], environment: Environment, cwd: Path) -> None:
    names = modules(collection)
    if not names:
        say("no modules yet")
        return
    command = [str(environment.path / "bin" / "ansible-doc"), "--type", "module", "--json", *names]
    answer = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    known = json.loads(answer.stdout) if answer.returncode == 0 else {}
    bare = [name for name in names if not known.get(name, {}).get("doc")]
    if bare:
        raise Failure(f"ansible-doc does not know {', '.join(bare)}\n{answer.stderr}")
    say(f"ansible-doc: {len(names)} modules")


def try_out(path: Path, environment: Environment) -> None:
    """Install the collection in an empty folder, and start what the README starts."""
    with tempfile.TemporaryDirectory(prefix="area1-installed-") as folder:
        cwd = Path(folder)
        root = cwd / "collections"
        (cwd / "ansible.cfg").write_text("[defaults]\n")  # found before the user's own
        env = {
            **variables(environment),
            "ANSIBLE_COLLECTIONS_PATH": str(root),
            "ANSIBLE_HOME": str(cwd / "home"),
        }
        run(
            ["ansible-galaxy", "collection", "install", "--offline", "-p", root, path],
            environment,
            cwd=cwd,
            env=env,
        )
        run(
            ["ansible-galaxy", "collection", "verify", "--offline", FULL_NAME],
            environment,
            cwd=cwd,
            env=env,
        )
        collection = root / "ansible_collections" / NAMESPACE / NAME
        importable(collection, root, env, environment)
        documented(collection, env, environment, cwd)
        for playbook in sorted(collection.glob("playbooks/*.yml")):
            command = [
                "ansible-playbook",
                "-i",
                "localhost,",
                "--syntax-check",
                f"{FULL_NAME}.{playbook.stem}",
            ]
            run(command, environment, cwd=cwd, env=env)


def build() -> Path:
    output = CACHE / "build"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    path = tarball(output)
    check_contents(path)
    return path


def build_and_try() -> None:
    try_out(build(), NEWEST)


if __name__ == "__main__":
    sys.exit(main(build_and_try))

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the linters.

python3 tools/dev/lint.py [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from build import tracked_copy
from environment import (
    COLLECTIONS,
    NAME,
    NAMESPACE,
    NEWEST,
    ROOT,
    Failure,
    main,
    run,
    say,
    variables,
)

COLLECTION = f"{NAMESPACE}.{NAME}"


def ruff() -> None:
    run(["ruff", "check", "."])
    run(["ruff", "format", "--check", "."])


def yamllint() -> None:
    run(["yamllint", "--strict", "."])


def mypy() -> None:
    """Check types: the collection by its full name, so that imports meet, and the other folders."""
    run(["mypy", "-p", f"ansible_collections.{COLLECTION}.plugins"])
    for folder in ("lab", "tests", "tools"):
        if not any((ROOT / folder).rglob("*.py")):
            say(f"{folder}: no Python yet")
        elif folder == "tools":
            for scripts in sorted({path.parent for path in (ROOT / folder).rglob("*.py")}):
                env = {**variables(NEWEST), "MYPYPATH": str(scripts)}
                run(["mypy", *sorted(scripts.glob("*.py"))], env=env)
        else:
            run(["mypy", folder])


def ansible_lint() -> None:
    """Run ansible-lint on a copy: the checkout has a link to itself, and a venv."""
    with tempfile.TemporaryDirectory(prefix="area1-lint-") as folder:
        root = Path(folder)
        copy = root / "ansible_collections" / NAMESPACE / NAME
        tracked_copy(copy)
        (copy / "ansible.cfg").unlink(missing_ok=True)
        subprocess.run(["git", "init", "--quiet", str(copy)], check=True)
        env = {
            **variables(NEWEST),
            "ANSIBLE_COLLECTIONS_PATH": folder,
            "ANSIBLE_HOME": str(root / "home"),
        }
        run(
            ["ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor"],
            cwd=copy,
            env=env,
        )


def changelog() -> None:
    run(["antsibull-changelog", "lint"])
    run(["antsibull-changelog", "lint-changelog-yaml", "--strict", "changelogs/changelog.yaml"])


def docs() -> None:
    with tempfile.TemporaryDirectory(prefix="area1-docs-") as folder:
        copy = Path(folder) / "ansible_collections" / NAMESPACE / NAME
        tracked_copy(copy)
        command = [
            "antsibull-docs",
            "lint-collection-docs",
            "--plugin-docs",
            "--validate-collection-refs",
            "self",
            "--disallow-unknown-collection-refs",
        ]
        run(
            [*command, "."], cwd=copy, env={**variables(NEWEST), "ANSIBLE_COLLECTIONS_PATH": folder}
        )


def shellcheck() -> None:
    scripts = [path for path in (ROOT / ".ci" / "run",) if path.is_file()]
    run(["shellcheck", *scripts])


def contract() -> None:
    """Check that the generated files are what their tables make of them."""
    for script in ("contract/generate.py", "contract/gates.py", "rules/generate.py"):
        run([NEWEST.python, ROOT / "tools" / script, "--check"])


LINTERS: dict[str, Callable[[], None]] = {
    "ruff": ruff,
    "yamllint": yamllint,
    "mypy": mypy,
    "ansible-lint": ansible_lint,
    "changelog": changelog,
    "docs": docs,
    "shellcheck": shellcheck,
    "contract": contract,
}


def lint(*names: str) -> None:
    if not (COLLECTIONS / "ansible_collections").is_dir():
        raise Failure("run make setup first")
    failures = []
    for name in names or tuple(LINTERS):
        if name not in LINTERS:
            raise Failure(f"unknown linter {name}: one of {', '.join(LINTERS)}")
        try:
            LINTERS[name]()
        except Failure as failure:
            failures.append(str(failure))
    if failures:
        raise Failure("\n".join(failures))


if __name__ == "__main__":
    sys.exit(main(lint, *sys.argv[1:]))

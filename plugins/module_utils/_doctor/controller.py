# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The machine that runs the task: its Python, and the libraries that this collection needs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import typing as t

from .findings import Findings

SECTION = "controller"
# As galaxy.yml has it; a test holds the two together.
COLLECTION = "0.1.0"


class Library(t.NamedTuple):
    """A package at PyPI, the module to import, its lowest version, and what needs it."""

    package: str
    module: str
    lowest: tuple[int, ...]
    purpose: str


# As requirements.txt has them; a test holds the two together.
LIBRARIES = (
    Library("requests", "requests", (2, 31, 0), "every service"),
    Library("msal", "msal", (1, 35, 0), "signing in"),
    Library("cryptography", "cryptography", (42, 0, 0), "certificates"),
    Library("dnspython", "dns", (2, 6, 1), "the DNS"),
    Library("idna", "idna", (3, 7), "international domain names"),
    Library("pypsrp", "pypsrp", (0, 9, 0), "the transport psrp"),
)
_ALSO_SHOWN = ("ansible-core", "PyJWT", "urllib3")


def look(found: Findings, needed: t.Collection[str]) -> None:
    """Note versions, and all libraries at once that are needed and missing or too old."""
    versions = {name: version_of(name) for name in _ALSO_SHOWN}
    missing: list[str] = []
    old: list[str] = []
    for library in LIBRARIES:
        version = version_of(library.package)
        there = importlib.util.find_spec(library.module) is not None
        versions[library.package] = version or ("there" if there else "")
        if library.package not in needed:
            continue
        if not there:
            missing.append("%s (for %s)" % (library.package, library.purpose))
        elif version and _numbers(version) < library.lowest:
            lowest = ".".join(map(str, library.lowest))
            old.append("%s %s (at least %s)" % (library.package, version, lowest))
    found.note(
        SECTION,
        collection=COLLECTION,
        python=platform.python_version(),
        system=platform.system(),
        libraries=versions,
    )
    if missing or old:
        parts = [*("%s is missing" % name for name in missing), *("%s" % name for name in old)]
        packages = [text.split(" ", 1)[0] for text in (*missing, *old)]
        found.problem(
            SECTION,
            "Python libraries are missing or too old: %s." % ", ".join(parts),
            "Install them for the interpreter that runs the module.",
            ["python -m pip install --upgrade %s" % " ".join(packages)],
        )


def version_of(package: str) -> str:
    """Return the installed version, "" where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])

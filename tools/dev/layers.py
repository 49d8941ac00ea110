# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the pytest layers, each in the environments that it is for.

python3 tools/dev/layers.py LAYER [-- arguments for pytest]
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from environment import CACHE, NEWEST, OLDER, ROOT, Environment, Failure, main, run, say

RESULTS = CACHE / "results"


@dataclasses.dataclass(frozen=True)
class Layer:
    folders: tuple[str, ...]
    workers: int = 2
    matrix: bool = False  # its tests marked `matrix` also run on the older ansible-cores
    timeout: int = 1800
    dist: str = "loadfile"
    extra: tuple[str, ...] = ()


LAYERS = {
    "unit": Layer(("tests/unit", "tests/property", "tests/lab", "tests/toolchain")),
    "module": Layer(("tests/module",)),
    # Odd answers of services and odd files; how many is for FUZZ_EXAMPLES to say.
    "fuzz": Layer(("tests/fuzz",), dist="load"),
    # Each test has a lab of its own: spread them one by one. Some wait more than they work, which
    # makes room for a third.
    "playbook": Layer(
        ("tests/playbook",),
        workers=3,
        matrix=True,
        timeout=3600,
        dist="load",
        extra=("--maxschedchunk=1",),
    ),
}


def folders_with_tests(layer: Layer) -> list[str]:
    return [
        name
        for name in layer.folders
        if any((ROOT / name).rglob("test_*.py")) or any((ROOT / name).rglob("*_test.py"))
    ]


def pytest(environment: Environment, name: str, folders: list[str], extra: tuple[str, ...]) -> None:
    layer = LAYERS[name]
    report = RESULTS / f"{name}-{environment.name}.xml"
    chosen = [] if any((ROOT / word.partition("::")[0]).exists() for word in extra) else folders
    command: list[str | Path] = [
        environment.python,
        "-m",
        "pytest",
        f"--junitxml={report}",
        "--durations=5",
        "--durations-min=1",
        *chosen,
    ]
    command += (
        ["-n", str(layer.workers), "--dist", layer.dist, *layer.extra] if layer.workers else ["-s"]
    )
    run([*command, *extra], environment, timeout=layer.timeout)


def bench(*words: str) -> None:
    """Run the benchmarks, which print figures, assert nothing, and are no part of the tests."""
    for script in sorted((ROOT / "tests" / "bench").glob("bench_*.py")):
        run(
            [NEWEST.python, str(script), *(word for word in words if word != "--")],
            NEWEST,
            timeout=1800,
        )


def layer_in_all(name: str, *words: str) -> None:
    if name == "bench":
        bench(*words)
        return
    if name not in LAYERS:
        raise Failure(f"unknown layer {name}: one of {', '.join(LAYERS)}")
    layer = LAYERS[name]
    folders = folders_with_tests(layer)
    for missing in [folder for folder in layer.folders if folder not in folders]:
        say(f"{missing}: no tests yet")
    if not folders:
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    extra = tuple(word for word in words if word != "--")
    environments = [(NEWEST, extra)]
    if layer.matrix:
        environments += [(environment, ("-m", "matrix", *extra)) for environment in OLDER]
    failures = []
    for environment, arguments in environments:
        started = time.monotonic()
        try:
            pytest(environment, name, folders, arguments)
        except Failure as failure:
            failures.append(str(failure))
        say(f"{name} on {environment.name}: {time.monotonic() - started:.0f} s")
    if failures:
        raise Failure("\n".join(failures))


def clear_results() -> None:
    shutil.rmtree(RESULTS, ignore_errors=True)


def tally(folder: Path = RESULTS) -> tuple[int, int]:
    """Return (passed, failed) tests of the runs so far; a skipped test counts as failed."""
    passed = failed = 0
    for report in folder.glob("*.xml"):
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            bad = sum(int(suite.get(key, "0")) for key in ("failures", "errors", "skipped"))
            passed, failed = passed + max(int(suite.get("tests", "0")) - bad, 0), failed + bad
    return passed, failed


if __name__ == "__main__":
    sys.exit(main(layer_in_all, *sys.argv[1:]))

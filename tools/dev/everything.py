# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks, to the end even if one fails, with a table of what took how long.

One after the other, but for ansible-test sanity: it goes on beside the tests, which wait now and
then, and gives way to them.

python3 tools/dev/everything.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from build import build_and_try
from environment import ALL, NEWEST, OLDER, Failure, main, say
from layers import clear_results, layer_in_all, tally
from lint import lint
from setup import setup

# Quick ones first, so that a slip shows early.
STEPS: dict[str, Callable[[], None]] = {
    "lint": lint,
    "unit": lambda: layer_in_all("unit"),
    "build": build_and_try,
    "module": lambda: layer_in_all("module"),
    "playbook": lambda: layer_in_all("playbook"),
}
BESIDE = {"module", "playbook"}


class Sanity:
    """The same as `make sanity`, in a process of its own. What it says is shown at its end."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._output = tempfile.TemporaryFile("w+", encoding="utf-8")
        script = str(Path(__file__).with_name("sanity.py"))
        command = [
            "nice",
            sys.executable,
            "-B",
            script,
            *(environment.name for environment in (NEWEST, *OLDER)),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def result(self) -> tuple[str, float, str]:
        say("\n=== sanity ===")
        code = self._process.wait()
        self._output.seek(0)
        say(self._output.read().rstrip())
        return "sanity", time.monotonic() - self._started, f"exit code {code}" if code else ""

    def stop(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)


def attempt(name: str, step: Callable[[], None]) -> tuple[str, float, str]:
    say(f"\n=== {name} ===")
    started = time.monotonic()
    problem = ""
    try:
        step()
    except Failure as failure:
        problem = str(failure)
        say(f"FAILED: {problem}")
    return name, time.monotonic() - started, problem


def everything() -> None:
    clear_results()
    results = [attempt("setup", lambda: setup("--programs", *ALL))]
    if not results[0][2]:
        results += [attempt(name, step) for name, step in STEPS.items() if name not in BESIDE]
        beside = Sanity()
        try:
            results += [attempt(name, STEPS[name]) for name in STEPS if name in BESIDE]
            results.append(beside.result())
        finally:
            beside.stop()
    say("\n=== summary ===")
    for name, seconds, problem in results:
        say(f"{name:<10} {seconds:6.0f} s  {'FAILED' if problem else 'ok'}")
    passed, failed = tally()
    say(f"{passed} passed, {failed} failed")
    broken = [name for name, _seconds, problem in results if problem]
    if broken:
        raise Failure(f"steps: {', '.join(broken)}")
    if failed:
        raise Failure(f"{failed} tests")


if __name__ == "__main__":
    sys.exit(main(everything))

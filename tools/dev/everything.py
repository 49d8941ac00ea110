# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks one after the other, to the end even if one fails, with a table of what took how long.

python3 tools/dev/everything.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from build import build_and_try
from environment import ENVIRONMENTS, NEWEST, OLDER, Failure, main, say
from layers import clear_results, layer_in_all, tally
from lint import lint
from sanity import sanity
from setup import setup

# Quick ones first, so that a slip shows early.
STEPS: dict[str, Callable[[], None]] = {
    "lint": lint,
    "unit": lambda: layer_in_all("unit"),
    "build": build_and_try,
    "module": lambda: layer_in_all("module"),
    "playbook": lambda: layer_in_all("playbook"),
    "sanity": lambda: sanity(NEWEST.name, *(environment.name for environment in OLDER)),
}


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
    results = [attempt("setup", lambda: setup("--programs", *ENVIRONMENTS))]
    if not results[0][2]:
        results += [attempt(name, step) for name, step in STEPS.items()]
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

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""area1_mx: one call for many domains against a task loop of one domain each, on the lab with
latency. Prints, judges nothing.

python tests/bench/bench_mx.py [--domains 100] [--latency-ms 50]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lab.client import Lab  # noqa: E402

RECORDS = [
    {"priority": 5, "host": "mailstream-eu1.mxrecord.io"},
    {"priority": 10, "host": "mailstream-central.mxrecord.mx"},
    {"priority": 20, "host": "mailstream-east.mxrecord.io"},
    {"priority": 20, "host": "mailstream-west.mxrecord.io"},
]


def task(domains: str, loop: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": "Replace the MX sets",
        "mailflow.area1.area1_mx": {
            "domains": domains,
            "records": RECORDS,
            "ttl": 300,
            "dns_provider": "cloudflare",
            "dns_api_token": "{{ area1_api_token }}",
            "dns_api_url": "{{ area1_api_url }}",
            "ca_path": "{{ area1_ca_path }}",
        },
    }
    return {**found, "loop": loop} if loop else found


def play(lab: Lab, folder: Path, tasks: list[dict[str, Any]], *arguments: str) -> float:
    """Run a playbook of these tasks; wall seconds of all of it."""
    (folder / "play.yml").write_text(
        json.dumps(
            [{"hosts": "localhost", "gather_facts": False, "connection": "local", "tasks": tasks}]
        )
    )
    (folder / "vars.json").write_text(
        json.dumps({**lab.extra_vars, "ansible_python_interpreter": sys.executable})
    )
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        "localhost,",
        "-e",
        "@vars.json",
        "play.yml",
        *arguments,
    ]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible_root"),
        "ANSIBLE_NOCOLOR": "1",
    }
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200
    )
    seconds = time.monotonic() - start
    if done.returncode:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-2000:])
    return seconds


def measure(
    lab: Lab, folder: Path, tasks: list[dict[str, Any]], world: str
) -> tuple[float, int, int]:
    """(seconds, API requests, API writes) of the tasks on a new world."""
    lab.reset(world)
    start = lab.mark()
    seconds = play(lab, folder, tasks)
    if any(not moment["mx"] for moment in lab.state()["dns"]["history"]):
        raise SystemExit("an MX set was empty for a moment")
    return seconds, len(lab.requests("cloudflare", start)), len(lab.writes(start))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=50)
    given = parser.parse_args()
    world = "many:%d" % given.domains
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Lab.start(
            world=world, directory=folder / "lab", latency_ms=given.latency_ms, max_seconds=1800
        ) as lab:
            empty = play(lab, folder, [{"ansible.builtin.meta": "noop"}])
            one = measure(lab, folder, [task("{{ area1_domains }}")], world)
            loop = measure(lab, folder, [task("{{ [item] }}", "{{ area1_domains }}")], world)
    print(
        "area1_mx on %d domains, %g ms latency (ansible-playbook's own start, %.1f s, taken off)"
        % (given.domains, given.latency_ms, empty)
    )
    print("%-26s %9s %10s %8s" % ("", "seconds", "requests", "writes"))
    for label, (seconds, requests, writes) in (
        ("one call", one),
        ("loop of one domain each", loop),
    ):
        print("%-26s %9.1f %10d %8d" % (label, seconds - empty, requests, writes))
    print(
        "one call is %.1f times faster (%.1f times with the start)"
        % ((loop[0] - empty) / (one[0] - empty), loop[0] / one[0])
    )


if __name__ == "__main__":
    main()

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A converged run over REST against one over a Windows management host, on the lab. Prints, judges
nothing.

python tests/bench/bench_psrp.py [--runs 3]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for entry in (ROOT, ROOT / ".ansible_root"):
    sys.path.insert(0, str(entry))

from tests.playbook.harness import Deployment  # noqa: E402

QUICK: dict[str, Any] = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}
CONNECT = "Connect-ExchangeOnline"


def measure(deployment: Deployment, runs: int) -> tuple[float, int, int, int]:
    """Return the median seconds of a run, and of the last run the cmdlets, WinRM messages and
    connections.
    """
    seconds = []
    for _ in range(runs):
        since = deployment.lab.mark()
        begin = time.monotonic()
        outcome = deployment.run()
        seconds.append(time.monotonic() - begin)
        if outcome.rc or outcome.stats["changed"] or deployment.lab.writes(since):
            raise SystemExit("this was no converged run:\n" + outcome.stdout[-3000:])
    cmdlets = [item for item in deployment.lab.requests("exchange", since) if item.get("cmdlet")]
    host = deployment.lab.requests("psrp", since)
    connects = sum(item["operation"] == CONNECT for item in host)
    messages = sum(item.get("method") == "POST" for item in host)
    return statistics.median(seconds), len(cmdlets), messages, connects


def main() -> None:
    """Deploy once, then measure both ways on the finished tenant."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        deployment = Deployment(Path(name))
        try:
            deployment.variables.update(QUICK)
            deployment.until_done()
            found = {"rest": measure(deployment, given.runs)}
            deployment.variables.update(deployment.lab.info["psrp"]["extra_vars"])
            found["psrp"] = measure(deployment, given.runs)
        finally:
            deployment.close()
    print("a converged run of deploy_area1.yml, median of %d, on loopback" % given.runs)
    print("%-10s %9s %9s %15s %13s" % ("", "seconds", "cmdlets", "WinRM messages", "connections"))
    for transport, (seconds, cmdlets, messages, connects) in found.items():
        print("%-10s %9.1f %9d %15d %13d" % (transport, seconds, cmdlets, messages, connects))
    print(
        "psrp takes %.1f s more; each Connect-ExchangeOnline to the real service adds 5 to 20 s"
        % (found["psrp"][0] - found["rest"][0])
    )


if __name__ == "__main__":
    main()

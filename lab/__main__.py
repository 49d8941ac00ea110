# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the lab: `python -m lab --world fresh --dir DIR`.

It ends on SIGTERM, on POST /shutdown, when its time is over, or with its parent.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from lab.laboratory import Laboratory


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="lab", description="A loopback twin of Microsoft 365, Cloudflare and DNS."
    )
    parser.add_argument("--world", default="fresh", help="one of lab/worlds/__init__.py")
    parser.add_argument(
        "--dir",
        required=True,
        type=Path,
        help="where lab.json, the CA and the client certificate are written",
    )
    parser.add_argument("--max-seconds", type=float, default=3600)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    parent = os.getppid()
    laboratory = Laboratory(options.world, options.dir.resolve(), options.latency_ms)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: laboratory.end())
    try:
        laboratory.start()
        laboratory.wait(options.max_seconds, lambda: os.getppid() == parent)
    finally:
        laboratory.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

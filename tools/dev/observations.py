# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record anew what the real readers give for worlds of the lab (tests/data/observations).

python3 tools/dev/observations.py
"""

from __future__ import annotations

import os
import sys

from environment import COLLECTIONS, NEWEST, ROOT, main, run, variables


def observations() -> None:
    paths = os.pathsep.join([str(ROOT), str(COLLECTIONS)])
    env = {**variables(NEWEST), "PYTHONPATH": paths}
    run([NEWEST.python, "-m", "tests.support.observations"], NEWEST, env=env)


if __name__ == "__main__":
    sys.exit(main(observations))

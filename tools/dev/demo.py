# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Become the demo in its environment; what it shows is told by tools/demo.py.

python3 tools/dev/demo.py [arguments of the demo]
"""

from __future__ import annotations

import os
import sys

from environment import NEWEST, ROOT, variables


def demo(*arguments: str) -> None:
    """Replace this process by the demo, so that Ctrl-C reaches the demo alone.

    Then it is able to clean up.
    """
    os.execve(
        NEWEST.python,
        [str(NEWEST.python), str(ROOT / "tools" / "demo.py"), *arguments],
        variables(NEWEST),
    )


if __name__ == "__main__":
    demo(*sys.argv[1:])

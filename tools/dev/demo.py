# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the demo in its environment; what it shows is told by tools/demo.py.

python3 tools/dev/demo.py [arguments of the demo]
"""

from __future__ import annotations

import sys

from environment import NEWEST, ROOT, main, run


def demo(*arguments: str) -> None:
    run([NEWEST.python, ROOT / "tools" / "demo.py", *arguments])


if __name__ == "__main__":
    sys.exit(main(demo, *sys.argv[1:]))

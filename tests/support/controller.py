# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment of the tests' controller."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def controller_environment() -> dict[str, str]:
    """A controller's environment: this interpreter's ansible-playbook, no CA bundle of the machine,
    the checkout's collection.
    """
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "REQUESTS_CA_BUNDLE": "",
        "CURL_CA_BUNDLE": "",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible_root"),
        "ANSIBLE_NOCOLOR": "1",
        # Such runners are told apart by these: a test of its own says what comes of it.
        "AWX_HOST": "",
        "GITHUB_ACTIONS": "",
        "GITLAB_CI": "",
        "TF_BUILD": "",
    }

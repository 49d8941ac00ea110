# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection that is none of ansible-core's own: for a host that is another one by name, and this
machine in truth.
"""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: elsewhere
short_description: Stands for a connection to another host
description: Runs everything here.
author: mailflow.area1 contributors
extends_documentation_fragment:
  - connection_pipelining
"""


class Connection(Local):  # type: ignore[misc]
    transport = "elsewhere"

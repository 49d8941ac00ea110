# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of the message trace that no SMTP session of the lab made: a tenant's mail of every day.

`world["mail"]["scenery"]` is a list of streams, plain data. Each row is a function of its stream's
seed and its time, so nothing is kept: rows are made when a query asks for them, newest first, for a
tenant of any size. The past of a world is as full as its future.
"""

from __future__ import annotations

from lab.scenery.engine import Scenery

__all__ = ["Scenery"]

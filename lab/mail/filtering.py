# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft 365 does with a message that its edge accepted: transport rules, spam verdict, anti-spam policy, quarantine."""

from __future__ import annotations

from typing import Any

from lab.mail.message import Message, Placement


def place(world: dict[str, Any], message: Message) -> Placement:
    """Where an accepted message ends. Changes nothing."""
    return Placement("inbox")

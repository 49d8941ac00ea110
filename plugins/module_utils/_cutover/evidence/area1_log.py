# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What Area 1's delivery log says of the mail that it handed on."""

from __future__ import annotations

import datetime
import re
import typing as t

from ..._engine.timestamps import parse_time
from ..model.world import World

#: So far the proof reads the traces back.
LOOK_BACK = datetime.timedelta(days=3)


#: What a mail server says of a recipient that the lock-down refuses, and of a message that was
#: taken.
LOCKED = re.compile(r"(?<![\d.])5\.7\.51(?![\d.])")


TAKEN = re.compile(r"(?<![\d.])2\.\d{1,3}\.\d{1,3}(?![\d.])|\b250[ -]|status=sent\b", re.IGNORECASE)


def handed_on(message: t.Mapping[str, t.Any]) -> list[tuple[datetime.datetime, str]]:
    """Return the time and text of what Area 1 logged when it handed a message on."""
    found = [
        (parse_time(line.get("at")), str(line.get("message") or ""))
        for line in message.get("outbound") or []
    ]
    return [(at, text) for at, text in found if at is not None]


def messages(world: World) -> list[dict[str, t.Any]]:
    """Return the messages for which Area 1's log was read."""
    return list(world.area1_trace.get("messages") or [])


def _lines(world: World) -> list[tuple[datetime.datetime, str]]:
    """Return what was logged of mail for this tenant only.

    A Cloudflare account may serve several tenants, and what another one's server answers proves
    nothing of this one.
    """
    ours = set(world.covered())
    return [
        line
        for message in messages(world)
        if ours.issuperset(message.get("domains") or ())
        for line in handed_on(message)
    ]

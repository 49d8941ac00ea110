# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Mail that our connector took although it did not come from Area 1.

Source: [EXO-2.3]. Whether SenderIPAddresses count without a restriction is disputed.
"""

from __future__ import annotations

import datetime

from ..._engine.address_ranges import outside
from ..._engine.timestamps import parse_time
from ..._engine.values import boolean
from ..model.world import World, changed_at
from . import message_trace


def acts_since(world: World) -> datetime.datetime | None:
    """Return the time from which mail shows what our connector does, or None.

    None means that it is off, or was changed a moment ago.
    """
    connector = world.connector(world.settings.connector_name)
    if connector is None or boolean(connector.get("Enabled")) is False:
        return None
    changed = changed_at(connector)
    acts = changed + datetime.timedelta(minutes=world.settings.settle_minutes) if changed else None
    return acts if acts is not None and acts <= world.now else None


def attributed(world: World) -> list[str]:
    """Return addresses other than Area 1's whose mail our connector took, by the trace's events.

    Where the events do not tell, there is no evidence.
    """
    since, egress = acts_since(world), world.settings.egress
    if since is None:
        return []
    groups = world.message_trace.get("groups") or []
    unclear = set(message_trace.hidden(world, groups))
    found = []
    for group in groups:
        address, last = message_trace.connecting(group), parse_time(group.get("last"))
        ours = str(group.get("connector") or "").lower() == world.settings.connector_name.lower()
        if (
            ours
            and address
            and address not in unclear
            and last is not None
            and last >= since
            and outside([address], egress)
        ):
            found.append(address)
    return list(dict.fromkeys(found))

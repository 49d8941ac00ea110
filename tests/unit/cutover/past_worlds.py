# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Worlds that have a past: the tenant before us, what a deployment made of it, and what somebody
did since.
"""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from tests.support.observations import part
from tests.unit.cutover.worlds import (
    LOCKDOWN,
    NEW,
    NOW,
    OLD,
    ONE,
    TWO,
    ago,
    allowing,
    connector,
    found_baseline,
    held as held,
    past as as_baseline,
    protected,
    sections,
    stamped,
    view,
    wanted,
)

MINE = "192.0.2.1"
HARD = "MarkAsSpamSpfRecordHardFail"


def before() -> dict[str, Any]:
    """A tenant that never saw us."""
    found = sections(wanted())
    for name in ("baseline", "baseline_state", "timeline"):
        found.pop(name, None)
    found.update(
        inbound_connectors=[],
        connection_filter=[allowing([MINE], WhenChangedUTC=ago(days=9))],
        content_filter=[_policy("Default", True, "On"), _policy("Retired", False, "On")],
        email_security={},
        dns={name: view(OLD[name], ttl=3600) for name in (ONE, TWO)},
        dns_provider={name: held(OLD[name], 3600) for name in (ONE, TWO)},
    )
    return found


def _policy(name: str, default: bool, hard: str) -> dict[str, Any]:
    """Return an anti-spam policy with its answer to a hard fail of SPF."""
    (read,) = part("fresh", "content_filter")
    own = dict.fromkeys(("Name", "Identity", "Id"), name)
    return {**read, **own, "IsDefault": default, HARD: hard}


def after(moved: bool = True, locked: bool = True) -> dict[str, Any]:
    """The same once a deployment is through; or, not ``moved``, after its first day."""
    found, chosen = sections(wanted(), moved), wanted()
    mx = {name: NEW if moved else OLD[name] for name in (ONE, TWO)}
    found.update(
        connection_filter=[allowing([MINE, *chosen.egress])],
        content_filter=[_policy("Default", True, "Off"), _policy("Retired", False, "On")],
        email_security={name: protected(name) for name in (ONE, TWO)},
        dns_provider={name: held(mx[name], 300) for name in (ONE, TWO)},
        timeline=[
            {"domain": name, "event": "ttl_lowered", "at": ago(days=2), "ttl": 3600}
            for name in (ONE, TWO)
        ],
    )
    lock = stamped(
        chosen,
        NOW,
        NOW,
        Enabled=locked,
        Comment="Only accept inbound email from Area 1",
        WhenChangedUTC=ago(days=2),
    )
    found["inbound_connectors"] = [
        {**item, "RequireTls": True}
        for item in (connector(chosen.egress), *([lock] if moved else []))
    ]
    return found


def undone(
    found: dict[str, Any] | None = None,
    past: dict[str, Any] | None = None,
    history: Any = None,
    **options: Any,
) -> World:
    """The world of a rollback: what is there now, beside the baseline."""
    given = copy.deepcopy(found if found is not None else after())
    given["baseline"] = as_baseline(
        copy.deepcopy(past if past is not None else before()), ago(days=9)
    )
    given["baseline_state"] = found_baseline(ago(days=9))
    if history is not None:
        given["history"] = history
    return World(given, wanted(**options))


def lock_of(found: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = next(
        item for item in found["inbound_connectors"] if item["Name"] == LOCKDOWN
    )
    return item

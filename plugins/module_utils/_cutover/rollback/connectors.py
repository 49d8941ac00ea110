# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The connectors on the way back: ours are removed, adopted ones become what they were."""

from __future__ import annotations

import typing as t

from ..._engine import values
from ..._engine.address_ranges import outside, overlap
from ..._engine.values import as_list, boolean
from ..._facts import connector_names as names
from ..lockdown.soak import is_on
from ..model import wanted
from ..model.baseline_view import egress_written
from ..model.gate import GateResult, noticed
from ..model.wanted import Written
from ..model.world import World
from .three_way import Undoing, surplus, undo

Connector = t.Mapping[str, t.Any]
STAMP = "[mailflow.area1:"


def undoings(world: World, past: World, left: list[GateResult]) -> list[dict[str, t.Any]]:
    """Return an entry for each connector that changes.

    It has the name, whether the connector is removed, and the options of the modules that restore
    it.
    """
    found = []
    for name, is_lockdown in (
        (world.settings.lockdown_connector_name, True),
        (world.settings.connector_name, False),
    ):
        now, before = world.connector(name), past.connector(name)
        if now is None:
            if before is not None:
                left.append(
                    noticed(
                        "left",
                        "connector %s" % name,
                        "it was there before us and somebody removed it since",
                    )
                )
            continue
        entry = (
            _created(world, now, is_lockdown, left)
            if before is None
            else _adopted(world, now, before, is_lockdown, left)
        )
        if entry:
            found.append(
                {
                    "name": str(now.get("Name")),
                    "section": "lockdown" if is_lockdown else "enhanced_filtering",
                    **entry,
                }
            )
    return found


def _created(
    world: World, now: Connector, is_lockdown: bool, left: list[GateResult]
) -> dict[str, t.Any] | None:
    """Return the undoing of a connector made since the baseline under our name, or None.

    It is removed, unless somebody else has put something of his own into it.
    """
    label, egress = "connector %s" % now.get("Name"), egress_written(world)
    if not _is_ours(now, egress):
        left.append(
            noticed(
                "left",
                label,
                "somebody else made it: neither its comment nor an address of it is ours",
            )
        )
        return None
    extra = outside(as_list(now.get("SenderIPAddresses")), egress)
    if not extra:
        return {"absent": True, "connector": {}, "filtering": {}}
    message = "somebody added %s to it: it stays without Area 1's networks%s" % (
        ", ".join(extra),
        ", switched off" if is_lockdown else "",
    )
    left.append(noticed("left", label, message))
    connector: dict[str, t.Any] = {}
    remove = surplus([], egress, now.get("SenderIPAddresses"))
    if remove:
        connector["sender_ip_addresses"] = {"remove": remove}
    if is_lockdown and boolean(now.get("Enabled")) is True:
        connector["enabled"] = False
    filtering = {"skip_last_ip": False} if boolean(now.get("EFSkipLastIP")) is True else {}
    return (
        {"absent": False, "connector": connector, "filtering": filtering}
        if connector or filtering
        else None
    )


def _is_ours(now: Connector, egress: t.Sequence[str]) -> bool:
    comment = str(now.get("Comment") or "")
    return (
        STAMP in comment
        or names.purpose_of_comment(comment) is not None
        or overlap(now.get("SenderIPAddresses"), egress)
    )


def _adopted(
    world: World, now: Connector, before: Connector, is_lockdown: bool, left: list[GateResult]
) -> dict[str, t.Any] | None:
    was_on = is_on(before)
    found = undo(_rows(world, now, is_lockdown, was_on), before, now)
    filtering = undo(wanted.filtering().rows(), before, now)
    connector = dict(found.restore)
    remove = surplus(
        before.get("SenderIPAddresses"), egress_written(world), now.get("SenderIPAddresses")
    )
    if remove:
        connector["sender_ip_addresses"] = {"remove": remove}
    _never_switch_on(connector, now, was_on)
    foreign = [*found.foreign, *filtering.foreign]
    if foreign:
        message = "somebody changed %s since: left as it is" % ", ".join(foreign)
        left.append(noticed("left", "connector %s" % now.get("Name"), message))
    if not connector and not filtering.restore:
        return None
    return {"absent": False, "connector": connector, "filtering": filtering.restore}


def _rows(world: World, now: Connector, is_lockdown: bool, was_on: bool) -> tuple[Written, ...]:
    comment = str(now.get("Comment") or "")
    ours = STAMP in comment or names.purpose_of_comment(comment) is not None
    found = (
        wanted.lockdown_connector(world.settings, was_on=was_on)
        if is_lockdown
        else wanted.own_connector(world.settings)
    )
    return (
        Written("comment", "Comment", values.TEXT, (comment,) if ours else ()),
        *found.rows(),
    )


def _never_switch_on(connector: dict[str, t.Any], now: Connector, was_on: bool) -> None:
    """Keep a connector off where somebody's change makes it restrict.

    To restore Enabled alone would start to refuse mail.
    """
    restricts = connector.get(
        "restrict_domains_to_ip_addresses", boolean(now.get("RestrictDomainsToIPAddresses"))
    )
    if connector.get("enabled") is True and restricts and not was_on:
        del connector["enabled"]


def switch_off(world: World, past: World) -> dict[str, t.Any]:
    """Return the first step: how the lock-down is switched off, or narrowed.

    One that was on before the deployment is only narrowed to the domains that it refused then; its
    own senders are still in its list.
    """
    name = world.settings.lockdown_connector_name
    now, before = world.connector(name), past.connector(name)
    if now is None or not is_on(now):
        return {"action": "none", "name": name}
    if before is not None and is_on(before):
        row = Written("scope", "AssociatedAcceptedDomains", values.HOSTS, ([], world.covered()))
        scope: Undoing = undo([row], before, now)
        if scope.restore:
            return {
                "action": "narrow",
                "name": str(now["Name"]),
                "associated_accepted_domains": scope.restore["scope"],
            }
        return {"action": "none", "name": name}
    comment = str(now.get("Comment") or "")
    ours = not comment or STAMP in comment or names.purpose_of_comment(comment) is not None
    return {"action": "disable", "name": str(now["Name"]), "comment": stamp(world) if ours else ""}


def stamp(world: World) -> str:
    """Return the comment that says why the connector is off, and since when.

    An administrator and a later run on another machine read it.
    """
    return "%s. [mailflow.area1: rollback, switched off %s]" % (
        world.settings.lockdown_comment,
        world.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )

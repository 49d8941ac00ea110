# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the message trace says of who delivers mail to Microsoft 365."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from ..._engine.address_ranges import outside
from ..._engine.timestamps import parse_time
from ..model.world import World

#: A trace older than this says nothing about now.
STALE = datetime.timedelta(hours=1)


TOLERANCE = datetime.timedelta(minutes=2)


#: Addresses inside a network, not a place in the Internet that a connection came from.
INNER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


Group = t.Mapping[str, t.Any]


def trace_problem(world: World, wanted: t.Mapping[str, str]) -> str:
    """Return why the trace that was read does not answer for these domains and times, or ""."""
    trace = world.message_trace
    if not trace:
        return "it was not read"
    if trace.get("error"):
        return "it could not be read: %s" % trace["error"]
    if trace.get("truncated"):
        return "it is not complete: %s" % trace["truncated"]
    end, read = parse_time(trace.get("end")), trace.get("since")
    if end is None or end < world.now - STALE:
        return "what was read of it is too old"
    for name, text in wanted.items():
        begins = parse_time(read.get(name) if isinstance(read, t.Mapping) else read)
        needed = parse_time(text)
        if begins is None or needed is None or begins > needed + TOLERANCE:
            return "it was not read for %s since %s" % (name, text)
    return ""


def through(world: World, groups: t.Iterable[Group], begins: datetime.datetime) -> int:
    """Return how many messages Area 1 delivered.

    Groups count whose last message is not older than ``begins``.
    """
    count = 0
    for group in groups:
        address, last = connecting(group), parse_time(group.get("last"))
        accepted = sum(
            int(number)
            for status, number in (group.get("statuses") or {}).items()
            if status != "Failed"
        )
        if (
            address
            and accepted
            and last is not None
            and last >= begins
            and not outside([address], world.settings.egress)
        ):
            count += accepted
    return count


def connecting(group: Group) -> str:
    """Return the address that connected, by the message's events, else by the trace."""
    return _address(group.get("via")) or _address(group.get("from_ip"))


def hidden(world: World, groups: t.Sequence[Group]) -> list[str]:
    """Return addresses for which the connection is unknown.

    The trace has shown original senders instead of connections, and the events of these were not
    read.
    """
    egress = world.settings.egress
    strange = [
        group
        for group in groups
        if _address(group.get("from_ip")) and outside([_address(group.get("from_ip"))], egress)
    ]
    if any(
        _address(group.get("via")) and not outside([_address(group.get("via"))], egress)
        for group in strange
    ):
        unseen = strange
    elif len(strange) == len([group for group in groups if _address(group.get("from_ip"))]):
        # No mail at all by Area 1's own addresses. What our connector caught may be Area 1's mail,
        # or direct mail.
        ours = (world.settings.connector_name, world.settings.lockdown_connector_name)
        unseen = [group for group in strange if group.get("connector") in ours]
    else:
        unseen = []
    return sorted(
        {_address(group.get("from_ip")) for group in unseen if not _address(group.get("via"))}
    )


def _address(value: t.Any) -> str:
    """Return an address in its usual spelling, or "" for none and for one inside a network."""
    try:
        address = ipaddress.ip_address(str(value or "").strip().strip("[]"))
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return "" if any(address in network for network in INNER) else str(address)

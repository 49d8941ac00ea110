# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Senders that still deliver past Area 1, from the message trace: scanners, applications, services.

The lock-down would refuse them. Sources: [CUT-35] (trace by FromIP), [EXO-2.7]. Mail that the
protocol refused is not in the trace.
"""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.address_ranges import outside
from ..._engine.timeline import SWITCHED
from ..._engine.timestamps import iso, parse_time
from ..._engine.values import as_list, boolean, of_domain
from ..evidence.message_trace import Group, _address, connecting, hidden, trace_problem
from ..model.gate import GateResult, cannot, holds, not_yet
from ..model.registry import Asked, register
from ..model.world import World

register(
    "direct_senders",
    Asked(
        "lockdown",
        looks_at=(
            "the message trace shows no mail from outside the egress networks since the caches "
            "ran out (else since staging), to any domain that the lock-down is for (and any name "
            "below one with MatchSubDomains)"
        ),
        otherwise=(
            "cannot: names each address with count, senders and last time; send it by way of Area"
            " 1, or let the address in by the connector (with TLS only; a sender without it needs"
            " a connector of its own)"
        ),
        acknowledge="yes, `direct_senders` or `direct_senders:ADDRESS`: its mail may be refused",
    ),
    needs=(
        "inbound_connectors",
        "message_trace",
    ),
)

register(
    "message_trace",
    Asked(
        "lockdown",
        looks_at="the trace could be read, completely and for all of that time",
        otherwise="not yet: permission, too many queries, too many rows",
        acknowledge="yes, after somebody looked",
    ),
    needs=(
        "inbound_connectors",
        "message_trace",
    ),
)

#: So many addresses are named; a person who faces more decides about all of them at once.
NAMED = 50


def since(world: World, staged: datetime.datetime) -> dict[str, str]:
    """Return, for each domain under the lock-down, when its last cached old MX record expired.

    That is the time of the switch plus the old TTL; if it is not known, the time of staging.
    """
    scope_all = world.settings.lockdown_scope == "all"
    names = sorted(world.accepted() if scope_all else world.covered())
    return with_sub_domains(
        world, {name: iso(_caches_ran_out(world, name) or staged) for name in names}
    )


def with_sub_domains(world: World, wanted: dict[str, str]) -> dict[str, str]:
    """Add ``*.name`` for domains that take mail for all names below them.

    The lock-down refuses their mail, too.
    """
    return {
        **wanted,
        **{"*." + name: at for name, at in wanted.items() if world.takes_sub_domains(name)},
    }


def _caches_ran_out(world: World, name: str) -> datetime.datetime | None:
    events = world.timeline.of(SWITCHED, domain=name)
    known = [(event.moment, event.ttl or 0) for event in events]
    ends = [at + datetime.timedelta(seconds=ttl) for at, ttl in known if at is not None and ttl]
    return max(ends) if ends else None


def gate(world: World, wanted: t.Mapping[str, str]) -> list[GateResult]:
    """Check that no address outside the egress networks has sent to these domains.

    ``wanted`` has the time for each domain from which on mail counts. There is one answer for each
    address.
    """
    problem = trace_problem(world, wanted)
    hint = (
        "Exchange takes 100 trace queries in five minutes; the application needs the cmdlet"
        " Get-MessageTraceV2. Run again, or look at the message trace in the admin center yourself"
        " and put message_trace into area1_acknowledge."
    )
    unread = [
        not_yet(
            "message_trace",
            "",
            "who still sends past Area 1 is not known, the message trace does not tell: %s"
            % problem,
            hint=hint,
        )
    ]
    trace = world.message_trace
    found = direct(world, trace.get("groups") or [], wanted)
    results = unread if problem else []
    unseen = hidden(world, trace.get("groups") or [])
    if unseen and not problem:
        message = (
            "the message trace shows the original senders of Area 1's mail instead of Area 1, and"
            " of %d addresses (%s) it is not known by what connection their mail came"
            % (len(unseen), ", ".join(unseen[:3]))
        )
        results = [not_yet("message_trace", "", message, hint=hint)]
    named = [_answer(world, address, groups, wanted) for address, groups in found.items()]
    decided = set(world.settings.acknowledge)
    named.sort(key=lambda result: "direct_senders:%s" % result.object in decided)
    results += named[:NAMED]
    if len(named) > NAMED:
        message = "mail came straight to Microsoft 365 from %d more addresses" % (
            len(named) - NAMED
        )
        results.append(
            cannot(
                "direct_senders",
                "further addresses",
                message,
                "See the message trace, or put direct_senders into area1_acknowledge.",
            )
        )
    return results or [
        holds(
            "direct_senders",
            "",
            "nobody has sent past Area 1 since %s" % min(wanted.values(), default=""),
        )
    ]


def direct(
    world: World, groups: t.Sequence[Group], wanted: t.Mapping[str, str]
) -> dict[str, list[Group]]:
    """Return the groups from outside by address, the busiest first.

    Rows without an address, and refused mail, are no evidence.
    """
    allowed = [*world.settings.egress, *_let_in(world)]
    found: dict[str, list[Group]] = {}
    unseen = set(hidden(world, groups))
    for group in groups:
        address, begins = connecting(group), of_domain(wanted, group.get("domain"))
        last = parse_time(group.get("last"))
        old = begins is None or (last is not None and last < (parse_time(begins) or world.now))
        if (
            not address
            or old
            or _address(group.get("from_ip")) in unseen
            or set(group.get("statuses") or {}) == {"Failed"}
        ):
            continue
        if outside([address], allowed):
            found.setdefault(address, []).append(group)
    return dict(
        sorted(
            found.items(),
            key=lambda item: (-sum(int(group["count"]) for group in item[1]), item[0]),
        )
    )


def _let_in(world: World) -> list[str]:
    """Return the addresses that an administrator added to the lock-down connector."""
    connector = world.connector(world.settings.lockdown_connector_name) or {}
    return [str(item) for item in as_list(connector.get("SenderIPAddresses"))]


def _answer(
    world: World, address: str, groups: t.Sequence[Group], wanted: t.Mapping[str, str]
) -> GateResult:
    count = sum(int(group["count"]) for group in groups)
    senders = list(
        dict.fromkeys(sender for group in groups for sender in group.get("senders") or [])
    )
    domains = list(dict.fromkeys(str(group["domain"]) for group in groups))
    shown = ", ".join(senders[:3]) + (" and others" if len(senders) > 3 else "")
    message = "%d message%s came from there straight to Microsoft 365 (for %s, last %s%s)%s%s" % (
        count,
        "" if count == 1 else "s",
        ", ".join(domains[:3]),
        max(str(group["last"]) for group in groups),
        ", sender %s" % shown if shown else "",
        _filtered(groups),
        _claimed(world, address),
    )
    name = world.settings.lockdown_connector_name
    hint = (
        "The lock-down would refuse it. Send it by way of Area 1; or, if it sends with TLS, add the"
        " address to SenderIPAddresses of the connector %r (which refuses mail without TLS: that"
        " needs a connector of its own); or put direct_senders:%s into area1_acknowledge if it may"
        " be refused." % (name, address)
    )
    return cannot("direct_senders", address, message, hint)


def _filtered(groups: t.Iterable[Group]) -> str:
    """Return a remark if all of the mail was filtered, which helps a person to decide."""
    statuses = {str(status) for group in groups for status in group.get("statuses") or {}}
    return (
        "; all of it was filtered (%s)" % ", ".join(sorted(statuses))
        if statuses and statuses <= {"FilteredAsSpam", "Quarantined", "Failed"}
        else ""
    )


def _claimed(world: World, address: str) -> str:
    """Return a remark if another connector names the address.

    That connector may win over the lock-down; which one does is not documented [CUT-7.1].
    """
    names = [
        str(item.get("Name"))
        for item in world.inbound_connectors
        if boolean(item.get("Enabled")) is True
        and str(item.get("Name")) != world.settings.lockdown_connector_name
        and not outside([address], as_list(item.get("SenderIPAddresses")))
    ]
    return "; the connector %s names it, which may let it in" % ", ".join(names) if names else ""

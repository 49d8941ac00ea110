# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The gate on a domain's MTA-STS policy.

Senders that enforce it do not deliver to hosts that it does not name [CUT-2.4].
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine.timeline import MTA_STS_SEEN, Event
from ..._engine.timestamps import iso, parse_time
from ..._facts.mta_sts import ENFORCE, NONE, Policy, next_id, parse_policy, record_id, record_text
from ..evidence import mta_sts_history as sts_past
from ..model.gate import GateResult, holds, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World

register(
    "mta_sts",
    Asked(
        "switch_domain",
        looks_at=(
            "the policy, if there is one that is enforced, names every new host; its id is older "
            "than its TTL; and no sender may still keep an earlier policy that did not name them "
            "(see below)"
        ),
        otherwise=(
            "not yet: the summary prints the policy and the TXT record to publish; or until the "
            "TTL of the new id is over; or until the policy before has run out; or until it could"
            " be read"
        ),
        acknowledge="yes",
    ),
    Asked(
        "rollback",
        looks_at=(
            "as for the switch, with the old hosts: the policy names them, under an id that "
            "senders know"
        ),
        otherwise="not yet: prints policy and record",
        acknowledge="yes",
    ),
    needs=("mta_sts",),
)

GATE = "mta_sts"


def mta_sts(world: World, name: str, to: t.Sequence[str] | None = None) -> GateResult:
    """Check that mail may go to the hosts (``to``, or Area 1's).

    The present policy has to name them, and each one that senders may still keep.
    """
    hosts = list(to) if to is not None else _new_hosts(world)
    found = _read(world, name)
    if found is None or found.get("records") is None:
        why = (found or {}).get("error") or "it was not read"
        return not_yet(
            GATE,
            name,
            "whether it has an MTA-STS policy is not known: %s" % why,
            hint="It is asked again by the next run.",
        )
    identifier, problem = record_id(found["records"])
    if not identifier:
        return _without(
            world, name, hosts, "its MTA-STS record has no effect: %s" % problem if problem else ""
        )
    if found.get("policy") is None:
        return not_yet(
            GATE,
            name,
            "its MTA-STS policy could not be read: %s" % (found.get("policy_error") or "unknown"),
            hint=(
                "Senders go on with the one that they have kept. Repair the policy's host, or put"
                " mta_sts:%s into area1_acknowledge."
            )
            % name,
        )
    policy, problem = parse_policy(str(found["policy"]))
    if policy is None:
        return not_yet(
            GATE,
            name,
            "its MTA-STS policy is malformed: %s" % problem,
            hint=(
                "Senders go on with the one that they have kept. Repair it, or put mta_sts:%s into"
                " area1_acknowledge."
            )
            % name,
        )
    if policy.refused(hosts):
        return _lacking(world, name, policy, identifier, hosts)
    return (
        _unannounced(world, name, policy, identifier, hosts)
        or _young(world, name, found, identifier)
        or _good(world, name, policy, identifier, hosts)
    )


def first_seen(world: World) -> list[str]:
    """Return domains whose present record or policy no run has seen.

    They are recorded, so that a later run can tell what senders may keep, and for how long.
    """
    return [name for name in world.covered() if sts_past.is_news(world, name)]


def to_note(world: World) -> list[Event]:
    """Return events that keep what senders may now hold of the domains' policies."""
    found = {name: sts_past.kept(world.mta_sts.get(name) or {}) for name in first_seen(world)}
    return [
        Event.from_data({"event": MTA_STS_SEEN, "domain": name, **kept})
        for name, kept in found.items()
    ]


def to_publish(world: World) -> list[dict[str, str]]:
    """Return domains with ``mta_sts_id`` whose policy is right but whose id is the old one."""
    wanted = []
    for entry in world.settings.domains:
        if not entry.mta_sts_id:
            continue
        found = _read(world, entry.name) or {}
        identifier, _problem = record_id(found.get("records") or ())
        policy, _problem = parse_policy(str(found.get("policy") or ""))
        hosts = _new_hosts(world)
        if (
            identifier
            and policy is not None
            and not policy.refused(hosts)
            and _unannounced(world, entry.name, policy, identifier, hosts)
        ):
            new = {
                "name": entry.name,
                "expect": identifier,
                "id": next_id(world.now, identifier),
            }
            wanted.append({**new, **entry.dns_place})
    return wanted


def _without(world: World, name: str, hosts: t.Sequence[str], problem: str) -> GateResult:
    """Return the answer for a domain without an effective record.

    Senders that took a policy while there was one keep it until the end of its max_age.
    """
    seen = sts_past.looks(world, name)
    until = sts_past.kept_until(seen, hosts)
    if until is None or until <= world.now:
        return noticed(GATE, name, problem) if problem else holds(GATE, name, "no MTA-STS")
    last = next(
        look.policy
        for look in reversed(seen)
        if look.policy is not None and look.policy.refused(hosts)
    )
    result = not_yet(
        GATE,
        name,
        "%s; senders may keep the policy (enforce) that was there before, and does not name %s,"
        " until %s"
        % (problem or "its MTA-STS record is gone", ", ".join(last.refused(hosts)), iso(until)),
        iso(until),
        "Run again after that time. Sooner it goes with a policy that names the hosts, under a"
        " record with a new id; or put mta_sts:%s into area1_acknowledge." % name,
    )
    if last == sts_past.UNREAD:
        return result
    return dataclasses.replace(
        result, lines=_instructions(world, name, last.with_hosts(hosts), seen[-1].id)
    )


def _lacking(
    world: World, name: str, policy: Policy, identifier: str, hosts: t.Sequence[str]
) -> GateResult:
    missing = ", ".join(policy.missing(hosts))
    result = not_yet(
        GATE,
        name,
        "its MTA-STS policy (enforce) does not name %s: senders that obey it would keep their mail"
        % missing,
        hint="Publish the policy below, then the TXT record.",
    )
    return dataclasses.replace(
        result, lines=_instructions(world, name, policy.with_hosts(hosts), identifier)
    )


def _good(
    world: World, name: str, policy: Policy, identifier: str, hosts: t.Sequence[str]
) -> GateResult:
    missing = policy.missing(hosts)
    if policy.mode == NONE or not missing:
        return holds(
            GATE,
            name,
            (
                "its MTA-STS policy has the mode none"
                if policy.mode == NONE
                else "its MTA-STS policy (%s) names the hosts" % policy.mode
            ),
        )
    result = noticed(
        GATE,
        name,
        "its MTA-STS policy (%s, so mail is only reported) does not name %s"
        % (policy.mode, ", ".join(missing)),
    )
    return dataclasses.replace(
        result, lines=_instructions(world, name, policy.with_hosts(hosts), identifier)
    )


def _instructions(world: World, name: str, policy: Policy, identifier: str) -> tuple[str, ...]:
    """Return the exact texts to publish: first the policy, then the record (RFC 8461, 8.1)."""
    return (
        "https://mta-sts.%s/.well-known/mta-sts.txt" % name,
        *("  " + line for line in policy.text().splitlines()),
        '_mta-sts.%s. IN TXT "%s"' % (name, record_text(next_id(world.now, identifier))),
    )


def _unannounced(
    world: World, name: str, policy: Policy, identifier: str, hosts: t.Sequence[str]
) -> GateResult | None:
    """Return the answer for a right policy whose id does not announce it, or None.

    Under the same id there was a policy that was wrong or could not be read, so senders have no
    reason to look again.
    """
    until = sts_past.kept_until(sts_past.looks(world, name), hosts, identifier)
    if until is None or until <= world.now:
        return None
    what = "names the hosts" if policy.mode == ENFORCE else "has the mode %s" % policy.mode
    # No time to wait for: a record is published sooner, and is what senders go by.
    result = not_yet(
        GATE,
        name,
        "its MTA-STS policy %s, but the id of the TXT record (%s) is that of the policy before,"
        " which did not, or could not be read; senders may keep that one until %s"
        % (what, identifier, iso(until)),
        hint=(
            "Publish the TXT record below, or give the domain mta_sts_id: true in area1_domains to"
            " have it published."
        ),
    )
    return dataclasses.replace(result, lines=_instructions(world, name, policy, identifier)[-1:])


def _young(
    world: World, name: str, found: t.Mapping[str, t.Any], identifier: str
) -> GateResult | None:
    """Return the answer for an id that not all senders know yet, or None.

    They see it once the record before it has expired in their caches. The provider's own date
    counts; without one, the first run that saw the id, or the baseline.
    """
    seen = sts_past.looks(world, name)
    since = parse_time(found.get("modified_on")) or (
        sts_past.id_since(seen, identifier) if seen else world.now
    )
    ttl = max([int(found.get("ttl") or 0), *(look.ttl for look in seen)])
    until = since + datetime.timedelta(seconds=ttl)
    if until <= world.now:
        return None
    message = (
        "its MTA-STS id %s is new: senders may hold the record before it (TTL %d s) until %s"
        % (identifier, ttl, iso(until))
    )
    return not_yet(GATE, name, message, iso(until), "Run again after that time.")


def _read(world: World, name: str) -> dict[str, t.Any] | None:
    return world.mta_sts.get(name)


def _new_hosts(world: World) -> list[str]:
    return [item.host for item in world.settings.mx_records]

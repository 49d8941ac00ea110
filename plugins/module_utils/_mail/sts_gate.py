# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The gate on a domain's MTA-STS policy: senders that enforce it keep their mail from hosts that it does not name. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .gate import GateResult, holds, not_yet, noticed
from .mta_sts import ENFORCE, NONE, Policy, next_id, parse_policy, record_id, record_text
from .world import World, iso, parse_time

GATE = "mta_sts"
SEEN = "mta_sts_seen"


def mta_sts(world: World, name: str, to: t.Sequence[str] | None = None) -> GateResult:
    """None, testing and enforce; the hosts in it (C(to), or Area 1's); and whether every sender can know it by now."""
    hosts = list(to) if to is not None else _new_hosts(world)
    found = _read(world, name)
    if found is None or found.get("records") is None:
        why = (found or {}).get("error") or "it was not read"
        return not_yet(GATE, name, "whether it has an MTA-STS policy is not known: %s" % why, hint="It is asked again by the next run.")
    identifier, problem = record_id(found["records"])
    if not identifier:
        return noticed(GATE, name, "its MTA-STS record has no effect: %s" % problem) if problem else holds(GATE, name, "no MTA-STS")
    if found.get("policy") is None:
        return not_yet(
            GATE, name, "its MTA-STS policy could not be read: %s" % (found.get("policy_error") or "unknown"),
            hint="Senders go on with the one that they have kept. Repair the policy's host, or put mta_sts:%s into area1_acknowledge." % name,
        )  # fmt: skip
    policy, problem = parse_policy(str(found["policy"]))
    if policy is None:
        return not_yet(
            GATE, name, "its MTA-STS policy is malformed: %s" % problem,
            hint="Senders go on with the one that they have kept. Repair it, or put mta_sts:%s into area1_acknowledge." % name,
        )  # fmt: skip
    if policy.mode == NONE:
        return holds(GATE, name, "its MTA-STS policy has the mode none")
    missing = policy.missing(hosts)
    if missing:
        return _lacking(world, name, policy, identifier, missing)
    return _aged(world, name, found, policy, identifier, hosts)


def first_seen(world: World) -> list[str]:
    """Domains whose present id no time line knows yet: it is kept, so that a later run can tell its age."""
    fresh = []
    for name in world.covered():
        identifier, _problem = record_id((_read(world, name) or {}).get("records") or ())
        if identifier and _event(world, name, identifier) is None:
            fresh.append(name)
    return fresh


def to_publish(world: World) -> list[dict[str, str]]:
    """Domains that asked for it (C(mta_sts_id)) whose policy is right and whose id is still that of the one before."""
    wanted = []
    for entry in world.settings["domains"]:
        if not entry.get("mta_sts_id"):
            continue
        found = _read(world, entry["name"]) or {}
        identifier, _problem = record_id(found.get("records") or ())
        policy, _problem = parse_policy(str(found.get("policy") or ""))
        if identifier and policy is not None and not policy.missing(_new_hosts(world)) and _unannounced(world, entry["name"], identifier, _new_hosts(world)):
            new = {"name": entry["name"], "expect": identifier, "id": next_id(world.now, identifier)}
            wanted.append({**new, "dns_provider": entry["dns_provider"]} if entry.get("dns_provider") else new)
    return wanted


def _lacking(world: World, name: str, policy: Policy, identifier: str, missing: t.Sequence[str]) -> GateResult:
    lines = _instructions(world, name, policy.with_hosts(missing), identifier)
    if policy.mode != ENFORCE:
        result = noticed(GATE, name, "its MTA-STS policy (%s, so mail is only reported) does not name %s" % (policy.mode, ", ".join(missing)))
        return dataclasses.replace(result, lines=lines)
    result = not_yet(
        GATE, name, "its MTA-STS policy (enforce) does not name %s: senders that obey it would keep their mail" % ", ".join(missing),
        hint="Publish the policy below, then the TXT record.",
    )  # fmt: skip
    return dataclasses.replace(result, lines=lines)


def _instructions(world: World, name: str, policy: Policy, identifier: str) -> tuple[str, ...]:
    """The exact texts. The policy first, then the record (RFC 8461, 8.1)."""
    return (
        "https://mta-sts.%s/.well-known/mta-sts.txt" % name,
        *("  " + line for line in policy.text().splitlines()),
        '_mta-sts.%s. IN TXT "%s"' % (name, record_text(next_id(world.now, identifier))),
    )


def _aged(
    world: World, name: str, found: t.Mapping[str, t.Any], policy: Policy, identifier: str, hosts: t.Sequence[str]
) -> GateResult:
    """The policy names the hosts; do all senders know? They look for a new one when the id has changed, after its TTL."""
    if _unannounced(world, name, identifier, hosts):
        result = not_yet(
            GATE, name, "its MTA-STS policy names the hosts, but the id of the TXT record (%s) is that of the policy before" % identifier,
            hint="Publish the TXT record below, or give the domain mta_sts_id: true in area1_domains to have it published.",
        )  # fmt: skip
        return dataclasses.replace(result, lines=_instructions(world, name, policy, identifier)[-1:])
    before = _baseline(world, name)
    if before is not None and record_id(before.get("records") or ())[0] == identifier:
        return holds(GATE, name, "its MTA-STS policy (%s) names the hosts, and did before" % policy.mode)
    since = _since(world, name, found, identifier)
    ttl = max(int(found.get("ttl") or 0), int((before or {}).get("ttl") or 0))
    until = (since or world.now) + datetime.timedelta(seconds=ttl)
    if until > world.now:
        message = "its MTA-STS id %s is new: senders may hold the record before it (TTL %d s) until %s" % (identifier, ttl, iso(until))
        return not_yet(GATE, name, message, iso(until))
    return holds(GATE, name, "its MTA-STS policy (%s) names the hosts" % policy.mode)


def _unannounced(world: World, name: str, identifier: str, hosts: t.Sequence[str]) -> bool:
    """The baseline had the same id with a policy that did not name the hosts: senders have no reason to look again."""
    before = _baseline(world, name)
    if before is None or record_id(before.get("records") or ())[0] != identifier or not before.get("policy"):
        return False
    policy, _problem = parse_policy(str(before["policy"]))
    return policy is not None and policy.mode != NONE and bool(policy.missing(hosts))


def _since(world: World, name: str, found: t.Mapping[str, t.Any], identifier: str) -> datetime.datetime | None:
    """Since when the id is there: the provider's own date, else when a run first saw it. The provider's is no guess."""
    return parse_time(found.get("modified_on")) or parse_time((_event(world, name, identifier) or {}).get("at"))


def _event(world: World, name: str, identifier: str) -> dict[str, t.Any] | None:
    events = world.section("timeline", []) or []
    return next((item for item in events if item.get("event") == SEEN and item.get("domain") == name and item.get("id") == identifier), None)


def _read(world: World, name: str) -> dict[str, t.Any] | None:
    return t.cast("dict[str, t.Any] | None", (world.section("mta_sts", {}) or {}).get(name))


def _baseline(world: World, name: str) -> dict[str, t.Any] | None:
    sections = (world.section("baseline", {}) or {}).get("sections") or {}
    return t.cast("dict[str, t.Any] | None", (sections.get("mta_sts") or {}).get(name))


def _new_hosts(world: World) -> list[str]:
    return [item["host"] for item in world.settings["mx_records"]]

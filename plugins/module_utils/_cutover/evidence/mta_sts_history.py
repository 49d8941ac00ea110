# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The MTA-STS records and policies that were seen, and until when senders may keep them.

A sender keeps a policy for its max_age. It looks for another one when the id of the record changes,
and only then (RFC 8461, 3.1 and 5.1): a record that is gone, or a policy that changed under the
same id, reaches nobody before that time.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import typing as t

from ..._engine.timeline import MTA_STS_SEEN
from ..._engine.timestamps import parse_time
from ..._facts.mta_sts import ENFORCE, MAX_AGE, Policy, parse_policy, record_id
from ..model.world import World

#: One that could not be read or understood may have been any: enforced, kept for as long as one may
#: be, and naming nobody.
UNREAD = Policy(ENFORCE, MAX_AGE, ())


@dataclasses.dataclass(frozen=True)
class Look:
    """What was there from C(at) on. No id: no record that has effect, and then no policy."""

    at: datetime.datetime
    id: str
    policy: Policy | None
    ttl: int


def looks(world: World, name: str) -> list[Look]:
    """Return everything that runs saw, oldest first, and the present at the end.

    Two neighbours differ.
    """
    known = _known(world, name)
    return [*known, *_news(world, name, known)]


def is_news(world: World, name: str) -> bool:
    """Return whether no run has seen the present state, so that the time line should record it."""
    return bool(_news(world, name, _known(world, name)))


def kept(found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the part of a look that the time line records."""
    return {key: found.get(key) for key in ("records", "ttl", "policy")}


def kept_until(
    seen: t.Sequence[Look], hosts: t.Sequence[str], identifier: str = ""
) -> datetime.datetime | None:
    """Return until when senders may use an earlier policy that refuses the hosts.

    With ``identifier`` only senders that know the policy by it count.
    """
    ends = [
        after.at + datetime.timedelta(seconds=before.ttl + before.policy.max_age)
        for before, after in itertools.pairwise(seen)
        if before.policy is not None
        and before.policy.refused(hosts)
        and identifier in ("", before.id)
    ]
    return max(ends, default=None)


def id_since(seen: t.Sequence[Look], identifier: str) -> datetime.datetime:
    """Return since when the present id is known to exist without a break."""
    since = seen[-1].at
    for look in reversed(seen):
        if look.id != identifier:
            break
        since = look.at
    return since


def _look(found: t.Mapping[str, t.Any] | None, at: t.Any) -> Look | None:
    moment = parse_time(at)
    if moment is None or found is None or found.get("records") is None:
        return None
    identifier, _problem = record_id(found["records"])
    if not identifier:
        return Look(moment, "", None, 0)
    policy, _problem = parse_policy(str(found.get("policy") or ""))
    return Look(moment, identifier, policy or UNREAD, int(found.get("ttl") or 0))


def _known(world: World, name: str) -> list[Look]:
    baseline = world.if_read.baseline
    found = [
        _look(
            ((baseline.get("sections") or {}).get("mta_sts") or {}).get(name), baseline.get("taken")
        )
    ]
    events = world.timeline.of(MTA_STS_SEEN, domain=name)
    found += [_look({**event.more, "ttl": event.ttl}, event.at) for event in events]
    return sorted((look for look in found if look is not None), key=lambda look: look.at)


def _news(world: World, name: str, known: t.Sequence[Look]) -> list[Look]:
    """Return the present look, unless it equals the last one.

    A policy that is silent for a while, under the id of a known one, is nothing new.
    """
    now = _look(world.mta_sts.get(name), world.service_date)
    if now is None or (not known and not now.id):
        return []
    return (
        [now]
        if not known or now.id != known[-1].id or now.policy not in (UNREAD, known[-1].policy)
        else []
    )

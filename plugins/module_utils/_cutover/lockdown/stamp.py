# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The stamp in the lock-down connector's comment.

It says when the connector was staged, when the soak ends, and for which domains.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import re
import typing as t

from ..._engine.timestamps import iso, parse_time
from ..model.world import World, changed_at

TOLERANCE = datetime.timedelta(minutes=2)


STAMP = re.compile(
    r"\[mailflow\.area1: staged (?P<staged>[0-9TZ:-]+), due (?P<due>[0-9TZ:-]+), (?P<count>\d+)"
    r" domains?, (?P<digest>[0-9a-f]{12})\. [^\]]*\]"
)


SWITCHED_OFF = re.compile(r"\[mailflow\.area1: switched off (?P<at>[0-9TZ:-]+), ")


@dataclasses.dataclass(frozen=True)
class Stamp:
    staged: datetime.datetime
    due: datetime.datetime
    count: int
    digest: str

    def comment(self, base: str, reason: str = "Disabled on purpose") -> str:
        """Return the connector's comment while it is staged, which tells why it is off."""
        noun = "domain" if self.count == 1 else "domains"
        return "%s. [mailflow.area1: staged %s, due %s, %d %s, %s. %s]" % (
            base,
            iso(self.staged),
            iso(self.due),
            self.count,
            noun,
            self.digest,
            reason,
        )


def digest(tenant_id: str, domains: t.Iterable[str], staged: datetime.datetime) -> str:
    """Return a digest of tenant, domains and time, so that an edited time does not count."""
    text = "\n".join([tenant_id.lower(), iso(staged), *sorted(domains)])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def parse_stamp(comment: t.Any) -> Stamp | None:
    match = STAMP.search(str(comment or ""))
    staged, due = (parse_time(match[key]) for key in ("staged", "due")) if match else (None, None)
    if match is None or staged is None or due is None:
        return None
    return Stamp(staged, due, int(match["count"]), match["digest"])


def stamp_problem(stamp: Stamp | None, connector: t.Mapping[str, t.Any], world: World) -> str:
    """Return why the stamp cannot be trusted; "" if it can.

    It can if WhenCreated <= stamp <= WhenChanged <= the answer's Date, and if it is of these
    domains.
    """
    if stamp is None:
        return "it carries no stamp"
    if stamp.digest != digest(world.tenant["id"], world.covered(), stamp.staged):
        return "it was staged for another set of domains, or its stamp was edited"
    created = parse_time(connector.get("WhenCreatedUTC") or connector.get("WhenCreated"))
    changed = changed_at(connector)
    # A service that does not tell its dates leaves the digest, which an edited time does not match.
    if created is not None and stamp.staged < created - TOLERANCE:
        return "its stamp (%s) is older than the connector" % iso(stamp.staged)
    if changed is not None and (
        stamp.staged > changed + TOLERANCE or changed > world.now + TOLERANCE
    ):
        return "its stamp (%s) does not fit its own dates" % iso(stamp.staged)
    if stamp.staged > world.now + TOLERANCE:
        return "its stamp (%s) lies in the future" % iso(stamp.staged)
    moved = [name for name in world.covered() if _moved_since(world, name, stamp.staged)]
    if moved:
        return "the MX records of %s were changed after it was staged" % ", ".join(moved)
    return ""


def _moved_since(world: World, name: str, staged: datetime.datetime) -> bool:
    """Return whether the provider's date shows that the domain's records changed since staging.

    The domain may have fallen back and returned between two runs.
    """
    moment = parse_time((world.dns_provider.get(name) or {}).get("modified_on"))
    return moment is not None and moment > staged + TOLERANCE


def due_time(
    world: World, staged: datetime.datetime, stamped: datetime.datetime | None
) -> datetime.datetime:
    """Return the end of the soak, which is at least the largest TTL of the old sets.

    Where that TTL is no longer known, an earlier stamp's end holds.
    """
    floor = world.largest_old_ttl()
    soak = datetime.timedelta(hours=world.settings.soak_hours)
    wanted = staged + max(soak, datetime.timedelta(seconds=floor or 0))
    return max(wanted, stamped) if floor is None and stamped is not None else wanted

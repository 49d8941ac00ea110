# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Check who may release what the use case puts into quarantine."""

from __future__ import annotations

from ..._facts.exchange_objects import plain_name
from ..._facts.quarantine_permissions import BUILT_IN, PERMISSIONS
from ..._facts.use_cases import (
    ADMIN,
    AT_AREA1,
    IN_INBOX,
    IN_JUNK,
    IN_QUARANTINE,
    Landing,
    lands,
)
from ..model.gate import GateResult, cannot, holds
from ..model.registry import Asked, register
from ..model.world import World
from . import objects as handling

RELEASE, REQUEST = PERMISSIONS["release"], PERMISSIONS["request_release"]

register(
    "user_release",
    Asked(
        "message_handling",
        looks_at=(
            "MALICIOUS mail is held at Area 1, or in a quarantine from which users cannot release"
            " by themselves; also for each domain with `drop_dispositions` of its own"
        ),
        otherwise="cannot, before anything is written",
        acknowledge="yes: `user_release`, or `user_release:DOMAIN` for one of these",
    ),
    needs=("quarantine_policies",),
)


register(
    "quarantine_policy",
    Asked(
        "message_handling",
        looks_at="each quarantine policy that the use case names exists or is made by it",
        otherwise="cannot, before anything is written: names the ones there are",
    ),
    needs=("quarantine_policies",),
)


def release_of(world: World, policy: str) -> str:
    """Return who may release from a quarantine policy: ``user``, ``request`` or ``admin``.

    ``request`` means that an administrator decides. For an unknown policy the worst is assumed.
    """
    entry = next(
        (
            value
            for name, value in handling.case_of(world).policies.items()
            if name.lower() == policy.lower()
        ),
        None,
    )
    if entry is not None:
        value = handling.policy_properties(entry)["EndUserQuarantinePermissionsValue"]
    else:
        record = handling.named(world.quarantine_policies, policy) or {}
        told = record.get("EndUserQuarantinePermissionsValue")
        unknown = 0 if policy.lower() == ADMIN.lower() else RELEASE
        value = unknown if told is None else int(told)
    return "user" if value & RELEASE else "request" if value & REQUEST else "admin"


def place(world: World, landing: Landing) -> str:
    """Return in words where a message ends, and who may release it."""
    if landing.place != IN_QUARANTINE:
        return {AT_AREA1: "Area 1's quarantine", IN_JUNK: "junk", IN_INBOX: "the inbox"}.get(
            landing.place, landing.place
        )
    who = {
        "user": "users release",
        "request": "users ask, administrators release",
        "admin": "administrators release",
    }
    return "quarantine (%s)" % who[release_of(world, landing.policy)]


def user_release(world: World) -> list[GateResult]:
    """Check that MALICIOUS mail is quarantined where users cannot release it [CF-1.1]."""
    own = {entry.name for entry in world.settings.domains if entry.drop_dispositions is not None}
    answers = (
        []
        if own == set(world.covered())
        else [_released(world, "", "MALICIOUS", "the use case puts")]
    )
    return answers + [
        _released(world, name, name, "its own drop_dispositions put")
        for name in world.covered()
        if name in own
    ]


def _released(world: World, domain: str, what: str, who_puts: str) -> GateResult:
    found = lands(handling.case_of(world, domain), "MALICIOUS")
    free = found.place in (IN_JUNK, IN_INBOX) or (
        found.place == IN_QUARANTINE and release_of(world, found.policy) == "user"
    )
    if not free:
        return holds("user_release", what, place(world, found))
    return cannot(
        "user_release",
        what,
        "%s MALICIOUS mail where users get at it by themselves: %s"
        % (who_puts, place(world, found)),
        "Quarantine it at Area 1 or under a policy with request_release, or put user_release%s into"
        " area1_acknowledge." % (":" + domain if domain else ""),
    )


def quarantine_tags(world: World) -> list[GateResult]:
    """Check that every quarantine policy that is named exists, or is made by this run."""
    case = handling.case_of(world)
    known = {plain_name(record).lower(): plain_name(record) for record in world.quarantine_policies}
    known.update({name.lower(): name for name in (*BUILT_IN, *case.policies)})
    named = [str(value) for option, value in case.filter.items() if option.endswith("_tag")]
    return [
        cannot(
            "quarantine_policy",
            name,
            "there is no quarantine policy of this name, and the use case makes none",
            "There are %s. Correct the name, or list it in quarantine_policies of the use case."
            % ", ".join(sorted(known.values())),
        )
        for name in dict.fromkeys(named)
        if name.lower() not in known
    ]

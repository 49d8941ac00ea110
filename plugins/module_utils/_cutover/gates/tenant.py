# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Gates on the tenant as a whole: permissions, domains, baseline, networks."""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.address_ranges import spans
from ..._engine.timestamps import parse_time
from ..._engine.values import boolean
from ..._facts import egress_networks as networks
from ..model.gate import GateResult, cannot, holds, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World

register(
    "accepted_domains",
    Asked(
        "preflight",
        looks_at="each name of `area1_domains` is an accepted domain of the tenant",
        otherwise="cannot: names the accepted ones",
    ),
    needs=("accepted_domains",),
)

register(
    "permissions",
    Asked(
        "preflight",
        looks_at=(
            "the cmdlets that Exchange Online says the application may run; those that take away "
            "where this run takes something away"
        ),
        otherwise="cannot: names the cmdlets. Those that only a rollback needs are told",
    ),
    Asked(
        "rollback",
        looks_at=(
            "the application may run the cmdlets that take away what goes; asked after the "
            "lock-down and the MX records"
        ),
        otherwise="cannot: names them",
    ),
    needs=("permissions",),
)

register(
    "baseline",
    Asked(
        "preflight",
        looks_at="a baseline exists, or the tenant bears no trace of an earlier deployment",
        otherwise="cannot: give the directory or the baseline",
        acknowledge="yes: today's state becomes the baseline",
    ),
    needs=("baseline_state",),
)

register(
    "durable_snapshots",
    Asked(
        "preflight",
        looks_at=(
            "the runner is not a throw-away one (CI, AWX), or the directory is said to outlive it"
        ),
        otherwise="cannot: set `area1_snapshot_durable`, or give `area1_baseline`",
        acknowledge="yes",
    ),
    needs=("baseline_state",),
)

register(
    "egress_networks",
    Asked(
        "preflight",
        looks_at="`area1_egress_networks`, if given, leaves out nothing that Cloudflare publishes",
        otherwise="cannot: mail from there would be refused",
        acknowledge="yes",
    ),
    Asked("connection"),
    Asked("message_handling"),
    Asked("switch"),
    Asked("lockdown"),
)

register(
    "allow_list_capacity",
    Asked(
        "preflight",
        looks_at="the IP allow list, with ours added, has at most 1273 entries",
        otherwise="cannot: remove some, or `area1_allow_list: skip`",
    ),
    Asked("connection"),
    needs=("connection_filter",),
)

register(
    "customization",
    Asked(
        "connection",
        looks_at="the organization is customized (not dehydrated)",
        otherwise="not yet: Exchange may take up to 24 hours",
    ),
    Asked("message_handling"),
    Asked("lockdown"),
    needs=("organization",),
)

MAX_ALLOW_LIST = 1273
LIST_IS_OLD = datetime.timedelta(days=270)


def accepted_domains(world: World) -> list[GateResult]:
    accepted = world.accepted()
    missing = [name for name in world.covered() if name not in accepted]
    known = ", ".join(sorted(name for name in accepted if not name.endswith(".onmicrosoft.com")))
    results = [
        cannot(
            "accepted_domains",
            name,
            "it is not an accepted domain of this tenant",
            "Accepted are: %s. Correct area1_domains." % known,
        )
        for name in missing
    ]
    return results or [
        holds(
            "accepted_domains",
            "",
            "%d of %d accepted domains are covered" % (len(world.covered()), len(accepted)),
        )
    ]


ROLE_HINT = (
    "Give the application's service principal the role Exchange Administrator (or a role group with"
    " these cmdlets). A new role takes up to two hours to act."
)


def permissions(world: World, removals: t.Collection[str] = ()) -> list[GateResult]:
    """Check the permissions that the service reveals beforehand.

    A permission that it does not reveal shows at the first refused write. ``removals`` are the
    cmdlets with which this run removes objects. Those that only a rollback needs are reported in
    time.
    """
    section = world.permissions
    denied = list(section.get("removals") or [])
    missing = [*(section.get("missing") or []), *(name for name in denied if name in removals)]
    later = [name for name in denied if name not in removals]
    results = [holds("permissions", "Exchange Online")]
    if missing:
        results = [
            cannot(
                "permissions",
                "Exchange Online",
                "the application may not run %s" % ", ".join(missing),
                ROLE_HINT,
            )
        ]
    if later:
        results.append(
            noticed(
                "permissions",
                "rollback",
                "the application may not run %s, which a rollback needs" % ", ".join(later),
            )
        )
    return results


def customization(world: World) -> list[GateResult]:
    dehydrated = any(boolean(item.get("IsDehydrated")) for item in world.organization)
    if dehydrated:
        return [
            not_yet(
                "customization",
                "organization",
                "the organization is not customized yet; this may take up to 24 hours",
                hint="Run again later.",
            )
        ]
    return [holds("customization", "organization")]


def egress_networks(world: World) -> list[GateResult]:
    if not world.settings.egress_superset:
        return [
            cannot(
                "egress_networks",
                "",
                "area1_egress_networks leaves out networks that Cloudflare publishes: mail from"
                " there would be refused",
                "Add them, or put egress_networks into area1_acknowledge.",
            )
        ]
    published = parse_time(networks.PUBLISHED_DATE + "-01")
    if published is not None and world.now - published > LIST_IS_OLD:
        message = (
            "the list of networks in this version is of %s (digest %s): compare it with"
            " Cloudflare's page, a newer one may have more"
            % (
                networks.PUBLISHED_DATE,
                networks.PUBLISHED_DIGEST[:12],
            )
        )
        return [noticed("egress_networks", "", message)]
    return [holds("egress_networks", "", "%d entries for Exchange" % len(world.settings.egress))]


def allow_list_capacity(world: World) -> list[GateResult]:
    if world.settings.allow_list == "skip":
        return [
            holds(
                "allow_list_capacity", "", "the allow list is not managed (area1_allow_list: skip)"
            )
        ]
    count = len(
        spans(world.default_connection_filter().get("IPAllowList")) | spans(world.settings.egress)
    )
    if count > MAX_ALLOW_LIST:
        hint = "Remove entries that are not needed any more, or set area1_allow_list: skip."
        return [
            cannot(
                "allow_list_capacity",
                "",
                "the IP allow list would have %d entries; Exchange takes %d"
                % (count, MAX_ALLOW_LIST),
                hint,
            )
        ]
    flagged = (
        "checks of CIS, CISA and ORCA flag a list that is not empty; area1_allow_list: skip leaves"
        " it alone"
    )
    owner = str(world.default_connection_filter().get("AdminDisplayName") or "").strip()
    if owner:
        flagged += '; its note says "%s": whoever wrote that may manage it too' % owner[:100]
    return [noticed("allow_list_capacity", "IP allow list", flagged)]


def baseline(world: World) -> list[GateResult]:
    """Check that there is a baseline, or nothing of an earlier deployment.

    Without it there is no exact way back; traces without a baseline mean that it was lost.
    """
    state = world.baseline_state
    if state.get("status") == "lost":
        return [
            cannot(
                "baseline",
                "",
                "this tenant carries traces of an earlier deployment (%s), but no baseline was"
                " found in %s" % (", ".join(state.get("traces", [])), state.get("directory")),
                "Give the directory in area1_snapshot_dir or the baseline in area1_baseline; or put"
                " baseline into area1_acknowledge to take today's state as the baseline.",
            )
        ]
    if state.get("status") == "throw_away":
        return [
            cannot(
                "durable_snapshots",
                "",
                "this runner looks as if it were thrown away after the job (%s), and the baseline"
                " with it" % state.get("runner"),
                "Set area1_snapshot_durable: true if %s outlives the job, give area1_baseline, or"
                " put durable_snapshots into area1_acknowledge." % state.get("directory"),
            )
        ]
    return [holds("baseline", "", state.get("message", ""))]

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The way back from message handling: our rules and quarantine policies go, anti-spam policies get what they had before us. Pure.

What somebody set since, to something that no use case of ours writes, is his and stays.
"""

from __future__ import annotations

import typing as t

from . import handling
from .use_cases import RETENTION_DAYS
from .world import World


def undo(world: World, past: World) -> dict[str, list[t.Any]]:
    """C(rules) to remove, then C(filters) to set (options of o365_content_filter), then C(policies) to remove."""
    ours = [handling.plain_name(record) for record in world.section("quarantine_policies") if handling.is_our_policy(record)]
    filters = [options for policy in world.section("content_filter") for options in [_before_us(world, past, policy, ours)] if len(options) > 1]
    return {
        "rules": [str(record.get("Name")) for record in world.section("transport_rules") if handling.is_our_rule(record)],
        "filters": filters,
        "policies": [name for name in ours if not _still_used(world, filters, name)],
    }


def _before_us(world: World, past: World, policy: handling.Record, ours: list[str]) -> dict[str, t.Any]:
    """The options of one policy that are as we write them, with the values that they had."""
    name = str(policy.get("Name"))
    before = handling.named(past.section("content_filter"), name)
    options: dict[str, t.Any] = {"identity": name}
    if before is None or str(policy.get("RecommendedPolicyType") or "Custom").lower() != "custom":
        return options
    managed = name.lower() in {item.lower() for item in handling.filter_names(world)}
    written = handling.filter_options(world, name) if managed else {}
    written.setdefault("quarantine_retention_period", RETENTION_DAYS[0])
    tags = {item.lower() for item in ours}
    for option, parameter in handling.FILTER.items():
        now, then = policy.get(parameter), before.get(parameter)
        as_we_write = str(now).lower() == str(written.get(option)).lower() and (managed or option.endswith("_tag"))
        points_to_ours = option.endswith("_tag") and str(now or "").lower() in tags
        if (as_we_write or points_to_ours) and then not in (None, "") and str(now).lower() != str(then).lower():
            options[option] = then
    return options


def _still_used(world: World, filters: list[dict[str, t.Any]], name: str) -> bool:
    """By an anti-spam policy after the filters were set."""
    changed = {entry["identity"].lower(): {handling.FILTER[option]: value for option, value in entry.items() if option != "identity"} for entry in filters}
    for policy in world.section("content_filter"):
        after = {**policy, **changed.get(str(policy.get("Name", "")).lower(), {})}
        if any(str(value).lower() == name.lower() for key, value in after.items() if key.endswith("QuarantineTag")):
            return True
    return False

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The baseline: what the tenant, its domains and their records were before the first write."""

from __future__ import annotations

import hashlib
import typing as t

from ..._engine.address_ranges import spans
from ..._engine.errors import InputError
from ..._engine.outside_text import json_bytes, parse_json
from ..model.world import World
from .shape import odd_part

KIND = "mailflow.area1 baseline"
KEPT = (
    "tenant",
    "service_date",
    "organization",
    "accepted_domains",
    "connection_filter",
    "content_filter",
    "content_filter_rules",
    "inbound_connectors",
    "transport_rules",
    "quarantine_policies",
    "preset_rules",
    "outbound_connectors",
    "applying_policies",
    "forwarding_hosts",
    "email_security",
    "dns",
    "dns_provider",
    "dns_texts",
    "mta_sts",
    "mail_hosts",
)
#: Runners that are thrown away with their disk after the job; the variable is one that they are
#: known to set.
THROW_AWAY = {
    "AWX_HOST": "AWX",
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "TF_BUILD": "Azure Pipelines",
}


def traces(world: World) -> list[str]:
    """Return what only an earlier deployment leaves behind."""
    found = []
    for name in (world.settings.connector_name, world.settings.lockdown_connector_name):
        if world.connector(name) is not None:
            found.append("connector %s" % name)
    stamped = [
        item
        for item in world.inbound_connectors
        if "[mailflow.area1:" in str(item.get("Comment") or "")
    ]
    found += ["stamp on connector %s" % item.get("Name") for item in stamped]
    if spans(world.settings.egress) <= spans(world.default_connection_filter().get("IPAllowList")):
        found.append("all egress networks in the IP allow list")
    found += ["MX records of %s" % name for name in world.covered() if world.is_switched(name)]
    return found


def throw_away_runner(environment: t.Mapping[str, str]) -> str:
    return next((label for variable, label in THROW_AWAY.items() if environment.get(variable)), "")


def compose(kind: str, sections: t.Mapping[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    """Return all that a way back needs, as the services wrote it: null and empty differ."""
    kept = {name: value for name, value in sections.items() if name in KEPT}
    body = {
        "format": 1,
        "kind": kind,
        "taken": kept.get("service_date", ""),
        "sections": kept,
        **more,
    }
    return {**body, "digest": body_digest(body)}


def body_digest(body: t.Mapping[str, t.Any]) -> str:
    """Return the digest that a body carries: of all but itself, in a fixed order of its keys."""
    content = {key: value for key, value in body.items() if key != "digest"}
    return hashlib.sha256(json_bytes(content, sort_keys=True)).hexdigest()


def check_baseline(value: t.Any, where: str, kind: str = KIND) -> dict[str, t.Any]:
    """Return a baseline, or a snapshot, that is whole; InputError says what is wrong with it.

    One that was edited or cut is worse than none. ``value`` is its text or what was read from it.
    """
    if isinstance(value, (str, bytes)):
        try:
            value = parse_json(value)
        except ValueError:
            raise InputError(
                "%s is not a baseline: it is not JSON." % where,
                "Give it as mail_flow_snapshot returned or stored it.",
            ) from None
    if (
        not isinstance(value, dict)
        or value.get("kind") != kind
        or not isinstance(value.get("sections"), dict)
    ):
        raise InputError(
            "%s is not a baseline of this collection." % where,
            "Give it as mail_flow_snapshot returned or stored it.",
        )
    if value.get("digest") != body_digest(value):
        raise InputError(
            "%s does not match its digest: it was changed or cut." % where,
            "Restore the file from a backup; it is not used as it is.",
        )
    odd = odd_part(value)
    if odd:
        raise InputError(
            "%s has a part of another form than runs write: %s." % (where, odd),
            "Restore the file from a backup; it is not used as it is.",
        )
    return value

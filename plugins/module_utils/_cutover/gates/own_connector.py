# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The gate on mail that our own connector catches although Area 1 did not bring it."""

from __future__ import annotations

import typing as t

from ..._engine.timestamps import iso
from ..._engine.values import as_list, boolean, sender_domain
from ..._facts.smtp_replies import NEEDS_TLS
from ..evidence import caught_mail as own_connector
from ..model.gate import GateResult, cannot, holds, noticed
from ..model.registry import Asked, register
from ..model.world import World
from .foreign import active

CAUGHT = "[mailflow.area1: switched off"

register(
    "own_connector",
    Asked(
        "connection",
        looks_at="no earlier run had to switch our connector off again (see below)",
        otherwise="cannot: take the note out of its comment",
        acknowledge="yes: to try again",
    ),
    Asked(
        "switch",
        looks_at=(
            "our connector does not catch mail from elsewhere: a recipient that a direct sender "
            "gets with TLS is not refused without, and the message trace shows no mail from other"
            " addresses that it took. Looked for in every run from when the connector acts until "
            "all domains have moved"
        ),
        otherwise=(
            "cannot: it is switched off by this run, with a note in its comment. A notice where "
            "another connector may be the reason"
        ),
        acknowledge="yes",
    ),
    needs=(
        "dns",
        "inbound_connectors",
        "smtp",
    ),
)


def catches_others(world: World) -> list[GateResult]:
    """Check that our connector takes no mail except Area 1's.

    If it did, senders without TLS would be refused. Evidence is a recipient that a direct sender
    gets with TLS and not without, or the trace of direct mail; whether it can happen is disputed
    [EXO-2.3].
    """
    name = world.settings.connector_name
    connector = world.connector(name) or {}
    if boolean(connector.get("Enabled")) is False:
        return []
    caught = _caught(world) if boolean(connector.get("RequireTls")) is not False else {}
    refused = (
        "direct mail without TLS for %s is refused (%s)" % (", ".join(caught), caught[min(caught)])
        if caught
        else ""
    )
    taken = own_connector.attributed(world)
    others = [
        str(item.get("Name"))
        for item in active(world)
        if item is not connector and _demands_tls(item)
    ]
    if refused and others and not taken:
        return [
            noticed("own_connector", name, "%s; %s may be why, too" % (refused, ", ".join(others)))
        ]
    traced = (
        "the message trace shows that it took mail from %s" % ", ".join(taken[:5]) if taken else ""
    )
    seen = "; ".join(part for part in (refused, traced) if part)
    hint = (
        "It is switched off by this run. See what Exchange attributes to it"
        " (Get-MessageTraceDetailV2) before it is tried again."
    )
    return (
        [
            cannot(
                "own_connector",
                name,
                "%s: the connector catches mail that does not come from Area 1" % seen,
                hint,
            )
        ]
        if seen
        else []
    )


def caught_before(world: World) -> list[GateResult]:
    """Check that no earlier run had to switch our connector off, so that this is not repeated."""
    name = world.settings.connector_name
    connector = world.connector(name)
    if (
        connector is None
        or boolean(connector.get("Enabled")) is not False
        or CAUGHT not in str(connector.get("Comment") or "")
    ):
        return [holds("own_connector", name)]
    return [
        cannot(
            "own_connector",
            name,
            "an earlier run switched it off because it caught mail that does not come from Area 1",
            "When that is mended, take the note out of its comment, or put own_connector into"
            " area1_acknowledge to try again.",
        )
    ]


def caught_comment(world: World) -> str:
    """Return the connector's new comment: its old one, and why it is off."""
    present = (
        str((world.connector(world.settings.connector_name) or {}).get("Comment") or "")
        .split("[mailflow.area1:", 1)[0]
        .strip()
    )
    return (
        "%s %s %s: it caught mail that does not come from Area 1]"
        % (present, CAUGHT, iso(world.now))
    ).strip()


def _caught(world: World) -> dict[str, str]:
    """Return domains whose direct mail is taken with TLS only, with the answer without TLS."""
    seen = world.smtp.get("plain") or {}
    return {
        name: "%s %s" % (item["without_tls"].get("code"), item["without_tls"].get("text"))
        for name, item in sorted(seen.items())
        if item.get("verdict") == NEEDS_TLS and not world.is_switched(name)
    }


def _demands_tls(item: t.Mapping[str, t.Any]) -> bool:
    domains = {sender_domain(value) for value in as_list(item.get("SenderDomains"))}
    return (
        boolean(item.get("RequireTls")) is not False
        and "*" in domains
        and str(item.get("ConnectorType", "")).lower() == "partner"
    )

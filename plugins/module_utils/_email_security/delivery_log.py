# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module area1_trace_info: how Area 1 handed recent messages on, from its own log of each."""

from __future__ import annotations

import typing as t

from .._engine.context import Context
from .._engine.errors import InputError, MailflowError
from .._engine.module import Result
from .._engine.observation import Observation
from .._engine.timestamps import iso, parse_time
from .._engine.values import as_list, host_name
from .investigate import Investigate, Message
from .options import account_of, api_of

SECTION = "area1_trace"
#: Refusals first: one of them says more than many deliveries. Then what something was found in, and
#: whatever came last.
KINDS: tuple[dict[str, str], ...] = (
    {"delivery_status": "bounced"},
    {"delivery_status": "rejected"},
    {"delivery_status": "delivered", "detections_only": "true"},
    {},
)


def run_trace_info(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Read the log of a few messages of each kind.

    A failure to read ends in ``error`` of the result and of the observation, never in an empty list
    alone.
    """
    since = parse_time(params["since"])
    if since is None:
        raise InputError(
            "since: %r is not a date and time." % (params["since"],),
            "Give ISO 8601 in UTC, like 2026-11-25T20:00:00Z.",
        )
    observation = Observation(params.get("observation_path"))
    section: dict[str, t.Any] = {"since": iso(since), "error": "", "messages": []}
    names = {host_name(name) for name in as_list(params.get("domains"))}
    source = Investigate(api_of(params, context), account_of(params))
    try:
        section["messages"] = recent(source, iso(since), names, int(params.get("limit") or 5))
    except MailflowError as exc:
        section["error"] = str(exc)
        context.warn_once("Area 1's log could not be read: %s" % exc)
    observation.put(SECTION, section)
    observation.save()
    return Result(False, (), section)


def recent(
    source: Investigate, since: str, names: t.AbstractSet[str], limit: int
) -> list[dict[str, t.Any]]:
    """Return the latest messages of each kind, each once, with the lines of their outbound leg.

    ``limit`` holds for each kind. ``names`` restricts them to recipients in these domains; empty
    means all.
    """
    chosen: dict[str, Message] = {}
    for kind in KINDS:
        # The first page is enough: more of the same proves no more.
        # Benign mail too: what the service leaves out by itself is not documented.
        page = next(source.search({"start": since, "detections_only": "false", **kind}).pages(), [])
        fitting = [item for item in page if not names or names & _domains(item)]
        fitting.sort(
            key=lambda item: str(item.get("scanned_at") or item.get("ts") or ""), reverse=True
        )
        for item in fitting[:limit]:
            chosen.setdefault(str(item.get("id") or item.get("postfix_id") or ""), item)
    return [_told(source, item) for item in chosen.values()]


def _domains(item: Message) -> set[str]:
    """Return the domains of the message's recipients."""
    addresses = [
        str(address) for key in ("envelope_to", "to") for address in as_list(item.get(key))
    ]
    return {host_name(address.rpartition("@")[2].strip("> ")) for address in addresses}


def _told(source: Investigate, item: Message) -> dict[str, t.Any]:
    trace = source.trace(item)
    kept = ("message_id", "scanned_at", "delivery_status", "final_disposition")
    return {
        **{key: item.get(key) for key in kept},
        "domains": sorted(_domains(item)),
        "pending": trace["pending"],
        "outbound": trace["outbound"],
    }

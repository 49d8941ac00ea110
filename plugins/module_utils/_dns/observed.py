# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What tasks hand on about the DNS: one entry per domain, each with its own age."""

from __future__ import annotations

import datetime
import typing as t

from .._engine.observation import FRESH_SECONDS, Observation
from .drivers.contract import Capabilities
from .sets.reconcile_set import View
from .sets.rrset import RecordSet

WORLD = "dns"
PROVIDER = "dns_provider"
DETAILS = "dns_details"
TEXTS = "dns_texts"
STS = "mta_sts"
MAIL_HOSTS = "mail_hosts"


def provider_entry(
    record_set: RecordSet | None, now: float, can: Capabilities, predicted: bool = False
) -> dict[str, t.Any]:
    """Return a provider's set as modules return it and as it is handed on.

    No set is an empty list of records.
    """
    return {
        "records": record_set.records() if record_set else [],
        "ttl": record_set.ttl if record_set else None,
        "auto_ttl": bool(record_set and record_set.auto_ttl),
        "min_ttl": can.lowest_ttl,
        "modified_on": record_set.modified_on if record_set and not predicted else None,
        "date": record_set.date if record_set and record_set.date else iso(now),
        "predicted": predicted,
        "taken": now,
    }


def handed_on(observation: Observation, name: str, now: float) -> View | None:
    """Return the provider's set of an earlier task, if it is fresh."""
    entry = (observation.any_age(PROVIDER) or {}).get(name)
    if entry is None or not 0 <= now - entry["taken"] <= FRESH_SECONDS:
        return None
    if not entry["records"]:
        return View(None)
    values = ["%d %s" % (record["priority"], record["host"]) for record in entry["records"]]
    return View(
        RecordSet.of(
            name,
            "MX",
            values,
            entry["ttl"],
            entry["auto_ttl"],
            modified_on=entry["modified_on"],
            date=entry["date"],
        )
    )


def merge(
    observation: Observation,
    section: str,
    entries: t.Mapping[str, t.Any],
    gone: t.Iterable[str] = (),
    predicted: bool = False,
) -> None:
    """Put entries beside those of other domains; ``gone`` are no longer known."""
    whole = {
        name: entry
        for name, entry in (observation.any_age(section) or {}).items()
        if name not in set(gone)
    }
    whole.update(entries)
    observation.put(section, whole, predicted=predicted, names=entries)


def iso(now: float) -> str:
    return datetime.datetime.fromtimestamp(now, datetime.timezone.utc).isoformat()

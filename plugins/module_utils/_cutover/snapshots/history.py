# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Snapshots: one for each run that found something new.

Each holds what was there before the first write, and what the run was to write.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import typing as t

from ..._engine.errors import InputError, MailflowError
from ..._engine.files import own_content, write_private
from ..lockdown.soak import is_on
from ..lockdown.stamp import parse_stamp
from ..model.baseline_view import mx_of
from ..model.settings import NO_SETTINGS
from ..model.world import World, record_set
from .baseline import KEPT, check_baseline, compose

KIND = "mailflow.area1 snapshot"
NAME = re.compile(r"^snapshot-(\d{8}T\d{6}Z)(-\d+)?\.json$")
#: Of the settings, what a way back asks later: which values were this deployment's own.
WANTED = ("egress", "mx_records", "mx_ttl", "connector_name", "lockdown_connector_name")
DOMAIN_SECTIONS = ("dns", "dns_provider", "email_security", "dns_texts", "mta_sts")
#: Of a domain's DNS only what it says counts; clocks, serials and what a cache has left change with
#: every look.
SAID = {
    "dns": ("records", "ttl_max", "cname", "null_mx"),
    "dns_provider": ("records", "ttl", "auto_ttl"),
    "mta_sts": ("records", "policy"),
}
#: Of an Email Security domain, what is no setting.
COUNTED = (
    "readiness",
    "emails_processed",
    "modified_at",
    "last_modified",
    "status",
    "predicted",
    "taken",
)
VOLATILE = ("service_date", "forwarding_hosts", "mail_hosts")


def record(
    directory: str, sections: t.Mapping[str, t.Any], settings: t.Mapping[str, t.Any] | None
) -> str:
    """Write a snapshot unless the last one says the same; its path, or ""."""
    wanted = {name: (settings or {}).get(name) for name in WANTED}
    content = fingerprint(sections, wanted)
    names = listed(directory)
    if names and _last_fingerprint(os.path.join(directory, names[-1])) == content:
        return ""
    stamp = re.sub(r"[-:]|\.\d+", "", str(sections.get("service_date") or ""))
    name = "snapshot-%s.json" % stamp
    if not NAME.match(name):
        raise InputError(
            "The observation holds no date of the service.",
            "Read the tenant before a snapshot is taken.",
        )
    count = 1
    while os.path.exists(os.path.join(directory, name)):
        count += 1
        name = "snapshot-%s-%d.json" % (stamp, count)
    path = os.path.join(directory, name)
    write_private(path, compose(KIND, sections, wanted=wanted, fingerprint=content))
    return path


def listed(directory: str) -> list[str]:
    """Return the names of the snapshots, oldest first."""
    try:
        names = [name for name in os.listdir(directory) if NAME.match(name)]
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise InputError(
            "%s cannot be read: %s." % (directory, exc.strerror), "Give this user access to it."
        ) from exc
    return sorted(names, key=lambda name: (name[9:25], len(name), name))


def load(path: str) -> dict[str, t.Any]:
    text = own_content(path)
    if text is None:
        raise InputError("There is no snapshot %s." % path, "Name one that is there.")
    return check_baseline(text, path, KIND)


def load_all(directory: str) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """Return (snapshots, one entry for each file with its digest or problem).

    A file that was edited or cut is named and not used.
    """
    found, files = [], []
    for name in listed(directory):
        path = os.path.join(directory, name)
        try:
            body = load(path)
        except MailflowError as exc:
            files.append({"path": path, "ok": False, "digest": "", "problem": exc.message})
            continue
        found.append(body)
        files.append({"path": path, "ok": True, "digest": body["digest"], "problem": ""})
    return found, files


def history(snapshots: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Return what earlier runs were to write, and what they saw.

    That is how each domain was first seen, and what was last seen at work.
    """
    egress: dict[str, None] = {}
    sets: list[t.Any] = []
    domains: dict[str, dict[str, t.Any]] = {}
    at_area1: dict[str, dict[str, t.Any]] = {}
    restricting: dict[str, str] = {}
    for body in snapshots:
        wanted = body.get("wanted") or {}
        egress.update(dict.fromkeys(wanted.get("egress") or ()))
        if wanted.get("mx_records") and wanted["mx_records"] not in sets:
            sets.append(wanted["mx_records"])
        for section in DOMAIN_SECTIONS:
            for name, entry in (body["sections"].get(section) or {}).items():
                domains.setdefault(name, {}).setdefault(section, entry)
        for name, ttl in _at_area1(body, sets).items():
            at_area1[name] = {
                "last": body["taken"],
                "ttl": max(ttl, at_area1.get(name, {}).get("ttl", 0)),
            }
        # One that is staged may have been switched on by that very run.
        found = [
            item
            for item in body["sections"].get("inbound_connectors") or ()
            if is_on(item) or parse_stamp(item.get("Comment"))
        ]
        restricting.update({str(item.get("Name")).lower(): body["taken"] for item in found})
    return {
        "egress": list(egress),
        "mx_sets": sets,
        "domains": domains,
        "at_area1": at_area1,
        "restricting": restricting,
    }


def _at_area1(body: t.Mapping[str, t.Any], sets: t.Sequence[t.Any]) -> dict[str, int]:
    """Return each domain that has a set which a deployment wrote, with its TTL."""
    world, written = (
        World({"dns": {}, **body["sections"]}, NO_SETTINGS),
        [record_set(records) for records in sets],
    )
    found = {name: mx_of(world, name) for name in {**world.dns, **world.dns_provider}}
    return {
        name: int(now["ttl"] or 0)
        for name, now in found.items()
        if now and record_set(now["records"]) in written
    }


def fingerprint(sections: t.Mapping[str, t.Any], wanted: t.Mapping[str, t.Any]) -> str:
    """Return a digest of the state, whatever the order of the answers and the time of reading."""
    body = {
        name: (
            {key: said(name, entry) for key, entry in (value or {}).items()}
            if name in DOMAIN_SECTIONS
            else ordered(value)
        )
        for name, value in sections.items()
        if name in KEPT and name not in VOLATILE
    }
    text = json.dumps({"sections": body, "wanted": ordered(wanted)}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def said(section: str, entry: t.Any) -> t.Any:
    """Return what a domain's entry says, without how and when it was asked."""
    if not isinstance(entry, t.Mapping):
        return ordered(entry)
    chosen = SAID.get(section)
    return ordered(
        {key: entry[key] for key in entry if (key in chosen if chosen else key not in COUNTED)}
    )


def ordered(value: t.Any) -> t.Any:
    if isinstance(value, t.Mapping):
        return {str(key): ordered(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return sorted(
            (ordered(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
        )
    return value


def _last_fingerprint(path: str) -> str:
    """Empty where the last one cannot be trusted: then another is written."""
    try:
        return str(load(path).get("fingerprint") or "")
    except MailflowError:
        return ""

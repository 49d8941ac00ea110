# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The result of an audit: what a deployment would change, failed checks, and mail being lost."""

from __future__ import annotations

import typing as t

Entry = t.Mapping[str, t.Any]

#: Mail is being lost: the audit fails whatever was asked for.
ALARMS = frozenset({"lockdown_exposed", "lockdown_refused"})
#: Somebody who may only read cannot write: no flaw of the tenant.
OF_THE_RUN = frozenset({"permissions"})


def outcome(journal: t.Sequence[Entry], failures: t.Sequence[str]) -> dict[str, t.Any]:
    """Return the result of an audit.

    ``clean`` means that nothing would change and every check passed. What is still on its way is
    ``due``, and no drift.
    """
    drift = [entry for entry in journal if entry["status"] == "would change"]
    findings = [entry for entry in journal if is_finding(entry)]
    alarms = [
        entry for entry in journal if entry.get("gate") in ALARMS and entry["status"] == "cannot"
    ]
    return {
        "drift": drift,
        "findings": findings,
        "alarms": alarms,
        "clean": not (drift or findings or failures),
    }


def is_finding(entry: Entry) -> bool:
    if entry["status"] == "finding":
        return True
    return entry["status"] == "cannot" and entry.get("gate") not in ALARMS | OF_THE_RUN


def stops(entry: Entry) -> bool:
    """Return whether an entry ends the audit with an error: a failed read, or lost mail."""
    return entry["status"] == "failed" or (
        entry["status"] == "cannot" and entry.get("gate") in ALARMS
    )


def verdict(report: t.Mapping[str, t.Any]) -> str:
    audit = report["audit"]
    if audit["alarms"]:
        return "MAIL IS BEING LOST: see the first line."
    if report["failures"]:
        return "NOT AUDITED: something could not be read (see below)."
    counts = "%d would change, %d checks failed" % (len(audit["drift"]), len(audit["findings"]))
    if not audit["clean"]:
        return (
            "DRIFT: %s. deploy_area1 repairs what is marked +; what is marked x is yours." % counts
        )
    if report["done"]:
        return "CLEAN: everything is in place and every check passed."
    when = " (next at %s)" % report["next"] if report["next"] else ""
    return "CLEAN SO FAR: nothing would change now; the deployment is not at its end yet%s." % when

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Render a report as the summary that a person reads."""

from __future__ import annotations

import textwrap
import typing as t

from ..._engine.outside_text import one_line
from . import audit as report_audit

WIDTH = 100


SECTIONS = {
    "preflight": "Preflight",
    "organization": "Organization",
    "connection_filter": "Connection filter and SPF",
    "enhanced_filtering": "Connector and enhanced filtering",
    "area1_domains": "Area 1 domains",
    "message_handling": "Message handling",
    "mx": "MX records",
    "lockdown": "Lock-down",
    "verify": "Verification",
    "rollback": "The way back",
    "audit": "Checks",
}


#: Sections that say nothing where nothing happened.
QUIET = frozenset({"verify", "rollback", "audit"})


MARKS = {
    "failed": "!",
    "cannot": "!",
    "finding": "x",
    "changed": "+",
    "would change": "+",
    "due": "~",
    "pending": "~",
    "acknowledged": "a",
    "found": " ",
    "not checked": "?",
}


ORDER = list(MARKS)


#: Gates whose message names, after a colon, what each server answered: left out where several
#: objects share a line.
BRIEF = frozenset({"exposed", "name_server"})


TITLES = {
    "deploy": "Area 1 for",
    "rollback": "Rollback of Area 1 for",
    "audit": "Audit of Area 1 for",
}


HINTED = ("failed", "cannot", "finding", "due", "pending")


SHOWN_NAMES = 10


SHOWN_FAILURES = 20


def _line(entry: t.Mapping[str, t.Any]) -> str:
    """Return object, message, time and hint of an entry as one text."""
    text = ": ".join(
        part for part in (str(entry.get("object") or ""), str(entry.get("message") or "")) if part
    )
    until, hint = str(entry.get("until") or ""), str(entry.get("hint") or "")
    if until and until not in text:
        text += " (until %s)" % until
    if hint and entry["status"] in HINTED:
        text = "%s. %s" % (text.rstrip("."), hint)
    return one_line(text)


def render(report: t.Mapping[str, t.Any]) -> list[str]:
    title = "%s %s%s" % (
        TITLES[report["purpose"]],
        report["tenant"] or "unknown tenant",
        " (check mode: nothing was written)" if report["check_mode"] else "",
    )
    title = one_line(title)
    lines = [title, "=" * len(title)]
    urgent = [
        entry
        for entry in report["journal"]
        if entry.get("gate") == "lockdown_exposed" and entry["status"] != "acknowledged"
    ]
    lines += _wrap("! ", _line(urgent[0])) if urgent else []
    lines += _wrap("", _verdict(report))
    quiet = []
    for key, label in SECTIONS.items():
        entries = [
            entry for entry in report["journal"] if entry.get("section") == key and _says(entry)
        ]
        lines += _section(label, entries) if entries else []
        quiet += [] if entries or key in QUIET else [label]
    if quiet and report["domains"] and not report["failures"]:
        # No more than that: tags may have left a section out.
        lines += ["", *_wrap("No change: ", ", ".join(quiet))]
    if report["domains"]:
        lines += ["", "Where mail goes", *_domains(report)]
    if report["failures"]:
        lines += ["", "What stopped this run"]
        for failure in _shown(report["failures"]):
            lines += _wrap("  ! ", failure)
    if report["baseline"]:
        lines += ["", "Baseline: %s" % one_line(report["baseline"])]
    lines.append(
        "Marks: + changed, ~ due later, ! needs you, ? not checked by this version, a acknowledged"
    )
    return lines


def _shown(failures: t.Sequence[str]) -> list[str]:
    """Return as many failures as a person can read at once; the report file has them all."""
    left = len(failures) - SHOWN_FAILURES
    return [
        *failures[:SHOWN_FAILURES],
        *(["and %d more: the report names them all" % left] if left > 0 else []),
    ]


def _verdict(report: t.Mapping[str, t.Any]) -> str:
    if report["purpose"] == "audit":
        return report_audit.verdict(report)
    changed, verb = len(report["changed"]), "would change" if report["check_mode"] else "changed"
    if report["failures"]:
        return "NOT DONE: something needs a decision or a repair (see below). %d %s." % (
            changed,
            verb,
        )
    if report["done"] and report["purpose"] == "rollback":
        return (
            "ROLLED BACK: everything is as it was before, but for what is named below. %d %s."
            % (changed, verb)
        )
    if report["done"]:
        return "DONE: everything is in place%s. %d %s." % (_lockdown(report), changed, verb)
    if report["check_mode"]:
        return "PLAN: %d would change in the next run; what is due after it is marked ~." % changed
    when = " at %s or later" % report["next"] if report["next"] else " later"
    return "GOES ON: %d %s; run again%s." % (changed, verb, when)


def _lockdown(report: t.Mapping[str, t.Any]) -> str:
    """Return whether the lock-down is on and proven, or what is not known of it."""
    if not report["lockdown_wanted"]:
        return "; no lock-down is wanted"
    if report["proven"]:
        return ", the lock-down is on and proven"
    if (report["proof"] or {}).get("acknowledged"):
        return ", the lock-down is on; somebody decided to do without its proof (lockdown_proof)"
    return ", the lock-down is on but NOT PROVEN (see below)"


def _section(label: str, entries: list[dict[str, t.Any]]) -> list[str]:
    lines = ["", label]
    for entry in sorted(_together(entries), key=_rank):
        lines += _wrap(
            "  %s " % MARKS.get(str(entry["status"]), " "),
            ("not checked: " if entry["status"] == "not checked" else "") + _line(entry),
        )
        lines += ["      " + one_line(line) for line in entry.get("lines") or []]
    return lines


def _says(entry: t.Mapping[str, t.Any]) -> bool:
    return bool(entry.get("message") or entry["status"] in MARKS)


def _rank(entry: t.Mapping[str, t.Any]) -> int:
    """Return the place of an entry: what needs a person first, what was not checked last.

    A status without a mark is something found.
    """
    status = str(entry["status"])
    return ORDER.index(status if status in MARKS else "found")


def _together(entries: t.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return entries with equal answers about several objects as one.

    The report file says which server said what of each.
    """
    groups: dict[tuple[str, ...], list[dict[str, t.Any]]] = {}
    for entry in entries:
        message = str(entry.get("message") or "")
        head = message.partition(": ")[0] if entry.get("gate") in BRIEF else message
        key = (
            str(entry["status"]),
            str(entry.get("gate") or ""),
            head,
            str(entry.get("until") or ""),
            str(entry.get("hint") or ""),
        )
        groups.setdefault(key, []).append(entry)
    return [_merged(group, key[2]) for key, group in groups.items()]


def _merged(group: list[dict[str, t.Any]], head: str) -> dict[str, t.Any]:
    if len(group) == 1:
        return group[0]
    names = list(dict.fromkeys(str(entry["object"]) for entry in group if entry.get("object")))
    shown = [line for entry in group for line in entry.get("lines") or []]
    return {
        **group[0],
        "object": _some(names),
        "message": head.replace("mail for it", "their mail"),
        "lines": shown,
    }


def _some(names: t.Sequence[str]) -> str:
    rest = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (" and %d more" % rest if rest > 0 else "")


def _domains(report: t.Mapping[str, t.Any]) -> list[str]:
    domains: t.Mapping[str, t.Mapping[str, t.Any]] = report["domains"]
    moved = [name for name, state in domains.items() if state["switched"]]
    old = [name for name in domains if name not in moved]
    lines = _wrap("  to Area 1:     ", _some(moved)) if moved else []
    lines += _wrap("  as before:     ", _some(old)) if old else []
    late = [name for name in moved if domains[name].get("exposed")]
    if late:
        lines += _wrap(
            "  both for now:  ",
            "%s (a server or cache still answers with old records)" % _some(late),
        )
    on = (
        "refused, the lock-down is on and proven"
        if report["proven"]
        else "the lock-down is on, its effect is not proven"
    )
    return [
        *lines,
        "  past Area 1:   %s" % (on if report["locked"] else "still open, the lock-down is not on"),
    ]


def _wrap(prefix: str, text: str) -> list[str]:
    lines = textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=prefix,
        subsequent_indent=" " * len(prefix),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [prefix]

# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The logic of o365_debug: look round before a run, or after an error. It changes nothing."""

from __future__ import annotations

import typing as t

from .._dns.options import DNS_OPTIONS
from .._email_security.options import AREA1_OPTIONS
from .._engine.context import Context
from .._engine.errors import InputError, MailflowError
from .._engine.module import Result
from .._exchange.auth.options import EXCHANGE_OPTIONS, resolve
from . import cloudflare, controller, microsoft, network, services
from .findings import Findings

CHECKS = ("inputs", "libraries", "microsoft", "cloudflare", "network")
ARGUMENT_SPEC: dict[str, t.Any] = {
    **DNS_OPTIONS,
    **AREA1_OPTIONS,
    **EXCHANGE_OPTIONS,
    "checks": {
        "type": "list",
        "elements": "str",
        "choices": list(CHECKS),
        "default": list(CHECKS),
    },
    "domains": {"type": "list", "elements": "raw"},
    "smtp": {"type": "bool", "default": True},
    "smtp_port": {"type": "int", "default": 25},
    "fail_on_problem": {"type": "bool", "default": False},
}
# Seconds; assertions live ten minutes, and services allow about five.
LARGEST_SKEW = 120.0
WIDTH = 100


def debug(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Return facts, problems and a table for the terminal."""
    checks = set(params.get("checks") or CHECKS)
    found = Findings()
    lacking = _inputs(found, params, context) if "inputs" in checks else []
    if "libraries" in checks:
        controller.look(found, needed(params))
    if not any(problem.section == controller.SECTION for problem in found.problems):
        if "microsoft" in checks and "microsoft" not in lacking:
            microsoft.look(found, params, context)
        if "cloudflare" in checks and "cloudflare" not in lacking:
            cloudflare.look(found, params, context)
        if "network" in checks:
            services.look(found, params, context)
            network.look(found, params, context)
    _clock(found)
    problems = [problem.to_data() for problem in found.problems]
    strict = bool(params.get("fail_on_problem"))
    # A check before a run speaks up only where something is the matter.
    shown = [] if strict and not problems else table(found)
    values = {"facts": found.facts, "problems": problems, "table": shown}
    failed = strict and bool(problems)
    message = " ".join("%s %s" % (item["message"], item["hint"]) for item in problems).strip()
    return Result(values=values, failed_message=message if failed else "")


def _inputs(found: Findings, params: t.Mapping[str, t.Any], context: Context) -> list[str]:
    """Note all that is not given, of all services at once; return the services that lack something.

    What they lack is said here and not again by their own checks.
    """
    asked: dict[str, t.Callable[[], list[str]]] = {
        "microsoft": lambda: microsoft.missing(params),
        "cloudflare": lambda: cloudflare.missing(params),
        "dns": lambda: network.missing(params, context),
    }
    lacking: dict[str, list[str]] = {}
    wrong: list[str] = []
    for name, ask in asked.items():
        try:
            lacking[name] = ask()
        except MailflowError as exc:
            wrong.append(name)
            found.problem("inputs", exc.message, exc.hint)
    items = [item for each in lacking.values() for item in each]
    if items:
        found.problem(
            "inputs",
            "Not given: %s." % "; ".join(items),
            "Give them as variables, or in the environment; docs/sign-in.md shows each way.",
        )
    return [*wrong, *(name for name, missing in lacking.items() if missing)]


def needed(params: t.Mapping[str, t.Any]) -> set[str]:
    """Return the packages that a run with these options imports."""
    packages = {"requests", "dnspython", "idna"}
    if str(params.get("transport") or "rest") == "psrp":
        packages.add("pypsrp")
    try:
        connection = resolve(params)
        way = connection.way()
    except InputError:
        return packages
    if way or not connection.given_token("exchange"):
        packages.add("msal")
    if way.startswith("certificate"):
        packages.add("cryptography")
    return packages


def _clock(found: Findings) -> None:
    found.note(
        "clock", ahead_of_this_machine={name: round(each, 1) for name, each in found.skews.items()}
    )
    off = {name: each for name, each in found.skews.items() if abs(each) > LARGEST_SKEW}
    if off:
        name, each = max(off.items(), key=lambda item: abs(item[1]))
        found.problem(
            "clock",
            "The clock of this machine is %d s %s the clock of %s."
            % (round(abs(each)), "behind" if each > 0 else "ahead of", name),
            "Set it: assertions and tokens have times, and waits are counted by it.",
        )


def table(found: Findings) -> list[str]:
    """Return lines for the terminal: the facts by section, then the problems with commands."""
    lines = []
    for section, facts in found.facts.items():
        lines.append(section)
        lines += ["  %s: %s" % (name, _plain(value)) for name, value in facts.items()]
    lines.append("")
    if not found.problems:
        return [*lines, "No problem was found."]
    for problem in found.problems:
        lines.append("! %s: %s" % (problem.section, problem.message))
        lines += ["    %s" % problem.hint] if problem.hint else []
        lines += ["    $ %s" % command for command in problem.commands]
    return lines


def _plain(value: t.Any) -> str:
    if isinstance(value, dict):
        return ", ".join("%s %s" % (name, _plain(item)) for name, item in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What follows from OPTIONS and CAPABILITIES of the DNS drivers.

That is their argument spec, documentation and variables, and the table of guarantees. generate.py
calls this.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
import textwrap
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# Imported by name: the tools are checked without the package of the plugins.
_CONTRACT = importlib.import_module("plugins.module_utils._dns.drivers.contract")
_TABLE = importlib.import_module("plugins.module_utils._dns.drivers.table")
PROVIDERS: tuple[str, ...] = _TABLE.PROVIDERS
Driver = t.Any
Option = t.Any

SPEC = ROOT / "plugins/module_utils/_dns/drivers/argument_spec.py"
FRAGMENT = ROOT / "plugins/doc_fragments/dns.py"
FRAGMENT_REST = Path(__file__).with_name("dns_fragment.yml")
GUARANTEES = ROOT / "docs/dns-providers.md"
START, END = "<!-- guarantees: generated -->", "<!-- end of guarantees -->"


def drivers() -> list[Driver]:
    return [_TABLE.driver_class(provider) for provider in PROVIDERS]


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    found = drivers()
    return {SPEC: spec_module(found), FRAGMENT: fragment(found), GUARANTEES: guarantees(found)}


def rows(found: t.Sequence[Driver] | None = None) -> list[dict[str, t.Any]]:
    """Return the rows of the table of variables, in the form of variables.yml."""
    return [
        row(driver, option)
        for driver in (drivers() if found is None else found)
        for option in driver.OPTIONS
    ]


def row(driver: Driver, option: Option) -> dict[str, t.Any]:
    default = "" if option.default is None else str(option.default)
    if option.environment:
        default = f"environment {option.environment[0]}"
    if option.variable_else:
        default = f"{default}, else {option.variable_else}".removeprefix(", else ")
    found: dict[str, t.Any] = {
        "name": option.contract_variable,
        "type": option.type,
        "option": f"dns.{option.name}",
        "default": default,
        "section": "DNS",
        "text": f"{driver.PROVIDER}: {option.summary}.",
    }
    if option.secret:
        found["secret"] = True
    if option.variable_else:
        found["fallback"] = option.variable_else
    return found


def spec_module(found: t.Sequence[Driver]) -> str:
    head = FRAGMENT_HEAD.replace("GNU General Public License v3.0+", "Simplified BSD License")
    head = head.replace(
        "# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)",
        "# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)",
    ).replace("GPL-3.0-or-later", "BSD-2-Clause")
    lines = [
        head,
        '"""Options of all drivers, as an argument spec.',
        "",
        "Generated from their OPTIONS by tools/contract/generate.py. Do not edit.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "import typing as t",
        "",
        "from ..environment import first_env",
        "",
        *providers_lines([driver.PROVIDER for driver in found]),
        "",
        "DRIVER_OPTIONS: dict[str, t.Any] = {",
    ]
    for driver in found:
        for option in driver.OPTIONS:
            lines += spec_lines(option)
    lines += [
        "}",
        "",
        "# The settings of a named account: without dns_, defaults and environment.",
        "ACCOUNT_OPTIONS: dict[str, t.Any] = {",
        '    "provider": {"type": "str", "required": True},',
    ]
    for driver in found:
        for option in driver.OPTIONS:
            lines += spec_lines(bare(option))
    return "\n".join([*lines, "}", ""])


def bare(option: Option) -> Option:
    """Return an option as it is in a named account."""
    return dataclasses.replace(option, name=option.account_key, default=None, environment=())


def providers_lines(names: t.Sequence[str]) -> list[str]:
    one = f"PROVIDERS = ({', '.join(map(quoted, names))})"
    if len(one) <= 100:
        return [one]
    return ["PROVIDERS = (", *(f"    {quoted(name)}," for name in names), ")"]


def spec_lines(option: Option) -> list[str]:
    parts = [f'"type": {quoted(option.type)}']
    if option.default is not None:
        value = quoted(option.default) if isinstance(option.default, str) else str(option.default)
        parts.append(f'"default": {value}')
    if option.choices:
        parts.append(f'"choices": [{", ".join(map(quoted, option.choices))}]')
    if option.secret or SOUNDS_SECRET.search(option.name):
        parts.append(f'"no_log": {option.secret}')
    if option.environment:
        parts.append(f'"fallback": (first_env, [{", ".join(map(quoted, option.environment))}])')
    one = f'    "{option.name}": {{{", ".join(parts)}}},'
    if len(one) <= 100:
        return [one]
    return [f'    "{option.name}": {{', *(f"        {part}," for part in parts), "    },"]


# Names for which Ansible asks whether the value is a secret.
SOUNDS_SECRET = re.compile(r"pass(?!ive)|secret|token|key|cert", re.IGNORECASE)


def quoted(value: object) -> str:
    return f'"{value}"'


def fragment(found: t.Sequence[Driver]) -> str:
    """Return the documentation fragment: the providers, their options, and the common rest."""
    rest = yaml.safe_load(FRAGMENT_REST.read_text(encoding="utf-8"))
    provider = {
        "description": [*rest["provider"], *(driver.SUMMARY for driver in found)],
        "type": "str",
    }
    options: dict[str, t.Any] = {"dns_provider": provider, "dns_accounts": accounts(found, rest)}
    for driver in found:
        options.update({option.name: documented(option) for option in driver.OPTIONS})
    options.update(rest["options"])
    needed = sorted(
        {*rest["requirements"], *(one for driver in found for one in driver.REQUIREMENTS)}
    )
    requirements = [f"  - {one}" for one in sorted(needed)]
    body = "\n".join([*option_lines(options), "requirements:", *requirements])
    return (
        FRAGMENT_HEAD
        + "# Generated by tools/contract/generate.py from the drivers' OPTIONS. Do not edit.\n\n"
        + "from __future__ import annotations\n\n\nclass ModuleDocFragment:\n"
        + f'    DOCUMENTATION = r"""\n{body}\n"""\n'
    )


def accounts(found: t.Sequence[Driver], rest: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the documentation of dns_accounts, with the options of all drivers below it."""
    option: dict[str, t.Any] = rest["accounts"]
    settings = option["suboptions"]["settings"]["suboptions"]
    for driver in found:
        for one in driver.OPTIONS:
            entry = {"description": [f"As O({one.name})."], "type": one.type}
            if one.choices:
                entry["choices"] = list(one.choices)
            settings[one.account_key] = entry
    return option


def documented(option: Option) -> dict[str, t.Any]:
    text = list(option.text)
    if option.environment:
        names = " and then ".join(f"E({name})" for name in option.environment)
        plural = "s are" if len(option.environment) > 1 else " is"
        text.insert(1, f"If not given, the environment variable{plural} used: {names}.")
    found: dict[str, t.Any] = {"description": text, "type": option.type}
    if option.choices:
        found["choices"] = list(option.choices)
    if option.default is not None:
        found["default"] = option.default
    return found


def option_lines(options: dict[str, t.Any], key: str = "options", level: int = 0) -> list[str]:
    """Return YAML in the style of the other fragments, with long sentences wrapped."""
    space = "  " * level
    lines = [f"{space}{key}:"]
    wrap = textwrap.TextWrapper(86 - len(space), break_on_hyphens=False, break_long_words=False)
    for name, option in options.items():
        lines.append(f"{space}  {name}:")
        wrapped = [wrap.wrap(quoted_sentence(one)) for one in option["description"]]
        if len(wrapped) == 1 and len(wrapped[0]) == 1:
            lines.append(f"{space}    description: {wrapped[0][0]}")
        else:
            lines.append(f"{space}    description:")
            for first, *more in wrapped:
                lines.append(f"{space}      - {first}")
                lines += [f"{space}        {line}" for line in more]
        for word in ("type", "elements", "required", "choices", "default"):
            if word in option:
                value = option[word]
                shown = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value
                lines.append(f"{space}    {word}: {str(shown).lower() if shown is True else shown}")
        if "suboptions" in option:
            lines += option_lines(option["suboptions"], "suboptions", level + 2)
    return lines


def quoted_sentence(sentence: str) -> str:
    """Return a sentence as YAML has it."""
    quote = '"' if ": " in sentence or sentence.startswith(("[", "{", "'")) else ""
    return f"{quote}{sentence}{quote}"


def guarantees(found: t.Sequence[Driver]) -> str:
    """Return the page on DNS providers with its generated table in place."""
    page = GUARANTEES.read_text(encoding="utf-8")
    before, _start, rest = page.partition(START)
    _old, _end, after = rest.partition(END)
    head = (
        "| `dns_provider` | replaces a set at once | refuses a changed set | lowest TTL |"
        " highest TTL | keeps comments | says when it is out |"
    )
    lines = [head, "|---|---|---|---|---|---|---|", *(guarantee(driver) for driver in found)]
    return "\n".join([before + START, *lines, END + after])


def guarantee(driver: Driver) -> str:
    can = driver.CAPABILITIES
    name = f"`{driver.PROVIDER}`"
    if not can.writes:
        return f"| {name} | a person does it | – | – | – | – | – |"
    highest = "no limit" if can.highest_ttl == _CONTRACT.HIGHEST_TTL else f"{can.highest_ttl} s"
    if can.auto_ttl:
        highest += f", or Auto ({can.auto_seconds} s)"
    answers = [
        yes(can.atomic),
        "yes" if can.compare_and_swap else "reads and compares just before",
        f"{can.lowest_ttl} s",
        highest,
        yes(can.keeps_comments),
        yes(can.reports_propagation),
    ]
    return f"| {name} | {' | '.join(answers)} |"


def yes(value: bool | None) -> str:
    """Return a promise in a word; None is one that depends on the provider behind the driver."""
    return {True: "yes", False: "no", None: "as its provider does"}[value]


FRAGMENT_HEAD = """\
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role message_handling without a playbook: its own task file, each task by the function behind
its module.

Two dozen deployments take the time of one. What the playbook makes of the file is tested in
tests/playbook.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.evaluate import (
    run_gate,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timeline import (
    load,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import (
    content_filter,
    quarantine_policy,
    transport_rules,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.mail_flow import (
    run_mail_flow_info,
)
from lab.client import Lab
from tests.module.plays import ROOT, exchange_defaults

TASKS = yaml.safe_load(
    (ROOT / "roles/message_handling/tasks/main.yml").read_text(encoding="utf-8")
)[-1]["block"]
EXPRESSION = re.compile(r"{{ item(\.(?P<key>\w+))?(?P<omit> \| default\(omit\))? }}")
LOGIC = {
    "o365_quarantine_policy": quarantine_policy.run_quarantine_policy,
    "o365_content_filter": content_filter.run_content_filter,
    "o365_transport_rule": transport_rules.run_transport_rule,
}
DEFAULTS = {"state": "present", "scope": "identity", "report_section": None}
SECTIONS = [
    "accepted_domains",
    "organization",
    "connection_filter",
    "content_filter",
    "content_filter_rules",
    "inbound_connectors",
    "transport_rules",
    "quarantine_policies",
    "preset_rules",
]

#: What DNS says of a domain before its mail goes to Area 1; who needs it otherwise reads it.
BEFORE = {
    "name_servers": [
        {"status": "ok", "records": [{"priority": 0, "host": "old.mail.protection.outlook.com"}]}
    ]
}


class Run:
    """``gate`` is the phase's answer, ``changed`` the objects that changed, ``problem`` the first
    failure.
    """

    def __init__(
        self, directory: Path, lab: Lab, check: bool = False, role: bool = True, **settings: Any
    ) -> None:
        directory.mkdir(mode=0o700)
        self.directory = directory
        self.path = str(directory / "observation.json")
        self.given = {
            **exchange_defaults(lab, signed_in=True),
            "timeout": 30,
            "observation_path": self.path,
        }
        self.warnings: list[str] = []
        self.context = Context(
            check_mode=check,
            diff=True,
            warn=self.warnings.append,
            sleep=lambda seconds: lab.advance(seconds=seconds),
        )
        self.changed: list[str] = []
        self.problem = ""
        self.gate: dict[str, Any] = {}
        wanted = {"domains": lab.extra_vars["area1_domains"], "location": "eu", **settings}
        self._ask(run_gate, phase="settings", settings=wanted, fail_on_cannot=False)
        if not self.problem:
            self._put("dns", dict.fromkeys(lab.extra_vars["area1_domains"], BEFORE))
            self._ask(run_mail_flow_info, sections=SECTIONS)
        if not self.problem and role:
            self.role()

    def _ask(self, logic: Any, **options: Any) -> dict[str, Any]:
        failed, result = evaluate(logic, {**self.given, **options}, self.context)
        assert "exception" not in result, result
        if failed and not self.problem:
            self.problem = result["msg"]
        return result

    def do(self, logic: Any, **options: Any) -> dict[str, Any]:
        """Another task of the same run, which must not fail."""
        result = self._ask(logic, **options)
        assert not self.problem, self.problem
        return result

    def ask_gate(self, phase: str) -> dict[str, Any]:
        return self.do(run_gate, phase=phase, fail_on_cannot=False)

    def allowed(self, phase: str) -> dict[str, Any]:
        """What the gates of a phase let its role go on with."""
        found: dict[str, Any] = self.ask_gate(phase)["allowed"]
        return found

    def section(self, name: str) -> Any:
        return json.loads(Path(self.path).read_text(encoding="utf-8"))["sections"][name]["value"]

    def setting(self, name: str) -> Any:
        return self.section("settings")[name]

    def role(self) -> None:
        """Its tasks behind the gate."""
        self.gate = self.ask_gate("message_handling")
        # up to its second gate
        for task in TASKS[1:-1]:
            (module,) = (
                name.rsplit(".", 1)[1] for name in task if name.startswith("mailflow.area1.")
            )
            items = self.gate["allowed"][task["loop"].partition("allowed.")[2].split()[0]]
            for item in items if not self.problem else ():
                options = _templated(task["mailflow.area1." + module], item)
                result = self._ask(
                    LOGIC[module], **{**DEFAULTS, **options, "observation_path": self.path}
                )
                self.changed += (
                    ["%s %s" % (module, options.get("name") or options.get("identity"))]
                    if result.get("changed")
                    else []
                )

        if not self.problem:
            self._keep_dates()

    def _keep_dates(self) -> None:
        """Its last task, with a directory beside those of the single runs."""
        assert [name for name in TASKS[-1] if "." in name] == ["mailflow.area1.mail_flow_gate"]
        self._put("baseline_state", {"directory": str(self.directory.parent / "state")})
        self.ask_gate(TASKS[-1]["mailflow.area1.mail_flow_gate"]["phase"])

    def remember(self) -> None:
        """The time line of the runs before, as the preflight reads it."""
        self._put("timeline", load(str(self.directory.parent / "state")))

    def _put(self, section: str, value: Any) -> None:
        observation = Observation(self.path)
        observation.put(section, value)
        observation.save()

    def notices(self, gate: str) -> list[str]:
        return [
            "%s: %s" % (item.get("object"), item["message"])
            for item in self.gate["results"]
            if item["gate"] == gate
        ]


def _templated(options: dict[str, Any], item: Any) -> dict[str, Any]:
    """As a task's loop has it; what is omitted is left out.

    The role's expressions are this simple.
    """
    found = {}
    for name, value in options.items():
        known = EXPRESSION.fullmatch(str(value))
        if name == "observation_path":
            continue
        if known is None:
            assert "{" not in str(value), value
            found[name] = value
        elif not known["key"]:
            found[name] = item
        elif known["key"] in item or not known["omit"]:
            found[name] = item[known["key"]]
    return found

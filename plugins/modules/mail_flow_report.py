#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_flow_report
short_description: Summary of a run for people and machines
version_added: 0.1.0
description:
  - Prints what was found, what was changed, and what is due and when, by section and domain, from
    the run's observation, and saves it as a JSON file with mode C(0600).
  - Runs on the controller. In check mode no file is written.
notes:
  - Writing the report never counts as a change.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.attributes.info
options:
  observation_path:
    description: The run's observation. Without it only O(failure) is shown.
    type: path
  directory:
    description: Directory of the report. If not given, that of the snapshots.
    type: path
  snapshot_directory:
    description: Directory of the snapshots.
    type: path
  tenant:
    description: Name of the tenant, if the observation does not contain it.
    type: str
  failure:
    description: What stopped the run, if something did.
    type: str
  purpose:
    description: Purpose of the run, which decides the wording of the summary and what counts as
      done.
    type: str
    choices: [deploy, rollback, audit]
    default: deploy
seealso:
  - module: mailflow.area1.mail_flow_gate
"""

EXAMPLES = r"""
- name: Read the tenant
  mailflow.area1.o365_mail_flow_info:
    observation_path: "{{ example_directory }}/observation.json"

- name: Print the summary
  mailflow.area1.mail_flow_report:
    observation_path: "{{ example_directory }}/observation.json"
    directory: "{{ example_directory }}/reports"
"""

RETURN = r"""
report:
  description: The summary as data.
  returned: success
  type: dict
  contains:
    done:
      description: Whether everything is in place and nothing is due.
      type: bool
    changed:
      description: What was changed, or would be in check mode.
      type: list
      elements: str
    due:
      description: What is due later, with C(until) if the time is known.
      type: list
      elements: dict
    next:
      description: The earliest of these times (ISO 8601, UTC).
      type: str
    failures:
      description: What stopped the run or needs a person.
      type: list
      elements: str
    domains:
      description: For each domain, whether it points to Area 1, and which servers do not show that
        yet.
      type: dict
    locked:
      description: Whether the lock-down is on.
      type: bool
    audit:
      description:
        - With O(purpose=audit), C(drift) (what a deployment would change), C(findings) (checks
          that failed), C(alarms) (mail is being lost) and C(clean).
      type: dict
lines:
  description: The summary as it was printed.
  returned: success
  type: list
  elements: str
path:
  description: The file of the report; empty in check mode.
  returned: success
  type: str
failures:
  description: What stopped the run or needs a person.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.report.build import run_report
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module

ARGUMENT_SPEC = {
    "observation_path": {"type": "path"},
    "directory": {"type": "path"},
    "snapshot_directory": {"type": "path"},
    "tenant": {"type": "str"},
    "failure": {"type": "str"},
    "purpose": {"type": "str", "choices": ["deploy", "rollback", "audit"], "default": "deploy"},
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_report)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_flow_snapshot
short_description: Keep the baseline of a tenant's mail flow
version_added: 0.1.0
description:
  - Takes the baseline (the first observation of an untouched tenant) and keeps it as a file of mode C(0600) with a digest. It is never
    overwritten.
  - A tenant that carries traces of an earlier deployment without a baseline is reported as RV(status=lost), and the gate of the preflight
    stops the run.
  - Runs on the controller. In check mode no file is written.
notes:
  - Keeping the baseline never counts as a change.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.attributes.info
options:
  observation_path:
    description: The run's observation.
    type: path
    required: true
  state:
    description: V(baseline) finds or takes the baseline. V(event) keeps the time of an O(event).
    type: str
    choices: [baseline, event]
    default: baseline
  directory:
    description:
      - Where the files lie. A relative path counts from where C(ansible-playbook) was started. A path inside a collection is refused.
      - Unless given, C(mailflow.area1/TENANT) under E(XDG_STATE_HOME) or C(~/.local/state).
    type: path
  tenant:
    description: Name of the tenant, where the observation does not say it.
    type: str
  durable:
    description: The directory outlives the machine that runs the job.
    type: bool
  baseline:
    description: The baseline itself, as an earlier job returned it. Used where the directory holds none.
    type: raw
  acknowledge:
    description: V(baseline) takes today's state although there are traces. V(durable_snapshots) accepts a runner that is thrown away.
    type: list
    elements: str
  event:
    description: What happened.
    type: str
    choices: [ttl_lowered]
  domains:
    description: Domains that it happened to.
    type: list
    elements: str
seealso:
  - module: mailflow.area1.mail_flow_gate
"""

EXAMPLES = r"""
- name: Read the tenant
  mailflow.area1.o365_mail_flow_info:
    observation_path: "{{ example_directory }}/observation.json"

- name: Keep what is wanted
  mailflow.area1.mail_flow_gate:
    observation_path: "{{ example_directory }}/observation.json"
    phase: settings
    settings:
      domains: "{{ area1_domains }}"
      location: eu

- name: Take the baseline
  mailflow.area1.mail_flow_snapshot:
    observation_path: "{{ example_directory }}/observation.json"
    directory: "{{ example_directory }}/state"
    durable: true
"""

RETURN = r"""
status:
  description: V(found), V(given), V(taken), V(lost) (traces, but no baseline), V(throw_away) (the runner would lose it) or V(recorded).
  returned: success
  type: str
directory:
  description: Where the files lie.
  returned: success
  type: str
path:
  description: The baseline's file.
  returned: with O(state=baseline)
  type: str
digest:
  description: SHA-256 over the baseline.
  returned: with O(state=baseline)
  type: str
traces:
  description: What of an earlier deployment was found.
  returned: with O(state=baseline)
  type: list
  elements: str
baseline:
  description: The baseline itself, to be handed to a later job. V(null) where there is none.
  returned: with O(state=baseline)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module
from ansible_collections.mailflow.area1.plugins.module_utils._mail.snapshot import run_snapshot

ARGUMENT_SPEC = {
    "observation_path": {"type": "path", "required": True},
    "state": {"type": "str", "default": "baseline", "choices": ["baseline", "event"]},
    "directory": {"type": "path"},
    "tenant": {"type": "str"},
    "durable": {"type": "bool"},
    "baseline": {"type": "raw"},
    "acknowledge": {"type": "list", "elements": "str"},
    "event": {"type": "str", "choices": ["ttl_lowered"]},
    "domains": {"type": "list", "elements": "str"},
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_snapshot)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_flow_snapshot
short_description: Keep the baseline and snapshots of a tenant's mail flow
version_added: 0.1.0
description:
  - Takes the baseline (the first observation of an untouched tenant) and keeps it as a file of mode
    C(0600) with a digest. It is never
    overwritten.
  - Beside it, each run that finds something else than the last one keeps a snapshot
    C(snapshot-TIME.json) of what is there before its first
    write. Runs that find the same keep nothing, so that daily runs do not fill the directory.
  - A tenant that carries traces of an earlier deployment without a baseline is reported as
    RV(status=lost), and the gate of the preflight
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
    description:
      - V(baseline) finds or takes the baseline, and takes a snapshot where something changed since
        the last one.
      - V(verify) finds the baseline, never takes one, and checks the digest of each snapshot. With
        O(lock) it keeps a snapshot too.
      - V(compare) returns what differs between the baseline (or O(snapshot)) and the observation.
      - V(event) keeps the time of an O(event).
    type: str
    choices: [baseline, verify, compare, event]
    default: baseline
  directory:
    description:
      - Where the files lie. A relative path counts from where C(ansible-playbook) was started. A
        path inside a collection is refused.
      - Unless given, C(mailflow.area1/TENANT) under E(XDG_STATE_HOME) or C(~/.local/state).
    type: path
  tenant:
    description: Name of the tenant, where the observation does not say it.
    type: str
  durable:
    description: The directory outlives the machine that runs the job.
    type: bool
  baseline:
    description: The baseline itself, as an earlier job returned it. Used where the directory holds
      none.
    type: raw
  acknowledge:
    description: V(baseline) takes today's state although there are traces. V(durable_snapshots)
      accepts a runner that is thrown away.
    type: list
    elements: str
  snapshot:
    description: Name of a snapshot's file in O(directory), for O(state=compare).
    type: str
  lock:
    description:
      - Hold the tenant for this run, by a file in O(directory), until
        M(mailflow.area1.mail_flow_run) removes the run's own directory.
        While another run holds it the task fails and says who does.
      - A lock whose process is no more counts for nothing. One of another host counts for 12 hours.
        Not taken in check mode.
    type: bool
    default: false
  event:
    description: What happened.
    type: str
    choices:
      - ttl_lowered
      - switched
      - mx_restored
      - mta_sts_seen
      - direct_refused
      - proven
      - lockdown_off
      - test_mail_sent
      - in_place
  subject:
    description: What it is about, where that may change; of a lock-down the time at which its
      connector was last changed
      before, which tells one enabling from the next; of a test mail its Message-ID; of a rule or of
      dispositions their state.
    type: str
  domains:
    description: Domains that it happened to, or the connector, or what is in place.
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

- name: See what has changed since
  mailflow.area1.mail_flow_snapshot:
    observation_path: "{{ example_directory }}/observation.json"
    directory: "{{ example_directory }}/state"
    state: compare
"""

RETURN = r"""
status:
  description:
    - V(found), V(given), V(taken), V(lost) (traces, but no baseline) or V(throw_away) (the runner
      would lose it); V(missing) with
      O(state=verify); V(compared); V(recorded).
  returned: success
  type: str
directory:
  description: Where the files lie.
  returned: success
  type: str
path:
  description: The baseline's file.
  returned: with O(state=baseline) and O(state=verify)
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
  returned: with O(state=baseline) and O(state=verify)
  type: dict
snapshot:
  description: The snapshot's file; empty where nothing changed since the last one, and in check
    mode.
  returned: with O(state=baseline) and O(state=verify)
  type: str
files:
  description: Each snapshot with C(path), C(digest), C(ok) and C(problem).
  returned: with O(state=verify)
  type: list
  elements: dict
taken:
  description: When the compared baseline or snapshot was taken (ISO 8601, UTC, the service's
    clock).
  returned: with O(state=compare)
  type: str
differences:
  description: Objects that came, went or changed since.
  returned: with O(state=compare)
  type: list
  elements: dict
  contains:
    section:
      description: What was read, for example V(inbound_connectors).
      type: str
    object:
      description: Name of the object or domain.
      type: str
    change:
      description: V(came), V(went) or V(changed).
      type: str
    properties:
      description: With V(changed), each property with C(before) and C(after).
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots.store import (
    run_snapshot,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module

ARGUMENT_SPEC = {
    "observation_path": {"type": "path", "required": True},
    "state": {
        "type": "str",
        "default": "baseline",
        "choices": ["baseline", "verify", "compare", "event"],
    },
    "directory": {"type": "path"},
    "tenant": {"type": "str"},
    "durable": {"type": "bool"},
    "lock": {"type": "bool", "default": False},
    "baseline": {"type": "raw"},
    "acknowledge": {"type": "list", "elements": "str"},
    "snapshot": {"type": "str"},
    "event": {
        "type": "str",
        "choices": [
            "ttl_lowered",
            "switched",
            "mx_restored",
            "mta_sts_seen",
            "direct_refused",
            "proven",
            "lockdown_off",
            "test_mail_sent",
            "in_place",
        ],
    },
    "subject": {"type": "str"},
    "domains": {"type": "list", "elements": "str"},
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_snapshot)


if __name__ == "__main__":
    main()

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
  - Takes the baseline, the first observation of an untouched tenant, and saves it as a file with
    mode C(0600) and a digest. It is never overwritten.
  - Every run that finds something different from the last snapshot saves another one,
    C(snapshot-TIME.json), before its first write. Runs that find the same save nothing, so that
    daily runs do not fill the directory.
  - A tenant with traces of an earlier deployment, but without a baseline, is reported as
    RV(status=lost), and the gate V(baseline) of the preflight stops the run.
  - Runs on the controller. In check mode no file is written.
notes:
  - Saving the baseline or a snapshot is not reported as a change.
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
      - V(baseline) finds or takes the baseline, and takes a snapshot if something changed since
        the last one.
      - V(verify) finds the baseline but never takes one, and checks the digest of each snapshot.
        With O(lock) it also takes a snapshot.
      - V(compare) returns what differs between the baseline (or O(snapshot)) and the observation.
      - V(event) records the time of an O(event) in the time line.
    type: str
    choices: [baseline, verify, compare, event]
    default: baseline
  directory:
    description:
      - Directory of the files. A relative path is relative to the directory in which
        C(ansible-playbook) was started. A path inside a collection is refused.
      - The default is C(mailflow.area1/TENANT) below E(XDG_STATE_HOME) or C(~/.local/state).
    type: path
  tenant:
    description: Name of the tenant, if the observation does not contain it.
    type: str
  durable:
    description: Whether the directory outlives the machine that runs the job.
    type: bool
  baseline:
    description: The baseline itself, as an earlier job returned it. Used if the directory has
      none.
    type: raw
  acknowledge:
    description: V(baseline) takes the present state as baseline although there are traces of an
      earlier deployment. V(durable_snapshots) accepts a runner that is discarded after the job.
    type: list
    elements: str
  snapshot:
    description: File name of a snapshot in O(directory), for O(state=compare).
    type: str
  lock:
    description:
      - Lock the tenant for this run, by a file in O(directory), until
        M(mailflow.area1.mail_flow_run) removes the run's own directory. If another run holds the
        lock, the task fails and names it.
      - A lock whose process has ended is ignored. A lock of another host is respected for 12
        hours. No lock is taken in check mode.
    type: bool
    default: false
  event:
    description: The event to record.
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
    description: What the event is about. For a lock-down, the time at which its connector was last
      changed, which tells one enabling from the next; for a test mail, its Message-ID; for a rule
      or for dispositions, their state.
    type: str
  domains:
    description: Domains, connectors or other objects to which it happened.
    type: list
    elements: str
seealso:
  - module: mailflow.area1.mail_flow_gate
"""

EXAMPLES = r"""
- name: Read the tenant
  mailflow.area1.o365_mail_flow_info:
    observation_path: "{{ example_directory }}/observation.json"

- name: Keep the settings
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

- name: Show what has changed since then
  mailflow.area1.mail_flow_snapshot:
    observation_path: "{{ example_directory }}/observation.json"
    directory: "{{ example_directory }}/state"
    state: compare
"""

RETURN = r"""
status:
  description:
    - With O(state=baseline), V(found), V(given), V(taken), V(lost) (there are traces, but no
      baseline) or V(throw_away) (the runner would lose it). Otherwise V(missing) (only
      O(state=verify)), V(compared) or V(recorded).
  returned: success
  type: str
directory:
  description: Directory of the files.
  returned: success
  type: str
path:
  description: The file of the baseline.
  returned: with O(state=baseline) and O(state=verify)
  type: str
digest:
  description: SHA-256 over the baseline.
  returned: with O(state=baseline)
  type: str
traces:
  description: Traces of an earlier deployment.
  returned: with O(state=baseline)
  type: list
  elements: str
baseline:
  description: The baseline itself, for the option O(baseline) of a later job; V(null) if there is
    none.
  returned: with O(state=baseline) and O(state=verify)
  type: dict
snapshot:
  description: The file of the snapshot; empty if nothing changed since the last one, and in check
    mode.
  returned: with O(state=baseline) and O(state=verify)
  type: str
files:
  description: Each snapshot with C(path), C(digest), C(ok) and C(problem).
  returned: with O(state=verify)
  type: list
  elements: dict
taken:
  description: When the baseline or snapshot was taken that was compared (ISO 8601, UTC, by the
    service's clock).
  returned: with O(state=compare)
  type: str
differences:
  description: Objects that appeared, disappeared or changed since then.
  returned: with O(state=compare)
  type: list
  elements: dict
  contains:
    section:
      description: Section of the observation, for example V(inbound_connectors).
      type: str
    object:
      description: Name of the object or domain.
      type: str
    change:
      description: V(came) (it appeared), V(went) (it disappeared) or V(changed).
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

#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_flow_run
short_description: Make and remove the directory of one run
version_added: 0.1.0
description:
  - Makes a directory that only this user can enter, for the observation that the modules of a run
    hand on to each other; and
    removes it at the run's end. A lock that M(mailflow.area1.mail_flow_snapshot) took for the run
    is given back then.
  - Runs on the controller, in check mode too.
notes:
  - It never counts as a change.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.attributes.info
options:
  state:
    description:
      - V(present) makes a new directory, or keeps the one at O(path) where that is given and
        exists. V(absent) removes the one at
        O(path), with all that is in it.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The directory, as V(present) returned it. Another one is refused. Needed with
      O(state=absent).
    type: path
seealso:
  - module: mailflow.area1.mail_flow_gate
"""

EXAMPLES = r"""
- name: Make the run's own directory
  mailflow.area1.mail_flow_run:
  register: run

- name: Read the tenant
  mailflow.area1.o365_mail_flow_info:
    sections: [organization]
    observation_path: "{{ run.observation_path }}"

- name: Remove the run's own directory
  mailflow.area1.mail_flow_run:
    state: absent
    path: "{{ run.path }}"
"""

RETURN = r"""
path:
  description: The directory.
  returned: success
  type: str
observation_path:
  description: Where the observation of the run goes, for the option of that name of the other
    modules.
  returned: O(state=present)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module
from ansible_collections.mailflow.area1.plugins.module_utils._engine.run_directory import run_run

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "path"},
}


def main() -> None:
    run_module(
        AnsibleModule(
            argument_spec=ARGUMENT_SPEC,
            supports_check_mode=True,
            required_if=[("state", "absent", ("path",))],
        ),
        run_run,
    )


if __name__ == "__main__":
    main()

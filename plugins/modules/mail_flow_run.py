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
  - Creates a directory that only this user can enter, for the observation that the modules of a
    run share, and removes it at the end of the run. Then a lock that
    M(mailflow.area1.mail_flow_snapshot) took for the run is released, too.
  - Runs on the controller, also in check mode.
notes:
  - The module never reports a change.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes.info
options:
  state:
    description:
      - V(present) creates a new directory, or keeps the one at O(path) if that is given and
        exists. V(absent) removes the directory at O(path) with all its content.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The directory, as O(state=present) returned it. Any other directory is refused.
      Required with O(state=absent).
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
  description: The file of the run's observation, for the option O(ignore:observation_path) of the
    other modules.
  returned: O(state=present)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    EXCHANGE_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.psrp.end_run import (
    run_directory_of_run,
)

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "path"},
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(
            argument_spec=ARGUMENT_SPEC,
            supports_check_mode=True,
            required_if=[("state", "absent", ("path",))],
        ),
        run_directory_of_run,
    )


if __name__ == "__main__":
    main()

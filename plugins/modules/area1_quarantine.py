#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_quarantine
short_description: Preview, download and release messages of the Admin Quarantine of Area 1
  (Cloudflare Email Security)
version_added: 0.1.0
description:
  - Saves pictures of held messages, saves the messages themselves, or releases them to their
    recipients.
  - Every message is tried and has a result of its own. If one fails, the task fails after all
    others were tried.
  - The module first reads whether a message is still held. To release a message that was released
    before is neither an error nor a change.
  - A release is verified by reading the message again. If its outcome is not known, for example
    after a time-out, it is never requested a second time.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.area1
  - mailflow.area1.attributes
options:
  ids:
    description: IDs of the messages, as M(mailflow.area1.area1_quarantine_info) returns them.
    type: list
    elements: str
    required: true
  action:
    description:
      - V(preview) saves a picture of each message as a PNG file. It shows the message without
        opening it.
      - V(download) saves each message as it came, as an C(.eml) file. Be careful with which
        program you open it.
      - V(release) delivers each message to its recipients. This cannot be undone.
    type: str
    choices: [preview, download, release]
    required: true
  directory:
    description:
      - Directory for the files of V(preview) and V(download), each named after the ID of its
        message. If it does not exist, it is created, accessible to this user only.
      - The default, unless O(path) is given, is
        C(${XDG_STATE_HOME:-~/.local/state}/mailflow.area1/quarantine).
    type: path
  path:
    description: The file for V(preview) or V(download) of a single message.
    type: path
  force:
    description: Replace an existing file that has other content.
    type: bool
    default: false
  confirm:
    description:
      - Show the messages and ask at the terminal before they are released. Any answer other than
        C(yes) releases nothing.
      - Without a terminal, as in AWX or CI, the task fails and releases nothing.
      - The module does not ask in check mode, or if no message is held.
    type: bool
    default: false
  table:
    description: Also return the results as lines of an aligned table, which is printed on the
      terminal if the task runs on the controller.
    type: bool
    default: false
seealso:
  - module: mailflow.area1.area1_quarantine_info
"""

EXAMPLES = r"""
- name: List what Area 1 holds
  mailflow.area1.area1_quarantine_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    sender: newsletter@fabrikam.example
  register: held

- name: Save a picture of each message
  mailflow.area1.area1_quarantine:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    ids: "{{ held.messages | map(attribute='id') | list }}"
    action: preview
    directory: "{{ example_directory }}/previews"
  when: held.messages | length > 0

- name: Release the messages
  mailflow.area1.area1_quarantine:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    ids: "{{ held.messages | map(attribute='id') | list }}"
    action: release
  when: held.messages | length > 0
"""

RETURN = r"""
action:
  description: The O(action) of the task.
  returned: success, or when some messages failed
  type: str
results:
  description: The outcome for each message, in the order of O(ids).
  returned: success, or when some messages failed
  type: list
  elements: dict
  contains:
    id:
      description: ID of the message, as given.
      type: str
    status:
      description:
        - V(released), V(already_released), V(not_quarantined) or V(declined) for a release.
        - V(written) or V(unchanged) for a file.
        - V(would_release) or V(would_write) in check mode.
        - V(failed) for either, with C(error).
      type: str
    changed:
      description: Whether something was changed for this message.
      type: bool
    message:
      description: A remark, if there is one.
      type: str
    path:
      description: The file with the picture or the message.
      type: str
    delivered:
      description: Recipients to whom the message was delivered, according to the service.
      type: list
      elements: str
    failed:
      description: Recipients for whom the release failed.
      type: list
      elements: str
    undelivered:
      description: Recipients to whom it has not been delivered yet.
      type: list
      elements: str
    subject:
      description: Subject of the message.
      type: str
    from:
      description: Sender of the message.
      type: str
    envelope_to:
      description: Recipients of the message.
      type: list
      elements: str
    disposition:
      description: Disposition that Area 1 gave the message.
      type: str
    scanned_at:
      description: When Area 1 scanned the message.
      type: str
    error:
      description: What went wrong, with C(kind), C(message) and C(hint); V(null) if nothing did.
      type: dict
table:
  description: The lines of the table.
  returned: when O(table) is set
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    AREA1_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.quarantine import (
    manage,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module

ARGUMENT_SPEC: dict[str, t.Any] = {
    "ids": {"type": "list", "elements": "str", "required": True},
    "action": {"type": "str", "choices": ["preview", "download", "release"], "required": True},
    "directory": {"type": "path"},
    "path": {"type": "path"},
    "force": {"type": "bool", "default": False},
    "confirm": {"type": "bool", "default": False},
    "table": {"type": "bool", "default": False},
    **AREA1_OPTIONS,
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("path", "directory")],
        supports_check_mode=True,
    )
    run_module(module, manage)


if __name__ == "__main__":
    main()

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
  - Makes a picture of held messages, keeps their text in files, or releases them to their
    recipients.
  - Every message is tried and has a result of its own. If one fails, the task fails after the
    others are done.
  - Whether a message is still held is read first. Releasing one that was released before is no
    error and no change.
  - A release is read back. One whose outcome is not known, for example after a time-out, is looked
    at again and not asked
    for twice.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.area1
  - mailflow.area1.attributes
options:
  ids:
    description: Ids of the messages, as M(mailflow.area1.area1_quarantine_info) returns them.
    type: list
    elements: str
    required: true
  action:
    description:
      - V(preview) keeps a picture of each message as a PNG file. It can be looked at without
        opening the message.
      - V(download) keeps each message as it came, as an C(.eml) file. Take care what opens it.
      - V(release) delivers each message to its recipients. It cannot be taken back.
    type: str
    choices: [preview, download, release]
    required: true
  directory:
    description:
      - Where V(preview) and V(download) keep their files, each named after its message's id. It is
        made, for this user alone, if need be.
      - If neither this nor O(path) is given, it is
        C(${XDG_STATE_HOME:-~/.local/state}/mailflow.area1/quarantine).
    type: path
  path:
    description: The file for V(preview) or V(download) of one message.
    type: path
  force:
    description: Let a file be replaced that is there and holds something else.
    type: bool
    default: false
  confirm:
    description:
      - Show the messages and ask at the terminal before they are released. Any answer but C(yes)
        leaves them where they are.
      - Where there is no terminal, as in AWX or CI, the task then fails and releases nothing.
      - Nobody is asked in check mode, or where no message is held.
    type: bool
    default: false
  table:
    description: Also return the results as lines of an aligned table. Where the task runs on the
      controller they are printed on its terminal.
    type: bool
    default: false
seealso:
  - module: mailflow.area1.area1_quarantine_info
"""

EXAMPLES = r"""
- name: What Area 1 holds
  mailflow.area1.area1_quarantine_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    sender: newsletter@fabrikam.example
  register: held

- name: Pictures of them
  mailflow.area1.area1_quarantine:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    ids: "{{ held.messages | map(attribute='id') | list }}"
    action: preview
    directory: "{{ example_directory }}/previews"
  when: held.messages | length > 0

- name: Let them through
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
  description: What was asked for.
  returned: success, or when some messages failed
  type: str
results:
  description: What became of each message, in the order of O(ids).
  returned: success, or when some messages failed
  type: list
  elements: dict
  contains:
    id:
      description: The message, as it was named.
      type: str
    status:
      description:
        - V(released), V(already_released), V(not_quarantined) or V(declined) for a release.
        - V(written) or V(unchanged) for a file.
        - V(would_release) or V(would_write) in check mode.
        - V(failed), with C(error), for either.
      type: str
    changed:
      description: Whether something was done for it.
      type: bool
    message:
      description: More about it, where there is more.
      type: str
    path:
      description: The file with its picture or text.
      type: str
    delivered:
      description: Recipients to whom it was delivered, as the service says.
      type: list
      elements: str
    failed:
      description: Recipients for whom the release failed.
      type: list
      elements: str
    undelivered:
      description: Recipients who have not got it yet.
      type: list
      elements: str
    subject:
      description: Its subject.
      type: str
    from:
      description: Its sender.
      type: str
    envelope_to:
      description: Its recipients.
      type: list
      elements: str
    disposition:
      description: What it was found to be.
      type: str
    scanned_at:
      description: When Area 1 saw it.
      type: str
    error:
      description: C(kind), C(message) and C(hint) of what went wrong, V(null) if nothing did.
      type: dict
table:
  description: The table's lines.
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

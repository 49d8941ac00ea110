#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_quarantine_info
short_description: List the Admin Quarantine of Area 1 (Cloudflare Email Security)
version_added: 0.1.0
description:
  - Lists the messages that Area 1 holds, or those that it saw, over all pages.
  - The list is complete, or the task fails. A page that cannot be read, or a list that does not
    hold still, is an error.
    Only O(limit) cuts it short, and then RV(truncated) says so.
  - Messages are told apart by their id. One that is seen on two pages, because mail came in
    meanwhile, is listed once.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.area1
  - mailflow.area1.attributes.info
options:
  quarantined:
    description: Only messages that are held now. V(false) lists what was delivered or released,
      too.
    type: bool
    default: true
  domain:
    description: Only messages to or from addresses of this domain.
    type: str
  dispositions:
    description:
      - Only messages that were found to be one of these. V(MALICIOUS), V(SUSPICIOUS), V(SPOOF),
        V(SPAM), V(BULK) or V(NONE).
      - V(MALICIOUS) includes what the service calls C(MALICIOUS-BEC). V(UCE), the header's word, is
        V(SPAM).
    type: list
    elements: str
  sender:
    description: Only messages from this address, or from this domain, in the envelope or in the
      header.
    type: str
  recipient:
    description: Only messages to this address, or to this domain, in the envelope or in the header.
    type: str
  subject:
    description: Only messages with this text in the subject, without regard to case.
    type: str
  message_id:
    description: Only messages with this Message-ID, with or without angle brackets.
    type: str
  start:
    description: Only messages from this date and time on, for example V(2026-11-25) or
      V(2026-11-25T18:00:00Z). The service looks 30 days back if not given.
    type: str
  end:
    description: Only messages up to this date and time. Now if not given.
    type: str
  limit:
    description: List this many messages at most, in the order in which the service lists them. All
      if not given.
    type: int
  path:
    description:
      - File to write the messages to, one JSON object a line, instead of returning them. It is
        readable by nobody else, and
        in place only when the list is complete.
      - For long lists. However many there are, only a page of them and the ids are held in memory.
      - Nothing is written in check mode.
    type: path
  force:
    description: Let O(path) replace a file that is not an earlier list.
    type: bool
    default: false
  table:
    description:
      - Also return the messages as lines of an aligned table. Where the task runs on the controller
        they are printed on its terminal.
      - Control characters, which a sender could put into a subject, are left out of it.
    type: bool
    default: false
seealso:
  - module: mailflow.area1.area1_quarantine
"""

EXAMPLES = r"""
- name: Everything that Area 1 holds for our domain
  mailflow.area1.area1_quarantine_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    domain: northwind.example
    dispositions: [SPAM, SPOOF]
  register: held

- name: A long list, into a file
  mailflow.area1.area1_quarantine_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    path: "{{ example_directory }}/held.jsonl"
"""

RETURN = r"""
messages:
  description: The messages, newest first. Empty where O(path) is given.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What M(mailflow.area1.area1_quarantine) takes.
      type: str
    postfix_id:
      description: Older name of the message at the service.
      type: str
    message_id:
      description: Its Message-ID.
      type: str
    from:
      description: Sender in the header.
      type: str
    to:
      description: Recipients in the header.
      type: list
      elements: str
    envelope_from:
      description: Sender in the envelope.
      type: str
    envelope_to:
      description: Recipients in the envelope.
      type: list
      elements: str
    subject:
      description: Its subject, as the sender wrote it.
      type: str
    scanned_at:
      description: When Area 1 saw it, ISO 8601, UTC.
      type: str
    sent_at:
      description: When it was sent, ISO 8601, UTC.
      type: str
    disposition:
      description: What it was found to be.
      type: str
    quarantined:
      description: Whether Area 1 holds it now.
      type: bool
    released:
      description: Whether somebody released it and it is held no more.
      type: bool
    delivery_status:
      description: What the service says of its delivery.
      type: list
      elements: str
listed:
  description: Number of messages in RV(messages), or in the file.
  returned: success
  type: int
total:
  description:
    - Number of messages that there are. The same as RV(listed), unless the list was cut short by
      O(limit).
    - V(null) where it was cut short and the service counts others, too.
  returned: success
  type: int
read:
  description: Number of messages that the service listed, before this module took out those that
    were not asked for.
  returned: success
  type: int
truncated:
  description: Whether there are more messages than O(limit) allowed to list.
  returned: success
  type: bool
path:
  description: The file, absolute. Empty where none was asked for.
  returned: success
  type: str
table:
  description: The table's lines, and a last one with the number of messages.
  returned: when O(table) is set
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._email_security import quarantine_list
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    AREA1_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module

ARGUMENT_SPEC: dict[str, t.Any] = {
    "quarantined": {"type": "bool", "default": True},
    "domain": {"type": "str"},
    "dispositions": {"type": "list", "elements": "str"},
    "sender": {"type": "str"},
    "recipient": {"type": "str"},
    "subject": {"type": "str"},
    "message_id": {"type": "str"},
    "start": {"type": "str"},
    "end": {"type": "str"},
    "limit": {"type": "int"},
    "path": {"type": "path"},
    "force": {"type": "bool", "default": False},
    "table": {"type": "bool", "default": False},
    **AREA1_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), quarantine_list.inform
    )


if __name__ == "__main__":
    main()

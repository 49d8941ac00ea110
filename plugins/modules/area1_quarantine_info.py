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
  - Lists all messages that Area 1 holds, or all that it has seen.
  - The list is complete, or the task fails, for example because a page cannot be read or because
    the list changes faster than it can be read. Only O(limit) shortens the list, and then
    RV(truncated) says so.
  - Messages are identified by their ID. A message that appears on two pages, because mail arrived
    meanwhile, is listed once.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.area1
  - mailflow.area1.attributes.info
options:
  quarantined:
    description: List only messages that are held now. V(false) also lists messages that were
      delivered or released.
    type: bool
    default: true
  domain:
    description: List only messages to or from addresses in this domain.
    type: str
  dispositions:
    description:
      - List only messages with one of these dispositions, V(MALICIOUS), V(SUSPICIOUS), V(SPOOF),
        V(SPAM), V(BULK) or V(NONE).
      - V(MALICIOUS) includes C(MALICIOUS-BEC) of the service. V(UCE), the word in the header, is
        understood as V(SPAM).
    type: list
    elements: str
  sender:
    description: List only messages from this address or domain, in the envelope or in the header.
    type: str
  recipient:
    description: List only messages to this address or domain, in the envelope or in the header.
    type: str
  subject:
    description: List only messages with this text in the subject, ignoring case.
    type: str
  message_id:
    description: List only messages with this Message-ID, given with or without angle brackets.
    type: str
  start:
    description: List only messages since this date and time, for example V(2026-11-25) or
      V(2026-11-25T18:00:00Z). If not given, the service looks 30 days back.
    type: str
  end:
    description: List only messages up to this date and time. If not given, up to now.
    type: str
  limit:
    description: The largest number of messages to list, in the order in which the service lists
      them. If not given, all.
    type: int
  path:
    description:
      - File to which the messages are written, one JSON object a line, instead of being returned.
        Only this user can read it, and it appears only when the list is complete.
      - Use it for long lists. However many messages there are, only one page of them and the IDs
        are held in memory.
      - Nothing is written in check mode.
    type: path
  force:
    description: Replace the file at O(path) even if it is not an earlier list.
    type: bool
    default: false
  table:
    description:
      - Also return the messages as lines of an aligned table, which is printed on the terminal if
        the task runs on the controller.
      - Control characters, which a sender could put into a subject, are removed from it.
    type: bool
    default: false
seealso:
  - module: mailflow.area1.area1_quarantine
"""

EXAMPLES = r"""
- name: List the spam and spoofed mail that Area 1 holds for a domain
  mailflow.area1.area1_quarantine_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    domain: northwind.example
    dispositions: [SPAM, SPOOF]
  register: held

- name: Write a long list to a file
  mailflow.area1.area1_quarantine_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    path: "{{ example_directory }}/held.jsonl"
"""

RETURN = r"""
messages:
  description: The messages, newest first. Empty if O(path) is given.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the message, for M(mailflow.area1.area1_quarantine).
      type: str
    postfix_id:
      description: Older ID of the message at the service.
      type: str
    message_id:
      description: Message-ID of the message.
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
      description: Subject of the message, as the sender wrote it.
      type: str
    scanned_at:
      description: When Area 1 scanned it (ISO 8601, UTC).
      type: str
    sent_at:
      description: When it was sent (ISO 8601, UTC).
      type: str
    disposition:
      description: Disposition that Area 1 gave the message.
      type: str
    quarantined:
      description: Whether Area 1 holds it now.
      type: bool
    released:
      description: Whether somebody released it, so that it is no longer held.
      type: bool
    delivery_status:
      description: Delivery status according to the service.
      type: list
      elements: str
listed:
  description: Number of messages in RV(messages), or in the file.
  returned: success
  type: int
total:
  description:
    - Number of messages that exist. The same as RV(listed), unless O(limit) shortened the list.
    - V(null) if the list was shortened and the number that the service gives includes other
      messages.
  returned: success
  type: int
read:
  description: Number of messages that the service listed, before this module left out those that
    do not match.
  returned: success
  type: int
truncated:
  description: Whether there are more messages than O(limit) allows.
  returned: success
  type: bool
path:
  description: Absolute path of the file; empty if none was requested.
  returned: success
  type: str
table:
  description: The lines of the table, followed by a line with the number of messages.
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

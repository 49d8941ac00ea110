#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_trace_info
short_description: Read how Area 1 handed messages on
version_added: 0.1.0
description:
  - Reads, for a few recent messages, what the mail servers of Area 1 (Cloudflare Email Security)
    logged when they handed them on, that is, whether Microsoft 365 accepted or refused them.
  - Messages that bounced or were rejected come first, then delivered messages in which Area 1
    found something, then the latest ones.
  - If the service does not answer, RV(error) says so; then an empty list of messages means
    nothing.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.area1
  - mailflow.area1.attributes
  - mailflow.area1.observation
  - mailflow.area1.attributes.info
options:
  since:
    description: Start of the period in which messages are looked for (ISO 8601, UTC).
    type: str
    required: true
  domains:
    description: Domains of the recipients. If not given, all.
    type: list
    elements: str
  limit:
    description: Largest number of messages of each kind.
    type: int
    default: 5
seealso:
  - module: mailflow.area1.mail_flow_gate
"""

EXAMPLES = r"""
- name: Read how mail was handed on in November
  mailflow.area1.area1_trace_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    since: "2026-11-01T00:00:00Z"
"""

RETURN = r"""
since:
  description: Start of the period in which messages were looked for.
  returned: success
  type: str
error:
  description: Why the messages could not be read; empty if they could.
  returned: success
  type: str
messages:
  description:
    - The messages, each with C(message_id), C(scanned_at), C(delivery_status),
      C(final_disposition), C(domains) (of the recipients), C(pending) (the service has not
      collected all lines yet) and C(outbound), a list of lines with C(at) and C(message).
  returned: success
  type: list
  elements: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._email_security.delivery_log import (
    run_trace_info,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    AREA1_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    run_module,
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "since": {"type": "str", "required": True},
    "domains": {"type": "list", "elements": "str"},
    "limit": {"type": "int", "default": 5},
    **AREA1_OPTIONS,
    **OBSERVATION_OPTION,
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_trace_info)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_enhanced_filtering
short_description: Manage enhanced filtering of an inbound connector of Exchange Online
version_added: 0.1.0
description:
  - Manages enhanced filtering for connectors (skip listing), which lets Exchange Online see the
    true source of mail that a gateway hands over (C(Set-InboundConnector) with C(EFSkipLastIP),
    C(EFSkipIPs), C(EFUsers)).
  - Only the given options are managed.
notes:
  - Transport rules that set SCL -1 for the gateway defeat enhanced filtering.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  connector:
    description: Name of the connector. It must exist.
    type: str
    required: true
  state:
    description: V(absent) disables enhanced filtering (it does not skip the last address and lists
      neither addresses nor users).
    type: str
    choices: [present, absent]
    default: present
  skip_last_ip:
    description: Automatically detect and skip the last IP address (C(EFSkipLastIP)). Excludes
      O(skip_ips).
    type: bool
  skip_ips:
    description: Skip these IP addresses that are associated with the connector (C(EFSkipIPs)).
      Replaces the whole list.
    type: list
    elements: str
  users:
    description:
      - Apply to these recipients only (C(EFUsers)). V([]) applies to the entire organization.
      - All recipients of a message must be listed for it to take effect.
    type: list
    elements: str
  report_section:
    description: Section of the report in which the change appears, if O(observation_path) is
      given.
    type: str
seealso:
  - module: mailflow.area1.o365_connector
"""

EXAMPLES = r"""
# With observation_path the second task can be planned in check mode,
# where the connector is not there yet.
- name: Create the connector for the gateway
  mailflow.area1.o365_connector:
    name: Area 1 Inbound Connector
    sender_ip_addresses:
      add: [52.11.209.211]
    require_tls: true
    observation_path: "{{ example_directory }}/observation.json"

- name: Skip the last address, for the entire organization
  mailflow.area1.o365_enhanced_filtering:
    connector: Area 1 Inbound Connector
    skip_last_ip: true
    users: []
    observation_path: "{{ example_directory }}/observation.json"
"""

RETURN = r"""
connector:
  description: Enhanced filtering after the task, or as it would be in check mode.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the connector.
      type: str
    skip_last_ip:
      description: Whether the last address is skipped.
      type: bool
    skip_ips:
      description: Addresses that are skipped.
      type: list
      elements: str
    users:
      description: Recipients to whom it is limited; empty means everyone.
      type: list
      elements: str
date:
  description: The time of the last read by the service's clock (ISO 8601, UTC).
  returned: when known
  type: str
plan:
  description: The changes that were made, or would be made in check mode. Absent if nothing
    differs.
  returned: when something differs
  type: list
  elements: dict
  contains:
    object:
      description: Kind of object, named after the noun of its cmdlets.
      type: str
    identity:
      description: Name of the object.
      type: str
    action:
      description: V(create), V(update) or V(delete).
      type: str
    changes:
      description: Each property with its value before and after; for lists also what is added and
        removed.
      type: list
      elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    EXCHANGE_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.connectors import (
    run_enhanced_filtering,
)

ARGUMENT_SPEC = {
    "connector": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "skip_last_ip": {"type": "bool"},
    "skip_ips": {"type": "list", "elements": "str"},
    "users": {"type": "list", "elements": "str"},
    "report_section": {"type": "str"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_enhanced_filtering
    )


if __name__ == "__main__":
    main()

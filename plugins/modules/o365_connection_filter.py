#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_connection_filter
short_description: Manage the connection filter policy of Exchange Online
version_added: 0.1.0
description:
  - Manages the IP allow list, the IP block list and the safe list of the connection filter
    (C(Set-HostedConnectionFilterPolicy)).
  - Others may maintain entries of the same lists. Use C(add) and C(remove) to leave their entries
    alone, see the guide on L(list
    values,https://github.com/mailflow/area1/blob/main/docs/list-values.md). Only the difference is
    sent.
  - Addresses are compared by meaning. V(192.0.2.1) and V(192.0.2.1/32) are the same entry, in
    whichever form it exists.
notes:
  - Benchmarks by CIS, CISA and ORCA flag a tenant whose IP allow list is not empty.
  - A change of the list can take up to an hour to take effect.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  identity:
    description: Name of the policy (C(Identity)). Every tenant has one, V(Default).
    type: str
    default: Default
  ip_allow_list:
    description:
      - Always allow messages from these addresses (C(IPAllowList)).
      - Each entry is a single IPv4 address, a network from /24 to /32 or a range of at most 256
        addresses. A list has at most 1273 entries.
    type: dict
    suboptions:
      add:
        description: Entries that must be in the list; all others stay.
        type: list
        elements: str
      remove:
        description: Entries that must not be in the list.
        type: list
        elements: str
      set:
        description: The whole list. V([]) empties it. O(ip_allow_list.add) and
          O(ip_allow_list.remove) are applied after it.
        type: list
        elements: str
  ip_block_list:
    description: Always block messages from these addresses (C(IPBlockList)). Entries as in
      O(ip_allow_list).
    type: dict
    suboptions:
      add:
        description: Entries that must be in the list; all others stay.
        type: list
        elements: str
      remove:
        description: Entries that must not be in the list.
        type: list
        elements: str
      set:
        description: The whole list. V([]) empties it. O(ip_block_list.add) and
          O(ip_block_list.remove) are applied after it.
        type: list
        elements: str
  enable_safe_list:
    description: Turn on the safe list (C(EnableSafeList)). If not given, the present value is
      kept.
    type: bool
  admin_display_name:
    description: Description of the policy (C(AdminDisplayName)). If not given, the present value
      is kept.
    type: str
seealso:
  - module: mailflow.area1.o365_content_filter
"""

EXAMPLES = r"""
- name: Allow the gateway, keep all other entries
  mailflow.area1.o365_connection_filter:
    ip_allow_list:
      add:
        - 52.11.209.211
        - 158.51.64.0/26

- name: Remove one address from the list
  mailflow.area1.o365_connection_filter:
    ip_allow_list:
      remove:
        - 52.11.209.211
"""

RETURN = r"""
policy:
  description: The policy as it is after the task, or would be in check mode.
  returned: success
  type: dict
  contains:
    ip_allow_list:
      description: The entries as the service spells them.
      type: list
      elements: str
    ip_block_list:
      description: The entries as the service spells them.
      type: list
      elements: str
    enable_safe_list:
      description: Whether the safe list is on.
      type: bool
    admin_display_name:
      description: Description of the policy.
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
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.filters import (
    run_connection_filter,
)

LIST_OPTION = {
    "type": "dict",
    "options": {
        "add": {"type": "list", "elements": "str"},
        "remove": {"type": "list", "elements": "str"},
        "set": {"type": "list", "elements": "str"},
    },
}

ARGUMENT_SPEC = {
    "identity": {"type": "str", "default": "Default"},
    "ip_allow_list": LIST_OPTION,
    "ip_block_list": LIST_OPTION,
    "enable_safe_list": {"type": "bool"},
    "admin_display_name": {"type": "str"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_connection_filter
    )


if __name__ == "__main__":
    main()

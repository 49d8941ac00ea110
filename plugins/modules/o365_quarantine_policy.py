#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_quarantine_policy
short_description: Manage quarantine policies of Exchange Online
version_added: 0.1.0
description:
  - Creates, changes and removes quarantine policies (C(New-QuarantinePolicy),
    C(Set-QuarantinePolicy), C(Remove-QuarantinePolicy)),
    which say what users may do with their mail in quarantine and whether they are told of it.
  - Only the options that are given are managed. Other policies are never touched.
notes:
  - The built-in policies cannot be changed or removed and are refused.
  - Exchange Online does not honour the right to release for high confidence phishing and malware;
    users can request it at most.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  name:
    description: Name of the policy (C(Name)). It identifies the policy, without regard to case.
    type: str
    required: true
  state:
    description: Whether the policy shall exist.
    type: str
    choices: [present, absent]
    default: present
  access:
    description:
      - A documented level of permissions.
      - V(none) lets users do nothing. V(limited) is O(permissions) V(allow_sender),
        V(request_release), V(preview), V(delete).
      - V(full) is the same with V(release) in place of V(request_release).
      - A new policy has V(none) unless this or O(permissions) is given.
    type: str
    choices: [none, limited, full]
  permissions:
    description:
      - What users may do (C(EndUserQuarantinePermissionsValue)). All that is not named is not
        allowed.
      - V(release) and V(request_release) exclude each other.
    type: list
    elements: str
    choices: [view_header, allow_sender, block_sender, request_release, release, preview, delete]
  notifications:
    description: Whether users are told of their mail in quarantine (C(ESNEnabled)).
    type: bool
  include_messages_from_blocked_sender_address:
    description: Whether they are told of mail from senders they blocked, too
      (C(IncludeMessagesFromBlockedSenderAddress)).
    type: bool
  admin_display_name:
    description:
      - Note for administrators (C(AdminDisplayName)). The service takes it only when the policy is
        made, so it is not managed afterwards.
    type: str
  report_section:
    description: Section of the report that the change is listed under, where O(observation_path) is
      given.
    type: str
seealso:
  - module: mailflow.area1.o365_content_filter
  - module: mailflow.area1.o365_transport_rule
"""

EXAMPLES = r"""
- name: Users are told, and may ask an administrator to release
  mailflow.area1.o365_quarantine_policy:
    name: UserNotifyAdminRelease
    permissions: [request_release, preview, delete]
    notifications: true

- name: Users are told, and may release by themselves
  mailflow.area1.o365_quarantine_policy:
    name: UserNotifyUserRelease
    permissions: [release, preview, delete]
    notifications: true
"""

RETURN = r"""
policy:
  description: The policy as it is after the task, or would be in check mode. V(null) when it is
    absent.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the policy.
      type: str
    permissions:
      description: What users may do.
      type: list
      elements: str
    permissions_value:
      description: The same as the number that the service keeps.
      type: int
    notifications:
      description: Whether users are told of their mail in quarantine.
      type: bool
    include_messages_from_blocked_sender_address:
      description: Whether they are told of mail from senders they blocked, too.
      type: bool
    admin_display_name:
      description: Note for administrators.
      type: str
plan:
  description: The changes made, or in check mode the changes that would be made. Absent when
    nothing differs.
  returned: when something differs
  type: list
  elements: dict
  contains:
    object:
      description: Kind of object, as in the cmdlet's noun.
      type: str
    identity:
      description: Name of the object.
      type: str
    action:
      description: V(create), V(update) or V(delete).
      type: str
    changes:
      description: Property, value before and after; for lists also what is added and removed.
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
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import (
    quarantine_policy,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.quarantine_permissions import (
    LEVELS,
    PERMISSIONS,
)

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "access": {"type": "str", "choices": list(LEVELS)},
    "permissions": {"type": "list", "elements": "str", "choices": list(PERMISSIONS)},
    "notifications": {"type": "bool"},
    "include_messages_from_blocked_sender_address": {"type": "bool"},
    "admin_display_name": {"type": "str"},
    "report_section": {"type": "str"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}
EXCLUSIVE = [("access", "permissions")]


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, mutually_exclusive=EXCLUSIVE, supports_check_mode=True
    )
    run_module(module, quarantine_policy.run_quarantine_policy)


if __name__ == "__main__":
    main()

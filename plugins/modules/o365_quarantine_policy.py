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
    C(Set-QuarantinePolicy), C(Remove-QuarantinePolicy)), which decide what users may do with their
    quarantined mail and whether they are notified of it.
  - Only the given options are managed. Other policies are never touched.
notes:
  - The built-in policies cannot be changed or removed and are refused.
  - Exchange Online does not honour the permission to release high confidence phishing and malware;
    users can only request the release.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  name:
    description: Name of the policy (C(Name)). It identifies the policy, ignoring case.
    type: str
    required: true
  state:
    description: Whether the policy should exist.
    type: str
    choices: [present, absent]
    default: present
  access:
    description:
      - A documented level of permissions.
      - V(none) permits nothing. V(limited) stands for V(allow_sender), V(request_release),
        V(preview) and V(delete) in O(permissions).
      - V(full) is the same with V(release) instead of V(request_release).
      - If neither this nor O(permissions) is given, a new policy has V(none).
    type: str
    choices: [none, limited, full]
  permissions:
    description:
      - What users may do (C(EndUserQuarantinePermissionsValue)). Whatever is not listed is not
        permitted.
      - V(release) and V(request_release) exclude each other.
    type: list
    elements: str
    choices: [view_header, allow_sender, block_sender, request_release, release, preview, delete]
  notifications:
    description: Whether users are notified of their quarantined mail (C(ESNEnabled)).
    type: bool
  include_messages_from_blocked_sender_address:
    description: Whether the notifications include mail from senders whom the user blocked
      (C(IncludeMessagesFromBlockedSenderAddress)).
    type: bool
  admin_display_name:
    description:
      - Note for administrators (C(AdminDisplayName)). The service accepts it only when the policy
        is created, so it is not managed afterwards.
    type: str
  report_section:
    description: Section of the report in which the change appears, if O(observation_path) is
      given.
    type: str
seealso:
  - module: mailflow.area1.o365_content_filter
  - module: mailflow.area1.o365_transport_rule
"""

EXAMPLES = r"""
- name: Notify users, and let them request a release
  mailflow.area1.o365_quarantine_policy:
    name: UserNotifyAdminRelease
    permissions: [request_release, preview, delete]
    notifications: true

- name: Notify users, and let them release by themselves
  mailflow.area1.o365_quarantine_policy:
    name: UserNotifyUserRelease
    permissions: [release, preview, delete]
    notifications: true
"""

RETURN = r"""
policy:
  description: The policy after the task, or as it would be in check mode; V(null) if it is absent.
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
      description: The same as the number that the service stores.
      type: int
    notifications:
      description: Whether users are notified of their quarantined mail.
      type: bool
    include_messages_from_blocked_sender_address:
      description: Whether the notifications include mail from senders whom the user blocked.
      type: bool
    admin_display_name:
      description: Note for administrators.
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

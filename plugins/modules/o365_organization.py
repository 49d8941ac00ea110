#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_organization
short_description: Manage organization customization and Direct Send of Exchange Online
version_added: 0.1.0
description:
  - Enables organization customization if the tenant is still dehydrated
    (C(Get-OrganizationConfig), C(IsDehydrated); C(Enable-OrganizationCustomization)). This cannot
    be undone.
  - The cmdlet may fail although it has succeeded, and it may take up to 24 hours to take effect.
    The module reads the state again instead of running the cmdlet twice.
  - Manages C(RejectDirectSend).
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  customization:
    description: Whether organization customization should be enabled.
    type: bool
    default: true
  wait:
    description: Wait until the tenant says that it is no longer dehydrated.
    type: bool
    default: false
  wait_timeout:
    description: Longest wait in minutes.
    type: int
    default: 240
  reject_direct_send:
    description:
      - Refuse anonymous mail whose envelope sender is in an accepted domain and that matches no
        connector (C(Set-OrganizationConfig -RejectDirectSend)). If not given, the present value is
        kept.
    type: bool
"""

EXAMPLES = r"""
- name: Enable organization customization where needed
  mailflow.area1.o365_organization:
    customization: true
"""

RETURN = r"""
is_dehydrated:
  description: Value of C(IsDehydrated) after the task, or as it would be in check mode.
  returned: success
  type: bool
pending:
  description: Whether customization was requested while the tenant is still dehydrated. Run again
    later.
  returned: success
  type: bool
reject_direct_send:
  description: Value of C(RejectDirectSend); V(null) if the service does not say.
  returned: success
  type: bool
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
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.organization import (
    run_organization,
)

ARGUMENT_SPEC = {
    "customization": {"type": "bool", "default": True},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 240},
    "reject_direct_send": {"type": "bool"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_organization
    )


if __name__ == "__main__":
    main()

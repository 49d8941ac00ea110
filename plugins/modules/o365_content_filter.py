#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_content_filter
short_description: Manage anti-spam policies of Exchange Online
version_added: 0.1.0
description:
  - Manages settings of anti-spam inbound policies (C(Set-HostedContentFilterPolicy)), either of one policy or of every policy
    that applies to some recipient.
  - A custom policy wins over Default for its recipients, so a setting that shall hold for everyone has to be made in each.
  - Policies of preset security policies (Standard, Strict) cannot be edited and are left alone.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  identity:
    description: Name of the policy (C(Identity)). Not used with O(scope=applying).
    type: str
    default: Default
  scope:
    description:
      - V(identity) handles the policy named in O(identity).
      - V(applying) handles Default and each custom policy with an enabled rule, presets apart.
    type: str
    choices: [identity, applying]
    default: identity
  mark_as_spam_spf_record_hard_fail:
    description:
      - Whether mail that fails SPF hard is marked as high confidence spam (C(MarkAsSpamSpfRecordHardFail), V(true) is C(On)).
      - Behind a gateway this must be off, because the sending address that is seen is the gateway's.
    type: bool
seealso:
  - module: mailflow.area1.o365_connection_filter
"""

EXAMPLES = r"""
- name: SPF record hard fail off, for everyone
  mailflow.area1.o365_content_filter:
    scope: applying
    mark_as_spam_spf_record_hard_fail: false

- name: The same in the default policy only
  mailflow.area1.o365_content_filter:
    identity: Default
    mark_as_spam_spf_record_hard_fail: false
"""

RETURN = r"""
policies:
  description: The policies that were looked at, as they are after the task, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the policy.
      type: str
    mark_as_spam_spf_record_hard_fail:
      description: V(On) or V(Off), as the service says it.
      type: str
plan:
  description: The changes made, or in check mode the changes that would be made. Absent when nothing differs.
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

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import OBSERVATION_OPTION, run_module
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.filters import run_content_filter
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.options import EXCHANGE_OPTIONS

ARGUMENT_SPEC = {
    "identity": {"type": "str", "default": "Default"},
    "scope": {"type": "str", "default": "identity", "choices": ["identity", "applying"]},
    "mark_as_spam_spf_record_hard_fail": {"type": "bool"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_content_filter)


if __name__ == "__main__":
    main()

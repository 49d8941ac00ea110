#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_content_filter
short_description: Manage anti-spam policies of Exchange Online
version_added: 0.1.0
description:
  - Manages settings of inbound anti-spam policies (C(Set-HostedContentFilterPolicy)), either of
    one policy or of every policy that applies to some recipient.
  - A custom policy takes precedence over Default for its recipients, so a setting that should hold
    for everyone has to be made in each policy.
  - Preset security policies (Standard, Strict) cannot be edited and are left alone.
  - For the options with C(add), C(remove) and C(set) see the guide on L(list
    values,https://github.com/mailflow/area1/blob/main/docs/list-values.md).
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
      - V(identity) manages the policy named in O(identity).
      - V(applying) manages Default and each custom policy with an enabled rule, but no preset
        policy.
    type: str
    choices: [identity, applying]
    default: identity
  mark_as_spam_spf_record_hard_fail:
    description:
      - Whether mail with an SPF hard fail is marked as high confidence spam
        (C(MarkAsSpamSpfRecordHardFail); V(true) is C(On)).
      - Behind a gateway this must be off, because Exchange Online sees the gateway's address as
        the sending address.
    type: bool
  spam_action:
    description: What happens to spam (C(SpamAction)). V(MoveToJmf) is the junk folder.
    type: str
    choices: [MoveToJmf, Quarantine, AddXHeader, ModifySubject, Redirect, Delete]
  high_confidence_spam_action:
    description: What happens to high confidence spam (C(HighConfidenceSpamAction)). V(MoveToJmf)
      is the junk folder.
    type: str
    choices: [MoveToJmf, Quarantine, AddXHeader, ModifySubject, Redirect, Delete]
  phish_spam_action:
    description: What happens to phishing (C(PhishSpamAction)). V(MoveToJmf) is the junk folder.
    type: str
    choices: [MoveToJmf, Quarantine, AddXHeader, ModifySubject, Redirect, Delete]
  high_confidence_phish_action:
    description: What happens to high confidence phishing (C(HighConfidencePhishAction)).
    type: str
    choices: [Quarantine, Redirect]
  bulk_spam_action:
    description: What happens to bulk mail over the threshold (C(BulkSpamAction)). V(MoveToJmf) is
      the junk folder.
    type: str
    choices: [MoveToJmf, Quarantine, AddXHeader, ModifySubject, Redirect, Delete, NoAction]
  spam_quarantine_tag:
    description: Quarantine policy of spam (C(SpamQuarantineTag)). It must exist, or be made by an
      earlier task.
    type: str
  high_confidence_spam_quarantine_tag:
    description: Quarantine policy of high confidence spam (C(HighConfidenceSpamQuarantineTag)). It
      must exist, or be made by an earlier task.
    type: str
  phish_quarantine_tag:
    description: Quarantine policy of phishing (C(PhishQuarantineTag)). It must exist, or be made
      by an earlier task.
    type: str
  high_confidence_phish_quarantine_tag:
    description: Quarantine policy of high confidence phishing
      (C(HighConfidencePhishQuarantineTag)). It must exist, or be made by an earlier task.
    type: str
  bulk_quarantine_tag:
    description: Quarantine policy of bulk mail (C(BulkQuarantineTag)). It must exist, or be made
      by an earlier task.
    type: str
  bulk_threshold:
    description: Bulk complaint level at which mail counts as bulk (C(BulkThreshold)), V(1) to
      V(9).
    type: int
  quarantine_retention_period:
    description: Days that spam stays in quarantine (C(QuarantineRetentionPeriod)), V(1) to V(30).
    type: int
  spam_zap_enabled:
    description: Zero-hour auto purge of spam (C(SpamZapEnabled)).
    type: bool
  phish_zap_enabled:
    description: Zero-hour auto purge of phishing (C(PhishZapEnabled)).
    type: bool
  inline_safety_tips_enabled:
    description: Safety tips in messages (C(InlineSafetyTipsEnabled)).
    type: bool
  add_x_header_value:
    description: Name of the header that the action V(AddXHeader) adds (C(AddXHeaderValue)), at
      most 255 characters, without spaces or colons.
    type: str
  modify_subject_value:
    description: Text that the action V(ModifySubject) puts before the subject
      (C(ModifySubjectValue)).
    type: str
  redirect_to_recipients:
    description: Recipients of the action V(Redirect) (C(RedirectToRecipients)).
    type: dict
    suboptions:
      add:
        description: Recipients that must be in the list; all others stay.
        type: list
        elements: str
      remove:
        description: Recipients that must not be in the list.
        type: list
        elements: str
      set:
        description: The whole list. V([]) empties it. O(redirect_to_recipients.add) and
          O(redirect_to_recipients.remove) are applied after it.
        type: list
        elements: str
  admin_display_name:
    description: Note for administrators (C(AdminDisplayName)), at most 256 characters.
    type: str
  report_section:
    description: Section of the report in which the change appears, if O(observation_path) is
      given.
    type: str
seealso:
  - module: mailflow.area1.o365_connection_filter
  - module: mailflow.area1.o365_quarantine_policy
"""

EXAMPLES = r"""
- name: Switch SPF hard fail off for everyone
  mailflow.area1.o365_content_filter:
    scope: applying
    mark_as_spam_spf_record_hard_fail: false

- name: Switch SPF hard fail off in the default policy only
  mailflow.area1.o365_content_filter:
    identity: Default
    mark_as_spam_spf_record_hard_fail: false

- name: Move spam to the junk folder, and quarantine worse mail for administrators only
  mailflow.area1.o365_content_filter:
    identity: Default
    spam_action: MoveToJmf
    high_confidence_spam_action: Quarantine
    high_confidence_spam_quarantine_tag: AdminOnlyAccessPolicy
    phish_spam_action: Quarantine
    phish_quarantine_tag: AdminOnlyAccessPolicy
    high_confidence_phish_action: Quarantine
    high_confidence_phish_quarantine_tag: AdminOnlyAccessPolicy
    quarantine_retention_period: 30
"""

RETURN = r"""
policies:
  description: The managed policies after the task, or as they would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the policy.
      type: str
    mark_as_spam_spf_record_hard_fail:
      description: V(On) or V(Off), as the service returns it. The other options follow under their
        own names.
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
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import content_filter

TEXTS = {"type": "list", "elements": "str"}
LIST_OPTION = {"type": "dict", "options": {"add": TEXTS, "remove": TEXTS, "set": TEXTS}}

ARGUMENT_SPEC = {
    "identity": {"type": "str", "default": "Default"},
    "scope": {"type": "str", "default": "identity", "choices": ["identity", "applying"]},
    "mark_as_spam_spf_record_hard_fail": {"type": "bool"},
    "spam_action": {"type": "str", "choices": list(content_filter.SPAM_ACTIONS)},
    "high_confidence_spam_action": {"type": "str", "choices": list(content_filter.SPAM_ACTIONS)},
    "phish_spam_action": {"type": "str", "choices": list(content_filter.SPAM_ACTIONS)},
    "high_confidence_phish_action": {"type": "str", "choices": list(content_filter.PHISH_ACTIONS)},
    "bulk_spam_action": {"type": "str", "choices": list(content_filter.BULK_ACTIONS)},
    "spam_quarantine_tag": {"type": "str"},
    "high_confidence_spam_quarantine_tag": {"type": "str"},
    "phish_quarantine_tag": {"type": "str"},
    "high_confidence_phish_quarantine_tag": {"type": "str"},
    "bulk_quarantine_tag": {"type": "str"},
    "bulk_threshold": {"type": "int"},
    "quarantine_retention_period": {"type": "int"},
    "spam_zap_enabled": {"type": "bool"},
    "phish_zap_enabled": {"type": "bool"},
    "inline_safety_tips_enabled": {"type": "bool"},
    "add_x_header_value": {"type": "str"},
    "modify_subject_value": {"type": "str"},
    "redirect_to_recipients": LIST_OPTION,
    "admin_display_name": {"type": "str"},
    "report_section": {"type": "str"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True),
        content_filter.run_content_filter,
    )


if __name__ == "__main__":
    main()

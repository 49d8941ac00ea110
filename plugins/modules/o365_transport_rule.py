#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_transport_rule
short_description: Manage transport rules of Exchange Online
version_added: 0.1.0
description:
  - Creates, changes, orders and removes transport rules, which are also called mail flow rules
    (C(New-TransportRule), C(Set-TransportRule), C(Enable-TransportRule), C(Disable-TransportRule),
    C(Remove-TransportRule)).
  - Only the given options are managed. Other rules are never changed.
  - A new rule is created disabled, and enabled once it reads back as wanted.
  - All conditions of a rule must be met; several values of one condition are alternatives.
  - An empty list or text in an option, or V(null) in O(parameters), clears that condition or
    action. The result is read back.
notes:
  - The service numbers all rules without gaps. A rule that is put between others shifts the rules
    after it; the module never sets the priority of another rule.
  - A rule with O(quarantine) ends the processing of rules, also after the message has been
    released.
  - A change of a rule can take half an hour to take effect.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  name:
    description:
      - Name of the rule (C(Name)), at most 64 characters. It identifies the rule, ignoring case;
        an existing rule in another letter case is renamed.
    type: str
    required: true
  state:
    description: Whether the rule should exist.
    type: str
    choices: [present, absent]
    default: present
  enabled:
    description: Whether the rule is enabled (C(State)). If not given, a new rule is.
    type: bool
  position:
    description:
      - Position of the rule among all rules. If not given, a new rule is the last one. A rule is
        moved only if its position is not as given.
      - V(before) and V(after) mean anywhere before or after O(relative_to); a new or moved rule is
        put next to it.
    type: str
    choices: [first, last, before, after]
  relative_to:
    description: Name of the other rule for O(position=before) and O(position=after).
    type: str
  comments:
    description: Comment of the rule (C(Comments)), at most 1024 characters.
    type: str
  mode:
    description: Whether the rule acts or only records that it would (C(Mode)).
    type: str
    choices: [Enforce, Audit, AuditAndNotify]
  header_contains:
    description: "Condition: a header of the message includes any of these words
      (C(HeaderContainsMessageHeader), C(HeaderContainsWords))."
    type: dict
    suboptions:
      header:
        description: Name of the header. Empty together with O(header_contains.words) clears the
          condition.
        type: str
      words:
        description: Words of which the header has to include one.
        type: list
        elements: str
  header_matches:
    description: "Condition: a header matches any of these patterns (C(HeaderMatchesMessageHeader),
      C(HeaderMatchesPatterns))."
    type: dict
    suboptions:
      header:
        description: Name of the header. Empty together with O(header_matches.patterns) clears the
          condition.
        type: str
      patterns:
        description: Regular expressions, in the dialect of Exchange.
        type: list
        elements: str
  sender_ip_ranges:
    description: "Condition: the sending server has one of these addresses (C(SenderIpRanges)),
      given as addresses, networks of any size, or ranges."
    type: list
    elements: str
  except_if_sender_ip_ranges:
    description: "Exception: the sending server has one of these addresses
      (C(ExceptIfSenderIpRanges))."
    type: list
    elements: str
  from_scope:
    description: "Condition: where the sender is (C(FromScope))."
    type: str
    choices: [InOrganization, NotInOrganization]
  subject_contains_words:
    description: "Condition: the subject includes any of these words (C(SubjectContainsWords))."
    type: list
    elements: str
  scl_over:
    description: "Condition: the spam confidence level is at least this (C(SCLOver)), V(-1) to
      V(9)."
    type: int
  set_scl:
    description: "Action: set the spam confidence level (C(SetSCL)), V(-1) to V(9). V(5) and V(6)
      ask for the verdict spam, V(9) for high confidence spam."
    type: int
  quarantine:
    description: "Action: deliver to the hosted quarantine (C(Quarantine))."
    type: bool
  prepend_subject:
    description: "Action: put this text before the subject (C(PrependSubject))."
    type: str
  redirect_message_to:
    description: "Action: deliver to these recipients only (C(RedirectMessageTo)), given as
      addresses."
    type: list
    elements: str
  set_header:
    description: "Action: set a header (C(SetHeaderName), C(SetHeaderValue))."
    type: dict
    suboptions:
      name:
        description: Name of the header. Empty together with O(set_header.value) clears the action.
        type: str
      value:
        description: Value of the header.
        type: str
  stop_rule_processing:
    description: "Action: process no further rules (C(StopRuleProcessing))."
    type: bool
  parameters:
    description:
      - Any other condition, exception or action by the name of its cmdlet parameter, for example
        C(ExceptIfFromScope). V(null) clears it.
      - Names and values are checked against the cmdlet's documentation before anything is written.
    type: dict
  report_section:
    description: Section of the report in which the change appears, if O(observation_path) is
      given.
    type: str
seealso:
  - module: mailflow.area1.o365_content_filter
  - module: mailflow.area1.o365_quarantine_policy
"""

EXAMPLES = r"""
- name: Move mail that Area 1 found suspicious to the junk folder
  mailflow.area1.o365_transport_rule:
    name: Email Security Deliver to Junk Email folder
    header_contains:
      header: X-CFEmailSecurity-Disposition
      words: [SUSPICIOUS, BULK]
    sender_ip_ranges:
      - 52.11.209.211
      - 158.51.64.0/26
    set_scl: 5

- name: Quarantine malicious mail, by a rule after that one
  mailflow.area1.o365_transport_rule:
    name: Email security Admin Managed Host Quarantine
    header_contains:
      header: X-CFEmailSecurity-Disposition
      words: [MALICIOUS, UCE, SPOOF]
    quarantine: true
    position: after
    relative_to: Email Security Deliver to Junk Email folder
    parameters:
      ExceptIfFromScope: InOrganization
"""

RETURN = r"""
rule:
  description: The rule after the task, or as it would be in check mode; V(null) if it is absent.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the rule.
      type: str
    enabled:
      description: Whether it is enabled.
      type: bool
    priority:
      description: Its priority among all rules, from 0.
      type: int
    parameters:
      description: Its conditions, exceptions and actions, by cmdlet parameter.
      type: dict
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
    transport_rules,
)

TEXTS = {"type": "list", "elements": "str"}

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "enabled": {"type": "bool"},
    "position": {"type": "str", "choices": ["first", "last", "before", "after"]},
    "relative_to": {"type": "str"},
    "comments": {"type": "str"},
    "mode": {"type": "str", "choices": ["Enforce", "Audit", "AuditAndNotify"]},
    "header_contains": {"type": "dict", "options": {"header": {"type": "str"}, "words": TEXTS}},
    "header_matches": {"type": "dict", "options": {"header": {"type": "str"}, "patterns": TEXTS}},
    "sender_ip_ranges": TEXTS,
    "except_if_sender_ip_ranges": TEXTS,
    "from_scope": {"type": "str", "choices": ["InOrganization", "NotInOrganization"]},
    "subject_contains_words": TEXTS,
    "scl_over": {"type": "int"},
    "set_scl": {"type": "int"},
    "quarantine": {"type": "bool"},
    "prepend_subject": {"type": "str"},
    "redirect_message_to": TEXTS,
    "set_header": {"type": "dict", "options": {"name": {"type": "str"}, "value": {"type": "str"}}},
    "stop_rule_processing": {"type": "bool"},
    "parameters": {"type": "dict"},
    "report_section": {"type": "str"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True),
        transport_rules.run_transport_rule,
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_flow_gate
short_description: Evaluate the gates before a phase of the cut-over
version_added: 0.1.0
description:
  - Says whether what a phase relies on holds, from the run's observation. Each gate answers
    V(holds), V(not_yet) (and until when, where that is known), V(cannot) (and what to do) or
    V(not_checked). Gates themselves read nothing; O(read=stale) reads before they are asked.
  - The time that counts is the service's own, carried on from the last read.
  - With O(settings) it checks what the deployment wants as a whole and keeps it in the observation
    for the gates that follow.
  - Runs on the controller.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.attributes.info
  - mailflow.area1.exchange
  - mailflow.area1.area1
  - mailflow.area1.dns
options:
  observation_path:
    description: The run's observation, as the other modules leave it.
    type: path
    required: true
  phase:
    description: The phase to evaluate. V(settings) only checks and keeps O(settings).
    type: str
    choices:
      - settings
      - tenant
      - preflight
      - connection_filter
      - enhanced_filtering
      - area1_domains
      - message_handling
      - message_handling_verify
      - lower_ttl
      - switch_plan
      - switch
      - lockdown
      - proof_plan
      - proof
      - final_ttl
      - verify
      - rollback_preflight
      - rollback_lockdown
      - rollback_mx_plan
      - rollback_mx
      - rollback_rest
      - rollback_verify
      - audit
    required: true
  read:
    description:
      - With V(stale) the module first reads what the phase relies on and what is too old for it,
        with the connection options. RV(read) tells what was read.
      - With V(none) nothing is read from a service, and a phase that relies on a fresh look
        answers V(not_yet) where there is none.
    type: str
    choices: [none, stale]
    default: none
  mta_sts_port:
    description: Port at which MTA-STS policies are fetched.
    type: int
    default: 443
  fail_on_cannot:
    description: Fail when a gate can never hold without a person. Otherwise the answer says so and
      the report shows it.
    type: bool
    default: false
  settings:
    description: What the deployment wants. Kept in the observation. The variables of the same names
      with the prefix C(area1_) are its source.
    type: dict
    suboptions:
      domains:
        description: "Domains whose mail goes through Area 1: names, or maps with C(name) and
          optionally C(forward_to), C(dns_provider), C(canary), C(regions)."
        type: raw
      location:
        description: MX preset. One of V(us), V(eu), V(india), V(india_primary), V(asia),
          V(australia), V(australia_primary), V(global).
        type: str
      mx_records:
        description: "MX records of one's own, a list of C({priority, host}); wins over
          O(settings.location)."
        type: list
        elements: dict
      regions:
        description: Processing regions of the Email Security domains; by location unless given.
        type: list
        elements: str
      mx_ttl:
        description: TTL of the MX set during the cut-over, in seconds.
        type: int
        default: 300
      egress_networks:
        description: Override of the published egress networks.
        type: list
        elements: str
      connector_name:
        description: Name of the connector for enhanced filtering.
        type: str
      lockdown_connector_name:
        description: Name of the lock-down connector.
        type: str
      allow_list:
        description: V(manage) or V(skip).
        type: str
        choices: [manage, skip]
        default: manage
      use_case:
        description: Use case 1 to 5 of the tutorial, or a map that describes one of your own.
        type: raw
        default: 1
      use_case_variant:
        description: Words and names of the rules as on the pages of today, or as in the tutorial.
        type: str
        choices: [current, tutorial]
        default: current
      disposition_header:
        description: Headers that carry the disposition. C(X-CFEmailSecurity-Disposition) unless
          given.
        type: list
        elements: str
      rule_match_sender_ip:
        description: Whether the rules also ask for an address of Area 1. V(false) takes effect only
          when the lock-down is proven.
        type: bool
        default: true
      spoof_handling:
        description: What happens to SPOOF; as the use case has it unless given.
        type: str
        choices: [quarantine, spam, bulk]
      content_filter_scope:
        description: Whether the use case sets the default anti-spam policy only, or every policy
          that applies but presets.
        type: str
        choices: [default, all]
        default: default
      lockdown:
        description: Whether to lock down when the gates allow it.
        type: bool
        default: true
      lockdown_soak_hours:
        description: Hours between the last switch and the lock-down; at least the largest TTL that
          the old sets had.
        type: int
        default: 72
      lockdown_scope:
        description: V(all) recipients, or V(covered) domains only.
        type: str
        choices: [all, covered]
        default: all
      lockdown_exempt_domains:
        description: Accepted domains that stay outside, with O(settings.lockdown_scope=covered).
        type: list
        elements: str
      settle_minutes:
        description:
          - Minutes between a change of connectors or allow list and the switch, and between rules
            or dispositions that take over and what
            they take over from.
        type: int
        default: 60
      canary_recipient:
        description: Mailbox that may receive test mail.
        type: str
      acknowledge:
        description: Gates that a person has decided about, as C(gate) or C(gate:object).
        type: list
        elements: str
      max_switches:
        description: MX switches of one run; V(0) is no limit.
        type: int
        default: 0
      change_window:
        description:
          - Days, hours and zone in which the MX records may be switched and the lock-down enabled.
          - "A map like C({days: [mon-thu], hours: '22:00-04:00', zone: Europe/Berlin}), or a text
            like C(mon-thu 22:00-04:00 Europe/Berlin)."
          - Hours past midnight belong to the day on which they begin. Any time unless given.
        type: raw
      mx_final_ttl:
        description: TTL of the MX set once the lock-down is proven, in seconds. Left as it is
          unless given.
        type: int
  unused:
    description: Variables that are set but have no effect in this version; said in the report.
      Those that guard something are refused.
    type: list
    elements: str
seealso:
  - module: mailflow.area1.mail_flow_report
"""

EXAMPLES = r"""
- name: Read the tenant
  mailflow.area1.o365_mail_flow_info:
    observation_path: "{{ example_directory }}/observation.json"

- name: Keep what is wanted
  mailflow.area1.mail_flow_gate:
    observation_path: "{{ example_directory }}/observation.json"
    phase: settings
    settings:
      domains: "{{ area1_domains }}"
      location: eu

- name: May the connector be made?
  mailflow.area1.mail_flow_gate:
    observation_path: "{{ example_directory }}/observation.json"
    phase: enhanced_filtering
  register: gate

- name: Say so
  ansible.builtin.debug:
    msg: "{{ gate.results }}"
  when: not gate.open
"""

RETURN = r"""
open:
  description: Whether every gate of the phase holds.
  returned: success
  type: bool
status:
  description: The worst answer, V(holds), V(not_yet) or V(cannot).
  returned: success
  type: str
results:
  description: The answers of the gates.
  returned: success
  type: list
  elements: dict
  contains:
    gate:
      description: Name of the gate.
      type: str
    object:
      description: What it looked at, for example a domain or a connector.
      type: str
    status:
      description: V(holds), V(not_yet), V(cannot) or V(not_checked).
      type: str
    message:
      description: What was found.
      type: str
    hint:
      description: What to do.
      type: str
    until:
      description: When it is worth looking again (ISO 8601, UTC).
      type: str
    acknowledged:
      description: The gate is open because a person decided so.
      type: bool
read:
  description: What was read for the phase, a line for each read.
  returned: success
  type: list
  elements: str
allowed:
  description: What the phase may do, for example the domains that may be switched.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.evaluate import (
    EVALUATORS,
    run_gate,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.options import DNS_OPTIONS
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    AREA1_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    EXCHANGE_OPTIONS,
)

ARGUMENT_SPEC = {
    **EXCHANGE_OPTIONS,
    **AREA1_OPTIONS,
    **DNS_OPTIONS,
    "observation_path": {"type": "path", "required": True},
    "phase": {
        "type": "str",
        "required": True,
        "choices": ["settings", *EVALUATORS],
    },
    "unused": {"type": "list", "elements": "str"},
    "read": {"type": "str", "choices": ["none", "stale"], "default": "none"},
    "mta_sts_port": {"type": "int", "default": 443},
    "fail_on_cannot": {"type": "bool", "default": False},
    "settings": {
        "type": "dict",
        "options": {
            "domains": {"type": "raw"},
            "location": {"type": "str"},
            "mx_records": {"type": "list", "elements": "dict"},
            "regions": {"type": "list", "elements": "str"},
            "mx_ttl": {"type": "int", "default": 300},
            "egress_networks": {"type": "list", "elements": "str"},
            "connector_name": {"type": "str"},
            "lockdown_connector_name": {"type": "str"},
            "allow_list": {"type": "str", "choices": ["manage", "skip"], "default": "manage"},
            "use_case": {"type": "raw", "default": 1},
            "use_case_variant": {
                "type": "str",
                "choices": ["current", "tutorial"],
                "default": "current",
            },
            "disposition_header": {"type": "list", "elements": "str"},
            "rule_match_sender_ip": {"type": "bool", "default": True},
            "spoof_handling": {"type": "str", "choices": ["quarantine", "spam", "bulk"]},
            "content_filter_scope": {
                "type": "str",
                "choices": ["default", "all"],
                "default": "default",
            },
            "lockdown": {"type": "bool", "default": True},
            "lockdown_soak_hours": {"type": "int", "default": 72},
            "lockdown_scope": {"type": "str", "choices": ["all", "covered"], "default": "all"},
            "lockdown_exempt_domains": {"type": "list", "elements": "str"},
            "settle_minutes": {"type": "int", "default": 60},
            "canary_recipient": {"type": "str"},
            "acknowledge": {"type": "list", "elements": "str"},
            "max_switches": {"type": "int", "default": 0},
            "change_window": {"type": "raw"},
            "mx_final_ttl": {"type": "int"},
        },
    },
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_gate)


if __name__ == "__main__":
    main()

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
  - Evaluates the gates of one phase from the run's observation. A gate is a condition that must
    hold before something is written.
  - Each gate answers V(holds), V(not_yet) (with a time, where one is known), V(cannot) (with what
    to do) or V(not_checked). RV(allowed) is what the phase may do now.
  - Gates themselves read nothing; O(read=stale) reads before they are asked.
  - The time that counts is the service's own, carried on from the last read.
  - With O(settings) the module checks what the deployment wants as a whole, and keeps it in the
    observation for the gates that follow.
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
      - V(stale) first reads again, with the connection options, whatever the phase relies on that
        has become too old for it. RV(read) tells what was read.
      - V(none) reads nothing from a service. A phase that relies on a fresh look answers
        V(not_yet) where there is none.
    type: str
    choices: [none, stale]
    default: none
  mta_sts_port:
    description: Port at which MTA-STS policies are fetched.
    type: int
    default: 443
  fail_on_cannot:
    description: Whether the task fails when a gate answers V(cannot). Otherwise the answer and the
      report show it.
    type: bool
    default: false
  settings:
    description: What the deployment wants. It is kept in the observation. The roles fill it from
      the variables of the same names with the prefix C(area1_).
    type: dict
    suboptions:
      domains:
        description: "Domains whose mail goes through Area 1: names, or maps with C(name) and
          optionally C(forward_to), C(dns_provider), C(canary), C(regions)."
        type: raw
      location:
        description: Location whose MX hosts are used. One of V(us), V(eu), V(india),
          V(india_primary), V(asia), V(australia), V(australia_primary), V(global).
        type: str
      mx_records:
        description: "MX records of your own, a list of C({priority, host}). They win over
          O(settings.location)."
        type: list
        elements: dict
      regions:
        description: Processing regions of the Email Security domains. By default they follow
          O(settings.location).
        type: list
        elements: str
      mx_ttl:
        description: TTL of the MX set during the cut-over, in seconds.
        type: int
        default: 300
      egress_networks:
        description: Egress networks to use instead of the published ones.
        type: list
        elements: str
      connector_name:
        description: Name of the connector for enhanced filtering.
        type: str
      lockdown_connector_name:
        description: Name of the lock-down connector.
        type: str
      allow_list:
        description: Whether the egress networks are kept in the allow list (V(manage)), or the
          list is left alone (V(skip)).
        type: str
        choices: [manage, skip]
        default: manage
      use_case:
        description: Use case 1 to 5 of the tutorial, or a map that describes one of your own.
        type: raw
        default: 1
      use_case_variant:
        description: Whether words and names of the rules are those of Cloudflare's present pages
          (V(current)) or those of the tutorial (V(tutorial)).
        type: str
        choices: [current, tutorial]
        default: current
      disposition_header:
        description: Headers that carry the disposition. Default is
          C(X-CFEmailSecurity-Disposition).
        type: list
        elements: str
      rule_match_sender_ip:
        description: Whether the rules also require that the message came from an address of Area 1.
          V(false) takes effect only once the lock-down is proven.
        type: bool
        default: true
      spoof_handling:
        description: What happens to messages with the disposition SPOOF. By default the use case
          decides.
        type: str
        choices: [quarantine, spam, bulk]
      content_filter_scope:
        description: Whether the use case sets the default anti-spam policy only (V(default)), or
          every policy in force except presets (V(all)).
        type: str
        choices: [default, all]
        default: default
      lockdown:
        description: Whether to lock down once the gates allow it.
        type: bool
        default: true
      lockdown_soak_hours:
        description: Hours between the last switch and the lock-down. It is never less than the
          largest TTL of the old MX sets.
        type: int
        default: 72
      lockdown_scope:
        description: Whether the lock-down applies to all recipients (V(all)), or to those of
          covered domains only (V(covered)).
        type: str
        choices: [all, covered]
        default: all
      lockdown_exempt_domains:
        description: Accepted domains that stay outside the lock-down, with
          O(settings.lockdown_scope=covered).
        type: list
        elements: str
      settle_minutes:
        description:
          - Minutes to wait after a change of connectors or allow list before MX records move, and
            after rules or dispositions take over before what they replace is taken away.
        type: int
        default: 60
      canary_recipient:
        description: Mailbox that may receive a test message.
        type: str
      acknowledge:
        description: Gates that a person has decided to pass although they do not hold, as C(gate)
          or C(gate:object).
        type: list
        elements: str
      max_switches:
        description: How many domains may be switched in one run. V(0) means no limit.
        type: int
        default: 0
      change_window:
        description:
          - Days, hours and zone in which the MX records may be switched and the lock-down enabled.
          - "A map like C({days: [mon-thu], hours: '22:00-04:00', zone: Europe/Berlin}), or a text
            like C(mon-thu 22:00-04:00 Europe/Berlin)."
          - Hours past midnight belong to the day on which they begin.
          - Without it any time will do.
        type: raw
      mx_final_ttl:
        description: TTL of the MX set once the lock-down is proven, in seconds. Without it the TTL
          stays as it is.
        type: int
  unused:
    description: Variables that are set but have no effect in this version. The report names them;
      one that guards something is refused.
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

- name: May the connector be made? Read again first what has become too old
  mailflow.area1.mail_flow_gate:
    observation_path: "{{ example_directory }}/observation.json"
    phase: enhanced_filtering
    read: stale
  register: gate

- name: Show what stands in the way
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
      description: What the gate looked at, for example a domain or a connector.
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
      description: Whether the gate counts as open only because a person decided so.
      type: bool
read:
  description: What was read for the phase, a line for each read.
  returned: success
  type: list
  elements: str
allowed:
  description:
    - What the phase may do. Values are ready to be handed to the module that does it.
    - "C(settings): C(domains), the names."
    - "C(tenant): C(relay), the domains whose outbound connectors have to be read."
    - "C(connection_filter): C(entries) for the allow list, C(manage)."
    - "C(enhanced_filtering): C(name), C(comment), C(entries), C(connector) and C(filtering),
      options of M(mailflow.area1.o365_connector) and M(mailflow.area1.o365_enhanced_filtering)."
    - "C(area1_domains): options of M(mailflow.area1.area1_domain)."
    - "C(message_handling): C(policies), C(filters), C(rules), each a list of a module's options,
      C(obsolete_rules), C(obsolete_policies)."
    - "C(lower_ttl): C(domains), C(max_ttl) for M(mailflow.area1.area1_mx)."
    - "C(switch_plan): C(targets) for M(mailflow.area1.mail_flow_probe), empty where nothing is to
      be asked; C(sts_ids) for M(mailflow.area1.area1_mta_sts)."
    - "C(switch): C(domains), C(records), C(ttl) for M(mailflow.area1.area1_mx); C(caught), name and
      comment of our connector where it has to go off; C(done)."
    - "C(lockdown): C(action) (V(none), V(stage), V(unstage), V(enable), V(keep)), C(name),
      C(comment), C(enabled), C(due), C(connector) and C(filtering) as above."
    - "C(proof_plan): C(targets) as above. C(proof): C(verdict), C(proven), C(until), C(action)
      (V(none), V(disable)), C(name), C(comment)."
    - "C(final_ttl): C(domains), C(records), C(ttl)."
    - "C(verify): the end state, as the report has it."
    - "C(rollback_lockdown): C(action) (V(none), V(disable), V(narrow)), C(name), C(comment),
      C(enabled), C(narrowed), C(event), C(subject)."
    - "C(rollback_mx_plan): C(targets). C(rollback_mx): C(domains)."
    - "C(rollback_rest): C(rules), C(connectors), C(allow_list), C(policies),
      C(quarantine_policies), C(domains), C(ttls)."
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

#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_mail_flow_info
short_description: Read all that decides the inbound mail flow of a Microsoft 365 tenant
version_added: 0.1.0
description:
  - Reads the organization, accepted domains, connection filter, anti-spam policies and their rules,
    inbound connectors, transport
    rules and quarantine policies of Exchange Online, and from Microsoft Graph the host that each
    domain's mail is to be forwarded to.
  - A read that fails is an error. Graph may be out of reach; then a warning says so and the
    forwarding hosts are empty.
  - Checks that the token is for the tenant named in O(tenant).
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
  - mailflow.area1.attributes.info
options:
  sections:
    description: What to read. All but V(permissions), V(message_trace), V(message_events) and
      V(followed_messages) unless given.
    type: list
    elements: str
    choices:
      - organization
      - accepted_domains
      - connection_filter
      - content_filter
      - content_filter_rules
      - inbound_connectors
      - outbound_connectors
      - transport_rules
      - blocked_connectors
      - quarantine_policies
      - preset_rules
      - forwarding_hosts
      - permissions
      - message_trace
      - message_events
      - followed_messages
  trace_since:
    description:
      - From when on the message trace is read. A time (ISO 8601, UTC), or such a time by recipient
        domain, where C(*.example.com) stands for
        all names below C(example.com). Rows for domains that are not named then do not count.
      - Exchange keeps 90 days. Needed with V(message_trace) in O(sections).
    type: raw
  trace_queries:
    description: Most queries of one reading of the message trace. A tenant has 100 in five minutes.
      What was left out is said in the answer.
    type: int
    default: 60
  trace_details:
    description:
      - For so many sending addresses outside of O(trace_known) look by what connection and
        connector their last message came. The trace
        itself may show the original sender instead of the address that connected.
    type: int
    default: 0
  trace_known:
    description: Addresses and networks that need no closer look.
    type: list
    elements: str
  message_ids:
    description: Message-IDs of the messages (the first ten) whose events are read with
      V(message_events) in O(sections).
    type: list
    elements: str
  follow:
    description: Message-IDs, with angle brackets, of messages that V(followed_messages) in
      O(sections) looks for in the trace of the last 48 hours.
    type: list
    elements: str
  domains:
    description: Domains whose forwarding hosts are read. All accepted domains but
      C(*.onmicrosoft.com) unless given.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Look at the tenant
  mailflow.area1.o365_mail_flow_info:
  register: tenant

- name: Say which connectors there are
  ansible.builtin.debug:
    msg: "{{ tenant.mail_flow.inbound_connectors | map(attribute='Name') | list }}"
"""

RETURN = r"""
mail_flow:
  description: The objects as the services return them, by section.
  returned: success
  type: dict
  contains:
    organization:
      description: Answer of C(Get-OrganizationConfig).
      type: list
      elements: dict
    accepted_domains:
      description: Answer of C(Get-AcceptedDomain).
      type: list
      elements: dict
    connection_filter:
      description: Answer of C(Get-HostedConnectionFilterPolicy).
      type: list
      elements: dict
    content_filter:
      description: Answer of C(Get-HostedContentFilterPolicy).
      type: list
      elements: dict
    content_filter_rules:
      description: Answer of C(Get-HostedContentFilterRule).
      type: list
      elements: dict
    inbound_connectors:
      description: Answer of C(Get-InboundConnector).
      type: list
      elements: dict
    outbound_connectors:
      description: Answers of C(Get-OutboundConnector), with those in test mode and those for rules
        only.
      type: list
      elements: dict
    transport_rules:
      description: Answer of C(Get-TransportRule).
      type: list
      elements: dict
    blocked_connectors:
      description: Answer of C(Get-BlockedConnector), connectors that Microsoft blocked as
        compromised.
      type: list
      elements: dict
    quarantine_policies:
      description: Answer of C(Get-QuarantinePolicy).
      type: list
      elements: dict
    preset_rules:
      description: Answer of C(Get-EOPProtectionPolicyRule), which says for whom preset security
        policies apply. V(null) where it may not be read.
      type: list
      elements: dict
    forwarding_hosts:
      description: By domain, the hosts of its MX service configuration records and an error where
        they could not be read.
      type: dict
    permissions:
      description:
        - Whether the service says which cmdlets are allowed (C(known)), and which are not, of those
          that a deployment writes with
          (C(missing)) and of those that a change of use case and a rollback take away with
          (C(removals)).
      type: dict
    message_trace:
      description: Who sent mail to this tenant, from the message trace.
      type: dict
      contains:
        since:
          description: The O(trace_since) that it was read for.
          type: raw
        start:
          description: The earliest time that was asked for; Exchange keeps 90 days.
          type: str
        end:
          description: The service's clock at the time of the reading.
          type: str
        error:
          description: Why it could not be read. Empty where it could.
          type: str
        truncated:
          description: What was left out. Empty where nothing was.
          type: str
        rows:
          description: Number of rows that count.
          type: int
        groups:
          description:
            - By sending address and recipient domain, the busiest first. Each with C(from_ip),
              C(domain), C(count), C(statuses) (how many
              of each), C(senders) (up to five), C(first), C(last) and C(sample) (id and recipient
              of the last message); with
              O(trace_details) also C(via) (the address that connected) and C(connector).
          type: list
          elements: dict
    message_events:
      description:
        - Those of O(message_ids) of which the message trace tells events, by recipient, with
          C(message_id), C(recipient), C(status) and
          C(rules), the names of the transport rules that acted.
      type: list
      elements: dict
    followed_messages:
      description:
        - What became of the messages of O(follow). C(messages) has those that arrived, by
          Message-ID, with C(received), C(status), C(via)
          and C(connector) (empty where the trace does not tell); C(error) says why it could not be
          read.
      type: dict
date:
  description: The service's own clock at the last read (ISO 8601, UTC).
  returned: when known
  type: str
tenant_id:
  description: Id of the tenant that the token is for.
  returned: success
  type: str
domain_names:
  description: The accepted domains without C(*.onmicrosoft.com).
  returned: success
  type: list
  elements: str
initial_domain:
  description: The tenant's initial domain.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    EXCHANGE_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.mail_flow import (
    run_mail_flow_info,
)

ARGUMENT_SPEC = {
    "sections": {
        "type": "list",
        "elements": "str",
        "choices": [
            "organization",
            "accepted_domains",
            "connection_filter",
            "content_filter",
            "content_filter_rules",
            "inbound_connectors",
            "outbound_connectors",
            "transport_rules",
            "blocked_connectors",
            "quarantine_policies",
            "preset_rules",
            "forwarding_hosts",
            "permissions",
            "message_trace",
            "message_events",
            "followed_messages",
        ],
    },
    "trace_since": {"type": "raw"},
    "trace_queries": {"type": "int", "default": 60},
    "trace_details": {"type": "int", "default": 0},
    "trace_known": {"type": "list", "elements": "str"},
    "message_ids": {"type": "list", "elements": "str"},
    "follow": {"type": "list", "elements": "str"},
    "domains": {"type": "list", "elements": "str"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(
        AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_mail_flow_info
    )


if __name__ == "__main__":
    main()

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
  - Reads the organization, accepted domains, connection filter, anti-spam policies and their
    rules, inbound connectors, transport rules and quarantine policies of Exchange Online, and from
    Microsoft Graph the host to which each domain's mail is to be forwarded.
  - If something cannot be read, the task fails. Only Graph may be out of reach; then the module
    warns and returns no forwarding hosts.
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
    description: What to read. If not given, everything except V(permissions), V(message_trace),
      V(message_events) and V(followed_messages).
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
      - Start of the period for which the message trace is read. A time (ISO 8601, UTC), or a map
        of such times by recipient domain, in which C(*.example.com) stands for all names below
        C(example.com). With a map, rows for other domains do not count.
      - Exchange Online keeps 90 days. Required with V(message_trace) in O(sections).
    type: raw
  trace_queries:
    description: Largest number of queries for one reading of the message trace. A tenant has 100
      in five minutes. If something was left out, RV(mail_flow.message_trace.truncated) says so.
    type: int
    default: 60
  trace_details:
    description:
      - Number of sending addresses outside O(trace_known) for which the module reads by which
        connection and connector their last message came. The trace itself may show the original
        sender instead of the address that connected.
    type: int
    default: 0
  trace_known:
    description: Addresses and networks for which no details are read.
    type: list
    elements: str
  message_ids:
    description: Message-IDs of the messages whose events are read with V(message_events) in
      O(sections). Only the first ten are used.
    type: list
    elements: str
  follow:
    description: Message-IDs, with angle brackets, that V(followed_messages) in O(sections) looks
      for in the message trace of the last 48 hours.
    type: list
    elements: str
  domains:
    description: Domains whose forwarding hosts are read. If not given, all accepted domains except
      C(*.onmicrosoft.com).
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Read the tenant
  mailflow.area1.o365_mail_flow_info:
  register: tenant

- name: Show the names of the connectors
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
      description: Answers of C(Get-OutboundConnector), including connectors in test mode and
        connectors for rules only.
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
      description: Answer of C(Get-EOPProtectionPolicyRule), which says to whom preset security
        policies apply; V(null) if the application may not read it.
      type: list
      elements: dict
    forwarding_hosts:
      description: For each domain, the hosts of its MX service configuration records, and an error
        if they could not be read.
      type: dict
    permissions:
      description:
        - Whether the service says which cmdlets are allowed (C(known)), and which are not, of
          those with which a deployment writes (C(missing)) and of those with which a change of use
          case or a rollback removes objects (C(removals)).
      type: dict
    message_trace:
      description: Who sent mail to this tenant, from the message trace.
      type: dict
      contains:
        since:
          description: The O(trace_since) for which it was read.
          type: raw
        start:
          description: The earliest time that was read; Exchange Online keeps 90 days.
          type: str
        end:
          description: The service's clock at the time of the reading.
          type: str
        error:
          description: Why it could not be read; empty if it could.
          type: str
        truncated:
          description: What was left out; empty if nothing was.
          type: str
        rows:
          description: Number of rows that count.
          type: int
        groups:
          description:
            - One entry for each sending address and recipient domain, the busiest first, with
              C(from_ip), C(domain), C(count), C(statuses) (how many of each), C(senders) (up to
              five), C(first), C(last) and C(sample) (ID and recipient of the last message); with
              O(trace_details) also C(via) (the address that connected) and C(connector).
          type: list
          elements: dict
    message_events:
      description:
        - The messages of O(message_ids) for which the message trace has events, by recipient, with
          C(message_id), C(recipient), C(status) and C(rules), the names of the transport rules
          that acted.
      type: list
      elements: dict
    followed_messages:
      description:
        - The outcome of the messages of O(follow). C(messages) has those that arrived, by
          Message-ID, with C(received), C(status), C(via) and C(connector) (empty if the trace does
          not say); C(error) says why the trace could not be read.
      type: dict
date:
  description: The time of the last read by the service's clock (ISO 8601, UTC).
  returned: when known
  type: str
tenant_id:
  description: ID of the tenant for which the token was issued.
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

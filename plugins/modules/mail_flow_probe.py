#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_flow_probe
short_description: Ask mail servers by SMTP what they take and what they refuse
version_added: 0.1.0
description:
  - Gathers evidence about the path of mail by SMTP, from the host that runs the task, and returns
    from where it looked.
  - Each of O(hosts) (a new MX host) has to offer STARTTLS, to present a certificate that is valid
    for its name, and to accept a recipient in each of O(domains). The envelope is then reset; no
    message is sent.
  - Each of O(direct) is a delivery past Area 1, straight to the host at which Microsoft 365
    accepts the domain's mail, with an envelope sender outside the tenant. Only C(5.7.51) proves
    the lock-down. Any other refusal, a closed port or no answer is V(unknown), which never counts
    as good. A recipient that was accepted is V(inconclusive) without a message, because the
    refusal may follow at DATA.
  - With O(canary_recipient) one real message goes through a new MX host to that mailbox, and one
    through each of O(direct) that has its domain. Nobody else ever gets a message.
  - Names are not resolved by this module. The addresses come from M(mailflow.area1.area1_mx_info),
    which asks the resolvers of the deployment.
  - Needs only Python's standard library. If port 25 is closed for the controller, delegate the
    task to a host for which it is open. That host must have a connection of its own, so that the
    controller's view is not mistaken for its view.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.attributes.info
options:
  hosts:
    description:
      - The new MX hosts, as maps with C(name) (for which the certificate has to be valid) and
        C(addresses) (a list of IP addresses; an empty list is reported as V(unknown)). Every
        address is tested, up to eight of a host.
      - The maps of RV(mailflow.area1.area1_mx_info#module:mail_hosts) can be given as they are. If
        C(addresses) is omitted, the addresses that this module left in O(observation_path) are
        used.
    type: list
    elements: dict
  domains:
    description: "Domains for which each new MX host has to accept a recipient: names, or maps with
      C(name) and C(recipient)."
    type: list
    elements: raw
  direct:
    description: Deliveries past Area 1.
    type: list
    elements: dict
    suboptions:
      name:
        description: The domain.
        type: str
        required: true
      host:
        description: Its forwarding host.
        type: str
        required: true
      addresses:
        description: IP addresses of that host, as for O(hosts). The first one that can be reached
          is used.
        type: list
        elements: str
      recipient:
        description: Mailbox in the domain. Defaults to O(canary_recipient) if that is in the
          domain, else to C(postmaster) of the domain.
        type: str
  plain:
    description:
      - Deliveries past Area 1 that are tried with and without TLS, up to the recipient. They show
        whether a connector that demands TLS catches mail that it is not meant for. No message is
        sent. The suboptions are those of O(direct).
    type: list
    elements: dict
    suboptions:
      name:
        description: The domain.
        type: str
        required: true
      host:
        description: Its forwarding host.
        type: str
        required: true
      addresses:
        description: IP addresses of that host.
        type: list
        elements: str
      recipient:
        description: Mailbox in the domain.
        type: str
  targets:
    description:
      - O(hosts), O(domains), O(direct), O(plain), O(internal_domains) and O(canary_recipient) in
        one map, as RV(mailflow.area1.mail_flow_gate#module:allowed) has it under C(targets).
      - What is given here wins over the option of the same name.
    type: dict
  canary_recipient:
    description: Mailbox that may receive test messages. In check mode it gets none and is only
      offered as a recipient.
    type: str
  sender:
    description:
      - Envelope sender, in a domain outside the tenant.
      - Defaults to C(mailflow-probe) at the name of the probing host if that is a full name
        outside the tenant. Otherwise it is C(mailflow-probe@mailflow-probe.invalid) for O(direct)
        and O(plain), and the null sender for O(hosts).
    type: str
  internal_domains:
    description: Domains of the tenant besides those in O(domains) and O(direct). The sender is
      never in one of them.
    type: list
    elements: str
  helo:
    description: Name for EHLO. Defaults to the probing host's full name, else to its address as a
      literal.
    type: str
  port:
    description: SMTP port.
    type: int
    default: 25
  ca_path:
    description:
      - File on the probing host with the CA certificates to trust for the new MX hosts. If not
        given, those of that system are trusted.
    type: path
  timeout:
    description: Longest time in seconds for one conversation.
    type: int
    default: 60
  observation_path:
    description:
      - The run's observation on the controller. The results are added to its section C(smtp),
        wherever the task ran.
    type: path
seealso:
  - module: mailflow.area1.area1_mx_info
  - module: mailflow.area1.mail_flow_gate
"""

EXAMPLES = r"""
- name: Find the addresses of the mail hosts
  mailflow.area1.area1_mx_info:
    domains: "{{ area1_domains }}"
    mail_hosts: [mailstream-eu1.mxrecord.io, mailstream-central.mxrecord.mx]
    dns_resolvers: "{{ area1_dns_resolvers }}"
    dns_authoritative_port: "{{ area1_dns_authoritative_port }}"
  register: world

- name: Test whether the new MX hosts accept mail for the domains
  mailflow.area1.mail_flow_probe:
    hosts: "{{ world.mail_hosts.values() | list }}"
    domains: "{{ area1_domains }}"
    port: "{{ area1_smtp_port }}"
    ca_path: "{{ area1_ca_path }}"
  register: probe

- name: Show the result
  ansible.builtin.debug:
    msg: "{{ item.key }}: {{ item.value.status }} {{ item.value.problem }}"
  loop: "{{ probe.hosts | dict2items }}"
  loop_control:
    label: "{{ item.key }}"
"""

RETURN = r"""
hosts:
  description: The new MX hosts, by name.
  returned: success
  type: dict
  contains:
    status:
      description: V(ok), V(wrong) (it answers, but not as an MX host must) or V(unknown) (it could
        not be tested).
      type: str
    problem:
      description: What is wrong or unknown, by address.
      type: str
    addresses:
      description: Each address, with C(status), C(stage) (how far the conversation went),
        C(problem), C(tls) (the version) and C(source).
      type: list
      elements: dict
    recipients:
      description: By domain, C(verdict) (V(accepted), V(refused) or V(unknown)) with C(recipient),
        C(code), C(enhanced) and C(text).
      type: dict
direct:
  description: The deliveries past Area 1, by domain.
  returned: success
  type: dict
  contains:
    verdict:
      description:
        - V(locked) if it was refused with C(5.7.51), V(open) if a message was accepted,
          V(inconclusive) if a recipient was accepted and no message was sent, otherwise
          V(unknown).
      type: str
    stage:
      description: Stage of the last answer, V(connect), V(greeting), V(ehlo), V(starttls),
        V(mail), V(rcpt), V(data) or V(message).
      type: str
    code:
      description: The reply code; V(0) if there was none.
      type: int
    enhanced:
      description: The enhanced status code.
      type: str
    text:
      description: The reply's text.
      type: str
    meaning:
      description: Meaning of a refusal that is often mistaken for the lock-down.
      type: str
    problem:
      description: Why there was no answer.
      type: str
    host:
      description: The forwarding host.
      type: str
    address:
      description: The address that was used.
      type: str
    recipient:
      description: The recipient.
      type: str
    canary:
      description: The message that was sent, like RV(canary).
      type: dict
plain:
  description:
    - The deliveries of O(plain), by domain. C(verdict) is V(accepted) if the recipient was
      accepted without TLS, V(needs_tls) if it was accepted with TLS only, otherwise V(unknown).
      C(with_tls) and C(without_tls) are the answers, like RV(direct).
  returned: success
  type: dict
canary:
  description: The message through the first new MX host that accepts the canary's domain; V(null)
    if none was to be sent.
  returned: success
  type: dict
  contains:
    accepted:
      description: Whether the host accepted it.
      type: bool
    message_id:
      description: Message-ID, with angle brackets; empty if no message was sent.
      type: str
    host:
      description: The host.
      type: str
    recipient:
      description: The mailbox.
      type: str
    sender:
      description: The envelope sender; empty is the null sender.
      type: str
    text:
      description: The last answer.
      type: str
looked_from:
  description: From where the module looked, that is, C(host) and its source C(address).
  returned: success
  type: dict
port:
  description: The port that was used.
  returned: success
  type: int
date:
  description: Time of the probe by the clock of the probing host.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.probe import run_probe

DIRECT = {
    "type": "list",
    "elements": "dict",
    "options": {
        "name": {"type": "str", "required": True},
        "host": {"type": "str", "required": True},
        "addresses": {"type": "list", "elements": "str"},
        "recipient": {"type": "str"},
    },
}
ARGUMENT_SPEC = {
    "hosts": {"type": "list", "elements": "dict"},
    "domains": {"type": "list", "elements": "raw"},
    "direct": DIRECT,
    "plain": DIRECT,
    "targets": {"type": "dict"},
    "canary_recipient": {"type": "str"},
    "sender": {"type": "str"},
    "internal_domains": {"type": "list", "elements": "str"},
    "helo": {"type": "str"},
    "port": {"type": "int", "default": 25},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 60},
    "observation_path": {"type": "path"},
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_probe)


if __name__ == "__main__":
    main()

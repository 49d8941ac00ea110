#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_login
short_description: Sign in to Exchange Online and Microsoft Graph once for many tasks
version_added: 0.1.0
description:
  - Gets access tokens for Exchange Online and Microsoft Graph, so that later tasks need not sign in
    again.
    Hand them on with the options O(access_token) and O(graph_access_token) of the other modules,
    best with C(module_defaults)
    for the action group C(mailflow.area1.exchange).
  - A given O(access_token) is checked and returned as it is.
  - Nothing is read from or written to the tenant.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
attributes:
  check_mode:
    support: full
    details:
      - It signs in in check mode too, because later tasks need the tokens to read.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: full
options:
  audiences:
    description:
      - The services to get a token for. V(graph) serves the reading of forwarding hosts only.
      - If only O(access_token) is given, the token for V(graph) is left out with a warning.
    type: list
    elements: str
    choices:
      - exchange
      - graph
    default:
      - exchange
      - graph
notes:
  - The task's result is hidden from the output if it succeeds, as if C(no_log) was set, and can be
    registered all the same.
    If it fails, the error is shown. C(no_log) is not needed and would hide the error.
  - It runs on the controller where the connection is local, and on the task's host otherwise.
seealso:
  - module: mailflow.area1.o365_mail_flow_info
"""

EXAMPLES = r"""
- name: Sign in once
  mailflow.area1.o365_login:
    tenant: "{{ o365_tenant }}"
    client_id: "{{ o365_client_id }}"
    client_secret: "{{ o365_client_secret }}"
    authority_url: "{{ o365_authority_url | default(omit) }}"
    exchange_url: "{{ o365_exchange_url | default(omit) }}"
    graph_url: "{{ o365_graph_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
  register: o365

- name: Use the tokens
  module_defaults:
    group/mailflow.area1.exchange:
      tenant: "{{ o365.tenant_id }}"
      access_token: "{{ o365.access_token }}"
      graph_access_token: "{{ o365.graph_access_token }}"
      exchange_url: "{{ o365.exchange_url }}"
      graph_url: "{{ o365_graph_url | default(omit) }}"
      ca_path: "{{ area1_ca_path | default(omit) }}"
  block:
    - name: Read the mail flow configuration
      mailflow.area1.o365_mail_flow_info:
"""

RETURN = r"""
access_token:
  description: The access token for Exchange Online.
  returned: success, and V(exchange) is in O(audiences); not where a management host signs in by
    itself (O(psrp_connect))
  type: str
graph_access_token:
  description: The access token for Microsoft Graph.
  returned: success, V(graph) is in O(audiences), and there is a way to get it
  type: str
expires_at:
  description: When the first of the tokens expires, in UTC. Empty if the tokens do not tell.
  returned: success
  type: str
  sample: '2026-11-23T20:15:04Z'
tenant_id:
  description: The id of the tenant that the tokens are for. What O(tenant) says, if they do not
    tell.
  returned: success
  type: str
  sample: 6f1d2c1e-8f5e-4f0e-9d0e-0a9b2c4d6e8f
app_id:
  description: The application (client) id of the app that signed in. Empty if it is not known.
  returned: success
  type: str
  sample: 0b6e7a52-3c1f-4d8a-9e2b-5f7c8d9a1b3c
exchange_url:
  description: The address of Exchange Online in use, to hand on.
  returned: success
  type: str
  sample: https://outlook.office365.com
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import (
    ARGUMENT_SPEC,
    TOKENS,
    login,
)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    context = Context(check_mode=module.check_mode, warn=module.warn, secrets=module.no_log_values)
    failed, result = evaluate(login, module.params, context)
    if failed:
        module.fail_json(**result)
    # A given token is the very thing to return: keep it from being masked in the result, and out of
    # the invocation.
    for name in TOKENS:
        module.no_log_values.discard(module.params.pop(name, None))
    module.exit_json(**result)


if __name__ == "__main__":
    main()

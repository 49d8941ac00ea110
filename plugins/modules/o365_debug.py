#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_debug
short_description: Look round what signs in, what it may do, and what can be reached
version_added: 0.1.0
description:
  - Says who signs in, to which tenant and cloud, which cmdlets that identity may run, and with
    which commands missing permissions are granted.
  - Says which libraries are there and which are missing, all at once, and what is not given, for
    all services at once.
  - Says how far the clock is off, and whether this machine reaches each service, each resolver and
    port 25.
  - Says what the Cloudflare token may do, and which DNS provider serves each domain.
  - A check that fails does not stop the others. The result can be pasted into a bug report. It
    holds no secrets and nothing of anybody's mail, but it does name domains, tenant and app.
  - The playbook C(mailflow.area1.doctor) runs it with the variables of a deployment.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.area1
  - mailflow.area1.dns
  - mailflow.area1.attributes
attributes:
  check_mode:
    support: full
    details:
      - It only reads.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: full
options:
  checks:
    description:
      - What to look at. V(inputs) is what is given, V(libraries) what is installed, V(microsoft)
        the sign-in, Exchange Online and Microsoft Graph, V(cloudflare) the account and its token,
        V(network) whether the services' addresses answer, the resolvers, the domains and port 25.
      - Services are not asked while libraries are missing.
    type: list
    elements: str
    choices:
      - inputs
      - libraries
      - microsoft
      - cloudflare
      - network
    default:
      - inputs
      - libraries
      - microsoft
      - cloudflare
      - network
  domains:
    description:
      - Domains whose DNS provider is looked up, as names or as maps with a C(name).
    type: list
    elements: raw
  smtp:
    description:
      - Whether to connect to a mail host of the first domain, to see whether this machine may send
        to port 25. It reads the greeting and leaves.
    type: bool
    default: true
  smtp_port:
    description:
      - The port to try instead of 25.
    type: int
    default: 25
  fail_on_problem:
    description:
      - Whether a problem fails the task.
    type: bool
    default: false
seealso:
  - module: mailflow.area1.o365_login
"""

EXAMPLES = r"""
- name: Look round
  mailflow.area1.o365_debug:
    tenant: "{{ o365_tenant }}"
    client_id: "{{ o365_client_id }}"
    client_secret: "{{ o365_client_secret }}"
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    domains:
      - contoso.com
  register: doctor

- name: Refuse to begin without what is needed
  mailflow.area1.o365_debug:
    checks:
      - inputs
      - libraries
    fail_on_problem: true
"""

RETURN = r"""
facts:
  description:
    - What was found, by section. C(controller), C(sign_in), C(exchange), C(graph), C(cloudflare),
      C(services), C(resolvers), C(domains), C(smtp) and C(clock).
      A section that was not looked at is missing.
  returned: always
  type: dict
problems:
  description: What stands in the way, in the order in which it was found.
  returned: always
  type: list
  elements: dict
  contains:
    section:
      description: The section that it belongs to.
      type: str
      sample: exchange
    message:
      description: What is the matter.
      type: str
      sample: This identity may not run New-InboundConnector.
    hint:
      description: What to do about it.
      type: str
      sample: Audits work, deployments do not.
    commands:
      description: Commands that do it, ready to be pasted into a shell.
      type: list
      elements: str
      sample: ["az ad app permission admin-consent --id 0b6e7a52-3c1f-4d8a-9e2b-5f7c8d9a1b3c"]
table:
  description: The same as lines of text. The terminal shows them whatever the verbosity. Empty
    where O(fail_on_problem=true) and there is no problem.
  returned: always
  type: list
  elements: str
  sample: ["No problem was found."]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._doctor.debug import (
    ARGUMENT_SPEC,
    debug,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import run_module


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), debug)


if __name__ == "__main__":
    main()

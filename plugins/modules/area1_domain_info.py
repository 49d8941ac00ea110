#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_domain_info
short_description: Read the domains of Area 1 (Cloudflare Email Security)
version_added: 0.1.0
description:
  - Lists the Email Security domains of a Cloudflare account, with their readiness for the MX
    switch, and returns what the service says of the API token.
  - If the domains cannot be listed, the task fails. A failure never looks like an account without
    domains.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.area1
  - mailflow.area1.attributes.info
  - mailflow.area1.observation
options:
  domains:
    description:
      - Names of the domains to return and whose verification is read. If not given, all domains of
        the account.
      - In any case all domains of the account are listed and kept in the observation.
      - Of a map only C(name) is used, so that the list for M(mailflow.area1.area1_domain) can be
        given.
    type: list
    elements: raw
seealso:
  - module: mailflow.area1.area1_domain
"""

EXAMPLES = r"""
- name: Read the Email Security domains
  mailflow.area1.area1_domain_info:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    domains: "{{ area1_domains }}"
"""

RETURN = r"""
domains:
  description:
    - The domains by name, as the service returns them.
    - C(readiness) is added to each, with C(status) (V(ready), V(not_yet), V(cannot)), C(message),
      C(hint), C(since) and C(verification).
  returned: success
  type: dict
missing:
  description: Names in O(domains) that the account does not have.
  returned: success
  type: list
  elements: str
token:
  description:
    - What the service says of the API token.
    - C(status) is empty if it does not say. That is no failure, because the listing proved the
      token.
  returned: success
  type: dict
  contains:
    status:
      description: Usually V(active).
      type: str
    kind:
      description: V(user) or V(account), depending on the owner of the token.
      type: str
    expires_on:
      description: When the token expires; V(null) if it never does or the service does not say.
      type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domains import inform
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    AREA1_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    run_module,
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "domains": {"type": "list", "elements": "raw"},
    **AREA1_OPTIONS,
    **OBSERVATION_OPTION,
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), inform)


if __name__ == "__main__":
    main()

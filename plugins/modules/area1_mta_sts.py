#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_mta_sts
short_description: Publish the id of MTA-STS policies in the DNS, for many domains
version_added: 0.1.0
description:
  - Sets the TXT record at C(_mta-sts) of each domain to a new id (RFC 8461), which tells senders to
    fetch the policy again.
  - The policy itself lies on a web server, which this module does not touch. Change it first, then
    its id.
  - The record is replaced in place. Other TXT records at the same name stay.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.dns
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  domains:
    description:
      - "The domains, maps with C(name), the new C(id) (1 to 32 letters and digits), and optionally
        C(dns_provider) or C(dns_account), and C(expect): the id that may be replaced."
      - A record with another id than C(expect) is left alone, and the domain fails. The others go
        on.
    type: list
    elements: raw
    required: true
  tolerate_failed_domains:
    description:
      - Whether the task succeeds although some of the domains failed. RV(partial) is then set, and
        RV(results) tells each failure.
      - The failures stay in the observation, so the report of the run shows them and ends the run
        with an error.
    type: bool
    default: false
seealso:
  - module: mailflow.area1.area1_mx_info
"""

EXAMPLES = r"""
- name: Tell senders of the new policy
  mailflow.area1.area1_mta_sts:
    domains:
      - name: northwind.example
        id: 20261125T190000
    dns_provider: "{{ area1_dns_provider }}"
    dns_api_token: "{{ area1_api_token }}"
    dns_api_url: "{{ area1_api_url }}"
    dns_resolvers: "{{ area1_dns_resolvers }}"
    dns_authoritative_port: "{{ area1_dns_authoritative_port }}"
    ca_path: "{{ area1_ca_path }}"
"""

RETURN = r"""
partial:
  description: Some domains failed, and RV(results) has the result of each.
  returned: when a domain failed
  type: bool
results:
  description: One entry for each domain.
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    domain:
      description: The domain.
      type: str
    changed:
      description: Whether the record was changed, or would be.
      type: bool
    pending:
      description: Whether a person has to set RV(results[].zone_lines) (provider V(manual)).
      type: bool
    before:
      description: The TXT records before.
      type: list
      elements: str
    after:
      description: The TXT records after.
      type: list
      elements: str
    zone_lines:
      description: The records as lines of a zone file, where they are to be set by hand.
      type: list
      elements: str
    instructions:
      description: The same in plain words.
      type: list
      elements: str
    error:
      description: What went wrong, with C(kind), C(message) and C(hint).
      type: dict
plan:
  description: The changes.
  returned: when something changes
  type: list
  elements: dict
error:
  description: The first error.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._dns.options import DNS_OPTIONS
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.mta_sts_id import run
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    TOLERATE_OPTION,
    run_module,
)

SPEC = {
    **DNS_OPTIONS,
    **OBSERVATION_OPTION,
    **TOLERATE_OPTION,
    "domains": {"type": "list", "elements": "raw", "required": True},
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), run)


if __name__ == "__main__":
    main()

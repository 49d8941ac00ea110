#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_mx
short_description: Manage the MX record sets of many domains
version_added: 0.1.0
description:
  - Replaces the whole MX record set of each domain, or only its TTL, at the DNS provider.
  - Sets are compared as what they mean. The order of records, the case of host names and a final
    dot are of no account.
  - A set is never empty on the way. V(cloudflare) changes existing records in place, in one batch
    call for each domain.
    V(rfc2136) replaces the set in one update that the server refuses when the set is not the one
    that was read.
  - All domains are tried. The task fails afterwards if one of them failed; RV(results) tells each
    one's outcome.
notes:
  - After a change the set is read back from the provider. Use M(mailflow.area1.area1_mx_info) to
    see what name servers and
    resolvers answer.
  - A TTL that Cloudflare chooses (I(Auto), 300 seconds) is left as it is, whatever O(ttl) and
    O(max_ttl) say.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.dns
  - mailflow.area1.attributes
  - mailflow.area1.observation
attributes:
  idempotent:
    details:
      - With O(dns_provider=manual) nothing is changed; RV(pending) stays V(true) until the world
        shows the records.
options:
  domains:
    description:
      - The domains, each a name or a map.
      - A map has C(name) and may have C(dns_provider), C(records), C(ttl), C(max_ttl) and
        C(expect), which take precedence over the options of these names, and C(dns_account), the
        name of one of O(dns_accounts). The keys C(forward_to), C(regions), C(drop_dispositions)
        and C(canary) of the playbooks are ignored.
    type: list
    elements: raw
    required: true
  records:
    description:
      - The whole wanted MX record set. Records in place that are not named here go away.
      - If omitted, the records stay and only the TTL is looked at.
      - An empty list and a host that is named twice are refused.
    type: list
    elements: dict
    suboptions:
      priority:
        description: Preference of the host, 0 to 65535; the lowest is tried first.
        type: int
        required: true
      host:
        description: Name of the mail host.
        type: str
        required: true
  ttl:
    description:
      - The TTL in seconds that the set must have. A provider's limits are kept to (V(cloudflare)
        takes 60 to 86400, and V(1) as
        I(Auto)).
      - If omitted, a set in place keeps its TTL and a new one gets 300.
      - Mutually exclusive with O(max_ttl).
    type: int
  max_ttl:
    description:
      - A higher TTL is lowered to this, in seconds. A lower one is left. A provider's higher
        minimum counts as low enough.
      - Mutually exclusive with O(ttl).
    type: int
  expect:
    description:
      - The records that must be in place when the set is to be changed. If others are, the domain
        fails and nothing is written.
      - A set that already has the wanted records is as good. V([]) means that there must be none.
    type: list
    elements: dict
    suboptions:
      priority:
        description: Preference of the host.
        type: int
        required: true
      host:
        description: Name of the mail host.
        type: str
        required: true
  tolerate_failed_domains:
    description:
      - Whether the task succeeds although some of the domains failed. RV(partial) is then set, and
        RV(results) tells each failure.
      - The failures stay in the observation, so the report of the run shows them and ends the run
        with an error.
    type: bool
    default: false
  event:
    description: What to note in the tenant's time line about the domains that this task changes.
      Needs O(observation_path).
    type: str
    choices: [ttl_lowered, switched, mx_restored]
seealso:
  - module: mailflow.area1.area1_mx_info
  - module: mailflow.area1.area1_domain
"""

EXAMPLES = r"""
- name: Lower the TTL of the sets in place
  mailflow.area1.area1_mx:
    domains: "{{ area1_domains }}"
    max_ttl: 300
    dns_provider: "{{ area1_dns_provider }}"
    dns_api_token: "{{ area1_api_token }}"
    dns_api_url: "{{ area1_api_url }}"
    ca_path: "{{ area1_ca_path }}"

- name: Point the domains at Area 1 in the EU
  mailflow.area1.area1_mx:
    domains: "{{ area1_domains }}"
    records:
      - {priority: 5, host: mailstream-eu1.mxrecord.io}
      - {priority: 10, host: mailstream-central.mxrecord.mx}
      - {priority: 20, host: mailstream-east.mxrecord.io}
      - {priority: 20, host: mailstream-west.mxrecord.io}
    ttl: 300
    dns_provider: "{{ area1_dns_provider }}"
    dns_api_token: "{{ area1_api_token }}"
    dns_api_url: "{{ area1_api_url }}"
    ca_path: "{{ area1_ca_path }}"

- name: Point domains of two DNS accounts at Area 1, in one call
  mailflow.area1.area1_mx:
    domains:
      - "{{ area1_domains | first }}"
      - name: "{{ area1_domains | last }}"
        dns_account: other_company
    records:
      - {priority: 5, host: mailstream-eu1.mxrecord.io}
      - {priority: 10, host: mailstream-central.mxrecord.mx}
      - {priority: 20, host: mailstream-east.mxrecord.io}
      - {priority: 20, host: mailstream-west.mxrecord.io}
    dns_provider: "{{ area1_dns_provider }}"
    dns_api_token: "{{ area1_api_token }}"
    dns_api_url: "{{ area1_api_url }}"
    dns_accounts:
      - name: other_company
        settings:
          provider: cloudflare
          api_token: "{{ area1_api_token }}"
          api_url: "{{ area1_api_url }}"
    ca_path: "{{ area1_ca_path }}"

- name: Print the records of a domain whose DNS is changed by hand
  mailflow.area1.area1_mx:
    domains:
      - name: "{{ area1_domains | first }}"
        dns_provider: manual
    records:
      - {priority: 10, host: mxa.global.inbound.cf-emailsecurity.net}
      - {priority: 10, host: mxb.global.inbound.cf-emailsecurity.net}
    dns_resolvers: "{{ area1_dns_resolvers }}"
    dns_authoritative_port: "{{ area1_dns_authoritative_port }}"
  register: by_hand

- name: Show them
  ansible.builtin.debug:
    var: by_hand.results[0].zone_lines
"""

RETURN = r"""
partial:
  description: Some domains failed, and RV(results) has the result of each.
  returned: when a domain failed
  type: bool
results:
  description: One entry for each domain, in the order given. Also returned when the task fails.
  returned: when the options are valid
  type: list
  elements: dict
  contains:
    domain:
      description: The domain, in lower case and without final dot.
      type: str
    dns_provider:
      description: The provider that was used; V(null) where V(auto) found none.
      type: str
    dns_account:
      description: The domain's account in O(dns_accounts); V(null) if it has none.
      type: str
    changed:
      description: Whether the set was changed, or would be in check mode. After an error V(true)
        means that a change was sent.
      type: bool
    pending:
      description: Whether a person has to set RV(results[].zone_lines).
      type: bool
    before:
      description: The set that was there, with C(records), C(ttl) and C(auto_ttl). No set is an
        empty list of records.
      type: dict
    after:
      description: The set that is there, or would be in check mode or once RV(results[].pending) is
        done.
      type: dict
    zone_lines:
      description: The records as lines of a zone file, where a person has to set them.
      type: list
      elements: str
    instructions:
      description: The same in plain words, with the way to the records in the console of the
        provider that the name servers show.
      type: list
      elements: str
    modified_on:
      description: When the provider says the set was last changed; V(null) where it does not tell.
      type: str
    date:
      description: The provider's clock at the reading.
      type: str
    error:
      description: What went wrong with this domain, with C(kind), C(message) and C(hint); V(null)
        if nothing did.
      type: dict
  sample:
    - domain: northwind.example
      dns_provider: cloudflare
      changed: true
      pending: false
      before:
        records: [{priority: 0, host: northwind-example.mail.protection.outlook.com}]
        ttl: 3600
        auto_ttl: false
      after: {records: [{priority: 5, host: mailstream-eu1.mxrecord.io}], ttl: 300, auto_ttl: false}
      zone_lines: []
      instructions: []
      modified_on: "2026-11-23T10:00:00.000000Z"
      date: "2026-11-23T10:00:01+00:00"
      error: null
pending:
  description: Whether a person has to set records of at least one domain.
  returned: when the options are valid
  type: bool
plan:
  description: The changes as data, one entry for each record set that differs.
  returned: when something differs
  type: list
  elements: dict
error:
  description: The first domain's error, or that of the whole task.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._dns.options import DNS_OPTIONS
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.mx import run
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    TOLERATE_OPTION,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timeline import (
    MX_RESTORED,
    SWITCHED,
    TTL_LOWERED,
)

RECORDS = {
    "type": "list",
    "elements": "dict",
    "options": {
        "priority": {"type": "int", "required": True},
        "host": {"type": "str", "required": True},
    },
}

SPEC = {
    **DNS_OPTIONS,
    **OBSERVATION_OPTION,
    **TOLERATE_OPTION,
    "event": {"type": "str", "choices": [TTL_LOWERED, SWITCHED, MX_RESTORED]},
    "domains": {"type": "list", "elements": "raw", "required": True},
    "records": RECORDS,
    "ttl": {"type": "int"},
    "max_ttl": {"type": "int"},
    "expect": RECORDS,
}


def main() -> None:
    run_module(
        AnsibleModule(
            argument_spec=SPEC, supports_check_mode=True, mutually_exclusive=[("ttl", "max_ttl")]
        ),
        run,
    )


if __name__ == "__main__":
    main()

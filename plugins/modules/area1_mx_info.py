#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_mx_info
short_description: Show what name servers and resolvers answer for the MX of many domains
version_added: 0.1.0
description:
  - Finds each domain's zone and name servers through O(dns_resolvers), asks every name server
    itself and every resolver, and
    says whether they agree.
  - A server that does not answer is reported as such and never taken for "no records".
  - With O(provider=true) it also proves the credentials of the DNS provider and reads the sets that
    it holds. A TSIG key that
    the server does not take and a zone that the token does not see are found here, before anything
    is written.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.dns
  - mailflow.area1.attributes.info
  - mailflow.area1.observation
options:
  domains:
    description:
      - The domains, each a name or a map with C(name) and, if it has its own, C(dns_provider) or
        C(dns_account).
      - Other keys that M(mailflow.area1.area1_mx) knows are ignored.
    type: list
    elements: raw
    required: true
  provider:
    description: Also read what the DNS provider holds. Needs O(dns_provider) and its credentials; a
      domain that fails fails the task.
    type: bool
    default: false
  details:
    description:
      - Also read what a switch of the MX depends on. These are the delegation by the parent's word,
        an MX wildcard below the
        domain, MTA-STS (the TXT record, and the policy over HTTPS), the TXT records for SPF, DMARC
        and TLS reporting, whether the
        MX set is signed (DNSSEC), and of the MX hosts in place the addresses and TLSA records.
      - What cannot be read is said in its place and fails nothing.
    type: bool
    default: false
  mail_hosts:
    description: Further mail hosts whose addresses and TLSA records to read, for example the new MX
      hosts. See M(mailflow.area1.mail_flow_probe).
    type: list
    elements: str
  mta_sts_port:
    description: Port at which the hosts C(mta-sts) of the domains serve the policy.
    type: int
    default: 443
seealso:
  - module: mailflow.area1.mail_flow_probe
  - module: mailflow.area1.area1_mx
"""

EXAMPLES = r"""
- name: See the MX of the domains as the world sees it
  mailflow.area1.area1_mx_info:
    domains: "{{ area1_domains }}"
    dns_resolvers: "{{ area1_dns_resolvers }}"
    dns_authoritative_port: "{{ area1_dns_authoritative_port }}"
  register: world

- name: Stop where name servers do not agree
  ansible.builtin.assert:
    that: world.domains.values() | rejectattr('agree') | length == 0

- name: Prove the DNS provider's credentials too
  mailflow.area1.area1_mx_info:
    domains: "{{ area1_domains }}"
    provider: true
    dns_provider: "{{ area1_dns_provider }}"
    dns_api_token: "{{ area1_api_token }}"
    dns_api_url: "{{ area1_api_url }}"
    dns_resolvers: "{{ area1_dns_resolvers }}"
    dns_authoritative_port: "{{ area1_dns_authoritative_port }}"
    ca_path: "{{ area1_ca_path }}"
"""

RETURN = r"""
domains:
  description: The view of each domain, by name.
  returned: when the options are valid
  type: dict
  contains:
    domain:
      description: The domain.
      type: str
    zone:
      description: The zone that holds it; V(null) if it could not be found out.
      type: str
    name_servers:
      description:
        - Each address of each name server, with C(name), C(address), C(status), C(records), C(ttl)
          and the zone's C(serial).
        - C(status) is V(ok), V(nxdomain), V(nodata), V(cname), V(servfail), V(timeout) or V(lame).
          C(records) is V(null) where the
          server did not answer.
      type: list
      elements: dict
    resolvers:
      description: Each resolver, with C(address), C(status) (also V(refused)), C(records) and the
        C(ttl) that is left.
      type: list
      elements: dict
    agree:
      description: Whether all name servers that answered gave the same records.
      type: bool
    complete:
      description: Whether all name servers answered, and the name is no alias.
      type: bool
    records:
      description: Every record that any name server gave, with C(priority) and C(host). V(null) if
        none answered.
      type: list
      elements: dict
    ttl_max:
      description: The highest TTL that a name server gave.
      type: int
    cname:
      description: The name that the domain is an alias of.
      type: str
    null_mx:
      description: Whether the domain says that it takes no mail (RFC 7505).
      type: bool
    implicit_mx:
      description: Whether there is no MX but an address record, to which mail is sent then. V(null)
        if that could not be found out.
      type: bool
    wildcard:
      description: Whether the set comes from a wildcard. Looked at below the apex of a zone only.
      type: bool
    error:
      description: Why zone or name servers could not be found; V(null) if they were.
      type: str
    date:
      description: When this was seen.
      type: str
    taken:
      description: The same in seconds since 1970.
      type: float
details:
  description: What a switch depends on, by domain.
  returned: O(details=true)
  type: dict
  contains:
    delegation:
      description:
        - The C(zone), its name servers as the C(parent) refers to them and as the zone itself names
          them (C(zone_servers)), each
          V(null) where that could not be read, and the C(error).
      type: dict
    below:
      description: The MX records that any name below the domain gets from a wildcard. V(null) if
        that could not be asked.
      type: list
      elements: dict
    mta_sts:
      description:
        - The TXT C(records) at C(_mta-sts) (V(null) if they could not be read, see C(error)) with
          their C(ttl), and the text of the
          C(policy). V(null) is a policy that was not fetched, because no record speaks of one or
          for the reason in C(policy_error).
      type: dict
    texts:
      description:
        - The TXT records at the domain (SPF among them), at C(_dmarc) and at C(_smtp._tls) below
          it, by name. V(null) where they could
          not be read.
      type: dict
    secure:
      description: Whether the resolver vouches for the MX set (DNSSEC).
      type: bool
mail_hosts:
  description:
    - The mail hosts asked for and, with O(details=true), those in place, by name. Each has C(name),
      C(addresses), C(error) (why there
      are none), C(tlsa) (V(null) if it could not be read) and C(secure) (the resolver vouches for
      that answer).
  returned: O(details=true) or O(mail_hosts) given
  type: dict
providers:
  description:
    - What the DNS provider holds, by domain, with C(dns_provider), C(dns_account), C(records),
      C(ttl), C(auto_ttl), C(min_ttl) (the lowest TTL
      that it takes), C(name_servers) (V(null) where it does not tell), C(modified_on) (where it
      tells that) and C(date) (its clock).
  returned: O(provider=true)
  type: dict
failed_domains:
  description: The error of each domain whose provider could not be read, with C(kind), C(message)
    and C(hint).
  returned: failure with O(provider=true)
  type: dict
error:
  description: The first of RV(failed_domains), or the error of the whole task.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._dns.info import run
from ansible_collections.mailflow.area1.plugins.module_utils._dns.options import DNS_OPTIONS
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    run_module,
)

SPEC = {
    **DNS_OPTIONS,
    **OBSERVATION_OPTION,
    "domains": {"type": "list", "elements": "raw", "required": True},
    "provider": {"type": "bool", "default": False},
    "details": {"type": "bool", "default": False},
    "mail_hosts": {"type": "list", "elements": "str"},
    "mta_sts_port": {"type": "int", "default": 443},
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), run)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: area1_domain
short_description: Manage domains of Area 1 (Cloudflare Email Security)
version_added: 0.1.0
description:
  - Creates and changes the Email Security domains of a Cloudflare account, so that Area 1 takes
    their mail as MX in front of the mail service (the tutorial's C(Configured as), C(MX Records)).
    V(DIRECT) is added to C(allowed_delivery_modes); other allowed modes stay.
  - Takes many domains in one task. They are listed once and changed concurrently; each has its own
    entry in RV(results). All of them are tried before the task fails.
  - If the service asks for a proof of ownership, its TXT record is published through the DNS
    provider.
  - A domain is never removed. Removing one ends its protection and cannot be undone.
notes:
  - Cloudflare's documentation contradicts itself on whether V(MALICIOUS) and V(SPAM) can be
    removed from the quarantined dispositions. If a domain in MX mode quarantines all of
    O(drop_dispositions), both of these two, and nothing else, it is left as it is, with a warning;
    use the Cloudflare dashboard to remove them. If the service quarantines more than was asked
    for, the module warns; if it quarantines less, the domain fails.
  - If the API does not return O(lookback_hops) or O(require_tls_outbound) of a domain, the module
    sends them only together with other changes, cannot check them, and warns.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.area1
  - mailflow.area1.dns
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  domains:
    description:
      - Names of the domains, or maps. Keys of a map are C(name), C(forward_to), C(regions),
        C(drop_dispositions), C(dns_provider) and C(dns_account); each of them but C(name) wins over
        the option of the same name.
      - Other keys are ignored, so that one list can serve several modules. A key that looks
        misspelt is refused.
    type: list
    elements: raw
    required: true
  forward_to:
    description:
      - Host to which Area 1 forwards the domain's mail (C(transport); the tutorial's C(Forwarding
        to)), that is, the MX host that Microsoft 365 names for the domain.
      - If not given, the present value is kept. A domain without any forwarding host is refused,
        and so is a host that would send the mail in a circle.
    type: str
  mx_hosts:
    description:
      - Further MX hosts of the domains, none of which is accepted as forwarding host. The hosts of
        Area 1 need not be named.
    type: list
    elements: str
    default: []
  regions:
    description:
      - Regions in which mail is processed (C(regions)), of V(GLOBAL), V(AU), V(DE), V(IN) and
        V(US).
      - If not given, the present value is kept; a new domain gets V(GLOBAL).
    type: list
    elements: str
  drop_dispositions:
    description:
      - Dispositions that Area 1 quarantines (C(drop_dispositions); the tutorial's C(Quarantine
        Policy)), of V(MALICIOUS), V(MALICIOUS-BEC), V(SUSPICIOUS), V(SPOOF), V(SPAM), V(BULK),
        V(ENCRYPTED), V(EXTERNAL), V(UNKNOWN) and V(NONE).
      - V(UCE), the word for spam in the message header, is understood as V(SPAM).
      - If not given, the present value is kept; a new domain gets none.
    type: list
    elements: str
  require_tls_outbound:
    description: Forward all messages over TLS (C(require_tls_outbound); the tutorial's C(Outbound
      TLS)).
    type: bool
    default: true
  lookback_hops:
    description: Number of hops before the mail service (C(lookback_hops)). V(1) if Area 1 is the
      MX.
    type: int
    default: 1
  ip_restrictions:
    description: The only networks that may deliver to Area 1 (C(ip_restrictions)). Empty lets
      everybody deliver, which an MX needs.
    type: list
    elements: str
    default: []
  delivery_modes:
    description:
      - All ways by which mail may reach Area 1 (C(allowed_delivery_modes)), for example V(DIRECT),
        V(API) or V(JOURNAL).
      - If not given, V(DIRECT) (the tutorial's I(MX Records)) is added and others stay.
    type: list
    elements: str
  publish_verification:
    description:
      - Publish the TXT record by which the service verifies ownership, if it asks for one. Other
        TXT values of the same name stay.
      - Needs O(dns_provider), or the domain's own C(dns_provider) or C(dns_account). Else it is
        only returned in RV(results[].verification).
    type: bool
    default: true
  tolerate_failed_domains:
    description:
      - Whether the task succeeds although some of the domains failed. RV(partial) is then set, and
        RV(results) tells each failure.
      - The failures stay in the observation, so the report of the run shows them and ends the run
        with an error.
    type: bool
    default: false
seealso:
  - module: mailflow.area1.area1_domain_info
  - module: mailflow.area1.area1_mx
"""

EXAMPLES = r"""
- name: Let Area 1 take the mail of two domains
  mailflow.area1.area1_domain:
    account_id: "{{ area1_account_id }}"
    api_token: "{{ area1_api_token }}"
    api_url: "{{ area1_api_url | default(omit) }}"
    ca_path: "{{ area1_ca_path | default(omit) }}"
    dns_provider: cloudflare
    regions: [DE, US]
    drop_dispositions: [MALICIOUS, SPAM, SPOOF]
    domains:
      - name: "{{ area1_domains[0] }}"
        forward_to: first-example.mail.protection.outlook.com
      - name: "{{ area1_domains[1] }}"
        forward_to: second-example.mail.protection.outlook.com
"""

RETURN = r"""
partial:
  description: Some domains failed, and RV(results) has the result of each.
  returned: when a domain failed
  type: bool
results:
  description: One entry for each domain, in the order given.
  returned: always, unless the options are refused or the domains cannot be listed
  type: list
  elements: dict
  contains:
    domain:
      description: Name of the domain.
      type: str
    id:
      description: ID at the service; V(null) if it is not known, for example for a domain that
        check mode would create.
      type: raw
    status:
      description: Status that the service reports; V(null) if it is not known.
      type: str
    changed:
      description: Whether this domain or its verification record was changed, or would be.
      type: bool
    before:
      description: The API fields that differ, before the task. Empty for a new domain.
      type: dict
    after:
      description: The same fields after the task, or as predicted in check mode.
      type: dict
    ready:
      description:
        - V(ready) means that the MX may be switched as far as the service is concerned. A domain
          that is pending only because no mail has arrived yet is ready.
        - V(not_yet) means that the domain waits for something, V(cannot) that a person has to act.
          RV(results[].message) says why.
      type: str
    message:
      description: Why the domain is ready or not.
      type: str
    hint:
      description: What to do about it, if anything.
      type: str
    verification:
      description: The TXT record that the service looks for, with its C(name), C(value) and
        C(status); V(null) if it looks for none.
      type: dict
    error:
      description: What went wrong, with C(kind), C(message) and C(hint); V(null) if nothing did.
      type: dict
  sample:
    - domain: contoso.com
      id: 1a2b3c4d-0000-4000-8000-000000000000
      status: PENDING
      changed: true
      before: {}
      after:
        allowed_delivery_modes: [DIRECT]
        transport: contoso-com.mail.protection.outlook.com
      ready: ready
      message: Pending only because no mail has arrived yet.
      hint: ""
      verification: null
      error: null
plan:
  description: The changes that were made, or would be made in check mode. Absent if nothing
    differs.
  returned: when something differs
  type: list
  elements: dict
  contains:
    object:
      description: V(email_security_domain).
      type: str
    identity:
      description: Name of the domain.
      type: str
    action:
      description: V(create) or V(update).
      type: str
    changes:
      description: Each field with its value before and after; for lists also what is added and
        removed.
      type: list
      elements: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.accounts import Drivers
from ansible_collections.mailflow.area1.plugins.module_utils._dns.options import DNS_OPTIONS
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.txt import (
    TxtOutcome,
    publish_txt,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domain_options import (
    Rules,
    Wish,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domain_steps import (
    Publish,
)
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.domains import manage
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.options import (
    AREA1_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    TOLERATE_OPTION,
    Result,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.values import (
    as_list,
    host_name,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.dispositions import (
    check_dispositions,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.mail_hosts import (
    check_regions,
    is_area1_host,
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "domains": {"type": "list", "elements": "raw", "required": True},
    "forward_to": {"type": "str"},
    "mx_hosts": {"type": "list", "elements": "str", "default": []},
    "regions": {"type": "list", "elements": "str"},
    "drop_dispositions": {"type": "list", "elements": "str"},
    "require_tls_outbound": {"type": "bool", "default": True},
    "lookback_hops": {"type": "int", "default": 1},
    "ip_restrictions": {"type": "list", "elements": "str", "default": []},
    "delivery_modes": {"type": "list", "elements": "str"},
    "publish_verification": {"type": "bool", "default": True},
    **DNS_OPTIONS,
    **AREA1_OPTIONS,
    **OBSERVATION_OPTION,
    **TOLERATE_OPTION,
}


def run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    own = {host_name(host) for host in as_list(params.get("mx_hosts"))}
    rules = Rules(
        check_regions,
        check_dispositions,
        lambda host: is_area1_host(host) or host_name(host) in own,
    )
    return manage(params, context, rules, publisher(params, context))


def publisher(params: t.Mapping[str, t.Any], context: Context) -> Publish | None:
    if not params.get("publish_verification", True):
        return None
    drivers = Drivers(params, context)

    def publish(wish: Wish, name: str, value: str) -> TxtOutcome | None:
        own = {"dns_provider": wish.dns_provider, "dns_account": wish.dns_account}
        if not any(own.values()):
            return None
        return publish_txt(params, context, name, value, own, drivers)

    return publish


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run)


if __name__ == "__main__":
    main()

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
  - Creates and changes the Email Security domains of a Cloudflare account, so that each works as MX
    in front of the mail
    service (the tutorial's C(Configured as), C(MX Records)). C(allowed_delivery_modes) gets
    V(DIRECT); other modes that are
    allowed stay allowed.
  - Takes many domains in one task. They are listed once and worked on concurrently; each has its
    own entry in RV(results). All
    of them are tried before the task fails.
  - Where the service asks for a proof of ownership, its TXT record is published through the DNS
    provider.
  - A domain is never removed. Removing one ends its protection and cannot be undone.
notes:
  - Cloudflare's documentation contradicts itself on whether V(MALICIOUS) and V(SPAM) can be taken
    out of the quarantine. Where a
    domain in MX mode quarantines all of O(drop_dispositions), both of these two, and nothing else,
    it is left so, with a warning. To
    take them out, use the Cloudflare dashboard. Where the service holds back more than was asked
    for, that is a warning; where it holds back
    less, the domain fails.
  - Where the API leaves O(lookback_hops) or O(require_tls_outbound) out of a domain, the module
    sends them only together with
    other changes, cannot check them, and warns.
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
        C(drop_dispositions) and
        C(dns_provider); all but C(name) win over the option of the same name.
      - Other keys are ignored, so that one list can serve several modules. One that looks like a
        misspelt key is refused.
    type: list
    elements: raw
    required: true
  forward_to:
    description:
      - Host that takes the mail behind Area 1 (C(transport); the tutorial's C(Forwarding to)). It
        is the MX host that Microsoft
        365 names for the domain.
      - Left as found when not given. A domain that would have none is refused, and so is a host
        that would send mail in a circle.
    type: str
  mx_hosts:
    description:
      - Further hosts of the domains' own MX set. None of them can be the forwarding host. Area 1's
        own hosts are known.
    type: list
    elements: str
    default: []
  regions:
    description:
      - Where mail is processed (C(regions)), V(GLOBAL), V(AU), V(DE), V(IN) or V(US).
      - Left as found when not given. A new domain has V(GLOBAL) unless given.
    type: list
    elements: str
  drop_dispositions:
    description:
      - Dispositions that Area 1 quarantines (C(drop_dispositions); the tutorial's C(Quarantine
        Policy)), of V(MALICIOUS),
        V(MALICIOUS-BEC), V(SUSPICIOUS), V(SPOOF), V(SPAM), V(BULK), V(ENCRYPTED), V(EXTERNAL),
        V(UNKNOWN) and V(NONE).
      - V(UCE), the word for spam in the message header, is understood as V(SPAM).
      - Left as found when not given. A new domain has none unless given.
    type: list
    elements: str
  require_tls_outbound:
    description: Forward all messages over TLS (C(require_tls_outbound); the tutorial's C(Outbound
      TLS)).
    type: bool
    default: true
  lookback_hops:
    description: Number of hops before the mail service (C(lookback_hops)). It is V(1) where the MX
      is Area 1.
    type: int
    default: 1
  ip_restrictions:
    description: Networks that alone may deliver to Area 1 (C(ip_restrictions)). Empty lets
      everybody deliver, as an MX must.
    type: list
    elements: str
    default: []
  delivery_modes:
    description:
      - All ways in which mail may reach Area 1 (C(allowed_delivery_modes)), for example V(DIRECT),
        V(API) or V(JOURNAL).
      - When not given, V(DIRECT) (the tutorial's I(MX Records)) is added and others stay.
    type: list
    elements: str
  publish_verification:
    description:
      - Publish the TXT record by which the service verifies ownership, where it asks for one. Other
        TXT values at its name stay.
      - Needs O(dns_provider) or the domain's own. Without one, the record is only named in
        RV(results[].verification).
    type: bool
    default: true
seealso:
  - module: mailflow.area1.area1_domain_info
  - module: mailflow.area1.area1_mx
"""

EXAMPLES = r"""
- name: Area 1 takes the mail of two domains
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
      description: ID at the service; V(null) where it is not known, as for a domain that check mode
        would create.
      type: raw
    status:
      description: Status as the service says it, V(null) where it is not known.
      type: str
    changed:
      description: Whether this domain or its verification record was changed, or would be.
      type: bool
    before:
      description: API fields that differed, before the task. Empty for a new domain.
      type: dict
    after:
      description: The same fields after the task, or as predicted in check mode.
      type: dict
    ready:
      description:
        - V(ready) means that the MX may be switched as far as the service is concerned. A domain
          that is pending only for want of
          mail is ready.
        - V(not_yet) means that something is waited for, V(cannot) that a person has to act.
          RV(results[].message) says which.
      type: str
    message:
      description: Why the domain is ready or not.
      type: str
    hint:
      description: What to do about it, if anything.
      type: str
    verification:
      description: The TXT record that the service looks for, with its C(name), C(value) and
        C(status); V(null) where it does not.
      type: dict
    error:
      description: V(null), or what went wrong with C(kind), C(message) and C(hint).
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
      message: Pending only for want of mail.
      hint: ""
      verification: null
      error: null
plan:
  description: The changes made, or in check mode the changes that would be made. Absent when
    nothing differs.
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
      description: Field, value before and after; for lists also what is added and removed.
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
    Result,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.values import (
    as_list,
    host_name,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.area1_hosts import (
    check_regions,
    is_area1_host,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.dispositions import (
    check_dispositions,
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
        if not wish.dns_provider:
            return None
        return publish_txt(params, context, name, value, wish.dns_provider, drivers)

    return publish


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run)


if __name__ == "__main__":
    main()

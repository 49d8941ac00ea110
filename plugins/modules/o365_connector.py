#!/usr/bin/python
# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: o365_connector
short_description: Manage inbound connectors of Exchange Online
version_added: 0.1.0
description:
  - Creates, changes and removes inbound connectors (C(New-InboundConnector),
    C(Set-InboundConnector), C(Remove-InboundConnector)).
  - Only the given options are managed. Other connectors are never touched.
  - For options with C(add), C(remove) and C(set) see the guide on L(list
    values,https://github.com/mailflow/area1/blob/main/docs/list-values.md).
  - For enhanced filtering of a connector use M(mailflow.area1.o365_enhanced_filtering).
notes:
  - A connector with O(restrict_domains_to_ip_addresses) refuses mail. This module does not decide
    whether it is safe to enable one; the gates of the role C(mailflow.area1.lockdown) do.
  - E5 developer tenants cannot create inbound connectors.
author:
  - mailflow.area1 contributors (@mailflow-area1)
extends_documentation_fragment:
  - mailflow.area1.exchange
  - mailflow.area1.attributes
  - mailflow.area1.observation
options:
  name:
    description: Name of the connector (C(Name)). It identifies the connector, ignoring case.
    type: str
    required: true
  state:
    description: Whether the connector should exist.
    type: str
    choices: [present, absent]
    default: present
  comment:
    description: Description of the connector (C(Comment)). V("") clears it.
    type: str
  connector_type:
    description: Whether a partner or your own organization sends (C(ConnectorType)). If not given,
      a new connector is V(Partner).
    type: str
    choices: [Partner, OnPremises]
  enabled:
    description: Whether the connector is on (C(Enabled)).
    type: bool
  sender_domains:
    description:
      - Domains of the senders (C(SenderDomains)), V(*) for all. If not given, a new connector has
        V(*).
      - The service returns V(smtp:contoso.com;1) for V(contoso.com); the module treats both as
        equal.
    type: dict
    suboptions:
      add:
        description: Domains that must be in the list; all others stay.
        type: list
        elements: str
      remove:
        description: Domains that must not be in the list.
        type: list
        elements: str
      set:
        description: The whole list. V([]) empties it. O(sender_domains.add) and
          O(sender_domains.remove) are applied after it.
        type: list
        elements: str
  sender_ip_addresses:
    description:
      - Addresses of the sending servers (C(SenderIPAddresses)).
      - Single IPv4 addresses and networks from /24 to /32; no ranges, no IPv6.
    type: dict
    suboptions:
      add:
        description: Addresses that must be in the list; all others stay.
        type: list
        elements: str
      remove:
        description: Addresses that must not be in the list.
        type: list
        elements: str
      set:
        description: The whole list. V([]) empties it. O(sender_ip_addresses.add) and
          O(sender_ip_addresses.remove) are applied after it.
        type: list
        elements: str
  require_tls:
    description: Refuse mail that is not sent over TLS (C(RequireTls)). Sources disagree on the
      service's default, so set it explicitly.
    type: bool
  restrict_domains_to_ip_addresses:
    description: Refuse mail from O(sender_domains) that does not come from O(sender_ip_addresses)
      (C(RestrictDomainsToIPAddresses)).
    type: bool
  restrict_domains_to_certificate:
    description: Refuse mail from O(sender_domains) without the certificate of
      O(tls_sender_certificate_name) (C(RestrictDomainsToCertificate)).
    type: bool
  tls_sender_certificate_name:
    description: Name in the certificate of the sending server (C(TlsSenderCertificateName)).
    type: str
  associated_accepted_domains:
    description:
      - Accepted domains to which the connector is limited (C(AssociatedAcceptedDomains)); empty
        means all recipients.
    type: dict
    suboptions:
      add:
        description: Domains that must be in the list; all others stay.
        type: list
        elements: str
      remove:
        description: Domains that must not be in the list.
        type: list
        elements: str
      set:
        description: The whole list. V([]) empties it. O(associated_accepted_domains.add) and
          O(associated_accepted_domains.remove) are applied after it.
        type: list
        elements: str
  report_section:
    description: Section of the report in which the change appears, if O(observation_path) is
      given.
    type: str
  event:
    description: What to note in the tenant's time line when this task changes the connector. Needs
      O(observation_path).
    type: str
    choices: [lockdown_off]
  event_subject:
    description: Which state of the connector ended with O(event).
    type: str
seealso:
  - module: mailflow.area1.o365_enhanced_filtering
"""

EXAMPLES = r"""
- name: Create the connector for the gateway
  mailflow.area1.o365_connector:
    name: Area 1 Inbound Connector
    comment: Inbound connector for Enhanced Filtering
    connector_type: Partner
    sender_domains:
      set: ["*"]
    sender_ip_addresses:
      set:
        - 52.11.209.211
        - 158.51.64.0/26
    require_tls: true
    restrict_domains_to_ip_addresses: false

- name: Disable the connector
  mailflow.area1.o365_connector:
    name: Area 1 Inbound Connector
    enabled: false
"""

RETURN = r"""
connector:
  description: The managed properties after the task, or as they would be in check mode; V(null) if
    the connector is absent.
  returned: success
  type: dict
date:
  description: The time of the last read by the service's clock (ISO 8601, UTC).
  returned: when known
  type: str
plan:
  description: The changes that were made, or would be made in check mode. Absent if nothing
    differs.
  returned: when something differs
  type: list
  elements: dict
  contains:
    object:
      description: Kind of object, named after the noun of its cmdlets.
      type: str
    identity:
      description: Name of the object.
      type: str
    action:
      description: V(create), V(update) or V(delete).
      type: str
    changes:
      description: Each property with its value before and after; for lists also what is added and
        removed.
      type: list
      elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import (
    OBSERVATION_OPTION,
    run_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timeline import LOCKDOWN_OFF
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    EXCHANGE_OPTIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.connectors import (
    run_connector,
)

LIST_OPTION = {
    "type": "dict",
    "options": {
        "add": {"type": "list", "elements": "str"},
        "remove": {"type": "list", "elements": "str"},
        "set": {"type": "list", "elements": "str"},
    },
}

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "comment": {"type": "str"},
    "connector_type": {"type": "str", "choices": ["Partner", "OnPremises"]},
    "enabled": {"type": "bool"},
    "sender_domains": LIST_OPTION,
    "sender_ip_addresses": LIST_OPTION,
    "require_tls": {"type": "bool"},
    "restrict_domains_to_ip_addresses": {"type": "bool"},
    "restrict_domains_to_certificate": {"type": "bool"},
    "tls_sender_certificate_name": {"type": "str"},
    "associated_accepted_domains": LIST_OPTION,
    "report_section": {"type": "str"},
    "event": {"type": "str", "choices": [LOCKDOWN_OFF]},
    "event_subject": {"type": "str"},
    **OBSERVATION_OPTION,
    **EXCHANGE_OPTIONS,
}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), run_connector)


if __name__ == "__main__":
    main()

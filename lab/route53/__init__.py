# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Amazon Route 53 (API version 2013-04-01).

The state is ``world["route53"]``, plain data (every key may be left out)::

    {"account": "123456789012",
     "keys": {"AKIA...": {"secret": "...", "token": None | "session token",
                          "status": "active" | "expired" | "inactive",
                          "zones": "*" | ["Z..."],          # resources of the policy
                          "denied": ["route53:GetChange", ...],
                          "change_actions": ["CREATE", "DELETE", "UPSERT"]}},
     "zones": {"Z...": {"name": "northwind.example.", "private": False, "comment": "",
                        "name_servers": ["ns-1.awsdns-00.com", ...],
                        "sets": [{"Name": "northwind.example.", "Type": "MX", "TTL": 3600,
                                  "ResourceRecords": ["10 mail.example.com."],
                                  "SetIdentifier", "Weight", "AliasTarget": {...}, ...}],
                        "protections": [{"name": "northwind.example.", "type": "MX",
                                         "comment": "..."}]}},
     "changes": {"C...": {"zone", "submitted", "in_sync_at"}},
     "settings": {see DEFAULT_SETTINGS in lab/route53/state.py}}

Besides the core's faults it knows ``{"service": "route53", "kind": ...}``: "throttling" (400, rate
exceeded) and "prior_request" (400, PriorRequestNotComplete).

Sources: the service model route53/2013-04-01 in botocore 1.44.5; Route 53 Developer Guide,
"Quotas" and "Using IAM policy conditions"; API Reference, "ChangeResourceRecordSets" and
"ListResourceRecordSets"; "AWS Signature Version 4"; issues of other projects that quote the
service's error texts, named beside each.
"""

from __future__ import annotations

from lab.route53.service import Route53Service
from lab.route53.state import empty_state, identifier, zone

__all__ = ["Route53Service", "empty_state", "identifier", "zone"]

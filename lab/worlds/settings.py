# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a world may set about the Microsoft side (`world["settings"]`, also with POST /mutate).

Cloudflare and DNS have their own.
"""

from __future__ import annotations

from typing import Any

DEFAULT_SETTINGS: dict[str, Any] = {
    # --- Entra ---
    # life of an access token by the lab's clock
    "token_lifetime_seconds": 3600,
    # how far Entra's clock is ahead of the client's: assertions are judged by it
    "entra_clock_offset_seconds": 0,
    # "allow" or "block": a Conditional Access policy on the device code flow
    "device_code_policy": "allow",
    # --- protocol ([EXO-1]) ---
    # null, or what the front door answers to a request for 127.0.0.1: "port" (302 to
    # https://localhost:<same port>), "446" (to https://localhost:446, as the service does; a client
    # maps 446 to the port of its own base address), "foreign" (another domain: must not be
    # followed), "downgrade" (http), "loop" (each answer redirects again)
    "redirect": None,
    # details[].message: "rotate", "pipe" (|Type|text), "ex_pipe" (ExXXXXXX|Type|text), "json"
    # ({"Message", "TypeName", ...}) ([EXO-1.7])
    "error_shape": "rotate",
    # HTTP status of a missing object: 404 or 400 ([EXO-1.7])
    "not_found_status": 404,
    # `value` of a successful Set: "rotate", "absent", "null", "empty" ([EXO-1.5])
    "set_value": "rotate",
    # whether New gives the object back (inferred, [EXO-1.5])
    "new_returns_object": True,
    # Get with an identity that matches nothing: "all" objects, or "not_found" ([EXO-2.0])
    "unknown_identity": "all",
    # lab seconds that a Get lags behind a write [EXO-1.5]; a fault "stale" does it for single reads
    "read_lag_seconds": 0,
    # destructive cmdlets without Confirm false bring a question and do nothing ([EXO-1.4])
    "confirm_required": True,
    # parameters that the documentation calls reserved are refused as unknown
    "refuse_reserved": True,
    # --- lists ([EXO-1.4], [EXO-2.2], [EXO-5]: disputed or unknown; both answers must work) ---
    # [] clears a multi-valued property
    "empty_array_clears": True,
    # "as_sent", "bare_32" (x/32 is kept as x), "cidr_32" (x is kept as x/32)
    "ip_spelling": "as_sent",
    # "as_sent", "sorted", "reversed"
    "ip_order": "as_sent",
    # 192.168.0.1/25 is kept as 192.168.0.0/25
    "mask_host_bits": False,
    # an entry that is there already: "drop" or "refuse"
    "duplicates": "drop",
    # --- transport rules and quarantine ([EXO-2.5], [EXO-2.6];
    # [CF-9.2]) --- null in Set-TransportRule clears a predicate (open);
    # false: it is passed over
    "null_clears_predicate": True,
    # Get-TransportRule names WhenChanged; false: no dates (the known live answers name none)
    "rule_dates": True,
    # Identity of a quarantine policy reads back as "name" or "tenant_name" (tenant\name,
    # Microsoft365DSC)
    "quarantine_identity": "name",
    # AdminDisplayName of New-QuarantinePolicy is kept; false: it reads back empty (open)
    "quarantine_display_name": True,
    # removing a quarantine policy that an anti-spam policy uses: "refuse" or "allow" (open)
    "quarantine_policy_in_use": "refuse",
    # what SenderIpRanges sees of mail that enhanced filtering looked behind: "last_hop"
    # (New-TransportRule's page) or "original" (open)
    "rules_see": "last_hop",
    # an address on the IP allow list keeps mail out of junk although a rule sets its SCL (open;
    # Cloudflare's steps use both)
    "allow_list_beats_rules": False,
    # verdict of Microsoft's own filters by message id: spam, high_confidence_spam, phish,
    # high_confidence_phish, malware, bulk
    "verdicts": {},
    # --- objects ---
    # New-InboundConnector without ConnectorType, RequireTls ([EXO-5])
    "default_connector_type": "OnPremises",
    "default_require_tls": True,
    # New-InboundConnector succeeds with a warning, and its object is off and stays off (Microsoft's
    # page "Set up connectors", FAQ: "created in a disabled state. Contact Support")
    "new_connectors_disabled": False,
    # {"Set-HostedContentFilterPolicy": ["BulkQuarantineTag"]}: parameters that are passed over with
    # a warning, as where a licence lacks them (the wording is ours)
    "ignored_parameters": {},
    # false: an E5 developer tenant ([EXO-1.8])
    "inbound_connectors_allowed": True,
    # --- organization ([EXO-2.7]) ---
    # from Enable-OrganizationCustomization until IsDehydrated reads false
    "hydration_minutes": 60,
    # from then until the cmdlets stop being refused
    "hydration_lag_minutes": 0,
    # Enable-OrganizationCustomization throws and yet succeeds
    "enable_throws": False,
    # what a dehydrated organization refuses
    "dehydrated_cmdlets": ["Set-HostedConnectionFilterPolicy"],
    # --- mail (lab/mail) ---
    # from a change of connectors or of the connection filter to its effect on mail; nobody has a
    # figure, the field says minutes to an hour ([EXO-5]; [CUT-4.1])
    "connector_delay_minutes": 5,
    # the same for transport rules, "up to about 30 min" ([EXO-2.5])
    "rule_delay_minutes": 0,
    # what that delay holds: "all" changes alike, of rules that are new only ("new_last"), or all
    # but removals ("removed_first")
    "rules_act": "all",
    # 5.7.51 and 5.7.68 come at "rcpt" or at "data" ([CUT-2.3])
    "edge_refuses_at": "rcpt",
    # an address list of a Partner connector that does not restrict: "matches" (it selects, as in
    # the portal) or "restricts_only" (it counts for nothing, and the connector is found by sender
    # domain) ([EXO-2.3], SenderIPAddresses, disputed)
    "partner_ip_list": "matches",
    # which of two connectors that fit equally well is taken: "oldest" or "newest"
    # ([CUT-7.1], not documented)
    "equal_connectors": "oldest",
    # the header that Area 1 writes: "current", "legacy" or "both" ([CF-5])
    "disposition_header": "current",
    # whether a clean message gets one too ([CF-5], open)
    "stamp_clean": False,
    # whether Area 1 takes mail for a domain that is not verified yet ([CF-10.2], open)
    "area1_takes_unverified": False,
    # message trace: minutes until a row shows, and whether FromIP is the "connecting" address or
    # the "source" that enhanced filtering found (open)
    "trace_lag_minutes": 0,
    "trace_from_ip": "connecting",
    # whether a page that is asked for with StartingRecipientAddress begins with the last row of the
    # one before (open)
    "trace_pages_overlap": False,
    # SenderAddress and RecipientAddress take *; the page of Get-MessageTraceV2 says "Accept
    # wildcard characters: False"
    "trace_wildcards": False,
    # --- the Windows management host (lab/psrp) ---
    # Windows PowerShell 5.1 writes some lists as {"value": [...], "Count": n} (open): true, false
    # or "rotate"
    "psrp_wrapped_lists": "rotate",
    # objects whose type chain has Exchange's types alone: pypsrp leaves them as XML text [PSRP-3]
    "psrp_own_types_only": False,
    # the app whose rights the host's managed identity has; empty: it has no identity
    "psrp_managed_identity": "",
}

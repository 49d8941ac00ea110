# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The fields of an Email Security domain that this collection manages: a table, not code."""

from __future__ import annotations

from .._engine.plan import Property
from .._engine.values import BOOL, HOST, INT, IPS, WORDS

# Option of the module, field of the API, meaning. "Configured as: MX Records" is the first two
# together.
PROPERTIES = (
    Property("delivery_modes", "allowed_delivery_modes", WORDS),
    Property("lookback_hops", "lookback_hops", INT),
    Property("forward_to", "transport", HOST),
    Property("require_tls_outbound", "require_tls_outbound", BOOL),
    Property("ip_restrictions", "ip_restrictions", IPS),
    Property("regions", "regions", WORDS),
    Property("drop_dispositions", "drop_dispositions", WORDS),
)

MX_MODE = "DIRECT"
#: Fields that the service's answer may leave out.
MAY_BE_UNTOLD = ("lookback_hops", "require_tls_outbound")

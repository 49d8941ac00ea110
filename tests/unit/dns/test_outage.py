# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that is down is not waited for once per domain."""

from __future__ import annotations

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.outage import Outage


def test_the_first_call_tries_and_the_others_ask_once_until_one_is_answered() -> None:
    outage = Outage(5)
    assert outage.tries == 5
    outage.note(answered=False)
    assert outage.tries == 1
    outage.note(answered=True)
    assert outage.tries == 5

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail that flows while playbooks run, and what has to be true of it.

The pace is one of real time, the deadlines are of the lab's clock. `Lab.advance` moves the clock
only when no mail is under way, so no result depends on how fast the machine is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from lab.mail.state import ATTACKERS
from tests.playbook.harness import Deployment

# the message trace shows the attackers' mail until the lock-down: a person has looked at these
# addresses, and at no others
LOOKED_AT = ["direct_senders:%s" % address for address in ATTACKERS.values()]
ENOUGH = 2000
SENDERS = 30


@contextlib.contextmanager
def flowing(
    deployment: Deployment, rate: int = 15, attack_rate: float = 0.5, domains: Sequence[str] = ()
) -> Iterator[None]:
    """Send mail at a steady pace between and during runs.

    Caches fill before the first change, and at every moment after it. ``domains``: none is all.
    """
    deployment.lab.traffic(senders=SENDERS, mails=300, domains=list(domains))
    deployment.lab.traffic(start=True, rate=rate, attack_rate=attack_rate, domains=list(domains))
    try:
        yield
    finally:
        deployment.lab.traffic(stop=True)


def assert_nothing_lost(deployment: Deployment, at_least: int = ENOUGH) -> dict[str, Any]:
    """Check that no legitimate mail was refused, given back or left behind; return the tally."""
    lab = deployment.lab
    lab.traffic(senders=SENDERS, mails=max(0, at_least - lab.traffic()["sent"]))
    left = lab.settle()
    tally = lab.traffic()
    assert tally["sent"] >= at_least, tally
    assert tally["lost"] == 0 and lab.messages("bounces") == [], tally
    assert left["waiting"] == 0 and tally["waiting"] == tally["in_custody"] == 0, (left, tally)
    assert tally["delivered"] == tally["sent"], tally
    return tally


def assert_closed(deployment: Deployment, attacks: int = 60) -> None:
    """Check that every direct delivery, past Area 1, is refused as by a lock-down."""
    tally = deployment.lab.traffic(attacks=attacks)
    assert tally["refused_direct"] == attacks and tally["accepted_direct"] == 0, tally
    assert all("5.7.51" in reason for reason in tally["refusals"]), tally

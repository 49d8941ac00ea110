# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail that stands in every message trace, and mail that nobody asked for (lab/scenery)."""

from __future__ import annotations

import random
from typing import Any

from lab.worlds.builder import DOMAINS, Builder

_PEOPLE = 40


def _stream(
    builder: Builder, kind: str, chance: random.Random, per_day: float, **more: Any
) -> None:
    """Add a stream of rows to the covered domains' people."""
    builder.world["mail"].setdefault("scenery", []).append(
        {
            "kind": kind,
            "seed": chance.randrange(1 << 30),
            "per_day": per_day,
            "people": _PEOPLE,
            "domains": list(DOMAINS),
            **more,
        }
    )


def internal_mail(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add mail from mailbox to mailbox: FromIP is 255.255.255.255 or of the service."""
    _stream(builder, "internal", chance, chance.randrange(100, 300))


def reports(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add delivery reports with an empty sender, automatic replies, journal reports."""
    _stream(builder, "reports", chance, chance.randrange(10, 40))


def submissions(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add the users' own submissions by SMTP AUTH: FromIP is where the user is."""
    _stream(builder, "submissions", chance, chance.randrange(20, 80))


def outgoing_mail(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add mail to the outside, which stands in the trace, too."""
    _stream(builder, "outgoing", chance, chance.randrange(50, 150))


def strangers(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add spam to the host that every tenant has, each day, from hundreds of addresses."""
    _stream(
        builder, "strangers", chance, chance.randrange(20, 60), addresses=chance.randrange(150, 400)
    )


def mail_by_mx(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add the world's mail to the covered domains, by the MX of its time.

    Caches included: for a while after a switch some still comes the old way.
    """
    _stream(builder, "by_mx", chance, chance.randrange(100, 250))


def odd_rows(builder: Builder, chance: random.Random, argument: str) -> None:
    """Add rows of which one value is odd: FromIP, a recipient, a sender, a date."""
    _stream(builder, "odd", chance, chance.randrange(10, 30))


def mailboxes(builder: Builder, chance: random.Random, argument: str) -> None:
    """Make it a tenant of 5,000 mailboxes, or as many as the argument says.

    Each has 100 rows of the trace a day.
    """
    count = int(argument or 5000)
    common = {"people": count, "slot": 60}
    _stream(builder, "internal", chance, count * 55, **common)
    _stream(builder, "outgoing", chance, count * 20, **common)
    _stream(builder, "by_mx", chance, count * 25, **common)

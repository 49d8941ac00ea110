# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Times as the services write them, read and written in one way: UTC."""

from __future__ import annotations

import datetime
import re
import typing as t

UTC = datetime.timezone.utc


def parse_time(value: t.Any) -> datetime.datetime | None:
    """Return the UTC time that a text in ISO 8601 names; None when it is none.

    The services write seven digits of a fraction, and Z, an offset or nothing, which means UTC.
    """
    text = re.sub(r"(\.\d{6})\d+", r"\1", str(value or "").strip()).replace("Z", "+00:00")
    # Python 3.10 takes three or six digits of a fraction only.
    text = re.sub(r"\.(\d{1,5})(?=$|[+-])", lambda match: "." + match[1].ljust(6, "0"), text)
    try:
        moment = datetime.datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # an offset may lead out of the calendar
        return None


def iso(moment: datetime.datetime) -> str:
    """Return a time in ISO 8601, UTC, to the second: 2026-11-23T20:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

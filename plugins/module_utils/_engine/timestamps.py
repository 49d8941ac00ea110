# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Times as the services write them, read and written in one way: UTC. Pure."""

from __future__ import annotations

import datetime
import re
import typing as t

UTC = datetime.timezone.utc


def parse_time(value: t.Any) -> datetime.datetime | None:
    """ISO 8601 as the services write it (seven fraction digits, Z or offset or none, which is UTC).

    None when it is none.
    """
    text = re.sub(r"(\.\d{6})\d+", r"\1", str(value or "").strip()).replace("Z", "+00:00")
    # Python 3.10 takes three or six digits of a fraction only.
    text = re.sub(r"\.(\d{1,5})(?=$|[+-])", lambda match: "." + match[1].ljust(6, "0"), text)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def iso(moment: datetime.datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

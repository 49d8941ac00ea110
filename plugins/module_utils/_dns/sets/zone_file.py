# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Record sets as lines of a zone file, for people."""

from __future__ import annotations

from .rrset import RecordSet, txt_strings


def zone_lines(record_set: RecordSet) -> list[str]:
    """Return one line for each value of a set, with full names and final dots."""
    ttl = "%d " % record_set.ttl if record_set.ttl is not None else ""
    lines = []
    for value in record_set.values:
        if record_set.type == "MX":
            priority, host = value.split(" ", 1)
            value = "%s %s." % (priority, host.rstrip("."))
        else:
            value = txt_strings(value)
        lines.append("%s. %sIN %s %s" % (record_set.name, ttl, record_set.type, value))
    return lines

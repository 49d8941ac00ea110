# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bare DNS client for the lab's resolvers."""

from __future__ import annotations

from typing import Any

import dns.message
import dns.query
import dns.rcode

from lab.client import Lab


def ask(lab: Lab, name: str, kind: str, resolver: int = 0, ttl: bool = False) -> Any:
    """Return the records of one kind as sorted text, or the rcode's name where it is an error.

    With ``ttl`` the lowest TTL stands before them.
    """
    address, _colon, port = lab.extra_vars["area1_dns_resolvers"][resolver].rpartition(":")
    query = dns.message.make_query(name, kind)
    answer = dns.query.tcp(query, address, port=int(port), timeout=20)
    if answer.rcode():
        return dns.rcode.to_text(answer.rcode())
    found = [each for each in answer.answer if each.rdtype == query.question[0].rdtype]
    texts = sorted(item.to_text() for each in found for item in each)
    return [min(each.ttl for each in found), *texts] if ttl else texts

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's request log, call by call, without what differs from lab to lab."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

SERVICES = ("cloudflare", "doh", "entra", "exchange", "graph")
_IDENTIFIER = re.compile(r"\b([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
# Area 1's id of a message: its first part, the date, and a number
_MESSAGE = re.compile(r"(?<=/investigate/)[^/]+")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.example")


def requests(log: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count the calls of each kind: service, method, and the cmdlet or the path without names."""
    found = Counter(call(entry) for entry in log if entry["service"] in SERVICES)
    return dict(sorted(found.items()))


def call(entry: Mapping[str, Any]) -> str:
    """Return what a request asks for, without the names and ids in it."""
    path = _MESSAGE.sub("{message}", str(entry["path"]))
    what = entry.get("cmdlet") or _DOMAIN.sub("{domain}", plain(path))
    return "%s %s %s" % (entry["service"], entry["method"], what)


def plain(text: str) -> str:
    """Return a text without the ids that a server makes."""
    return _IDENTIFIER.sub("{id}", text)


def writes(log: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Return each write to a tenant, zone or account, in order: its call, and what it carried."""
    return [
        [call(entry), json.loads(plain(json.dumps(_content(entry))))]
        for entry in log
        if entry.get("write") and entry["service"] in SERVICES and entry["service"] != "entra"
    ]


def _content(entry: Mapping[str, Any]) -> Any:
    return entry["parameters"] if entry.get("cmdlet") else json.loads(entry["body"] or "null")

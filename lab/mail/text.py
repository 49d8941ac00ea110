# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Header fields of a message: read, put in front, taken out. Bodies are not looked into."""

from __future__ import annotations

import re

Headers = list[tuple[str, str]]
_RECEIVED_FROM = re.compile(r"^from\s+\S+\s+\([^)]*\[(?P<address>[0-9.]+)\]\)", re.IGNORECASE)


def split(data: bytes) -> tuple[Headers, bytes]:
    """Return the header fields, unfolded, and the body."""
    if b"\r\n" not in data:
        data = data.replace(b"\n", b"\r\n")
    head, _, body = data.partition(b"\r\n\r\n")
    fields: Headers = []
    for line in head.decode("utf-8", "replace").split("\r\n"):
        if line[:1] in (" ", "\t") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + " " + line.strip())
            continue
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name.strip(), value.strip()))
    return fields, body


def join(headers: Headers, body: bytes) -> bytes:
    head = "".join("%s: %s\r\n" % field for field in headers)
    return head.encode("utf-8", "replace") + b"\r\n" + body


def first(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name.lower()), "")


def hops(headers: Headers) -> list[str]:
    """Return the addresses that Received fields name, the last hop first."""
    found = []
    for key, value in headers:
        if key.lower() == "received":
            match = _RECEIVED_FROM.match(value)
            if match:
                found.append(match["address"])
    return found


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].strip("<> ").lower().rstrip(".")

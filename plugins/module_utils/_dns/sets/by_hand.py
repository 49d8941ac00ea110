# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a person has to enter at a DNS provider, in plain words."""

from __future__ import annotations

import typing as t

from ..._facts.dns_hosts import dns_hosts
from .rrset import RecordSet, mx_record


def instructions(
    zone: str, servers: t.Iterable[str], before: RecordSet | None, wanted: RecordSet
) -> tuple[str, ...]:
    """Return the steps from one set to the other, in an order in which it is never empty.

    ``zone`` and ``servers`` are those of the delegation. Nothing is asked for that is there.
    """
    present = before.values if before else ()
    host = relative(wanted.name, zone)
    steps = [_where(zone, servers)]
    for value in wanted.values:
        if value not in present:
            steps.append(f"Add {_record(wanted, value)}: name {host}, {_content(wanted, value)}.")
    for value in present:
        if value not in wanted.values:
            steps.append(f"Then delete {_record(wanted, value)} {value} of {wanted.name}.")
    kept = [value for value in wanted.values if value in present]
    if kept and before is not None and before.ttl != wanted.ttl and wanted.ttl is not None:
        steps.append(
            f"Set the TTL of the {wanted.type} records of {wanted.name} to {wanted.ttl} seconds."
        )
    return tuple(steps)


def relative(name: str, zone: str) -> str:
    """Return a name as consoles want it: without the zone, or an at sign for the zone itself."""
    if name == zone:
        return "@ (or left empty)"
    return name.removesuffix(f".{zone}")


def _where(zone: str, servers: t.Iterable[str]) -> str:
    found = dns_hosts(servers)
    shown = ", ".join(server for server, _host in found)
    hosts = {host for _server, host in found}
    (host,) = hosts if len(hosts) == 1 else (None,)
    if host is None:
        return f"Open the DNS records of {zone} where its name servers are run ({shown})."
    doubt = "may be called otherwise by now" if host.certain else "not verified with the provider"
    return f"Open the DNS records of {zone} at {host.title} ({shown}): {host.console} ({doubt})."


def _record(wanted: RecordSet, value: str) -> str:
    article = "an" if wanted.type == "MX" else "a"
    return (
        f"{article} {wanted.type} record" if value in wanted.values else f"the {wanted.type} record"
    )


def _content(wanted: RecordSet, value: str) -> str:
    ttl = f", TTL {wanted.ttl} seconds" if wanted.ttl is not None else ""
    if wanted.type != "MX":
        return f"text {value}{ttl}"
    record = mx_record(value)
    return f"priority {record['priority']}, mail server {record['host']}{ttl}"

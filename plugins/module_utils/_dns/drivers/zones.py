# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Which of several zones of one provider holds a name."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.errors import InputError, MailflowError
from ..sets.rrset import ancestors
from .contract import Surroundings


@dataclasses.dataclass(frozen=True)
class ZoneCandidate:
    """One zone at a provider that could hold a name.

    ``name`` is canonical. ``label`` tells people which one it is ("zone Z2ABC", "northwind.example
    in the resource group dns"). ``name_servers`` are canonical, empty where the provider does not
    tell. ``obstacle`` says why the public DNS does not see this zone ("it is private", "it is
    pending"); it is empty for an active, public zone. ``raw`` is the driver's own.
    """

    name: str
    label: str
    name_servers: tuple[str, ...] = ()
    obstacle: str = ""
    raw: t.Any = dataclasses.field(default=None, compare=False, repr=False)


def choose_zone(
    name: str,
    candidates: t.Iterable[ZoneCandidate],
    surroundings: Surroundings | None,
    provider: str,
) -> ZoneCandidate:
    """Return the zone that holds a name: active, public and, where several are, the delegated one.

    ``candidates`` are all zones of these credentials; those that do not hold the name are ignored.
    The delegation is looked up only where more than one zone is left. Raise InputError where no
    zone holds the name, where none of them can serve it, or where the delegation does not decide;
    the message names all of them.
    """
    above = set(ancestors(name))
    holding = sorted(
        (zone for zone in candidates if zone.name in above),
        key=lambda zone: (-zone.name.count("."), zone.label),
    )
    if not holding:
        raise InputError(
            f"{name}: the credentials for {provider} show no zone that holds this name.",
            "Give credentials that may see the zone, or choose the dns_provider that serves the"
            " domain.",
        )
    usable = [zone for zone in holding if not zone.obstacle]
    if not usable:
        shown = "; ".join(f"{zone.label}: {zone.obstacle}" for zone in holding)
        raise InputError(
            f"{name}: no zone at {provider} that holds this name is what the public DNS sees"
            f" ({shown}).",
            "Choose the dns_provider that serves this domain.",
        )
    if len(usable) == 1:
        return usable[0]
    return _delegated(name, usable, surroundings, provider)


def _delegated(
    name: str, usable: t.Sequence[ZoneCandidate], surroundings: Surroundings | None, provider: str
) -> ZoneCandidate:
    shown = "; ".join(
        f"{zone.label} at {', '.join(zone.name_servers) or 'unknown name servers'}"
        for zone in usable
    )
    if surroundings is None:
        raise InputError(f"{name}: several zones at {provider} hold this name ({shown}).")
    try:
        delegation = surroundings.public_dns.delegation(name)
    except MailflowError as exc:
        raise InputError(
            f"{name}: several zones at {provider} hold this name ({shown}), and its delegation"
            f" could not be read: {exc.message}",
            "Name the zone, or run again when the resolvers answer.",
        ) from exc
    servers = {server.name for server in delegation.servers}
    chosen = [
        zone
        for zone in usable
        if zone.name == delegation.zone and servers.intersection(zone.name_servers)
    ]
    if len(chosen) == 1:
        return chosen[0]
    raise InputError(
        f"{name}: several zones at {provider} hold this name ({shown}), and the delegation of"
        f" {delegation.zone} to {', '.join(sorted(servers))} does not decide between them.",
        "Remove the zone that is not used, or name the one to change.",
    )

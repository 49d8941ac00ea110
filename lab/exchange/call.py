# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of a cmdlet: the state that it sees, and what it leaves in the answer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab.exchange.nouns import Noun
from lab.server import Hub
from lab.tokens import Identity

_KEPT_VERSIONS = 200


@dataclass
class Call:
    hub: Hub
    cmdlet: str
    parameters: dict[str, Any]
    identity: Identity
    # a fault "stale": this read shows the state before the last write
    stale: bool = False
    warnings: list[str] = field(default_factory=list)
    confirmation: str | None = None

    @property
    def tenant(self) -> dict[str, Any]:
        tenant: dict[str, Any] = self.hub.world["tenant"]
        return tenant

    @property
    def settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.hub.world["settings"]
        return settings

    @property
    def now(self) -> datetime:
        return self.hub.clock.now()

    @property
    def organization(self) -> str:
        return str(self.hub.world["entra"]["initial_domain"])

    def read(self, noun: Noun) -> list[dict[str, Any]]:
        """Return what a Get sees, which may lag behind writes [EXO-1.5]."""
        return _listed(self._version(noun.collection), noun)

    def read_one(self, collection: str) -> dict[str, Any]:
        found: dict[str, Any] = self._version(collection)
        return found

    def live(self, noun: Noun) -> list[dict[str, Any]]:
        """Return what a write works on: the state itself."""
        return _listed(self.tenant[noun.collection], noun)

    def keep(self, collection: str) -> None:
        """Remember how this part of the state is, before it is changed."""
        versions: list[tuple[float, str, Any]] = self.hub.world.setdefault("_versions", [])
        versions.append((self.hub.clock.time(), collection, copy.deepcopy(self.tenant[collection])))
        del versions[:-_KEPT_VERSIONS]

    def _version(self, collection: str) -> Any:
        versions = [
            entry for entry in self.hub.world.get("_versions", []) if entry[1] == collection
        ]
        if self.stale and versions:
            return versions[-1][2]
        shown_at = self.hub.clock.time() - float(self.settings.get("read_lag_seconds", 0))
        # the state before the first change that is younger than the lag
        return next(
            (before for changed_at, _, before in versions if changed_at > shown_at),
            self.tenant[collection],
        )


def _listed(value: Any, noun: Noun) -> list[dict[str, Any]]:
    return [value] if noun.single else value

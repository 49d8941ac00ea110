# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the places have in common whose provider is a double in the lab."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from lab.client import Lab
from tests.module.dns_contract.place import APEX, IDN, Place


class LabPlace(Place):
    """A provider whose state is ``world[state_key]`` and whose log entries name ``service``."""

    state_key: ClassVar[str]
    service: ClassVar[str]
    #: Troubles that are one fault of the lab.
    faults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._lab: Lab | None = None
        self._mark = 0
        self.changed: dict[str, Any] = {}

    @property
    def lab(self) -> Lab:
        assert self._lab is not None
        return self._lab

    @contextlib.contextmanager
    def open(self) -> Iterator[Place]:
        with (
            tempfile.TemporaryDirectory(prefix="area1-lab-") as folder,
            Lab.start(world="fresh", directory=Path(folder), max_seconds=900) as lab,
        ):
            self._lab = lab
            yield self

    def reset(self) -> None:
        self.lab.reset("fresh")
        self.lab.faults([])
        self.slept.clear()
        self.changed = {}
        self.public.delegations.clear()
        for name in (APEX, IDN):
            self.public.delegate(name, *self.servers)
        self.empty_zones()
        self._mark = self.lab.mark()

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the name servers of the two zones."""
        raise NotImplementedError

    def empty_zones(self) -> None:
        """Make the zones APEX and IDN, and nothing else."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        account = self.lab.info["dns_accounts"][self.provider]
        named = {f"dns_{self.provider}_{key}": value for key, value in account.items()}
        return {**named, "ca_path": self.lab.ca_path, **self.changed}

    def writes(self) -> int:
        return len([one for one in self.lab.writes(self._mark) if one["service"] == self.service])

    def calls(self) -> list[str]:
        return [str(one["method"]) for one in self.lab.requests(self.service, self._mark)]

    def make(self, trouble: str, name: str = APEX) -> None:
        if trouble in self.faults:
            self.lab.faults([{"service": self.service, **self.faults[trouble]}])
        else:
            getattr(self, f"make_{trouble}")(name)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.lab.state()[self.state_key]
        return found

    def mutate(self, *path: Any, **order: Any) -> None:
        self.lab.mutate([self.state_key, *path], **order)

    def setting(self, name: str, value: Any) -> None:
        self.mutate("settings", name, value=value)

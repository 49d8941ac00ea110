# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of Exchange Online of which the service does not take everything that it accepts."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import NotVerified
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects.store import (
    ObjectSteps,
    Store,
    drive,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.exchange_objects import (
    CONNECTOR,
    CONTENT_FILTER,
)

WARNING = "The connector was created in a disabled state. Contact Support to enable it."
NOW = datetime.datetime(2026, 11, 23, 20, tzinfo=datetime.timezone.utc)


class Service:
    """Takes every cmdlet with success and a warning; some properties stay as they are."""

    def __init__(self, records: list[dict[str, Any]], stays: Mapping[str, Any], warns: str) -> None:
        self.records = records
        self.stays = stays
        self.warns = warns
        self.writes: list[str] = []

    def invoke(self, cmdlet: str, parameters: Mapping[str, Any]) -> Any:
        if cmdlet.startswith("Get-"):
            return SimpleNamespace(
                values=[dict(record) for record in self.records], warnings=[], date=NOW
            )
        self.writes.append(cmdlet)
        given = {name: value for name, value in parameters.items() if name != "Identity"}
        if cmdlet.startswith("New-"):
            self.records.append({**given, **self.stays, "Identity": given["Name"]})
        else:
            (record,) = [
                record for record in self.records if record["Name"] == parameters["Identity"]
            ]
            record.update({**given, **self.stays})
        return SimpleNamespace(values=[], warnings=[self.warns] if self.warns else [], date=NOW)


def test_a_connector_that_is_created_switched_off_is_told_with_all_that_is_known(
    tmp_path: Path,
) -> None:
    slept: list[float] = []
    service: Any = Service([], {"Enabled": False}, WARNING)
    store = Store(service, Observation(str(tmp_path / "run" / "o.json")))
    steps = ObjectSteps(store, CONNECTOR, "Area 1", {"Enabled": True, "ConnectorType": "Partner"})
    with pytest.raises(NotVerified) as caught:
        drive(steps, Context(sleep=slept.append), "enhanced_filtering")
    said = str(caught.value)
    for part in ("Area 1", "Enabled is False, wanted True", WARNING):
        assert part in said, said
    assert service.writes == ["New-InboundConnector"] and sum(slept) < 30


def test_a_refused_property_is_waited_for_once_and_not_for_each_policy(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "o.json")
    policies = [
        {"Name": name, "Identity": name, "SpamQuarantineTag": "AdminOnlyAccessPolicy"}
        for name in ("Default", "Other")
    ]
    service: Any = Service(policies, {"SpamQuarantineTag": "AdminOnlyAccessPolicy"}, "")
    waited = []
    for name in ("Default", "Other"):
        slept: list[float] = []
        steps = ObjectSteps(
            Store(service, Observation(path)), CONTENT_FILTER, name, {"SpamQuarantineTag": "Own"}
        )
        with pytest.raises(NotVerified, match="SpamQuarantineTag is AdminOnlyAccessPolicy, wanted"):
            drive(steps, Context(sleep=slept.append), "message_handling")
        waited.append(sum(slept))
    assert waited[0] >= 120 and waited[1] < 40

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots: one for each run that found something new, whole or not at all, and what is read from
them later.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots import (
    history as snapshots,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots.baseline import (
    THROW_AWAY,
    compose,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots.differences import (
    differences,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from tests.unit.cutover.past_worlds import after, before
from tests.unit.cutover.snapshots.test_store import Run
from tests.unit.cutover.worlds import CONNECTOR, LOCKDOWN, NOW, ONE, TWO, ago, stamped, wanted


@pytest.fixture(autouse=True)
def durable_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in THROW_AWAY:
        monkeypatch.delenv(variable, raising=False)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("snapshot-*.json"))


def test_a_run_that_finds_the_same_keeps_nothing(tmp_path: Path) -> None:
    first = Run(tmp_path, **before()).take()
    path = Path(first["snapshot"])
    assert (
        path.name == "snapshot-20261123T200000Z.json" and stat.S_IMODE(path.stat().st_mode) == 0o600
    )
    again = before()
    again["service_date"] = "2026-11-24T20:00:00Z"
    again["dns"][ONE]["resolvers"][0]["ttl"] = 7
    again["dns"][ONE]["name_servers"].reverse()
    again["accepted_domains"].reverse()
    assert Run(tmp_path, **again).take()["snapshot"] == "" and names(tmp_path / "state") == [
        path.name
    ]
    again["connection_filter"][0]["IPAllowList"] = ["192.0.2.2"]
    assert Run(tmp_path, **again).take()["snapshot"].endswith("snapshot-20261124T200000Z.json")
    assert len(names(tmp_path / "state")) == 2


def test_null_and_empty_are_not_the_same(tmp_path: Path) -> None:
    given = before()
    given["organization"] = [{"IsDehydrated": False, "RejectDirectSend": None}]
    path = Run(tmp_path, **given).take()["snapshot"]
    assert json.loads(Path(path).read_text())["sections"]["organization"] == given["organization"]
    given["organization"] = [{"IsDehydrated": False, "RejectDirectSend": ""}]
    second = Run(tmp_path, **given).take()["snapshot"]
    assert second and second != path, "two in the same second have two names"


def test_check_mode_and_a_stopped_run_keep_none(tmp_path: Path) -> None:
    Run(tmp_path, **before()).take(check=True)
    Run(tmp_path, **after()).take()
    assert not (tmp_path / "state").exists()


def test_verify_never_takes_a_baseline_and_names_what_is_broken(tmp_path: Path) -> None:
    assert Run(tmp_path, **before()).take(state="verify")["status"] == "missing"
    assert not (tmp_path / "state").exists()
    path = Path(Run(tmp_path, **before()).take()["snapshot"])
    values = Run(tmp_path, **after()).take(state="verify")
    assert values["status"] == "found" and [item["ok"] for item in values["files"]] == [True]
    assert values["snapshot"] == "", "who only looks leaves nothing"
    written = Run(tmp_path, **after()).take(state="verify", lock=True)["snapshot"]
    assert len(names(tmp_path / "state")) == 2 and Path(written).exists()
    Path(written).unlink()
    path.write_text(path.read_text().replace("192.0.2.1", "192.0.2.9"))
    (broken,) = Run(tmp_path, **after()).take(state="verify")["files"]
    assert broken["ok"] is False and "does not match its digest" in broken["problem"]
    with pytest.raises(InputError, match="does not match its digest"):
        Run(tmp_path, **after()).take(state="compare", snapshot=path.name)


def test_what_earlier_runs_wrote_and_how_domains_were_first_seen() -> None:
    one, two = before(), after()
    del one["dns_provider"][TWO]
    older = {"egress": ["192.0.2.0/24"], "mx_records": [{"priority": 1, "host": "a.example"}]}
    bodies = [
        compose(snapshots.KIND, one, wanted=older),
        compose(snapshots.KIND, two, wanted={"egress": list(wanted().egress), "mx_records": None}),
    ]
    found = snapshots.history(bodies)
    assert found["egress"] == ["192.0.2.0/24", *wanted().egress] and found["mx_sets"] == [
        older["mx_records"]
    ]
    assert found["domains"][ONE]["dns_provider"] == one["dns_provider"][ONE]
    assert found["domains"][TWO]["dns_provider"] == two["dns_provider"][TWO], (
        "as the first run that had it saw it"
    )


def test_what_the_world_was_like_when_runs_last_looked() -> None:
    """When a domain was last at Area 1, by which TTL, and when a lock-down was last there that may
    have been on.
    """
    written = {"mx_records": after()["dns_provider"][ONE]["records"]}
    days = [
        {**after(locked=locked), "service_date": ago(days=day)}
        for day, locked in ((5, True), (4, True), (3, False))
    ]
    del days[1]["dns_provider"][ONE], days[2]["dns_provider"]
    days[1]["dns"][ONE]["ttl_max"] = 3600
    for name in (ONE, TWO):
        days[2]["dns"][name]["records"] = before()["dns"][name]["records"]
    found = snapshots.history([compose(snapshots.KIND, day, wanted=written) for day in days])
    assert found["at_area1"] == {
        ONE: {"last": ago(days=4), "ttl": 3600},
        TWO: {"last": ago(days=4), "ttl": 300},
    }
    assert found["restricting"] == {LOCKDOWN.lower(): ago(days=4)}
    staged = {
        **after(),
        "service_date": ago(days=2),
        "inbound_connectors": [stamped(wanted(), NOW, NOW)],
    }
    assert snapshots.history([compose(snapshots.KIND, staged)])["restricting"] == {
        LOCKDOWN.lower(): ago(days=2)
    }, "that run may have switched it on"


def test_compare_names_what_came_went_and_changed(tmp_path: Path) -> None:
    Run(tmp_path, **before()).take()
    found = Run(tmp_path, **after(moved=False)).take(state="compare")["differences"]
    changes = {(item["section"], item["object"]): item["change"] for item in found}
    assert (
        changes["inbound_connectors", CONNECTOR] == "came"
        and changes["connection_filter", "Default"] == "changed"
    )
    assert changes["email_security", ONE] == "came" and changes["dns_provider", ONE] == "changed"
    (ttl,) = [item for item in found if (item["section"], item["object"]) == ("dns_provider", ONE)]
    assert ttl["properties"] == {"ttl": {"before": 3600, "after": 300}}
    assert differences(before(), before()) == []


def test_two_looks_at_the_same_have_no_difference() -> None:
    later: dict[str, Any] = before()
    later["service_date"] = ago(hours=-1)
    later["connection_filter"][0]["WhenChangedUTC"] = ago()
    assert differences(before(), later) == []


def test_a_comparison_without_a_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no baseline"):
        Run(tmp_path, **before()).take(state="compare")

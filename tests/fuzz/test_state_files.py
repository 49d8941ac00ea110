# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of ours that a hand, a merge or another version has changed: used, or refused by name."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases.evaluate import (
    EVALUATORS,
    run_gate,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.report.build import (
    run_report,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots import (
    baseline,
    history,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.snapshots.store import (
    run_snapshot,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from tests.fuzz.hostile import bodies, nearly, outcome
from tests.unit.cutover.worlds import ONE, ago, sections, wanted

CHOSEN = wanted()
WORLD = sections(CHOSEN, moved=True)
EVENTS = [
    {"domain": ONE, "event": "switched", "at": ago(hours=9), "ttl": 300, "subject": "s"},
    {"domain": ONE, "event": "mta_sts_seen", "at": ago(hours=9), "ttl": None, "records": ["a"]},
]


def body(kind: str, found: Any, **more: Any) -> dict[str, Any]:
    """Return a file with a good digest, whatever its sections hold."""
    made = baseline.compose(kind, WORLD, **more)
    made["sections"] = found
    return {**made, "digest": baseline.body_digest(made)}


@given(st.data())
def test_a_baseline_and_snapshots_with_a_good_digest_and_odd_sections(data: st.DataObject) -> None:
    kept = {name: value for name, value in WORLD.items() if name in baseline.KEPT}
    before = body(baseline.KIND, data.draw(nearly(kept)))
    more = data.draw(nearly({"wanted": {"egress": CHOSEN.to_data()["egress"], "mx_records": []}}))
    snapshot = body(history.KIND, data.draw(nearly(kept)), **(more if type(more) is dict else {}))
    with tempfile.TemporaryDirectory() as place:
        state = Path(place) / "state"
        state.mkdir(mode=0o700)
        (state / "baseline.json").write_text(json.dumps(before))
        (state / "snapshot-20261123T200000Z.json").write_text(json.dumps(snapshot))
        path = str(Path(place) / "run" / "o.json")
        observe(path, WORLD)
        for task in ("baseline", "verify", "compare"):
            outcome(
                run_snapshot, {"observation_path": path, "state": task, "directory": str(state)}
            )
        for phase in EVALUATORS:
            outcome(run_gate, {"observation_path": path, "phase": phase, "fail_on_cannot": False})


@pytest.mark.parametrize("name", ["baseline.json", "timeline.json", "run.lock", "o.json"])
@given(data=st.data())
def test_state_files_of_any_content(name: str, data: st.DataObject) -> None:
    document = {
        "baseline.json": body(baseline.KIND, {"tenant": {"id": "1"}, "inbound_connectors": []}),
        "timeline.json": EVENTS,
        "run.lock": {"pid": 1, "born": "1", "host": "h", "user": "u", "at": "x", "taken": 1.5},
        "o.json": {
            "format": 1,
            "sections": {"another": {"taken": 1.0, "predicted": False, "value": {"id": "1"}}},
            "journal": [{"section": "mx", "status": "due", "message": "m", "until": ago(hours=1)}],
        },
    }[name]
    with tempfile.TemporaryDirectory() as place:
        state, run = Path(place) / "state", Path(place) / "run"
        state.mkdir(mode=0o700)
        run.mkdir(mode=0o700)
        path = str(run / "o.json")
        if name != "o.json":
            observe(path, WORLD)
        ((run if name == "o.json" else state) / name).write_bytes(data.draw(bodies(document)))
        outcome(
            run_snapshot,
            {
                "observation_path": path,
                "state": "baseline",
                "directory": str(state),
                "tenant": "x.onmicrosoft.com",
                "lock": True,
            },
        )
        outcome(run_report, {"observation_path": path, "directory": str(state)})


def observe(path: str, found: Any) -> None:
    """Leave an observation as a run has it after its preflight."""
    observation = Observation(path)
    for name, value in {**found, "settings": CHOSEN.to_data()}.items():
        observation.put(name, value)
    observation.save()

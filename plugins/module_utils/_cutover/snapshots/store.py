# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The module mail_flow_snapshot: the baseline, snapshots, and the comparison with them."""

from __future__ import annotations

import os
import typing as t

from ..._engine import timeline
from ..._engine.context import Context
from ..._engine.errors import InputError
from ..._engine.files import own_content, write_private
from ..._engine.lock import acquire
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.timeline import Event
from ..._engine.values import as_list
from ..evidence.mta_sts_history import kept
from ..model.settings import NO_SETTINGS
from ..model.world import World
from ..phases.evaluate import sections_now, settings_of
from . import history as snapshots
from .baseline import KIND, check_baseline, compose, throw_away_runner, traces
from .differences import differences
from .directory import directory_name, state_directory

BASELINE = "baseline.json"
State = dict[str, t.Any]


def run_snapshot(params: t.Mapping[str, t.Any], context: Context) -> Result:
    observation = Observation(params["observation_path"])
    directory = state_directory(params.get("directory"), _tenant_name(params, observation))
    if params.get("lock") and not context.check_mode:
        acquire(
            directory, os.path.dirname(os.path.abspath(params["observation_path"])), context.now()
        )
    return STATES[params["state"]](params, context, observation, directory)


def _take(
    params: t.Mapping[str, t.Any], context: Context, observation: Observation, directory: str
) -> Result:
    """Find the baseline or take it; and keep what is there now, before this run writes."""
    baseline, state = _find(params, observation, directory)
    if baseline is None:
        state.update(_may_take(params, observation, directory))
        if state["status"] == "taken":
            baseline = compose(KIND, observation.sections())
            state["message"] = "baseline taken %s" % baseline["taken"]
    snapshot = ""
    if baseline is not None and not context.check_mode:
        path = os.path.join(directory, BASELINE)
        if not os.path.exists(path):
            write_private(path, baseline)
        snapshot = snapshots.record(
            directory, observation.sections(), observation.any_age("settings")
        )
    return _hand_on(observation, directory, baseline, {**state, "snapshot": snapshot})


def _verify(
    params: t.Mapping[str, t.Any], context: Context, observation: Observation, directory: str
) -> Result:
    """Find the baseline, never take one; and say of each file whether it is whole.

    For those who want to go back, or only look.
    """
    baseline, state = _find(params, observation, directory)
    kept, files = snapshots.load_all(directory)
    for entry in files:
        if not entry["ok"]:
            context.warn_once(entry["problem"])
    if baseline is None:
        state["status"] = "missing"
    elif not context.check_mode and not os.path.exists(os.path.join(directory, BASELINE)):
        write_private(os.path.join(directory, BASELINE), baseline)
    observation.put("history", snapshots.history(kept))
    snapshot = ""
    if baseline is not None and params.get("lock") and not context.check_mode:
        # Who holds the lock is about to write: a way back leaves its own trace too.
        snapshot = snapshots.record(
            directory, observation.sections(), observation.any_age("settings")
        )
    return _hand_on(
        observation, directory, baseline, {**state, "snapshot": snapshot, "files": files}
    )


def _compare(
    params: t.Mapping[str, t.Any], context: Context, observation: Observation, directory: str
) -> Result:
    """Return what differs now from the baseline, or from a snapshot."""
    if params.get("snapshot"):
        body = snapshots.load(os.path.join(directory, params["snapshot"]))
        _same_tenant(body, observation, params["snapshot"])
    else:
        found, _state = _find(params, observation, directory)
        # In check mode the baseline of this run lies nowhere but in its observation.
        found = found or observation.any_age("baseline")
        if found is None:
            raise InputError(
                "There is no baseline in %s to compare with." % directory,
                "Give area1_snapshot_dir or area1_baseline.",
            )
        body = found
    found_differences = differences(body["sections"], observation.sections())
    return Result(
        False,
        (),
        {
            "status": "compared",
            "directory": directory,
            "differences": found_differences,
            "taken": body["taken"],
            "digest": body["digest"],
        },
    )


def _find(
    params: t.Mapping[str, t.Any], observation: Observation, directory: str
) -> tuple[dict[str, t.Any] | None, State]:
    path = os.path.join(directory, BASELINE)
    baseline, status, message = _load(path), "found", "baseline of %s"
    if baseline is None and params.get("baseline"):
        baseline = check_baseline(params["baseline"], "area1_baseline")
        status, message = "given", "baseline of %s, as given in area1_baseline"
    state: State = {"status": status, "directory": directory}
    if baseline is not None:
        _same_tenant(baseline, observation, path)
        state["message"] = message % baseline["taken"]
    return baseline, state


def _hand_on(
    observation: Observation, directory: str, baseline: dict[str, t.Any] | None, state: State
) -> Result:
    if baseline is not None:
        observation.put("baseline", baseline)
    observation.put(timeline.SECTION, timeline.load(directory))
    observation.put(
        "baseline_state",
        {key: value for key, value in state.items() if key not in ("snapshot", "files")},
    )
    observation.save()
    values: State = {
        "status": state["status"],
        "directory": directory,
        "path": os.path.join(directory, BASELINE),
        "digest": (baseline or {}).get("digest", ""),
        "traces": state.get("traces", []),
        **{key: state[key] for key in ("snapshot", "files") if key in state},
    }
    return Result(False, (), {**values, "baseline": baseline})


def _same_tenant(baseline: dict[str, t.Any], observation: Observation, path: str) -> None:
    kept, here = (
        (baseline["sections"].get("tenant") or {}).get("id"),
        (observation.any_age("tenant") or {}).get("id"),
    )
    if kept and here and str(kept).lower() != str(here).lower():
        raise InputError(
            "The baseline at hand (%s) is of another tenant (%s)."
            % (path, baseline["sections"]["tenant"].get("initial_domain") or kept),
            "Give each tenant a directory (area1_snapshot_dir) and a baseline (area1_baseline) of"
            " its own.",
        )


def _may_take(params: t.Mapping[str, t.Any], observation: Observation, directory: str) -> State:
    acknowledged = set(as_list(params.get("acknowledge")))
    found = traces(World(sections_now(observation), settings_of(observation) or NO_SETTINGS))
    if found and "baseline" not in acknowledged:
        return {"status": "lost", "directory": directory, "traces": found}
    runner = throw_away_runner(os.environ)
    if runner and not params.get("durable") and "durable_snapshots" not in acknowledged:
        return {"status": "throw_away", "directory": directory, "runner": runner}
    return {"status": "taken", "directory": directory, "traces": found}


def _tenant_name(params: t.Mapping[str, t.Any], observation: Observation) -> str:
    known = observation.any_age("tenant") or {}
    return directory_name(known.get("initial_domain") or params.get("tenant") or known.get("id"))


def _load(path: str) -> dict[str, t.Any] | None:
    text = own_content(path)
    return None if text is None else check_baseline(text, path)


def _record_event(
    params: t.Mapping[str, t.Any], context: Context, observation: Observation, directory: str
) -> Result:
    """Note when something happened to a domain; the time is the service's."""
    kind, seen = params["event"], observation.any_age("mta_sts") or {}
    events = [
        Event.from_data(
            {
                "event": kind,
                "domain": name,
                "subject": params.get("subject"),
                **(kept(seen.get(name) or {}) if kind == timeline.MTA_STS_SEEN else {}),
            }
        )
        for name in as_list(params.get("domains"))
    ]
    timeline.note(observation, directory, events, context.check_mode)
    observation.save()
    return Result(False, (), {"status": "recorded", "directory": directory})


STATES: dict[str, t.Callable[[t.Mapping[str, t.Any], Context, Observation, str], Result]] = {
    "baseline": _take,
    "verify": _verify,
    "compare": _compare,
    "event": _record_event,
}

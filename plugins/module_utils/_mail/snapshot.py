# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The baseline: what the tenant, its domains and their records were before the first write. Taken once, never overwritten."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import stat
import tempfile
import typing as t

from .._engine.context import Context
from .._engine.errors import InputError
from .._engine.module import Result
from .._engine.observation import Observation
from .._engine.values import as_list
from .gating import sections_now
from .spans import spans
from .world import World

BASELINE = "baseline.json"
TIMELINE = "timeline.json"
KEPT = (
    "tenant",
    "service_date",
    "organization",
    "accepted_domains",
    "connection_filter",
    "content_filter",
    "content_filter_rules",
    "inbound_connectors",
    "transport_rules",
    "forwarding_hosts",
    "email_security",
    "dns",
    "dns_provider",
)
#: Runners that are thrown away with their disk after the job; the variable is one that they are known to set.
THROW_AWAY = {
    "AWX_HOST": "AWX",
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "TF_BUILD": "Azure Pipelines",
}


def run_snapshot(params: t.Mapping[str, t.Any], context: Context) -> Result:
    observation = Observation(params["observation_path"])
    directory = state_directory(params.get("directory"), _tenant_name(params, observation))
    if params["state"] == "event":
        return _record_event(params, context, observation, directory)
    path = os.path.join(directory, BASELINE)
    baseline, status, message = _load(path), "found", "baseline of %s"
    if baseline is None and params.get("baseline"):
        baseline, status, message = (
            check_baseline(params["baseline"], "area1_baseline"),
            "given",
            "baseline of %s, as given in area1_baseline",
        )
    acknowledged = set(as_list(params.get("acknowledge")))
    state: dict[str, t.Any] = {"status": status, "directory": directory}
    if baseline is None:
        state = _may_take(params, observation, directory, acknowledged)
        if state["status"] == "taken":
            baseline, message = take(observation), "baseline taken %s"
    if baseline is not None:
        _same_tenant(baseline, observation, path)
        state["message"] = message % baseline["taken"]
        observation.put("baseline", baseline)
        if not context.check_mode and not os.path.exists(path):
            write_private(path, baseline)
    observation.put("timeline", _load_timeline(directory))
    observation.put("baseline_state", state)
    observation.save()
    values = {
        "status": state["status"],
        "directory": directory,
        "path": path,
        "digest": (baseline or {}).get("digest", ""),
        "traces": state.get("traces", []),
    }
    return Result(False, (), {**values, "baseline": baseline})


def _same_tenant(baseline: dict[str, t.Any], observation: Observation, path: str) -> None:
    kept, here = (baseline["sections"].get("tenant") or {}).get("id"), (observation.any_age("tenant") or {}).get("id")
    if kept and here and str(kept).lower() != str(here).lower():
        raise InputError(
            "The baseline at hand (%s) is of another tenant (%s)."
            % (path, baseline["sections"]["tenant"].get("initial_domain") or kept),
            "Give each tenant a directory (area1_snapshot_dir) and a baseline (area1_baseline) of its own.",
        )


def _may_take(
    params: t.Mapping[str, t.Any], observation: Observation, directory: str, acknowledged: set[str]
) -> dict[str, t.Any]:
    found = traces(World(sections_now(observation), observation.any_age("settings") or {}))
    if found and "baseline" not in acknowledged:
        return {"status": "lost", "directory": directory, "traces": found}
    runner = throw_away_runner(os.environ)
    if runner and not params.get("durable") and "durable_snapshots" not in acknowledged:
        return {"status": "throw_away", "directory": directory, "runner": runner}
    return {"status": "taken", "directory": directory, "traces": found}


def traces(world: World) -> list[str]:
    """What only an earlier deployment leaves behind."""
    found = []
    for name in (world.settings["connector_name"], world.settings["lockdown_connector_name"]):
        if world.connector(name) is not None:
            found.append("connector %s" % name)
    stamped = [
        item for item in world.section("inbound_connectors") if "[mailflow.area1:" in str(item.get("Comment") or "")
    ]
    found += ["stamp on connector %s" % item.get("Name") for item in stamped]
    if spans(world.settings["egress"]) <= spans(world.connection_filter().get("IPAllowList")):
        found.append("all egress networks in the IP allow list")
    found += ["MX records of %s" % name for name in world.covered() if world.is_switched(name)]
    return found


def throw_away_runner(environment: t.Mapping[str, str]) -> str:
    return next((label for variable, label in THROW_AWAY.items() if environment.get(variable)), "")


def take(observation: Observation) -> dict[str, t.Any]:
    sections = {name: value for name, value in observation.sections().items() if name in KEPT}
    body = {
        "format": 1,
        "kind": "mailflow.area1 baseline",
        "taken": sections.get("service_date", ""),
        "sections": sections,
    }
    return {**body, "digest": body_digest(body)}


def body_digest(body: t.Mapping[str, t.Any]) -> str:
    text = json.dumps(
        {key: value for key, value in body.items() if key != "digest"}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def check_baseline(value: t.Any, where: str) -> dict[str, t.Any]:
    """A baseline that was edited or cut is worse than none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise InputError(
                "%s is not a baseline: it is not JSON." % where, "Give it as mail_flow_snapshot returned or stored it."
            ) from None
    if (
        not isinstance(value, dict)
        or value.get("kind") != "mailflow.area1 baseline"
        or not isinstance(value.get("sections"), dict)
    ):
        raise InputError(
            "%s is not a baseline of this collection." % where, "Give it as mail_flow_snapshot returned or stored it."
        )
    if value.get("digest") != body_digest(value):
        raise InputError(
            "%s does not match its digest: it was changed or cut." % where,
            "Restore the file from a backup; it is not used as it is.",
        )
    return value


def state_directory(given: str | None, tenant: str) -> str:
    """Absolute directory of the tenant's baseline and snapshots. Relative paths count from where ansible-playbook was started."""
    if given:
        directory = os.path.abspath(os.path.expanduser(given))
    else:
        base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        directory = os.path.join(os.path.abspath(base), "mailflow.area1", tenant)
    if "ansible_collections" in directory.split(os.sep):
        raise InputError(
            "area1_snapshot_dir lies inside a collection (%s): a reinstall would delete the baseline." % directory,
            "Name a directory of your own.",
        )
    return directory


def _tenant_name(params: t.Mapping[str, t.Any], observation: Observation) -> str:
    known = observation.any_age("tenant") or {}
    name = str(known.get("initial_domain") or params.get("tenant") or known.get("id") or "").lower()
    if not name or os.sep in name or name.startswith("."):
        raise InputError("The tenant is not known.", "Give tenant, or an observation that names it.")
    return name


def _load(path: str) -> dict[str, t.Any] | None:
    try:
        with open(path, encoding="utf-8") as stream:
            return check_baseline(stream.read(), path)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise InputError(
            "The baseline %s cannot be read: %s." % (path, exc.strerror), "Give this user access to it."
        ) from exc


def _load_timeline(directory: str) -> list[dict[str, t.Any]]:
    try:
        with open(os.path.join(directory, TIMELINE), encoding="utf-8") as stream:
            return t.cast("list[dict[str, t.Any]]", json.load(stream))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as exc:
        raise InputError(
            "%s cannot be read: %s." % (os.path.join(directory, TIMELINE), exc),
            "Restore it from a backup or remove it.",
        ) from exc


def _record_event(params: t.Mapping[str, t.Any], context: Context, observation: Observation, directory: str) -> Result:
    """Keep when something happened to a domain; the time is the service's."""
    events = _load_timeline(directory)
    at = sections_now(observation).get("service_date", "")
    views = observation.any_age("dns") or {}
    new = [
        {"domain": name, "event": params["event"], "at": at, "ttl": (views.get(name) or {}).get("ttl_max")}
        for name in as_list(params.get("domains"))
    ]
    if new and not context.check_mode:
        write_private(os.path.join(directory, TIMELINE), events + new)
    observation.put("timeline", events + new)
    observation.save()
    return Result(False, (), {"status": "recorded", "directory": directory})


def write_private(path: str, value: t.Any) -> None:
    """0600 in a 0700 directory, whole or not at all."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if stat.S_IMODE(os.stat(directory).st_mode) & 0o022:
        raise InputError(
            "%s can be written by others." % directory, "Take the write permission of group and others away."
        )
    handle, name = tempfile.mkstemp(dir=directory, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(value, stream, indent=1, sort_keys=True, ensure_ascii=False)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def utc_stamp() -> str:
    """For file names only; nothing is decided by it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    MailflowError,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import Observation
from ansible_collections.mailflow.area1.plugins.module_utils._engine.values import host_name
from ansible_collections.mailflow.area1.plugins.module_utils._smtp.probe import (
    run_probe,
    section_of,
    with_targets,
)
from ansible_collections.mailflow.area1.plugins.modules.mail_flow_probe import ARGUMENT_SPEC
from ansible_collections.mailflow.area1.plugins.plugin_utils._action import ControllerAction, plain


class ActionModule(ControllerAction):
    """Probes from here or, if delegated, from another host; the controller keeps what was seen."""

    spec = ARGUMENT_SPEC
    logic = staticmethod(run_probe)

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        delegated = self._task.delegate_to
        if delegated and delegated == (task_vars or {}).get("inventory_hostname"):
            self._task.delegate_to = None
        elif delegated and getattr(self._connection, "transport", "").rsplit(".", 1)[-1] == "local":
            return _failure(
                InputError(
                    "%s has no connection of its own: the probe would look from the controller and"
                    " say it was %s." % (delegated, delegated),
                    "Give it one in the inventory (ansible_connection: ssh and ansible_host), or"
                    " leave area1_probe_host out.",
                )
            )
        given = self._task.args
        path = given.get("observation_path")
        try:
            known = Observation(str(path)).any_age("mail_hosts") if path else None
            # A path of the controller means nothing on another host, and neither does what was read
            # here.
            self._task.args = with_addresses(
                {key: value for key, value in given.items() if key != "observation_path"},
                known or {},
            )
            result: dict[str, t.Any] = super().run(tmp, task_vars)
            if path and not result.get("failed"):
                observation = Observation(str(path))
                observation.put("smtp", section_of(result, observation.any_age("smtp")))
                observation.save()
        except (MailflowError, OSError) as exc:
            return _failure(exc)
        finally:
            self._task.args = given
        return result


def with_addresses(args: t.Mapping[str, t.Any], known: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Give the addresses that area1_mx_info found to the targets that bring none."""
    filled = with_targets({name: plain(value) for name, value in args.items()})
    filled.pop("targets", None)
    for option, key in (("hosts", "name"), ("direct", "host"), ("plain", "host")):
        targets = filled.get(option)
        if isinstance(targets, list):
            filled[option] = [
                (
                    {
                        **item,
                        "addresses": (
                            (known.get(host_name(item.get(key))) or {}).get("addresses") or []
                        ),
                    }
                    if isinstance(item, dict) and item.get("addresses") is None
                    else item
                )
                for item in targets
            ]
    return filled


def _failure(exc: Exception) -> dict[str, t.Any]:
    details = exc.to_result() if isinstance(exc, MailflowError) else {}
    return {"failed": True, "changed": False, "msg": str(exc), **details}

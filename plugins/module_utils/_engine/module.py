# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Turn a function of parameters and context into a module.

It is the one place that calls C(exit_json) and C(fail_json).
"""

from __future__ import annotations

import dataclasses
import traceback
import typing as t

from . import libraries
from .context import Context
from .errors import MailflowError
from .observation import Observation
from .outside_text import one_line, redact
from .plan import Plan

Logic = t.Callable[[t.Mapping[str, t.Any], Context], "Result"]

need = libraries.need
OBSERVATION_OPTION: dict[str, t.Any] = {"observation_path": {"type": "path"}}
#: Of modules that work on many domains at once.
TOLERATE_OPTION: dict[str, t.Any] = {"tolerate_failed_domains": {"type": "bool", "default": False}}


@dataclasses.dataclass
class Result:
    """What a task returns: ``plans`` become C(plan) and the diff, ``values`` the return values."""

    changed: bool = False
    plans: t.Sequence[Plan] = ()
    values: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    failed_message: str = ""
    extra_diff: t.Sequence[dict[str, t.Any]] = ()
    #: Some objects failed; ``values`` has a result for each, so a caller may go on with the rest.
    partial: bool = False

    def to_dict(self, diff: bool) -> dict[str, t.Any]:
        """Return what the module exits with; the diff only where one is wanted."""
        result: dict[str, t.Any] = {"changed": self.changed}
        if any(self.plans):
            result["plan"] = [plan.to_data() for plan in self.plans if plan]
        result.update(self.values)
        if self.partial:
            result["partial"] = True
        if diff:
            shown = [plan.diff() for plan in self.plans if plan] + list(self.extra_diff)
            if shown:
                result["diff"] = [
                    {
                        key: one_line(value) if key.endswith("_header") else value
                        for key, value in entry.items()
                    }
                    for entry in shown
                ]
        return result


def run_module(module: t.Any, logic: Logic) -> None:
    """Run ``logic`` for an AnsibleModule and leave."""
    context = Context(
        check_mode=module.check_mode,
        diff=bool(module._diff),
        warn=module.warn,
        secrets=getattr(module, "no_log_values", ()),
    )
    failed, result = evaluate(logic, module.params, context)
    if failed:
        module.fail_json(**result)
    module.exit_json(**result)


def evaluate(
    logic: Logic, params: t.Mapping[str, t.Any], context: Context
) -> tuple[bool, dict[str, t.Any]]:
    """Return (failed, result) of one task, the same in a module's process and in an action plugin.

    Errors lose ``context.secrets`` here, also the beginnings that the masking of ansible-core,
    which looks for whole values, does not find.
    """
    try:
        result = logic(params, context)
    except MailflowError as exc:
        outcome = _masked({**exc.to_result(), "msg": str(exc)}, context.secrets)
        _note_failure(params, outcome["error"])
        return True, outcome
    except Exception as exc:  # a bug of ours: say where, not what was in hand
        _note_failure(
            params,
            {
                "message": "Unexpected %s (%s)" % (type(exc).__name__, _place(exc)),
                "hint": "Please report it.",
            },
        )
        return True, {
            "msg": (
                "Unexpected %s in mailflow.area1 (%s); please report it."
                % (type(exc).__name__, _place(exc))
            ),
            "exception": "".join(traceback.format_tb(exc.__traceback__)) + type(exc).__name__,
        }
    finally:
        context.end()
    outcome = result.to_dict(context.diff)
    if not result.failed_message:
        return False, outcome
    outcome["msg"] = redact(one_line(result.failed_message), context.secrets)
    return not (result.partial and params.get("tolerate_failed_domains")), outcome


def _masked(value: t.Any, secrets: t.Collection[str]) -> t.Any:
    """Return an error's parts without the secrets."""
    if not secrets:
        return value
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {key: _masked(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item, secrets) for item in value]
    return value


def _place(exc: BaseException) -> str:
    """Return file and line of a bug, and never its message: that may quote what was in hand."""
    frames = traceback.extract_tb(exc.__traceback__)
    return ", ".join(
        "%s:%s" % (frame.filename.rsplit("/", 1)[-1], frame.lineno) for frame in frames[-3:]
    )


def _note_failure(params: t.Mapping[str, t.Any], error: dict[str, t.Any]) -> None:
    """Leave the cause for the report, even where a caller's rescue loses it.

    A problem with that never hides the error itself.
    """
    path = params.get("observation_path")
    if not path:
        return
    try:
        observation = Observation(path)
        observation.note(status="failed", message=error["message"], hint=error["hint"])
        observation.save()
    except (MailflowError, OSError):
        return

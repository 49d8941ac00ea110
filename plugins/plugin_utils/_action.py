# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the action plugins that carry out a module's logic in the controller's process."""

from __future__ import annotations

import contextlib
import importlib
import os
import typing as t

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import MissingLibrary
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import Result, evaluate
from ansible_collections.mailflow.area1.plugins.module_utils._engine.outside_text import one_line

# What ansible-runner (and so AWX), GitHub, GitLab, Azure and most others leave in a job's
# environment
RUNNERS = ("AWX_ISOLATED_DATA_DIR", "AWX_HOST", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "CI")
ANSWER_SECONDS = 600

# ansible-core loads an action plugin before it forks the worker of a task: here a library is
# imported once a run, and not by each of two dozen workers anew. One that is missing or broken is
# reported by the task that needs it.
for _library in ("requests", "dns.message", "dns.query"):
    with contextlib.suppress(Exception):
        importlib.import_module(_library)

try:
    from ansible.module_utils.secrets import register_secret
except ImportError:  # ansible-core before 2.22
    register_secret = None


class ControllerAction(ActionBase):
    """An action with the name, options and results of a module; only the place differs.

    ``spec`` is the module's argument spec and ``logic`` its function. The module itself runs, on
    the task's host, where the task is delegated, becomes another user, or has a connection that is
    not local: this process must not act for another machine or user. Asynchronous tasks are refused
    by the base class: their results would come by a way that hides nothing.
    """

    spec: t.ClassVar[dict[str, t.Any]] = {}
    requirements: t.ClassVar[dict[str, t.Any]] = {}
    # Results that are secrets by themselves: options of the same names are not taken out of a
    # success.
    returned_secrets: t.ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def logic(params: t.Mapping[str, t.Any], context: Context) -> Result:
        raise NotImplementedError

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        outcome = None if self._acts_elsewhere() else self._act()
        if outcome is None or self._lacks_library(outcome):
            outcome = self._execute_module(
                task_vars=task_vars, wrap_async=bool(self._task.async_val)
            )
        result.update(outcome)
        self.finish(result)
        return result

    def _lacks_library(self, outcome: t.Mapping[str, t.Any]) -> bool:
        """Return whether only the module's own interpreter may have a library it needs."""
        return False

    def finish(self, result: dict[str, t.Any]) -> None:
        """Change what either place returned; a hook for subclasses."""

    def _acts_elsewhere(self) -> bool:
        return bool(
            self._task.delegate_to
            or self._connection.become
            or getattr(self._connection, "transport", "").rsplit(".", 1)[-1] != "local"
        )

    def _act(self) -> dict[str, t.Any]:
        with _environment(self._task_environment()):
            checked = ArgumentSpecValidator(self.spec, **self.requirements).validate(
                plain(self._task.args)
            )
            secrets: set[str] = set(checked._no_log_values)
            for secret in secrets:
                conceal(secret)
            if checked.error_messages:
                message = "Unsupported or wrong options for %s: %s" % (
                    self._task.action,
                    "; ".join(checked.error_messages),
                )
                return t.cast(
                    "dict[str, t.Any]",
                    remove_values({"failed": True, "changed": False, "msg": message}, secrets),
                )
            failed, outcome = evaluate(
                self.logic, checked.validated_parameters, self._context(secrets)
            )
        if failed:
            outcome["failed"] = True
        else:
            secrets -= {outcome.get(name) for name in self.returned_secrets}
        return t.cast("dict[str, t.Any]", remove_values(outcome, secrets))

    def _context(self, secrets: t.AbstractSet[str]) -> Context:
        display = Display()

        def warn(message: str) -> None:
            display.warning(remove_values(message, secrets))

        return Context(
            check_mode=bool(self._task.check_mode),
            diff=bool(self._task.diff),
            warn=warn,
            ask=ask,
            secrets=secrets,
        )

    def _task_environment(self) -> dict[str, str]:
        """Return the task's ``environment``, merged and templated as it would be for a module."""
        found: dict[str, t.Any] = {}
        self._compute_environment_string(found)
        return {str(name): str(value) for name, value in plain(found).items()}


class ServiceAction(ControllerAction):
    """An action for a module that talks to a service.

    In the process that is there anyway it costs a tenth of a process of its own [CUT-4.2].
    Asynchronous tasks are left to the module, and so are tasks whose libraries only the module's
    interpreter has.
    """

    _supports_async = True

    def _acts_elsewhere(self) -> bool:
        return bool(self._task.async_val) or super()._acts_elsewhere()

    def _lacks_library(self, outcome: t.Mapping[str, t.Any]) -> bool:
        # A success may have a text of that name: what area1_trace_info could not read.
        error = outcome.get("error") if outcome.get("failed") else None
        return isinstance(error, t.Mapping) and error.get("kind") == MissingLibrary.kind


class TableAction(ServiceAction):
    """An action that prints the result's table on the terminal, whatever the verbosity."""

    def finish(self, result: dict[str, t.Any]) -> None:
        if result.get("table"):
            show(result["table"])


def show(lines: t.Iterable[str]) -> None:
    """Print lines on the operator's terminal, with an empty one before and after them."""
    Display().display("\n".join(["", *map(one_line, lines), ""]))


@contextlib.contextmanager
def _environment(variables: t.Mapping[str, str]) -> t.Iterator[None]:
    """Add to this process's environment for a while; a worker process runs one task at a time."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def ask(question: str) -> str | None:
    """Return the operator's answer, or None where nobody is there who could give one.

    The controller's main process asks. A runner gives its job a terminal of its own, at which
    nobody sits: such a question would wait for ever.
    """
    if any(os.environ.get(name) for name in RUNNERS):
        return None
    try:
        answer = Display().prompt_until(question, seconds=ANSWER_SECONDS)
    except AnsiblePromptNoninteractive:
        return None
    except AnsiblePromptInterrupt:
        return ""
    return str(answer.decode("utf-8", "replace")).strip()


def conceal(secret: str) -> None:
    """Have ansible-core mask the value in all output, where it can (from 2.22 on)."""
    if register_secret is not None and secret:
        register_secret(secret)


def plain(value: t.Any) -> t.Any:
    """Return values without the subclasses that ansible-core wraps them in.

    Tagged, unsafe and vaulted text breaks libraries.
    """
    if getattr(value, "__ENCRYPTED__", False):
        return str(value)
    if isinstance(value, t.Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__int__(value)
    return float.__float__(value) if isinstance(value, float) else value

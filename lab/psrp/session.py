# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs in a session: commands by name, and the one function that this project installs.

No PowerShell is interpreted. A script is refused unless it is the definition of the function in
docs/examples/jea, whose behaviour lab/psrp/function.py has in Python. A constrained session
configuration (JEA) takes no script at all and shows that function only [PSRP-6].
"""

from __future__ import annotations

from typing import Any

from psrpcore import ServerPipeline
from psrpcore.types import (
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    HostMethodIdentifier,
    NETException,
    PSInvocationState,
)

from lab.psrp import function
from lab.psrp.module import CommandError, ExchangeModule, Outcome, unknown_command
from lab.psrp.objects import from_wire, to_object

_OPEN = ("microsoft.powershell", "powershell.")
_ACTIONS = {"stop": "Stop", "silentlycontinue": "SilentlyContinue", "ignore": "SilentlyContinue"}


class Session:
    """One runspace: its functions, and the connections of its module ExchangeOnlineManagement."""

    def __init__(self, module: ExchangeModule, configuration: str) -> None:
        self.module = module
        self.constrained = not configuration.lower().startswith(_OPEN)
        self._functions = {function.NAME} if self.constrained else set()

    def close(self) -> None:
        self.module.disconnect()

    def run(self, pipeline: ServerPipeline) -> None:
        """Run the commands of a pipeline that has just begun."""
        try:
            for command in pipeline.metadata.commands:
                parameters = {
                    str(name): from_wire(value) for name, value in command.parameters if name
                }
                self._command(
                    pipeline, str(command.command_text), bool(command.is_script), parameters
                )
                if pipeline.state != PSInvocationState.Running:
                    return
        except CommandError as error:
            fail(pipeline, error)
            return
        except _Question:
            # A pipeline that asks waits for an answer; no client of ours gives one [PSRP-5].
            return
        pipeline.complete()

    def _command(
        self, pipeline: ServerPipeline, text: str, is_script: bool, parameters: dict[str, Any]
    ) -> None:
        if is_script:
            self._script(text)
        elif text.lower() == function.NAME.lower() and function.NAME in self._functions:
            outcome, document = function.run(self.module, parameters)
            self._streams(pipeline, outcome)
            pipeline.write_output(document)
        elif self.constrained:
            raise unknown_command(text)
        else:
            self._cmdlet(pipeline, text, parameters)

    def _script(self, text: str) -> None:
        self.module.note_script(text)
        if self.constrained:
            raise CommandError(
                "System.Management.Automation.PSNotSupportedException",
                "The syntax is not supported by this runspace. This can occur if the runspace is in"
                " no-language mode.",
                "ScriptsNotAllowed",
            )
        if text.strip() != function.definition().strip():
            raise CommandError(
                "System.Management.Automation.ParseException",
                "The lab runs no PowerShell but the function of docs/examples/jea.",
                "LabRunsNoScripts",
            )
        self._functions.add(function.NAME)

    def _cmdlet(self, pipeline: ServerPipeline, name: str, parameters: dict[str, Any]) -> None:
        """Run a cmdlet called by itself; its errors end the pipeline with ErrorAction Stop only."""
        given = {key: value for key, value in parameters.items() if key.lower() != "erroraction"}
        chosen = [str(value) for key, value in parameters.items() if key.lower() == "erroraction"]
        action = _ACTIONS.get(chosen[0].lower(), "") if chosen else ""
        try:
            outcome = self.module.call(name, given)
        except CommandError as error:
            if error.terminating or action == "Stop":
                raise
            if action != "SilentlyContinue":
                report(pipeline, error)
            return
        self._streams(pipeline, outcome)
        for value in outcome.values:
            pipeline.write_output(to_object(value, name, self.module.shows_own_types_only))

    def _streams(self, pipeline: ServerPipeline, outcome: Outcome) -> None:
        for warning in outcome.warnings:
            pipeline.write_warning(warning)
        if outcome.question:
            pipeline.host_call(
                HostMethodIdentifier.PromptForChoice, ["Confirm", outcome.question, [], 0]
            )
            raise _Question


class _Question(Exception):
    """The command waits for an answer of a person."""


def _info(error: CommandError) -> ErrorCategoryInfo:
    return ErrorCategoryInfo(
        Category=ErrorCategory.NotSpecified,
        Reason=error.type_name.rpartition(".")[2],
        TargetName=error.target,
    )


def report(pipeline: ServerPipeline, error: CommandError) -> None:
    """Write a non-terminating error to the error stream; the pipeline goes on."""
    pipeline.write_error(
        NETException(Message=error.message),
        category_info=_info(error),
        fully_qualified_error_id=error.identifier,
    )


def fail(pipeline: ServerPipeline, error: CommandError) -> None:
    """End the pipeline with a terminating error, for which psrpcore has no public way."""
    record = ErrorRecord(
        Exception=NETException(Message=error.message),
        CategoryInfo=_info(error),
        FullyQualifiedErrorId=error.identifier,
    )
    pipeline._change_state(PSInvocationState.Failed, record)

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the admin API and the shapes of their bodies ([EXO-1.7])."""

from __future__ import annotations

import json
from typing import Any

MANAGEMENT = "Microsoft.Exchange.Configuration.Tasks."
INVOCATION = "Microsoft.Exchange.AdminApi.CommandInvocation."
DIRECTORY = "Microsoft.Exchange.Data.Directory."
VALIDATION = "Microsoft.Exchange.Management.Tasks.ValidationException"
SHAPES = ("pipe", "ex_pipe", "json")
_SERVICE_EXCEPTION = "Microsoft.Exchange.Admin.OData.Core.ODataServiceException"


class CmdletError(Exception):
    """A cmdlet's refusal.

    `inner_only`: the text is in innererror alone, as a live answer to a bad enum has it.
    """

    def __init__(
        self, type_name: str, text: str, status: int = 400, inner_only: bool = False, code: str = ""
    ) -> None:
        super().__init__(text)
        self.type_name, self.text, self.status, self.inner_only = (
            type_name,
            text,
            status,
            inner_only,
        )
        self.code = code or ("NotFound" if status == 404 else "BadRequest")

    def body(self, shape: str, number: int) -> dict[str, Any]:
        """Return the body in one of SHAPES; "rotate" takes them in turn."""
        if shape == "rotate":
            shape = SHAPES[number % len(SHAPES)]
        error: dict[str, Any] = {
            "code": self.code,
            "message": "Invalid Operation" if number % 2 == 0 else "Error executing cmdlet",
        }
        inner = {
            "message": error["message"],
            "type": _SERVICE_EXCEPTION,
            "stacktrace": "",
            "internalexception": {"message": self.text, "type": self.type_name, "stacktrace": ""},
        }
        if self.inner_only:
            error["innererror"] = inner
        else:
            error["details"] = [
                {"code": "Client", "target": "", "message": self._detail(shape, number)}
            ]
            # both places are filled in the live answer with an empty prefix; in the others details
            # alone speaks
            if shape == "pipe":
                error["innererror"] = inner
        error["adminapi.warnings@odata.type"] = "#Collection(String)"
        error["@adminapi.warnings"] = []
        return {"error": error}

    def _detail(self, shape: str, number: int) -> str:
        if shape == "json":
            return json.dumps(
                {
                    "Message": self.text,
                    "TypeName": self.type_name,
                    "StackTrace": "",
                    "InnerError": None,
                }
            )
        # the digits after Ex vary ([EXO-1.7])
        prefix = f"Ex{0x6F9304 + number:06X}" if shape == "ex_pipe" else ""
        return f"{prefix}|{self.type_name}|{self.text}"


def not_found(identity: str, where: str, status: int) -> CmdletError:
    return CmdletError(
        MANAGEMENT + "ManagementObjectNotFoundException",
        f"The operation couldn't be performed because object '{identity}' couldn't be found on"
        f" '{where}'.",
        status,
    )


def exists(name: str) -> CmdletError:
    return CmdletError(
        DIRECTORY + "ADObjectAlreadyExistsException",
        f"The object named '{name}' already exists. Please specify a different name.",
    )


def unknown_parameters(names: list[str]) -> CmdletError:
    """Return the error for unknown parameters, which is also that for hidden ones."""
    return CmdletError(
        INVOCATION + "AmbiguousParameterSetException",
        "Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet"
        " parameters specified. " + ", ".join(names),
    )


def transformation(parameter: str, value: Any, type_name: str, reason: str) -> CmdletError:
    return CmdletError(
        INVOCATION + "ParameterTransformationException",
        f"Cannot process argument transformation on parameter '{parameter}'. Cannot convert value"
        f' "{value}" to type "{type_name}". Error: "{reason}"',
        inner_only=True,
    )


def invalid(text: str) -> CmdletError:
    return CmdletError(VALIDATION, text)


def dehydrated(number: int) -> CmdletError:
    # the apostrophe may be typographic ([EXO-1.7])
    text = (
        "The command you tried to run isn't currently allowed in your organization. To run this"
        " command, you first need to run the command: Enable-OrganizationCustomization."
    )
    return CmdletError(
        MANAGEMENT + "InvalidOperationInDehydratedContextException",
        text.replace("'", "\u2019") if number % 2 else text,
    )

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of Azure Resource Manager and of Azure DNS, in both shapes in which they come."""

from __future__ import annotations

from typing import Any

from lab.azure_dns.state import setting


class ArmError(Exception):
    """A refusal of Resource Manager or of Azure DNS behind it."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}

    def body(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON of the answer."""
        error = {"code": self.code, "message": self.message}
        shape = setting(state, "error_shape")
        if shape == "rotate":
            state["errors"] = int(state.get("errors", 0)) + 1
            shape = ("wrapped", "bare")[state["errors"] % 2]
        return error if shape == "bare" else {"error": error}


def unauthenticated(code: str, message: str) -> ArmError:
    """Return the answer to a token that is missing, malformed, expired or of another tenant."""
    return ArmError(401, code, message, {"WWW-Authenticate": "Bearer"})


def forbidden(client_id: str, object_id: str, action: str, scope: str) -> ArmError:
    """Return AuthorizationFailed with the message of "Troubleshoot Azure RBAC"."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{client_id}' with object id '{object_id}' does not have authorization to"
        f" perform action '{action}' over scope '{scope}' or the scope is invalid. If access was"
        " recently granted, please refresh your credentials.",
    )


def pending(name: str) -> ArmError:
    """Return what a second operation meets while one is queued (StackExchange/dnscontrol#4363)."""
    return ArmError(
        409,
        "Conflict",
        f"Another operation is pending for requested object {name}. Your request has been queued"
        " and cannot be accepted now. Please try again later.",
    )


def too_many(seconds: float | None) -> ArmError:
    """Return a 429: Resource Manager says when to come back (Azure DNS limits)."""
    headers = {} if seconds is None else {"Retry-After": str(max(0, round(seconds)))}
    return ArmError(
        429, "TooManyRequests", "The request rate is too high. Please retry later.", headers
    )


def cname_in_the_way(name: str) -> ArmError:
    """Return the service's code and text for an alias in the way (external-dns#5358)."""
    return ArmError(
        400,
        "CannotCreateRecordDueToCNameNamingRestriction",
        f"The record could not be created because a CNAME record with the name '{name}' already"
        " exists in this zone.",
    )

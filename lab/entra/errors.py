# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of Entra's endpoints, in the form that clients get them.

Sources: "Microsoft identity platform and the OAuth 2.0 client credentials flow", section "Error
response", and "Microsoft Entra authentication & authorization error codes" (learn.microsoft.com).
Texts of the codes 7002xx and 700024 are as users quote them from their logs.
"""

from __future__ import annotations

import uuid

from lab.server import Hub, Response

NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


class EntraError(Exception):
    """A refusal: HTTP status, the OAuth error, and the number after AADSTS."""

    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code = status, error, code


def missing(name: str) -> EntraError:
    """Return the refusal of a form that lacks a field."""
    return EntraError(
        400,
        "invalid_request",
        900144,
        f"The request body must contain the following parameter: '{name}'.",
    )


def refusal(hub: Hub, error: EntraError) -> Response:
    """Return the answer that tells of an error."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = hub.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
    text = (
        f"AADSTS{error.code}: {error} Trace ID: {trace} Correlation ID: {correlation}"
        f" Timestamp: {stamp}"
    )
    return Response(
        error.status,
        {
            "error": error.error,
            "error_description": text,
            "error_codes": [error.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{hub.urls['authority']}/error?code={error.code}",
        },
        dict(NO_STORE),
    )

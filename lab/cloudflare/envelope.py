# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloudflare's envelope, its errors and its pages ([CF-6])."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Query = dict[str, list[str]]


class ApiError(Exception):
    """A refusal in Cloudflare's form."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        pointer: str | None = None,
        chain: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.error: dict[str, Any] = {"code": code, "message": message}
        if pointer is not None:
            self.error["source"] = {"pointer": pointer}
        if chain:
            self.error["error_chain"] = chain

    def body(self) -> dict[str, Any]:
        """Return the envelope of a failure."""
        return {"success": False, "errors": [self.error], "messages": [], "result": None}


def success(
    result: Any, info: dict[str, Any] | None = None, messages: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the envelope of a success."""
    body: dict[str, Any] = {
        "success": True,
        "errors": [],
        "messages": messages or [],
        "result": result,
    }
    if info is not None:
        body["result_info"] = info
    return body


def no_route(path: str) -> ApiError:
    """Return the refusal of an unknown path, with the example code of the schema [CF-6]."""
    return ApiError(
        404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?"
    )


def no_method(method: str) -> ApiError:
    """Return the refusal of a method that the path does not have."""
    return ApiError(405, 7001, f"Method {method} not available for that URI.")


def first(query: Query, name: str, default: str = "") -> str:
    """Return the last value given for a parameter, which counts with most servers."""
    return query[name][-1] if query.get(name) else default


def number(query: Query, name: str, default: int, low: int, high: int | None = None) -> int:
    """Return an integer parameter within its limits."""
    text = first(query, name, str(default))
    if not text.isdigit() or int(text) < low or (high is not None and int(text) > high):
        limits = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ApiError(400, 6003, f"Invalid request parameters: {name} must be {limits}")
    return int(text)


def page(
    items: Sequence[Any], query: Query, default: int, low: int, high: int, clamp: bool = False
) -> tuple[list[Any], dict[str, Any]]:
    """Return one page and its result_info.

    With ``clamp`` a page that is too long is shortened in silence instead of refused.
    """
    current = number(query, "page", 1, 1)
    size = number(query, "per_page", default, low, None if clamp else high)
    size = min(size, high)
    shown = list(items[(current - 1) * size : current * size])
    info = {
        "page": current,
        "per_page": size,
        "count": len(shown),
        "total_count": len(items),
        "total_pages": math.ceil(len(items) / size),
    }
    return shown, info


def mapping(value: Any, what: str = "the request body") -> dict[str, Any]:
    """Return a JSON object, or refuse anything else."""
    if not isinstance(value, dict):
        raise ApiError(400, 6007, f"Malformed JSON in request body: {what} must be an object")
    return value


def items_of(body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return one list of a batch."""
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ApiError(400, 6007, f"Malformed JSON in request body: {key} must be a list")
    return [mapping(item, f"each of {key}") for item in value]

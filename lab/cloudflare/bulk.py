# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bulk jobs: the paths under investigate/bulk ([CF-6.3]).

A job goes through its states by the lab's clock, when it is looked at.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from lab.cloudflare.envelope import (
    ApiError,
    Query,
    first,
    mapping,
    no_method,
    no_route,
    page,
    success,
)
from lab.cloudflare.messages import Record, find
from lab.cloudflare.search import filters
from lab.cloudflare.settings import new_id, setting, timestamp

Job = dict[str, Any]
ACTIONS = ("MOVE", "RELEASE")
DESTINATIONS = (
    "Inbox",
    "JunkEmail",
    "DeletedItems",
    "RecoverableItemsDeletions",
    "RecoverableItemsPurges",
)
# [CF-6.3]; a third of the time each until the last
STATES = ("PENDING", "DISCOVERING", "PROCESSING", "COMPLETED")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "SKIPPED")
_PAGE = (20, 1, 50)


class Bulk:
    """Bulk jobs. ``release`` releases one message and returns for whom that failed."""

    def __init__(
        self,
        state: dict[str, Any],
        now: datetime,
        release: Callable[[Record], dict[str, list[str]]],
    ) -> None:
        self._state = state
        self._now = now
        self._release = release
        self._jobs: list[Job] = state.setdefault("bulk_jobs", [])

    def handle(
        self, method: str, path: list[str], query: Query, body: Any
    ) -> tuple[int, dict[str, Any]]:
        """Answer a request; ``path`` is what follows bulk."""
        for job in self._jobs:
            self._advance(job)
        if not path:
            if method == "POST":
                return 201, success(_shown(self._create(mapping(body))))
            if method == "GET":
                return 200, self._list(query)
        elif len(path) == 1:
            if method == "GET":
                return 200, success(_shown(self._find(path[0])))
            if method == "DELETE":
                return 200, success(self._delete(path[0]))
        elif path[1:] == ["cancel"] and method == "POST":
            return 200, success(_shown(self._cancel(path[0])))
        elif path[1:] == ["messages"] and method == "GET":
            return 200, success(
                *page(
                    [dict(each) for each in self._find(path[0])["messages"]],
                    query,
                    *_PAGE,
                    clamp=True,
                )
            )
        elif path[1:] not in (["cancel"], ["messages"]):
            raise no_route("/email-security/investigate/bulk/" + "/".join(path))
        raise no_method(method)

    def _create(self, body: dict[str, Any]) -> Job:
        action, search = body.get("action"), mapping(body.get("search_params"), "search_params")
        if action not in ACTIONS:
            raise ApiError(
                400, 1001, f"action must be one of {', '.join(ACTIONS)}", pointer="/action"
            )
        if action == "MOVE" and body.get("destination") not in DESTINATIONS:
            raise ApiError(
                400,
                1001,
                f"destination must be one of {', '.join(DESTINATIONS)}",
                pointer="/destination",
            )
        filters(_query(search), self._state, self._now)
        job: Job = {
            "job_id": str(uuid.UUID(new_id(self._state, "job"))),
            "action_type": action,
            "search_params": search,
            "comment": body.get("comment"),
            "action_params": {
                "type": action,
                **({"destination": body["destination"]} if action == "MOVE" else {}),
            },
            "created_at": timestamp(self._now),
            "status": STATES[0],
            "status_message": None,
            "started_at": None,
            "completed_at": None,
            "messages": [],
        }
        self._jobs.append(job)
        return job

    def _advance(self, job: Job) -> None:
        if job["status"] in ENDED:
            return
        born = datetime.strptime(job["created_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(
            tzinfo=timezone.utc
        )
        third = max(float(setting(self._state, "bulk_seconds")), 0.001) / 3
        reached = min(int((self._now - born).total_seconds() / third), len(STATES) - 1)
        if reached >= 1 and job["started_at"] is None:
            job["started_at"] = timestamp(self._now)
            wanted = filters(_query(job["search_params"]), self._state, self._now)
            found = [item for item in self._state["messages"] if all(fits(item) for fits in wanted)]
            job["messages"] = [{"id": item["id"], "status": "PENDING"} for item in found]
        job["status"] = STATES[reached]
        if job["status"] == "COMPLETED":
            self._carry_out(job)

    def _carry_out(self, job: Job) -> None:
        job["completed_at"] = timestamp(self._now)
        if job["action_type"] == "MOVE":
            # [CF-6.3]: moves need an integration, which the lab's account has not
            job.update(status="FAILED", status_message="no integration is authorized")
            return
        for each in job["messages"]:
            each["status"] = (
                "FAILED" if self._release(find(self._state, each["id"]))["failed"] else "SUCCESSFUL"
            )

    def _cancel(self, identifier: str) -> Job:
        job = self._find(identifier)
        if job["status"] in ENDED:
            raise ApiError(409, 1003, "the job has ended")
        job.update(status="CANCELLED", completed_at=timestamp(self._now))
        return job

    def _delete(self, identifier: str) -> dict[str, str]:
        """Delete a job that has ended; others cannot be deleted (the clients' documentation)."""
        job = self._find(identifier)
        if job["status"] not in ENDED:
            raise ApiError(409, 1003, "the job has not ended")
        self._jobs.remove(job)
        return {"id": identifier}

    def _list(self, query: Query) -> dict[str, Any]:
        action, status = first(query, "action_type"), first(query, "status")
        found = [
            job
            for job in reversed(self._jobs)
            if action in ("", job["action_type"]) and status in ("", job["status"])
        ]
        return success(*page([_shown(job) for job in found], query, *_PAGE, clamp=True))

    def _find(self, identifier: str) -> Job:
        for job in self._jobs:
            if job["job_id"] == identifier:
                return job
        raise ApiError(404, 1002, "job not found")


def _shown(job: Job) -> dict[str, Any]:
    counted = [each["status"] for each in job["messages"]]
    return {
        **{name: value for name, value in job.items() if name != "messages"},
        "messages_failed": counted.count("FAILED"),
        "messages_pending": counted.count("PENDING"),
        "messages_successful": counted.count("SUCCESSFUL"),
        "total_messages_discovered": len(counted),
    }


def _query(search: dict[str, Any]) -> Query:
    """Return the filters in a body, which are those of GET investigate."""
    return {
        name: [str(value).lower() if isinstance(value, bool) else str(value)]
        for name, value in search.items()
        if value is not None
    }

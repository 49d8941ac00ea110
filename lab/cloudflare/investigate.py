# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Investigation: the paths under /accounts/{id}/email-security/investigate ([CF-6.3]).

Admin quarantine is this, and release.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lab.cloudflare.auth import Caller
from lab.cloudflare.bulk import Bulk
from lab.cloudflare.envelope import (
    ApiError,
    Query,
    first,
    mapping,
    no_method,
    no_route,
    number,
    page,
    success,
)
from lab.cloudflare.messages import BENIGN, Record, fill, fill_others, find, raw_of, trace
from lab.cloudflare.picture import png
from lab.cloudflare.search import filters
from lab.cloudflare.settings import setting, timestamp

Answer = tuple[int, dict[str, Any]]
# a released message, and the entry of the answer that says who got it
Released = tuple[str, dict[str, list[str]]]
_LEAVES = ("detections", "preview", "raw", "trace", "action_log")
_READ_BY_POST = (["preview"],)


class Investigate:
    """One request about messages; the caller holds the hub's lock."""

    def __init__(
        self, world: dict[str, Any], caller: Caller, now: datetime, released: list[Released]
    ) -> None:
        self._world = world
        self._state = world["cloudflare"]
        self._caller = caller
        self._now = now
        # for the mail path, once the lock is free: it may have to wait for a server that needs it
        self._handed = released

    def handle(self, method: str, path: list[str], query: Query, body: Any) -> Answer:
        """Answer a request; ``path`` is what follows investigate."""
        reads = method == "GET" or path in _READ_BY_POST
        self._caller.need("Cloud Email Security: Read" if reads else "Cloud Email Security: Write")
        if not setting(self._state, "entitled"):
            raise ApiError(
                403, 10403, "Email Security is not available in the current subscription"
            )
        fill(self._state, self._now)
        fill_others(self._world, self._now)
        if path == ["release"]:
            return self._only("POST", method, lambda: success(self._release(body)))
        if path[:1] == ["bulk"]:
            return Bulk(self._state, self._now, self._release_one).handle(
                method, path[1:], query, body
            )
        if path == ["preview"]:
            return self._only("POST", method, lambda: success(self._make_preview(mapping(body))))
        if not path:
            return self._only("GET", method, lambda: self._list(query))
        if len(path) == 1 or (len(path) == 2 and path[1] in _LEAVES):
            return self._only(
                "GET", method, lambda: success(self._leaf(self._find(path[0]), path[1:]))
            )
        raise no_route("/email-security/investigate/" + "/".join(path))

    def _only(self, wanted: str, method: str, answer: Callable[[], dict[str, Any]]) -> Answer:
        if method != wanted:
            raise no_method(method)
        return 200, answer()

    def _list(self, query: Query) -> dict[str, Any]:
        wanted = filters(query, self._state, self._now)
        found = [
            item for item in reversed(self._state["messages"]) if all(fits(item) for fits in wanted)
        ]
        found.sort(key=lambda item: str(item["scanned_at"]), reverse=True)
        limit, mode = (
            int(setting(self._state, "investigate_page_limit")),
            setting(self._state, "investigate_cursor"),
        )
        cursor = first(query, "cursor")
        if cursor and mode != "ignored":
            place = number({"page": [cursor.removeprefix("p")]}, "page", 1, 1)
            query = {**query, "page": [str(place)]}
        shown, info = page(
            found, query, 20, 1, limit, clamp=bool(setting(self._state, "investigate_page_clamps"))
        )
        if mode != "none" and info["page"] < info["total_pages"]:
            info["cursor"] = f"p{info['page'] + 1}"
        if not setting(self._state, "investigate_totals"):
            info = {key: value for key, value in info.items() if not key.startswith("total_")}
        return success([self._show(item) for item in shown], info)

    def _leaf(self, item: Record, leaf: list[str]) -> Any:
        if not leaf:
            return self._show(item)
        if leaf == ["trace"]:
            return self._trace(item)
        if leaf == ["action_log"]:
            if not setting(self._state, "action_log"):
                raise no_route("/email-security/investigate/action_log")
            return [
                {
                    "operation": each["operation"],
                    "completed_at": each["at"],
                    "status": each["status"],
                }
                for each in item["operations"]
            ]
        if leaf == ["detections"]:
            return {
                "action": "QUARANTINED" if item["is_quarantined"] else "NONE",
                "attachments": [],
                "findings": [],
                "headers": [],
                "links": [],
                "sender_info": {"ip": item["smtp_previous_hop_ip"]},
                "threat_categories": [],
                "validation": self._validation(),
                "final_disposition": item["final_disposition"],
            }
        self._need_detection(item, leaf[0])
        if leaf == ["raw"]:
            return {"raw": raw_of(item)}
        if not setting(self._state, "preview_ready"):
            raise ApiError(404, 1002, "no preview of this message")
        return self._picture(item)

    def _need_detection(self, item: Record, what: str) -> None:
        """Refuse a message without detections: "non-benign only" [CF-6.3]."""
        if item["final_disposition"] in BENIGN:
            raise ApiError(400, 1001, f"{what} is available for non-benign messages only")

    def _make_preview(self, body: dict[str, Any]) -> dict[str, str]:
        return self._picture(self._find(str(body.get("postfix_id", ""))))

    def _picture(self, item: Record) -> dict[str, str]:
        item["operations"].append(
            {"operation": "PREVIEW", "at": timestamp(self._now), "status": "success"}
        )
        lines = [
            str(item["from"]),
            ", ".join(item["to"]),
            str(item["subject"]),
            "",
            *raw_of(item).partition("\r\n\r\n")[2].splitlines(),
        ]
        return {"screenshot": base64.b64encode(png(lines)).decode()}

    def _trace(self, item: Record) -> dict[str, Any]:
        key = "ts" if setting(self._state, "message_time_keys") == "ts" else "logged_at"
        legs = {
            name: [
                {"lineno": line["lineno"], key: line["at"], "message": line["message"]}
                for line in item["trace"][name]
            ]
            for name in ("inbound", "outbound")
        }
        return {
            name: {
                "lines": lines,
                "pending": name == "outbound" and item["delivery_status"] == ["queued"],
            }
            for name, lines in legs.items()
        }

    def _release(self, body: Any) -> list[dict[str, Any]]:
        """Release a list of ids; return an entry for each [CF-6.3].

        It says who got the message, for whom the release failed, and who has not got it yet.
        """
        if (
            not isinstance(body, list)
            or not body
            or not all(isinstance(each, str) for each in body)
        ):
            raise ApiError(400, 1001, "the body must be a list of message ids")
        known = [self._known(identifier) for identifier in body]
        if setting(self._state, "release_again") == "refused" and any(
            item and self._released(item) for item in known
        ):
            raise ApiError(400, 1001, "a message is not quarantined")
        if None in known and setting(self._state, "release_unknown") == "refused":
            raise ApiError(404, 1002, "message not found")
        key = "postfix_id" if setting(self._state, "message_id_key") == "postfix_id" else "id"
        return [
            {
                key: identifier,
                **(
                    self._release_one(item)
                    if item
                    else {"delivered": [], "failed": [], "undelivered": []}
                ),
            }
            for identifier, item in zip(body, known, strict=True)
        ]

    def _release_one(self, item: Record) -> dict[str, list[str]]:
        result: dict[str, list[str]] = {"delivered": [], "failed": [], "undelivered": []}
        if self._released(item) and setting(self._state, "release_again") == "failed":
            return {**result, "failed": list(item["envelope_to"])}
        for recipient in item["envelope_to"]:
            broken = set(setting(self._state, "release_fails_for")) & {
                recipient,
                item["id"],
                item["message_id"],
            }
            result["failed" if broken else "delivered"].append(recipient)
        if result["failed"] and setting(self._state, "failed_release_listed"):
            item["operations"].append(
                {"operation": "QUARANTINE_RELEASE", "at": timestamp(self._now), "status": "failed"}
            )
        if not result["failed"]:
            item["operations"].append(
                {"operation": "QUARANTINE_RELEASE", "at": timestamp(self._now), "status": "success"}
            )
            item["is_quarantined"] = not setting(self._state, "release_clears_quarantine")
            item["delivery_status"] = ["delivered"]
            trace(
                self._world,
                item["id"],
                "outbound",
                f"released to={', '.join(result['delivered'])}",
                self._now,
            )
            self._handed.append((item["id"], result))
        return result

    def _released(self, item: Record) -> bool:
        return any(
            (each["operation"], each["status"]) == ("QUARANTINE_RELEASE", "success")
            for each in item["operations"]
        )

    def _show(self, item: Record) -> dict[str, Any]:
        shown = {
            name: item[name]
            for name in (
                "id",
                "postfix_id",
                "message_id",
                "from",
                "to",
                "envelope_from",
                "envelope_to",
                "subject",
                "delivery_status",
                "final_disposition",
                "is_quarantined",
                "smtp_previous_hop_ip",
                "smtp_helo_server_ip",
            )
        }
        if setting(self._state, "message_id_key") == "postfix_id":
            del shown["id"]
        keys = setting(self._state, "message_time_keys")
        shown.update(
            dict.fromkeys(("ts", "scanned_at") if keys == "both" else (keys,), item["scanned_at"])
        )
        return {
            **shown,
            "sent_at": item["scanned_at"],
            "delivery_mode": "DIRECT",
            "postfix_id_outbound": None,
            "x_originating_ip": None,
            "validation": self._validation(),
            "properties": {},
            "post_delivery_operations": [each["operation"] for each in item["operations"]],
        }

    def _validation(self) -> dict[str, Any]:
        return {"spf": "none", "dkim": "none", "dmarc": "none", "comment": None}

    def _known(self, identifier: str) -> Record | None:
        try:
            return find(self._state, identifier)
        except KeyError:
            return None

    def _find(self, identifier: str) -> Record:
        found = self._known(identifier)
        if found is None:
            raise ApiError(404, 1002, "message not found")
        return found

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control API (plain HTTP, loopback): state, clock, log, faults, changes by hand, end."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from lab.exchange.nouns import changed
from lab.exchange.organization import advance
from lab.mail.effective import keep_by_hand
from lab.mail.journal import SHOWN, without_body
from lab.server import BadRequest, Hub, Request, Response


class ControlService:
    name = "control"

    def __init__(
        self,
        hub: Hub,
        replace_world: Callable[[str], None],
        stop: Callable[[], None],
        mint: Callable[..., str],
    ) -> None:
        self._hub = hub
        self._mint = mint
        self._replace_world = replace_world
        self._stop = stop

    def handle(self, request: Request) -> Response:
        route = (request.method, request.path.strip("/"))
        actions: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "state"): self._state,
            ("GET", "log"): self._log,
            ("GET", "mark"): lambda _request: {"seq": self._hub.log.last},
            ("GET", "faults"): lambda _request: self._hub.faults.left(),
            ("POST", "clock"): self._clock,
            ("POST", "faults"): self._faults,
            ("POST", "mutate"): self._mutate,
            ("GET", "messages"): self._messages,
            ("POST", "mail"): self._mail,
            ("POST", "traffic"): lambda request: self._hub.mail.traffic_order(request.json()),
            ("POST", "world"): self._world,
            ("POST", "dns"): self._dns,
            ("POST", "issuer"): lambda request: {"token": self._mint(**request.json())},
            ("POST", "shutdown"): self._shutdown,
        }
        if route not in actions:
            return Response(404, {"error": f"no {request.method} {request.path}"})
        try:
            result = actions[route](request)
            return Response(200, {} if result is None else result)
        except (BadRequest, KeyError, IndexError, TypeError, ValueError) as error:
            return Response(400, {"error": f"{type(error).__name__}: {error}"})

    def _state(self, request: Request) -> Any:
        with self._hub.lock:
            advance(self._hub)
            state = {
                key: value for key, value in self._hub.world.items() if not key.startswith("_")
            }
            # the log of messages may be long: the last of it
            state["cloudflare"] = {
                **state["cloudflare"],
                "messages": state["cloudflare"].get("messages", [])[-SHOWN:],
            }
            state = copy.deepcopy(state)
            if self._hub.mail is not None:
                state["mail"] |= self._hub.mail.journal.summary()
        if self._hub.psrp is not None:
            state["psrp"] = {"sessions": self._hub.psrp.sessions()}
        state["clock"] = {"now": self._hub.clock.iso(), "offset_seconds": self._hub.clock.offset}
        return self._hub.log.mask_tree(state)

    def _log(self, request: Request) -> Any:
        return self._hub.log.entries(int((request.query.get("since") or ["0"])[0]))

    def _clock(self, request: Request) -> Any:
        (self._hub.mail or self._hub.clock).advance(float(request.json()["advance_seconds"]))
        return {"now": self._hub.clock.iso(), "offset_seconds": self._hub.clock.offset}

    def _faults(self, request: Request) -> Any:
        self._hub.faults.set(request.json())
        return self._hub.faults.left()

    def _mutate(self, request: Request) -> Any:
        """Make an administrator's change, or one of the world itself.

        The body is {"path": [...], "value" or "append": ...} or {"path", "delete": true}.
        """
        order = request.json()
        path = list(order["path"])
        with self._hub.lock:
            keep_by_hand(self._hub.world, path, self._hub.clock.time())
            mutate(self._hub.world, path, order)
            self._touch(path)
        if path[0] == "mail" and self._hub.mail is not None:
            self._hub.mail.refresh()
        return None

    def _messages(self, request: Request) -> Any:
        """Return the journal of the mail path: ?kind=messages, refusals, bounces or held."""
        kind = (request.query.get("kind") or ["messages"])[0]
        since = int((request.query.get("since") or ["0"])[0])
        journal = self._hub.mail.journal
        if kind == "held":
            return [without_body(entry) for entry in journal.held.values()]
        kept = {
            "messages": journal.messages,
            "refusals": journal.refusals,
            "bounces": journal.bounces,
            "elsewhere": journal.elsewhere,
        }[kind]
        return [entry for entry in list(kept) if entry["seq"] > since]

    def _mail(self, request: Request) -> Any:
        """Send one mail, drive the queues, or release a message from Area 1's quarantine.

        The body is {"send": {...}}, {"settle": true} or {"release": id}.
        """
        order = request.json()
        if "send" in order:
            return self._hub.mail.send(order["send"])
        if "release" in order:
            return {"released": self._hub.mail.release(str(order["release"]))}
        if order.get("settle"):
            return self._hub.mail.settle()
        raise ValueError("send, settle or release is needed")

    def _touch(self, path: list[Any]) -> None:
        """Change the date of an Exchange object, as a change in the portal would."""
        for length in range(len(path), 1, -1):
            try:
                item = find(self._hub.world, path[:length])
            except (KeyError, IndexError, TypeError, ValueError):
                continue
            if (
                path[0] == "tenant"
                and isinstance(item, dict)
                and "WhenChangedUTC" in item
                and not str(path[-1]).startswith("When")
            ):
                changed(item, self._hub.clock.now())
                return

    def _world(self, request: Request) -> Any:
        self._replace_world(str(request.json()["name"]))
        return None

    def _dns(self, request: Request) -> Any:
        order = request.json()
        if order.get("flush"):
            self._hub.dns.flush()
        if order.get("warm"):
            self._hub.dns.warm()
        return None

    def _shutdown(self, request: Request) -> Any:
        self._stop()
        return None


def find(tree: Any, path: list[Any]) -> Any:
    """Walk down. In a list of objects, text names one by its Name, name, domain or Guid."""
    for step in path:
        tree = tree[_key(tree, step)]
    return tree


def _key(tree: Any, step: Any) -> Any:
    if not isinstance(tree, list) or isinstance(step, int):
        return step
    for index, item in enumerate(tree):
        if isinstance(item, dict) and step in (
            item.get("Name"),
            item.get("name"),
            item.get("domain"),
            item.get("Guid"),
            item.get("id"),
        ):
            return index
    raise KeyError(step)


def mutate(world: dict[str, Any], path: list[Any], order: dict[str, Any]) -> None:
    if "append" in order:
        find(world, path).append(order["append"])
        return
    parent = find(world, path[:-1])
    if order.get("delete"):
        del parent[_key(parent, path[-1])]
    elif "value" in order:
        parent[_key(parent, path[-1])] = order["value"]
    else:
        raise ValueError("value, append or delete is needed")

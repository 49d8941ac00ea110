# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Messages that went through Email Security: search, one message, preview, text, trace, release."""

from __future__ import annotations

import base64
import binascii
import typing as t
import urllib.parse

from .._cloudflare_api import CloudflareApi, Envelope
from .._engine.errors import NotFound, ReadError, Refused
from .account import READ, WRITE, Account
from .listing import Reading

Message = dict[str, t.Any]
Line = dict[str, t.Any]
ResultT = t.TypeVar("ResultT")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NO_SUCH_FORM = (400, 404, 405)


class Trace(t.TypedDict):
    """A message's log, by leg. ``pending`` means that the service has not collected all lines yet.

    A line has ``lineno``, ``at`` and ``message``.
    """

    inbound: list[Line]
    outbound: list[Line]
    pending: bool


class Investigate:
    """The messages of one account, usable by several threads at once."""

    def __init__(self, api: CloudflareApi, account: str) -> None:
        self._owner = Account(api, account)
        self._path = "%s/investigate" % self._owner.path

    def search(self, filters: t.Mapping[str, t.Any]) -> Reading:
        """Return a reading of all messages that the service finds.

        ``filters`` are the API's own; without ``start`` it looks 30 days back.
        """

        def fetch(position: t.Mapping[str, t.Any]) -> Envelope:
            params = {name: value for name, value in filters.items() if value not in (None, "")}
            return self._read(
                lambda: self._owner.api.call(
                    "GET", self._path, {**params, **position}, permission=READ
                )
            )

        return Reading(fetch, identifier)

    def find(self, message_id: str, **filters: t.Any) -> list[Message]:
        """Return the messages of one Message-ID, one for each delivery.

        Others that the service finds are left out.
        """
        wanted = bare_message_id(message_id)
        pages = self.search({"message_id": message_id.strip(), **filters}).pages()
        return [
            item
            for items in pages
            for item in items
            if bare_message_id(item.get("message_id")) == wanted
        ]

    def get(self, message_id: str) -> Message:
        """Return one message by the service's id; raise NotFound where there is none."""
        found = self._get("")(message_id)
        return _object(found, "The message")

    def trace(self, message: str | Message) -> Trace:
        """Return the log of a message: how Area 1 received it and how it handed it on."""
        found = _object(self._by_either_id(message, self._get("trace")), "The trace")
        legs = {name: found.get(name) or {} for name in ("inbound", "outbound")}
        lines = {
            name: [_line(line) for line in leg.get("lines") or []] for name, leg in legs.items()
        }
        pending = any(bool(leg.get("pending")) for leg in legs.values())
        return {"inbound": lines["inbound"], "outbound": lines["outbound"], "pending": pending}

    def action_log(self, message: str | Message) -> list[Message]:
        """Return what was done to the message since: ``operation``, ``status``, ``completed_at``.

        The API is a beta and may be missing.
        """
        found = self._by_either_id(message, self._get("action_log"))
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def raw(self, message: str | Message) -> bytes:
        """Return the message as it came.

        The service refuses this for messages in which it found nothing.
        """
        found = _object(self._by_either_id(message, self._get("raw")), "The message's text")
        text = found.get("raw")
        if not isinstance(text, str) or not text:
            raise ReadError(
                "The service sent no text of the message.",
                "Look at the message in the Cloudflare dashboard.",
            )
        return text.encode("utf-8")

    def preview(self, message: str | Message) -> bytes:
        """Return a picture of the message (PNG); have one made where none is ready."""
        try:
            found = self._by_either_id(message, self._get("preview"))
        except (NotFound, ReadError) as exc:
            if (
                not isinstance(message, dict)
                or not message.get("postfix_id")
                or exc.details.get("status") not in _NO_SUCH_FORM
            ):
                raise
            found = self._made(message, exc)
        return _png(_object(found, "The preview").get("screenshot"))

    def release(self, ids: t.Sequence[str]) -> list[Message]:
        """Ask for the release of quarantined messages, and return what became of each.

        Raise AmbiguousWrite where that is not known.
        """
        answer = self._owner.explained(
            lambda: self._owner.api.write(
                "POST", "%s/release" % self._path, list(ids), permission=WRITE
            ),
            WRITE,
        )
        return (
            [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []
        )

    def _made(self, message: Message, before: NotFound | ReadError) -> t.Any:
        try:
            return self._owner.explained(
                lambda: self._owner.api.write(
                    "POST",
                    "%s/preview" % self._path,
                    {"postfix_id": message["postfix_id"]},
                    permission=READ,
                ),
                READ,
            )
        except (NotFound, Refused):
            raise before from None

    def _get(self, leaf: str) -> t.Callable[[str], t.Any]:
        def read(identity: str) -> t.Any:
            path = "/".join(
                part for part in (self._path, urllib.parse.quote(identity, safe=""), leaf) if part
            )
            return self._read(lambda: self._owner.api.get(path, permission=READ))

        return read

    def _by_either_id(self, message: str | Message, call: t.Callable[[str], ResultT]) -> ResultT:
        """Call with ``id``, and with ``postfix_id`` where that is unknown.

        Clients of different years name a message by either.
        """
        if isinstance(message, str):
            return call(message)
        first, second = identifier(message), str(message.get("postfix_id") or "")
        try:
            return call(first)
        except NotFound:
            if second in ("", first):
                raise
            return call(second)

    def _read(self, call: t.Callable[[], ResultT]) -> ResultT:
        return self._owner.explained(call, READ)


def identifier(message: t.Mapping[str, t.Any]) -> str:
    """Return the service's id of a message; older answers call it ``postfix_id``."""
    found = message.get("id") or message.get("postfix_id")
    if not found:
        raise ReadError(
            "A message came without an id.",
            "Is api_url the address of Cloudflare's API, with /client/v4?",
        )
    return str(found)


def bare_message_id(value: t.Any) -> str:
    """Return a Message-ID without its angle brackets, which not every source keeps."""
    return str(value or "").strip().strip("<>").strip()


def _object(found: t.Any, what: str) -> Message:
    if not isinstance(found, dict):
        raise ReadError(
            "%s came as something that is not an object." % what,
            "Is api_url the address of Cloudflare's API?",
        )
    return found


def _line(line: t.Any) -> Line:
    if not isinstance(line, dict):
        return {"lineno": None, "at": "", "message": str(line)}
    at = line.get("logged_at") or line.get("ts") or ""
    return {"lineno": line.get("lineno"), "at": str(at), "message": str(line.get("message") or "")}


def _png(screenshot: t.Any) -> bytes:
    text = str(screenshot or "")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        picture = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        picture = b""
    if not picture.startswith(PNG_SIGNATURE):
        raise ReadError(
            "The preview that the service sent is not a PNG picture.",
            "Download the message instead.",
        )
    return picture

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request log: what crossed the wire, in order, with secrets masked. Tests assert on it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from lab.clock import Clock

MASK = "***"
# The URL is logged exactly, on purpose: a secret that gets into one must be found by the leak
# tests.
_HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "prefer",
        "user-agent",
        "client-request-id",
        "connection-id",
        "retry-after",
        "x-anchormailbox",
        "x-clientapplication",
        "x-cmdletname",
        "x-responseformat",
        "x-serializationlevel",
    }
)
_SECRET_FIELDS = re.compile(
    r"(?P<key>client_secret|client_assertion|access_token|assertion|password|device_code|code"
    r"|refresh_token)=[^&\s]*"
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class RequestLog:
    """An append-only list with sequence numbers; the oldest entries fall out beyond `size`."""

    def __init__(self, clock: Clock, size: int = 50_000) -> None:
        self._clock = clock
        self._size = size
        self._entries: list[dict[str, Any]] = []
        self._sequence = 0
        self._secrets: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def hide(self, secrets: Iterable[str]) -> None:
        """Mask these strings wherever they appear in a body or a header."""
        self._secrets = tuple(
            sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        )

    def also_hide(self, secret: str) -> None:
        """Mask this one, too."""
        self.hide([*self._secrets, secret])

    def mask(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return _JWT.sub(MASK, _SECRET_FIELDS.sub(lambda found: f"{found['key']}={MASK}", text))

    def mask_tree(self, value: Any) -> Any:
        """Return a copy of plain data in which every string, keys included, is masked."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, Mapping):
            return {self.mask(str(key)): self.mask_tree(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.mask_tree(item) for item in value]
        return value

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: self.mask(value) if name.lower() in _HARMLESS_HEADERS else MASK
            for name, value in headers.items()
        }

    def add(self, service: str, **fields: Any) -> int:
        """Append an entry; `fields` are logged as given, so mask what needs it first."""
        with self._lock:
            self._sequence += 1
            entry = {"seq": self._sequence, "time": self._clock.iso(), "service": service, **fields}
            self._entries.append(entry)
            if len(self._entries) > self._size:
                del self._entries[: len(self._entries) - self._size]
            return self._sequence

    @property
    def last(self) -> int:
        return self._sequence

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(entry) for entry in self._entries if entry["seq"] > since]

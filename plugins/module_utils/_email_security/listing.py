# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A long list, read completely although it changes meanwhile.

Knows no object and no network. What is added in front of the list only shifts the rest: an element
is then seen twice and counts once. What leaves it makes others slip past the reader, so the list is
read again. Where it never holds still, the reading fails.
"""

from __future__ import annotations

import collections.abc
import typing as t

from .._cloudflare_api import MAX_PAGES, Envelope
from .._engine.errors import NotFound, ReadError

# How long a page may be is not documented: the longest that is granted is taken.
PAGE_SIZES = (100, 50, 20)
PASSES = 3
_NOT_GRANTED = (400, 422)

Item = dict[str, t.Any]
Fetch = t.Callable[[t.Mapping[str, t.Any]], Envelope]


class Reading:
    """A list that is read page by page. Afterwards ``count`` and ``total`` are known.

    ``fetch`` gets ``page`` or ``cursor``, and ``per_page``; ``key`` tells elements apart.
    """

    def __init__(self, fetch: Fetch, key: t.Callable[[Item], str]) -> None:
        self._fetch = fetch
        self._key = key
        self._size: int | None = None
        self._seen: set[str] = set()
        self.total: int | None = None

    @property
    def count(self) -> int:
        return len(self._seen)

    def pages(self) -> collections.abc.Iterator[list[Item]]:
        """Yield every element once, a page at a time. Raise ReadError rather than end early."""
        listed = 0
        for attempt in range(PASSES):
            one = _Pass(self._page, self._key, by_cursor=attempt == 0)
            for items in one.pages():
                fresh = {
                    self._key(item): item for item in items if self._key(item) not in self._seen
                }
                self._seen.update(fresh)
                self.total = one.total
                yield list(fresh.values())
            listed = len(one.keys)
            if one.whole:
                return
        raise ReadError(
            "The list could not be read completely: %d of %s, in %d attempts."
            % (listed, self.total, PASSES),
            "It changed while it was read. Try again, or ask for less at a time (by disposition,"
            " recipient or time).",
        )

    def _page(self, position: t.Mapping[str, t.Any]) -> Envelope:
        if self._size is not None:
            return self._fetch({**position, "per_page": self._size})
        refusal: ReadError | None = None
        for size in PAGE_SIZES:
            try:
                envelope = self._fetch({**position, "per_page": size})
            except ReadError as exc:
                if exc.details.get("status") not in _NOT_GRANTED:
                    raise
                refusal = refusal or exc
                continue
            self._size = size
            return envelope
        raise refusal or ReadError("No page was asked for.")


class _Pass:
    """One reading from the first page to the last, by the service's cursor or by page number."""

    def __init__(self, page: Fetch, key: t.Callable[[Item], str], by_cursor: bool) -> None:
        self._page = page
        self._key = key
        self._by_cursor = by_cursor
        self.keys: set[str] = set()
        self.total: int | None = None
        self._lowest: int | None = None
        self._shrank = False
        self._told_all = False

    @property
    def whole(self) -> bool:
        return not self._shrank and (self._lowest is None or len(self.keys) >= self._lowest)

    def pages(self) -> collections.abc.Iterator[list[Item]]:
        number, cursor, before = 1, "", [""]
        for _turn in range(MAX_PAGES):
            envelope = self._next({"cursor": cursor} if cursor else {"page": number})
            items = [] if envelope is None else _elements(envelope)
            keys = [self._key(item) for item in items]
            if cursor and keys == before:  # it leads nowhere: on by number, from the second page
                self._by_cursor, cursor, number = False, "", 2
                continue
            if envelope is None or not items or keys == before:
                return  # behind the end, or a list that is not paged
            full = self._count(keys, envelope.info, number)
            yield items
            following = _cursor(envelope.info) if self._by_cursor else ""
            if not following and (cursor or (self._told_all and not full)):
                return
            cursor, number, before = following, number + 1, keys
        raise ReadError("The list has more than %d pages." % MAX_PAGES)

    def _next(self, position: t.Mapping[str, t.Any]) -> Envelope | None:
        """Return the page, or None where the service had told all and nothing follows."""
        try:
            return self._page(position)
        except (ReadError, NotFound) as exc:
            if not self._told_all or exc.details.get("status") not in (400, 404):
                raise
            return None

    def _count(self, keys: t.Sequence[str], info: t.Mapping[str, t.Any], number: int) -> bool:
        """Count the elements of a page, and return whether the page is full.

        The service may have told all by its own numbers, but these may be capped, so a full page
        means that one more is asked for.
        """
        self.keys.update(keys)
        total, pages, size = info.get("total_count"), info.get("total_pages"), info.get("per_page")
        if isinstance(total, int):
            self._shrank = self._shrank or (self.total is not None and total < self.total)
            self._lowest = total if self._lowest is None else min(self._lowest, total)
            self.total = total
            self._told_all = len(self.keys) >= total
        if isinstance(pages, int):
            self._told_all = number >= pages
        return len(keys) >= (size if isinstance(size, int) and size > 0 else PAGE_SIZES[0])


def _elements(envelope: Envelope) -> list[Item]:
    found = [] if envelope.result is None else envelope.result
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ReadError(
            "The answer is not a list of objects.",
            "Is api_url the address of Cloudflare's API, with /client/v4?",
        )
    return found


def _cursor(info: t.Mapping[str, t.Any]) -> str:
    """Return the cursor of the next page, or "". Cloudflare's APIs use several names for it."""
    cursors = info.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return str(info.get("next_cursor") or info.get("cursor") or after or "")

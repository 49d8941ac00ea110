# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of messages is read completely or the reading fails: pages, cursors, lists that move,
totals that lie.
"""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cloudflare_api import Envelope
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.listing import Reading
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import ReadError


@dataclasses.dataclass
class Service:
    """A list behind pages.

    ``before`` is called with the number of the request, and may change the list.
    """

    items: list[str]
    limit: int = 1000
    refuses_long: bool = False
    totals: bool = True
    cursors: bool = False
    honours_cursor: bool = True
    capped: int | None = None
    refuses_beyond: bool = False
    before: t.Callable[[Service, int], None] = lambda service, number: None
    asked: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)

    def fetch(self, params: t.Mapping[str, t.Any]) -> Envelope:
        self.asked.append(dict(params))
        self.before(self, len(self.asked))
        if self.refuses_long and params["per_page"] > self.limit:
            raise ReadError("per_page is too large.", status=400)
        size = min(params["per_page"], self.limit)
        start = int(params.get("cursor", 0)) if self.honours_cursor else 0
        if "page" in params:
            start = (params["page"] - 1) * size
        shown = self.items[start : start + size]
        if self.refuses_beyond and not shown:
            raise ReadError("no such page", status=400)
        info: dict[str, t.Any] = {"per_page": size}
        if self.totals:
            total = len(self.items) if self.capped is None else min(self.capped, len(self.items))
            info.update(total_count=total, total_pages=-(-total // size))
        if self.cursors and start + size < len(self.items):
            info["cursor"] = str(start + size)
        return Envelope([{"id": name} for name in shown], info, None)


def names(count: int) -> list[str]:
    return ["m%05d" % number for number in range(count)]


def read(service: Service) -> list[str]:
    reading = Reading(service.fetch, lambda item: str(item["id"]))
    return [item["id"] for items in reading.pages() for item in items]


@pytest.mark.parametrize("count", [0, 1, 20, 99, 100, 101, 350])
@pytest.mark.parametrize(
    "behaviour",
    [
        {},
        {"totals": False},
        {"limit": 50},
        {"limit": 20, "refuses_long": True},
        {"cursors": True},
        {"cursors": True, "totals": False},
        {"cursors": True, "honours_cursor": False},
        {"capped": 100},
        {"refuses_beyond": True},
        {"limit": 50, "totals": False, "cursors": True},
    ],
)
def test_complete_whatever_the_service_does(count: int, behaviour: dict[str, t.Any]) -> None:
    if count == 0:
        behaviour = {**behaviour, "refuses_beyond": False}
    assert read(Service(names(count), **behaviour)) == names(count)


def test_few_requests_where_the_service_tells_its_total() -> None:
    service = Service(names(10_000 - 1))
    assert len(read(service)) == 9_999
    assert len(service.asked) == 100


def test_what_arrives_meanwhile_hides_nothing_and_nothing_is_listed_twice() -> None:
    def arrive(service: Service, number: int) -> None:
        if number in (2, 3):
            service.items.insert(0, "new%d" % number)

    found = read(Service(names(250), before=arrive))
    assert set(found) >= set(names(250)) and len(found) == len(set(found))


def test_what_leaves_meanwhile_makes_it_read_again() -> None:
    def leave(service: Service, number: int) -> None:
        if number == 2:
            del service.items[:10]

    service = Service(names(250), before=leave)
    found = read(service)
    assert set(found) >= set(names(250)[10:]) and len(found) == len(set(found))
    assert sum(asked.get("page") == 1 for asked in service.asked) == 2


def test_a_list_that_never_holds_still_fails() -> None:
    def leave(service: Service, number: int) -> None:
        del service.items[:1]

    with pytest.raises(ReadError, match="could not be read completely"):
        read(Service(names(500), before=leave))


def test_a_total_that_is_never_reached_fails() -> None:
    def drop(service: Service, number: int) -> None:
        service.items[:] = names(150) + ["m00000"] * 10

    with pytest.raises(ReadError, match="150 of 160"):
        read(Service(names(160), before=drop))


def test_a_failed_page_fails_the_whole() -> None:
    def fail(service: Service, number: int) -> None:
        if number == 3:
            raise ReadError("GET answered 500.", status=500)

    with pytest.raises(ReadError, match="500"):
        read(Service(names(500), before=fail))

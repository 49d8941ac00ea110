# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the contract suite needs of a provider: a place with zones, and the ways to disturb it."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    Driver,
    DriverOptions,
    Surroundings,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.table import driver_class
from ansible_collections.mailflow.area1.plugins.module_utils._dns.public.public_dns import (
    Delegation,
    Server,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import ReadError

APEX = "northwind.example"
BELOW = "mail.northwind.example"
WILD = "*.wild.northwind.example"
UNICODE, IDN = "müller.example", "xn--mller-kva.example"
CHILD = "child.northwind.example"
ELSEWHERE = "elsewhere.example"

# What may stand in a driver's way. A place lists those that its provider knows.
TROUBLES = frozenset(
    {
        "alias",  # a CNAME, or the provider's own kind of alias, is at the name
        "routed",  # the set has a routing policy
        "locked",  # a lock on the set or zone refuses every change
        "protected",  # a protection of this very set refuses every change
        "private",  # the only zone of this name is not in the public DNS
        "pending",  # the only zone of this name is not active
        "child_pending",  # CHILD is a zone, but a pending one; its parent has the set
        "duplicate",  # two zones of this name, of which the delegation names one
        "undecided",  # two zones of this name, and the delegation names neither
        "wrong_credentials",
        "expired_credentials",
        "narrow_credentials",  # valid ones that may not change this zone
        "child",  # CHILD is an active zone of its own, delegated by its parent
        "slow_listing",  # the list of zones does not come to an end
        "no_listing",  # valid ones that may not list zones, but ask for one by its name
        "throttled",  # the next request is refused with a hint of when to come again
        "throttled_silent",  # the same without a hint
        "lost_request",  # the next write is lost before the provider sees it
        "lost_answer",  # the next write is carried out and its answer is lost
        "many_zones",  # more zones than one page of a list shows
        "many_sets",  # more records than one page of a list shows
        "unicode_zone",  # the zone IDN has its name in Unicode, its records have A-labels
        "unicode_names",  # the zone IDN and all records in it have their names in Unicode
        "calls",  # the place can tell the calls that came
        "comments",  # people can write something beside a record
    }
)


class FakePublicDns:
    """Delegations as the suite sets them; stands in for the resolvers of a task."""

    def __init__(self) -> None:
        self.delegations: dict[str, Delegation] = {}

    def delegate(self, zone: str, *servers: str) -> None:
        self.delegations[zone] = Delegation(
            zone, tuple(Server(name, "192.0.2.53") for name in servers)
        )

    def delegation(self, name: str) -> Delegation:
        while name:
            if name in self.delegations:
                return self.delegations[name]
            name = name.partition(".")[2]
        raise ReadError("no zone holds this name")


class Place(abc.ABC):
    """One provider: a double or a real server, with the zones APEX and IDN and nothing in them.

    Derive one class per driver in ``place_<provider>.py`` and name it in ``places.py``.
    """

    #: As in the table of drivers.
    provider: ClassVar[str]
    #: The troubles that ``make`` knows; a test runs where the place has all that it needs.
    troubles: ClassVar[frozenset[str]] = frozenset()

    #: The provider gives one answer to an unknown credential and to one that lacks a right.
    mixes_credentials: ClassVar[bool] = False

    def __init__(self) -> None:
        self.public = FakePublicDns()
        self.slept: list[float] = []

    @contextlib.contextmanager
    @abc.abstractmethod
    def open(self) -> Iterator[Place]:
        """Start what is needed, on loopback and bounded in time; stop it at the end."""
        yield self

    @abc.abstractmethod
    def reset(self) -> None:
        """Bring back the empty zones, and take every trouble away."""

    @abc.abstractmethod
    def options(self) -> dict[str, Any]:
        """Return the driver's options with credentials that may do all."""

    @abc.abstractmethod
    def put(self, name: str, rdtype: str, values: list[str], ttl: int) -> None:
        """Replace a set as another administrator would, not through the driver."""

    @abc.abstractmethod
    def held(self, name: str, rdtype: str) -> tuple[set[str], int | None]:
        """Return the values (canonical) and TTL that the provider itself holds, not as the driver
        reads them; the empty set and None where there is no such set.
        """

    @abc.abstractmethod
    def writes(self) -> int:
        """Return how many requests to change something have come since ``reset``."""

    def make(self, trouble: str, name: str = APEX) -> None:
        """Bring one of ``troubles`` about, for a name where it is about one."""
        raise NotImplementedError(trouble)

    def calls(self) -> list[str]:
        """Return the HTTP methods of the calls since ``reset``, in order (trouble ``calls``)."""
        raise NotImplementedError

    def comment(self, name: str, rdtype: str) -> Any:
        """Return what stands beside the set (trouble ``comments``), in any form."""
        raise NotImplementedError

    def driver(self, **changed: Any) -> Driver:
        """Return a fresh driver, with some options changed."""
        kind = driver_class(self.provider)
        values: Mapping[str, Any] = {**self.options(), **self.credentials(), **changed}
        context = Context(sleep=self.slept.append)
        surroundings = Surroundings(context, self.look, values.get("ca_path"), 10.0)
        return kind.from_options(DriverOptions(self.provider, kind.OPTIONS, values), surroundings)

    def credentials(self) -> dict[str, Any]:
        """Return options that a trouble with credentials has changed."""
        return {}

    def look(self) -> Any:
        """Return the public DNS of the drivers."""
        return self.public

    def secrets(self) -> list[str]:
        """Return the values of the secret options, none of which may be shown."""
        values = {**self.options(), **self.credentials()}
        secret = {option.name for option in driver_class(self.provider).OPTIONS if option.secret}
        return [str(value) for name, value in values.items() if name in secret and value]

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up worlds have the shape of what the real readers gave for the lab's worlds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.property.tenant_model import Tenant
from tests.support.observations import WORLDS, recorded
from tests.support.shapes import Shape, drift, missing, shape_of
from tests.unit.cutover import past_worlds, worlds

#: What no reader has given for a world of the lab, and why it is right all the same.
ALLOWED = {
    # the lab has no registry above its zones
    "dns_details/*/delegation/parent: ['list'] where readers give ['NoneType']",
    # rules of ours, in the types of New-TransportRule; no recorded world has them
    "transport_rules/[]/HeaderContainsMessageHeader: ['str'] where readers give ['NoneType']",
    "transport_rules/[]/HeaderContainsWords: ['list'] where readers give ['NoneType']",
    "transport_rules/[]/SetSCL: ['int'] where readers give ['NoneType', 'str']",
}
#: Dates that tests give themselves, and what a baseline of one section lacks.
LACKING = ("When", "baseline/sections", "email_security/*/modified_at", "email_security/*/last_mod")


@pytest.fixture(scope="module")
def read() -> Shape:
    return shape_of(recorded(world) for world in WORLDS)


@pytest.fixture(scope="module")
def made() -> Shape:
    chosen = worlds.wanted()
    traced = worlds.traced(worlds.sent("192.0.2.1"))
    return shape_of(
        [
            {**worlds.sections(chosen), "message_trace": traced},
            worlds.sections(chosen, moved=True),
            past_worlds.before(),
            past_worlds.after(),
            past_worlds.after(moved=False, locked=False),
            dict(Tenant(72, "microsoft", 3600).world().sections),
        ]
    )


def test_no_made_up_section_has_a_key_or_type_that_no_reader_gives(
    made: Shape, read: Shape
) -> None:
    assert set(made.keys) <= set(read.keys)
    assert set(drift(made, read)) == ALLOWED


def test_no_made_up_section_lacks_what_readers_always_give(made: Shape, read: Shape) -> None:
    lacking = [
        path
        for path in missing(made, read)
        if "/" in path and not any(part in path for part in LACKING)
    ]
    assert lacking == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"dns": {"a.example": {"ttl": "300"}}}, ["dns/*/ttl: ['str'] where readers give ['int']"]),
        ({"dns": {"a.example": {"tttl": 3}}}, ["dns/*/tttl: no reader gives this key"]),
        ({"dns": {"b.example": {"ttl": 60}}}, []),
    ],
)
def test_drift_is_seen(value: dict[str, Any], found: list[str]) -> None:
    known = shape_of([{"dns": {"a.example": {"ttl": 300, "cname": None}}}])
    assert list(drift(shape_of([value]), known)) == found
    assert "dns/*/cname" in missing(shape_of([value]), known)

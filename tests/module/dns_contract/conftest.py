# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each test of the suite runs at every place that knows the troubles it needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.module.dns_contract.place import TROUBLES, Place
from tests.module.dns_contract.places import PLACES

NOWHERE = "nowhere"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*troubles): a place must know all of these")
    config.addinivalue_line("markers", "each_of(*troubles): once for each that a place knows")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" not in metafunc.fixturenames:
        return
    needed = _marked(metafunc, "needs")
    each = _marked(metafunc, "each_of")
    names = [name for name, kind in PLACES.items() if kind.troubles.issuperset(needed)]
    if not each:
        metafunc.parametrize("running", names or [NOWHERE], indirect=True, scope="session")
        return
    pairs = [
        (name, trouble) for name in names for trouble in each if trouble in PLACES[name].troubles
    ]
    metafunc.parametrize(
        ("running", "trouble"),
        pairs or [(NOWHERE, "")],
        indirect=["running"],
        scope="session",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what no provider so far can be disturbed by."""
    idle = [item for item in items if NOWHERE in item.name]
    if idle:
        config.hook.pytest_deselected(items=idle)
        items[:] = [item for item in items if item not in idle]


def _marked(metafunc: pytest.Metafunc, name: str) -> tuple[str, ...]:
    marker = metafunc.definition.get_closest_marker(name)
    troubles = tuple(marker.args) if marker else ()
    assert TROUBLES.issuperset(troubles), troubles
    return troubles


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Place]:
    with PLACES[request.param]().open() as place:
        yield place


@pytest.fixture
def place(running: Place) -> Place:
    running.reset()
    return running

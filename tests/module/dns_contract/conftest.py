# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each test of the suite runs at every place that knows the troubles it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.module.dns_contract.place import TROUBLES, Place
from tests.module.dns_contract.places import PLACES


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
        assert names, f"no place knows {needed}"
        metafunc.parametrize("running", names, indirect=True)
        return
    pairs = [
        (name, trouble) for name in names for trouble in each if trouble in PLACES[name].troubles
    ]
    assert {trouble for _name, trouble in pairs} == set(each), "a trouble that no place knows"
    metafunc.parametrize(("running", "trouble"), pairs, indirect=["running"])


def _marked(metafunc: pytest.Metafunc, name: str) -> tuple[str, ...]:
    marker = metafunc.definition.get_closest_marker(name)
    troubles = tuple(marker.args) if marker else ()
    assert TROUBLES.issuperset(troubles), troubles
    return troubles


Open = Callable[[str], Place]


@pytest.fixture(scope="session")
def opened() -> Iterator[Open]:
    """Open each place once, when the first test needs it, and keep it to the end."""
    places: dict[str, Place] = {}
    with contextlib.ExitStack() as stack:

        def get(name: str) -> Place:
            if name not in places:
                places[name] = stack.enter_context(PLACES[name]().open())
            return places[name]

        yield get


@pytest.fixture
def running(request: pytest.FixtureRequest, opened: Open) -> Place:
    return opened(request.param)


@pytest.fixture
def place(running: Place) -> Place:
    running.reset()
    return running

# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.playbook.harness import Deployment


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones begin first, so that the layer does not end with one of them alone."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[..., Deployment]]:
    """Make a deployment on a lab of its own; it is stopped with the test."""
    made: list[Deployment] = []

    def make(world: str = "fresh", latency_ms: float = 0) -> Deployment:
        made.append(Deployment(tmp_path / str(len(made)), world, latency_ms))
        return made[-1]

    yield make
    for deployment in made:
        deployment.close()

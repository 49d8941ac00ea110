# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recorded observations are what the real readers give today for the lab's worlds."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.observations import WORLDS, record, recorded

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+]00:00)")


def timeless(value: Any) -> Any:
    """How long the reads took is the machine's affair."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items()}
    if isinstance(value, list):
        return [timeless(item) for item in value]
    return _TIME.sub("<time>", value) if isinstance(value, str) else value


@pytest.mark.parametrize("world", WORLDS)
def test_the_recorded_observation_is_current(world: str) -> None:
    now, kept = timeless(record(world)), timeless(recorded(world))
    stale = sorted(name for name in {*now, *kept} if now.get(name) != kept.get(name))
    assert stale == [], "run make observations and look at what changed"
    assert now == kept

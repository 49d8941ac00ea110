# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client rests before the service's limit is reached."""

from __future__ import annotations

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cloudflare_api import Pace
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._http import Reply


@pytest.mark.parametrize(
    ("header", "status", "rests"),
    [
        ('"default";r=500;t=200', 200, []),
        ('"default";r=3;t=200', 200, [200.0]),
        ('"default"; r=0 ; t=12', 200, [12.0]),
        ('"default";r=500;t=200, "burst";r=1;t=30', 200, [30.0]),
        ('"default";r=0;t=99999', 200, [300.0]),
        ("nonsense", 200, []),
        ("", 200, []),
        # the answer to what was refused already says itself how long to wait
        ('"default";r=0;t=200', 429, []),
    ],
)
def test_rests_once_where_few_calls_are_left(header: str, status: int, rests: list[float]) -> None:
    slept: list[float] = []
    warnings: list[str] = []
    pace = Pace(Context(sleep=slept.append, warn=warnings.append), clock=lambda: 1000.0)
    pace.keep()
    pace.note(Reply(status, {"Ratelimit": header}, b"", ""))
    pace.keep()
    pace.keep()
    assert slept == rests and len(warnings) == len(rests)


def test_time_that_went_by_counts() -> None:
    slept: list[float] = []
    now = [0.0]
    pace = Pace(Context(sleep=slept.append), clock=lambda: now[0])
    pace.note(Reply(200, {"Ratelimit": '"default";r=0;t=60'}, b"", ""))
    now[0] = 50.0
    pace.keep()
    pace.note(Reply(200, {"Ratelimit": '"default";r=0;t=60'}, b"", ""))
    now[0] = 500.0
    pace.keep()
    assert slept == [10.0]

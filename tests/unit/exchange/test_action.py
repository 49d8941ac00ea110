# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.plugin_utils._action import (
    ServiceAction,
    _environment,
    plain,
)


class Tagged(str):
    """Stands for the subclasses that ansible-core wraps values in."""

    def __str__(self) -> str:
        return "not this"


class Vaulted:
    __ENCRYPTED__ = True

    def __str__(self) -> str:
        return "opened"


class Number(int):
    pass


def kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: (type(key), kinds(item)) for key, item in value.items()}
    return [kinds(item) for item in value] if isinstance(value, list) else type(value)


def test_values_lose_their_wrapping_and_keep_their_meaning() -> None:
    wrapped = {
        Tagged("a"): [Tagged("b"), Number(7), True, None, 1.5],
        "v": Vaulted(),
        "t": (Tagged("c"),),
    }
    found = plain(wrapped)
    assert found == {"a": ["b", 7, True, None, 1.5], "v": "opened", "t": ["c"]}
    assert kinds(found) == {
        "a": (str, [str, int, bool, type(None), float]),
        "v": (str, str),
        "t": (str, [str]),
    }


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("O365_TENANT", "before")
    monkeypatch.delenv("O365_CLOUD", raising=False)
    with pytest.raises(KeyError), _environment({"O365_TENANT": "within", "O365_CLOUD": "dod"}):
        assert (os.environ["O365_TENANT"], os.environ["O365_CLOUD"]) == ("within", "dod")
        raise KeyError
    assert os.environ["O365_TENANT"] == "before" and "O365_CLOUD" not in os.environ


@pytest.mark.parametrize(
    "outcome",
    [
        {"error": "Area 1's trace could not be read", "messages": []},
        {"error": "", "messages": []},
        {"error": ["a"], "failed": True},
        {"failed": True},
        {},
    ],
)
def test_a_trace_that_could_not_be_read_is_a_result_and_not_a_crash(
    outcome: dict[str, Any],
) -> None:
    assert ServiceAction._lacks_library(object.__new__(ServiceAction), outcome) is False


def test_a_missing_library_sends_the_task_to_the_module() -> None:
    outcome = {"failed": True, "error": {"kind": "missing_library"}}
    assert ServiceAction._lacks_library(object.__new__(ServiceAction), outcome) is True

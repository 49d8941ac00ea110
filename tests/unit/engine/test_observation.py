# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observation that tasks of a run hand on: private, fresh, and honest about what it is."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.observation import (
    FRESH_SECONDS,
    Observation,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "run" / "observation.json"
        observation = Observation(str(path))
        observation.put("organization", [{"IsDehydrated": False}])
        observation.save()
        observation.save()
    finally:
        os.umask(before)
    assert mode(path.parent) == 0o700 and mode(path) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["observation.json"], (
        "no half-written file is left"
    )


def test_what_one_task_leaves_the_next_one_finds(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "o.json")
    first = Observation(path)
    first.put("a", [1])
    first.put("b", [])
    first.note(section="mx", object="x.example", status="changed")
    first.save()
    second = Observation(path)
    assert second.get("a") == [1] and second.get("b") == [] and second.get("c") is None
    assert second.sections() == {"a": [1], "b": []}
    assert second.journal == [{"section": "mx", "object": "x.example", "status": "changed"}]
    second.forget("a", "never there")
    assert second.get("a") is None and second.get("b") == []


def test_what_is_old_or_from_the_future_is_not_handed_on(tmp_path: Path) -> None:
    clock = [1000.0]
    observation = Observation(str(tmp_path / "run" / "o.json"), now=lambda: clock[0])
    observation.put("a", 1)
    clock[0] += FRESH_SECONDS
    assert observation.get("a") == 1 and observation.age("a") == FRESH_SECONDS
    clock[0] += 1
    assert observation.get("a") is None and observation.any_age("a") == 1
    assert observation.get("a", max_age=FRESH_SECONDS + 1) == 1
    clock[0] = 999.0
    assert observation.get("a") is None and observation.age("a") == 0.0
    assert observation.age("never read") == 0.0


@pytest.mark.parametrize("bits", [0o710, 0o701, 0o750, 0o777])
def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path, bits: int) -> None:
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(bits)
    with pytest.raises(InputError, match="only this user can enter") as caught:
        Observation(str(directory / "o.json"))
    assert "0700" in caught.value.hint and list(directory.iterdir()) == []


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        Observation(str(tmp_path / "file" / "o.json"))


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '"x"'])
def test_a_broken_or_foreign_file_is_refused_not_overwritten(tmp_path: Path, text: str) -> None:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    path = directory / "o.json"
    path.write_text(text)
    with pytest.raises(InputError, match="observation|cannot be read"):
        Observation(str(path))
    assert path.read_text() == text


def test_without_a_path_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    observation = Observation(None)
    observation.put("a", 1)
    observation.save()
    assert observation.get("a") == 1 and list(tmp_path.iterdir()) == []


def test_a_prediction_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "run" / "o.json"
    observation = Observation(str(path))
    observation.put("a", 1, predicted=True)
    observation.put("b", 1)
    observation.save()
    sections = json.loads(path.read_text())["sections"]
    assert sections["a"]["predicted"] is True and sections["b"]["predicted"] is False


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 1}',
        '{"format": 1, "sections": [], "journal": []}',
        '{"format": 1, "sections": {"a": 1}, "journal": []}',
        '{"format": 1, "sections": {"a": {"taken": "now", "value": 1}}, "journal": []}',
        '{"format": 1, "sections": {}, "journal": [1]}',
        '{"format": 1, "sections": {}}',
        "[" * 100_000,
        '{"format": 1, "sections": {}, "journal": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
)
def test_an_observation_of_another_form_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run" / "o.json"
    path.parent.mkdir(mode=0o700)
    path.write_text(text)
    with pytest.raises(InputError, match="o.json"):
        Observation(str(path))


def test_names_with_lone_surrogates_are_kept_as_they_are(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "o.json")
    first = Observation(path)
    first.put("inbound_connectors", [{"Name": "Gateway \ud83d"}])
    first.note(object="Gateway \ud83d\x1b[31m", status="found", message="a\nfatal: b")
    first.save()
    second = Observation(path)
    assert second.get("inbound_connectors") == [{"Name": "Gateway \ud83d"}]
    assert second.journal == [
        {"object": "Gateway \ufffd [31m", "status": "found", "message": "a fatal: b"}
    ]


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        Observation(str(tmp_path / "file" / "below" / "o.json"))

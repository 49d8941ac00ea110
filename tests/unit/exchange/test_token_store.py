# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kept tokens: nobody else reads them, nobody else writes them, one task at a time."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth import store
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import resolve
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.signin import SignIn
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.store import TokenStore

KEY = ["authority", "tenant", "client", "way", "", "resource"]
NOW = 1_000_000.0


def keep(directory: Path, value: str = "token-value", end: float = NOW + 3600) -> None:
    with TokenStore(str(directory), lambda: NOW).locked(KEY) as entry:
        entry.write(value, end)


def kept(directory: Path, now: float = NOW) -> str:
    with TokenStore(str(directory), lambda: now).locked(KEY) as entry:
        return entry.read()


def the_file(directory: Path) -> Path:
    return next(directory.glob("*.json"))


def test_what_was_kept_is_found_while_it_lives_long_enough(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "tokens"
    assert kept(directory) == ""
    keep(directory)
    assert kept(directory) == "token-value"
    assert kept(directory, NOW + 3600 - store.SHORTEST_LIFE - 1) == "token-value"
    assert kept(directory, NOW + 3600 - store.SHORTEST_LIFE) == ""
    with TokenStore(str(directory), lambda: NOW).locked([*KEY[:-1], "other"]) as entry:
        assert entry.read() == ""


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    os.umask(0)
    try:
        keep(tmp_path / "tokens")
    finally:
        os.umask(0o022)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tokens").iterdir()}
    assert modes == {0o600} and stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o700
    names = "".join(path.name for path in (tmp_path / "tokens").iterdir())
    assert not [part for part in KEY if part and part in names]


@pytest.mark.parametrize("place", ["directory", "file", "lock"])
def test_what_others_can_read_is_refused(tmp_path: Path, place: str) -> None:
    directory = tmp_path / "tokens"
    keep(directory)
    path = {"directory": directory, "file": the_file(directory)}.get(place)
    (path or next(directory.glob("*.lock"))).chmod(0o755)
    with pytest.raises(InputError, match="is open to other users"):
        kept(directory)


@pytest.mark.parametrize("suffix", [".json", ".lock"])
def test_a_link_is_not_followed(tmp_path: Path, suffix: str) -> None:
    directory = tmp_path / "tokens"
    keep(directory)
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    victim.chmod(0o600)
    path = next(directory.glob("*" + suffix))
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(InputError, match="cannot be opened"):
        kept(directory)
    path.unlink()
    path.hardlink_to(victim)
    with pytest.raises(InputError, match="not a plain file"):
        kept(directory)
    assert victim.read_text() == "untouched"


def test_a_linked_directory_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "tokens").symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match="is no directory"):
        kept(tmp_path / "tokens")
    keep(tmp_path / "real")
    path = the_file(tmp_path / "real")
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(InputError, match="not a plain file"):
        kept(tmp_path / "real")


def test_another_users_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "tokens")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InputError, match="belongs to another user"):
        kept(tmp_path / "tokens")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 2, "access_token": "t", "expires_at": 9e9}',
    ],
)
def test_odd_content_counts_as_none_and_is_replaced(tmp_path: Path, content: str) -> None:
    directory = tmp_path / "tokens"
    keep(directory)
    the_file(directory).write_text(content)
    assert kept(directory) == ""
    keep(directory, "new-token")
    assert kept(directory) == "new-token"
    assert json.loads(the_file(directory).read_text())["format"] == 1


def test_one_task_at_a_time(tmp_path: Path) -> None:
    """Eight tasks come at once and find nothing: one signs in, the others take its token."""
    signed_in: list[int] = []

    def task(number: int) -> None:
        with TokenStore(str(tmp_path / "tokens"), lambda: NOW).locked(KEY) as entry:
            if not entry.read():
                signed_in.append(number)
                time.sleep(0.05)
                entry.write("token-value", NOW + 3600)

    threads = [threading.Thread(target=task, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(signed_in) == 1


def test_a_lock_that_is_never_given_back_holds_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.2)
    outer = TokenStore(str(tmp_path / "tokens"), Context().now)
    with outer.locked(KEY):
        began = time.monotonic()
        with TokenStore(str(tmp_path / "tokens"), Context().now).locked(KEY) as entry:
            assert entry.read() == ""
        assert time.monotonic() - began < 5


def test_the_identity_of_another_machine_has_an_entry_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A home directory may be on several machines; a certificate's app is the same on all."""
    identity = {"managed_identity": "system"}
    app = {"tenant": "t.example", "client_id": "app", "client_secret": "a-long-secret~value"}

    def key(params: dict[str, str]) -> list[str]:
        connection = resolve(params, {})
        return SignIn(connection, Context())._key(connection.way(), "resource")

    here = key(identity), key(app)
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    assert key(identity) != here[0] and key(app) == here[1]
    assert not [part for part in here[1] if "a-long-secret" in part]

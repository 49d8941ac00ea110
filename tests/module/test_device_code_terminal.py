# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device code at a real terminal: it shows while the task waits, and nowhere else."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.client import Lab
from tests.support.controller import controller_environment

SECONDS = 120
PLAY = """
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - name: Sign in
      mailflow.area1.o365_login:
        tenant: "{{ o365_tenant }}"
        client_id: "{{ o365_client_id }}"
        device_code: true
        authority_url: "{{ o365_authority_url }}"
        exchange_url: "{{ o365_exchange_url }}"
        ca_path: "{{ area1_ca_path }}"
      register: found
    - name: Who is it?
      ansible.builtin.debug:
        msg: "signed in for {{ found.tenant_id }}"
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=600) as lab:
        yield lab


def command(lab: Lab, directory: Path) -> list[str]:
    (directory / "play.yml").write_text(PLAY)
    given = {**lab.extra_vars, "ansible_python_interpreter": sys.executable}
    (directory / "vars.json").write_text(json.dumps(given))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    return [ansible, "-i", "localhost,", "-e", "@vars.json", "play.yml"]


def surroundings(directory: Path) -> dict[str, str]:
    kept = {**os.environ, **controller_environment(), "ANSIBLE_HOME": str(directory / "home")}
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "AWX_HOST", "TF_BUILD"):
        kept.pop(name, None)
    return kept


def read_until(terminal: int, pattern: str, seen: str) -> str:
    """Read from the terminal until the pattern shows, or the time is over."""
    end = time.monotonic() + SECONDS
    while not re.search(pattern, seen) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:
                break
    return seen


def test_the_code_shows_and_the_task_goes_on(lab: Lab, tmp_path: Path) -> None:
    terminal, other = pty.openpty()
    process = subprocess.Popen(
        command(lab, tmp_path),
        cwd=tmp_path,
        env=surroundings(tmp_path),
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
        preexec_fn=lambda: os.login_tty(0) if hasattr(os, "login_tty") else None,
    )
    os.close(other)
    try:
        seen = read_until(terminal, r"enter the code ([A-Z]{9})", "")
        found = re.search(r"enter the code ([A-Z]{9})", seen)
        assert found, seen
        lab.enter_device_code(found.group(1), "admin@northwind.onmicrosoft.com")
        os.write(terminal, b"\n")
        seen = read_until(terminal, r"PLAY RECAP[\s\S]*failed=", seen)
        assert process.wait(SECONDS) == 0, seen
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert "signed in for " + lab.info["tenant_id"] in seen
    assert "eyJ" not in seen


@pytest.mark.parametrize("runner", ["no terminal", "AWX"])
def test_where_nobody_reads_it_is_refused(lab: Lab, tmp_path: Path, runner: str) -> None:
    extra = {"AWX_HOST": "https://awx.example"} if runner == "AWX" else {}
    done = subprocess.run(
        command(lab, tmp_path),
        cwd=tmp_path,
        env={**surroundings(tmp_path), **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert "nobody can read it here" in done.stdout.replace("\n", " ")

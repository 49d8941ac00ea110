# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed the moment after a write: the service has it, the run never learns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.playbook.harness import HOST, Deployment
from tests.support.controller import controller_environment

PATIENCE = 300


def run_until_a_write(
    deployment: Deployment, variables: Mapping[str, Any], playbook: Path | None = None
) -> bool:
    """Start the playbook and SIGKILL it, with all its children, after its first write.

    False: it ended well without one.
    """
    folder = deployment.directory / "killed"
    folder.mkdir(exist_ok=True)
    given = {**deployment.variables, **variables}
    (folder / "hosts.json").write_text(
        json.dumps({"all": {"hosts": {HOST: given}}}), encoding="utf-8"
    )
    deployment.lab.faults([{"kind": "stall_after_commit", "writes": True, "seconds": 30}])
    # A killed run leaves its temporary files behind; and ansible-core's socket in there must have a
    # short path.
    with tempfile.TemporaryDirectory() as temporary, (folder / "output").open("w+b") as output:
        process = subprocess.Popen(
            [
                "ansible-playbook",
                "-i",
                str(folder / "hosts.json"),
                str(playbook or deployment.playbook),
            ],
            env={
                **os.environ,
                **controller_environment(),
                **deployment.environment,
                "TMPDIR": temporary,
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            struck = _wait(deployment, process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    deployment.lab.faults([])
    if not struck:
        assert process.returncode == 0, (folder / "output").read_text(
            encoding="utf-8", errors="replace"
        )
    return struck


def _wait(deployment: Deployment, process: subprocess.Popen[bytes]) -> bool:
    """Until the fault has struck, or the run is over."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not deployment.lab.faults_left():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    raise AssertionError("the run neither wrote nor ended in %d s" % PATIENCE)

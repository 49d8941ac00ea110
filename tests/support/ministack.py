# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ministack on loopback: Route 53 as others built it, for the happy path and lost races.

It checks no signature and no value; what it lacks is in the lab's own double (lab/route53). Its own
command would listen on every address, so its application is served by hypercorn, which it brings.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from tests.support.bind import ADDRESS, free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".cache" / "venvs" / "ministack" / "bin" / "hypercorn"
KEEP = ("PATH", "LANG", "TMPDIR")


class Ministack:
    """One process with an empty state; a context manager."""

    def __init__(self, max_seconds: int = 600) -> None:
        self._max_seconds = max_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Ministack:
        if not PROGRAM.is_file():
            raise RuntimeError("ministack is not installed; run make setup")
        port = free_port()
        self.url = f"http://{ADDRESS}:{port}"
        self._log = tempfile.TemporaryFile()
        environment = {name: os.environ[name] for name in KEEP if name in os.environ}
        self._process = subprocess.Popen(
            [
                *("timeout", str(self._max_seconds)),
                *(str(PROGRAM), "--bind", f"{ADDRESS}:{port}", "ministack.app:app"),
            ],
            env={**environment, "GATEWAY_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._await()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the process and what it started, by their group."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _await(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                opener.open(f"{self.url}/_ministack/health", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return  # it answers
            except OSError:
                time.sleep(0.2)
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace")
        raise RuntimeError(f"ministack did not start:\n{text[-2000:]}")

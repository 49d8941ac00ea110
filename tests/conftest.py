# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A test that was skipped proved nothing, so it fails the run: a missing tool is to be installed,
not passed by.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return  # a worker of pytest-xdist; the controller has all reports
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        raise RuntimeError("the terminal reporter, which knows what was skipped, is switched off")
    idle = [report for kind in ("skipped", "xfailed") for report in reporter.stats.get(kind, [])]
    if idle and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(
            f"\nFAILED: {len(idle)} skipped or expected to fail; here every test has to run",
            red=True,
        )

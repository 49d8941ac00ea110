# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The end of a run: its session on a management host, and then its directory."""

from __future__ import annotations

import os
import typing as t

from ..._engine.context import Context
from ..._engine.errors import MailflowError
from ..._engine.module import Result
from ..._engine.run_directory import OBSERVATION, run_run
from .kept import kept_in


def run_directory_of_run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Make or remove the run's directory, and end the session that lies in it."""
    path = str(params.get("path") or "")
    if params["state"] == "absent" and path and kept_in(path):
        _end_session({**params, "observation_path": os.path.join(path, OBSERVATION)}, context)
    return run_run(params, context)


def _end_session(params: t.Mapping[str, t.Any], context: Context) -> None:
    """End the session if it can be ended; the directory goes in any case."""
    from .transport import PsrpTransport

    try:
        PsrpTransport(params, context).end_run()
    except MailflowError as exc:
        context.warn_once(
            "The session on the management host was left to its idle time-out: %s" % exc.message
        )
